//! Pages in a browser: of every story, on a screen and on a phone, and what axe-core says of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use bm_preflight::app;
use bm_preflight::model::Lang;
use bm_preflight::report::{Report, html};
use serde_json::Value;

use crate::canonical::{HOSTILE, hostile};
use crate::facts_file;

/// The accessibility checker, <https://github.com/dequelabs/axe-core>, in the version whose rules were looked at.
const AXE: &str = "axe-core@4.10.3";

/// Opens each page in turn in a frame of that width, and notes what is wrong with it.
const HARNESS: &str = r#"<!doctype html><meta charset="utf-8"><body><script>
const pages = PAGES, widths = WIDTHS;
(async () => {
  const told = [];
  for (const page of pages) for (const width of widths) {
    const frame = document.createElement("iframe");
    frame.style = `width:${width}px;height:900px`;
    frame.src = page;
    await new Promise((done) => { frame.onload = done; document.body.append(frame); });
    const inside = frame.contentDocument, wide = inside.documentElement.scrollWidth - frame.clientWidth;
    const one = { page, width, verdict: inside.getElementById("verdict")?.textContent ?? "", wide,
      search: inside.getElementById("search")?.checkVisibility() ?? null, axe: [] };
    if (frame.contentWindow.axe) {
      const found = await frame.contentWindow.axe.run(inside);
      one.axe = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
    }
    told.push(one);
    frame.remove();
  }
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = JSON.stringify(told);
  document.body.replaceChildren(result);
})();
</script></body>"#;

/// What the browser says of pages at some widths.
fn looked_at(folder: &Path, pages: &[String], widths: &[u32]) -> Vec<Value> {
    let source = HARNESS.replace("PAGES", &format!("{pages:?}")).replace("WIDTHS", &format!("{widths:?}"));
    let harness = folder.join("harness.html");
    std::fs::write(&harness, source).unwrap();
    let output = Command::new("chromium")
        .args("--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking".split(' '))
        .args("--disable-component-update --disable-sync --allow-file-access-from-files".split(' '))
        .args(["--virtual-time-budget=600000", "--timeout=240000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", harness.display()))
        .output()
        .expect("this test needs chromium on the PATH");
    let dom = String::from_utf8_lossy(&output.stdout);
    let result = dom.split_once("<pre id=\"result\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (result, _) = result.unwrap_or_else(|| panic!("{dom}\n{}", String::from_utf8_lossy(&output.stderr)));
    let told: Vec<Value> =
        serde_json::from_str(&quick_xml::escape::unescape(&result.replace("&nbsp;", "\u{a0}")).unwrap()).unwrap();
    assert_eq!(told.len(), pages.len() * widths.len());
    told
}

/// The names of all stories.
fn stories() -> Vec<String> {
    let folders = std::fs::read_dir(facts_file::folder("")).unwrap();
    let mut names: Vec<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A report of each of the stories.
fn reports(names: &[String], lang: Lang) -> Vec<Report> {
    let schema = app::schema();
    let facts = names.iter().map(|name| {
        let installation = facts_file::read(name).facts.try_into().unwrap();
        app::fixture_facts(&installation, &schema).unwrap()
    });
    app::reports(facts.collect(), lang).unwrap()
}

#[test]
fn the_page_of_every_story_is_whole_on_a_screen_and_on_a_phone() {
    let folder = tempfile::tempdir().unwrap();
    let names = stories();
    assert!(names.len() > 60, "the stories were found");
    let mut pages = Vec::new();
    for (name, report) in names.iter().zip(reports(&names, Lang::Fr)) {
        std::fs::write(folder.path().join(format!("{name}.html")), html::render(&report, None).unwrap()).unwrap();
        pages.push(format!("{name}.html"));
    }
    std::fs::write(folder.path().join("hostile.html"), html::render(&hostile(HOSTILE), None).unwrap()).unwrap();
    pages.push("hostile.html".into());
    for told in looked_at(folder.path(), &pages, &[1200, 400]) {
        assert!(told["verdict"].as_str().unwrap().len() > 5, "{told}");
        assert!(told["wide"].as_i64().unwrap() <= 0, "something is cut off: {told}");
        assert!(told["search"] != Value::Bool(false), "the page's own script was refused: {told}");
    }
}

/// The script of axe-core, fetched once.
fn axe() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe-core");
    let script = folder.join("package/axe.min.js");
    if !script.is_file() {
        std::fs::create_dir_all(&folder).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let status = Command::new(program).args(arguments).current_dir(&folder).output();
            let status = status.unwrap_or_else(|error| panic!("this test needs {program} on the PATH: {error}"));
            assert!(status.status.success(), "{program}: {}", String::from_utf8_lossy(&status.stderr));
        };
        run("npm", &["pack", "--silent", AXE]);
        run("tar", &["xzf", &format!("{}.tgz", AXE.replace('@', "-"))]);
    }
    script
}

#[test]
fn axe_core_has_nothing_to_object_to() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(axe(), folder.path().join("axe.min.js")).unwrap();
    let names = ["demo".to_owned(), "healthy_single".to_owned()];
    let mut pages = Vec::new();
    for lang in Lang::ALL {
        for (name, report) in names.iter().zip(reports(&names, lang)) {
            // The checker is no script of the page's own: the copy lets it in.
            let source = html::render(&report, None).unwrap();
            let (before, policy) = source.split_once("<meta http-equiv=").unwrap();
            let (_, after) = policy.split_once('>').unwrap();
            let light = format!("{before}<script src=\"axe.min.js\"></script>{after}");
            let dark = light.replace("(prefers-color-scheme: dark)", "all");
            assert_ne!(light, dark);
            for (colours, source) in [("light", light), ("dark", dark)] {
                let page = format!("{name}-{}-{colours}.html", lang.as_str());
                std::fs::write(folder.path().join(&page), source).unwrap();
                pages.push(page);
            }
        }
    }
    for told in looked_at(folder.path(), &pages, &[1200, 400]) {
        assert_eq!(told["axe"], Value::Array(Vec::new()), "{} at {} px", told["page"], told["width"]);
    }
}

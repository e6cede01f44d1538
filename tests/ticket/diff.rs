//! `diff` and `run --since`.

use serde_json::Value;

use crate::{report, run, shown, story};

fn json(arguments: &[&str]) -> (i32, Value) {
    let ended = run(&[&["diff", "--json"], arguments].concat());
    (
        ended.code,
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {} {}", ended.stdout, ended.stderr)),
    )
}

/// A healthy installation and the same with an ill folder, as snapshots and as reports.
struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    fn new() -> Self {
        let pair = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["healthy_single", "inbox_virtual_folder"] {
            let facts = story::snapshot(name, pair.folder.path());
            report(&facts, &pair.folder.path().join(format!("{name}.json")));
        }
        pair
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[test]
fn a_blocker_that_came_is_20_whatever_is_compared() {
    let pair = Pair::new();
    for (old, new) in [("facts", "facts"), ("json", "json"), ("json", "facts"), ("facts", "json")] {
        let [healthy, ill] =
            [pair.path(&format!("healthy_single.{old}")), pair.path(&format!("inbox_virtual_folder.{new}"))];
        let (code, changes) = json(&[&healthy, &ill]);
        assert_eq!(code, 20, "{old} {new}");
        let came = changes["findings"]["came"].as_array().unwrap();
        assert!(came.iter().any(|finding| finding["check"] == "inbox_virtual_folder"), "{came:?}");
        assert!(changes["worse"]["blockers"].as_u64().unwrap() > 0);
        assert_eq!(changes["rows"].is_null(), (old, new) != ("facts", "facts"));
    }
    let (code, changes) = json(&[&pair.path("inbox_virtual_folder.json"), &pair.path("healthy_single.json")]);
    assert_eq!((code, changes["worse"]["blockers"].as_u64()), (0, Some(0)));
    assert!(!changes["findings"]["went"].as_array().unwrap().is_empty());
    assert_eq!(
        run(&[
            "diff",
            "--fail-on",
            "never",
            &pair.path("healthy_single.json"),
            &pair.path("inbox_virtual_folder.json")
        ])
        .code,
        0
    );
}

#[test]
fn the_same_snapshot_is_silent_and_rows_are_counted() {
    let pair = Pair::new();
    let healthy = pair.path("healthy_single.facts");
    let ended = run(&["diff", &healthy, &healthy]);
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.contains("Nothing came, went or changed."), "{}", ended.stdout);
    let (_, changes) = json(&[&healthy, &pair.path("inbox_virtual_folder.facts")]);
    let rows = changes["rows"].as_array().unwrap();
    let of = |table: &str| rows.iter().find(|row| row["table"] == table);
    let folders = of("mapi_folder").unwrap();
    assert!(folders["came"].as_u64().unwrap() > 0 && folders["is_whole"] == true, "{folders}");
    assert!(of("server").is_none(), "{rows:?}");
}

#[test]
fn a_ticket_and_a_terminal_are_told_in_words() {
    let pair = Pair::new();
    let [healthy, ill] = [pair.path("healthy_single.json"), pair.path("inbox_virtual_folder.json")];
    let markdown = run(&["diff", "--markdown", &healthy, &ill]).stdout;
    assert!(markdown.starts_with("## Changes from ") && markdown.contains("### Findings that came"), "{markdown}");
    let text = run(&["diff", "--lang", "fr", &healthy, &ill]).stdout;
    assert!(text.contains("Constats apparus") && text.contains("[inbox_virtual_folder]"), "{text}");
    assert_eq!(run(&["-q", "diff", &healthy, &ill]).stdout, "");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let good = story::snapshot("healthy_single", folder.path());
    for (bad, code, why) in [
        (file("empty", b""), 2, "not a JSON report"),
        (file("bytes", b"\xff\xfe"), 2, "neither a JSON report nor a snapshot"),
        (file("other", b"{\"a\": 1}"), 2, "not a JSON report"),
        (file("cut", b"SQLite format 3\0"), 1, "shorter than a SQLite header"),
        (folder.path().join("none").display().to_string(), 1, "No such file"),
        (folder.path().display().to_string(), 1, "directory"),
    ] {
        for arguments in [["diff", &bad, shown(&good)], ["diff", shown(&good), &bad]] {
            let ended = run(&arguments);
            assert_eq!(ended.code, code, "{bad}: {}", ended.stderr);
            assert!(ended.stderr.contains(why) && ended.stdout.is_empty(), "{}", ended.stderr);
        }
    }
    assert_eq!(run(&["diff", shown(&good)]).code, 2);
    let empty = folder.path().join("empty").display().to_string();
    let ended = run(&["run", "--from-facts", shown(&good), "--report", "json=-", "--since", &empty]);
    assert!(ended.code == 2 && ended.stdout.is_empty(), "{}", ended.stderr);
}

#[test]
fn a_run_tells_what_changed_since_in_every_format() {
    let pair = Pair::new();
    for since in ["healthy_single.facts", "healthy_single.json"] {
        let (since, ill) = (pair.path(since), pair.path("inbox_virtual_folder.facts"));
        let output = |format: &str| {
            let target = format!("{format}=-");
            run(&["run", "--from-facts", &ill, "--since", &since, "--report", &target]).stdout
        };
        let json: Value = serde_json::from_str(&output("json")).unwrap();
        let schema: Value = serde_json::from_str(&run(&["report-schema"]).stdout).unwrap();
        jsonschema::validate(&schema, &json).unwrap_or_else(|error| panic!("{error}"));
        assert!(!json["changes"]["findings"]["came"].as_array().unwrap().is_empty());
        assert!(output("text").contains("Findings that came ("));
        let html = output("html");
        assert!(html.contains("<h2 id=\"changes\">") && html.contains("Findings that came"), "{since}");
    }
    let alone = run(&["run", "--from-facts", &pair.path("healthy_single.facts"), "--report", "json=-"]).stdout;
    assert!(serde_json::from_str::<Value>(&alone).unwrap()["changes"].is_null());
}

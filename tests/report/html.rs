//! The HTML report, as a browser and its reader see it.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use bm_preflight::model::text::visible;
use bm_preflight::model::{Lang, Missing, Severity, Waived, When};
use bm_preflight::report::{Report, html};
use bm_preflight::verdict::FailOn;

use crate::canonical::{HOSTILE, hostile, report};
use crate::markup::{Element, read};

/// The one page that the report itself points to.
const ANALYZER: &str = "https://testconnectivity.microsoft.com";

fn page(report: &Report) -> Element {
    read(&html::render(report, None).unwrap()).unwrap()
}

#[test]
fn the_verdict_is_a_sentence_in_each_language() {
    for (lang, sentence) in [
        (Lang::En, "Not ready to upgrade to 4.1: 5 blocking findings"),
        (Lang::Fr, "Pas prêt pour la mise à jour vers la 4.1\u{a0}: 5 constats bloquants"),
    ] {
        let page = page(&report(lang, FailOn::Blocker));
        assert_eq!(page.by_id("verdict").unwrap().text.trim(), sentence);
        assert_eq!(page.all("html")[0].attribute("lang"), lang.as_str());
        assert!(page.all("title")[0].text.starts_with(sentence));
    }
}

#[test]
fn it_is_one_file_that_asks_for_nothing() {
    let source = html::render(&report(Lang::En, FailOn::Blocker), None).unwrap();
    let page = read(&source).unwrap();
    let policy = page.all("meta").into_iter().find(|m| m.attribute("http-equiv") == "Content-Security-Policy");
    assert!(policy.unwrap().attribute("content").starts_with("default-src 'none';"));
    for name in ["script", "img", "iframe", "object", "form", "base"] {
        assert!(page.all(name).is_empty(), "<{name}>");
    }
    assert!(page.all("link").iter().all(|l| l.attribute("href") == "data:,"));
    assert!(!source.contains("@import") && !source.contains("url("));
}

#[test]
fn each_check_has_one_anchor_and_every_link_leads_somewhere() {
    let report = report(Lang::En, FailOn::Blocker);
    let source = html::render(&report, None).unwrap();
    let page = read(&source).unwrap();
    for check in &report.checks {
        assert_eq!(source.matches(&format!("id=\"{}\"", check.id)).count(), 1, "{}", check.id);
    }
    let mut ids = HashSet::new();
    collect_ids(&page, &mut ids);
    for link in page.all("a") {
        if let Some(id) = link.attribute("href").strip_prefix('#') {
            assert!(ids.contains(id), "nothing has the id {id}");
        }
    }
}

fn collect_ids(element: &Element, ids: &mut HashSet<String>) {
    if let Some(id) = element.attributes.get("id") {
        assert!(ids.insert(id.clone()), "two elements have the id {id}");
    }
    element.children.iter().for_each(|child| collect_ids(child, ids));
}

#[test]
fn a_blocker_is_told_in_full() {
    let page = page(&report(Lang::En, FailOn::Blocker));
    let check = page.by_id("inbox_virtual_folder").unwrap();
    for expected in [
        "Blocker",
        "Title of inbox_virtual_folder",
        "The upgrade rewrites what inbox_virtual_folder looks at.",
        "user002@example.org/INBOX/inbox_virtual_folder",
        "The folder holds 2 messages",
        "Ask the owner.",
        "bm-cli mapi move 'user002@example.org'",
        "Before the upgrade window",
        "Low risk",
        "Not seen: there may be more",
        "connection refused",
        "INBOX/Projects",
    ] {
        assert!(check.text.contains(expected), "{expected} is not in {}", check.text);
    }
    assert!(!check.text.contains("user003@"), "an accepted finding is told as open");
    let reference = check.all("a").into_iter().find(|a| a.text == "Reference").unwrap();
    assert_eq!(reference.attribute("href"), "https://doc.example.org/upgrade");
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let page = page(&report(Lang::En, FailOn::Blocker));
    let check = page.by_id("spool_directory_unexpected").unwrap();
    assert_eq!(check.of_class("subject").len(), 200);
    assert!(check.text.contains("… and 50 more, see report.json"));
    let shared = check.text.matches("Move the folder's messages to a plain folder.").count();
    assert_eq!(shared, 1, "a shared remediation is said once");
}

#[test]
fn what_is_accepted_or_not_seen_is_cut_as_well() {
    let mut report = report(Lang::En, FailOn::Blocker);
    let check = report.checks.iter_mut().find(|c| c.id == "spool_directory_unexpected").unwrap();
    let waived = Waived { reason: "known".into(), expires: "2027-01-31".into() };
    check.findings.iter_mut().for_each(|finding| finding.waived = Some(waived.clone()));
    let gap = Missing {
        table: "*".into(),
        scope: "s".into(),
        place: None,
        problem: None,
        reason: "dark".into(),
        root: None,
        waived: None,
    };
    check.missing = vec![gap; 207];
    let page = page(&report);
    for (section, more) in
        [("waived", "… and 50 more, see report.json"), ("unanswered", "… and 7 more, see report.json")]
    {
        let section = page.all("section").into_iter().find(|s| s.by_id(section).is_some()).unwrap();
        assert!(section.text.contains(more), "{more} is not in {}", section.text);
    }
    let text = bm_preflight::report::text::render(&report, false, false);
    let waived = text.split("Accepted by a waiver").nth(1).unwrap();
    assert!(waived.contains("… and 230 more (see report.json)"), "{waived}");
}

#[test]
fn every_section_has_its_checks() {
    let page = page(&report(Lang::En, FailOn::Blocker));
    let sections: Vec<_> = page.all("section").into_iter().chain(page.all("details")).collect();
    for (heading, expected) in [
        ("plan", vec!["inbox_virtual_folder", "autodiscover_unreachable", "mailbox_size"]),
        ("blockers", vec!["inbox_virtual_folder"]),
        ("warnings", vec!["autodiscover_unreachable", "spool_directory_unexpected"]),
        ("infos", vec!["mailbox_size"]),
        (
            "unanswered",
            vec!["mapi_will_not_start", "replication_inactive", "inbox_virtual_folder", "no such function: re"],
        ),
        ("explained", vec!["folder_below_inbox", "1 finding", "inbox_virtual_folder"]),
        ("waived", vec!["mailbox_service_without_role", "server is retired", "2027-03-31", "archive, read by nobody"]),
        (
            "passed",
            vec!["cyrus_mailbox_unknown", "4312 rows", "bm-master: 1,204,311 messages compared", "imap-02: 7 messages"],
        ),
        ("not-applicable", vec!["replication_behind", "one server only"]),
        ("coverage", vec!["postgresql://bj@127.0.0.1:5432/bj-data", "absent", "4312"]),
    ] {
        let section = sections.iter().find(|s| s.by_id(heading).is_some()).unwrap();
        for text in expected {
            assert!(section.text.contains(text), "{text} is not under {heading}");
        }
    }
    let under = page.by_id("inbox_virtual_folder").unwrap().of_class("under");
    assert_eq!(under.len(), 1, "it stands under the one that explains it");
    assert!(under[0].text.contains("The folder stands below the inbox."));
    assert_eq!(under[0].all("a")[0].attribute("href"), "#folder_below_inbox");
    for elsewhere in ["plan", "warnings"] {
        let section = sections.iter().find(|s| s.by_id(elsewhere).is_some()).unwrap();
        assert!(!section.text.contains("folder_below_inbox"), "it is no finding of its own under {elsewhere}");
    }
    assert!(page.all("aside")[0].text.contains("waiver 3 of waivers.toml expired"));
}

#[test]
fn the_plan_follows_the_upgrade_window() {
    let mut report = report(Lang::En, FailOn::Blocker);
    for check in &mut report.checks {
        match check.id.as_str() {
            "inbox_virtual_folder" => check.remedy.when = When::After,
            "autodiscover_unreachable" => check.remedy.when = When::During,
            _ => {}
        }
    }
    let page = page(&report);
    let plan = page.of_class("plan")[0];
    let steps: Vec<_> = plan.all("h3").iter().map(|h| h.text.as_str()).collect();
    assert_eq!(steps, ["Before the upgrade window", "During the upgrade window", "After the upgrade"]);
    let links: Vec<_> = plan.all("a").iter().map(|a| a.attribute("href")).collect();
    let order = ["#spool_directory_unexpected", "#mailbox_size", "#autodiscover_unreachable", "#inbox_virtual_folder"];
    assert_eq!(links, order);
}

#[test]
fn hostile_names_stay_text() {
    let report = hostile(HOSTILE);
    let source = html::render(&report, None).unwrap();
    assert!(!source.contains("<script"));
    assert!(!source.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}' || c == '\u{fffe}'));
    let page = read(&source).unwrap();
    let shown = visible(HOSTILE, false);
    assert!(shown.contains("{{ 7*7 }}") && shown.contains("\\u{202e}"));
    for check in report.checks.iter().filter(|c| c.severity == Severity::Blocker && !c.findings.is_empty()) {
        let article = page.by_id(&visible(&check.id, false)).unwrap();
        let subject = visible(&check.findings[0].subject, false);
        assert!(article.of_class("subject").iter().any(|s| s.text == subject), "{subject}");
    }
    let leads_out = |a: &&&Element| !a.attribute("href").starts_with('#') && a.attribute("href") != ANALYZER;
    assert_eq!(page.all("a").iter().filter(leads_out).count(), 0, "a reference became a link");
    let bare: Vec<_> = page.all("td").into_iter().filter(|td| td.text == shown && td.all("bdi").is_empty()).collect();
    assert!(bare.is_empty(), "{bare:#?}");
    let matrix = page.of_class("matrix")[0];
    assert_eq!(matrix.of_class("shown")[0].text, format!("u {shown}"));
    assert_eq!(matrix.of_class("target")[0].text, shown);
    let proof: Vec<_> = page.of_class("proof").iter().map(|p| p.all("bdi")[0].text.clone()).collect();
    assert_eq!(proof, [shown.clone(), shown], "what a pass says stands in a bdi of its own");
    assert!(matrix.of_class("mark").iter().all(|m| m.attribute("class") == "mark unknown"), "a code became a class");
}

#[test]
fn the_longest_names_do_not_widen_the_page() {
    let long = "x".repeat(900);
    assert!(page(&hostile(&long)).text.contains(&long));
    let css = include_str!("../../report-templates/report.css");
    assert!(css.contains("overflow-wrap: anywhere"));
}

#[test]
fn a_template_of_ones_own_replaces_the_shipped_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let render = || html::render(&report(Lang::En, FailOn::Blocker), Some(folder.path()));
    write("plan.html", "<section><h2>House rules for {{ installation.name }}</h2></section>");
    write("i18n.toml", "[section]\nblockers = { en = \"Stop\", fr = \"Halte\" }");
    write("logo.png", "not read");
    let page = read(&render().unwrap()).unwrap();
    assert!(page.text.contains("House rules for mail.example.org"));
    assert_eq!(page.by_id("blockers").unwrap().text, "Stop");
    assert_eq!(page.by_id("warnings").unwrap().text, "Warnings");
}

#[test]
fn a_broken_template_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        let error = html::render(&report(Lang::En, FailOn::Blocker), Some(folder.path())).unwrap_err().to_string();
        std::fs::remove_file(folder.path().join(name)).unwrap();
        error
    };
    assert!(fails("plan.html", "one\n{% if %}").contains("plan.html:2:"));
    assert!(fails("plan.html", "one\n\n{{ no_such_thing }}").contains("plan.html:3:"));
    let phrase = fails("plan.html", "\n{{ t(key=\"no.such\") }}");
    assert!(phrase.contains("no.such") && phrase.contains("plan.html:2:"), "{phrase}");
    let phrases = fails("i18n.toml", "[section]\nplan = { en = \"alone\" }");
    assert!(phrases.contains("i18n.toml") && phrases.contains("line 2"), "{phrases}");
    let missing = html::render(&report(Lang::En, FailOn::Blocker), Some(Path::new("/no/such/folder"))).unwrap_err();
    assert!(missing.to_string().contains("/no/such/folder"));
}

#[test]
fn a_browser_shows_it() {
    let report = report(Lang::En, FailOn::Blocker);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, html::render(&report, None).unwrap()).unwrap();
    let output = Command::new("chromium")
        .args("--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking".split(' '))
        .args("--disable-component-update --disable-sync --dump-dom".split(' '))
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("this test needs chromium on the PATH");
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(dom.contains("Not ready to upgrade to 4.1: 5 blocking findings</bdi></h1>"), "{dom}");
    let blockers = report.checks.iter().filter(|c| c.severity == Severity::Blocker);
    assert!(dom.contains("<bdi class=\"shown\">café.example</bdi>"));
    for finding in blockers.flat_map(|c| &c.findings) {
        assert!(dom.contains(&format!("<bdi>{}</bdi></th>", finding.subject)), "{} is not shown", finding.subject);
    }
}

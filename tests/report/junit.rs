//! The JUnit report, as a CI server reads it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use bm_preflight::model::text::visible;
use bm_preflight::model::{Lang, Outcome, Severity};
use bm_preflight::report::{Report, junit};
use bm_preflight::verdict::{FailOn, judge};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::canonical::{HOSTILE, hostile, report};
use crate::markup::{Element, read};

fn parsed(report: &Report) -> Element {
    read(&junit::render(report).unwrap()).unwrap()
}

fn case<'a>(root: &'a Element, id: &str) -> &'a Element {
    root.all("testcase").into_iter().find(|c| c.attribute("name") == id).unwrap()
}

/// The one child of a case: its name, message and text. A case that passed in silence has none.
fn result<'a>(root: &'a Element, id: &str) -> (&'a str, &'a str, &'a str) {
    let case = case(root, id);
    let results = case.children.iter().filter(|child| child.name != "system-out");
    assert!(results.count() < 2, "{id} has several results");
    case.children.first().map_or(("", "", ""), |c| (&c.name, c.attribute("message"), &c.text))
}

#[test]
fn suites_are_categories_in_order() {
    let root = parsed(&report(Lang::En, FailOn::Blocker));
    let suites: Vec<_> = root.all("testsuite").iter().map(|s| s.attribute("name").to_owned()).collect();
    assert_eq!(suites, ["autodiscover", "cyrus", "mapi", "replication", "topology"]);
    let suite = root.all("testsuite")[0];
    assert_eq!(suite.attribute("timestamp"), "2026-11-23T10:00:00Z");
    assert_eq!(suite.attribute("hostname"), "mail.example.org");
    assert_eq!((suite.attribute("tests"), suite.attribute("errors"), suite.attribute("time")), ("2", "1", "0.006"));
    assert_eq!(case(&root, "inbox_virtual_folder").attribute("classname"), "bm-preflight.mapi");
}

#[test]
fn a_blocker_fails_and_says_what_it_did_not_see() {
    let root = parsed(&report(Lang::En, FailOn::Blocker));
    let (kind, message, body) = result(&root, "inbox_virtual_folder");
    assert_eq!((kind, message), ("failure", "5 findings: Title of inbox_virtual_folder"));
    for expected in [
        "user001@example.org/INBOX/inbox_virtual_folder: The folder holds 1 messages",
        "Ask the owner.",
        "mapi_folder (imap-02): connection refused",
        "2027-01-31",
        "archive, read by nobody",
    ] {
        assert!(body.contains(expected), "{expected} is not in {body}");
    }
}

/// The exit code that a check alone leads to, and whether its case is red.
#[test]
fn a_case_is_red_exactly_where_the_exit_code_is_not_0() {
    for fail_on in [FailOn::Blocker, FailOn::Warning, FailOn::Never] {
        let whole = report(Lang::En, fail_on);
        for check in &whole.checks {
            let judgement = judge(std::slice::from_ref(check), None, Duration::ZERO, fail_on);
            let alone = Report { checks: vec![check.clone()], judgement, ..whole.clone() };
            let root = parsed(&alone);
            let is_red = !root.all("failure").is_empty() || !root.all("error").is_empty();
            assert_eq!(is_red, alone.judgement.exit_code != 0, "{} {fail_on:?}", check.id);
        }
    }
}

#[test]
fn a_warning_that_is_no_failure_is_skipped_with_its_number_and_first_subjects() {
    let calm = parsed(&report(Lang::En, FailOn::Blocker));
    let (kind, message, _) = result(&calm, "spool_directory_unexpected");
    let first =
        "250 findings: Title of spool_directory_unexpected (user001@example.org/INBOX/spool_directory_unexpected, ";
    assert!(kind == "skipped" && message.starts_with(first) && message.ends_with(", … and 247 more)"), "{message}");
    let told = case(&calm, "spool_directory_unexpected");
    assert!(told.all("system-out")[0].text.contains("user100@"));
    let strict = parsed(&report(Lang::En, FailOn::Warning));
    let (kind, message, body) = result(&strict, "spool_directory_unexpected");
    assert_eq!((kind, message), ("failure", "250 findings: Title of spool_directory_unexpected"));
    assert!(body.contains("user100@") && !body.contains("user101@") && body.ends_with("… and 150 more"));
}

#[test]
fn accepted_findings_pass_aloud() {
    let root = parsed(&report(Lang::En, FailOn::Warning));
    let (kind, _, text) = result(&root, "mailbox_service_without_role");
    assert_eq!(kind, "system-out");
    assert!(text.contains("server is retired") && text.contains("2027-03-31") && text.contains("user001@"));
}

#[test]
fn explained_findings_pass_and_name_what_explains_them() {
    let root = parsed(&report(Lang::En, FailOn::Warning));
    let explained = case(&root, "folder_below_inbox");
    assert!(explained.all("failure").is_empty());
    let told = "user001@example.org/INBOX/folder_below_inbox: explained by inbox_virtual_folder (user001@example.org/";
    assert!(explained.text.contains(told), "{}", explained.text);
}

#[test]
fn accepted_findings_do_not_hide_what_was_not_seen() {
    let mut report = report(Lang::En, FailOn::Blocker);
    let missing = report.checks[0].missing.clone();
    let check = report.checks.iter_mut().find(|c| c.id == "mailbox_service_without_role").unwrap();
    check.missing = missing;
    let root = parsed(&report);
    let case = case(&root, "mailbox_service_without_role");
    assert_eq!(case.children[0].name, "error");
    assert!(case.children[0].text.contains("connection refused"));
}

#[test]
fn every_outcome_has_its_element() {
    let root = parsed(&report(Lang::En, FailOn::Blocker));
    let (kind, message, body) = result(&root, "mapi_will_not_start");
    assert_eq!((kind, body), ("error", "mapi_folder (imap-02): connection refused"));
    assert_eq!(message, "Title of mapi_will_not_start: mapi_folder (imap-02): connection refused");
    let (kind, message, _) = result(&root, "replication_inactive");
    assert_eq!((kind, message), ("error", "Title of replication_inactive: no such function: re"));
    assert_eq!(result(&root, "replication_behind"), ("skipped", "one server only", ""));
    assert_eq!(result(&root, "cyrus_mailbox_unknown").0, "system-out");
    assert!(Outcome::ALL.len() == 5 && Severity::ALL.len() == 3, "a new word needs its element here");
}

#[test]
fn a_pass_says_what_it_compared_or_nothing() {
    let mut report = report(Lang::En, FailOn::Blocker);
    let said = "bm-master: 1,204,311 messages compared\nimap-02: 7 messages compared";
    assert_eq!(result(&parsed(&report), "cyrus_mailbox_unknown"), ("system-out", "", said));
    report.checks.iter_mut().for_each(|check| check.proof.clear());
    assert_eq!(result(&parsed(&report), "cyrus_mailbox_unknown"), ("", "", ""));
    validate(&junit::render(&report).unwrap());
}

#[test]
fn a_hostile_proof_stays_on_its_line() {
    let root = parsed(&hostile(HOSTILE));
    let case = root.all("testcase").into_iter().find(|c| c.attribute("name").starts_with("cyrus_mailbox_unknown"));
    let shown = visible(HOSTILE, false);
    assert_eq!(case.unwrap().text, format!("{shown}\n{shown}"));
}

#[test]
fn it_validates_against_the_schema() {
    for lang in Lang::ALL {
        for fail_on in [FailOn::Blocker, FailOn::Warning, FailOn::Never] {
            validate(&junit::render(&report(lang, fail_on)).unwrap());
        }
    }
    validate(&junit::render(&hostile(HOSTILE)).unwrap());
    validate(&junit::render(&hostile(&"<é&\"日".repeat(100))).unwrap());
    validate(&junit::render(&Report { checks: Vec::new(), ..report(Lang::En, FailOn::Blocker) }).unwrap());
}

#[test]
fn outdated_facts_validate() {
    for fail_on in [FailOn::Blocker, FailOn::Warning] {
        let mut report = report(Lang::Fr, fail_on);
        report.judgement.is_outdated = true;
        validate(&junit::render(&report).unwrap());
    }
}

#[test]
fn awkward_times_still_validate() {
    let mut report = report(Lang::En, FailOn::Blocker);
    for times in [[30_673; 9], [u64::MAX; 9], [30_673, 7_999, 1, 0, 4_099, 30_673, 65_537, 8_191, u64::MAX / 2]] {
        for (check, ms) in report.checks.iter_mut().zip(times) {
            check.elapsed_ms = ms;
        }
        validate(&junit::render(&report).unwrap());
    }
}

/// Validates with every schema in `tests/report`, so that another one counts as soon as it lies there.
fn validate(xml: &str) {
    let folder = std::fs::read_dir("tests/report").unwrap();
    let schemas = folder.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "xsd"));
    let mut tried = 0;
    for schema in schemas {
        let mut child = Command::new("xmllint")
            .args(["--noout", "--nonet", "--huge", "--schema"])
            .arg(&schema)
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this test needs xmllint (Debian: libxml2-utils) on the PATH");
        child.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}: {}", schema.display(), String::from_utf8_lossy(&output.stderr));
        tried += 1;
    }
    assert!(tried > 0, "no schema in tests/report");
}

proptest! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_string_in_every_slot_is_well_formed(text in any::<String>(), mark in "[\\]>\0-\u{1f}]{0,6}") {
        let text = format!("{text}]]>{mark}");
        let report = hostile(&text);
        let root = read(&junit::render(&report).unwrap()).map_err(TestCaseError::fail)?;
        let bodies: Vec<_> = root.all("testcase").iter().map(|c| c.text.as_str()).collect();
        for finding in report.checks.iter().filter_map(|c| c.findings.first()) {
            let subject = visible(&finding.subject, false);
            prop_assert!(bodies.iter().any(|b| b.contains(&subject)), "{subject:?} is lost");
        }
        let proof = visible(&text, false);
        prop_assert!(bodies.iter().any(|b| *b == format!("{proof}\n{proof}")), "{proof:?} is lost");
    }
}

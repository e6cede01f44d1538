//! The report for a terminal.

use bm_preflight::model::{Lang, Missing, Outcome};
use bm_preflight::report::text::render;
use bm_preflight::verdict::FailOn;

use crate::canonical::{HOSTILE, hostile, report};

#[test]
fn the_verdict_comes_first_in_each_language() {
    let first = |lang| render(&report(lang, FailOn::Blocker), false, false).lines().next().unwrap().to_owned();
    assert_eq!(first(Lang::En), "✗ Not ready to upgrade to 4.1: 5 blocking findings");
    assert_eq!(first(Lang::Fr), "✗ Pas prêt pour la mise à jour vers la 4.1\u{a0}: 5 constats bloquants");
}

#[test]
fn sections_follow_the_order_of_what_to_do() {
    let text = render(&report(Lang::En, FailOn::Blocker), false, true);
    let mut at = 0;
    for heading in [
        "What blocks",
        "Warnings",
        "Worth knowing",
        "What could not be checked",
        "Accepted by a waiver",
        "Passed",
        "Not applicable",
        "Checks: 1 passed, 6 failed, 1 unknown, 1 broken, 1 not applicable. \
        Findings: 5 blocking, 253 warnings, 1 info, 2 waived.",
    ] {
        let found = text[at..].find(&format!("\n{heading}\n"));
        at += found.unwrap_or_else(|| panic!("{heading} is missing or out of order in\n{text}"));
    }
}

#[test]
fn a_blocker_is_told_in_full() {
    let text = render(&report(Lang::En, FailOn::Blocker), false, false);
    for expected in [
        "Title of inbox_virtual_folder [inbox_virtual_folder]",
        "• user001@example.org/INBOX/",
        "The folder holds 1 messages",
        "→ Ask the owner.",
        "\n      ↳ user001@example.org/INBOX/folder_below_inbox: The folder stands below the inbox. [folder_below_inbox]\n",
        "$ bm-cli mapi move 'user002@example.org'",
        "? Not seen: there may be more: mapi_folder (imap-02): connection refused",
        "Before the upgrade window. Low risk",
        "mail.example.org · 4.1.43922 (4.0.14) → 4.1 · Facts collected 2026-11-23T09:59:00Z (1 minute ago)",
        "no such function: re",
        "archive, read by nobody (until 2027-01-31)",
        "! waiver 3 of waivers.toml expired",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn a_shared_remediation_is_said_once_and_lists_are_cut() {
    let report = report(Lang::En, FailOn::Blocker);
    let short = render(&report, false, false);
    let spool = short.split("[spool_directory_unexpected]").nth(1).unwrap().split("\nWorth knowing").next().unwrap();
    assert_eq!(spool.matches("→ Move the folder's messages").count(), 1);
    assert_eq!(spool.matches("• ").count(), 20);
    assert_eq!(spool.matches("$ bm-cli").count(), 20);
    assert!(spool.contains("… and 230 more (see report.json)"));
    let long = render(&report, false, true);
    assert!(long.contains("• user250@example.org"));
    assert!(!short.contains("Title of cyrus_mailbox_unknown") && long.contains("Title of cyrus_mailbox_unknown"));
    assert!(!short.contains("1,204,311 messages compared"));
    let passed = long.split("[cyrus_mailbox_unknown]\n").nth(1).unwrap();
    let expected =
        "    bm-master: 1,204,311 messages compared\n    imap-02: 7 messages compared\n    mapi_folder: 4312 rows\n";
    assert!(passed.starts_with(expected), "{passed}");
    assert!(!short.contains("one server only") && long.contains("one server only"));
}

#[test]
fn what_is_missing_for_one_reason_is_one_line() {
    let mut report = report(Lang::En, FailOn::Blocker);
    let check = report.checks.iter_mut().find(|check| check.outcome == Outcome::Unknown).unwrap();
    let gap = |number: usize| Missing {
        table: "package".into(),
        scope: format!("mail-{number}"),
        place: None,
        problem: None,
        reason: if number == 2 { "no such file".into() } else { "not read".into() },
        root: None,
        waived: None,
    };
    check.missing = (1..=24).map(gap).collect();
    let text = render(&report, false, false);
    let line = |reason: &str| text.lines().find(|line| line.ends_with(reason)).unwrap().trim();
    assert_eq!(line(": no such file"), "package (mail-2): no such file");
    assert!(line(": not read").starts_with("package (mail-1), package (mail-3), "));
    assert!(line(": not read").ends_with(", package (mail-21), … and 3 more: not read"));
    assert!(render(&report, false, true).contains("package (mail-24): not read"));
}

#[test]
fn no_stranger_reaches_the_terminal() {
    let text = render(&hostile(HOSTILE), false, true);
    let raw: Vec<char> = text.chars().filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}').collect();
    assert!(raw.is_empty(), "{raw:?}");
    assert!(text.contains("\\u{1b}[31m\\u{0}\\u{202e}"));
    assert!(!text.lines().any(|line| line.trim_start().starts_with("line two")), "a name forged a line");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let report = report(Lang::Fr, FailOn::Blocker);
    let (plain, coloured) = (render(&report, false, true), render(&report, true, true));
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}["));
    let mut stripped = String::new();
    let mut escape = false;
    for c in coloured.chars() {
        match c {
            '\u{1b}' => escape = true,
            'm' if escape => escape = false,
            c if !escape => stripped.push(c),
            _ => {}
        }
    }
    assert_eq!(stripped, plain);
}

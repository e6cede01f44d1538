//! What a report says first, on the page and on the terminal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bm_preflight::digest::Step;
use bm_preflight::model::{Finding, Lang, Who};
use bm_preflight::report::{Report, csv, html, text};
use bm_preflight::verdict::FailOn;
use serde_json::json;

use crate::canonical::{HOSTILE, digested, hostile, report};
use crate::markup::{Element, read};

fn page(report: &Report) -> Element {
    read(&html::render(report, None).unwrap()).unwrap()
}

/// A blocker in people's units, and commands that answer the open questions.
fn told() -> Report {
    let mut report = report(Lang::En, FailOn::Blocker);
    report.checks[0].headline = Some("3 users must move 4 folders".into());
    report.checks[0].who = Who::Users;
    let mut report = digested(report);
    report.digest.questions[0].steps =
        vec![Step { server: Some("imap-02".into()), command: "bm-preflight collect --facts imap-02.facts".into() }];
    report
}

#[test]
fn the_page_begins_with_what_blocks_and_what_is_open() {
    let page = page(&told());
    let headlines = page.of_class("headlines")[0];
    let links: Vec<_> = headlines.all("a").iter().map(|a| (a.attribute("href"), a.text.as_str())).collect();
    let open = "3 checks without a complete answer, 3 of them could block";
    assert_eq!(links, [("#inbox_virtual_folder", "3 users must move 4 folders"), ("#questions", open)]);
    let questions = page.all("section").into_iter().find(|s| s.by_id("questions").is_some()).unwrap();
    assert!(questions.text.contains("connection refused") && questions.text.contains("imap-02.facts"));
    let notices = &page.all("aside")[0].text;
    assert!(!notices.contains("collect on imap-02 next"), "told by the question already");
    assert!(self::page(&report(Lang::En, FailOn::Blocker)).all("aside")[0].text.contains("collect on imap-02 next"));
}

#[test]
fn users_are_rows_and_a_table_to_take_away() {
    let report = told();
    let page = page(&report);
    let owners = page.of_class("owners")[0];
    assert_eq!(owners.all("tbody")[0].all("tr").len(), report.digest.owners.len());
    let link = page.all("a").into_iter().find(|a| a.attribute("download") == "users.csv").unwrap();
    let data = link.attribute("href").strip_prefix("data:text/csv;charset=utf-8;base64,").unwrap();
    let table = String::from_utf8(STANDARD.decode(data).unwrap()).unwrap();
    assert_eq!(table, csv::users(&report.digest.owners).unwrap());
}

#[test]
fn servers_have_a_row_each_and_what_is_replicated_is_drawn() {
    let page = page(&told());
    let servers = page.all("section").into_iter().find(|s| s.by_id("servers").is_some()).unwrap();
    assert_eq!(servers.all("tbody")[0].all("tr").len(), 2);
    let bar = servers.of_class("bar")[0];
    assert_eq!(bar.attribute("aria-label"), "93 %");
    assert_eq!(bar.of_class("done")[0].attribute("width"), "93");
    let week = servers.of_class("week")[0];
    assert_eq!((week.of_class("done").len(), week.of_class("silent").len()), (135, 33));
    let last = week.of_class("done").last().unwrap().attribute("x").parse::<u32>().unwrap();
    assert_eq!(last, 668, "the last hour stands at the right");
}

#[test]
fn the_terminal_is_told_what_fits_on_a_screen() {
    let report = told();
    let brief = text::brief(&report, false);
    assert!(brief.lines().count() <= 40, "{brief}");
    for expected in [
        "✗ Not ready to upgrade to 4.1: 5 blocking findings\n",
        "\n  ✗ 3 users must move 4 folders\n    [inbox_virtual_folder] begin by 2026-12-10\n",
        "\n  ? 3 checks without a complete answer, 3 of them could block\n",
        "      imap-02: bm-preflight collect --facts imap-02.facts\n",
        "\n  ! 253 warnings\n    Mail administrator: 253 — ",
        "Checks: 1 passed, ",
    ] {
        assert!(brief.contains(expected), "{expected} is not in\n{brief}");
    }
    let strange = text::brief(&hostile(HOSTILE), false);
    assert!(!strange.chars().any(|c| c.is_control() && c != '\n') && !strange.contains('\u{202e}'), "{strange}");
    assert!(text::brief(&report, true).contains("\u{1b}["));
}

/// So many findings of so many users, in four checks.
fn crowd(findings: usize) -> Report {
    let mut report = report(Lang::En, FailOn::Blocker);
    for check in report.checks.iter_mut().filter(|check| check.findings.len() > 2) {
        let first = check.findings[0].clone();
        check.findings = (0..findings / 3)
            .map(|n| Finding {
                subject: format!("user{:05}@example.org/INBOX/Projects/{n}", n % 3_000),
                owner: Some(format!("user{:05}@example.org", n % 3_000)),
                evidence:
                    json!({ "messages": n, "topmost_uid": format!("F{n}"), "topmost_folder": format!("Folder {n}") })
                        .as_object()
                        .unwrap()
                        .clone(),
                waived: None,
                explained_by: None,
                ..first.clone()
            })
            .collect();
    }
    digested(report)
}

#[test]
fn a_crowd_stays_a_page_and_nobody_is_lost() {
    let report = crowd(50_000);
    let source = html::render(&report, None).unwrap();
    assert!(source.len() < 3_000_000, "{} bytes", source.len());
    let page = read(&source).unwrap();
    assert_eq!(page.of_class("owners")[0].all("tbody")[0].all("tr").len(), 3_000);
    let elements = source.matches("<bdi").count();
    assert!(elements < 30_000, "{elements} names: a browser takes long for them");
    let check = page.by_id("spool_directory_unexpected").unwrap();
    assert_eq!(check.of_class("subject").len(), 200);
    assert!(check.text.contains("… and 16466 more"));
    assert!(check.text.contains("user00200@example.org: 6"), "those that are not listed are counted user by user");
    let beside = page.all("a").into_iter().find(|a| a.text == "findings.csv").unwrap();
    assert_eq!(beside.attribute("href"), "findings.csv", "too long for the page: it lies beside it");
    assert_eq!(csv::render(&report).unwrap().lines().count(), 16_666 * 3 + 4);
}

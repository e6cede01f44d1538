//! Findings as a table, the report for a ticket, and the gauges for Prometheus.

use std::collections::BTreeSet;

use bm_preflight::model::{Lang, Waived};
use bm_preflight::report::{Report, csv, markdown, prometheus};
use bm_preflight::verdict::FailOn;

use crate::canonical::{HOSTILE, digested, hostile, report};

/// The rows of a table, its head first.
fn rows(table: &str) -> Vec<Vec<String>> {
    let table = table.strip_prefix('\u{feff}').expect("a byte order mark");
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn every_finding_is_a_row() {
    let mut report = report(Lang::En, FailOn::Blocker);
    report.checks[0].findings[0].owner = Some("=cmd|' /C calc'!A0".into());
    let table = csv::render(&report).unwrap();
    assert!(table.contains("\r\n"));
    let rows = rows(&table);
    let head = "check,severity,subject,owner,server,message,who,when,lead_days,risk,waived";
    assert_eq!(rows[0].join(","), head);
    let all: usize = report.checks.iter().map(|check| check.findings.len()).sum();
    assert_eq!(rows.len(), all + 1, "all of them, whatever other formats list");
    let finding = &report.checks[0].findings[1];
    let row = rows.iter().find(|row| row[2] == finding.subject).unwrap();
    assert_eq!(row[0], "inbox_virtual_folder");
    assert_eq!(row[3..6], ["user002@example.org", "imap-02", finding.message.as_str()]);
    assert_eq!(row[6..], ["administrator", "before", "2", "low", ""]);
    assert_eq!(rows[1][3], "'=cmd|' /C calc'!A0");
    assert!(rows.iter().any(|row| row[10] == "archive, read by nobody"));
}

#[test]
fn strangers_stay_in_their_cells() {
    let report = hostile(HOSTILE);
    let rows = rows(&csv::render(&report).unwrap());
    assert!(rows.iter().all(|row| row.len() == 11));
    let users = self::rows(&csv::users(&report.digest.owners).unwrap());
    assert_eq!(users[0].join(","), "owner,server,suspended,folders,messages,findings,checks");
    assert_eq!(users.len(), report.digest.owners.len() + 1);
    let cells = rows.iter().chain(&users).flatten();
    assert!(cells.clone().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
    assert!(cells.into_iter().all(|cell| !cell.contains(['\u{1b}', '\0'])));
}

/// A report with so many findings and gaps.
fn large() -> Report {
    let mut report = report(Lang::Fr, FailOn::Blocker);
    for check in &mut report.checks {
        let Some(first) = check.findings.first().cloned() else { continue };
        check.title = "titre ".repeat(300);
        check.findings = (0..5_000)
            .map(|n| bm_preflight::model::Finding { owner: Some(format!("u{n}@example.org")), ..first.clone() })
            .collect();
    }
    report.run.notices = vec!["remarque ".repeat(500); 500];
    digested(report)
}

#[test]
fn a_ticket_takes_it() {
    let text = markdown::render(&report(Lang::En, FailOn::Blocker));
    for expected in [
        "# Not ready to upgrade to 4.1: 5 blocking findings\n",
        "## What blocks\n",
        "- **✗** Title of inbox\\_virtual\\_folder (5) — `inbox_virtual_folder` · begin by 2026-12-10",
        "## What could not be checked\n",
        "- connection refused (`imap-02`): 2 checks",
        "### Before the upgrade window, Mail administrator\n",
        "- `user001@example.org`: 4 findings",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let length = markdown::render(&large()).len();
    assert!(length < 60_000, "{length} bytes");
}

#[test]
fn a_stranger_writes_no_markup_into_a_ticket() {
    let mut report =
        hostile("</details><script>x</script> @team #12 ![x](https://evil.example/p.png) `code` | **b** [l](http://e)");
    report.run.notices.push("> quoted @all".into());
    let text = markdown::render(&report);
    let outside: String = text.split('`').step_by(2).collect::<String>().replace("\\]", "").replace("\\*", "");
    for markup in ["<script", "</details", "](", "@team", "@all", "#12", "https://", "**b**"] {
        assert!(!outside.contains(markup), "{markup} is in\n{outside}");
    }
    let strange = markdown::render(&hostile(HOSTILE));
    assert!(!strange.contains(['\u{1b}', '\0', '\u{202e}']));
}

#[test]
fn every_gauge_is_one_line_and_told_once() {
    let mut report = report(Lang::En, FailOn::Blocker);
    report.checks[0].findings[0].waived = Some(Waived { reason: "x".into(), expires: "2027-01-01".into() });
    let text = prometheus::render(&report);
    for expected in [
        "bm_preflight_verdict{verdict=\"not_ready\",release=\"4.0.14\",target=\"4.1\",demo=\"false\"} 1",
        "bm_preflight_check{id=\"mapi_will_not_start\",category=\"autodiscover\",severity=\"blocker\",outcome=\"unknown\"} 1",
        "bm_preflight_findings{id=\"inbox_virtual_folder\",severity=\"blocker\"} 4",
        "bm_preflight_findings{id=\"spool_directory_unexpected\",severity=\"warning\"} 250",
        "bm_preflight_facts_timestamp_seconds 1795427940",
        "bm_preflight_exit_code 20",
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected} is not in\n{text}");
    }
    for text in [text, prometheus::render(&hostile(HOSTILE))] {
        let mut series = BTreeSet::new();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                assert!(
                    comment.starts_with("HELP bm_preflight_") || comment.starts_with("TYPE bm_preflight_"),
                    "{line}"
                );
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("bm_preflight_") && value.parse::<i64>().is_ok(), "{line}");
            assert!(series.insert(name.to_owned()), "{name} is there twice");
            let unescaped = name.replace("\\\\", "").replace("\\\"", "");
            assert_eq!(unescaped.matches('"').count() % 2, 0, "{line}");
        }
    }
}

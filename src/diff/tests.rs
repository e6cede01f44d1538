use serde_json::{Value, json};

use super::*;
use crate::model::Lang;
use crate::report::{Catalogue, changes};

const HOSTILE: &str = "x`|<script>@all [a](b) \u{1b}[31m\u{202e}\n# title {new}";

fn report(checks: Value, verdict: &str) -> Value {
    json!({
        "format": "bm-preflight-report/2",
        "run": { "lang": "en", "installation": {
            "name": "mail.example.org", "release": "4.0.14", "target": "4.1", "collected_at": "2026-11-23T10:00:00Z" } },
        "verdict": verdict,
        "checks": checks,
        "coverage": [{ "table": "domain", "scope": "directory", "completeness": "complete", "reason": null, "rows": 2 }],
        "a_key_of_a_later_version": 1,
    })
}

fn check(id: &str, severity: &str, outcome: &str, findings: Value) -> Value {
    json!({ "id": id, "severity": severity, "outcome": outcome, "missing": [], "findings": findings })
}

fn finding(subject: &str, severity: &str, messages: i64) -> Value {
    json!({ "subject": subject, "severity": severity, "message": format!("{subject} is ill"),
            "evidence": { "messages": messages, "same": "x" }, "waived": null, "explained_by": null })
}

fn missing(place: Option<&str>, reason: &str) -> Value {
    json!({ "table": "domain", "scope": "directory", "place": place, "problem": null, "reason": reason, "waived": null })
}

fn side(value: &Value) -> Side {
    Side::parse(&value.to_string()).unwrap()
}

fn between(old: Value, new: Value) -> Changes {
    Changes::between(&side(&report(old, "ready")), &side(&report(new, "ready")), None)
}

fn subjects(told: &[FindingTold]) -> Vec<&str> {
    told.iter().map(|finding| finding.subject.as_str()).collect()
}

/// Blockers, unanswered, warnings.
fn worse(changes: &Changes) -> (u64, u64, u64) {
    (changes.worse.blockers, changes.worse.unanswered, changes.worse.warnings)
}

#[test]
fn the_same_twice_is_no_change() {
    let checks = json!([check("a", "blocker", "fail", json!([finding("x", "blocker", 1)]))]);
    let changes = between(checks.clone(), checks);
    assert!(changes.is_empty() && worse(&changes) == (0, 0, 0), "{changes:?}");
    assert!(
        changes::Outline::of(&changes, &Catalogue::shipped(Lang::En), 20)
            .text()
            .contains("Nothing came, went or changed.")
    );
}

#[test]
fn findings_come_go_and_change_with_their_evidence() {
    let old =
        json!([check("a", "blocker", "fail", json!([finding("gone", "blocker", 1), finding("stays", "blocker", 1)]))]);
    let new =
        json!([check("a", "blocker", "fail", json!([finding("new", "blocker", 1), finding("stays", "blocker", 7)]))]);
    let changes = between(old, new);
    assert_eq!((subjects(&changes.findings.came), subjects(&changes.findings.went)), (vec!["new"], vec!["gone"]));
    let [changed] = changes.findings.changed.as_slice() else { panic!("{changes:?}") };
    let [evidence] = changed.evidence.as_slice() else { panic!("{changed:?}") };
    assert_eq!((evidence.column.as_str(), &evidence.old, &evidence.new), ("messages", &json!(1), &json!(7)));
    assert_eq!(worse(&changes), (1, 0, 0));
    let text = changes::Outline::of(&changes, &Catalogue::shipped(Lang::En), 20).text();
    assert!(
        text.contains("Findings that came (1)\n  • ✗ new is ill [a]\n") && text.contains("messages: 1 → 7"),
        "{text}"
    );
}

#[test]
fn what_nobody_looked_at_did_not_go() {
    let old = json!([check("a", "blocker", "fail", json!([finding("x", "blocker", 1)]))]);
    let unknown = || check("a", "blocker", "unknown", json!([]));
    let mut partly = check("a", "blocker", "fail", json!([finding("y", "blocker", 1)]));
    partly["missing"] = json!([missing(Some("/x"), "refused")]);
    for new in [json!([unknown()]), json!([]), json!([check("a", "blocker", "error", json!([]))]), json!([partly])] {
        let changes = between(old.clone(), new);
        assert_eq!((subjects(&changes.findings.unseen), subjects(&changes.findings.went)), (vec!["x"], vec![]));
    }
    let passed = between(old.clone(), json!([check("a", "blocker", "pass", json!([]))]));
    assert_eq!(subjects(&passed.findings.went), ["x"]);
    assert_eq!(worse(&passed), (0, 0, 0));
}

#[test]
fn a_blocker_comes_by_every_way_there_is() {
    let with = |finding: Value| json!([check("a", "blocker", "fail", json!([finding]))]);
    let mut waived = finding("x", "blocker", 1);
    waived["waived"] = json!({ "reason": "known", "expires": "2027-01-01" });
    let mut explained = finding("x", "blocker", 1);
    explained["explained_by"] = json!({ "check": "b", "subject": "y" });
    let open = with(finding("x", "blocker", 1));
    for (old, due) in [
        (json!([]), 1),
        (json!([check("a", "blocker", "unknown", json!([]))]), 1),
        (with(waived.clone()), 1),
        (with(explained), 1),
        (with(finding("x", "warning", 1)), 1),
        (open.clone(), 0),
    ] {
        assert_eq!(between(old.clone(), open.clone()).worse.blockers, due, "{old}");
    }
    assert_eq!(worse(&between(open, with(waived))), (0, 0, 0));
}

#[test]
fn a_blocking_check_that_lost_its_answer_is_worse() {
    let with = |severity: &str, gaps: Value| {
        let mut check = check("a", severity, if gaps == json!([]) { "pass" } else { "unknown" }, json!([]));
        check["missing"] = gaps;
        json!([check])
    };
    let whole = || json!([missing(None, "down")]);
    let place = |name: &str| json!([missing(Some(name), "refused")]);
    let error = json!([check("a", "blocker", "error", json!([]))]);
    for (old, new, due) in [
        (with("blocker", json!([])), with("blocker", whole()), 1),
        (with("warning", json!([])), with("warning", whole()), 0),
        (with("blocker", whole()), with("blocker", whole()), 0),
        (with("blocker", whole()), with("blocker", place("/a")), 0),
        (with("blocker", place("/a")), with("blocker", place("/b")), 1),
        (with("blocker", whole()), error.clone(), 1),
        (error.clone(), error, 0),
        (json!([]), with("blocker", whole()), 0),
    ] {
        assert_eq!(between(old.clone(), new.clone()).worse.unanswered, due, "{old} {new}");
    }
    let changes = between(with("blocker", whole()), with("blocker", json!([missing(None, "refused")])));
    assert_eq!((changes.unknowns.changed.len(), changes.worse.unanswered), (1, 0));
}

#[test]
fn coverage_that_changed_is_told() {
    let mut new = report(json!([]), "ready");
    new["coverage"][0]["completeness"] = json!("absent");
    new["coverage"][0]["reason"] = json!("refused");
    let changes = Changes::between(&side(&report(json!([]), "ready")), &side(&new), None);
    let [change] = changes.coverage.as_slice() else { panic!("{changes:?}") };
    assert_eq!((change.old, change.new), (Some(Completeness::Complete), Some(Completeness::Absent)));
    let text = changes::Outline::of(&changes, &Catalogue::shipped(Lang::Fr), 20).text();
    assert!(text.contains("directory\u{a0}: complète → absente [domain]\n      refused"), "{text}");
}

#[test]
fn what_weighs_most_stands_first() {
    let unknown = |id: &str, severity: &str| {
        let mut check = check(id, severity, "unknown", json!([]));
        check["missing"] = json!([missing(None, "down")]);
        check
    };
    let new = json!([
        check("a", "info", "fail", json!([finding("x", "info", 1)])),
        check("b", "warning", "fail", json!([finding("x", "warning", 1)])),
        check("c", "blocker", "fail", json!([finding("x", "blocker", 1)])),
        unknown("d", "warning"),
        unknown("e", "blocker"),
    ]);
    let changes = between(json!([]), new);
    let ids = |told: &[FindingTold]| told.iter().map(|finding| finding.check.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&changes.findings.came), ["c", "b", "a"]);
    assert_eq!(changes.unknowns.came.iter().map(|gap| gap.check.as_str()).collect::<Vec<_>>(), ["e", "d"]);
    assert_eq!(changes.checks.iter().map(|change| change.id.as_str()).collect::<Vec<_>>(), ["c", "e", "b", "d", "a"]);
}

#[test]
fn hostile_names_stay_text() {
    let new = json!([check("a", "blocker", "fail", json!([finding(HOSTILE, "blocker", 1)]))]);
    let changes = between(json!([]), new);
    let outline = changes::Outline::of(&changes, &Catalogue::shipped(Lang::En), 20);
    let (text, markdown) = (outline.text(), outline.markdown());
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && text.contains("\\u{a}# title {new}"), "{text}");
    let line = markdown.lines().find(|line| line.contains("script")).unwrap();
    assert!(line.starts_with("- ✗ x\\`\\|&lt;script&gt;@\u{2060}all \\[a\\]\\(b\\) \\\\u\\{1b\\}"), "{line}");
    assert!(!markdown.lines().any(|line| line.starts_with("# ")), "{markdown}");
}

#[test]
fn a_ticket_has_room_for_it() {
    let many = |n: usize| (0..n).map(|i| finding(&format!("{HOSTILE}{i}"), "blocker", 1)).collect::<Vec<_>>();
    let changes = between(json!([]), json!([check("a", "blocker", "fail", json!(many(5_000)))]));
    let markdown = changes::Outline::of(&changes, &Catalogue::shipped(Lang::En), usize::MAX).markdown();
    assert!(markdown.len() < 60_000 && markdown.contains("(5000)") && markdown.contains("… +"), "{}", markdown.len());
    let text = changes::Outline::of(&changes, &Catalogue::shipped(Lang::En), 20).text();
    assert!(text.contains("4980 more in the JSON form"), "{text}");
}

#[test]
fn what_is_no_report_is_refused() {
    for text in ["", "[]", "{}", "{\"format\": 1}", &"[".repeat(100_000)] {
        assert!(matches!(Side::parse(text), Err(SideError::Shape(_))));
    }
    let mut other = report(json!([]), "ready");
    other["format"] = json!("bm-preflight-report/9");
    assert!(Side::parse(&other.to_string()).unwrap_err().to_string().contains("report/9"));
}

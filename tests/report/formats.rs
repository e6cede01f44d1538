//! The formats tell the same story.

use std::collections::BTreeSet;
use std::time::Duration;

use bm_preflight::model::{CheckResult, Lang};
use bm_preflight::report::{Format, Report, Style, html, json, junit, text};
use bm_preflight::verdict::{FailOn, judge, open};
use clap::ValueEnum as _;
use serde_json::Value;

use crate::canonical::{AGE, HOSTILE, hostile, report, selection};
use crate::markup::{Element, read};

/// The canonical report with lists short enough for every format to show them whole.
fn short(lang: Lang) -> Report {
    let mut report = report(lang, FailOn::Warning);
    for check in &mut report.checks {
        check.findings.truncate(20);
    }
    report.judgement = judge(&report.checks, None, AGE, report.fail_on);
    report
}

struct Told {
    json: Value,
    html: Element,
    junit: Element,
    text: String,
}

fn told(report: &Report) -> Told {
    Told {
        json: serde_json::from_str(&json::render(report).unwrap()).unwrap(),
        html: read(&html::render(report, None).unwrap()).unwrap(),
        junit: read(&junit::render(report).unwrap()).unwrap(),
        text: text::render(report, false, true),
    }
}

#[test]
fn verdict_and_counts_agree() {
    for lang in Lang::ALL {
        let Told { json, html, junit, text } = told(&short(lang));
        let verdict = json["verdict"].as_str().unwrap();
        assert_eq!(html.of_class("verdict")[0].attribute("class"), format!("verdict {verdict}"));
        assert!(text.lines().next().unwrap().contains(html.by_id("verdict").unwrap().text.trim()));
        for (word, n) in ["checks", "findings"].iter().flat_map(|of| json["summary"][of].as_object().unwrap()) {
            assert_eq!(html.by_id(&format!("count-{word}")).unwrap().text, n.to_string(), "{word}");
        }
        let checks = &json["summary"]["checks"];
        // An info fails nothing.
        assert_eq!(junit.all("skipped").len() as u64, checks["not_applicable"].as_u64().unwrap() + 1);
        let broken = checks["unknown"].as_u64().unwrap() + checks["error"].as_u64().unwrap();
        assert_eq!(junit.all("error").len() as u64, broken);
        // Under --fail-on warning every other failed check is a failure but those whose findings are all accepted or explained.
        assert_eq!(junit.all("failure").len() as u64, checks["fail"].as_u64().unwrap() - 3);
        let last = text.lines().last().unwrap();
        for n in json["summary"]["findings"].as_object().unwrap().values() {
            assert!(last.contains(&format!(" {n} ")), "{n} is not in {last}");
        }
    }
}

#[test]
fn each_verdict_has_its_sentence() {
    let told = |ids: &[&str]| {
        let mut report = report(Lang::En, FailOn::Blocker);
        report.checks.retain(|c| ids.contains(&c.id.as_str()));
        report.judgement = judge(&report.checks, None, AGE, report.fail_on);
        told(&report)
    };
    for (ids, verdict, sentence) in [
        (&["mailbox_size"][..], "ready", "Ready to upgrade to 4.1"),
        (
            &["mailbox_size", "autodiscover_unreachable"],
            "ready_with_warnings",
            "Ready to upgrade to 4.1, with warnings",
        ),
        (&["mapi_will_not_start"], "inconclusive", "Inconclusive: the upgrade to 4.1 cannot be cleared"),
        (&["inbox_virtual_folder"], "not_ready", "Not ready to upgrade to 4.1: 5 blocking findings"),
    ] {
        let Told { json, html, text, .. } = told(ids);
        assert_eq!(json["verdict"], verdict);
        assert_eq!(html.by_id("verdict").unwrap().text.trim(), sentence);
        assert!(text.lines().next().unwrap().ends_with(sentence));
        assert_eq!(html.text.contains("No blocking finding."), verdict != "not_ready");
    }
}

#[test]
fn a_selection_is_told_in_every_format() {
    for (lang, sentence, said, word) in [
        (
            Lang::En,
            "Not judged: nothing blocks in 3 of 72 checks, the others were left out",
            "3 of 72 checks that apply. Blocking checks left out: replication_inactive, spool_on_fire",
            "Selection:",
        ),
        (
            Lang::Fr,
            "Non évalué\u{a0}: rien n’est bloquant dans 3 des 72 contrôles, les autres ont été écartés",
            "3 des 72 contrôles applicables. Contrôles bloquants écartés\u{a0}: replication_inactive, spool_on_fire",
            "Sélection\u{a0}:",
        ),
    ] {
        let mut report = report(lang, FailOn::Blocker);
        report.checks.retain(|c| ["mailbox_size", "autodiscover_unreachable"].contains(&c.id.as_str()));
        report.judgement = judge(&report.checks, Some(selection()), AGE, report.fail_on);
        let Told { json, html, junit, text } = told(&report);
        assert_eq!((&json["verdict"], &json["exit_code"]), (&"not_judged".into(), &0.into()));
        let blockers = ["replication_inactive", "spool_on_fire"];
        assert_eq!(json["run"]["selection"], serde_json::json!({"run": 3, "of": 72, "left_out_blockers": blockers}));
        assert_eq!(html.by_id("verdict").unwrap().text.trim(), sentence);
        assert_eq!(html.of_class("verdict")[0].attribute("class"), "verdict not_judged");
        assert_eq!(html.of_class("selection")[0].text, format!("{word} {said}"));
        assert_eq!(text.lines().next().unwrap(), format!("– {sentence}"));
        assert!(text.contains(&format!("  {word} {said}\n")), "{text}");
        for suite in junit.all("testsuite") {
            let properties = suite.all("property").into_iter();
            let properties: Vec<_> = properties.map(|p| (p.attribute("name"), p.attribute("value"))).collect();
            let place = [("verdict", "not_judged"), ("release", "4.0.14"), ("target", "4.1"), ("selection", said)];
            let properties: Vec<_> = properties.into_iter().filter(|(name, _)| *name != "facts").collect();
            assert_eq!(properties, place);
        }
        // What blocks in a selection is told as ever.
        report = self::report(lang, FailOn::Blocker);
        report.judgement = judge(&report.checks, Some(selection()), AGE, report.fail_on);
        let Told { json, html, text, .. } = self::told(&report);
        assert_eq!(json["verdict"], "not_ready");
        assert!(html.of_class("selection")[0].text.ends_with(said) && text.contains(said));
    }
}

#[test]
fn the_age_of_the_facts_stands_at_the_top_of_every_format() {
    let week = Duration::from_secs(7 * 86_400);
    for (lang, age, said) in [
        (Lang::En, AGE, "Facts collected 2026-11-23T09:59:00Z (1 minute ago)"),
        (Lang::En, week + AGE, "Facts collected 2026-11-23T09:59:00Z (7 days ago)"),
        (Lang::Fr, week + AGE, "Données relevées le 2026-11-23T09:59:00Z (il y a 7 jours)"),
    ] {
        let is_old = age > week;
        for (fail_on, code, element) in [(FailOn::Warning, 10, "failure"), (FailOn::Blocker, 0, "skipped")] {
            let mut report = report(lang, fail_on);
            report.checks.retain(|c| c.id == "mailbox_size");
            report.judgement = judge(&report.checks, None, age, fail_on);
            let Told { json, html, junit, text } = told(&report);
            let (verdict, code) = if is_old { ("ready_with_warnings", code) } else { ("ready", 0) };
            assert_eq!((&json["verdict"], &json["exit_code"]), (&verdict.into(), &code.into()));
            assert_eq!(json["run"]["installation"]["facts_age_s"], age.as_secs());
            assert!(text.lines().nth(2).unwrap().ends_with(said), "{text}");
            let head = html.of_class("age")[0];
            assert!(head.text.contains("2026-11-23") && said.ends_with(head.text.rsplit(" (").next().unwrap()));
            assert_eq!(head.attribute("class").contains("warning"), is_old);
            let property = junit.all("property").into_iter().find(|p| p.attribute("name") == "facts").unwrap();
            assert!(said.ends_with(property.attribute("value")), "{}", property.attribute("value"));
            let case = junit.all("testcase").into_iter().find(|c| c.attribute("name") == "facts_outdated");
            assert_eq!(case.map(|case| case.children[0].name.as_str()), is_old.then_some(element));
        }
    }
}

#[test]
fn a_release_that_is_known_by_its_floor_alone_is_told_so() {
    for (lang, said) in [(Lang::En, "unknown, at least 4.7"), (Lang::Fr, "inconnue, au moins la 4.7")] {
        let mut report = short(lang);
        let place = &mut report.run.installation;
        (place.release, place.at_least) = (None, Some("4.7".into()));
        let Told { json, html, junit, text } = told(&report);
        let place = &json["run"]["installation"];
        assert_eq!((&place["release"], &place["release_at_least"]), (&Value::Null, &"4.7".into()));
        assert!(html.of_class("facts")[0].text.contains(said) && text.contains(&format!("({said})")));
        assert!(junit.all("property").iter().any(|p| p.attribute("value") == said));
    }
}

#[test]
fn every_check_is_in_every_format() {
    let Told { json, html, junit, text } = told(&short(Lang::Fr));
    let ids: BTreeSet<&str> = json["checks"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    let cases: BTreeSet<&str> = junit.all("testcase").iter().map(|c| c.attribute("name")).collect();
    assert_eq!(ids, cases);
    for id in ids {
        assert!(html.by_id(id).is_some_and(|e| e.text.contains(id)), "{id} is not on the page");
        assert!(text.contains(&format!("[{id}]")), "{id} is not on the terminal");
    }
}

#[test]
fn every_subject_is_in_every_format() {
    let Told { json, html, junit, text } = told(&short(Lang::En));
    let shown: BTreeSet<String> = html.of_class("subject").iter().map(|s| s.text.clone()).collect();
    let mut subjects = BTreeSet::new();
    for check in json["checks"].as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        let case = junit.all("testcase").into_iter().find(|c| c.attribute("name") == id).unwrap();
        for finding in check["findings"].as_array().unwrap() {
            let subject = finding["subject"].as_str().unwrap();
            assert!(case.text.contains(subject), "{subject} is not in the case {id}");
            if !finding["explained_by"].is_null() {
                assert!(text.contains(&format!("↳ {subject}")), "{subject} is not on the terminal");
                assert!(html.of_class("under")[0].text.contains(subject), "{subject} is not on the page");
                continue;
            }
            assert!(text.contains(&format!("• {subject}")), "{subject} is not on the terminal");
            subjects.insert(subject.to_owned());
        }
    }
    assert!(subjects.len() > 20);
    assert_eq!(subjects, shown);
}

#[test]
fn no_format_leaves_out_a_check_or_lets_a_stranger_speak_to_the_terminal() {
    let style = Style { verbose: true, ..Style::default() };
    let (whole, strange) = (short(Lang::En), hostile(HOSTILE));
    for format in Format::value_variants() {
        let text = format.render(&whole, style).unwrap();
        // A table of findings has no row of a check without one, and a ticket needs what is to be done alone.
        let is_due = |check: &&CheckResult| match format {
            Format::Csv => !check.findings.is_empty(),
            Format::Markdown => open(check) > 0,
            _ => true,
        };
        for check in whole.checks.iter().filter(is_due) {
            assert!(text.contains(&check.id), "{format:?}: {}", check.id);
        }
        let text = format.render(&strange, style).unwrap();
        assert!(!text.contains(['\u{1b}', '\0']), "{format:?}: {text}");
    }
}

#[test]
fn every_proof_is_in_every_format() {
    let Told { json, html, junit, text } = told(&short(Lang::En));
    let checks = json["checks"].as_array().unwrap();
    let proven: Vec<_> = checks.iter().filter(|c| !c["proof"].as_array().unwrap().is_empty()).collect();
    assert!(!proven.is_empty());
    for check in proven {
        let id = check["id"].as_str().unwrap();
        let case = junit.all("testcase").into_iter().find(|c| c.attribute("name") == id).unwrap();
        let row = html.by_id(id).unwrap();
        for sentence in check["proof"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()) {
            assert!(case.text.contains(sentence), "{sentence} is not in the case {id}");
            assert!(row.text.contains(sentence), "{sentence} is not in the row of {id}");
            assert!(text.contains(&format!("\n    {sentence}\n")), "{sentence} is not on the terminal");
        }
    }
}

#[test]
#[ignore = "writes sample reports to look at into the target folder"]
fn write_samples() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-samples");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    let reports = [("en", report(Lang::En, FailOn::Blocker)), ("fr", report(Lang::Fr, FailOn::Blocker))];
    for (name, report) in reports.into_iter().chain([("hostile", hostile(HOSTILE))]) {
        for format in Format::value_variants() {
            let file = format!("{name}.{}", format.file_name().unwrap_or("report.txt"));
            write(&file, format.render(&report, Style { colour: true, ..Style::default() }).unwrap());
        }
    }
    println!("{}", folder.display());
}

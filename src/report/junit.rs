//! The JUnit report. This file alone knows the `junit_report` crate, which writes every string as it gets it, so each
//! one passes through `attribute` or `body` first.

use std::collections::BTreeMap;

use junit_report::{TestCase, TestResult, TestSuite};
use quick_xml::events::Event;
use quick_xml::{Reader, Writer};
use time::{Duration, OffsetDateTime};

use super::i18n::Catalogue;
use super::outline;
use super::{Report, Run, utc};
use crate::model::text::visible;
use crate::model::{CheckResult, Outcome, Severity};
use crate::verdict::{self, FailOn};

/// Findings spelled out in one test case; the JSON report has them all.
const LISTED: usize = 100;

/// Subjects named in the message of a case that is not red.
const NAMED: usize = 3;

/// The suite of what is said of the facts as a whole.
const FACTS: &str = "facts";

/// The longest time written for one case, in milliseconds: eleven days, far from where the sums of a suite overflow.
const LONGEST_MS: u64 = 1_000_000_000;

/// Writes the report as JUnit XML: a suite per category, a case per check.
///
/// # Errors
/// When the XML writer fails.
pub fn render(report: &Report) -> Result<String, Box<dyn std::error::Error>> {
    let words = Catalogue::shipped(report.run.lang);
    let mut categories: BTreeMap<&str, Vec<TestCase>> = BTreeMap::new();
    for check in &report.checks {
        categories.entry(&check.category).or_default().push(case(check, report.fail_on, &words));
    }
    if report.judgement.is_outdated {
        categories.entry(FACTS).or_default().push(outdated(report, &words));
    }
    let mut xml = junit_report::Report::new();
    xml.add_testsuites(categories.into_iter().map(|(category, cases)| suite(category, cases, &report.run)));
    let mut bytes = Vec::new();
    xml.write_xml(&mut bytes)?;
    let mut bytes = with_properties(&bytes, &properties(report, &words))?;
    bytes.push(b'\n');
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the cases are about, and what was left out of them.
fn properties(report: &Report, words: &Catalogue) -> Vec<(&'static str, String)> {
    let (judgement, place) = (&report.judgement, &report.run.installation);
    let mut properties = vec![
        ("verdict", judgement.verdict.as_str().to_owned()),
        ("release", words.release(place)),
        ("target", place.target.clone()),
        ("facts", format!("{} ({})", utc(place.collected_at), words.ago(judgement.facts_age))),
    ];
    properties.extend(judgement.selection.iter().map(|s| ("selection", words.selection(s, usize::MAX))));
    properties
}

/// The document with properties in each suite, which `junit_report` cannot write.
fn with_properties(xml: &[u8], properties: &[(&str, String)]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (mut reader, mut writer) = (Reader::from_reader(xml), Writer::new(Vec::new()));
    loop {
        let event = reader.read_event()?;
        let opens_suite = matches!(&event, Event::Start(tag) if tag.name().as_ref() == b"testsuite");
        if matches!(event, Event::Eof) {
            return Ok(writer.into_inner());
        }
        writer.write_event(event)?;
        if opens_suite {
            writer.create_element("properties").write_inner_content(|writer| {
                properties.iter().try_for_each(|(name, value)| {
                    let value = attribute(value);
                    let attributes = [("name", *name), ("value", value.as_str())];
                    writer.create_element("property").with_attributes(attributes).write_empty().map(|_| ())
                })
            })?;
        }
    }
}

fn suite(category: &str, mut cases: Vec<TestCase>, run: &Run) -> TestSuite {
    settle_times(&mut cases);
    TestSuite {
        name: attribute(category),
        package: attribute(&format!("bm-preflight.{category}")),
        timestamp: OffsetDateTime::from_unix_timestamp(run.started_at.as_second())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        hostname: attribute(run.installation.name.as_deref().unwrap_or("unknown")),
        testcases: cases,
        system_out: None,
        system_err: None,
    }
}

fn case(check: &CheckResult, fail_on: FailOn, words: &Catalogue) -> TestCase {
    let (result, system_out) = match check.outcome {
        Outcome::Pass => (TestResult::Success, proof(check)),
        Outcome::Fail => failed(check, fail_on, words),
        Outcome::Unknown | Outcome::Error => (unanswered(check, fail_on, words), None),
        Outcome::NotApplicable => (skipped(check.outcome.as_str(), check.reason.as_deref().unwrap_or_default()), None),
    };
    TestCase {
        name: attribute(&check.id),
        time: Duration::milliseconds(check.elapsed_ms.min(LONGEST_MS).cast_signed()),
        result,
        classname: Some(attribute(&format!("bm-preflight.{}", check.category))),
        filepath: None,
        system_out,
        system_err: None,
    }
}

/// Facts that are out of date are a warning that no check tells of.
fn outdated(report: &Report, words: &Catalogue) -> TestCase {
    let (type_, message) = (Severity::Warning.as_str(), words.text("label.outdated"));
    let result = match report.fail_on.counts(Severity::Warning) {
        true => TestResult::Failure { type_: type_.to_owned(), message: attribute(message), cause: None },
        false => skipped(type_, message),
    };
    let classname = Some(format!("bm-preflight.{FACTS}"));
    let (name, time) = ("facts_outdated".to_owned(), Duration::ZERO);
    TestCase { name, time, result, classname, filepath: None, system_out: None, system_err: None }
}

/// What a pass compared, a line for each sentence.
fn proof(check: &CheckResult) -> Option<String> {
    let lines: Vec<String> = check.proof.iter().map(|sentence| visible(sentence, false)).collect();
    (!lines.is_empty()).then(|| body(&lines.join("\n")))
}

/// Red where the findings make the exit code; else skipped, which forges show, while they drop what a passed case has to
/// say. A check whose findings are all accepted or explained passes, unless it could not look at everything: what it did
/// not see, nobody accepted.
fn failed(check: &CheckResult, fail_on: FailOn, words: &Catalogue) -> (TestResult, Option<String>) {
    let (open, all) = (verdict::open(check), body(&told(check, words)));
    let type_ = check.severity.as_str();
    let count = || format!("{}{} {}", words.count("finding", open), words.text("format.colon"), check.title);
    if open == 0 && check.missing.is_empty() {
        (TestResult::Success, Some(all))
    } else if open == 0 {
        (unanswered(check, fail_on, words), Some(all))
    } else if fail_on.counts(check.severity) {
        let (type_, message) = (type_.to_owned(), attribute(&count()));
        (TestResult::Failure { type_, message, cause: Some(all) }, None)
    } else {
        (skipped(type_, &format!("{} ({})", count(), subjects(check, words))), Some(all))
    }
}

/// The first subjects of open findings.
fn subjects(check: &CheckResult, words: &Catalogue) -> String {
    let mut subjects = outline::open(check).map(|finding| finding.subject.clone());
    let mut first: Vec<String> = subjects.by_ref().take(NAMED).collect();
    let more = subjects.count() as u64;
    first.extend((more > 0).then(|| words.more(more)));
    first.join(", ")
}

fn unanswered(check: &CheckResult, fail_on: FailOn, words: &Catalogue) -> TestResult {
    let reasons: Vec<String> = check.reason.clone().into_iter().chain(missing(check, words)).collect();
    let (first, colon) = (reasons.first().map_or("", String::as_str), words.text("format.colon"));
    let (type_, message) = (check.outcome.as_str(), format!("{}{colon} {first}", check.title));
    match fail_on.counts(check.severity) && verdict::is_unanswered(check) {
        false => skipped(type_, &message),
        true => {
            let (type_, message, cause) = (type_.to_owned(), attribute(&message), Some(body(&reasons.join("\n"))));
            TestResult::Error { type_, message, cause }
        }
    }
}

fn skipped(type_: &str, message: &str) -> TestResult {
    TestResult::SkippedWithCause { type_: type_.to_owned(), message: attribute(message), cause: None }
}

/// The findings, the open ones first, then the explained and the accepted ones, and what the check could not see.
fn told(check: &CheckResult, words: &Catalogue) -> String {
    let colon = words.text("format.colon");
    let mut lines = vec![check.title.clone()];
    for finding in outline::open(check).take(LISTED) {
        lines.push(format!("{}{colon} {}", visible(&finding.subject, false), finding.message));
        lines.extend(check.remediations.get(finding.remedy).map(|done| format!("  {}", done.text)));
    }
    let more = verdict::open(check).saturating_sub(LISTED as u64);
    if more > 0 {
        lines.push(words.more(more));
    }
    for (finding, cause) in check.findings.iter().filter_map(|f| Some((f, f.explained_by.as_ref()?))).take(LISTED) {
        let (explained, subject) = (words.text("label.explained_by"), visible(&finding.subject, false));
        lines.push(format!("{subject}{colon} {explained} {} ({})", cause.check, visible(&cause.subject, false)));
    }
    for (finding, waived) in check.findings.iter().filter_map(|f| Some((f, f.waived.as_ref()?))).take(LISTED) {
        let (accepted, subject) = (words.text("section.waived"), visible(&finding.subject, false));
        lines.push(format!("{accepted} ({}){colon} {subject} ({})", waived.expires, waived.reason));
    }
    if !check.missing.is_empty() {
        lines.push(format!("{}{colon}", words.text("label.not_seen")));
        lines.extend(missing(check, words));
    }
    lines.join("\n")
}

fn missing(check: &CheckResult, words: &Catalogue) -> impl Iterator<Item = String> {
    let more = check.missing.len().saturating_sub(LISTED) as u64;
    let told = check.missing.iter().take(LISTED).map(|m| format!("{}: {}", m.shown(), m.reason));
    told.chain((more > 0).then(|| words.more(more)))
}

/// Text for an attribute, where a reader would turn line ends into spaces anyway.
fn attribute(text: &str) -> String {
    visible(text, true).replace(['\n', '\t'], " ")
}

/// Text for a CDATA section, which `]]>` would end.
fn body(text: &str) -> String {
    visible(text, true).replace("]]>", "]]]]><![CDATA[>")
}

/// Jenkins' schema takes three decimals at most, and the crate prints seconds as the nearest floating-point number,
/// which for a few values has more: those are lengthened by a millisecond.
fn settle_times(cases: &mut [TestCase]) {
    let settle = |time: &mut Duration| {
        while has_long_fraction(*time) {
            *time += Duration::MILLISECOND;
        }
    };
    cases.iter_mut().for_each(|c| settle(&mut c.time));
    while has_long_fraction(cases.iter().map(|c| c.time).sum()) {
        if let Some(first) = cases.first_mut() {
            first.time += Duration::MILLISECOND;
            settle(&mut first.time);
        }
    }
}

fn has_long_fraction(time: Duration) -> bool {
    time.as_seconds_f64().to_string().split_once('.').is_some_and(|(_, fraction)| fraction.len() > 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_three_decimals() {
        assert!(has_long_fraction(Duration::milliseconds(30_673)), "the crate's printing was mended, drop the guard");
        for ms in [1, 30_673, 999_999_999] {
            let mut cases = vec![TestCase::success("a", Duration::milliseconds(ms)); 3];
            settle_times(&mut cases);
            assert!(cases.iter().all(|c| !has_long_fraction(c.time)));
            assert!(!has_long_fraction(cases.iter().map(|c| c.time).sum()));
        }
    }

    #[test]
    fn nothing_ends_a_cdata_section() {
        assert_eq!(body("a]]>b\u{1b}\n"), "a]]]]><![CDATA[>b\\u{1b}\n");
        assert_eq!(attribute("a\tb\nc\0"), "a b c\\u{0}");
    }
}

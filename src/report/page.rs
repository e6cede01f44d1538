//! What the HTML templates get: the report in reading order, every string safe to look at.

mod coverage;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use self::coverage::{CoverageRow, GapRow};
use super::autodiscover::{NameRow, UrlRow};
use super::i18n::Catalogue;
use super::outline::{self, Home, Outline};
use super::way::Way;
use super::{Report, Run};
use crate::model::text::visible;
use crate::model::{CheckResult, Examined, Finding, Missing, Severity};
use crate::verdict;

/// Findings shown of one check; the JSON report has them all.
const LISTED: usize = 200;

/// Fields whose line ends mean something.
const PROSE: [&str; 6] = ["why", "message", "remediation", "commands", "reason", "notices"];

/// The context of `report.html`.
///
/// # Errors
/// When `serde_json` cannot serialize a value.
pub(super) fn context(report: &Report, words: &Catalogue) -> Result<Value, serde_json::Error> {
    let mut page = serde_json::to_value(Page::of(report, words))?;
    make_visible(&mut page, false);
    Ok(page)
}

/// Every string of the page goes through here, so that no template can forget it.
fn make_visible(value: &mut Value, keep_lines: bool) {
    match value {
        Value::String(text) => *text = visible(text, keep_lines),
        Value::Array(items) => items.iter_mut().for_each(|item| make_visible(item, keep_lines)),
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(key, field)| make_visible(field, PROSE.contains(&key.as_str())));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[derive(Serialize)]
struct Page<'a> {
    lang: &'static str,
    verdict: &'static str,
    sentence: String,
    selection: Option<String>,
    /// How long ago the facts were collected.
    age: String,
    is_outdated: bool,
    exit_code: u8,
    tool_version: &'a str,
    run_id: &'a str,
    started_at: String,
    duration: String,
    installation: Installation<'a>,
    notices: &'a [String],
    check_counts: Vec<Count>,
    finding_counts: Vec<Count>,
    plan: Vec<Step<'a>>,
    open: Vec<Section<'a>>,
    unanswered: Vec<Check<'a>>,
    autodiscover: Vec<NameRow<'a>>,
    public_urls: Vec<UrlRow<'a>>,
    explained: Vec<Check<'a>>,
    waived: Vec<Check<'a>>,
    waived_gaps: Vec<GapRow<'a>>,
    /// How many accepted gaps the page leaves out.
    more_waived_gaps: u64,
    passed: Vec<Check<'a>>,
    not_applicable: Vec<Check<'a>>,
    coverage: Vec<CoverageRow<'a>>,
}

#[derive(Serialize)]
struct Installation<'a> {
    name: Option<&'a str>,
    build: Option<&'a str>,
    release: String,
    target: &'a str,
    way: Way<'a>,
    servers: &'a [String],
    collected_at: String,
}

#[derive(Serialize)]
struct Count {
    word: &'static str,
    n: u64,
}

#[derive(Serialize)]
struct Step<'a> {
    when: &'static str,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Section<'a> {
    severity: &'static str,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    id: &'a str,
    /// The id, percent-encoded for a link.
    fragment: String,
    home: Home,
    severity: &'static str,
    outcome: &'static str,
    title: &'a str,
    why: &'a str,
    reference: Option<&'a str>,
    /// The reference is a page that a browser may open.
    links: bool,
    when: &'static str,
    risk: &'static str,
    reason: Option<&'a str>,
    examined: Vec<ExaminedRow<'a>>,
    proof: &'a [String],
    missing: Vec<MissingRow<'a>>,
    /// How many gaps the page leaves out.
    more_missing: u64,
    /// How many findings stand for themselves, and how many of them the page leaves out.
    open: u64,
    more: u64,
    findings: Vec<FindingRow<'a>>,
    /// How many findings others explain.
    explained: u64,
    /// The findings that explain them, each by its check once.
    causes: Vec<CheckName<'a>>,
    waived: Vec<FindingRow<'a>>,
    /// How many accepted findings the page leaves out.
    more_waived: u64,
    /// What to do, each text once.
    remedies: Vec<Remedy<'a>>,
}

#[derive(Serialize)]
struct CheckName<'a> {
    id: &'a str,
    fragment: String,
}

#[derive(Serialize)]
struct Remedy<'a> {
    /// Whom it is for; empty where it is for all.
    subjects: Vec<&'a str>,
    remediation: &'a str,
    commands: Vec<&'a str>,
}

#[derive(Serialize)]
struct FindingRow<'a> {
    subject: &'a str,
    message: &'a str,
    evidence: Vec<Evidence<'a>>,
    under: Vec<Under<'a>>,
    /// How many of what stands under it the page leaves out.
    more_under: u64,
    reason: Option<&'a str>,
    expires: Option<&'a str>,
}

/// A finding that another one explains.
#[derive(Serialize)]
struct Under<'a> {
    check: CheckName<'a>,
    /// Where the message does not name it.
    subject: Option<&'a str>,
    message: &'a str,
}

#[derive(Serialize)]
struct Evidence<'a> {
    name: &'a str,
    value: String,
}

#[derive(Serialize)]
struct ExaminedRow<'a> {
    table: &'a str,
    rows: u64,
}

#[derive(Serialize)]
struct MissingRow<'a> {
    table: &'a str,
    scope: &'a str,
    reason: &'a str,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report, words: &Catalogue) -> Self {
        let Report { run, judgement, .. } = report;
        let outline = Outline::of(&report.checks);
        let views = |checks: &[&'a CheckResult]| checks.iter().map(|check| Check::of(check, &outline)).collect();
        Self {
            lang: run.lang.as_str(),
            verdict: judgement.verdict.as_str(),
            sentence: words.verdict(report),
            selection: judgement.selection.as_ref().map(|selection| words.selection(selection, usize::MAX)),
            age: words.ago(judgement.facts_age),
            is_outdated: judgement.is_outdated,
            exit_code: judgement.exit_code,
            tool_version: &report.tool_version,
            run_id: &run.id,
            started_at: day_and_time(run.started_at),
            duration: words.duration(run.duration_ms),
            installation: Installation::of(run, words),
            notices: &run.notices,
            check_counts: outline::check_counts(&judgement.checks).map(Count::of).into(),
            finding_counts: outline::finding_counts(&judgement.findings).map(Count::of).into(),
            plan: outline
                .plan
                .each_ref()
                .map(|(when, checks)| Step { when: outline::when_word(*when), checks: views(checks) })
                .into(),
            open: outline
                .open
                .each_ref()
                .map(|(s, checks)| Section { severity: s.as_str(), checks: views(checks) })
                .into(),
            unanswered: views(&outline.unanswered),
            explained: views(&outline.explained),
            autodiscover: report.autodiscover.iter().map(|name| NameRow::of(name, words)).collect(),
            public_urls: report.public_urls.iter().map(|url| UrlRow::of(url, words)).collect(),
            waived: views(&outline.waived),
            waived_gaps: outline::waived_gaps(report).take(LISTED).map(|gap| GapRow::of(gap, run.lang)).collect(),
            more_waived_gaps: outline::waived_gaps(report).count().saturating_sub(LISTED) as u64,
            passed: views(&outline.passed),
            not_applicable: views(&outline.not_applicable),
            coverage: report.coverage.iter().map(|c| CoverageRow::of(c, run.lang, words)).collect(),
        }
    }
}

impl Count {
    fn of((word, n): (&'static str, u64)) -> Self {
        Self { word, n }
    }
}

impl<'a> Installation<'a> {
    fn of(run: &'a Run, words: &Catalogue) -> Self {
        let place = &run.installation;
        Self {
            name: place.name.as_deref(),
            build: place.build.as_deref(),
            release: words.release(place),
            target: &place.target,
            way: Way::of(&place.way),
            servers: &place.servers,
            collected_at: day_and_time(place.collected_at),
        }
    }
}

impl<'a> Check<'a> {
    fn of(check: &'a CheckResult, outline: &Outline<'a>) -> Self {
        let findings: Vec<&Finding> = outline::open(check).take(LISTED).collect();
        let groups = outline::by_remediation(check, &findings);
        let all_waived = || check.findings.iter().filter(|f| f.waived.is_some());
        let is_one = groups.len() == 1;
        Self {
            id: &check.id,
            fragment: fragment(&check.id),
            home: outline::home(check),
            severity: Severity::as_str(check.severity),
            outcome: check.outcome.as_str(),
            title: &check.title,
            why: &check.why,
            reference: check.reference.as_deref(),
            links: check.reference.as_deref().is_some_and(is_web_page),
            when: outline::when_word(check.remedy.when),
            risk: outline::risk_word(check.remedy.risk),
            reason: check.reason.as_deref(),
            examined: check
                .examined
                .iter()
                .map(|Examined { table, rows }| ExaminedRow { table, rows: *rows })
                .collect(),
            proof: &check.proof,
            missing: check.missing.iter().take(LISTED).map(MissingRow::of).collect(),
            more_missing: check.missing.len().saturating_sub(LISTED) as u64,
            open: verdict::open(check),
            more: verdict::open(check).saturating_sub(findings.len() as u64),
            remedies: groups.iter().map(|(text, findings)| Remedy::of(text, findings, is_one)).collect(),
            findings: findings.into_iter().map(|f| FindingRow::of(f, outline.under(check, f))).collect(),
            explained: verdict::explained(check),
            causes: CheckName::of_causes(check),
            waived: all_waived().take(LISTED).map(|f| FindingRow::of(f, &[])).collect(),
            more_waived: all_waived().count().saturating_sub(LISTED) as u64,
        }
    }
}

impl<'a> Remedy<'a> {
    fn of(remediation: &'a str, findings: &[&'a Finding], is_only_one: bool) -> Self {
        let subjects = findings.iter().map(|finding| finding.subject.as_str());
        Self {
            subjects: if is_only_one { Vec::new() } else { subjects.collect() },
            remediation,
            commands: outline::commands(findings),
        }
    }
}

impl<'a> CheckName<'a> {
    fn of(id: &'a str) -> Self {
        Self { id, fragment: fragment(id) }
    }

    fn of_causes(check: &'a CheckResult) -> Vec<Self> {
        let causes = check.findings.iter().filter_map(|finding| finding.explained_by.as_ref());
        let ids: BTreeSet<&str> = causes.map(|cause| cause.check.as_str()).collect();
        ids.into_iter().map(Self::of).collect()
    }
}

impl<'a> FindingRow<'a> {
    fn of(finding: &'a Finding, explained: &[(&'a CheckResult, &'a Finding)]) -> Self {
        let under = |(check, finding): &(&'a CheckResult, &'a Finding)| Under {
            check: CheckName::of(&check.id),
            subject: outline::unsaid(finding),
            message: &finding.message,
        };
        Self {
            subject: &finding.subject,
            message: &finding.message,
            evidence: finding.evidence.iter().map(|(name, v)| Evidence { name, value: shown(v) }).collect(),
            under: explained.iter().take(LISTED).map(under).collect(),
            more_under: explained.len().saturating_sub(LISTED) as u64,
            reason: finding.waived.as_ref().map(|w| w.reason.as_str()),
            expires: finding.waived.as_ref().map(|w| w.expires.as_str()),
        }
    }
}

impl<'a> MissingRow<'a> {
    fn of(missing: &'a Missing) -> Self {
        let undecided = missing.place.as_deref().filter(|_| missing.table == Missing::UNDECIDED);
        Self { table: &missing.table, scope: undecided.unwrap_or(&missing.scope), reason: &missing.reason }
    }
}

/// A value of a finding's row: text as it is, nothing as a dash, the rest as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

fn day_and_time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn is_web_page(reference: &str) -> bool {
    reference.starts_with("https://") || reference.starts_with("http://")
}

/// The link to a check on the page.
fn fragment(id: &str) -> String {
    percent_encoded(&visible(id, false))
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

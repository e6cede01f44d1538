//! What the HTML templates get: the report in reading order, every string safe to look at.

mod coverage;
mod findings;
mod first;

use serde::Serialize;
use serde_json::Value;

use self::coverage::{CoverageRow, GapRow};
use self::findings::{Check, Layout};
use self::first::First;
use super::autodiscover::{NameRow, UrlRow};
use super::forecast::Window;
use super::html::Error;
use super::i18n::Catalogue;
use super::outline::{self, Outline};
use super::way::Way;
use super::{Report, Run, changes};
use crate::model::CheckResult;
use crate::model::text::{is_plain, visible};

/// Accepted gaps shown; the JSON report has them all.
const LISTED: usize = 200;

/// Fields whose line ends mean something.
const PROSE: [&str; 6] = ["why", "message", "remediation", "commands", "reason", "notices"];

/// The context of `report.html`.
///
/// # Errors
/// When a value cannot be serialized.
pub(super) fn context(report: &Report, words: &Catalogue) -> Result<Value, Error> {
    let mut page = serde_json::to_value(Page::of(report, words)?).map_err(Error::Value)?;
    make_visible(&mut page, false);
    Ok(page)
}

/// Every string of the page goes through here, so that no template can forget it.
fn make_visible(value: &mut Value, keep_lines: bool) {
    match value {
        Value::String(text) if !is_plain(text) => *text = visible(text, keep_lines),
        Value::Array(items) => items.iter_mut().for_each(|item| make_visible(item, keep_lines)),
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(key, field)| make_visible(field, PROSE.contains(&key.as_str())));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[derive(Serialize)]
struct Page<'a> {
    lang: &'static str,
    is_demo: bool,
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
    window: Option<String>,
    installation: Installation<'a>,
    notices: Vec<&'a String>,
    check_counts: Vec<Count>,
    finding_counts: Vec<Count>,
    #[serde(flatten)]
    first: First<'a>,
    forecast: Window,
    sections: Vec<Section<'a>>,
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
    changes: Option<changes::Outline>,
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
struct Section<'a> {
    severity: &'static str,
    checks: Vec<Check<'a>>,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report, words: &Catalogue) -> Result<Self, Error> {
        let Report { run, judgement, digest, .. } = report;
        let outline = Outline::of(&report.checks);
        let limit = findings::limit(outline.open.iter().map(|(_, checks)| checks.len()).sum());
        let layout = Layout { words, outline: &outline, servers: &run.installation.servers, limit };
        let views = |checks: &[&'a CheckResult]| checks.iter().map(|check| Check::of(check, &layout)).collect();
        Ok(Self {
            lang: run.lang.as_str(),
            is_demo: run.is_demo,
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
            window: digest.window.map(|window| window.strftime("%Y-%m-%d %H:%M").to_string()),
            installation: Installation::of(run, words),
            notices: report.remarks().collect(),
            check_counts: outline::check_counts(&judgement.checks).map(Count::of).into(),
            finding_counts: outline::finding_counts(&judgement.findings).map(Count::of).into(),
            first: First::of(report, words).map_err(Error::Table)?,
            forecast: Window::of(&digest.forecast, words),
            sections: outline
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
            changes: report.changes.as_ref().map(|changes| changes::Outline::of(changes, words, LISTED)),
        })
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

//! A check on the page, with its findings as a table.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::super::i18n::Catalogue;
use super::super::outline::{self, Home, Outline};
use super::{fragment, is_web_page};
use crate::model::{CheckResult, Examined, Finding, Missing, Severity};
use crate::verdict;

/// Findings shown of one check where there are few checks with many; the JSON report has them all.
const LISTED: usize = 200;

/// Findings shown of all checks together, for as long as each may have this many at least.
const TOGETHER: (usize, usize) = (4_000, 20);

/// Of so few findings the sentence is shown beside the columns.
const FEW: usize = 3;

/// How a page is made.
pub(super) struct Layout<'l, 'a> {
    pub(super) words: &'l Catalogue,
    pub(super) outline: &'l Outline<'a>,
    /// Uids of the servers, by whose number a row can be filtered.
    pub(super) servers: &'l [String],
    /// Findings shown of one check.
    pub(super) limit: usize,
}

/// How many findings are shown of each of so many checks.
pub(super) fn limit(checks: usize) -> usize {
    let (together, least) = TOGETHER;
    (together / checks.max(1)).clamp(least, LISTED)
}

#[derive(Serialize)]
pub(super) struct Check<'a> {
    id: &'a str,
    /// The id, percent-encoded for a link.
    fragment: String,
    home: Home,
    severity: &'static str,
    outcome: &'static str,
    title: &'a str,
    headline: Option<&'a str>,
    why: &'a str,
    reference: Option<&'a str>,
    /// The reference is a page that a browser may open.
    links: bool,
    who: &'static str,
    when: &'static str,
    risk: &'static str,
    lead_days: u16,
    reason: Option<&'a str>,
    examined: Vec<ExaminedRow<'a>>,
    proof: &'a [String],
    missing: Vec<MissingRow<'a>>,
    /// How many gaps the page leaves out.
    more_missing: u64,
    /// How many findings stand for themselves, and how many of them the page leaves out.
    open: u64,
    more: u64,
    /// Those that it leaves out, by user or server.
    groups: Vec<Group<'a>>,
    more_groups: u64,
    /// Titles of the columns beside the subject.
    columns: Vec<String>,
    /// Whether the sentence of each finding is in sight.
    is_told: bool,
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

/// Findings of one user or server that are not listed.
#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    findings: u64,
}

#[derive(Serialize)]
struct FindingRow<'a> {
    subject: &'a str,
    message: &'a str,
    cells: Vec<Cell>,
    evidence: Vec<Evidence<'a>>,
    under: Vec<Under<'a>>,
    /// How many of what stands under it the page leaves out.
    more_under: u64,
    reason: Option<&'a str>,
    expires: Option<&'a str>,
    /// Number of the server among those of the installation.
    server: Option<usize>,
}

#[derive(Serialize)]
struct Cell {
    title: String,
    value: String,
    is_number: bool,
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

impl<'a> Check<'a> {
    pub(super) fn of(check: &'a CheckResult, layout: &Layout<'_, 'a>) -> Self {
        let findings: Vec<&Finding> = outline::open(check).take(layout.limit).collect();
        let remedies = outline::by_remediation(check, &findings);
        let all_waived = || check.findings.iter().filter(|f| f.waived.is_some());
        let is_one = remedies.len() == 1;
        let (groups, more_groups) = groups(check, layout.limit);
        Self {
            id: &check.id,
            fragment: fragment(&check.id),
            home: outline::home(check),
            severity: Severity::as_str(check.severity),
            outcome: check.outcome.as_str(),
            title: &check.title,
            headline: check.headline.as_deref(),
            why: &check.why,
            reference: check.reference.as_deref(),
            links: check.reference.as_deref().is_some_and(is_web_page),
            who: check.who.as_str(),
            when: outline::when_word(check.remedy.when),
            risk: outline::risk_word(check.remedy.risk),
            lead_days: check.lead_days,
            reason: check.reason.as_deref(),
            examined: check.examined.iter().map(ExaminedRow::of).collect(),
            proof: &check.proof,
            missing: check.missing.iter().take(layout.limit).map(MissingRow::of).collect(),
            more_missing: check.missing.len().saturating_sub(layout.limit) as u64,
            open: verdict::open(check),
            more: verdict::open(check).saturating_sub(findings.len() as u64),
            groups,
            more_groups,
            columns: check.shown.iter().map(|column| layout.words.column(column)).collect(),
            is_told: check.shown.is_empty() || findings.len() <= FEW,
            remedies: remedies.iter().map(|(text, findings)| Remedy::of(text, findings, is_one)).collect(),
            findings: findings.into_iter().map(|finding| FindingRow::of(check, finding, layout)).collect(),
            explained: verdict::explained(check),
            causes: CheckName::of_causes(check),
            waived: all_waived().take(layout.limit).map(|finding| FindingRow::of(check, finding, layout)).collect(),
            more_waived: all_waived().count().saturating_sub(layout.limit) as u64,
        }
    }
}

/// The findings beyond the limit by user, or else by server, most first.
fn groups(check: &CheckResult, limit: usize) -> (Vec<Group<'_>>, u64) {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in outline::open(check).skip(limit) {
        if let Some(name) = finding.owner.as_deref().or(finding.server.as_deref()) {
            *counted.entry(name).or_default() += 1;
        }
    }
    let mut groups: Vec<Group<'_>> = counted.into_iter().map(|(name, findings)| Group { name, findings }).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.findings), group.name));
    let more = groups.len().saturating_sub(limit) as u64;
    groups.truncate(limit);
    (groups, more)
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
    fn of(check: &'a CheckResult, finding: &'a Finding, layout: &Layout<'_, 'a>) -> Self {
        let explained = layout.outline.under(check, finding);
        let under = |(check, finding): &(&'a CheckResult, &'a Finding)| Under {
            check: CheckName::of(&check.id),
            subject: outline::unsaid(finding),
            message: &finding.message,
        };
        let is_folded = |name: &str| !check.shown.iter().any(|shown| shown == name) && !is_id(name);
        let evidence = finding.evidence.iter().filter(|(name, _)| is_folded(name));
        Self {
            subject: &finding.subject,
            message: &finding.message,
            cells: check.shown.iter().map(|column| Cell::of(column, finding, layout.words)).collect(),
            evidence: evidence.map(|(name, v)| Evidence { name, value: shown(v) }).collect(),
            under: explained.iter().take(layout.limit).map(under).collect(),
            more_under: explained.len().saturating_sub(layout.limit) as u64,
            reason: finding.waived.as_ref().map(|w| w.reason.as_str()),
            expires: finding.waived.as_ref().map(|w| w.expires.as_str()),
            server: finding.server.as_ref().and_then(|uid| layout.servers.iter().position(|known| known == uid)),
        }
    }
}

impl Cell {
    fn of(column: &str, finding: &Finding, words: &Catalogue) -> Self {
        let value = finding.evidence.get(column).unwrap_or(&Value::Null);
        Self { title: words.column(column), value: shown(value), is_number: value.is_number() }
    }
}

impl<'a> ExaminedRow<'a> {
    fn of(examined: &'a Examined) -> Self {
        Self { table: &examined.table, rows: examined.rows }
    }
}

impl<'a> MissingRow<'a> {
    fn of(missing: &'a Missing) -> Self {
        let undecided = missing.place.as_deref().filter(|_| missing.table == Missing::UNDECIDED);
        Self { table: &missing.table, scope: undecided.unwrap_or(&missing.scope), reason: &missing.reason }
    }
}

/// What only programs read: it is in the JSON report.
fn is_id(column: &str) -> bool {
    column.ends_with("uid") || column.ends_with("uids") || column.ends_with("_id")
}

/// A value of a finding's row: text as it is, nothing as a dash, the rest as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

//! Check × facts → outcome. No rows is a pass only if every table that the check reads is complete.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tera::Context;

use super::Check;
use super::message::Part;
use crate::fact::{Facts, Reader, Schema, ScopeKind, Value};
use crate::model::{CheckResult, Completeness, Coverage, Examined, Finding, Lang, Missing, Outcome, Severity, version};

/// The column in which a row says why its subject cannot be judged.
pub(super) const INCONCLUSIVE: &str = "inconclusive";

/// The column in which a row lowers the severity of its finding.
pub(super) const SEVERITY: &str = "severity";

/// Characters of one cell that a finding keeps: longer texts are cut, with an ellipsis.
const MAX_CELL_CHARS: usize = 4_000;

/// Says why no more is evaluated, once the run is over.
pub type Cut = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What the checks are evaluated against, beside the facts.
pub struct Situation<'a> {
    /// Tables and their scopes.
    pub schema: &'a Schema,
    /// Language of titles, messages and remediations.
    pub lang: Lang,
    /// Installed release, when it is known.
    pub from: Option<String>,
    /// Release that the upgrade goes to.
    pub to: String,
    /// When the facts were collected, in seconds since the epoch.
    pub now: i64,
    /// Every statement on completeness.
    pub coverage: &'a [Coverage],
    /// Servers that hold each role; `None` when the roles could not be collected.
    pub holders: Option<BTreeMap<String, BTreeSet<String>>>,
    /// Packages that some server has; `None` when the packages of a server could not be collected.
    pub packages: Option<BTreeSet<String>>,
    /// Time that one check may take.
    pub limit: Duration,
    /// Findings that one check may list; the exact total is counted all the same.
    pub row_cap: usize,
    /// What may end the run early: what was not reached is unknown.
    pub cut: Option<Cut>,
}

/// Evaluates every check on `jobs` threads. Results are ordered by severity, then id.
pub fn all(checks: &[&Check], facts: &Facts, situation: &Situation<'_>, jobs: usize) -> Vec<CheckResult> {
    let next = AtomicUsize::new(0);
    // A reader is dear: each thread has one, and takes check after check.
    let work = || {
        let mut reader = facts.reader();
        if let (Ok(reader), Some(cut)) = (&mut reader, &situation.cut) {
            let cut = Arc::clone(cut);
            reader.heed(Arc::new(move || cut().is_some()));
        }
        let take = || checks.get(next.fetch_add(1, Ordering::Relaxed));
        let judge = |check: &&Check| match &mut reader {
            Ok(reader) => one(check, reader, situation),
            Err(error) => broken(check, situation, error.to_string()),
        };
        std::iter::from_fn(take).map(judge).collect::<Vec<_>>()
    };
    let mut results = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..jobs.min(checks.len())).map(|_| scope.spawn(work)).collect();
        let mut results = work();
        for thread in threads {
            results.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_by(|a, b| (a.severity, &a.id).cmp(&(b.severity, &b.id)));
    results
}

/// Evaluates one check.
pub fn one(check: &Check, reader: &mut Reader, situation: &Situation<'_>) -> CheckResult {
    let started = Instant::now();
    let mut result = blank(check, situation);
    if let Some(reason) = inapplicable(check, situation) {
        result.outcome = Outcome::NotApplicable;
        result.reason = Some(reason);
        return result;
    }
    (result.examined, result.missing) = look_at_coverage(check, situation);
    if let Some(unreached) = unreached(situation) {
        result.missing.push(unreached);
    } else if result.missing.is_empty() || check.partial.is_some() {
        match findings(check, reader, situation) {
            Ok(found) => {
                (result.findings, result.findings_total) = (found.findings, found.total);
                result.missing.extend(found.undecided);
            }
            Err(reason) if unreached(situation).is_some() => {
                tracing::debug!(check = check.id, "cut short: {reason}");
                result.missing.extend(unreached(situation));
            }
            Err(reason) => {
                result.outcome = Outcome::Error;
                result.reason = Some(reason);
                result.elapsed_ms = elapsed(started);
                return result;
            }
        }
    }
    if let Some(severity) = result.findings.iter().map(|f| f.severity).min()
        && result.missing.is_empty()
    {
        result.severity = severity;
    }
    result.outcome = match (result.findings_total, result.missing.is_empty()) {
        (1.., _) => Outcome::Fail,
        (0, true) => Outcome::Pass,
        (0, false) => Outcome::Unknown,
    };
    result.elapsed_ms = elapsed(started);
    result
}

/// That the run was over before the check was done.
fn unreached(situation: &Situation<'_>) -> Option<Missing> {
    let reason = situation.cut.as_ref()?()?;
    Some(Missing { table: Missing::UNDECIDED.to_owned(), scope: "*".to_owned(), reason })
}

fn elapsed(started: Instant) -> u64 {
    started.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
}

fn blank(check: &Check, situation: &Situation<'_>) -> CheckResult {
    let text = check.text.get(situation.lang);
    CheckResult {
        id: check.id.clone(),
        category: check.category.clone(),
        severity: check.severity,
        title: text.title.clone(),
        why: text.why.clone(),
        reference: check.reference.clone(),
        remedy: check.remedy,
        outcome: Outcome::Unknown,
        reason: None,
        elapsed_ms: 0,
        examined: Vec::new(),
        missing: Vec::new(),
        findings: Vec::new(),
        findings_total: 0,
    }
}

fn broken(check: &Check, situation: &Situation<'_>, reason: String) -> CheckResult {
    CheckResult { outcome: Outcome::Error, reason: Some(reason), ..blank(check, situation) }
}

/// Why the check does not apply. What cannot be told is no reason: the check is evaluated then.
fn inapplicable(check: &Check, situation: &Situation<'_>) -> Option<String> {
    let lang = situation.lang;
    let outside = |range: &Option<semver::VersionReq>, release: Option<&str>| {
        let version = release.and_then(version::semantic)?;
        let range = range.as_ref()?;
        (!range.matches(&version)).then(|| (range.to_string(), release.unwrap_or_default().to_owned()))
    };
    if let Some((range, release)) = outside(&check.from, situation.from.as_deref()) {
        return Some(match lang {
            Lang::En => format!("for upgrades from {range}; installed is {release}"),
            Lang::Fr => format!("pour les mises à jour depuis {range} ; la version installée est {release}"),
        });
    }
    if let Some((range, release)) = outside(&check.to, Some(&situation.to)) {
        return Some(match lang {
            Lang::En => format!("for upgrades to {range}; the target is {release}"),
            Lang::Fr => format!("pour les mises à jour vers {range} ; la cible est {release}"),
        });
    }
    if let Some(reason) = without_package(check, situation) {
        return Some(reason);
    }
    let holders = situation.holders.as_ref()?;
    if check.roles.is_empty() || check.roles.iter().any(|role| holders.contains_key(role)) {
        return None;
    }
    let roles = check.roles.join(", ");
    Some(match lang {
        Lang::En => format!("no server holds the role {roles}"),
        Lang::Fr => format!("aucun serveur ne porte le rôle {roles}"),
    })
}

/// Why no server has one of the packages that the check is about, if that is known of every server.
fn without_package(check: &Check, situation: &Situation<'_>) -> Option<String> {
    let installed = situation.packages.as_ref()?;
    if check.packages.is_empty() || check.packages.iter().any(|package| installed.contains(package)) {
        return None;
    }
    let packages = check.packages.join(", ");
    Some(match situation.lang {
        Lang::En => format!("no server has the package {packages}"),
        Lang::Fr => format!("aucun serveur n’a le paquet {packages}"),
    })
}

fn look_at_coverage(check: &Check, situation: &Situation<'_>) -> (Vec<Examined>, Vec<Missing>) {
    let mut examined = Vec::new();
    let mut missing = Vec::new();
    for table in &check.tables {
        let entries: Vec<_> =
            situation.coverage.iter().filter(|c| c.table == *table && is_needed(check, c, situation)).collect();
        examined.push(Examined { table: table.clone(), rows: entries.iter().map(|c| c.rows).sum() });
        if entries.is_empty() {
            let reason = match situation.lang {
                Lang::En => "not collected",
                Lang::Fr => "non collecté",
            };
            missing.push(Missing { table: table.clone(), scope: "*".into(), reason: reason.into() });
        }
        missing.extend(entries.into_iter().filter(|c| c.completeness != Completeness::Complete).map(|c| Missing {
            table: table.clone(),
            scope: c.scope.clone(),
            reason: c.reason.clone().unwrap_or_else(|| c.completeness.as_str().to_owned()),
        }));
    }
    (examined, missing)
}

/// The files of a server without any of the check's roles are not needed.
fn is_needed(check: &Check, entry: &Coverage, situation: &Situation<'_>) -> bool {
    let is_server = situation.schema.table(&entry.table).is_some_and(|t| t.scope == ScopeKind::Server);
    match &situation.holders {
        Some(holders) if is_server && !check.roles.is_empty() && entry.scope != "*" => {
            check.roles.iter().any(|role| holders.get(role).is_some_and(|servers| servers.contains(&entry.scope)))
        }
        _ => true,
    }
}

/// What the rows of a query come to.
struct Found {
    /// Those first by subject, up to the cap.
    findings: Vec<Finding>,
    /// The exact number of findings.
    total: u64,
    /// Subjects that the facts do not decide, up to the cap.
    undecided: Vec<Missing>,
}

/// Runs the query. A row is a finding, unless it says in the column `inconclusive` why nothing can be said of its
/// subject.
fn findings(check: &Check, reader: &mut Reader, situation: &Situation<'_>) -> Result<Found, String> {
    reader.bind(":now", situation.now);
    reader.bind(":from_release", situation.from.clone());
    reader.bind(":to_release", situation.to.clone());
    let column = |name: &str| check.columns.iter().position(|c| c == name);
    let subject_at = column("subject").ok_or("the query returns no subject")?;
    let inconclusive_at = column(INCONCLUSIVE);
    let mut kept: BinaryHeap<(String, Vec<Value>)> = BinaryHeap::new();
    let mut undecided: BTreeMap<String, String> = BTreeMap::new();
    let (mut total, mut without_subject) = (0_u64, 0_u64);
    reader
        .for_each(&check.query, situation.limit, |row| {
            let Some(subject) = row.get(subject_at).and_then(as_text) else {
                without_subject += 1;
                return;
            };
            if let Some(reason) = inconclusive_at.and_then(|at| row.get(at)).and_then(as_text) {
                undecided.insert(subject, reason);
                return;
            }
            total += 1;
            kept.push((subject, row.into_iter().map(cut).collect()));
            if kept.len() > situation.row_cap {
                kept.pop();
            }
        })
        .map_err(|error| error.to_string())?;
    if without_subject > 0 {
        return Err(format!("{without_subject} of {} rows have no subject", total + without_subject));
    }
    let findings: Result<_, _> = kept
        .into_sorted_vec()
        .into_iter()
        .map(|(subject, row)| finding(check, situation.lang, subject, &row))
        .collect();
    let missing = |(scope, reason)| Missing { table: Missing::UNDECIDED.to_owned(), scope, reason };
    Ok(Found {
        findings: findings?,
        total,
        undecided: undecided.into_iter().take(situation.row_cap).map(missing).collect(),
    })
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.0.to_string()),
        Value::Text(text) => Some(text.clone()),
    }
}

fn cut(value: Value) -> Value {
    match value {
        Value::Text(text) if text.chars().nth(MAX_CELL_CHARS).is_some() => {
            Value::Text(text.chars().take(MAX_CELL_CHARS).chain(['…']).collect())
        }
        other => other,
    }
}

fn finding(check: &Check, lang: Lang, subject: String, row: &[Value]) -> Result<Finding, String> {
    let mut context = Context::new();
    let mut evidence = serde_json::Map::new();
    let mut severity = check.severity;
    for (column, value) in check.columns.iter().zip(row) {
        let value = to_json(value);
        context.insert(column.clone(), &value);
        match column.as_str() {
            "subject" | INCONCLUSIVE => {}
            SEVERITY => severity = lowered(check.severity, &value)?,
            _ => {
                evidence.insert(column.clone(), value);
            }
        }
    }
    let mut render = |part| {
        check.messages.render(part, lang, &mut context).map_err(|error| format!("template of {subject:?}: {error}"))
    };
    let commands = (0..check.messages.commands()).map(|number| render(Part::Command(number)));
    // What is not to be done in this case is rendered as nothing.
    let mut commands = commands.collect::<Result<Vec<String>, String>>()?;
    commands.retain(|command| !command.is_empty());
    Ok(Finding {
        key: key(&check.id, &subject),
        severity,
        message: render(Part::Message)?,
        evidence,
        remediation: render(Part::Remediation)?,
        commands,
        waived: None,
        subject,
    })
}

/// The severity that a row asks for: that of the check, or a lower one.
fn lowered(of_check: Severity, value: &serde_json::Value) -> Result<Severity, String> {
    let Some(word) = value.as_str() else { return Ok(of_check) };
    let severity = Severity::ALL.into_iter().find(|severity| severity.as_str() == word);
    severity
        .filter(|severity| *severity >= of_check)
        .ok_or_else(|| format!("{word:?} is no severity below the check's"))
}

/// A cell as JSON.
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => number.0.into(),
        Value::Text(text) => text.clone().into(),
    }
}

/// Stable identity of a finding: 128 bits of a hash of the check's id and the subject, in hexadecimal.
pub fn key(check: &str, subject: &str) -> String {
    let digest = Sha256::new().chain_update(check).chain_update([0]).chain_update(subject).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

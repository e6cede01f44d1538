//! Check × facts → outcome. No rows is a pass only if every table that the check reads is complete.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Check, applies, findings, proof};
use crate::fact::store::{Lent, READERS, StoreError};
use crate::fact::{Facts, Reader};
use crate::model::{CheckResult, Coverage, Gap, Lang, Missing, Outcome, Remedy, Risk, When};

pub(super) use findings::{EXPLAINED_BY, EXPLAINED_SUBJECT, INCONCLUSIVE};
pub use findings::{key, to_json};

/// Processor time that a query may take for each row of the tables that it reads: a large installation is no fault of a check.
const PER_ROW: Duration = Duration::from_micros(10);

/// Says why no more is evaluated, once the run is over.
pub type Cut = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What the checks are evaluated against, beside the facts.
pub struct Situation<'a> {
    /// Language of titles, messages and remediations.
    pub lang: Lang,
    /// Installed release, when it is known.
    pub from: Option<String>,
    /// Release that is installed at least, where it is not known which one is.
    pub from_at_least: Option<String>,
    /// Release that the upgrade goes to.
    pub to: String,
    /// When the facts were collected, in seconds since the epoch.
    pub now: i64,
    /// Every statement on completeness.
    pub coverage: &'a [Coverage],
    /// What they say is not known, and what of it is accepted.
    pub gaps: Vec<Gap>,
    /// Servers that hold each role; `None` when the roles could not be collected.
    pub holders: Option<BTreeMap<String, BTreeSet<String>>>,
    /// Packages of each server; `None` of one whose packages could not be collected.
    pub packages: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Processor time that each query of a check may take, beside what its rows add.
    pub limit: Duration,
    /// What may end the run early: what was not reached is unknown.
    pub cut: Option<Cut>,
}

/// Evaluates every check on `jobs` threads, as far as there are readers. Results are ordered by severity, then id.
pub fn all(checks: &[&Check], facts: &Facts, situation: &Situation<'_>, jobs: usize) -> Vec<CheckResult> {
    let threads = jobs.min(checks.len()).clamp(1, READERS);
    let queues = Queues::of(checks, threads);
    let work = |thread: usize, reader: &mut Result<Lent, StoreError>| {
        if let (Ok(reader), Some(cut)) = (&mut *reader, &situation.cut) {
            let cut = Arc::clone(cut);
            reader.heed(Arc::new(move || cut().is_some()));
        }
        let judge = |check: &Check| match &mut *reader {
            Ok(reader) => one(check, reader, situation),
            Err(error) => broken(check, situation, error.to_string()),
        };
        std::iter::from_fn(|| queues.take(thread)).map(judge).collect::<Vec<_>>()
    };
    // A reader is dear: each thread has one, and takes check after check. The first one goes back last, to be lent next.
    let mut readers: Vec<_> = (0..threads).map(|_| facts.reader()).collect();
    let mut results = std::thread::scope(|scope| {
        let (work, mut rest) = (&work, readers.iter_mut().enumerate());
        let first = rest.next();
        let threads: Vec<_> = rest.map(|(thread, reader)| scope.spawn(move || work(thread, reader))).collect();
        let mut results = first.map(|(thread, reader)| work(thread, reader)).unwrap_or_default();
        for thread in threads {
            results.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    readers.into_iter().rev().for_each(drop);
    results.sort_by(|a, b| (a.severity, &a.id).cmp(&(b.severity, &b.id)));
    results
}

/// Checks for each thread. Those of a category stay together as long as they can: they ask the same views, which every
/// reader answers for itself.
struct Queues<'c>(Mutex<Vec<VecDeque<&'c Check>>>);

impl<'c> Queues<'c> {
    fn of(checks: &[&'c Check], threads: usize) -> Self {
        let mut ordered = checks.to_vec();
        ordered.sort_by(|a, b| (&a.category, &a.id).cmp(&(&b.category, &b.id)));
        let queues =
            ordered.chunks(ordered.len().div_ceil(threads).max(1)).map(|checks| checks.iter().copied().collect());
        Self(Mutex::new(queues.collect()))
    }

    /// The next check of a thread; once it has none, the last one of whoever has most.
    fn take(&self, thread: usize) -> Option<&'c Check> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = queues.get_mut(thread).and_then(VecDeque::pop_front);
        own.or_else(|| queues.iter_mut().max_by_key(|queue| queue.len())?.pop_back())
    }
}

/// Evaluates one check.
pub fn one(check: &Check, reader: &mut Reader, situation: &Situation<'_>) -> CheckResult {
    let started = Instant::now();
    let mut result = blank(check, situation);
    if let Some(reason) = applies::inapplicable(check, situation) {
        result.outcome = Outcome::NotApplicable;
        result.reason = Some(reason.text(situation.lang));
        return result;
    }
    (result.examined, result.missing) = applies::look_at_coverage(check, situation);
    if let Some(unreached) = unreached(situation) {
        result.missing.push(unreached);
    } else if result.missing.iter().all(|gap| applies::may_lack(check, &gap.table)) {
        match ask(check, reader, situation, &mut result) {
            Ok(()) => {}
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
    result.outcome = ended(&result);
    result.elapsed_ms = elapsed(started);
    result
}

/// Asks for the findings, and for what was compared where there are none. Either query is the check's own: where one
/// breaks, the check is broken, and a pass that cannot say what it rests on is none.
fn ask(check: &Check, reader: &mut Reader, situation: &Situation<'_>, result: &mut CheckResult) -> Result<(), String> {
    let rows = result.examined.iter().map(|table| table.rows).sum::<u64>().try_into().unwrap_or(u32::MAX);
    let limit = situation.limit.saturating_add(PER_ROW.saturating_mul(rows));
    let found = findings::find(check, reader, situation, limit)?;
    result.remedy = found.remediations.iter().map(|done| done.remedy).reduce(Remedy::and).unwrap_or(result.remedy);
    (result.findings, result.remediations) = (found.findings, found.remediations);
    result.missing.extend(found.undecided);
    if ended(result) == Outcome::Pass {
        result.proof = proof::tell(check, reader, situation, limit).map_err(|error| format!("proof: {error}"))?;
    }
    Ok(())
}

/// How a check that was asked ended.
fn ended(result: &CheckResult) -> Outcome {
    match (result.findings.is_empty(), result.missing.is_empty()) {
        (false, _) => Outcome::Fail,
        (true, true) => Outcome::Pass,
        (true, false) => Outcome::Unknown,
    }
}

/// That the run was over before the check was done.
fn unreached(situation: &Situation<'_>) -> Option<Missing> {
    let reason = situation.cut.as_ref()?()?;
    let (table, scope) = (Missing::UNDECIDED.to_owned(), Missing::DIRECTORY.to_owned());
    Some(Missing { table, scope, place: None, problem: None, reason, root: None, waived: None })
}

/// Whether a check is about the installation, as far as that is known.
pub fn applies(check: &Check, situation: &Situation<'_>) -> bool {
    applies::inapplicable(check, situation).is_none()
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
        remedy: remedy_of_all(check),
        who: check.who,
        lead_days: check.lead_days,
        remediations: Vec::new(),
        outcome: Outcome::Unknown,
        reason: None,
        elapsed_ms: 0,
        examined: Vec::new(),
        proof: Vec::new(),
        missing: Vec::new(),
        findings: Vec::new(),
        headline: None,
        shown: check.shown.clone(),
    }
}

/// The remedies of everything that the check may find.
fn remedy_of_all(check: &Check) -> Remedy {
    let remedies = check.problems.iter().map(|problem| problem.remedy);
    remedies.reduce(Remedy::and).unwrap_or(Remedy { when: When::Before, risk: Risk::High })
}

fn broken(check: &Check, situation: &Situation<'_>, reason: String) -> CheckResult {
    CheckResult { outcome: Outcome::Error, reason: Some(reason), ..blank(check, situation) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;

    #[test]
    fn each_check_is_taken_once_and_those_of_a_category_by_one_thread() {
        let schema = crate::app::schema();
        let of = |(category, id): (&str, &str)| {
            let plain = sample::check(&schema, "", "SELECT s.server_uid AS subject FROM server AS s");
            Check { id: id.to_owned(), category: category.to_owned(), ..plain }
        };
        let checks = [("b", "4"), ("a", "1"), ("b", "3"), ("a", "2"), ("c", "5")].map(of);
        let all: Vec<&Check> = checks.iter().collect();
        let ids = |taken: &[Option<&Check>]| taken.iter().map(|check| check.map_or("", |c| &c.id)).collect::<String>();
        let queues = Queues::of(&all, 2);
        // The second thread ends its own category and the next, then helps the first from behind.
        let taken = [1, 0, 1, 1, 0, 1].map(|thread| queues.take(thread));
        assert_eq!(ids(&taken), "41532");
        for threads in 1..8 {
            let queues = Queues::of(&all, threads);
            let mut taken: Vec<_> =
                std::iter::from_fn(|| queues.take(threads - 1)).map(|check| check.id.as_str()).collect();
            taken.sort_unstable();
            assert_eq!(taken, ["1", "2", "3", "4", "5"], "{threads}");
        }
    }
}

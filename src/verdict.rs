//! Outcomes → verdict → exit code: the only policy in the program.

use std::time::Duration;

use serde::Serialize;

use crate::model::{CheckResult, Finding, Outcome, Severity};

/// Facts that are older say little of what is there now: a warning of its own.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What the run says of the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An open blocker finding.
    NotReady,
    /// No blocker finding, but a blocker check is unknown or broke.
    Inconclusive,
    /// Nothing that was run blocks, but checks that apply were left out: that is no clearance.
    NotJudged,
    /// Open warnings, a warning check that is unknown or broke, or facts that are out of date.
    ReadyWithWarnings,
    /// None of the above.
    Ready,
}

impl Verdict {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::Inconclusive => "inconclusive",
            Self::NotJudged => "not_judged",
            Self::ReadyWithWarnings => "ready_with_warnings",
            Self::Ready => "ready",
        }
    }
}

/// Which findings make the exit code non-zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
    /// Blockers, and blocker checks without an answer.
    #[default]
    Blocker,
    /// Warnings too.
    Warning,
    /// Nothing.
    Never,
}

impl FailOn {
    /// Whether findings of that severity, or a check of it without an answer, make the exit code non-zero.
    pub fn counts(self, severity: Severity) -> bool {
        match severity {
            Severity::Blocker => self != Self::Never,
            Severity::Warning => self == Self::Warning,
            Severity::Info => false,
        }
    }
}

/// How many checks ended in each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Checks that passed.
    pub pass: u64,
    /// Checks with findings, waived and explained ones included.
    pub fail: u64,
    /// Checks that lack a fact.
    pub unknown: u64,
    /// Checks that broke.
    pub error: u64,
    /// Checks that do not apply.
    pub not_applicable: u64,
}

/// How many findings there are, waived ones apart. Those that another one explains are not counted: it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// Open findings of blocker checks.
    pub blocker: u64,
    /// Open findings of warning checks.
    pub warning: u64,
    /// Open findings of info checks.
    pub info: u64,
    /// Waived findings of any severity.
    pub waived: u64,
}

/// What options left of the checks, where they left out some that apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Checks that apply and were run.
    pub run: u64,
    /// All checks that apply.
    pub of: u64,
    /// Ids of the blocker checks among those that were left out, in alphabetical order.
    pub left_out_blockers: Vec<String>,
}

impl Selection {
    /// What a run left out that came to `results`; `None` where it left out nothing that applies.
    pub fn of<'a>(results: &[CheckResult], left_out: impl Iterator<Item = (&'a str, Severity)>) -> Option<Self> {
        let left_out: Vec<_> = left_out.collect();
        let run = results.iter().filter(|result| result.outcome != Outcome::NotApplicable).count() as u64;
        let blockers = left_out.iter().filter(|(_, severity)| *severity == Severity::Blocker);
        let mut left_out_blockers: Vec<_> = blockers.map(|(id, _)| (*id).to_owned()).collect();
        left_out_blockers.sort();
        (!left_out.is_empty()).then(|| Self { run, of: run + left_out.len() as u64, left_out_blockers })
    }
}

/// The verdict with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What the run says.
    pub verdict: Verdict,
    /// What the process ends with.
    pub exit_code: u8,
    /// Checks by outcome.
    pub checks: CheckCounts,
    /// Findings by severity.
    pub findings: FindingCounts,
    /// What was left out; `None` in a run of every check that applies.
    pub selection: Option<Selection>,
    /// How long before the run the facts were collected.
    pub facts_age: Duration,
    /// Whether that is too long.
    pub is_outdated: bool,
}

/// Judges a run on facts of some age.
pub fn judge(results: &[CheckResult], selection: Option<Selection>, facts_age: Duration, fail_on: FailOn) -> Judgement {
    let checks = count_checks(results);
    let findings = count_findings(results);
    let is_outdated = facts_age > MAX_AGE;
    let warns = is_outdated || findings.warning > 0 || has_unanswered(results, Severity::Warning);
    let verdict = verdict(results, &findings, selection.is_some(), warns);
    let exit_code = exit_code(verdict, warns, fail_on);
    Judgement { verdict, exit_code, checks, findings, selection, facts_age, is_outdated }
}

/// Whether a finding stands for itself: no waiver accepts it, and no other one explains it.
pub fn is_open(finding: &Finding) -> bool {
    finding.waived.is_none() && finding.explained_by.is_none()
}

/// How many findings of a check are open.
pub fn open(result: &CheckResult) -> u64 {
    count(result, is_open)
}

/// How many findings of a check others explain.
pub fn explained(result: &CheckResult) -> u64 {
    count(result, |finding| finding.explained_by.is_some())
}

fn count(result: &CheckResult, which: impl Fn(&Finding) -> bool) -> u64 {
    result.findings.iter().filter(|finding| which(finding)).count() as u64
}

/// Whether a check has no answer, or none to all of its question, and nobody accepts that.
pub fn is_unanswered(result: &CheckResult) -> bool {
    match (result.outcome, result.missing.as_slice()) {
        (Outcome::Error, _) | (Outcome::Unknown, []) => true,
        (_, missing) => missing.iter().any(|gap| gap.waived.is_none()),
    }
}

fn has_unanswered(results: &[CheckResult], severity: Severity) -> bool {
    results.iter().any(|result| result.severity == severity && is_unanswered(result))
}

fn verdict(results: &[CheckResult], findings: &FindingCounts, is_selection: bool, warns: bool) -> Verdict {
    if findings.blocker > 0 {
        Verdict::NotReady
    } else if has_unanswered(results, Severity::Blocker) {
        Verdict::Inconclusive
    } else if is_selection {
        Verdict::NotJudged
    } else if warns {
        Verdict::ReadyWithWarnings
    } else {
        Verdict::Ready
    }
}

/// Warnings that were asked to fail the run do so in a selection as well.
fn exit_code(verdict: Verdict, warns: bool, fail_on: FailOn) -> u8 {
    match (fail_on, verdict) {
        (FailOn::Never, _) => 0,
        (_, Verdict::NotReady) => 20,
        (_, Verdict::Inconclusive) => 30,
        (FailOn::Warning, _) if warns => 10,
        (FailOn::Blocker | FailOn::Warning, _) => 0,
    }
}

fn count_checks(results: &[CheckResult]) -> CheckCounts {
    let mut counts = CheckCounts::default();
    for result in results {
        let count = match result.outcome {
            Outcome::Pass => &mut counts.pass,
            Outcome::Fail => &mut counts.fail,
            Outcome::Unknown => &mut counts.unknown,
            Outcome::Error => &mut counts.error,
            Outcome::NotApplicable => &mut counts.not_applicable,
        };
        *count += 1;
    }
    counts
}

fn count_findings(results: &[CheckResult]) -> FindingCounts {
    let mut counts = FindingCounts::default();
    for result in results {
        // A check that could not look at everything keeps its severity, whatever its findings have.
        for finding in result.findings.iter().filter(|finding| is_open(finding)) {
            let count = match finding.severity {
                Severity::Blocker => &mut counts.blocker,
                Severity::Warning => &mut counts.warning,
                Severity::Info => &mut counts.info,
            };
            *count += 1;
        }
        counts.waived += self::count(result, |finding| finding.waived.is_some());
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Inconclusive, NotJudged, NotReady, Ready, ReadyWithWarnings};
    use super::*;
    use crate::model::Severity::{Blocker, Info, Warning};
    use crate::model::finding::sample::{failed, result};
    use crate::model::{Cause, Missing, Waived};

    /// A check with findings of which the first are accepted.
    fn found(severity: Severity, total: usize, accepted: usize) -> CheckResult {
        let mut result = failed(severity, &vec!["subject"; total]);
        for finding in &mut result.findings[..accepted] {
            finding.waived = Some(Waived { reason: "known".to_owned(), expires: "2026-12-31".to_owned() });
        }
        result
    }

    /// The same, and something could not be looked at.
    fn in_part(result: CheckResult) -> CheckResult {
        let missing = Missing {
            table: "server".to_owned(),
            scope: "directory".to_owned(),
            place: None,
            problem: None,
            reason: "dark".to_owned(),
            waived: None,
        };
        CheckResult { missing: result.missing.iter().cloned().chain([missing]).collect(), ..result }
    }

    /// The same of a check of another severity.
    fn of_check(severity: Severity, result: CheckResult) -> CheckResult {
        CheckResult { severity, ..result }
    }

    /// The same, and that is accepted.
    fn accepted(mut result: CheckResult) -> CheckResult {
        let waived = Some(Waived { reason: "known".to_owned(), expires: "2026-12-31".to_owned() });
        result.missing.iter_mut().for_each(|gap| gap.waived = waived.clone());
        result
    }

    #[test]
    fn the_worst_that_nobody_accepted_or_looked_at_decides() {
        use Outcome::{Error, NotApplicable, Pass, Unknown};
        for (what, results, verdict) in [
            ("nothing was asked", vec![], Ready),
            ("nothing was found", vec![result(Blocker, Pass), result(Warning, NotApplicable)], Ready),
            ("a blocker", vec![found(Blocker, 1, 0)], NotReady),
            ("a blocker beside an accepted one", vec![found(Blocker, 2, 1)], NotReady),
            ("a blocker, and who knows what else", vec![in_part(found(Blocker, 1, 0))], NotReady),
            (
                "a blocker after all else",
                vec![result(Blocker, Error), found(Info, 1, 0), found(Blocker, 1, 0)],
                NotReady,
            ),
            ("an accepted blocker", vec![found(Blocker, 1, 1)], Ready),
            ("an accepted blocker, and who knows what else", vec![in_part(found(Blocker, 1, 1))], Inconclusive),
            ("a blocker check without an answer", vec![result(Blocker, Unknown)], Inconclusive),
            ("a blocker check that broke", vec![result(Blocker, Error)], Inconclusive),
            ("a warning, and no answer", vec![found(Warning, 1, 0), result(Blocker, Unknown)], Inconclusive),
            ("a warning", vec![found(Warning, 1, 0)], ReadyWithWarnings),
            ("an accepted warning", vec![found(Warning, 1, 1)], Ready),
            ("an accepted warning, and who knows what else", vec![in_part(found(Warning, 1, 1))], ReadyWithWarnings),
            ("a warning check without an answer", vec![result(Warning, Unknown)], ReadyWithWarnings),
            ("a warning check that broke", vec![result(Warning, Error)], ReadyWithWarnings),
            ("a blocker check whose gap is accepted", vec![accepted(in_part(result(Blocker, Unknown)))], Ready),
            ("the same beside another gap", vec![in_part(accepted(in_part(result(Blocker, Unknown))))], Inconclusive),
            ("a blocker, and a gap that is accepted", vec![accepted(in_part(found(Blocker, 1, 1)))], Ready),
            (
                "a warning of a blocker check that saw not all",
                vec![in_part(of_check(Blocker, found(Warning, 1, 0)))],
                Inconclusive,
            ),
            ("what is worth knowing", vec![in_part(found(Info, 1, 0)), result(Info, Error)], Ready),
        ] {
            assert_eq!(judge(&results, None, Duration::ZERO, FailOn::Blocker).verdict, verdict, "{what}");
            // Of a selection the worst can be told, and never that the upgrade may go on.
            let selection = Selection::of(&results, [("other", Warning)].into_iter());
            let of_selection = if matches!(verdict, Ready | ReadyWithWarnings) { NotJudged } else { verdict };
            assert_eq!(
                judge(&results, selection, Duration::ZERO, FailOn::Blocker).verdict,
                of_selection,
                "a selection: {what}"
            );
        }
    }

    #[test]
    fn a_selection_counts_what_applies_and_names_the_blockers_left_out() {
        use Outcome::{NotApplicable, Pass, Unknown};
        let results = [result(Blocker, Pass), result(Info, Unknown), result(Blocker, NotApplicable)];
        assert_eq!(Selection::of(&results, std::iter::empty()), None, "nothing that applies was left out");
        let left_out = [("c", Blocker), ("w", Warning), ("a", Blocker), ("i", Info)];
        let left_out_blockers = vec!["a".to_owned(), "c".to_owned()];
        let selection = Some(Selection { run: 2, of: 6, left_out_blockers });
        assert_eq!(Selection::of(&results, left_out.into_iter()), selection);
        assert_eq!(judge(&results, selection.clone(), Duration::ZERO, FailOn::Blocker).selection, selection);
    }

    #[test]
    fn ready_is_said_of_facts_of_a_week_at_most() {
        let passed = [result(Blocker, Outcome::Pass)];
        let old = MAX_AGE + Duration::from_secs(1);
        for (results, age, verdict, code) in [
            (&passed[..], MAX_AGE, Ready, 0),
            (&passed, old, ReadyWithWarnings, 10),
            (&[found(Blocker, 1, 0)], old, NotReady, 20),
            (&[result(Blocker, Outcome::Unknown)], old, Inconclusive, 30),
        ] {
            let judged = judge(results, None, age, FailOn::Warning);
            assert_eq!((judged.verdict, judged.exit_code, judged.is_outdated), (verdict, code, age > MAX_AGE));
            assert_eq!(judged.facts_age, age);
        }
        let selection = Selection::of(&passed, [("other", Info)].into_iter());
        let judged = judge(&passed, selection, old, FailOn::Warning);
        assert_eq!((judged.verdict, judged.exit_code), (NotJudged, 10));
        assert_eq!(judge(&passed, None, old, FailOn::Blocker).exit_code, 0);
    }

    #[test]
    fn the_exit_code_says_what_was_asked_to_be_a_failure() {
        for (verdict, warns, word, blocker, warning) in [
            (NotReady, true, "not_ready", 20, 20),
            (Inconclusive, true, "inconclusive", 30, 30),
            (NotJudged, true, "not_judged", 0, 10),
            (NotJudged, false, "not_judged", 0, 0),
            (ReadyWithWarnings, true, "ready_with_warnings", 0, 10),
            (Ready, false, "ready", 0, 0),
        ] {
            let code = |fail_on| exit_code(verdict, warns, fail_on);
            assert_eq!([FailOn::Blocker, FailOn::Warning, FailOn::Never].map(code), [blocker, warning, 0], "{word}");
            assert_eq!(verdict.as_str(), word);
            assert_eq!(serde_json::to_value(verdict).unwrap(), word);
        }
        assert_eq!(judge(&[found(Blocker, 1, 0)], None, Duration::ZERO, FailOn::Warning).exit_code, 20);
    }

    #[test]
    fn every_check_and_every_finding_is_counted_once() {
        use Outcome::{Error, NotApplicable, Pass, Unknown};
        let mut results = vec![found(Blocker, 4, 1), found(Blocker, 2, 0), found(Warning, 3, 1), found(Info, 2, 0)];
        for (outcome, times) in [(Pass, 2), (Unknown, 3), (Error, 5), (NotApplicable, 6)] {
            results.extend(vec![result(Info, outcome); times]);
        }
        let Judgement { checks, findings, .. } = judge(&results, None, Duration::ZERO, FailOn::Never);
        assert_eq!(checks, CheckCounts { pass: 2, fail: 4, unknown: 3, error: 5, not_applicable: 6 });
        assert_eq!(findings, FindingCounts { blocker: 5, warning: 2, info: 2, waived: 2 });
        assert_eq!([0, 1, 2, 3].map(|at| open(&results[at])), [3, 2, 2, 2]);
        // What another finding explains is counted there.
        let cause = Cause { check: "sample".to_owned(), subject: "subject".to_owned() };
        results[1].findings[1].explained_by = Some(cause);
        let judged = judge(&results, None, Duration::ZERO, FailOn::Never);
        assert_eq!((judged.checks, judged.findings), (checks, FindingCounts { blocker: 4, ..findings }));
        assert_eq!((open(&results[1]), explained(&results[1]), explained(&results[0])), (1, 1, 0));
    }
}

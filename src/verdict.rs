//! Outcomes → verdict → exit code: the only policy in the program.

use serde::Serialize;

use crate::model::{CheckResult, Outcome, Severity};

/// What the run says of the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An unwaived blocker finding.
    NotReady,
    /// No blocker finding, but a blocker check is unknown or broke.
    Inconclusive,
    /// Unwaived warnings, or a warning check that is unknown or broke.
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
            Self::ReadyWithWarnings => "ready_with_warnings",
            Self::Ready => "ready",
        }
    }
}

/// Which findings make the exit code non-zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
    /// Blockers, and blocker checks without an answer.
    Blocker,
    /// Warnings too.
    Warning,
    /// Nothing.
    Never,
}

/// How many checks ended in each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Checks that passed.
    pub pass: u64,
    /// Checks with findings, waived ones included.
    pub fail: u64,
    /// Checks that lack a fact.
    pub unknown: u64,
    /// Checks that broke.
    pub error: u64,
    /// Checks that do not apply.
    pub not_applicable: u64,
}

/// How many findings there are, waived ones apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// Unwaived findings of blocker checks.
    pub blocker: u64,
    /// Unwaived findings of warning checks.
    pub warning: u64,
    /// Unwaived findings of info checks.
    pub info: u64,
    /// Waived findings of any severity.
    pub waived: u64,
}

/// The verdict with the counts it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// What the run says.
    pub verdict: Verdict,
    /// What the process ends with.
    pub exit_code: u8,
    /// Checks by outcome.
    pub checks: CheckCounts,
    /// Findings by severity.
    pub findings: FindingCounts,
}

/// Judges a run.
pub fn judge(results: &[CheckResult], fail_on: FailOn) -> Judgement {
    let checks = count_checks(results);
    let findings = count_findings(results);
    let verdict = verdict(results, &findings);
    Judgement { verdict, exit_code: exit_code(verdict, fail_on), checks, findings }
}

/// Findings of a check that no waiver accepts, those beyond the row cap included.
pub fn unwaived(result: &CheckResult) -> u64 {
    result.findings_total - waived(result)
}

fn waived(result: &CheckResult) -> u64 {
    result.findings.iter().filter(|f| f.waived.is_some()).count() as u64
}

fn verdict(results: &[CheckResult], findings: &FindingCounts) -> Verdict {
    let unanswered = |severity| {
        results.iter().any(|r| {
            r.severity == severity && (matches!(r.outcome, Outcome::Unknown | Outcome::Error) || !r.missing.is_empty())
        })
    };
    if findings.blocker > 0 {
        Verdict::NotReady
    } else if unanswered(Severity::Blocker) {
        Verdict::Inconclusive
    } else if findings.warning > 0 || unanswered(Severity::Warning) {
        Verdict::ReadyWithWarnings
    } else {
        Verdict::Ready
    }
}

fn exit_code(verdict: Verdict, fail_on: FailOn) -> u8 {
    match (fail_on, verdict) {
        (FailOn::Never, _) => 0,
        (_, Verdict::NotReady) => 20,
        (_, Verdict::Inconclusive) => 30,
        (FailOn::Warning, Verdict::ReadyWithWarnings) => 10,
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
        let count = match result.severity {
            Severity::Blocker => &mut counts.blocker,
            Severity::Warning => &mut counts.warning,
            Severity::Info => &mut counts.info,
        };
        *count += unwaived(result);
        counts.waived += waived(result);
    }
    counts
}

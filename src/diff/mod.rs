//! What came, went and changed between two reports: a pure function of both, and the same told in words.
//!
//! A finding that is not told any more is gone only if its check was answered: else nobody looked.

mod compare;
mod side;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::model::{Completeness, Outcome, Severity};
pub use side::{Side, SideError};

/// All that is different between two reports. Lists are ordered by severity, check and subject; by table and scope.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Changes")]
pub struct Changes {
    /// The earlier one.
    pub old: Told,
    /// The later one.
    pub new: Told,
    /// What got worse.
    pub worse: Worse,
    /// Findings.
    pub findings: Findings,
    /// What checks could not look at.
    pub unknowns: Unknowns,
    /// Checks that ended in another way, or that only one of both has.
    pub checks: Vec<CheckChange>,
    /// Facts tables that are known in another way, or of which only one of both tells.
    pub coverage: Vec<CoverageChange>,
    /// Rows that came and went, by table, of two snapshots; null where one of both is a report.
    pub rows: Option<Vec<RowChange>>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Told {
    /// When its facts were collected: RFC 3339, UTC, whole seconds.
    pub collected_at: String,
    /// Public host name, or the installation's id; null when it could not be told.
    pub installation: Option<String>,
    /// The installed release; null when it could not be told.
    pub release: Option<String>,
    /// The release that the upgrade goes to.
    pub target: String,
    /// What it says of the upgrade.
    pub verdict: String,
}

/// How much got worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Worse {
    /// Blocking findings that are open and were not.
    pub blockers: u64,
    /// Checks that could block and lack an answer, or more of it, than before.
    pub unanswered: u64,
    /// Warnings that are open and were not.
    pub warnings: u64,
}

/// Findings, by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Findings {
    /// In the later report alone.
    pub came: Vec<FindingTold>,
    /// In the earlier report alone, and the check was answered since.
    pub went: Vec<FindingTold>,
    /// In the earlier report alone, and the check has no whole answer since: whether they are still there is not known.
    pub unseen: Vec<FindingTold>,
    /// In both, and not the same.
    pub changed: Vec<FindingChange>,
}

/// A finding that one of both reports has.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FindingTold {
    /// Id of its check.
    pub check: String,
    /// What it is about.
    pub subject: String,
    /// Its severity.
    pub severity: Severity,
    /// What it says.
    pub message: String,
    /// Whether it is open, accepted by a waiver or explained by another.
    pub status: Status,
    /// How its check ended in the other report; null where that does not have it.
    pub other_outcome: Option<Outcome>,
}

/// How a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It stands for itself.
    Open,
    /// A waiver accepts it.
    Waived,
    /// Another finding explains it.
    Explained,
}

/// A finding that both reports have, and tell in different ways.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FindingChange {
    /// Id of its check.
    pub check: String,
    /// What it is about.
    pub subject: String,
    /// What the later report says of it.
    pub message: String,
    /// Its severity, before and after.
    pub severity: Pair<Severity>,
    /// How it counts, before and after.
    pub status: Pair<Status>,
    /// The evidence that changed.
    pub evidence: Vec<EvidenceChange>,
}

/// What was, and what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct Pair<T> {
    /// In the earlier report.
    pub old: T,
    /// In the later report.
    pub new: T,
}

/// A value that a check saw. One that a report does not have is null.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EvidenceChange {
    /// Its column.
    pub column: String,
    /// In the earlier report.
    pub old: Value,
    /// In the later report.
    pub new: Value,
}

/// What checks could not look at, by what became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Unknowns {
    /// In the later report alone.
    pub came: Vec<Unknown>,
    /// In the earlier report alone.
    pub went: Vec<Unknown>,
    /// In both, for different reasons, or accepted in one of them alone; as the later one tells it.
    pub changed: Vec<Unknown>,
}

/// Something that a check could not look at.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Unknown {
    /// Id of the check.
    pub check: String,
    /// Its severity.
    pub severity: Severity,
    /// A facts table, or `*`: the facts are there and do not decide.
    pub table: String,
    /// The server that it is of, `directory` or `network`.
    pub scope: String,
    /// The file, folder, mailbox or subject; null when the whole scope is not known.
    pub place: Option<String>,
    /// Why.
    pub reason: String,
    /// Whether a waiver accepts it.
    pub is_waived: bool,
}

/// A check that ended in another way; null where a report does not have it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CheckChange {
    /// Its id.
    pub id: String,
    /// Its severity.
    pub severity: Severity,
    /// In the earlier report.
    pub old: Option<Outcome>,
    /// In the later report.
    pub new: Option<Outcome>,
}

/// A facts table that is known in another way; null where a report does not tell of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CoverageChange {
    /// The facts table.
    pub table: String,
    /// `directory`, a server uid, or `*`.
    pub scope: String,
    /// In the earlier report.
    pub old: Option<Completeness>,
    /// In the later report.
    pub new: Option<Completeness>,
    /// Why the later one is not complete; null when it is.
    pub reason: Option<String>,
    /// Rows in the earlier report; null where it does not tell of it.
    pub old_rows: Option<u64>,
    /// Rows in the later report; null where it does not tell of it.
    pub new_rows: Option<u64>,
}

/// How many rows of a facts table came and went. One that changed did both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RowChange {
    /// The facts table.
    pub table: String,
    /// In the later snapshot alone.
    pub came: u64,
    /// In the earlier snapshot alone.
    pub went: u64,
    /// Whether both know the whole table: else rows may have been there without being seen.
    pub is_whole: bool,
}

impl Changes {
    /// Whether both tell the same, but for when they were made.
    pub fn is_empty(&self) -> bool {
        let Self { findings, unknowns, .. } = self;
        self.old.verdict == self.new.verdict
            && [&findings.came, &findings.went, &findings.unseen].iter().all(|told| told.is_empty())
            && findings.changed.is_empty()
            && [&unknowns.came, &unknowns.went, &unknowns.changed].iter().all(|told| told.is_empty())
            && self.checks.is_empty()
            && self.coverage.is_empty()
            && self.rows.as_ref().is_none_or(Vec::is_empty)
    }
}

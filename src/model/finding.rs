//! What a check says: outcome, findings, and what it could not see.

use serde::{Deserialize, Serialize};

use super::Reason;

/// What goes wrong if the finding is ignored. Ordered from the worst to the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Data will be lost or a service will not start if the upgrade goes on.
    Blocker,
    /// Something to repair or to verify; the upgrade itself can go on.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Self; 3] = [Self::Blocker, Self::Warning, Self::Info];

    /// The word used in check files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// How the evaluation of one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was looked at and nothing was found.
    Pass,
    /// There are findings.
    Fail,
    /// A fact that the check needs could not be collected, or only in part.
    Unknown,
    /// The check itself broke or ran out of time.
    Error,
    /// The version range, role or feature that the check is about is not here.
    NotApplicable,
}

impl Outcome {
    /// Every outcome, in the order of the reports' counts.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::Unknown, Self::Error, Self::NotApplicable];

    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Error => "error",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// When a remedy has to be carried out, seen from the upgrade window.
// Ordered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before the window.
    Before,
    /// Inside the window.
    During,
    /// After the upgrade.
    After,
}

/// What carrying out a remedy puts at risk.
// Ordered from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// It only reads, or moves data in a way the user can undo.
    None,
    /// It changes data or restarts a service; have a backup.
    Low,
    /// It interrupts users or cannot be undone; plan it.
    High,
}

/// The circumstances of a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// When to carry it out.
    pub when: When,
    /// What it puts at risk.
    pub risk: Risk,
}

impl Remedy {
    /// The circumstances of two remedies that stand together: the earlier moment, and the higher risk.
    pub fn and(self, other: Self) -> Self {
        Self { when: self.when.min(other.when), risk: self.risk.max(other.risk) }
    }
}

/// What is done about findings, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remediation {
    /// The code of the findings that it is for; `None` where several have it, or findings have no codes.
    pub problem: Option<String>,
    /// What to do, in the report's language.
    pub text: String,
    /// Its circumstances.
    pub remedy: Remedy,
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The users themselves, in their mail clients.
    Users,
    /// Whoever keeps the DNS zones.
    Dns,
    /// Whoever orders and installs certificates.
    Certificates,
    /// The administrator of BlueMind.
    Administrator,
    /// BlueMind's support.
    Support,
}

impl Who {
    /// The word used in check files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Dns => "dns",
            Self::Certificates => "certificates",
            Self::Administrator => "administrator",
            Self::Support => "support",
        }
    }
}

/// An accepted finding: who wrote the waiver says why and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Waived {
    /// Why the finding is accepted.
    pub reason: String,
    /// Last day (UTC, `YYYY-MM-DD`) on which the waiver holds.
    pub expires: String,
}

/// A finding, told by what identifies it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// Id of its check.
    pub check: String,
    /// Its subject.
    pub subject: String,
}

/// One row that a check returned: something to repair, to move or to verify.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable identity: a hash of the check's id and the subject, the same in every run.
    pub key: String,
    /// What the finding is about, such as `jdoe@example.org/INBOX/Projects`.
    pub subject: String,
    /// Severity of the check.
    pub severity: Severity,
    /// One sentence in the report's language.
    pub message: String,
    /// The other columns of the row, in the query's order.
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// What to do: the place of it among the remediations of the check.
    pub remedy: usize,
    /// Uid of the server that it is about; `None` when it is about none in particular.
    pub server: Option<String>,
    /// Commands to copy, with every value quoted for a POSIX shell. Printed, never run.
    pub commands: Vec<String>,
    /// Address of the user whom the finding is for; `None` when it is for nobody in particular.
    pub owner: Option<String>,
    /// Set when a waiver accepts the finding.
    pub waived: Option<Waived>,
    /// What the check says explains the finding, should that be found as well.
    pub cause: Option<Cause>,
    /// The finding under which this one stands; `None` when it stands for itself.
    pub explained_by: Option<Cause>,
}

/// A table that a check read, with the number of rows it could see: the denominator of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Name of the facts table.
    pub table: String,
    /// Rows in it.
    pub rows: u64,
}

/// A fact that a check needed and did not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Name of the facts table, or [`Missing::UNDECIDED`].
    pub table: String,
    /// The server that it is of, `directory` or `network`.
    pub scope: String,
    /// The file, folder or mailbox that could not be looked at, or the subject that the facts do not decide; `None` when
    /// the whole scope is not known.
    pub place: Option<String>,
    /// The code that says why the facts do not decide; `None` when a table is not complete.
    pub problem: Option<String>,
    /// Why it is not.
    pub reason: String,
    /// What that comes from, where one cause leaves many things unknown; `None` when the facts do not decide.
    pub root: Option<Reason>,
    /// Set when a waiver accepts that a whole table is not known: no verdict waits for it.
    pub waived: Option<Waived>,
}

impl Missing {
    /// The table when no single one is to blame: the facts are there and do not decide.
    pub const UNDECIDED: &'static str = "*";
    /// The scope of what the directory tells, or would have to.
    pub const DIRECTORY: &'static str = "directory";
    /// The scope of what the network tells.
    pub const NETWORK: &'static str = "network";

    /// What is missing where, for a sentence.
    pub fn shown(&self) -> String {
        match self.table.as_str() {
            Self::UNDECIDED => self.place.as_deref().unwrap_or(Self::UNDECIDED).to_owned(),
            table => format!("{table} ({})", self.scope),
        }
    }
}

/// All that is known of one check after a run.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// Permanent id, also the stem of the check's file.
    pub id: String,
    /// Category, also the folder of the check's file.
    pub category: String,
    /// Severity of its findings.
    pub severity: Severity,
    /// Title in the report's language.
    pub title: String,
    /// Why it matters for the upgrade, in the report's language.
    pub why: String,
    /// Where the rule comes from, if there is a public page.
    pub reference: Option<String>,
    /// When the remedies are carried out and what they risk, of all findings together.
    pub remedy: Remedy,
    /// Who has to act on a finding.
    pub who: Who,
    /// How many days before the upgrade that has to begin.
    pub lead_days: u16,
    /// What is done about the findings, each text once, in the order of the findings.
    pub remediations: Vec<Remediation>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it broke or does not apply; `None` for the other outcomes.
    pub reason: Option<String>,
    /// Time of its evaluation, in milliseconds.
    pub elapsed_ms: u64,
    /// What it looked at.
    pub examined: Vec<Examined>,
    /// What it compared, a sentence for each server or the like, in the report's language; of a pass only.
    pub proof: Vec<String>,
    /// What it could not look at.
    pub missing: Vec<Missing>,
    /// All of its findings, by subject.
    pub findings: Vec<Finding>,
    /// What its open findings come to, in people's units and the report's language; `None` where it has none to say.
    pub headline: Option<String>,
    /// Names of the columns of evidence that a table of the findings shows beside the subject.
    pub shown: Vec<String>,
}

/// Results to start from, for the tests of those who judge results.
#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    /// A result that ended so, without findings.
    pub(crate) fn result(severity: Severity, outcome: Outcome) -> CheckResult {
        CheckResult {
            id: "sample".to_owned(),
            category: String::new(),
            severity,
            title: String::new(),
            why: String::new(),
            reference: None,
            remedy: Remedy { when: When::Before, risk: Risk::None },
            who: Who::Administrator,
            lead_days: 0,
            remediations: Vec::new(),
            outcome,
            reason: None,
            elapsed_ms: 0,
            examined: Vec::new(),
            proof: Vec::new(),
            missing: Vec::new(),
            findings: Vec::new(),
            headline: None,
            shown: Vec::new(),
        }
    }

    /// A result with a finding for each of the subjects.
    pub(crate) fn failed(severity: Severity, subjects: &[&str]) -> CheckResult {
        let findings = subjects.iter().map(|subject| finding(severity, subject)).collect();
        CheckResult { findings, ..result(severity, Outcome::Fail) }
    }

    fn finding(severity: Severity, subject: &str) -> Finding {
        Finding {
            key: String::new(),
            subject: subject.to_owned(),
            severity,
            message: String::new(),
            evidence: serde_json::Map::new(),
            remedy: 0,
            server: None,
            commands: Vec::new(),
            owner: None,
            waived: None,
            cause: None,
            explained_by: None,
        }
    }
}

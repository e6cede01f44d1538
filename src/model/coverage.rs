//! What was looked at, and what could not be.

use serde::{Deserialize, Serialize};

use super::Reason;

/// How much of a table's scope is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Every row of the scope was collected.
    Complete,
    /// Some rows were collected and are kept; the reason says what is missing.
    Partial,
    /// Nothing could be collected; the reason says why.
    Absent,
    /// The plan expects the scope and no collector has reported on it yet.
    NotAttempted,
}

impl Completeness {
    /// The word used in snapshots and JSON reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Absent => "absent",
            Self::NotAttempted => "not_attempted",
        }
    }

    /// The inverse of [`Completeness::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Complete, Self::Partial, Self::Absent, Self::NotAttempted].into_iter().find(|c| c.as_str() == word)
    }
}

/// One statement "this table is known so far for this scope".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Name of the facts table.
    pub table: String,
    /// What the statement is about: `directory`, a server uid, or `*` when the scopes themselves are unknown.
    pub scope: String,
    /// How much of it is known.
    pub completeness: Completeness,
    /// Why it is not complete; `None` when it is.
    pub reason: Option<Reason>,
    /// Rows kept.
    pub rows: u64,
    /// Where the rows were read: a file, or a database URL without its password.
    pub source: Option<String>,
    /// Time spent collecting, in milliseconds.
    pub elapsed_ms: u64,
}

impl Coverage {
    /// The statement "every row of `table` in `scope` is there"; rows, source and time are the caller's to add.
    pub fn complete(table: &str, scope: &str) -> Self {
        Self {
            table: table.to_owned(),
            scope: scope.to_owned(),
            completeness: Completeness::Complete,
            reason: None,
            rows: 0,
            source: None,
            elapsed_ms: 0,
        }
    }

    /// The statement "nothing is known of `table` in `scope`", with its reason.
    pub fn absent(table: &str, scope: &str, reason: impl Into<Reason>) -> Self {
        Self { completeness: Completeness::Absent, reason: Some(reason.into()), ..Self::complete(table, scope) }
    }

    /// The statement "some of `table` in `scope` is there, and the rest is not", with its reason.
    pub fn partial(table: &str, scope: &str, reason: impl Into<Reason>) -> Self {
        Self { completeness: Completeness::Partial, ..Self::absent(table, scope, reason) }
    }
}

//! What was looked at, and what could not be.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reason::Run;
use super::{Reason, Waived};

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

    /// What is not known of it: each place that could not be looked at, or one gap as a whole.
    pub fn gaps(&self) -> Vec<Gap> {
        let gap = |place: Option<&str>, reason: &Reason| Gap {
            table: self.table.clone(),
            scope: self.scope.clone(),
            place: place.map(str::to_owned),
            reason: reason.clone(),
            waived: None,
        };
        match (self.completeness, &self.reason) {
            (Completeness::Complete, _) => Vec::new(),
            (Completeness::Partial, Some(reason)) => {
                // What two tables lack for one reason is told once of what is made of both.
                let parts: BTreeSet<&Reason> = reason.parts().into_iter().collect();
                parts.into_iter().map(|part| gap(part.place(), part)).collect()
            }
            (_, Some(reason)) => vec![gap(None, reason)],
            (_, None) => vec![gap(None, &Run::NothingReported.into())],
        }
    }
}

/// Something of a table that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Name of the facts table.
    pub table: String,
    /// Its scope, as in [`Coverage`].
    pub scope: String,
    /// The file, folder or mailbox that could not be looked at; `None` when it is not about one.
    pub place: Option<String>,
    /// Why.
    pub reason: Reason,
    /// Set when a waiver accepts that it is not known.
    pub waived: Option<Waived>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reason::{Cyrus, Files, Server};

    fn unreadable(path: &str) -> Reason {
        Files::Unreadable { path: path.to_owned(), error: "Permission denied".to_owned() }.into()
    }

    fn places(coverage: &Coverage) -> Vec<Option<String>> {
        coverage.gaps().into_iter().map(|gap| gap.place).collect()
    }

    #[test]
    fn what_is_there_in_part_lacks_places_and_what_is_not_there_lacks_all() {
        let some = |path: &str| Some(path.to_owned());
        let both = Reason::all([unreadable("/a"), Files::NoLog { path: "/b".to_owned() }.into()]).unwrap();
        let counted = Cyrus::IndexesUnread { count: 2, first: vec![unreadable("/a"), unreadable("/b")] };
        let vague = Server::LoginsLeftOut { logins: 2, rows: 1 };
        for (coverage, due) in [
            (Coverage::complete("t", "s"), vec![]),
            (Coverage::partial("t", "s", both.clone()), vec![some("/a"), some("/b")]),
            (Coverage::partial("t", "s", counted), vec![some("/a"), some("/b")]),
            (Coverage::partial("t", "s", vague), vec![None]),
            (Coverage::absent("t", "s", both), vec![None]),
            (Coverage { completeness: Completeness::NotAttempted, ..Coverage::complete("t", "s") }, vec![None]),
        ] {
            assert_eq!(places(&coverage), due, "{coverage:?}");
        }
    }

    #[test]
    fn of_too_many_places_none_is_kept_for_itself() {
        let many = |count: usize| {
            let first = Reason::places((0..count).map(|n| unreadable(&format!("/{n}"))));
            places(&Coverage::partial("t", "s", Cyrus::IndexesUnread { count, first }))
        };
        assert!(many(1_000).iter().all(Option::is_some) && many(1_000).len() == 1_000);
        assert_eq!(many(1_001), [Some("/0"), Some("/100"), Some("/1000"), None].map(|place| place.map(str::to_owned)));
    }
}

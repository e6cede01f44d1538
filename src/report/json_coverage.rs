//! What of a JSON report says what was looked at, and what could not be.

use schemars::JsonSchema;
use serde::Serialize;

use super::Report;
use super::json::Waived;
use crate::model::{self, Completeness};

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Coverage<'a> {
    /// A facts table.
    table: &'a str,
    /// `directory`, a server uid, or `*` when the scopes themselves are unknown.
    scope: &'a str,
    completeness: Completeness,
    /// Why it is not complete; null when it is.
    reason: Option<String>,
    /// What is not known of it, place by place.
    gaps: Vec<Gap<'a>>,
    /// Rows kept.
    rows: u64,
    /// Where the rows were read, without secrets.
    source: Option<&'a str>,
    /// Time spent collecting, in milliseconds.
    elapsed_ms: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Gap<'a> {
    /// The file, folder or mailbox that could not be looked at; null when it is not about one.
    place: Option<&'a str>,
    /// Why.
    reason: String,
    /// Who accepts that it is not known says why and until when; null when nobody does.
    waived: Option<Waived<'a>>,
}

impl<'a> Coverage<'a> {
    pub(super) fn of(coverage: &'a model::Coverage, report: &'a Report) -> Self {
        let lang = report.run.lang;
        let is_its = |gap: &&model::Gap| gap.table == coverage.table && gap.scope == coverage.scope;
        let gap = |gap: &'a model::Gap| Gap {
            place: gap.place.as_deref(),
            reason: gap.reason.text(lang),
            waived: gap.waived.as_ref().map(Waived::of),
        };
        Self {
            table: &coverage.table,
            scope: &coverage.scope,
            completeness: coverage.completeness,
            reason: coverage.reason.as_ref().map(|reason| reason.text(lang)),
            gaps: report.gaps.iter().filter(is_its).map(gap).collect(),
            rows: coverage.rows,
            source: coverage.source.as_deref(),
            elapsed_ms: coverage.elapsed_ms,
        }
    }
}

//! What the page shows of what was looked at, and of what could not be.

use serde::Serialize;

use crate::model::{Coverage, Gap, Lang, Waived};
use crate::report::i18n::Catalogue;

/// What is accepted not to be known.
#[derive(Serialize)]
pub(super) struct GapRow<'a> {
    table: &'a str,
    scope: &'a str,
    message: String,
    reason: &'a str,
    expires: &'a str,
}

#[derive(Serialize)]
pub(super) struct CoverageRow<'a> {
    table: &'a str,
    scope: &'a str,
    completeness: &'static str,
    reason: Option<String>,
    rows: u64,
    source: Option<&'a str>,
    time: String,
}

impl<'a> GapRow<'a> {
    pub(super) fn of((gap, waived): (&'a Gap, &'a Waived), lang: Lang) -> Self {
        let Waived { reason, expires } = waived;
        Self { table: &gap.table, scope: &gap.scope, message: gap.reason.text(lang), reason, expires }
    }
}

impl<'a> CoverageRow<'a> {
    pub(super) fn of(coverage: &'a Coverage, lang: Lang, words: &Catalogue) -> Self {
        Self {
            table: &coverage.table,
            scope: &coverage.scope,
            completeness: coverage.completeness.as_str(),
            reason: coverage.reason.as_ref().map(|reason| reason.text(lang)),
            rows: coverage.rows,
            source: coverage.source.as_deref(),
            time: words.duration(coverage.elapsed_ms),
        }
    }
}

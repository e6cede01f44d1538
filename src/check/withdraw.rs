//! The proof of `partial`: what is found without a part of the named tables is found with all of it, too.

use std::collections::BTreeSet;

use super::{Case, Check, case};
use crate::fact::fixture::Given;
use crate::fact::{Schema, Table};
use crate::model::reason::Run;
use crate::model::{Cause, Coverage, Finding, Lang, Severity};

/// Runs a case again without each table that `partial` names, without each server of it, and without all of them. The
/// error names a finding that only the gap made.
pub(super) fn prove(check: &Check, case: &Case, whole: &[Finding], schema: &Schema) -> Result<(), String> {
    let Some(partial) = &check.partial else { return Ok(()) };
    let named: Vec<&Table> =
        check.tables.iter().copied().filter(|t| partial.tables.iter().any(|n| n == t.name)).collect();
    // A gap may hide what explains a finding: it stands for itself then.
    let alone = |finding| Identity { cause: None, ..Identity::of(check, finding) };
    let known: BTreeSet<_> = whole.iter().flat_map(|f| [Identity::of(check, f), alone(f)]).collect();
    for gap in gaps(&named, &case.given) {
        let (given, coverage) = gap.leave(check, case);
        let result = case::judge(check, case, &given, &coverage, Lang::En, schema)
            .map_err(|error| format!("without {}: {error}", gap.shown()))?;
        if let Some(more) = result.findings.iter().find(|finding| !known.contains(&Identity::of(check, finding))) {
            let (subject, severity) = (&more.subject, more.severity.as_str());
            return Err(format!("partial: {severity} {subject:?} is found only without {}", gap.shown()));
        }
    }
    Ok(())
}

/// What makes a finding the same: its subject, its severity, what it is and what explains it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Identity<'f> {
    subject: &'f str,
    severity: Severity,
    code: Option<&'f str>,
    cause: Option<&'f Cause>,
}

impl<'f> Identity<'f> {
    fn of(check: &Check, finding: &'f Finding) -> Self {
        let code = check.by.as_ref().and_then(|by| finding.evidence.get(by)).and_then(|code| code.as_str());
        Self { subject: &finding.subject, severity: finding.severity, code, cause: finding.cause.as_ref() }
    }
}

/// Tables that are not known, of one scope or at all.
struct Gap<'t> {
    tables: Vec<&'t Table>,
    scope: Option<String>,
}

fn gaps<'t>(named: &[&'t Table], given: &Given) -> Vec<Gap<'t>> {
    let mut gaps: Vec<Gap<'t>> = named.iter().map(|table| Gap { tables: vec![table], scope: None }).collect();
    gaps.push(Gap { tables: named.to_vec(), scope: None });
    for table in named {
        gaps.extend(scopes(table, given).into_iter().map(|scope| Gap { tables: vec![table], scope: Some(scope) }));
    }
    gaps
}

/// The scopes that the rows of a table name.
fn scopes(table: &Table, given: &Given) -> BTreeSet<String> {
    let Some(column) = table.scope.column() else { return BTreeSet::new() };
    let rows = given.get(table.name).into_iter().flatten();
    rows.filter_map(|row| row.get(column.name)?.as_str()).map(str::to_owned).collect()
}

impl Gap<'_> {
    fn has(&self, table: &str) -> bool {
        self.tables.iter().any(|gone| gone.name == table)
    }

    /// The facts without it, and what is said of their completeness.
    fn leave(&self, check: &Check, case: &Case) -> (Given, Vec<Coverage>) {
        let mut given = case.given.clone();
        for table in &self.tables {
            let column = table.scope.column().map(|column| column.name);
            if let Some(rows) = given.get_mut(table.name) {
                rows.retain(|row| match (&self.scope, column.and_then(|column| row.get(column))) {
                    (Some(scope), Some(value)) => value.as_str() != Some(scope),
                    (Some(_), None) => true,
                    (None, _) => false,
                });
            }
        }
        let scope = self.scope.as_deref().unwrap_or("*");
        let statement = |table: &&Table| match self.has(table.name) {
            true => Coverage::absent(table.name, scope, Run::NotCollected),
            false => Coverage::complete(table.name, "*"),
        };
        (given, check.tables.iter().map(|table| statement(&&**table)).collect())
    }

    fn shown(&self) -> String {
        let tables = self.tables.iter().map(|table| table.name).collect::<Vec<_>>().join(", ");
        match &self.scope {
            Some(scope) => format!("{tables} of {scope}"),
            None => tables,
        }
    }
}

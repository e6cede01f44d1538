//! What the findings of a check come to, in people's units: one sentence over sums of its own rows.

use super::findings::{Columns, SEVERITY, SUBJECT, is_evidence};
use super::message::Part;
use super::{Check, Headline};
use crate::fact::table::ordered::Real;
use crate::fact::{Ledger, Prepared, SqlError, Value};
use crate::model::{Finding, Lang};

/// Under this name the query of the sums sees the findings. A time in them is the text that evidence has.
pub const TABLE: &str = "finding";

/// Writes the sentence over some findings of a check; none where there are no findings, or the check has none to say.
///
/// # Errors
/// When the sums cannot be computed, or give no row.
pub fn tell<'f>(
    check: &Check,
    findings: impl Iterator<Item = &'f Finding>,
    lang: Lang,
) -> Result<Option<String>, String> {
    let mut findings = findings.peekable();
    let (Some(Headline { sums, .. }), Some(first)) = (&check.headline, findings.peek()) else { return Ok(None) };
    let columns: Vec<String> = columns(first.evidence.keys()).collect();
    let ledger = Ledger::of(TABLE, &columns, findings.map(|finding| row(&columns, finding)));
    let ledger = ledger.map_err(|error| error.to_string())?;
    let columns = ledger.prepare(sums).map_err(|error| error.to_string())?.columns;
    let rows = ledger.rows(sums).map_err(|error| error.to_string())?;
    let [sums] = rows.as_slice() else { return Err(format!("the sums give {} rows", rows.len())) };
    Columns::of(&columns, sums).render(check, Part::Headline, "", lang, TABLE).map(Some)
}

/// Prepares the sums over the columns of a query.
pub(super) fn prepare(sums: &str, columns: &[String]) -> Result<Prepared, SqlError> {
    let evidence = columns.iter().filter(|name| is_evidence(name));
    Ledger::of(TABLE, &self::columns(evidence).collect::<Vec<_>>(), [])?.prepare(sums)
}

/// The columns of the findings: what each of them has, and its evidence.
fn columns<'f>(evidence: impl Iterator<Item = &'f String>) -> impl Iterator<Item = String> {
    [SUBJECT, SEVERITY].map(str::to_owned).into_iter().chain(evidence.cloned())
}

fn row(columns: &[String], finding: &Finding) -> Vec<Value> {
    let cell = |column: &String| match column.as_str() {
        SUBJECT => Value::Text(finding.subject.clone()),
        SEVERITY => Value::Text(finding.severity.as_str().to_owned()),
        name => finding.evidence.get(name).map_or(Value::Null, value),
    };
    columns.iter().map(cell).collect()
}

fn value(cell: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match cell {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Integer(i64::from(*yes)),
        Json::Number(number) => number.as_i64().map_or_else(|| real(number), Value::Integer),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(_) | Json::Object(_) => Value::Text(cell.to_string()),
    }
}

fn real(number: &serde_json::Number) -> Value {
    number.as_f64().map_or(Value::Null, |number| Value::Real(Real(number)))
}

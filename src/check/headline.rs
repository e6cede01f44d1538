//! What the findings of a check come to, in people's units: one sentence over sums of its own rows.

use super::findings::Columns;
use super::message::Part;
use super::{Check, Headline};
use crate::fact::table::ordered::Real;
use crate::fact::{Ledger, Prepared, SqlError, Value};
use crate::model::{CheckResult, Finding, Lang};
use crate::verdict;

/// Under this name the query of the sums sees the findings. A time in them is the text that evidence has.
pub const TABLE: &str = "finding";

/// Writes the sentence of a result with open findings; none where the check has none to say.
///
/// # Errors
/// When the sums cannot be computed, or give no row.
pub fn tell(check: &Check, result: &CheckResult, lang: Lang) -> Result<Option<String>, String> {
    let Some(Headline { sums, .. }) = check.headline.as_ref().filter(|_| verdict::open(result) > 0) else {
        return Ok(None);
    };
    let open = result.findings.iter().filter(|finding| verdict::is_open(finding));
    let ledger = Ledger::of(TABLE, &check.columns, open.map(|finding| row(&check.columns, finding)));
    let ledger = ledger.map_err(|error| error.to_string())?;
    let columns = ledger.prepare(sums).map_err(|error| error.to_string())?.columns;
    let rows = ledger.rows(sums).map_err(|error| error.to_string())?;
    let [sums] = rows.as_slice() else { return Err(format!("the sums give {} rows", rows.len())) };
    Columns::of(&columns, sums).render(check, Part::Headline, "", lang, TABLE).map(Some)
}

/// Prepares the sums over the columns of a query.
pub(super) fn prepare(sums: &str, columns: &[String]) -> Result<Prepared, SqlError> {
    Ledger::of(TABLE, columns, [])?.prepare(sums)
}

fn row(columns: &[String], finding: &Finding) -> Vec<Value> {
    let cell = |column: &String| match column.as_str() {
        "subject" => Value::Text(finding.subject.clone()),
        "severity" => Value::Text(finding.severity.as_str().to_owned()),
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

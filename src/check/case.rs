//! Runs the test cases of a check: facts in, findings out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::evaluate::{self, Situation};
use super::{Case, Check};
use crate::fact::fixture::{self, FixtureError};
use crate::fact::store::Origin;
use crate::fact::{Reader, Schema, Store};
use crate::model::{Coverage, Finding, Lang, Outcome};

/// Time that one case may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Runs one case. The error says how the findings differ from the expected ones.
pub fn run(check: &Check, case: &Case, schema: &Schema) -> Result<(), String> {
    let mut reader = facts(case, schema).map_err(|error| error.to_string())?;
    let coverage: Vec<Coverage> = check.tables.iter().map(|table| Coverage::complete(table, "*")).collect();
    for lang in Lang::ALL {
        let situation = Situation {
            schema,
            lang,
            from: case.from.clone(),
            to: case.to.clone(),
            now: 0,
            coverage: &coverage,
            // A case is about the query: whether the check applies to a role is the plan's affair.
            holders: None,
            packages: None,
            limit: LIMIT,
            row_cap: 1_000,
            cut: None,
        };
        let result = evaluate::one(check, &mut reader, &situation);
        match result.outcome {
            Outcome::Error => return Err(result.reason.unwrap_or_else(|| "broke".to_owned())),
            Outcome::Pass | Outcome::Fail | Outcome::NotApplicable | Outcome::Unknown => {
                compare(&case.expect, &result.findings)?;
            }
        }
        let undecided: Vec<&str> = result.missing.iter().map(|missing| missing.scope.as_str()).collect();
        if undecided != case.unknown {
            return Err(format!("expected {:?} to be unknown, got {undecided:?}", case.unknown));
        }
    }
    Ok(())
}

fn facts(case: &Case, schema: &Schema) -> Result<Reader, FixtureError> {
    let origin = Origin::new(env!("CARGO_PKG_VERSION"), 0);
    let mut store = Store::in_memory(schema, &origin)?;
    fixture::insert(&mut store, schema, &case.given)?;
    Ok(store.into_reader()?)
}

fn compare(expected: &[BTreeMap<String, toml::Value>], found: &[Finding]) -> Result<(), String> {
    let subjects = |list: Vec<String>| if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
    if expected.len() != found.len() {
        return Err(format!(
            "expected {} finding(s), got {}: {}",
            expected.len(),
            found.len(),
            subjects(found.iter().map(|f| f.subject.clone()).collect())
        ));
    }
    if let Some(twice) = found.windows(2).find(|pair| pair[0].subject == pair[1].subject) {
        return Err(format!(
            "two findings have the subject {:?}: a waiver could not tell them apart",
            twice[0].subject
        ));
    }
    for (wanted, finding) in expected.iter().zip(found) {
        for (column, value) in wanted {
            let actual = match column.as_str() {
                "subject" => finding.subject.as_str().into(),
                "severity" => finding.severity.as_str().into(),
                other => finding.evidence.get(other).cloned().unwrap_or_default(),
            };
            if !same(value, &actual) {
                return Err(format!("{}: expected {column} = {value}, got {actual}", finding.subject));
            }
        }
    }
    Ok(())
}

fn same(wanted: &toml::Value, actual: &serde_json::Value) -> bool {
    match wanted {
        toml::Value::String(text) => actual.as_str() == Some(text),
        toml::Value::Integer(number) => actual.as_i64() == Some(*number),
        toml::Value::Boolean(yes) => actual.as_i64() == Some(i64::from(*yes)),
        toml::Value::Float(number) => actual.as_f64() == Some(*number),
        _ => false,
    }
}

//! Runs the test cases of a check: facts in, findings and their words out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::evaluate::{self, Situation};
use super::{Case, Check, Undecided, findings, headline, withdraw};
use crate::fact::fixture::{self, FixtureError, Given};
use crate::fact::store::Origin;
use crate::fact::{Reader, Schema, Store, Table};
use crate::model::{CheckResult, Coverage, Finding, Lang, Missing, Outcome};

/// Time that one case may take.
const LIMIT: Duration = Duration::from_secs(5);

/// What a case may state of a finding beside its columns: its words in English.
pub(super) const WORDS: [&str; 3] = ["message", "remediation", "commands"];

/// Runs one case, and proves on it what the check says of incomplete tables. The error says how the findings differ from
/// the expected ones.
pub fn run(check: &Check, case: &Case, schema: &Schema) -> Result<(), String> {
    let coverage: Vec<Coverage> = check.tables.iter().map(|table| Coverage::complete(table.name, "*")).collect();
    for lang in Lang::ALL {
        let result = judge(check, case, &case.given, &coverage, lang, schema)?;
        compare(&case.expect, &result, lang)?;
        undecided(&case.unknown, &result.missing, lang)?;
        proof(case, &result, lang)?;
        headline(check, case, &result, lang)?;
        if lang == Lang::En {
            withdraw::prove(check, case, &result.findings, schema)?;
        }
    }
    Ok(())
}

/// What the check says of some facts under the circumstances of a case. The error says how it broke.
pub(super) fn judge(
    check: &Check,
    case: &Case,
    given: &Given,
    coverage: &[Coverage],
    lang: Lang,
    schema: &Schema,
) -> Result<CheckResult, String> {
    // A case needs few of the tables, and there are many cases.
    let is_needed = |table: &Table| given.contains_key(table.name) || check.tables.iter().any(|t| t.name == table.name);
    let mut reader = facts(given, &schema.only(is_needed)).map_err(|error| error.to_string())?;
    let held = |role: &String| (role.clone(), ["*".to_owned()].into());
    let situation = Situation {
        lang,
        from: case.from.clone(),
        from_at_least: None,
        to: case.to.clone(),
        now: 0,
        coverage,
        gaps: coverage.iter().flat_map(Coverage::gaps).collect(),
        holders: case.roles.as_ref().map(|roles| roles.iter().map(held).collect()),
        packages: [("*".to_owned(), case.packages.as_ref().map(|packages| packages.iter().cloned().collect()))].into(),
        limit: LIMIT,
        cut: None,
    };
    let result = evaluate::one(check, &mut reader, &situation);
    match result.outcome {
        Outcome::Error => Err(result.reason.unwrap_or_else(|| "broke".to_owned())),
        Outcome::Pass | Outcome::Fail | Outcome::NotApplicable | Outcome::Unknown => Ok(result),
    }
}

fn facts(given: &Given, schema: &Schema) -> Result<Reader, FixtureError> {
    let origin = Origin::new(env!("CARGO_PKG_VERSION"), 0);
    let mut store = Store::in_memory(schema, &origin)?;
    fixture::insert(&mut store, given)?;
    Ok(store.into_reader()?)
}

fn compare(expected: &[BTreeMap<String, toml::Value>], result: &CheckResult, lang: Lang) -> Result<(), String> {
    let found = &result.findings;
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
        for (name, value) in wanted {
            let is_compared = lang == Lang::En || !WORDS.contains(&name.as_str());
            let actual = stated(result, finding, name);
            if is_compared && !same(name, value, &actual) {
                return Err(format!("{}: expected {name} = {value}, got {actual}", finding.subject));
            }
        }
    }
    Ok(())
}

/// What a finding has under a name of the case.
fn stated(result: &CheckResult, finding: &Finding, name: &str) -> serde_json::Value {
    match name {
        "subject" => finding.subject.as_str().into(),
        "severity" => finding.severity.as_str().into(),
        "explained_by" => finding.cause.as_ref().map(|cause| cause.check.as_str()).into(),
        "explained_subject" => finding.cause.as_ref().map(|cause| cause.subject.as_str()).into(),
        "message" => finding.message.as_str().into(),
        "remediation" => result.remediations[finding.remedy].text.as_str().into(),
        "commands" => finding.commands.clone().into(),
        column => finding.evidence.get(column).cloned().unwrap_or_default(),
    }
}

fn undecided(expected: &[Undecided], missing: &[Missing], lang: Lang) -> Result<(), String> {
    let subjects: Vec<_> = expected.iter().map(|row| row.subject.as_str()).collect();
    let found: Vec<_> = missing.iter().map(|gap| gap.shown()).collect();
    if subjects != found {
        return Err(format!("expected {subjects:?} to be unknown, got {found:?}"));
    }
    for (wanted, gap) in expected.iter().zip(missing) {
        if wanted.inconclusive.is_some() && wanted.inconclusive != gap.problem {
            return Err(format!(
                "{}: expected inconclusive = {:?}, got {:?}",
                gap.shown(),
                wanted.inconclusive,
                gap.problem
            ));
        }
        if let Some(reason) = wanted.reason.as_ref().filter(|reason| lang == Lang::En && !gap.reason.contains(*reason))
        {
            return Err(format!("{}: expected the reason to contain {reason:?}, got {:?}", gap.shown(), gap.reason));
        }
    }
    Ok(())
}

/// What was compared, to the letter in English, and as many sentences in any language.
fn proof(case: &Case, result: &CheckResult, lang: Lang) -> Result<(), String> {
    let Some(expected) = &case.proof else { return Ok(()) };
    if result.outcome != Outcome::Pass {
        return Err(format!("a proof is stated, but the check ends as {}", result.outcome.as_str()));
    }
    let found = &result.proof;
    if found.len() != expected.len() || lang == Lang::En && found != expected {
        return Err(format!("expected the proof {expected:?}, got {found:?}"));
    }
    Ok(())
}

/// What all findings come to, to the letter in English, and anything in another language.
fn headline(check: &Check, case: &Case, result: &CheckResult, lang: Lang) -> Result<(), String> {
    let found = headline::tell(check, result, lang).map_err(|error| format!("sums: {error}"))?;
    match &case.headline {
        Some(expected) if lang == Lang::En && found.as_ref() != Some(expected) => {
            Err(format!("expected the headline {expected:?}, got {:?}", found.unwrap_or_default()))
        }
        _ => Ok(()),
    }
}

fn same(name: &str, wanted: &toml::Value, actual: &serde_json::Value) -> bool {
    match wanted {
        toml::Value::String(part) if name == "remediation" => actual.as_str().is_some_and(|text| text.contains(part)),
        toml::Value::String(text) => actual.as_str() == Some(text),
        toml::Value::Integer(number) => *actual == findings::told(name, (*number).into()),
        toml::Value::Boolean(yes) => actual.as_i64() == Some(i64::from(*yes)),
        toml::Value::Float(number) => actual.as_f64() == Some(*number),
        toml::Value::Array(list) => {
            let texts = list.iter().map(toml::Value::as_str);
            actual.as_array().is_some_and(|found| texts.eq(found.iter().map(serde_json::Value::as_str)))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => false,
    }
}

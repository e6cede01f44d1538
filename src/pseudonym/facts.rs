//! Facts under pseudonyms.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;

use super::Pseudonyms;
use crate::fact::store::Origin;
use crate::fact::table::Holds;
use crate::fact::{Column, Facts, Row, SqlError, Store, StoreError, Table, Value};
use crate::model::{Coverage, Reason};

/// What stands for a text that was dropped.
const DROPPED: &str = "…";
/// Rows that are written at a time.
const BATCH: usize = 1_000;
/// Time that one table may take.
const LIMIT: Duration = Duration::from_secs(3_600);

/// Why facts could not be put under pseudonyms.
#[derive(Debug, thiserror::Error)]
pub enum HideError {
    /// They could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They could not be read.
    #[error("facts: {0}")]
    Sql(#[from] SqlError),
    /// A row does not fit any more.
    #[error("{table}: {reason}")]
    Refused {
        /// Its table.
        table: &'static str,
        /// Why.
        reason: String,
    },
}

/// The same facts, with pseudonyms for every name in them and without free texts.
pub fn hide(facts: &Facts, names: &Pseudonyms) -> Result<Facts, HideError> {
    let told = facts.origin();
    let under = |text: &Option<String>| text.as_ref().map(|text| names.hide(text));
    let origin = Origin {
        server_uid: under(&told.server_uid),
        installation_id: under(&told.installation_id),
        vantage: under(&told.vantage),
        ..told.clone()
    };
    let mut store = Store::create(facts.schema(), &origin)?;
    for table in facts.schema().tables() {
        rows(facts, names, table, &mut store)?;
    }
    for statement in facts.coverage() {
        let hidden = Coverage {
            scope: names.hide(&statement.scope),
            reason: statement.reason.as_ref().map(|reason| of_reason(reason, names)),
            source: under(&statement.source),
            ..statement.clone()
        };
        match facts.schema().table(&statement.table) {
            Some(table) => store.finish(table, hidden)?,
            None => store.record(&hidden)?,
        }
    }
    Ok(store.seal()?)
}

fn rows(facts: &Facts, names: &Pseudonyms, table: &'static Table, store: &mut Store) -> Result<(), HideError> {
    let columns: Vec<&Column> = table.all_columns().collect();
    let list: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let has_scope = table.scope.column().is_some();
    let mut batches: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut trouble = None;
    let mut write = |scope: &str, rows: &mut Vec<Row>| {
        let written = store.insert(table, scope, rows);
        rows.clear();
        match written {
            Ok(None) => {}
            Ok(Some(reason)) => {
                trouble.get_or_insert(HideError::Refused { table: table.name, reason: reason.to_string() });
            }
            Err(error) => {
                trouble.get_or_insert(error.into());
            }
        }
    };
    facts.reader()?.for_each(&format!("SELECT {} FROM {}", list.join(", "), table.name), LIMIT, |row| {
        let mut row: Row = row.into_iter().zip(&columns).map(|(value, column)| cell(value, column, names)).collect();
        let scope = match has_scope.then(|| row.remove(0)) {
            Some(Value::Text(scope)) => scope,
            _ => String::new(),
        };
        let batch = batches.entry(scope.clone()).or_default();
        batch.push(row);
        if batch.len() >= BATCH {
            write(&scope, batch);
        }
        0
    })?;
    batches.iter_mut().for_each(|(scope, batch)| write(scope, batch));
    trouble.map_or(Ok(()), Err)
}

fn cell(value: Value, column: &Column, names: &Pseudonyms) -> Value {
    match (value, column.holds) {
        (Value::Text(text), Holds::Names) if column.one_of.is_empty() => Value::Text(names.hide(&text)),
        (Value::Text(text), Holds::Rights) => Value::Text(of_rights(&text, names)),
        (Value::Text(text), Holds::Prose) if !text.is_empty() => DROPPED.into(),
        (value, _) => value,
    }
}

/// `who rights, who rights`: the rights are no names.
fn of_rights(acl: &str, names: &Pseudonyms) -> String {
    let one = |pair: &str| match pair.rsplit_once(' ') {
        Some((who, rights)) => format!("{} {rights}", names.hide(who)),
        None => names.hide(pair),
    };
    acl.split(", ").map(one).collect::<Vec<_>>().join(", ")
}

/// A reason with pseudonyms in its fields. What does not fit any more is told without them.
fn of_reason(reason: &Reason, names: &Pseudonyms) -> Reason {
    let hidden = serde_json::to_value(reason).map(|told| in_reason(told, names)).and_then(serde_json::from_value);
    hidden.unwrap_or_else(|_| crate::model::reason::Run::NothingReported.into())
}

/// `{"kind": "variant"}`, `{"kind": {"variant": {fields}}}` or `{"several": [reasons]}`.
fn in_reason(told: Json, names: &Pseudonyms) -> Json {
    let Json::Object(kinds) = told else { return told };
    let variant = |inner: Json| match inner {
        Json::Array(reasons) => Json::Array(reasons.into_iter().map(|one| in_reason(one, names)).collect()),
        Json::Object(variants) => {
            Json::Object(variants.into_iter().map(|(name, fields)| (name, in_fields(fields, names))).collect())
        }
        unit => unit,
    };
    Json::Object(kinds.into_iter().map(|(kind, inner)| (kind, variant(inner))).collect())
}

fn in_fields(fields: Json, names: &Pseudonyms) -> Json {
    let field = |name: &str, value: Json| match value {
        Json::String(_) if name == "error" => DROPPED.into(),
        Json::String(text) => names.hide(&text).into(),
        Json::Array(items) => {
            let item = |item: Json| match item {
                Json::String(text) => names.hide(&text).into(),
                other => in_reason(other, names),
            };
            Json::Array(items.into_iter().map(item).collect())
        }
        other => in_reason(other, names),
    };
    match fields {
        Json::Object(fields) => {
            Json::Object(fields.into_iter().map(|(name, value)| (name.clone(), field(&name, value))).collect())
        }
        other => other,
    }
}

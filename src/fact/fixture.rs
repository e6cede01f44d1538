//! Facts in TOML: the readable form for test cases and for the installations under `fixtures/`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Row, Store, StoreError, Table, Value};
use crate::model::{Completeness, Coverage, Reason};

/// Rows of facts by table, each a map from column to value. Columns left out take [`super::Column::unset`].
pub type Given = BTreeMap<String, Vec<BTreeMap<String, toml::Value>>>;

/// Why facts in TOML do not fit the schema.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The text is not TOML of the expected shape.
    #[error("{0}")]
    Syntax(String),
    /// A table that does not exist.
    #[error("unknown facts table {0:?}")]
    Table(String),
    /// A column that the table does not have.
    #[error("facts table {table} has no column {column:?}")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A value of a kind that no column holds, or that the column refuses.
    #[error("{table}: {reason}")]
    Value {
        /// The table.
        table: String,
        /// What is wrong.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An installation as facts: the content of the `facts.toml` of a story that changes no other one.
#[derive(Debug, Clone, Deserialize)]
pub struct Installation {
    /// When the facts were collected, RFC 3339.
    pub collected_at: jiff_text::Stamp,
    /// The scopes that are not complete.
    #[serde(default)]
    pub coverage: Vec<Gap>,
    /// The rows.
    #[serde(flatten)]
    pub rows: Given,
}

/// A scope that is not complete.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Name of the facts table.
    pub table: String,
    /// The scope.
    pub scope: String,
    /// `absent` or `partial`.
    pub completeness: Completeness,
    /// Why.
    pub reason: Reason,
}

/// RFC 3339 text as seconds since the epoch.
pub mod jiff_text {
    use serde::Deserialize;

    /// A point in time.
    #[derive(Debug, Clone, Copy)]
    pub struct Stamp(pub jiff::Timestamp);

    impl<'de> Deserialize<'de> for Stamp {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            text.parse().map(Self).map_err(serde::de::Error::custom)
        }
    }
}

impl Installation {
    /// Reads an installation from its text.
    pub fn parse(text: &str) -> Result<Self, FixtureError> {
        toml::from_str(text).map_err(|error| FixtureError::Syntax(error.to_string()))
    }
}

/// Adds rows to a store, each to the scope that its scope column names (`directory` where there is none).
pub fn insert(store: &mut Store, given: &Given) -> Result<(), FixtureError> {
    for (name, rows) in given {
        let table = store.schema().table(name).ok_or_else(|| FixtureError::Table(name.clone()))?;
        for row in rows {
            let (scope, row) = typed(table, row)?;
            if let Some(reason) = store.insert(table, &scope, &[row])? {
                return Err(FixtureError::Value { table: name.clone(), reason: reason.to_string() });
            }
        }
    }
    Ok(())
}

/// Records every expected scope as complete, but for the gaps.
pub fn complete(store: &mut Store, expected: &[(&'static Table, String)], gaps: &[Gap]) -> Result<(), FixtureError> {
    for (table, scope) in expected {
        let statement = Coverage { source: Some("fixture".to_owned()), ..Coverage::complete(table.name, scope) };
        store.finish(table, statement)?;
    }
    for gap in gaps {
        let table = store.schema().table(&gap.table).ok_or_else(|| FixtureError::Table(gap.table.clone()))?;
        let statement =
            Coverage { completeness: gap.completeness, ..Coverage::absent(&gap.table, &gap.scope, gap.reason.clone()) };
        store.finish(table, statement)?;
    }
    Ok(())
}

fn typed(table: &Table, given: &BTreeMap<String, toml::Value>) -> Result<(String, Row), FixtureError> {
    if let Some(unknown) = given.keys().find(|name| table.column(name).is_none()) {
        return Err(FixtureError::Column { table: table.name.to_owned(), column: unknown.clone() });
    }
    let cell = |column: &super::Column| -> Result<Value, FixtureError> {
        given.get(column.name).map_or_else(|| Ok(column.unset()), |value| literal(table, column.name, value))
    };
    let scope = match table.scope.column().map(cell).transpose()? {
        Some(Value::Text(scope)) => scope,
        Some(_) => {
            return Err(FixtureError::Value { table: table.name.to_owned(), reason: "the scope must be text".into() });
        }
        None => "directory".to_owned(),
    };
    Ok((scope, table.columns.iter().map(cell).collect::<Result<_, _>>()?))
}

fn literal(table: &Table, column: &str, value: &toml::Value) -> Result<Value, FixtureError> {
    match value {
        toml::Value::String(text) => Ok(Value::Text(text.clone())),
        toml::Value::Integer(number) => Ok(Value::Integer(*number)),
        toml::Value::Boolean(yes) => Ok(Value::from(*yes)),
        other => Err(FixtureError::Value {
            table: table.name.to_owned(),
            reason: format!("{column}: a {} fits no column", other.type_str()),
        }),
    }
}

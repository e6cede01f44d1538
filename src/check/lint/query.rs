//! What a query must not do, found in its text and in its plan before any fact is there.

use crate::fact::{Prepared, Reader, Schema, SqlError};

/// A defect of a query: a message, and the byte offset in the query it is about.
pub(super) type QueryError = (String, Option<usize>);

/// Prepares a query on empty facts and refuses what would be unsafe, slow, or silently wrong.
pub(super) fn query(sql: &str, schema: &Schema, reader: &Reader) -> Result<Prepared, QueryError> {
    words(sql)?;
    let prepared = reader.prepare(sql).map_err(|error| locate(sql, schema, error))?;
    if let Some(table) = prepared.tables.iter().find(|table| schema.table(table).is_none()) {
        return Err((format!("{table} is no facts table"), sql.find(table.as_str())));
    }
    if prepared.tables.is_empty() {
        return Err(("the query reads no facts table".into(), None));
    }
    for (index, column) in prepared.columns.iter().enumerate() {
        if prepared.columns[..index].contains(column) {
            return Err((format!("the query returns two columns named {column:?}"), None));
        }
    }
    if !prepared.columns.iter().any(|column| column == "subject") {
        return Err(("the query returns no column \"subject\"".into(), None));
    }
    plan(sql, reader)?;
    Ok(prepared)
}

pub(super) fn locate(sql: &str, schema: &Schema, error: SqlError) -> QueryError {
    match error {
        SqlError::Invalid { message, offset } => {
            let named = message.rsplit(": ").next().unwrap_or_default();
            let name = named.rsplit('.').next().unwrap_or_default();
            let mut help = String::new();
            if message.starts_with("no such table") {
                let tables: Vec<_> = schema.tables().iter().map(|t| t.name).collect();
                help = format!(" (tables: {})", tables.join(", "));
            }
            let offset = offset.or_else(|| (!name.is_empty()).then(|| sql.find(name)).flatten());
            (format!("{message}{help}"), offset)
        }
        other => (other.to_string(), None),
    }
}

/// Refuses what the text alone gives away. Comments and strings are looked past.
fn words(sql: &str) -> Result<(), QueryError> {
    let words = bare_words(sql);
    let is = |index: usize, word: &str| words.get(index).is_some_and(|(_, w)| w.eq_ignore_ascii_case(word));
    if !is(0, "SELECT") && !is(0, "WITH") {
        return Err(("a query is one SELECT".into(), Some(words.first().map_or(0, |(at, _)| *at))));
    }
    for (index, (at, word)) in words.iter().enumerate() {
        let refused = match word.to_ascii_uppercase().as_str() {
            "USING" | "NATURAL" => "name the columns in ON: a table read through USING or NATURAL JOIN goes unnoticed",
            "IN" if index > 0
                && is(index - 1, "NOT")
                && is(index + 1, "(")
                && (is(index + 2, "SELECT") || is(index + 2, "WITH")) =>
            {
                "NOT IN (SELECT …) returns nothing when one value is NULL: write NOT EXISTS or LEFT JOIN … IS NULL"
            }
            "CURRENT_TIMESTAMP" | "CURRENT_DATE" | "CURRENT_TIME" => "a check has no clock: use :now",
            _ => continue,
        };
        return Err((refused.into(), Some(*at)));
    }
    Ok(())
}

/// Words and opening parentheses outside comments and strings, with their byte offsets.
fn bare_words(sql: &str) -> Vec<(usize, &str)> {
    let bytes = sql.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    let skip_to =
        |from: usize, end: &str| sql.get(from..).and_then(|s| s.find(end)).map_or(sql.len(), |n| from + n + end.len());
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"--") {
            at = skip_to(at, "\n");
        } else if rest.starts_with(b"/*") {
            at = skip_to(at + 2, "*/");
        } else if matches!(rest[0], b'\'' | b'"' | b'`') {
            let quote = char::from(rest[0]).to_string();
            at = skip_to(at + 1, &quote);
        } else if rest[0] == b'(' {
            words.push((at, "("));
            at += 1;
        } else if rest[0].is_ascii_alphabetic() || rest[0] == b'_' {
            let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            words.push((at, &sql[at..at + length]));
            at += length;
        } else {
            at += 1;
        }
    }
    words
}

/// Refuses a full scan of a table inside a correlated subquery: it is run once for each outer row.
fn plan(sql: &str, reader: &Reader) -> Result<(), QueryError> {
    let steps = reader.plan(sql).map_err(|error| (error.to_string(), None))?;
    for step in steps.iter().filter(|step| step.detail.starts_with("SCAN ")) {
        if step.detail == "SCAN CONSTANT ROW" {
            continue;
        }
        let mut ancestor = step.parent;
        while let Some(above) = steps.iter().find(|s| s.id == ancestor) {
            if above.detail.starts_with("CORRELATED") {
                let message = format!(
                    "a correlated subquery reads a whole table for every row ({}): compare an indexed column, or write LEFT JOIN … IS NULL",
                    step.detail
                );
                return Err((message, None));
            }
            ancestor = above.parent;
        }
    }
    Ok(())
}

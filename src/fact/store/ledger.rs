//! Rows that are no facts, seen as a table by one query.

use rusqlite::{Connection, params_from_iter};

use super::{Prepared, Reader, SqlError};
use crate::fact::{Schema, Value};

/// A table of its own, under the limits of every query.
pub struct Ledger(Reader);

impl Ledger {
    /// A table with these columns and rows. A row that is shorter ends in NULL.
    ///
    /// # Errors
    /// When SQLite refuses the table or a row.
    pub fn of(table: &str, columns: &[String], rows: impl IntoIterator<Item = Vec<Value>>) -> Result<Self, SqlError> {
        let failed = |error: rusqlite::Error| SqlError::Failed(error.to_string());
        let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
        let named = columns.iter().map(quoted).collect::<Vec<_>>().join(", ");
        let connection = Connection::open_in_memory().map_err(failed)?;
        connection.execute_batch(&format!("BEGIN; CREATE TABLE {table} ({named})")).map_err(failed)?;
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert = connection.prepare(&format!("INSERT INTO {table} VALUES ({places})")).map_err(failed)?;
        for mut row in rows {
            row.resize(columns.len(), Value::Null);
            insert.execute(params_from_iter(row)).map_err(failed)?;
        }
        drop(insert);
        connection.execute_batch("COMMIT").map_err(failed)?;
        Ok(Self(Reader::sandboxed(connection, Schema::new([]), None).map_err(failed)?))
    }

    /// Prepares a query and tells what it reads and returns.
    ///
    /// # Errors
    /// When it is more than one `SELECT`, or wrong.
    pub fn prepare(&self, sql: &str) -> Result<Prepared, SqlError> {
        self.0.prepare(sql)
    }

    /// The rows of a query that returns few.
    ///
    /// # Errors
    /// When it is wrong, or takes longer than a check may.
    pub fn rows(&self, sql: &str) -> Result<Vec<Vec<Value>>, SqlError> {
        self.0.rows(sql, super::read::INTERNAL_LIMIT)
    }
}

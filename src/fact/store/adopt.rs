//! Taking scopes over from other facts, rows and statements as they are.

use rusqlite::{ErrorCode, params_from_iter};

use super::StoreError;
use super::open::{Facts, uri};
use super::write::{Store, record};
use crate::fact::Table;
use crate::model::{Completeness, Coverage};

impl Store {
    /// Takes over statements of other facts, with the rows that they speak of.
    pub fn adopt(&mut self, facts: &Facts, statements: &[(&'static Table, &Coverage)]) -> Result<(), StoreError> {
        let taken =
            self.beside(facts, || statements.iter().try_for_each(|(table, statement)| self.take(table, statement)))?;
        taken.map_err(|error| match error.sqlite_error_code() {
            // Rows that a table refuses cannot have been written by this program.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
                facts.damaged(&error)
            }
            _ => StoreError::Sqlite(error),
        })
    }

    /// Works while the other facts are there as `part`.
    pub(super) fn beside<T>(&self, facts: &Facts, work: impl FnOnce() -> T) -> Result<T, StoreError> {
        self.connection.execute("ATTACH ?1 AS part", [uri(facts.path())]).map_err(|error| facts.damaged(&error))?;
        let done = work();
        self.connection.execute("DETACH part", [])?;
        Ok(done)
    }

    fn take(&self, table: &Table, statement: &Coverage) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.unchecked_transaction()?;
        let has_rows = matches!(statement.completeness, Completeness::Complete | Completeness::Partial);
        let rows = if has_rows {
            let (condition, scope) = match table.scope.column() {
                Some(column) => (format!(" WHERE {} = ?1", column.name), Some(&statement.scope)),
                None => (String::new(), None),
            };
            let sql = format!("INSERT INTO main.{0} SELECT * FROM part.{0}{condition}", table.name);
            transaction.execute(&sql, params_from_iter(scope))?
        } else {
            0
        };
        record(&transaction, &Coverage { rows: rows.try_into().unwrap_or(0), ..statement.clone() })?;
        transaction.commit()
    }
}

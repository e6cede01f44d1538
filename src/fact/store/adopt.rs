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
        self.connection.execute("ATTACH ?1 AS part", [uri(facts.path())]).map_err(|error| facts.damaged(&error))?;
        let taken = statements.iter().try_for_each(|(table, statement)| self.take(table, statement));
        self.connection.execute("DETACH part", [])?;
        taken.map_err(|error| match error.sqlite_error_code() {
            // Rows that a table refuses cannot have been written by this program.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
                facts.damaged(&error)
            }
            _ => StoreError::Sqlite(error),
        })
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

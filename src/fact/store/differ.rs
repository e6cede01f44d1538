//! One table at two times: what only one of them tells.

use super::StoreError;
use super::open::Facts;
use super::write::Store;
use crate::fact::Table;
use crate::model::{Completeness, Coverage};

impl Store {
    /// Keeps of a table what `first`, which was read before it and has all its columns, does not tell, and adds what `first`
    /// alone tells. A table that is not completely known is left as it is.
    pub fn keep_differences(&mut self, table: &Table, first: &Table) -> Result<(), StoreError> {
        let Some(statement) = self.whole(table)? else { return Ok(()) };
        let name = table.name;
        let differences = differences(table, &format!("main.{name}"), &format!("main.{}", first.name));
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute_batch(&format!(
            "CREATE TEMP TABLE difference AS {differences}; DELETE FROM main.{name}; \
             INSERT INTO main.{name} SELECT * FROM difference; DROP TABLE difference"
        ))?;
        transaction.commit()?;
        self.finish(table, statement)
    }

    /// Adds to a table in what `first` of other facts differs from that of these, and the rows that the others have in it.
    pub fn adopt_differences(&mut self, facts: &Facts, table: &Table, first: &Table) -> Result<(), StoreError> {
        let Some(statement) = self.whole(table)? else { return Ok(()) };
        let name = table.name;
        let differences = differences(table, &format!("part.{}", first.name), &format!("main.{}", first.name));
        let sql = format!(
            "INSERT INTO main.{name} \
             SELECT * FROM ({differences} UNION SELECT * FROM part.{name}) EXCEPT SELECT * FROM main.{name}"
        );
        let added = self.beside(facts, || self.connection.execute(&sql, []))?;
        added.map_err(|error| facts.damaged(&error))?;
        self.finish(table, statement)
    }

    fn whole(&self, table: &Table) -> Result<Option<Coverage>, StoreError> {
        let is_whole = |c: &Coverage| c.table == table.name && c.completeness == Completeness::Complete;
        Ok(self.coverage()?.into_iter().find(is_whole))
    }
}

/// The rows, as far as a table has columns for them, that one of two tables has and the other does not.
fn differences(table: &Table, one: &str, other: &str) -> String {
    let columns: Vec<&str> = table.all_columns().map(|column| column.name).collect();
    let columns = columns.join(", ");
    let without =
        |a: &str, b: &str| format!("SELECT * FROM (SELECT {columns} FROM {a} EXCEPT SELECT {columns} FROM {b})");
    format!("{} UNION {}", without(one, other), without(other, one))
}

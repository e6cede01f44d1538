//! Two snapshots: how many rows of each table only one of them has.

use rusqlite::Connection;

use super::StoreError;
use super::open::{Facts, connect, uri};
use crate::fact::Table;

/// Rows of a table that one of two snapshots has more often than the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static Table,
    /// In the later one alone.
    pub came: u64,
    /// In the earlier one alone.
    pub went: u64,
}

impl Facts {
    /// The tables in which facts differ from those of an earlier snapshot.
    pub fn since(&self, older: &Self) -> Result<Vec<Difference>, StoreError> {
        let compared = match self.store() {
            Some(store) => store.ask(|connection| self.compare(connection, older)),
            None => self.compare(&connect(self.path()).map_err(|error| self.damaged(&error))?, older),
        };
        compared.map_err(|error| older.damaged(&error))
    }

    fn compare(&self, connection: &Connection, older: &Self) -> Result<Vec<Difference>, rusqlite::Error> {
        connection.execute("ATTACH ?1 AS older", [uri(older.path())])?;
        let counted: Result<Vec<_>, _> =
            self.schema().tables().iter().map(|table| difference(connection, table)).collect();
        connection.execute("DETACH older", [])?;
        Ok(counted?.into_iter().filter(|difference| difference.came + difference.went > 0).collect())
    }
}

fn difference(connection: &Connection, table: &'static Table) -> Result<Difference, rusqlite::Error> {
    // Every row with how often it is there: two that are the same count twice.
    let rows = |side: &str| {
        let columns: Vec<_> = table.all_columns().map(|column| column.name).collect();
        let columns = columns.join(", ");
        format!("SELECT {columns}, count(*) AS times FROM {side}.{} GROUP BY {columns}", table.name)
    };
    let more = |one: &str, other: &str| -> Result<u64, rusqlite::Error> {
        let sql = format!("SELECT count(*) FROM ({} EXCEPT {})", rows(one), rows(other));
        let number: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(number.try_into().unwrap_or(0))
    };
    Ok(Difference { table, came: more("main", "older")?, went: more("older", "main")? })
}

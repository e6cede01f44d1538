//! Writing facts: rows in batches, and with the last batch the statement on their completeness.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, params_from_iter};

use super::open::Facts;
use super::pool::Pool;
use super::read::Reader;
use super::{APPLICATION_ID, COVERAGE_DDL, Origin, SNAPSHOT_DDL, StoreError, read_coverage, read_texts};
use crate::fact::{Row, Schema, Table, Value};
use crate::model::reason::Run;
use crate::model::text::distinct;
use crate::model::{Completeness, Coverage, Reason};

/// Facts being collected. Nobody reads them before [`Store::seal`].
pub struct Store {
    pub(super) connection: Connection,
    schema: Schema,
    origin: Origin,
    file: Option<Pool>,
    refused: BTreeSet<(String, String)>,
}

impl Store {
    /// An empty store in a private temporary file without a name.
    pub fn create(schema: &Schema, origin: &Origin) -> Result<Self, StoreError> {
        let (file, connection) = Pool::create()?;
        Self::prepare(connection, schema, origin, Some(file))
    }

    /// An empty store in memory, for small sets of facts. Those of an earlier snapshot are tables like the others.
    pub fn in_memory(schema: &Schema, origin: &Origin) -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?, &schema.side_by_side(), origin, None)
    }

    fn prepare(
        connection: Connection,
        schema: &Schema,
        origin: &Origin,
        file: Option<Pool>,
    ) -> Result<Self, StoreError> {
        // The file is private and thrown away on a crash: durability would only cost time.
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; \
             PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
            schema.version()
        ))?;
        let transaction = connection.unchecked_transaction()?;
        for statement in schema.ddl() {
            transaction.execute_batch(&statement)?;
        }
        transaction.execute_batch(COVERAGE_DDL)?;
        transaction.execute_batch(SNAPSHOT_DDL)?;
        transaction.commit()?;
        Ok(Self { connection, schema: schema.clone(), origin: origin.clone(), file, refused: BTreeSet::new() })
    }

    /// Tables and views.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What the snapshot will say of itself: some of it is only known once there is something to read.
    pub fn origin_mut(&mut self) -> &mut Origin {
        &mut self.origin
    }

    /// Notes that the plan expects `scope` of `table`: until a collector reports on it, nothing is known.
    pub fn expect(&mut self, table: &str, scope: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO coverage VALUES (?1, ?2, 'not_attempted', ?3, 0, NULL, 0)")?
            .execute((table, scope, Reason::from(Run::NothingReported)))?;
        Ok(())
    }

    /// Adds rows to a scope that is being collected. A row that the table refuses spoils its scope: the reason is
    /// returned, once, and further rows of the scope are dropped.
    pub fn insert(&mut self, table: &Table, scope: &str, rows: &[Row]) -> Result<Option<Reason>, StoreError> {
        let identity = (table.name.to_owned(), scope.to_owned());
        if self.refused.contains(&identity) {
            return Ok(None);
        }
        match self.insert_rows(table, scope, rows) {
            Ok(()) => Ok(None),
            Err(rusqlite::Error::SqliteFailure(error, message))
                if error.code == rusqlite::ErrorCode::ConstraintViolation =>
            {
                self.refused.insert(identity);
                let error = message.unwrap_or_else(|| error.to_string());
                Ok(Some(Run::Refused { error }.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn insert_rows(&self, table: &Table, scope: &str, rows: &[Row]) -> Result<(), rusqlite::Error> {
        let marks = vec!["?"; table.all_columns().count()].join(", ");
        let transaction = self.connection.unchecked_transaction()?;
        {
            let mut statement = transaction.prepare_cached(&format!("INSERT INTO {} VALUES ({marks})", table.name))?;
            let prefix = table.scope.column().map(|_| Value::from(scope));
            for row in rows {
                let row: Vec<Cow<'_, Value>> = row.iter().map(bounded).collect();
                statement.execute(params_from_iter(prefix.iter().chain(row.iter().map(AsRef::as_ref))))?;
            }
        }
        transaction.commit()
    }

    /// Ends the collection of a scope: its rows stay together with the statement on their completeness, or are removed
    /// with it in the same transaction when nothing is to be known of the scope.
    pub fn finish(&mut self, table: &Table, mut coverage: Coverage) -> Result<(), StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let (condition, scope) = match table.scope.column() {
            Some(column) => (format!(" WHERE {} = ?1", column.name), vec![coverage.scope.as_str()]),
            None => (String::new(), Vec::new()),
        };
        let keep = matches!(coverage.completeness, Completeness::Complete | Completeness::Partial);
        if !keep {
            transaction.execute(&format!("DELETE FROM {}{condition}", table.name), params_from_iter(&scope))?;
        }
        let rows: i64 = transaction.query_row(
            &format!("SELECT count(*) FROM {}{condition}", table.name),
            params_from_iter(&scope),
            |row| row.get(0),
        )?;
        coverage.rows = rows.try_into().unwrap_or(0);
        record(&transaction, &coverage)?;
        transaction.commit()?;
        Ok(())
    }

    /// Records a statement on a scope that has no rows to keep or to remove.
    pub fn record(&mut self, coverage: &Coverage) -> Result<(), StoreError> {
        Ok(record(&self.connection, coverage)?)
    }

    /// Ends a collection that was cut short: scopes that nobody has reported on lose their rows, and `reason` says why.
    pub fn give_up(&mut self, reason: &Reason) -> Result<(), StoreError> {
        let open = |c: &Coverage| c.completeness == Completeness::NotAttempted;
        for entry in self.coverage()?.into_iter().filter(open) {
            if let Some(table) = self.schema.table(&entry.table) {
                self.finish(table, Coverage::absent(table.name, &entry.scope, reason.clone()))?;
            }
        }
        Ok(())
    }

    /// Every statement so far.
    pub fn coverage(&self) -> Result<Vec<Coverage>, StoreError> {
        Ok(read_coverage(&self.connection)?)
    }

    /// Every row of a small table, for the plan: which servers and roles there are.
    pub fn texts(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        Ok(read_texts(&self.connection, sql)?)
    }

    /// Ends writing: indexes are built and the facts can be read.
    pub fn seal(self) -> Result<Facts, StoreError> {
        self.index()?;
        self.origin.write(&self.connection)?;
        let Self { connection, file, schema, .. } = self;
        let Some(file) = file else {
            return Err(StoreError::Io {
                path: PathBuf::from(":memory:"),
                source: std::io::Error::other("a store in memory is read by its own reader"),
            });
        };
        connection.close().map_err(|(_, error)| error)?;
        Facts::of_store(file, &schema)
    }

    /// Ends writing of a store in memory: the one reader there can be.
    pub fn into_reader(self) -> Result<Reader, StoreError> {
        self.index()?;
        Ok(Reader::sandboxed(self.connection, self.schema, None)?)
    }

    fn index(&self) -> Result<(), StoreError> {
        for statement in self.schema.indexes() {
            self.connection.execute_batch(&statement)?;
        }
        Ok(())
    }
}

/// Characters of a text that are kept: names of files and folders have less, and queries put them together.
const LONGEST: usize = 65_536;

fn bounded(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Text(text) if text.len() > LONGEST => Cow::Owned(Value::Text(distinct(text.clone(), LONGEST))),
        value => Cow::Borrowed(value),
    }
}

pub(super) fn record(connection: &Connection, coverage: &Coverage) -> Result<(), rusqlite::Error> {
    connection.prepare_cached("INSERT OR REPLACE INTO coverage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute((
        &coverage.table,
        &coverage.scope,
        coverage.completeness.as_str(),
        &coverage.reason,
        i64::try_from(coverage.rows).unwrap_or(i64::MAX),
        &coverage.source,
        i64::try_from(coverage.elapsed_ms).unwrap_or(i64::MAX),
    ))?;
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(number.0),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// A reason is stored as JSON.
impl rusqlite::ToSql for Reason {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        let json = serde_json::to_string(self);
        json.map(Into::into).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

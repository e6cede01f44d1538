//! Reading facts: preparing a query to learn what it reads, and running it within limits.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use super::open::uri;
use super::sandbox::{self, IsOver, SharedPatience, SharedSeen, processor_time};
use super::{MEMORY, SqlError};
use crate::fact::{BEFORE, Schema, Value, View, table::ordered::Real};

/// SQLite's numbers of the databases of a connection: the temporary one is 1.
const MAIN: i64 = 0;
const ATTACHED: i64 = 2;
/// Processor time that a query of the program itself may take.
pub(super) const INTERNAL_LIMIT: Duration = Duration::from_secs(60);

/// A sandboxed connection to sealed facts. Not shared between threads: each takes its own.
pub struct Reader {
    connection: Connection,
    seen: SharedSeen,
    patience: SharedPatience,
    schema_tables: Vec<Page>,
    schema: Schema,
    /// The views that were answered.
    answered: RefCell<BTreeSet<&'static str>>,
    parameters: Vec<(String, Value)>,
}

/// The page of a table or an index, by its database, and the table's name.
type Page = ((i64, i64), String);

/// What is known of a query before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Tables it reads, those behind views included.
    pub tables: BTreeSet<String>,
    /// Names of the columns it returns, in order.
    pub columns: Vec<String>,
    /// Every column that it reads, after the name of its table or view.
    pub read: BTreeSet<(String, String)>,
}

/// A line of `EXPLAIN QUERY PLAN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanStep {
    /// Identity of the step.
    pub id: i64,
    /// The step it belongs to; 0 for the top.
    pub parent: i64,
    /// What SQLite says of it.
    pub detail: String,
}

impl Reader {
    /// Locks a connection down. An earlier snapshot is put beside it before.
    pub(super) fn sandboxed(
        mut connection: Connection,
        schema: Schema,
        before: Option<&Path>,
    ) -> Result<Self, rusqlite::Error> {
        let mut schema_tables = pages(&connection, "main", MAIN, "")?;
        if let Some(path) = before {
            attach_before(&connection, &schema, path)?;
            schema_tables.extend(pages(&connection, "before", ATTACHED, BEFORE)?);
        }
        let (seen, patience) = sandbox::lock_down(&mut connection)?;
        Ok(Self {
            connection,
            seen,
            patience,
            schema_tables,
            schema,
            answered: RefCell::default(),
            parameters: Vec::new(),
        })
    }

    /// Tables and views.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Interrupts the queries to come once nobody waits for their answer any more.
    pub fn heed(&mut self, is_over: IsOver) {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner).is_over = Some(is_over);
    }

    /// Forgets what one who asked it said.
    pub(super) fn forget(&mut self) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = sandbox::Patience::default();
        self.parameters.clear();
    }

    /// Sets a named parameter (`:now`) for the queries to come.
    pub fn bind(&mut self, name: &str, value: impl Into<Value>) {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value.into()));
    }

    /// Prepares a query and tells what it reads and returns.
    ///
    /// The authorizer does not report a table that is read only through `USING` or `NATURAL JOIN`; the root pages in
    /// `EXPLAIN` do not show one that the optimiser removed. The tables are the union of both.
    pub fn prepare(&self, sql: &str) -> Result<Prepared, SqlError> {
        let (columns, read) = {
            let statement = self.statement(sql)?;
            let columns = statement.column_names().map(str::to_owned).collect();
            (columns, std::mem::take(&mut self.lock().read))
        };
        let mut tables: BTreeSet<String> = read.iter().map(|(table, _)| table.clone()).collect();
        let program = self.statement(&format!("EXPLAIN {sql}"))?;
        let opened = self.collect(program, |row| {
            let (operation, page, database): (String, i64, i64) = (row.get(1)?, row.get(3)?, row.get(4)?);
            Ok(matches!(operation.as_str(), "OpenRead" | "ReopenIdx").then_some((database, page)))
        })?;
        for page in opened.into_iter().flatten() {
            tables.extend(self.schema_tables.iter().filter(|(root, _)| *root == page).map(|(_, name)| name.clone()));
        }
        let mut reads = self.schema.reads();
        for view in self.answered.borrow().iter().filter_map(|view| self.schema.view(view)) {
            if tables.remove(view.name) {
                tables.extend(reads.tables(view.sql).iter().map(|table| table.name.to_owned()));
            }
        }
        Ok(Prepared { tables, columns, read })
    }

    /// The plan of a query.
    pub fn plan(&self, sql: &str) -> Result<Vec<PlanStep>, SqlError> {
        let statement = self.statement(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        self.collect(statement, |row| Ok(PlanStep { id: row.get(0)?, parent: row.get(1)?, detail: row.get(3)? }))
    }

    /// Makes a query ready to be asked.
    pub fn question<'r>(&'r self, sql: &str) -> Result<Question<'r>, SqlError> {
        let mut statement = self.statement(sql)?;
        self.bind_parameters(&mut statement)?;
        let columns = statement.column_names().map(str::to_owned).collect();
        Ok(Question { reader: self, statement, columns })
    }

    /// Runs a query and hands every row to `each`, for at most `limit` of processor time. `each` tells what it keeps of a row, in bytes: that
    /// an answer fits into memory.
    pub fn for_each(&self, sql: &str, limit: Duration, each: impl FnMut(Vec<Value>) -> u64) -> Result<(), SqlError> {
        self.question(sql)?.for_each(limit, each)
    }

    /// Every row of a query that returns few.
    pub fn rows(&self, sql: &str, limit: Duration) -> Result<Vec<Vec<Value>>, SqlError> {
        let mut rows = Vec::new();
        self.for_each(sql, limit, |row| {
            let bytes = bytes(&row);
            rows.push(row);
            bytes
        })?;
        Ok(rows)
    }

    /// Every row of a query that returns few, as texts.
    pub fn texts(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, SqlError> {
        let text = |value| match value {
            Value::Null => None,
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.0.to_string()),
            Value::Text(text) => Some(text),
        };
        let rows = self.rows(sql, INTERNAL_LIMIT)?;
        Ok(rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
    }

    fn statement<'c>(&'c self, sql: &str) -> Result<Statement<'c>, SqlError> {
        let statement = loop {
            *self.lock() = sandbox::Seen::default();
            match self.connection.prepare(sql) {
                Ok(statement) => break statement,
                Err(error) => match self.unanswered(&error) {
                    Some(view) => self.answer(view)?,
                    None => return Err(self.explain(error)),
                },
            }
        };
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(SqlError::Denied("anything but one SELECT".into()));
        }
        Ok(statement)
    }

    /// The view that a query was refused for, as nobody asked it before: who asks none pays for none.
    fn unanswered(&self, error: &rusqlite::Error) -> Option<&'static View> {
        let rusqlite::Error::SqliteFailure(_, Some(message)) = error else { return None };
        let name = message.strip_prefix("no such table: ")?;
        self.schema.view(name).filter(|view| !self.answered.borrow().contains(view.name))
    }

    /// Keeps the rows of a view for the queries to come, after those that it asks in turn.
    fn answer(&self, view: &'static View) -> Result<(), SqlError> {
        while let Err(error) = self.keep(view) {
            match (self.unanswered(&error), SqlError::of(&error)) {
                (Some(asked), _) => self.answer(asked)?,
                (None, SqlError::Failed(error)) => {
                    return Err(SqlError::Failed(format!("the view {}: {error}", view.name)));
                }
                (None, error) => return Err(error),
            }
        }
        self.answered.borrow_mut().insert(view.name);
        Ok(())
    }

    fn keep(&self, view: &View) -> Result<(), rusqlite::Error> {
        self.lock().is_answering = true;
        self.stop_at(Some(processor_time() + INTERNAL_LIMIT));
        let written = self
            .connection
            .pragma_update(None, "query_only", false)
            .and_then(|()| self.connection.execute_batch(&view.ddl()));
        let closed = self.connection.pragma_update(None, "query_only", true);
        self.stop_at(None);
        self.lock().is_answering = false;
        written.and(closed)
    }

    fn explain(&self, error: rusqlite::Error) -> SqlError {
        if let Some(denied) = self.lock().denied.first() {
            return SqlError::Denied(denied.clone());
        }
        match error {
            rusqlite::Error::SqlInputError { msg, offset, .. } => {
                SqlError::Invalid { message: msg, offset: usize::try_from(offset).ok() }
            }
            error if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OutOfMemory) => SqlError::TooLarge,
            rusqlite::Error::MultipleStatement => SqlError::Denied("more than one statement".into()),
            other => SqlError::Invalid { message: other.to_string(), offset: None },
        }
    }

    fn bind_parameters(&self, statement: &mut Statement<'_>) -> Result<(), SqlError> {
        for (name, value) in &self.parameters {
            let index = statement.parameter_index(name).map_err(|error| SqlError::Failed(error.to_string()))?;
            if let Some(index) = index {
                statement.raw_bind_parameter(index, value).map_err(|error| SqlError::Failed(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn collect<T>(
        &self,
        mut statement: Statement<'_>,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, SqlError> {
        // EXPLAIN binds nothing: an unbound parameter is NULL, which changes neither the program nor the plan.
        let rows: rusqlite::Result<Vec<T>> = statement.raw_query().mapped(read).collect();
        rows.map_err(|error| SqlError::of(&error))
    }

    fn stop_at(&self, end: Option<Duration>) {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner).end = end;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, sandbox::Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tables and indexes of a database by their pages, called as queries call them.
fn pages(connection: &Connection, database: &str, number: i64, prefix: &str) -> Result<Vec<Page>, rusqlite::Error> {
    let sql = format!("SELECT rootpage, tbl_name FROM {database}.sqlite_schema WHERE rootpage > 0");
    let mut statement = connection.prepare(&sql)?;
    let rows =
        statement.query_map([], |row| Ok(((number, row.get(0)?), format!("{prefix}{}", row.get::<_, String>(1)?))))?;
    rows.collect()
}

/// Puts an earlier snapshot beside the facts, its tables under names of their own.
fn attach_before(connection: &Connection, schema: &Schema, path: &Path) -> Result<(), rusqlite::Error> {
    // A later change of it would take the views away.
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.execute("ATTACH ?1 AS before", [uri(path)])?;
    for table in schema.before() {
        let own = table.name.strip_prefix(BEFORE).unwrap_or(table.name);
        connection.execute_batch(&format!("CREATE TEMP VIEW {} AS SELECT * FROM before.{own}", table.name))?;
    }
    Ok(())
}

/// A query that is ready to be asked.
pub struct Question<'r> {
    reader: &'r Reader,
    statement: Statement<'r>,
    /// Names of the columns that it returns, in order.
    pub columns: Vec<String>,
}

impl Question<'_> {
    /// Hands every row to `each`, for at most `limit` of processor time. `each` tells what it keeps of a row, in bytes.
    pub fn for_each(mut self, limit: Duration, mut each: impl FnMut(Vec<Value>) -> u64) -> Result<(), SqlError> {
        self.reader.stop_at(Some(processor_time() + limit));
        let result = step_through(&mut self.statement, &mut each);
        self.reader.stop_at(None);
        result.map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => SqlError::TimedOut(limit),
            _ => SqlError::of(&error),
        })
    }
}

fn step_through(statement: &mut Statement<'_>, each: &mut impl FnMut(Vec<Value>) -> u64) -> rusqlite::Result<()> {
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut kept = 0;
    while let Some(row) = rows.next()? {
        kept += each((0..width).map(|i| Ok(value(row.get_ref(i)?))).collect::<rusqlite::Result<_>>()?);
        if kept > MEMORY {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOMEM);
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
    }
    Ok(())
}

/// What a row takes in memory.
pub(crate) fn bytes(row: &[Value]) -> u64 {
    let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
    (size_of_val(row) + size_of::<Vec<Value>>() + row.iter().map(text).sum::<usize>()) as u64
}

fn value(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(Real(number)),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Text(bytes.iter().map(|b| format!("{b:02x}")).collect()),
    }
}

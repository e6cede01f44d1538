//! Opening facts for reading: a store that was just sealed, or a snapshot from anywhere.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::pool::{Idle, Lent, Pool};
use super::read::Reader;
use super::target::SnapshotTarget;
use super::{APPLICATION_ID, COVERAGE_DDL, Origin, SNAPSHOT_DDL, StoreError, read_coverage, read_texts};
use crate::fact::{BEFORE, Schema, Table};
use crate::model::Coverage;

/// Rows of a table that take time to count.
const MANY: u64 = 10_000;

/// Sealed facts, of this run or of a snapshot.
#[derive(Debug, Clone)]
pub struct Facts {
    path: PathBuf,
    origin: Origin,
    coverage: Vec<Coverage>,
    schema: Schema,
    /// The file of this run's store; none of a snapshot.
    store: Option<Arc<Pool>>,
    idle: Idle,
    /// The folder in which the file lies, where nobody else needs it.
    _home: Option<Arc<tempfile::TempDir>>,
    /// What an earlier snapshot held.
    before: Option<Arc<Facts>>,
}

impl Facts {
    pub(super) fn of_store(store: Pool, schema: &Schema) -> Result<Self, StoreError> {
        let path = PathBuf::from("facts store");
        let (origin, coverage) = store.ask(|connection| statements(connection, &path))?;
        Ok(Self {
            path,
            origin,
            coverage,
            schema: schema.clone(),
            store: Some(Arc::new(store)),
            idle: Idle::default(),
            _home: None,
            before: None,
        })
    }

    /// Facts that are shipped with the program, as a snapshot holds them, for so many readers at a time. They are refused where
    /// the tables have changed since.
    pub fn shipped(content: &[u8], schema: &Schema, readers: usize) -> Result<Self, StoreError> {
        let (store, path) = (Pool::holding(content, readers)?, PathBuf::from("shipped facts"));
        let found: i32 =
            store.ask(|connection| connection.pragma_query_value(None, "user_version", |row| row.get(0)))?;
        if found != schema.version() {
            let tool = "of another time".to_owned();
            return Err(StoreError::Version { path, found, expected: schema.version(), tool });
        }
        Self::of_store(store, schema)
    }

    /// Opens a snapshot, after proof that it is one, whole, and of this program's schema.
    pub fn open(path: &Path, schema: &Schema) -> Result<Self, StoreError> {
        Self::open_for(path, schema, |_| true)
    }

    /// The same for who reads these tables alone: the rows of others are not counted where there are many.
    pub fn open_for(path: &Path, schema: &Schema, is_read: impl Fn(&Table) -> bool) -> Result<Self, StoreError> {
        check_header(path)?;
        let connection = connect(path)?;
        let damaged = |error: rusqlite::Error| StoreError::Damaged { path: path.to_owned(), reason: error.to_string() };
        let application: i32 = connection.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(damaged)?;
        if application != APPLICATION_ID {
            return Err(StoreError::Foreign { path: path.to_owned(), reason: "another program's SQLite file".into() });
        }
        let found: i32 = connection.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(damaged)?;
        if found != schema.version() {
            let tool = Origin::read(&connection).map_or_else(|_| "of unknown version".to_owned(), |o| o.tool_version);
            return Err(StoreError::Version { path: path.to_owned(), found, expected: schema.version(), tool });
        }
        check_tables(&connection, path, schema)?;
        let (origin, coverage) = statements(&connection, path)?;
        let facts = Self {
            path: path.to_owned(),
            origin,
            coverage,
            schema: schema.clone(),
            store: None,
            idle: Idle::default(),
            _home: None,
            before: None,
        };
        facts.check_rows(&connection, is_read)?;
        Ok(facts)
    }

    /// The same, with the folder that it lies in, which goes when nobody needs it any more.
    pub fn keeping(self, home: tempfile::TempDir) -> Self {
        Self { _home: Some(Arc::new(home)), ..self }
    }

    /// The same, with an earlier snapshot beside it: its readers have the tables of both.
    pub fn after(self, older: Self) -> Self {
        Self { before: Some(Arc::new(older)), idle: Idle::default(), ..self }
    }

    /// What is said of the tables of the earlier snapshot, under their names here; nothing where there is none.
    pub fn coverage_before(&self) -> Vec<Coverage> {
        let told = self.before.iter().flat_map(|older| &older.coverage);
        told.map(|told| Coverage { table: format!("{BEFORE}{}", told.table), ..told.clone() }).collect()
    }

    /// Every table must have as many rows of a scope as its statement says: rows that were lost would be no anomaly.
    fn check_rows(&self, connection: &Connection, is_read: impl Fn(&Table) -> bool) -> Result<(), StoreError> {
        let told =
            |name: &str| self.coverage.iter().filter(|told| told.table == name).map(|told| told.rows).sum::<u64>();
        let is_counted = |table: &&&Table| is_read(table) || told(table.name) < MANY;
        for table in self.schema.tables().iter().filter(is_counted) {
            let scope = table.scope.column().map_or("''", |column| column.name);
            let sql = format!("SELECT {scope}, count(*) FROM {} GROUP BY 1", table.name);
            let mut statement = connection.prepare(&sql).map_err(|error| self.damaged(&error))?;
            let counted = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            let counted: BTreeMap<String, i64> =
                counted.and_then(Iterator::collect).map_err(|error| self.damaged(&error))?;
            for entry in self.coverage.iter().filter(|entry| entry.table == table.name) {
                let key = if table.scope.column().is_some() { entry.scope.as_str() } else { "" };
                let (told, found) = (entry.rows, counted.get(key).copied().unwrap_or_default());
                if u64::try_from(found) != Ok(told) {
                    let reason =
                        format!("it tells of {told} rows of {} in {}, and has {found}", table.name, entry.scope);
                    return Err(StoreError::Damaged { path: self.path.clone(), reason });
                }
            }
        }
        Ok(())
    }

    /// A reader of its own for each thread, of which there are at most [`READERS`](super::READERS).
    pub fn reader(&self) -> Result<Lent, StoreError> {
        self.idle.lend(|| {
            let connection = match &self.store {
                Some(store) => store.connection()?,
                None => connect(&self.path)?,
            };
            let before = self.before.as_ref().map(|older| older.path.as_path());
            Ok(Reader::sandboxed(connection, self.schema.clone(), before)?)
        })
    }

    /// Every row of a question of the program's own that has a small answer, about the tables alone.
    pub fn texts(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        let damaged = |error: rusqlite::Error| self.damaged(&error);
        let texts = match &self.store {
            Some(store) => store.ask(|connection| read_texts(connection, sql)),
            None => read_texts(&connect(&self.path).map_err(damaged)?, sql),
        };
        texts.map_err(damaged)
    }

    /// The file of this run's store; none of a snapshot.
    pub(super) fn store(&self) -> Option<&Pool> {
        self.store.as_deref()
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What cannot be read of a snapshot that was opened is damaged.
    pub(super) fn damaged(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), reason: error.to_string() }
    }

    /// Tables and views.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What the snapshot says of itself.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Every statement on completeness, ordered by table and scope.
    pub fn coverage(&self) -> &[Coverage] {
        &self.coverage
    }

    /// Writes the snapshot.
    pub fn save(&self, target: SnapshotTarget) -> Result<(), StoreError> {
        let content = match &self.store {
            Some(store) => store.content(),
            None => std::fs::File::open(&self.path),
        };
        target.fill(content.map_err(|source| StoreError::Io { path: self.path.clone(), source })?)
    }
}

/// What facts say of themselves.
fn statements(connection: &Connection, path: &Path) -> Result<(Origin, Vec<Coverage>), StoreError> {
    let damaged = |error: rusqlite::Error| StoreError::Damaged { path: path.to_owned(), reason: error.to_string() };
    Ok((Origin::read(connection).map_err(damaged)?, read_coverage(connection).map_err(damaged)?))
}

/// For connections of one thread each.
pub(super) const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

pub(super) fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    Connection::open_with_flags(uri(path), READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

/// What SQLite calls a file that is only read. `immutable` spares the locks: the file is private, or a snapshot that
/// nobody writes.
pub(super) fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    uri
}

/// The first bytes of a SQLite file tell its size, so that a file cut short is known before any page is read.
fn check_header(path: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let mut header = [0_u8; 100];
    // A pipe would be waited for, and could not be read twice.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(StoreError::Foreign { path: path.to_owned(), reason: "not a regular file".into() });
    }
    let mut file = std::fs::File::open(path).map_err(io)?;
    if let Err(error) = file.read_exact(&mut header) {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return Err(StoreError::Foreign { path: path.to_owned(), reason: "shorter than a SQLite header".into() });
        }
        return Err(io(error));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(StoreError::Foreign { path: path.to_owned(), reason: "not a SQLite file".into() });
    }
    // Offsets of the SQLite file format: page size at 16 (1 means 65536), size of the file in pages at 28.
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    let length = file.metadata().map_err(io)?.len();
    if length != page * pages {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: format!("its header speaks of {} bytes, it has {length}", page * pages),
        });
    }
    Ok(())
}

/// The tables must be ours to the letter: a view or a trigger under a table's name would let a file lie.
fn check_tables(connection: &Connection, path: &Path, schema: &Schema) -> Result<(), StoreError> {
    let damaged = |error: rusqlite::Error| StoreError::Damaged { path: path.to_owned(), reason: error.to_string() };
    let mut found: Vec<String> = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        .and_then(|mut s| s.query_map([], |row| row.get(0))?.collect())
        .map_err(damaged)?;
    let mut expected = schema.ddl();
    expected.extend(schema.indexes());
    expected.extend([COVERAGE_DDL.to_owned(), SNAPSHOT_DDL.to_owned()]);
    found.sort();
    expected.sort();
    if found != expected {
        return Err(StoreError::Damaged { path: path.to_owned(), reason: "its tables were altered".into() });
    }
    Ok(())
}

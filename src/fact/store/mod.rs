//! The embedded SQLite that holds the facts; the only room that knows rusqlite.
//!
//! A [`Store`] is written by one thread, sealed into [`Facts`], and read by any number of sandboxed [`Reader`]s.
//! The file of a sealed store *is* the snapshot: any `sqlite3` opens it.

mod adopt;
mod compare;
mod differ;
mod ledger;
mod open;
mod pool;
mod read;
mod sandbox;
mod target;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{Coverage, Reason};

pub use compare::Difference;
pub use ledger::Ledger;
pub use open::Facts;
pub use pool::{Lent, READERS};
pub(crate) use read::bytes;
pub use read::{PlanStep, Prepared, Question, Reader};
pub use sandbox::IsOver;
pub use target::SnapshotTarget;
pub use write::Store;

/// `PRAGMA application_id` of a snapshot: `bmpf`.
const APPLICATION_ID: i32 = 0x626d_7066;

/// Table of the statements on completeness.
const COVERAGE_DDL: &str = "CREATE TABLE coverage (\"table\" TEXT NOT NULL, scope TEXT NOT NULL, \
    completeness TEXT NOT NULL CHECK (completeness IN ('complete', 'partial', 'absent', 'not_attempted')), \
    reason TEXT, rows INTEGER NOT NULL, source TEXT, elapsed_ms INTEGER NOT NULL, \
    PRIMARY KEY (\"table\", scope)) STRICT";

/// Table of what the snapshot says of itself.
const SNAPSHOT_DDL: &str = "CREATE TABLE snapshot (\"key\" TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT";

/// What a snapshot says of itself. What could not be told is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// When its collection began, in seconds since the epoch, UTC.
    pub collected_at: i64,
    /// The server that it was collected on.
    pub server_uid: Option<String>,
    /// The installation that this server's own files say it belongs to.
    pub installation_id: Option<String>,
    /// How far that machine's clock is ahead of the directory database's, in seconds.
    pub clock_ahead_s: Option<i64>,
    /// Whether it was merged from the snapshots of several servers.
    pub is_merged: bool,
    /// What the machine is called whose view of the network it holds; none of a server.
    pub vantage: Option<String>,
}

impl Origin {
    /// A collection by this version of the program, before anything is collected.
    pub fn new(tool_version: &str, collected_at: i64) -> Self {
        Self { tool_version: tool_version.to_owned(), collected_at, ..Self::default() }
    }

    fn write(&self, connection: &rusqlite::Connection) -> Result<(), rusqlite::Error> {
        let pairs = [
            ("tool_version", Some(self.tool_version.clone())),
            ("collected_at", Some(self.collected_at.to_string())),
            ("server_uid", self.server_uid.clone()),
            ("installation_id", self.installation_id.clone()),
            ("clock_ahead_s", self.clock_ahead_s.map(|seconds| seconds.to_string())),
            ("is_merged", self.is_merged.then(|| "1".to_owned())),
            ("vantage", self.vantage.clone()),
        ];
        for (key, value) in pairs.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            connection.execute("INSERT INTO snapshot VALUES (?1, ?2)", (key, value))?;
        }
        Ok(())
    }

    fn read(connection: &rusqlite::Connection) -> Result<Self, rusqlite::Error> {
        let pairs = connection
            .prepare("SELECT \"key\", value FROM snapshot")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<BTreeMap<String, String>, _>>()?;
        let number = |text: &String| text.parse::<i64>().map_err(|_| rusqlite::Error::InvalidQuery);
        let required = |key: &str| pairs.get(key).ok_or(rusqlite::Error::QueryReturnedNoRows);
        Ok(Self {
            tool_version: required("tool_version")?.clone(),
            collected_at: number(required("collected_at")?)?,
            server_uid: pairs.get("server_uid").cloned(),
            installation_id: pairs.get("installation_id").cloned(),
            clock_ahead_s: pairs.get("clock_ahead_s").map(number).transpose()?,
            is_merged: pairs.contains_key("is_merged"),
            vantage: pairs.get("vantage").cloned(),
        })
    }
}

/// Why facts could not be kept, saved or opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused an operation on our own store.
    #[error("facts store{place}: {error}", place = in_folder(.0), error = .0)]
    Sqlite(#[from] rusqlite::Error),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a snapshot of facts.
    #[error("{path}: not a facts snapshot of bm-preflight ({reason})")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What gave it away.
        reason: String,
    },
    /// The snapshot was written with other facts tables.
    #[error(
        "{path}: holds facts schema {found} written by bm-preflight {tool}, this program reads schema {expected}; \
         replay it with that version, or collect again"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i32,
        /// Ours.
        expected: i32,
        /// Version of the program that wrote it.
        tool: String,
    },
    /// The run does not wait for this any more.
    #[error("the run is over")]
    Over,
    /// The snapshot is cut short or corrupt.
    #[error("{path}: damaged snapshot ({reason})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Why a query was refused or did not end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// SQLite cannot prepare it.
    #[error("{message}")]
    Invalid {
        /// What SQLite says.
        message: String,
        /// Byte offset in the query, when SQLite tells it.
        offset: Option<usize>,
    },
    /// It asks for something that the sandbox does not allow.
    #[error("not allowed in a query: {0}")]
    Denied(String),
    /// It ran out of processor time.
    #[error("did not end within {} of processor time", humantime(*.0))]
    TimedOut(Duration),
    /// It needs more memory than there is for queries.
    #[error("needs more than {} MiB of memory", MEMORY / 1024 / 1024)]
    TooLarge,
    /// It failed while running.
    #[error("{0}")]
    Failed(String),
}

/// Memory for all queries together, in bytes, and for the answer to one. All checks on a snapshot with 1 million folders
/// and 200 000 mailboxes make do with 190 MiB for the whole program.
const MEMORY: u64 = 1024 * 1024 * 1024;

impl SqlError {
    /// What it means that a query fails while it runs.
    fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OutOfMemory) => Self::TooLarge,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<StoreError> for SqlError {
    /// Without a reader no query can be asked.
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Where the store lies, when that is what is wrong.
fn in_folder(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(CannotOpen | DiskFull | SystemIoFailure) => format!(" in {} (TMPDIR)", std::env::temp_dir().display()),
        _ => String::new(),
    }
}

fn humantime(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

/// Every coverage statement, ordered by table and scope.
fn read_coverage(connection: &rusqlite::Connection) -> Result<Vec<Coverage>, rusqlite::Error> {
    use crate::model::Completeness;
    let mut statement = connection.prepare(
        "SELECT \"table\", scope, completeness, reason, rows, source, elapsed_ms FROM coverage ORDER BY 1, 2",
    )?;
    let rows = statement.query_map([], |row| {
        let word: String = row.get(2)?;
        Ok(Coverage {
            table: row.get(0)?,
            scope: row.get(1)?,
            // A word that is none of ours can only come from a tampered file: nothing is known then.
            completeness: Completeness::parse(&word).unwrap_or(Completeness::NotAttempted),
            reason: row.get(3)?,
            rows: row.get::<_, i64>(4)?.try_into().unwrap_or(0),
            source: row.get(5)?,
            elapsed_ms: row.get::<_, i64>(6)?.try_into().unwrap_or(0),
        })
    })?;
    rows.collect()
}

/// Every row of a query of the program's own that returns few.
fn read_texts(connection: &rusqlite::Connection, sql: &str) -> Result<Vec<Vec<Option<String>>>, rusqlite::Error> {
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|i| row.get(i)).collect())?;
    rows.collect()
}

impl rusqlite::types::FromSql for Reason {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        let unknown = |error: serde_json::Error| format!("a reason that this program does not know: {error}");
        serde_json::from_str(value.as_str()?)
            .map_err(|error| rusqlite::types::FromSqlError::Other(unknown(error).into()))
    }
}

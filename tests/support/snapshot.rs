//! Facts as values that can be compared and written: read from a snapshot of `collect`, or from those of a story.

use std::collections::BTreeMap;
use std::path::Path;

use bm_preflight::model::Reason;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};

/// Cells that depend on the machine and on the PostgreSQL at hand: what matters is whether they are there. A
/// `facts.toml` may say anything for them; a new row is given the value here.
const ENVIRONMENT: &[(&str, &str, Cell)] = &[
    ("relation", "total_bytes", Cell::Number(1_048_576)),
    ("database", "size_bytes", Cell::Number(67_108_864)),
    ("database", "server_version", Cell::Number(110_003)),
    ("dns_answer", "resolver", Cell::Word("192.0.2.53:53")),
    ("dns_answer", "elapsed_ms", Cell::Number(3)),
    ("dns_record", "resolver", Cell::Word("192.0.2.53:53")),
    ("tls_handshake", "certificate_sha256", Cell::Word("5a1d")),
    ("tls_handshake", "key_sha256", Cell::Word("9c0e")),
    ("tls_handshake", "elapsed_ms", Cell::Number(12)),
    ("http_exchange", "elapsed_ms", Cell::Number(14)),
];

/// The file systems of a copy are not known: a `facts.toml` says them as it likes, and collecting adds nothing to it.
const FILESYSTEM: &str = "filesystem";
const OF_A_COPY: &str = "not mounted here";

/// Columns that hold a time, in seconds since the epoch: they are kept as the same time before [`COLLECTED_AT`], in steps
/// of [`STEP`], so that the time between building an installation and collecting it does not matter.
const TIMES: &[(&str, &str)] = &[
    ("backup_generation", "began_at"),
    ("backup_part", "ended_at"),
    ("collection", "collected_at"),
    ("cyrus_list", "read_at"),
    ("replication_error", "last_at"),
    ("replication_error", "recovered_at"),
    ("replication_log", "modified_at"),
    ("replication_log", "first_at"),
    ("replication_log", "last_at"),
    ("replication_log", "active_connections_at"),
    ("replication_log", "last_apply_at"),
    ("replication_log", "last_probe_at"),
    ("replication_log", "last_throttle_at"),
    ("replication_mailbox", "last_apply_at"),
    ("sync_log", "modified_at"),
    ("service_unit", "changed_at"),
    ("sync_log", "begun_at"),
    ("tls_certificate", "not_before"),
    ("tls_certificate", "not_after"),
    ("tls_handshake", "expires_at"),
];
const STEP: i64 = 600;

/// Certificates are made once for all stories, some minutes before the last of them is collected.
const STEP_OF_CERTIFICATES: i64 = 3_600;

/// A time so long before the collection, or after it, was written into a file of the story or its network, and is the same
/// in every run.
const OF_A_FILE: i64 = 365 * 86_400;

/// When every `facts.toml` says that it was collected, and the same in seconds since the epoch.
const COLLECTED_AT: &str = "2026-11-02T08:00:00Z";
const COLLECTED_AT_S: i64 = 1_793_606_400;

/// A value; NULL is a cell left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    /// A number, or a truth value as 0 or 1.
    Number(i64),
    /// Text.
    Text(String),
    /// Text of this program.
    Word(&'static str),
    /// Something that depends on the environment.
    Environment,
}

/// A row: column and value in the order of the columns.
type Row = Vec<(String, Cell)>;

/// Facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The rows of each table that has some, in order.
    pub(crate) tables: BTreeMap<String, Vec<Row>>,
    /// The scopes that are not complete, in order.
    pub(crate) gaps: Vec<Gap>,
}

/// A scope that is not complete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Gap {
    table: String,
    scope: String,
    completeness: String,
    reason: Reason,
}

impl Snapshot {
    /// Reads a snapshot that `collect` wrote of the files below `root`, which reasons name as the server does. A database's
    /// name goes without what keeps the tests' databases apart.
    pub(crate) fn of_collection(path: &Path, root: &Path) -> Self {
        let database = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let names = column(&database, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
        let collected_at = column(&database, "SELECT value FROM snapshot WHERE \"key\" = 'collected_at'");
        let collected_at = collected_at.first().and_then(|at| at.parse().ok()).expect("a snapshot has a time");
        let mut tables = BTreeMap::new();
        for name in names.iter().filter(|name| *name != "coverage" && *name != "snapshot") {
            let mut rows = read_rows(&database, &format!("SELECT * FROM {name}"));
            rows.iter_mut().for_each(|row| rename_database(name, row));
            rows.iter_mut().for_each(rename_random_host);
            rows.iter_mut().for_each(|row| shift_times(name, row, collected_at));
            rows.sort();
            if !rows.is_empty() {
                tables.insert(name.clone(), rows);
            }
        }
        let gaps = "SELECT \"table\", scope, completeness, reason FROM coverage \
                    WHERE completeness <> 'complete' ORDER BY 1, 2";
        let gaps = read_rows(&database, gaps).into_iter().map(|row| {
            let words: Vec<String> = row.into_iter().map(|(_, cell)| cell.text()).collect();
            let [table, scope, completeness, reason] = words.try_into().expect("four columns without NULL");
            let reason = reason.replace(root.to_str().expect("a path of the tests"), "");
            let reason = serde_json::from_str(&reason).expect("a reason is stored as JSON");
            Gap { table, scope, completeness, reason }
        });
        let is_told = |gap: &Gap| gap.table != FILESYSTEM || !gap.reason.to_string().contains(OF_A_COPY);
        Self { tables, gaps: gaps.filter(is_told).collect() }
    }

    /// Reads the facts of a story.
    pub(crate) fn of_story(facts: &toml::Table) -> Self {
        let mut document = facts.clone();
        document.remove("collected_at");
        let gaps = document.remove("coverage").map(|gaps| gaps.as_array().cloned().unwrap_or_default());
        let gap = |gap: &toml::Value| gap.clone().try_into().unwrap_or_else(|error| panic!("{gap}: {error}"));
        let mut snapshot = Self { gaps: gaps.iter().flatten().map(gap).collect(), ..Self::default() };
        snapshot.gaps.sort();
        for (name, rows) in document {
            let rows = rows.as_array().expect("a table is an array of rows").iter();
            let mut rows: Vec<Row> = rows.map(|row| toml_row(row.as_table().expect("a row is a table"))).collect();
            rows.sort();
            snapshot.tables.insert(name, rows);
        }
        snapshot
    }

    /// The same without what depends on the environment, columns in alphabetical order: for comparison.
    pub(crate) fn normalised(&self) -> Self {
        let mut same = self.clone();
        same.tables.remove(FILESYSTEM);
        for (table, rows) in &mut same.tables {
            for row in rows.iter_mut() {
                *row = masked(table, row);
                row.sort();
            }
            rows.sort();
        }
        same
    }

    /// The facts of a story. What depends on the environment is taken from `kept` where a row is there already.
    pub(crate) fn to_story(&self, kept: &Self) -> toml::Table {
        let mut whole = self.clone();
        whole.tables.extend(kept.tables.get_key_value(FILESYSTEM).map(|(name, rows)| (name.clone(), rows.clone())));
        let gap = |gap: &Gap| toml::Value::try_from(gap).expect("a gap is made of texts and tables");
        let mut facts = toml::Table::from_iter([("collected_at".to_owned(), COLLECTED_AT.into())]);
        if !whole.gaps.is_empty() {
            facts.insert("coverage".to_owned(), toml::Value::Array(whole.gaps.iter().map(gap).collect()));
        }
        for (table, rows) in &whole.tables {
            let kept = kept.tables.get(table).map(Vec::as_slice).unwrap_or_default();
            let row = |row| {
                let cells = chosen(table, row, kept).into_iter().map(|(column, cell)| (column, cell.toml()));
                toml::Value::Table(cells.collect())
            };
            facts.insert(table.clone(), toml::Value::Array(rows.iter().map(row).collect()));
        }
        facts
    }

    /// The only value that a query on the snapshot's rows would give: the cell of a column where another has a value.
    pub(crate) fn cell(&self, table: &str, key: (&str, &str), column: &str) -> Option<&Cell> {
        let rows = self.tables.get(table)?;
        let has = |row: &&Row| row.iter().any(|(name, cell)| name == key.0 && *cell == Cell::Text(key.1.to_owned()));
        let found: Vec<&Row> = rows.iter().filter(has).collect();
        assert!(found.len() <= 1, "{table}: {} rows with {key:?}", found.len());
        found.first()?.iter().find(|(name, _)| name == column).map(|(_, cell)| cell)
    }
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Word(word) => (*word).to_owned(),
            Self::Environment => "…".to_owned(),
        }
    }

    fn toml(&self) -> toml::Value {
        match self {
            Self::Number(number) => (*number).into(),
            _ => self.text().into(),
        }
    }
}

fn environment(table: &str, column: &str) -> Option<&'static Cell> {
    ENVIRONMENT.iter().find(|(t, c, _)| *t == table && *c == column).map(|(.., cell)| cell)
}

fn masked(table: &str, row: &Row) -> Row {
    let mask = |(column, cell): &(String, Cell)| {
        (column.clone(), environment(table, column).map_or_else(|| cell.clone(), |_| Cell::Environment))
    };
    row.iter().map(mask).collect()
}

/// The row with what depends on the environment as a row of `kept` that is otherwise the same has it.
fn chosen(table: &str, row: &Row, kept: &[Row]) -> Row {
    let by_name = |row: &Row| row.iter().cloned().collect::<BTreeMap<_, _>>();
    let before = kept.iter().find(|other| by_name(&masked(table, other)) == by_name(&masked(table, row))).map(by_name);
    let choose = |(column, cell): &(String, Cell)| {
        let default = environment(table, column);
        let cell = match (default, &before) {
            (None, _) => cell,
            (Some(_), Some(before)) => &before[column],
            (Some(default), None) => default,
        };
        (column.clone(), cell.clone())
    };
    row.iter().map(choose).collect()
}

fn toml_row(row: &toml::Table) -> Row {
    let cell = |value: &toml::Value| match value {
        toml::Value::Integer(number) => Cell::Number(*number),
        toml::Value::String(text) => Cell::Text(text.clone()),
        other => panic!("a cell is a number or text, not {other}"),
    };
    row.iter().map(|(column, value)| (column.clone(), cell(value))).collect()
}

fn column(database: &rusqlite::Connection, sql: &str) -> Vec<String> {
    read_rows(database, sql).into_iter().flatten().map(|(_, cell)| cell.text()).collect()
}

fn read_rows(database: &rusqlite::Connection, sql: &str) -> Vec<Row> {
    let mut statement = database.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let rows = statement.query_map([], |row| {
        let mut cells = Row::new();
        for (index, name) in names.iter().enumerate() {
            match row.get_ref(index)? {
                ValueRef::Null => {}
                ValueRef::Integer(number) => cells.push((name.clone(), Cell::Number(number))),
                ValueRef::Text(text) => cells.push((name.clone(), Cell::Text(String::from_utf8_lossy(text).into()))),
                other => panic!("{sql}: {name} holds {other:?}"),
            }
        }
        Ok(cells)
    });
    rows.and_then(Iterator::collect).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// The host that is asked for to find a wildcard is another one in every run.
fn rename_random_host(row: &mut Row) {
    for (_, cell) in row.iter_mut().filter(|(column, _)| column == "host" || column == "owner") {
        let host = cell.text();
        if let Some((_, rest)) = host.strip_prefix("bmpf-").and_then(|host| host.split_once('.')) {
            *cell = Cell::Text(format!("bmpf-0.{rest}"));
        }
    }
}

fn shift_times(table: &str, row: &mut Row, collected_at: i64) {
    for (column, cell) in row.iter_mut().filter(|(column, _)| TIMES.contains(&(table, column))) {
        let Cell::Number(at) = cell else { panic!("{table}.{column} holds {cell:?}, not a time") };
        let step = if table.starts_with("tls_") { STEP_OF_CERTIFICATES } else { STEP };
        let age = (collected_at - *at + step / 2).div_euclid(step) * step;
        if age.abs() < OF_A_FILE {
            *at = COLLECTED_AT_S - age;
        }
    }
}

fn rename_database(table: &str, row: &mut Row) {
    for (column, cell) in row.iter_mut().filter(|(column, _)| table == "database" && column == "name") {
        let name = cell.text();
        let original = name.split('.').nth(1).unwrap_or_else(|| panic!("{column}: {name:?} is no database of a test"));
        *cell = Cell::Text(original.to_owned());
    }
}

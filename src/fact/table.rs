//! Facts tables as data: one definition gives the SQLite DDL, the reference page and the defaults of test cases.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::record::Cell;

/// A cell. Booleans are the integers 0 and 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Not known, or not there: see the column's doc.
    Null,
    /// A number in the column's unit.
    Integer(i64),
    /// A measured ratio; no fact column holds one, queries may return it.
    Real(ordered::Real),
    /// Text, always UTF-8.
    Text(String),
}

/// Floating point with a total order, so that rows can be sorted.
pub mod ordered {
    /// An `f64` ordered by [`f64::total_cmp`].
    #[derive(Debug, Clone, Copy)]
    pub struct Real(pub f64);

    impl PartialEq for Real {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Real {}
    impl PartialOrd for Real {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Real {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.total_cmp(&other.0)
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}
impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Integer(i64::from(yes))
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row: a value for each column of the table, the scope column left out.
pub type Row = Vec<Value>;

/// What one complete collection of a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// The directory database `bj`: one scope, `directory`.
    Directory,
    /// A mail shard's database `bj-data`: one scope for each server with the role `bm/pgsql-data`.
    Shard,
    /// Any database: the scope `directory` and one for each shard.
    Database,
    /// A server's files: one scope for each server.
    Server,
    /// A mail backend's Cyrus: one scope for each server with the role `mail/imap`.
    Backend,
    /// The network as this machine sees it: one scope, `network`.
    Network,
}

impl ScopeKind {
    /// The column that holds the scope in each row; a table of the only directory needs none.
    pub fn column(self) -> Option<&'static Column> {
        const SERVER: Column = Column::text("server_uid", "uid of the server the row was read from").key();
        const DATABASE: Column =
            Column::text("scope", "`directory`, or the uid of the server whose shard the row was read from").key();
        match self {
            Self::Directory | Self::Network => None,
            Self::Shard | Self::Server | Self::Backend => Some(&SERVER),
            Self::Database => Some(&DATABASE),
        }
    }

    /// What the reference page says of it.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Directory => "the directory database `bj` (scope `directory`)",
            Self::Shard => "each `bj-data` database (scope: the server's uid)",
            Self::Database => "`bj` (scope `directory`) and each `bj-data` (scope: the server's uid)",
            Self::Server => "each server's files (scope: the server's uid)",
            Self::Backend => "each mail backend's files (scope: the server's uid)",
            Self::Network => "the network as this machine sees it (scope `network`)",
        }
    }
}

/// The storage class of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A signed 64-bit integer.
    Integer,
    /// 0 or 1.
    Boolean,
}

/// What the texts of a column say of people and places: what becomes of them in a snapshot for strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Names among other words: each gets a pseudonym. What is not known to be anything else is held to be that.
    Names,
    /// Words of BlueMind and of other programs, and versions: they stay.
    Vocabulary,
    /// `who rights, who rights`: the rights stay.
    Rights,
    /// What a program said: it is dropped.
    Prose,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name; a number's unit is part of it (`size_bytes`).
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// Storage class.
    pub kind: Kind,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// The only values allowed; empty when any is.
    pub one_of: &'static [&'static str],
    /// Whether queries join on it: it gets an index.
    pub key: bool,
    /// What becomes of its texts in a snapshot for strangers.
    pub holds: Holds,
}

impl Column {
    /// The column of a field: its type says what it may hold. A name that is a word of Rust is written `r#name` there.
    pub const fn of<T: Cell>(field: &'static str, doc: &'static str) -> Self {
        let name = match field.as_bytes() {
            [b'r', b'#', ..] => field.split_at(2).1,
            _ => field,
        };
        Self { kind: T::KIND, nullable: T::NULLABLE, one_of: T::ONE_OF, ..Self::text(name, doc) }
    }
    /// A text column.
    pub const fn text(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, kind: Kind::Text, nullable: false, one_of: &[], key: false, holds: Holds::Names }
    }
    /// A number.
    pub const fn integer(name: &'static str, doc: &'static str) -> Self {
        Self { kind: Kind::Integer, ..Self::text(name, doc) }
    }
    /// A truth value, 0 or 1.
    pub const fn boolean(name: &'static str, doc: &'static str) -> Self {
        Self { kind: Kind::Boolean, ..Self::text(name, doc) }
    }
    /// The same column with NULL allowed.
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }
    /// The same column with an index.
    pub const fn key(self) -> Self {
        Self { key: true, ..self }
    }
    /// The same column of words that are no names.
    pub const fn vocabulary(self) -> Self {
        Self { holds: Holds::Vocabulary, ..self }
    }
    /// The same column of rights.
    pub const fn rights(self) -> Self {
        Self { holds: Holds::Rights, ..self }
    }
    /// The same column of what a program said.
    pub const fn prose(self) -> Self {
        Self { holds: Holds::Prose, ..self }
    }
    /// The same column as an enumeration.
    pub const fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { one_of: values, ..self }
    }

    /// The value of a cell that a test case leaves out: NULL where allowed, else one that cannot be taken for real.
    pub fn unset(&self) -> Value {
        match (self.nullable, self.one_of.first(), self.kind) {
            (true, ..) => Value::Null,
            (false, Some(first), _) => Value::from(*first),
            (false, None, Kind::Text) => Value::Text(format!("<{}>", self.name)),
            (false, None, Kind::Integer | Kind::Boolean) => Value::Integer(0),
        }
    }

    fn ddl(&self) -> String {
        let storage = if self.kind == Kind::Text { "TEXT" } else { "INTEGER" };
        let mut ddl = format!("{} {storage}", self.name);
        if !self.nullable {
            ddl.push_str(" NOT NULL");
        }
        let allowed = match self.kind {
            Kind::Boolean => "0, 1".to_owned(),
            Kind::Text | Kind::Integer => self.one_of.iter().map(|v| format!("'{v}'")).collect::<Vec<_>>().join(", "),
        };
        if !allowed.is_empty() {
            let _ = write!(ddl, " CHECK ({} IN ({allowed}))", self.name);
        }
        ddl
    }
}

/// One table, owned by one collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// A singular noun.
    pub name: &'static str,
    /// What the rows say, and where they come from.
    pub doc: &'static str,
    /// What one row stands for.
    pub grain: &'static str,
    /// What a complete collection is about.
    pub scope: ScopeKind,
    /// The columns beside the scope column.
    pub columns: &'static [Column],
}

impl Table {
    /// The same table of an earlier snapshot.
    pub fn before(&self) -> Self {
        let name = Box::leak(format!("{BEFORE}{}", self.name).into_boxed_str());
        Self { name, ..*self }
    }

    /// Every column, the scope column first.
    pub fn all_columns(&self) -> impl Iterator<Item = &'static Column> {
        self.scope.column().into_iter().chain(self.columns)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.all_columns().find(|c| c.name == name)
    }

    fn ddl(&self) -> String {
        let columns: Vec<String> = self.all_columns().map(Column::ddl).collect();
        format!("CREATE TABLE {} ({}) STRICT", self.name, columns.join(", "))
    }

    fn indexes(&self) -> impl Iterator<Item = String> {
        let name = self.name;
        self.all_columns().filter(|c| c.key).map(move |c| format!("CREATE INDEX {name}_{0} ON {name} ({0})", c.name))
    }
}

/// A question over the tables that several checks share, answered once for each reader, when a query first asks it. It
/// exists while facts are read, never in a snapshot: what it says of old facts is what this program says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// What queries call it.
    pub name: &'static str,
    /// Comment lines that say what a row is, then one `SELECT`. It may read tables and other views.
    pub sql: &'static str,
}

impl View {
    /// The comment lines at the head of the file.
    pub fn doc(&self) -> String {
        let lines = self.sql.lines().map_while(|line| line.strip_prefix("--"));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    }

    /// The same question to the tables of an earlier snapshot: `is_known` tells the names that they and the views have.
    pub fn before(&self, is_known: impl Fn(&str) -> bool) -> Self {
        let mut sql = String::new();
        for line in self.sql.lines() {
            let (code, note) = line.find("--").map_or((line, ""), |at| line.split_at(at));
            let mut last = "";
            for part in code.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
                let word = part.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
                if matches!(last, "FROM" | "JOIN") && is_known(word) {
                    sql.push_str(BEFORE);
                }
                sql.push_str(part);
                last = if word.is_empty() { last } else { word };
            }
            sql.push_str(note);
            sql.push('\n');
        }
        let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        Self { name: leaked(format!("{BEFORE}{}", self.name)), sql: leaked(sql) }
    }

    /// The statement that answers it. A view in SQLite's sense would be worked out again wherever it is named.
    pub fn ddl(&self) -> String {
        format!("CREATE TEMP TABLE {} AS {}", self.name, self.sql)
    }
}

/// What the tables of an earlier snapshot are called beside those of a later one.
pub const BEFORE: &str = "before_";

/// Every table there is, and the views over them.
#[derive(Debug, Clone)]
pub struct Schema {
    tables: Vec<&'static Table>,
    views: &'static [View],
    /// The same tables as an earlier snapshot has them, under [`BEFORE`].
    before: Vec<&'static Table>,
    /// The same views over them.
    views_before: &'static [View],
}

impl Schema {
    /// The schema of the given tables, ordered by name.
    pub fn new(tables: impl IntoIterator<Item = &'static Table>) -> Self {
        let mut tables: Vec<_> = tables.into_iter().collect();
        tables.sort_by_key(|t| t.name);
        Self { tables, views: &[], before: Vec::new(), views_before: &[] }
    }

    /// The same tables with views over them.
    pub fn with_views(self, views: &'static [View]) -> Self {
        Self { views, ..self }
    }

    /// The same with the tables and views of an earlier snapshot, each called [`BEFORE`] and the name of one of its own.
    pub fn with_before(self, before: &'static [Table], views_before: &'static [View]) -> Self {
        Self { before: before.iter().collect(), views_before, ..self }
    }

    /// Those of the tables that are wanted, and the views.
    pub fn only(&self, is_wanted: impl Fn(&Table) -> bool) -> Self {
        let chosen = |tables: &[&'static Table]| tables.iter().copied().filter(|table| is_wanted(table)).collect();
        Self { tables: chosen(&self.tables), before: chosen(&self.before), ..self.clone() }
    }

    /// The views over the tables of an earlier snapshot.
    pub fn views_before(&self) -> &'static [View] {
        self.views_before
    }

    /// The tables of an earlier snapshot.
    pub fn before(&self) -> &[&'static Table] {
        &self.before
    }

    /// The same with the tables of an earlier snapshot among the others, as checks read them.
    pub(super) fn side_by_side(&self) -> Self {
        let tables = self.tables.iter().chain(&self.before).copied().collect();
        Self { tables, ..self.clone() }
    }

    /// The views.
    pub fn views(&self) -> &'static [View] {
        self.views
    }

    /// The tables, ordered by name.
    pub fn tables(&self) -> &[&'static Table] {
        &self.tables
    }

    /// The table of that name, that of an earlier snapshot too.
    pub fn table(&self, name: &str) -> Option<&'static Table> {
        self.tables.iter().chain(&self.before).find(|t| t.name == name).copied()
    }

    /// The statements that create the tables, without their indexes.
    pub fn ddl(&self) -> Vec<String> {
        self.tables.iter().map(|t| t.ddl()).collect()
    }

    /// The statements that create the indexes: cheaper once the rows are there.
    pub fn indexes(&self) -> Vec<String> {
        self.tables.iter().flat_map(|t| t.indexes()).collect()
    }

    /// A number that changes with every change of the tables; snapshots carry it as `PRAGMA user_version`.
    pub fn version(&self) -> i32 {
        let mut hash = Sha256::new();
        for statement in self.ddl().into_iter().chain(self.indexes()) {
            hash.update(statement.as_bytes());
        }
        let digest = hash.finalize();
        i32::from_be_bytes([digest[0] & 0x7f, digest[1], digest[2], digest[3]])
    }

    /// The reference page: every table with its grain, scope, collector source and columns, in Markdown, and what `statements`
    /// knows that a database is asked for it.
    pub fn reference(&self, statements: impl Fn(&str) -> Vec<&'static str>) -> String {
        let mut page = String::new();
        for table in &self.tables {
            let _ = write!(
                page,
                "## `{}`\n\n{}\n\n- one row: {}\n- collected from: {}\n\n",
                table.name,
                table.doc,
                table.grain,
                table.scope.doc()
            );
            page.push_str("| column | type | meaning |\n| --- | --- | --- |\n");
            for column in table.all_columns() {
                let _ = writeln!(page, "| `{}` | {} | {} |", column.name, describe_type(column), column.doc);
            }
            page.push('\n');
            for statement in statements(table.name) {
                let _ = write!(page, "```sql\n{}\n```\n\n", dedented(statement));
            }
        }
        for view in self.views {
            let _ = write!(page, "## `{}` (view)\n\n{}\n\n", view.name, view.doc());
        }
        page
    }
}

fn describe_type(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Text => "text",
        Kind::Integer => "integer",
        Kind::Boolean => "boolean",
    };
    let mut described = if column.one_of.is_empty() {
        kind.to_owned()
    } else {
        column.one_of.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(" or ")
    };
    if column.nullable {
        described.push_str(", or null");
    }
    if column.key {
        described.push_str(" (indexed)");
    }
    described
}
/// Lines that are as far from the left as the least of them, but for the first.
fn dedented(text: &str) -> String {
    let blanks = |line: &&str| line.len() - line.trim_start().len();
    let least = text.lines().skip(1).map(|line| blanks(&line)).min().unwrap_or(0);
    let lines = text.lines().enumerate().map(|(number, line)| if number == 0 { line } else { &line[least..] });
    lines.collect::<Vec<_>>().join("\n")
}

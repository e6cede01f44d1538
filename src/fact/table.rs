//! Facts tables as data: one definition gives the SQLite DDL, the reference page and the defaults of test cases.

use std::fmt::Write as _;

use super::BEFORE;
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

    pub(super) fn ddl(&self) -> String {
        let columns: Vec<String> = self.all_columns().map(Column::ddl).collect();
        format!("CREATE TABLE {} ({}) STRICT", self.name, columns.join(", "))
    }

    pub(super) fn indexes(&self) -> impl Iterator<Item = String> {
        let name = self.name;
        self.all_columns().filter(|c| c.key).map(move |c| format!("CREATE INDEX {name}_{0} ON {name} ({0})", c.name))
    }
}

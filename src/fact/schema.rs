//! The tables that there are, the views over them, and what a query reads of both.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::table::{Column, Kind, Table};

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
        let (mut sql, mut told) = (String::new(), 0);
        for (at, _) in named(self.sql).into_iter().filter(|(_, name)| is_known(name)) {
            sql.push_str(&self.sql[told..at]);
            sql.push_str(BEFORE);
            told = at;
        }
        sql.push_str(&self.sql[told..]);
        let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        Self { name: leaked(format!("{BEFORE}{}", self.name)), sql: leaked(sql) }
    }

    /// The statement that answers it. A view in SQLite's sense would be worked out again wherever it is named.
    pub fn ddl(&self) -> String {
        format!("CREATE TEMP TABLE {} AS {}", self.name, self.sql)
    }
}

/// The names that follow `FROM` and `JOIN` on a line, each with its place. Comments are looked past.
fn named(sql: &str) -> Vec<(usize, &str)> {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut found = Vec::new();
    for (at, word) in ["FROM ", "JOIN "].into_iter().flat_map(|word| sql.match_indices(word)) {
        let line = sql[..at].rfind('\n').map_or(0, |end| end + 1);
        if !sql[line..at].contains("--") {
            let rest = &sql[at + word.len()..];
            found.push((at + word.len(), &rest[..rest.bytes().take_while(|byte| is_of_name(byte)).count()]));
        }
    }
    found.sort_unstable();
    found
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
    views_before: Option<&'static LazyLock<Vec<View>>>,
}

impl Schema {
    /// The schema of the given tables, ordered by name.
    pub fn new(tables: impl IntoIterator<Item = &'static Table>) -> Self {
        let mut tables: Vec<_> = tables.into_iter().collect();
        tables.sort_by_key(|t| t.name);
        Self { tables, views: &[], before: Vec::new(), views_before: None }
    }

    /// The same tables with views over them.
    pub fn with_views(self, views: &'static [View]) -> Self {
        Self { views, ..self }
    }

    /// The same with the tables and views of an earlier snapshot, each called [`BEFORE`] and the name of one of its own.
    pub fn with_before(self, before: &'static [Table], views_before: &'static LazyLock<Vec<View>>) -> Self {
        Self { before: before.iter().collect(), views_before: Some(views_before), ..self }
    }

    /// Those of the tables that are wanted, and the views.
    pub fn only(&self, is_wanted: impl Fn(&Table) -> bool) -> Self {
        let chosen = |tables: &[&'static Table]| tables.iter().copied().filter(|table| is_wanted(table)).collect();
        Self { tables: chosen(&self.tables), before: chosen(&self.before), ..self.clone() }
    }

    /// The view of that name, one over the tables of an earlier snapshot too.
    pub fn view(&self, name: &str) -> Option<&'static View> {
        let is_it = |view: &&View| view.name.eq_ignore_ascii_case(name);
        let is_before = name.get(..BEFORE.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEFORE));
        let before = || self.views_before.filter(|_| is_before)?.iter().find(is_it);
        self.views.iter().find(is_it).or_else(before)
    }

    /// What queries read, by their text.
    pub fn reads(&self) -> Reads<'_> {
        let tables = self.tables.iter().chain(&self.before).map(|table| (table.name, *table)).collect();
        Reads { schema: self, tables, behind: BTreeMap::new() }
    }

    /// The tables that stand as a word in texts, with those behind the views that do: whoever reads no other ones needs no
    /// more, and each table takes time.
    pub fn named<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Self {
        let words = |text: &'t str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let words: HashSet<&str> = texts.flat_map(words).collect();
        let mut reads = self.reads();
        let wanted: BTreeSet<&str> = words.iter().flat_map(|word| reads.behind(&word.to_ascii_lowercase())).collect();
        self.only(|table| wanted.contains(table.name))
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
                let _ = write!(page, "```sql\n{}\n```\n\n", dedented(statement.trim_start()));
            }
        }
        for view in self.views {
            let _ = write!(page, "## `{}` (view)\n\n{}\n\n", view.name, view.doc());
        }
        page
    }
}

/// What queries read, as their text has it: of those alone that are known to write `FROM` and `JOIN` in capitals, each with a
/// name behind it on the same line.
pub struct Reads<'s> {
    schema: &'s Schema,
    tables: HashMap<&'static str, &'static Table>,
    /// The tables behind each view that was met.
    behind: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Reads<'_> {
    /// The tables that a query reads, those behind views included, ordered by name.
    pub fn tables(&mut self, sql: &str) -> Vec<&'static Table> {
        self.names(sql).into_iter().filter_map(|name| self.tables.get(name).copied()).collect()
    }

    fn names(&mut self, sql: &str) -> BTreeSet<&'static str> {
        named(sql).into_iter().flat_map(|(_, name)| self.behind(name)).collect()
    }

    /// The table of that name, or those behind the view.
    fn behind(&mut self, name: &str) -> BTreeSet<&'static str> {
        if let Some(table) = self.tables.get(name) {
            return [table.name].into();
        }
        let Some(view) = self.schema.view(name) else { return BTreeSet::new() };
        if !self.behind.contains_key(view.name) {
            let names = self.names(view.sql);
            self.behind.insert(view.name, names);
        }
        self.behind.get(view.name).cloned().unwrap_or_default()
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

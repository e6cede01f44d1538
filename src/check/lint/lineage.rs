//! Which texts a column of a query can hold: its string literals, followed through CTEs, subqueries and views.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use sqlite3_parser::ast::{
    As, Cmd, CommonTableExpr, Expr, FromClause, Literal, Name, OneSelect, ResultColumn, Select, SelectTable, Stmt,
    UnaryOperator,
};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator as _};

use crate::fact::Schema;

/// What a column can hold beside NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values {
    /// Texts.
    pub(super) texts: BTreeSet<String>,
    /// What else it may hold that the text of the query does not tell.
    pub(super) open: Option<String>,
}

impl Values {
    fn open(why: impl Into<String>) -> Self {
        Self { open: Some(why.into()), ..Self::default() }
    }

    fn text(text: &str) -> Self {
        Self { texts: BTreeSet::from([text.to_owned()]), open: None }
    }

    fn join(mut self, other: Self) -> Self {
        self.texts.extend(other.texts);
        self.open = self.open.or(other.open);
        self
    }
}

/// Names and values of a relation's columns, in order.
type Columns = Vec<(String, Values)>;

/// The relations of one FROM, each with the name that qualifies its columns.
type Relations = Vec<(String, Columns)>;

/// What names stand for in a part of a query: CTEs in sight, and the relations of the enclosing SELECTs, inmost first.
#[derive(Clone, Default)]
struct Sight {
    ctes: BTreeMap<String, Columns>,
    relations: Vec<Relations>,
}

/// What each column of a query can hold. The error says what was not understood.
pub(super) fn columns(sql: &str, schema: &Schema) -> Result<Columns, String> {
    let bump = Bump::new();
    let reading = Reading { schema, bump: &bump, views: RefCell::default() };
    Ok(reading.select(parse(sql, &bump)?, &Sight::default()))
}

fn parse<'b>(sql: &'b str, bump: &'b Bump) -> Result<&'b Select<'b>, String> {
    match Parser::new(bump, sql.as_bytes()).next() {
        Ok(Some(Cmd::Stmt(Stmt::Select(select)))) => Ok(select),
        Ok(_) => Err("not one SELECT".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

struct Reading<'s> {
    schema: &'s Schema,
    /// Where what is parsed lives.
    bump: &'s Bump,
    /// The views that were read.
    views: RefCell<BTreeMap<&'static str, Columns>>,
}

impl Reading<'_> {
    fn select(&self, select: &Select<'_>, sight: &Sight) -> Columns {
        let mut sight = sight.clone();
        for cte in select.with.iter().flat_map(|with| with.ctes) {
            let columns = self.cte(cte, &sight);
            sight.ctes.insert(name_of(&cte.tbl_name), columns);
        }
        self.arms(select, &sight)
    }

    /// A CTE that reads itself sees what its arms before that one gave.
    fn cte(&self, cte: &CommonTableExpr<'_>, sight: &Sight) -> Columns {
        let named = |mut columns: Columns| {
            for (given, column) in cte.columns.into_iter().flatten().zip(&mut columns) {
                column.0 = name_of(&given.col_name);
            }
            columns
        };
        let first = named(self.one(&cte.select.body.select, sight));
        let mut sight = sight.clone();
        sight.ctes.insert(name_of(&cte.tbl_name), first);
        named(self.select(cte.select, &sight))
    }

    fn arms(&self, select: &Select<'_>, sight: &Sight) -> Columns {
        let mut columns = self.one(&select.body.select, sight);
        for arm in select.body.compounds.iter().flatten() {
            for (column, (_, more)) in columns.iter_mut().zip(self.one(&arm.select, sight)) {
                column.1 = std::mem::take(&mut column.1).join(more);
            }
        }
        columns
    }

    fn one(&self, select: &OneSelect<'_>, sight: &Sight) -> Columns {
        let OneSelect::Select { columns, from, .. } = select else { return self.values(select, sight) };
        let relations = from.as_ref().map(|from| self.from(from, sight)).unwrap_or_default();
        let mut sight = sight.clone();
        sight.relations.insert(0, relations);
        let of = |wanted: Option<&Name<'_>>| {
            let here = sight.relations.first().into_iter().flatten();
            let wanted = wanted.map(name_of);
            here.filter(move |(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == name))
                .flat_map(|(_, columns)| columns.clone())
                .collect::<Columns>()
        };
        columns
            .iter()
            .flat_map(|column| match column {
                ResultColumn::Expr(expr, alias) => vec![(self.named(expr, alias.as_ref()), self.expr(expr, &sight))],
                ResultColumn::Star => of(None),
                ResultColumn::TableStar(name) => of(Some(name)),
            })
            .collect()
    }

    fn values(&self, select: &OneSelect<'_>, sight: &Sight) -> Columns {
        let OneSelect::Values(rows) = select else { return Columns::new() };
        let mut columns = Columns::new();
        for row in rows {
            for (index, cell) in row.iter().enumerate() {
                let values = self.expr(cell, sight);
                match columns.get_mut(index) {
                    Some(column) => column.1 = std::mem::take(&mut column.1).join(values),
                    None => columns.push((format!("column{}", index + 1), values)),
                }
            }
        }
        columns
    }

    fn named(&self, expr: &Expr<'_>, alias: Option<&As<'_>>) -> String {
        match (alias, expr) {
            (Some(As::As(name) | As::Elided(name)), _) => name_of(name),
            (None, Expr::Qualified(_, name) | Expr::Name(name)) => name_of(name),
            (None, Expr::Id(id)) => unquoted(id.0),
            _ => String::new(),
        }
    }

    fn from(&self, from: &FromClause<'_>, sight: &Sight) -> Relations {
        let joined = from.joins.iter().flatten().map(|join| &join.table);
        from.select.into_iter().chain(joined).flat_map(|table| self.table(table, sight)).collect()
    }

    fn table(&self, table: &SelectTable<'_>, sight: &Sight) -> Relations {
        match table {
            SelectTable::Table(named, shown, _) => {
                let name = name_of(&named.name);
                let columns = sight.ctes.get(&name).cloned().unwrap_or_else(|| self.stored(&name));
                vec![(alias_of(shown).unwrap_or(name), columns)]
            }
            SelectTable::TableCall(named, _, shown) => {
                vec![(alias_of(shown).unwrap_or_else(|| name_of(&named.name)), Columns::new())]
            }
            SelectTable::Select(select, shown) => {
                vec![(alias_of(shown).unwrap_or_default(), self.select(select, sight))]
            }
            SelectTable::Sub(from, _) => self.from(from, sight),
        }
    }

    /// The columns of a view or of a facts table.
    fn stored(&self, name: &str) -> Columns {
        let Some(view) = self.schema.views().iter().find(|view| view.name == name) else { return self.of_facts(name) };
        let known = self.views.borrow().get(view.name).cloned();
        known.unwrap_or_else(|| {
            let columns = parse(view.sql, self.bump).map(|select| self.select(select, &Sight::default()));
            let columns = columns.unwrap_or_default();
            self.views.borrow_mut().insert(view.name, columns.clone());
            columns
        })
    }

    /// The columns of a facts table: an enumeration tells what it may hold.
    fn of_facts(&self, table: &str) -> Columns {
        let columns = self.schema.table(table).into_iter().flat_map(|table| table.all_columns());
        columns
            .map(|column| {
                let values = match column.one_of {
                    [] => Values::open(format!("{table}.{} may hold any text", column.name)),
                    texts => Values { texts: texts.iter().map(|text| (*text).to_owned()).collect(), open: None },
                };
                (column.name.to_owned(), values)
            })
            .collect()
    }

    fn expr(&self, expr: &Expr<'_>, sight: &Sight) -> Values {
        match expr {
            Expr::Literal(Literal::String(text)) => Values::text(&unquoted(text)),
            Expr::Literal(Literal::Null) => Values::default(),
            Expr::Case { when_then_pairs, else_expr, .. } => {
                let results = when_then_pairs.iter().map(|(_, then)| then).chain(*else_expr);
                self.any(results, sight)
            }
            Expr::FunctionCall { name, args, .. } => {
                let args = args.unwrap_or_default();
                match name.0.to_ascii_lowercase().as_str() {
                    "iif" | "if" => self.any(args.iter().skip(1), sight),
                    "coalesce" | "ifnull" | "min" | "max" => self.any(args.iter(), sight),
                    "nullif" | "first_value" | "last_value" => self.any(args.iter().take(1), sight),
                    other => Values::open(format!("{other}() may give any text")),
                }
            }
            Expr::Id(id) => self.column(None, &unquoted(id.0), sight),
            Expr::Name(name) => self.column(None, &name_of(name), sight),
            Expr::Qualified(table, name) => self.column(Some(&name_of(table)), &name_of(name), sight),
            Expr::Parenthesized(inner) => self.any(inner.iter(), sight),
            Expr::Collate(inner, _) | Expr::Unary(UnaryOperator::Positive, inner) => self.expr(inner, sight),
            Expr::Subquery(select) => {
                self.select(select, sight).into_iter().next().map(|(_, values)| values).unwrap_or_default()
            }
            _ => Values::open("an expression may give any text"),
        }
    }

    fn any<'e, 'b: 'e>(&self, exprs: impl Iterator<Item = &'e Expr<'b>>, sight: &Sight) -> Values {
        exprs.map(|expr| self.expr(expr, sight)).fold(Values::default(), Values::join)
    }

    fn column(&self, table: Option<&str>, name: &str, sight: &Sight) -> Values {
        let found = sight.relations.iter().flatten().filter(|(alias, _)| table.is_none_or(|table| table == alias));
        let mut columns = found.flat_map(|(_, columns)| columns).filter(|(column, _)| column == name);
        columns.next().map_or_else(|| Values::open(format!("where {name} comes from is not told")), |(_, v)| v.clone())
    }
}

fn alias_of(alias: &Option<As<'_>>) -> Option<String> {
    alias.as_ref().map(|(As::As(name) | As::Elided(name))| name_of(name))
}

fn name_of(name: &Name<'_>) -> String {
    unquoted(name.0)
}

/// A name or a string without its quotes. Names are told apart by their lower-case letters, as in every query here.
fn unquoted(text: &str) -> String {
    match text.chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => {
            let inner = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)).unwrap_or(text);
            inner.replace(&format!("{quote}{quote}"), &quote.to_string())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::View;

    fn values(sql: &str) -> Values {
        let columns = columns(sql, &crate::app::schema()).unwrap();
        columns.into_iter().find(|(name, _)| name == "problem").unwrap().1
    }

    #[test]
    fn literals_are_found_wherever_a_column_takes_them_from() {
        for (sql, expected) in [
            ("SELECT 'a' AS problem", "a"),
            ("SELECT CASE WHEN 'x' = 'y' THEN 'a' WHEN 1 THEN NULL ELSE 'b' END AS problem", "a b"),
            ("SELECT iif(1 = 'x', 'a', coalesce(NULL, 'b')) problem", "a b"),
            ("WITH p AS (SELECT 's' AS s, 'a' AS problem UNION ALL SELECT 't', 'b') SELECT p.problem FROM p", "a b"),
            ("WITH p(s, problem) AS (VALUES ('s', 'a'), ('t', 'b')) SELECT * FROM p", "a b"),
            (
                "WITH p AS (SELECT 'a' AS problem), q AS (SELECT p.*, 1 AS n FROM p) SELECT q.problem FROM q JOIN server AS s",
                "a",
            ),
            ("SELECT j.problem FROM (SELECT max('a') AS problem) AS j WHERE j.problem IS NOT 'c'", "a"),
            ("SELECT (SELECT 'a' AS x) AS problem", "a"),
            (
                "WITH RECURSIVE p AS (SELECT 'a' AS problem, 1 AS n UNION ALL SELECT iif(n = 1, problem, 'b'), n + 1 FROM p WHERE n < 3) SELECT problem FROM p",
                "a b",
            ),
            ("SELECT c.direction AS problem FROM replication_connection AS c", "incoming outgoing"),
        ] {
            let found = values(sql);
            let texts: Vec<_> = found.texts.iter().map(String::as_str).collect();
            assert_eq!((texts.join(" ").as_str(), found.open), (expected, None), "{sql}");
        }
    }

    #[test]
    fn a_view_is_followed_to_those_that_it_reads() {
        const VIEWS: &[View] = &[
            View { name: "first", sql: "SELECT s.problem FROM second AS s UNION ALL SELECT 'c'" },
            View { name: "second", sql: "SELECT iif(1, 'a', 'b') AS problem" },
        ];
        let columns = columns("SELECT f.problem FROM first AS f", &Schema::new([]).with_views(VIEWS)).unwrap();
        let texts: Vec<_> = columns[0].1.texts.iter().map(String::as_str).collect();
        assert_eq!((texts, &columns[0].1.open), (vec!["a", "b", "c"], &None));
    }

    #[test]
    fn what_a_query_does_not_tell_is_open() {
        for sql in [
            "SELECT 'a' || 'b' AS problem",
            "SELECT s.name AS problem FROM server AS s",
            "SELECT iif(s.name IS NULL, 'a', upper(s.name)) AS problem FROM server AS s",
            "SELECT 1 AS problem",
        ] {
            assert!(values(sql).open.is_some(), "{sql}");
        }
    }
}

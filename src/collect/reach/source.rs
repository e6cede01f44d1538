//! A database table of facts and the query that fills it: adding such a table is adding one value.

use crate::fact::Table;

/// A facts table that a query against a BlueMind database fills.
#[derive(Debug, Clone, Copy)]
pub(in crate::collect) struct Source {
    /// The table.
    pub table: &'static Table,
    /// Queries for the schemas of different releases; the first whose relations all exist is run.
    pub queries: &'static [Query],
}

/// One `SELECT` whose columns are those of the facts table, in order, the scope column left out.
#[derive(Debug, Clone, Copy)]
pub(in crate::collect) struct Query {
    /// Relations that must exist.
    pub needs: &'static [&'static str],
    /// The statement.
    pub sql: &'static str,
}

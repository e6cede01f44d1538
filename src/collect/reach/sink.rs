//! Where collectors put rows and statements.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::fact::{Row, Store, StoreError, Table};
use crate::model::reason::Run;
use crate::model::{Coverage, Reason};

/// Rows handed to the store at a time, where they are many.
const BATCH: usize = 2_000;

/// The store, shared by the collectors. Rows come in batches, so that nobody waits long.
///
/// A run that is cut short takes the store away from collectors that are still at work: what they have to say then is
/// refused.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<Option<Store>>>);

impl Sink {
    /// Shares a store.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Mutex::new(Some(store))))
    }

    /// Works on the store. The error says what it refused, or that the run is over.
    pub fn with<T>(&self, work: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.guard().as_mut() {
            Some(store) => work(store),
            None => Err(StoreError::Over),
        }
    }

    /// Takes the store away; `None` when somebody did already.
    pub fn take(&self) -> Option<Store> {
        self.guard().take()
    }

    fn guard(&self) -> MutexGuard<'_, Option<Store>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(sink: &Sink, table: &Table, scope: &str, rows: &[Row]) -> Result<(), Reason> {
    match sink.with(|store| store.insert(table, scope, rows)) {
        Ok(None) => Ok(()),
        Ok(Some(refusal)) => Err(refusal),
        Err(error) => Err(Run::Store { error: error.to_string() }.into()),
    }
}

/// Adds rows that may be many, in batches. The error says why the table refuses one of them.
pub(super) fn insert_all(
    sink: &Sink,
    table: &Table,
    scope: &str,
    rows: impl IntoIterator<Item = Row>,
) -> Result<(), Reason> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let batch: Vec<Row> = rows.by_ref().take(BATCH).collect();
        insert(sink, table, scope, &batch)?;
    }
    Ok(())
}

/// A scope of a table that is being collected.
pub(in crate::collect) struct Scope<'a> {
    sink: &'a Sink,
    table: &'static Table,
    scope: &'a str,
    source: String,
    started: Instant,
}

impl<'a> Scope<'a> {
    /// Begins a scope; `source` says where its rows are read.
    pub(in crate::collect) fn begin(
        sink: &'a Sink,
        table: &'static Table,
        scope: &'a str,
        source: impl Into<String>,
    ) -> Self {
        tracing::debug!(table = table.name, scope, "collecting");
        // Until the scope ends nothing is known of it, whatever cuts the collection short.
        if let Err(error) = sink.with(|store| store.expect(table.name, scope)) {
            tracing::error!(table = table.name, scope, "{error}");
        }
        Self { sink, table, scope, source: source.into(), started: Instant::now() }
    }

    /// The table.
    pub(super) fn table(&self) -> &'static Table {
        self.table
    }

    /// The same scope, whose rows are read elsewhere.
    pub(super) fn from(self, source: &str) -> Self {
        Self { source: source.to_owned(), ..self }
    }

    /// Adds rows. The error says why the table refuses one of them.
    pub(in crate::collect) fn add(&self, rows: &[Row]) -> Result<(), Reason> {
        insert(self.sink, self.table, self.scope, rows)
    }

    /// Adds rows that may be many, in batches. The error says why the table refuses one of them.
    pub(in crate::collect) fn add_all(&self, rows: impl IntoIterator<Item = Row>) -> Result<(), Reason> {
        insert_all(self.sink, self.table, self.scope, rows)
    }

    /// Ends the scope: complete, or absent with the reason.
    pub(in crate::collect) fn end<E: Into<Reason>>(self, outcome: Result<(), E>) {
        let statement = match outcome {
            Ok(()) => Coverage::complete(self.table.name, self.scope),
            Err(reason) => Coverage::absent(self.table.name, self.scope, reason),
        };
        self.conclude(statement);
    }

    /// Ends the scope: complete, partial with what is missing, or absent with the reason.
    pub(in crate::collect) fn end_with<G: Into<Reason>, E: Into<Reason>>(self, outcome: Result<Option<G>, E>) {
        let statement = match outcome {
            Ok(None) => Coverage::complete(self.table.name, self.scope),
            Ok(Some(gap)) => Coverage::partial(self.table.name, self.scope, gap),
            Err(reason) => Coverage::absent(self.table.name, self.scope, reason),
        };
        self.conclude(statement);
    }

    fn conclude(self, statement: Coverage) {
        if let Some(reason) = &statement.reason {
            tracing::warn!(table = self.table.name, scope = self.scope, "not collected: {reason}");
        }
        let elapsed_ms = self.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        let coverage = Coverage { source: Some(self.source), elapsed_ms, ..statement };
        if let Err(error) = self.sink.with(|store| store.finish(self.table, coverage)) {
            // The scope stays "not attempted": nothing is taken for known.
            tracing::error!(table = self.table.name, scope = self.scope, "{error}");
        }
    }
}

//! Where collectors put rows and statements.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::fact::{Row, Store, StoreError, Table};
use crate::model::{Completeness, Coverage};

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

    /// Adds rows. The error says why the table refuses one of them.
    pub(in crate::collect) fn add(&self, rows: &[Row]) -> Result<(), String> {
        match self.sink.with(|store| store.insert(self.table, self.scope, rows)) {
            Ok(None) => Ok(()),
            Ok(Some(refusal)) => Err(refusal),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Adds rows that may be many, in batches. The error says why the table refuses one of them.
    pub(in crate::collect) fn add_all(&self, rows: impl IntoIterator<Item = Row>) -> Result<(), String> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let batch: Vec<Row> = rows.by_ref().take(BATCH).collect();
            self.add(&batch)?;
        }
        Ok(())
    }

    /// Ends the scope: complete, or absent with the reason.
    pub(in crate::collect) fn end(self, outcome: Result<(), String>) {
        let statement = match outcome {
            Ok(()) => Coverage::complete(self.table.name, self.scope),
            Err(reason) => Coverage::absent(self.table.name, self.scope, reason),
        };
        self.conclude(statement);
    }

    /// Ends the scope: complete, partial with what is missing, or absent with the reason.
    pub(in crate::collect) fn end_with(self, outcome: Result<Option<String>, String>) {
        match outcome {
            Ok(None) => self.end(Ok(())),
            Ok(Some(gap)) => self.end_partial(gap),
            Err(reason) => self.end(Err(reason)),
        }
    }

    /// Ends the scope with its rows kept, though some are missing for `reason`.
    pub(in crate::collect) fn end_partial(self, reason: String) {
        let absent = Coverage::absent(self.table.name, self.scope, reason);
        self.conclude(Coverage { completeness: Completeness::Partial, ..absent });
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

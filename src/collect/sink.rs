//! Where collectors put rows and statements.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::fact::{Row, Store, Table};
use crate::model::{Completeness, Coverage};

/// The store, shared by the collectors. Rows come in batches, so that nobody waits long.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<Store>>);

impl Sink {
    /// Shares a store.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// The store itself, for the plan.
    pub fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the store back; `None` while a collector still holds on to it.
    pub fn into_store(self) -> Option<Store> {
        Some(Arc::into_inner(self.0)?.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A scope of a table that is being collected.
pub(super) struct Scope<'a> {
    sink: &'a Sink,
    table: &'static Table,
    scope: &'a str,
    source: String,
    started: Instant,
}

impl<'a> Scope<'a> {
    /// Begins a scope; `source` says where its rows are read.
    pub(super) fn begin(sink: &'a Sink, table: &'static Table, scope: &'a str, source: impl Into<String>) -> Self {
        tracing::debug!(table = table.name, scope, "collecting");
        // Until the scope ends nothing is known of it, whatever cuts the collection short.
        if let Err(error) = sink.lock().expect(table.name, scope) {
            tracing::error!(table = table.name, scope, "{error}");
        }
        Self { sink, table, scope, source: source.into(), started: Instant::now() }
    }

    /// Adds rows. The error says why the table refuses one of them.
    pub(super) fn add(&self, rows: &[Row]) -> Result<(), String> {
        match self.sink.lock().insert(self.table, self.scope, rows) {
            Ok(None) => Ok(()),
            Ok(Some(refusal)) => Err(refusal),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Ends the scope: complete, or absent with the reason.
    pub(super) fn end(self, outcome: Result<(), String>) {
        let statement = match outcome {
            Ok(()) => Coverage::complete(self.table.name, self.scope),
            Err(reason) => Coverage::absent(self.table.name, self.scope, reason),
        };
        self.conclude(statement);
    }

    /// Ends the scope with its rows kept, though some are missing for `reason`.
    pub(super) fn end_partial(self, reason: String) {
        let absent = Coverage::absent(self.table.name, self.scope, reason);
        self.conclude(Coverage { completeness: Completeness::Partial, ..absent });
    }

    fn conclude(self, statement: Coverage) {
        if let Some(reason) = &statement.reason {
            tracing::warn!(table = self.table.name, scope = self.scope, "not collected: {reason}");
        }
        let elapsed_ms = self.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        let coverage = Coverage { source: Some(self.source), elapsed_ms, ..statement };
        if let Err(error) = self.sink.lock().finish(self.table, coverage) {
            // The scope stays "not attempted": nothing is taken for known.
            tracing::error!(table = self.table.name, scope = self.scope, "{error}");
        }
    }
}

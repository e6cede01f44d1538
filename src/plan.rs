//! Selected checks → tables → expected scopes.

use std::collections::BTreeSet;

use crate::check::Check;
use crate::fact::{Schema, ScopeKind, Store, StoreError, Table};
use crate::model::Coverage;
use crate::topology::Topology;

/// Tables that every run reads: without them neither the servers nor the installed release are known.
const ALWAYS: &[&str] = &["installation", "server", "server_role", "component_version", "package"];

/// Tables that the probes of the network take the mail domains from.
const MAIL_NAMES: &[&str] = &["domain", "domain_alias"];

/// Which tables are to be filled.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tables, ordered by name.
    pub tables: Vec<&'static Table>,
}

impl Plan {
    /// The tables that the checks read.
    pub fn of_checks(checks: &[&Check], schema: &Schema) -> Self {
        let read: BTreeSet<&str> = checks
            .iter()
            .flat_map(|check| check.tables.iter().map(|table| table.name))
            .chain(ALWAYS.iter().copied())
            .collect();
        let is_network = |table: &Table| table.scope == ScopeKind::Network && read.contains(table.name);
        let names = if schema.tables().iter().any(|table| is_network(table)) { MAIL_NAMES } else { &[] };
        let is_read = |table: &Table| read.contains(table.name) || names.contains(&table.name);
        Self { tables: schema.tables().iter().filter(|table| is_read(table)).copied().collect() }
    }

    /// Every table: for a snapshot that any check may be replayed on.
    pub fn everything(schema: &Schema) -> Self {
        Self { tables: schema.tables().to_vec() }
    }

    /// Whether the table is to be filled.
    pub fn wants(&self, table: &Table) -> bool {
        self.tables.iter().any(|wanted| wanted.name == table.name)
    }

    /// The tables of one kind of scope.
    pub fn of_kind(&self, kind: ScopeKind) -> impl Iterator<Item = &'static Table> {
        self.tables.iter().copied().filter(move |table| table.scope == kind)
    }

    /// Every (table, scope) that the topology lets expect. What cannot be told is an `absent` statement on the scope `*`.
    pub fn expected(&self, topology: &Topology) -> (Vec<(&'static Table, String)>, Vec<Coverage>) {
        let mut expected = Vec::new();
        let mut absent = Vec::new();
        for table in &self.tables {
            match topology.scopes(table.scope) {
                Ok(scopes) => expected.extend(scopes.into_iter().map(|scope| (*table, scope))),
                Err(reason) => absent.push(Coverage::absent(table.name, "*", reason)),
            }
        }
        (expected, absent)
    }

    /// Writes what is expected into the store, before anything is collected.
    pub fn announce(&self, topology: &Topology, store: &mut Store) -> Result<(), StoreError> {
        let (expected, absent) = self.expected(topology);
        for (table, scope) in expected {
            store.expect(table.name, &scope)?;
        }
        absent.iter().try_for_each(|statement| store.record(statement))
    }
}

//! A snapshot among others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::fact::store::Origin;
use crate::fact::{Facts, Schema, ScopeKind, StoreError, Table};
use crate::model::{Completeness, Coverage};
use crate::topology::Topology;

/// A snapshot, and what decides what is taken from it.
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) facts: Facts,
    /// What the directory database calls the installation, and what the files do: one and the same, as a rule.
    pub(super) installation_ids: BTreeSet<String>,
    /// Whether it was collected on a core server.
    pub(super) is_core: bool,
    /// The servers some of whose files it has read.
    pub(super) read: BTreeSet<String>,
    /// How many tables of the network it could fill.
    pub(super) surveyed: usize,
    /// Its statements, by table and scope: their places among the facts' own.
    statements: BTreeMap<(String, String), usize>,
}

impl Part {
    fn of(path: PathBuf, facts: Facts, schema: &Schema) -> Result<Self, StoreError> {
        let (mut read, mut surveyed, mut statements) = (BTreeSet::new(), 0, BTreeMap::new());
        for (place, statement) in facts.coverage().iter().enumerate() {
            statements.insert((statement.table.clone(), statement.scope.clone()), place);
            let is_known = matches!(statement.completeness, Completeness::Complete | Completeness::Partial);
            match schema.table(&statement.table).map(|table| table.scope) {
                Some(ScopeKind::Server | ScopeKind::Backend) if is_known => {
                    read.insert(statement.scope.clone());
                }
                Some(ScopeKind::Network) if is_known => surveyed += 1,
                _ => {}
            }
        }
        let rows = facts.texts("SELECT installation_id FROM installation")?;
        let by_files = facts.origin().installation_id.clone();
        let installation_ids = rows.into_iter().flatten().flatten().chain(by_files).collect();
        Ok(Self { path, facts, installation_ids, is_core: false, read, surveyed, statements })
    }

    /// What the snapshot says of itself.
    pub(super) fn origin(&self) -> &Origin {
        self.facts.origin()
    }

    /// Whether it was collected on that server.
    pub(super) fn is_of(&self, server: &str) -> bool {
        self.origin().server_uid.as_deref() == Some(server)
    }

    /// What it says of a scope of a table.
    pub(super) fn statement(&self, table: &Table, scope: &str) -> Option<&Coverage> {
        let place = self.statements.get(&(table.name.to_owned(), scope.to_owned()))?;
        self.facts.coverage().get(*place)
    }

    /// Whether it knows all of a scope of a table.
    pub(super) fn knows_all(&self, table: &Table, scope: &str) -> bool {
        self.statement(table, scope).is_some_and(|statement| statement.completeness == Completeness::Complete)
    }

    /// The scopes of a table that it speaks of.
    pub(super) fn scopes(&self, table: &Table) -> impl Iterator<Item = &str> {
        self.facts.coverage().iter().filter(|c| c.table == table.name).map(|c| c.scope.as_str())
    }
}

/// The snapshots in the order in which they are preferred, whatever the order in which they were given: the core's, then
/// those collected last.
pub(super) fn ordered(snapshots: Vec<(PathBuf, Facts)>, schema: &Schema) -> Result<Vec<Part>, StoreError> {
    let parts = snapshots.into_iter().map(|(path, facts)| Part::of(path, facts, schema));
    let mut parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
    let mut cores = BTreeSet::new();
    for part in &parts {
        let topology = Topology::of(part.facts.coverage(), |sql| part.facts.texts(sql))?;
        cores.extend(topology.cores().map(|server| server.uid.clone()));
    }
    for part in &mut parts {
        part.is_core = part.origin().server_uid.as_ref().is_some_and(|uid| cores.contains(uid));
    }
    parts.sort_by(|a, b| {
        let key = |part: &Part| (!part.is_core, std::cmp::Reverse(part.origin().collected_at));
        key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path))
    });
    Ok(parts)
}

/// What to call it in a sentence: its file.
pub(super) fn shown(part: &Part) -> String {
    part.path.display().to_string()
}

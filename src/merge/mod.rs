//! The facts of several servers, each collected on its own, become those of one installation.
//!
//! Every statement is taken over from one snapshot, with all its rows. A server's files come from the snapshot that was
//! collected there, the network as the core sees it, the databases from whoever read them best. What the snapshots tell
//! differently, and the servers that none was collected on, become gaps with a reason.

mod elsewhere;
mod fit;
mod part;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use self::part::{Part, shown};
use crate::fact::store::Origin;
use crate::fact::{Facts, Schema, ScopeKind, Store, StoreError, Table};
use crate::model::text::visible;
use crate::model::{Completeness, Coverage, Reason, reason};
use crate::plan::Plan;
use crate::topology::{DIRECTORY, Topology};

/// The tables that say what the installation is made of, and how far its upgrades are. Two servers that are told different
/// ones cannot be judged together.
const TOLD_ALIKE: &[&str] = &["installation", "component_version", "server", "server_role", "domain", "domain_alias"];

/// What changes while servers are collected one after the other, and the table that tells of its changes.
const CHANGING: (&str, &str) = ("mailbox", "mailbox_change");

/// Why snapshots were not merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They do not fit together: which, and what to do about it.
    #[error("{}", visible(.0, false))]
    Misfit(String),
    /// One could not be read, or the result not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Merges snapshots; `now` is this machine's clock. Their order does not matter.
///
/// The result was collected when the last of them was: by then a certificate may have ended, and nothing that was seen
/// lies in the future.
pub fn merge(snapshots: Vec<(PathBuf, Facts)>, schema: &Schema, now: i64) -> Result<Facts, MergeError> {
    merge_without(snapshots, &BTreeMap::new(), schema, now)
}

/// Whether the last of these snapshots fits the others, of an installation of these servers: if it does not, why.
pub fn misfit(
    snapshots: &[(PathBuf, Facts)],
    topology: &Topology,
    schema: &Schema,
    now: i64,
) -> Result<Option<String>, StoreError> {
    let parts = part::ordered(snapshots.to_vec(), schema)?;
    match fit::verify(&parts, now).and_then(|()| fit::verify_members(&parts, topology)) {
        Ok(()) => Ok(None),
        Err(MergeError::Misfit(why)) => Ok(Some(why)),
        Err(MergeError::Store(error)) => Err(error),
    }
}

/// The same where it is known why servers have no snapshot. A single one fits itself.
pub fn merge_without(
    snapshots: Vec<(PathBuf, Facts)>,
    missing: &BTreeMap<String, Reason>,
    schema: &Schema,
    now: i64,
) -> Result<Facts, MergeError> {
    let parts = part::ordered(snapshots, schema)?;
    let is_alone = parts.len() == 1;
    if parts.iter().any(|part| part.origin().vantage.is_some()) {
        fit::verify_beside(&parts, now)?;
    }
    let (parts, elsewhere) = elsewhere::apart(parts);
    elsewhere::verify(&parts, &elsewhere)?;
    if !is_alone {
        fit::verify(&parts, now)?;
    }
    let plan = Plan::everything(schema);
    let mut store = Store::create(schema, &origin(&parts))?;
    let directory = plan.of_kind(ScopeKind::Directory).map(|table| (table, DIRECTORY.to_owned()));
    adopt(&mut store, &parts, missing, directory)?;
    for table in plan.of_kind(ScopeKind::Directory).filter(|table| TOLD_ALIKE.contains(&table.name)) {
        if let Some(reason) = fit::dispute(&parts, table)? {
            store.finish(table, Coverage::absent(table.name, DIRECTORY, reason))?;
        }
    }
    tell_changes(&mut store, &parts, schema)?;
    let topology = Topology::of(&store.coverage()?, |sql| store.texts(sql))?;
    fit::verify_members(&parts, &topology)?;
    plan.announce(&topology, &mut store)?;
    adopt(&mut store, &parts, missing, scopes(&parts, &plan, &topology).into_iter())?;
    elsewhere::tell(&mut store, &elsewhere, schema)?;
    Ok(store.seal()?)
}

/// Tells apart what the snapshots' directories, each of its own time, do not tell alike.
fn tell_changes(store: &mut Store, parts: &[Part], schema: &Schema) -> Result<(), StoreError> {
    let (Some(table), Some(change)) = (schema.table(CHANGING.0), schema.table(CHANGING.1)) else { return Ok(()) };
    let is_told = |part: &&Part| part.knows_all(table, DIRECTORY);
    for part in parts.iter().filter(is_told) {
        store.adopt_differences(&part.facts, change, table)?;
        // What changed while that one was collected is not known, and may be anything.
        let gap = part.statement(change, DIRECTORY).filter(|told| told.completeness != Completeness::Complete);
        gap.map_or(Ok(()), |gap| store.finish(change, gap.clone()))?;
    }
    Ok(())
}

/// What the result says of itself.
fn origin(parts: &[Part]) -> Origin {
    let newest = parts.iter().map(|part| part.origin().collected_at).max().unwrap_or_default();
    let version = parts.first().map_or("", |part| part.origin().tool_version.as_str());
    Origin {
        installation_id: parts.iter().find_map(|part| part.installation_ids.first().cloned()),
        is_merged: true,
        ..Origin::new(version, newest)
    }
}

/// Every scope beside the directory's that the topology lets expect. As long as nobody knows the servers, whatever was
/// collected of one is kept: it may hold findings.
fn scopes(parts: &[Part], plan: &Plan, topology: &Topology) -> Vec<(&'static Table, String)> {
    let (mut scopes, _) = plan.expected(topology);
    scopes.retain(|(table, _)| table.scope != ScopeKind::Directory);
    if matches!(topology, Topology::Unknown(_)) {
        for table in plan.tables.iter().filter(|t| !matches!(t.scope, ScopeKind::Directory | ScopeKind::Network)) {
            let told: BTreeSet<&str> = parts.iter().flat_map(|part| part.scopes(table)).collect();
            scopes.extend(told.into_iter().filter(|scope| *scope != "*").map(|scope| (*table, scope.to_owned())));
        }
    }
    scopes
}

/// Takes every scope over from the snapshot that knows it best. What none tells of is absent.
fn adopt(
    store: &mut Store,
    parts: &[Part],
    missing: &BTreeMap<String, Reason>,
    scopes: impl Iterator<Item = (&'static Table, String)>,
) -> Result<(), StoreError> {
    let mut taken: BTreeMap<usize, Vec<(&'static Table, &Coverage)>> = BTreeMap::new();
    for (table, scope) in scopes {
        let source = source(parts, table, &scope);
        match source.and_then(|number| Some((number, parts[number].statement(table, &scope)?))) {
            Some((number, statement)) => taken.entry(number).or_default().push((table, statement)),
            None => {
                store.record(&Coverage::absent(table.name, &scope, untold(parts, missing, source, table, &scope)))?
            }
        }
    }
    taken.iter().try_for_each(|(number, statements)| store.adopt(&parts[*number].facts, statements))
}

/// The number of the snapshot that a scope is taken from. Those that are preferred come first.
fn source(parts: &[Part], table: &Table, scope: &str) -> Option<usize> {
    let numbers = 0..parts.len();
    match table.scope {
        // One snapshot alone: its tables belong together.
        ScopeKind::Server | ScopeKind::Backend => {
            let own = numbers.clone().find(|n| parts[*n].is_of(scope));
            let has_read = |n: &usize| parts[*n].read.contains(scope);
            own.filter(has_read).or_else(|| numbers.clone().find(has_read)).or(own)
        }
        // One snapshot alone: handshakes and requests are numbered. bm-mapi asks from the core.
        ScopeKind::Network => numbers.min_by_key(|n| {
            let part = &parts[*n];
            (!(part.is_core && part.surveyed > 0), std::cmp::Reverse(part.surveyed))
        }),
        ScopeKind::Directory | ScopeKind::Shard | ScopeKind::Database => numbers.min_by_key(|n| {
            let completeness = parts[*n].statement(table, scope).map(|statement| statement.completeness);
            (completeness.unwrap_or(Completeness::NotAttempted), !parts[*n].is_of(scope))
        }),
    }
}

/// Why nobody tells of a scope.
fn untold(
    parts: &[Part],
    missing: &BTreeMap<String, Reason>,
    source: Option<usize>,
    table: &Table,
    scope: &str,
) -> Reason {
    if let Some(number) = source {
        let (file, table, scope) = (shown(&parts[number]), table.name.to_owned(), scope.to_owned());
        return reason::Merge::NotTold { file, table, scope }.into();
    }
    if let Some(why) = missing.get(scope) {
        return why.clone();
    }
    let server = scope.to_owned();
    let unplaced = parts.iter().filter(|part| part.origin().server_uid.is_none());
    let files: Vec<String> = unplaced.map(shown).collect();
    match files.is_empty() {
        true => reason::Merge::NoSnapshot { server }.into(),
        false => reason::Merge::NoSnapshotPlaced { server, files }.into(),
    }
}

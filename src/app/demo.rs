//! The installation that is shipped: that of `bm-preflight demo`.

use std::collections::BTreeMap;

use super::Failure;
use super::gather::fixture_facts;
use crate::fact::fixture::{Gap, Installation};
use crate::fact::{Facts, Schema, ScopeKind, Table};
use crate::model::Completeness;
use crate::model::reason::Run;

const FACTS: &str = include_str!("../../fixtures/installations/demo/facts.toml");
/// The same as a store: reading them takes longer than judging them.
const READY: &[u8] = include_bytes!("../../fixtures/installations/demo/facts.db.zst");
/// Checks that are evaluated at the same time.
pub(super) const JOBS: usize = 2;
/// The server on which it was collected, and those whose files a partial demonstration lacks.
const HERE: &str = "bm-master";
const ELSEWHERE: [&str; 2] = ["mail-1", "mail-2"];

/// The facts of the installation: of all servers, or as they are seen from its core alone.
pub(super) fn facts(is_partial: bool) -> Result<Facts, Failure> {
    let schema = super::schema();
    let ready = if is_partial { None } else { ready(&schema) };
    ready.map_or_else(|| read(is_partial, &schema), Ok)
}

/// The store; none where the tables have changed since it was made.
fn ready(schema: &Schema) -> Option<Facts> {
    let content = zstd::decode_all(READY).ok()?;
    Facts::shipped(&content, schema, JOBS).ok()
}

fn read(is_partial: bool, schema: &Schema) -> Result<Facts, Failure> {
    let mut installation = Installation::parse(FACTS).map_err(|error| Failure::Tool(format!("demo: {error}")))?;
    if is_partial {
        ELSEWHERE.iter().for_each(|server| leave_out_files(&mut installation, server, schema));
    }
    fixture_facts(&installation, schema)
}

/// Takes away what the files of a server tell.
fn leave_out_files(installation: &mut Installation, server: &str, schema: &Schema) {
    let of_files = |table: &&&Table| matches!(table.scope, ScopeKind::Server | ScopeKind::Backend);
    for table in schema.tables().iter().filter(of_files) {
        let is_its = |row: &BTreeMap<String, toml::Value>| {
            table.scope.column().and_then(|column| row.get(column.name)?.as_str()) == Some(server)
        };
        installation.rows.entry(table.name.to_owned()).or_default().retain(|row| !is_its(row));
        installation.coverage.push(Gap {
            table: table.name.to_owned(),
            scope: server.to_owned(),
            completeness: Completeness::Absent,
            reason: Run::OnlyFilesOf { server: HERE.to_owned() }.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::store::SnapshotTarget;

    /// `BLESS=1` makes the store anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "how a file of a test is written is nothing of the program")]
    fn the_store_holds_the_facts_of_the_installation() {
        let (schema, folder) = (crate::app::schema(), tempfile::tempdir().unwrap());
        let path = folder.path().join("demo.facts");
        read(false, &schema).unwrap().save(SnapshotTarget::open(&path).unwrap()).unwrap();
        if std::env::var_os("BLESS").is_some() {
            let packed = zstd::encode_all(std::fs::File::open(&path).unwrap(), 19).unwrap();
            let place = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/installations/demo/facts.db.zst");
            return std::fs::write(place, packed).unwrap();
        }
        let ready = ready(&schema).expect("a store with the tables that there are: BLESS=1 makes it anew");
        let read = Facts::open(&path, &schema).unwrap();
        assert_eq!(ready.since(&read).unwrap(), [], "BLESS=1 makes the store anew");
        assert_eq!((ready.origin(), ready.coverage()), (read.origin(), read.coverage()), "BLESS=1 makes it anew");
    }
}

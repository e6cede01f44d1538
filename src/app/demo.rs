//! The installation that is shipped: that of `bm-preflight demo`.

use std::collections::BTreeMap;

use super::Failure;
use super::gather::fixture_facts;
use crate::fact::fixture::{Gap, Installation};
use crate::fact::{Facts, Schema, ScopeKind, Table};
use crate::model::Completeness;
use crate::model::reason::Run;

const FACTS: &str = include_str!("../../fixtures/installations/demo/facts.toml");
/// The server on which it was collected, and those whose files a partial demonstration lacks.
const HERE: &str = "bm-master";
const ELSEWHERE: [&str; 2] = ["mail-1", "mail-2"];

/// The facts of the installation: of all servers, or as they are seen from its core alone.
pub(super) fn facts(is_partial: bool) -> Result<Facts, Failure> {
    let schema = super::schema();
    let mut installation = Installation::parse(FACTS).map_err(|error| Failure::Tool(format!("demo: {error}")))?;
    if is_partial {
        ELSEWHERE.iter().for_each(|server| leave_out_files(&mut installation, server, &schema));
    }
    fixture_facts(&installation, &schema)
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

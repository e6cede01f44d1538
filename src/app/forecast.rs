//! How large the databases are and where they lie, asked of the facts for the forecast of the window.

use std::collections::BTreeMap;

use crate::digest::{Database, Place};
use crate::fact::{Reader, SqlError};

const TABLES: &str = "SELECT t.scope, t.name, t.total_bytes FROM relation AS t";

const SIZES: &str = "SELECT d.scope, d.size_bytes FROM database AS d";

const PLACES: &str = "SELECT p.scope, p.part, p.mount_point, p.available_bytes FROM database_place AS p";

/// The databases, by scope.
pub(super) fn databases(reader: &Reader) -> Result<BTreeMap<String, Database>, SqlError> {
    let mut databases: BTreeMap<String, Database> = BTreeMap::new();
    for row in reader.texts(TABLES)? {
        let [Some(scope), Some(table), Some(bytes)] = row.as_slice() else { continue };
        let tables = &mut databases.entry(scope.clone()).or_default().tables;
        tables.extend(bytes.parse().ok().map(|bytes: u64| (table.clone(), bytes)));
    }
    for row in reader.texts(SIZES)? {
        let [Some(scope), Some(bytes)] = row.as_slice() else { continue };
        databases.entry(scope.clone()).or_default().bytes = bytes.parse().ok();
    }
    for row in reader.texts(PLACES)? {
        let [Some(scope), Some(part), Some(mount_point), Some(available)] = row.as_slice() else { continue };
        let Ok(available) = available.parse() else { continue };
        let place = Some(Place { mount_point: mount_point.clone(), available });
        let database = databases.entry(scope.clone()).or_default();
        match part.as_str() {
            "log" => database.log = place,
            _ => database.data = place,
        }
    }
    Ok(databases)
}

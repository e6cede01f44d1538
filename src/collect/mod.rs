//! Collectors: they describe what is there, and never judge it.

pub mod directory;
pub mod host;
pub mod shard;
mod source;

use crate::fact::Schema;

/// Every facts table.
pub fn schema() -> Schema {
    let sources = directory::SOURCES.iter().chain(shard::SHARD_SOURCES).chain(shard::DATABASE_SOURCES);
    Schema::new(sources.map(|source| source.table).chain(host::TABLES.iter().copied()))
}

//! The tables that queries against BlueMind's databases fill.

mod directory;
mod shard;

pub(super) use directory::{AGAIN, FIRST, SOURCES as DIRECTORY_SOURCES};
pub(super) use shard::{DATABASE_SOURCES, SHARD_SOURCES};

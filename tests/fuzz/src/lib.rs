//! The readers under test, and what a fuzzer checks of each.

#[path = "../../../src/format/mod.rs"]
pub mod format;

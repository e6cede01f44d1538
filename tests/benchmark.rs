//! The benchmark of what is held against a shard, of a size that takes a moment: what it proves before it measures is proven
//! here, and that it can be run at all.
#![allow(clippy::disallowed_methods, reason = "tests start servers")]

#[path = "benchmark/preflight.rs"]
mod preflight;

#[test]
fn what_is_held_against_a_shard_can_be_measured() {
    preflight::small();
}

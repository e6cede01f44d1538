//! replication.log: its lines, and what the collector makes of a server's log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]
#![allow(clippy::disallowed_methods, reason = "the memory of a process is read while it runs")]

#[path = "support/bare_server.rs"]
mod bare_server;
#[path = "replication_log/collector.rs"]
mod collector;
#[path = "replication_log/lines.rs"]
mod lines;

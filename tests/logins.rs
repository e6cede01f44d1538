//! Login traces: the lines that tell of them, and what the collector makes of a server's logs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

#[path = "support/bare_server.rs"]
mod bare_server;
#[path = "logins/collector.rs"]
mod collector;
#[path = "logins/lines.rs"]
mod lines;

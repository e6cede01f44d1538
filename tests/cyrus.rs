//! The collectors of a mail backend against a real Cyrus: filled over IMAP and LMTP, broken as such servers get broken,
//! and read while it works.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]
#![allow(clippy::disallowed_methods, reason = "tests start servers, and are told by the environment how to end")]

#[allow(dead_code, reason = "a Cyrus needs only a part of what there is for databases")]
mod support;

#[path = "cyrus/compare.rs"]
mod compare;
#[path = "cyrus/hostile.rs"]
mod hostile;
#[path = "cyrus/imports.rs"]
mod imports;
#[path = "cyrus/lab.rs"]
mod lab;
#[path = "cyrus/live.rs"]
mod live;
#[path = "cyrus/message_files.rs"]
mod message_files;
#[path = "cyrus/missing.rs"]
mod missing;
#[path = "cyrus/records.rs"]
mod records;
#[path = "cyrus/replica.rs"]
mod replica;
#[path = "cyrus/replication.rs"]
mod replication;
#[allow(dead_code, reason = "shared with the tests of databases")]
#[path = "postgres/run.rs"]
mod run;
#[path = "cyrus/states.rs"]
mod states;
#[path = "cyrus/unfound.rs"]
mod unfound;
#[path = "cyrus/whole.rs"]
mod whole;
#[path = "cyrus/world.rs"]
mod world;

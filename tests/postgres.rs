//! The collectors of databases and of files against real installations: PostgreSQL is really started, filled with
//! BlueMind's tables, and broken in the ways in which databases break.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]
#![allow(clippy::disallowed_methods, reason = "tests start servers, and are told by the environment to bless")]

mod support;

#[path = "postgres/both_sides.rs"]
mod both_sides;
#[path = "postgres/contradictions.rs"]
mod contradictions;
#[path = "postgres/discovery.rs"]
mod discovery;
#[path = "postgres/faults/mod.rs"]
mod faults;
#[path = "postgres/installations.rs"]
mod installations;
#[path = "postgres/lifetime.rs"]
mod lifetime;
#[path = "postgres/meanwhile.rs"]
mod meanwhile;
#[path = "postgres/peers.rs"]
mod peers;
#[path = "postgres/read_only.rs"]
mod read_only;
#[path = "postgres/real_network.rs"]
mod real_network;
#[path = "postgres/run.rs"]
mod run;
#[path = "postgres/server_files.rs"]
mod server_files;
#[path = "postgres/server_trouble.rs"]
mod server_trouble;
#[path = "postgres/servers_of_all_kinds.rs"]
mod servers_of_all_kinds;
#[path = "postgres/several_servers.rs"]
mod several_servers;
#[path = "postgres/ssh.rs"]
mod ssh;
#[path = "postgres/survival.rs"]
mod survival;
#[path = "postgres/table_trouble.rs"]
mod table_trouble;
#[path = "postgres/tls.rs"]
mod tls;
#[path = "postgres/traps.rs"]
mod traps;
#[path = "postgres/variants.rs"]
mod variants;
#[path = "postgres/variants_kinds.rs"]
mod variants_kinds;
#[path = "postgres/variants_together.rs"]
mod variants_together;
#[path = "postgres/window.rs"]
mod window;

//! Autodiscover against real sockets: a DNS server, TLS and HTTP servers in this process, and the collector, the views and
//! the checks over what they answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/peers/mod.rs"]
mod peers;

#[path = "support/daemon.rs"]
mod daemon;

#[path = "support/judge.rs"]
mod judge;

#[path = "autodiscover/alias.rs"]
mod alias;
#[path = "autodiscover/dns.rs"]
mod dns;
#[path = "autodiscover/global.rs"]
mod global;
#[path = "autodiscover/hostile.rs"]
mod hostile;
#[path = "autodiscover/http.rs"]
mod http;
#[path = "autodiscover/identity.rs"]
mod identity;
#[path = "autodiscover/limits.rs"]
mod limits;
#[path = "autodiscover/network.rs"]
mod network;
#[path = "autodiscover/public.rs"]
mod public;
#[path = "autodiscover/real.rs"]
mod real;
#[path = "autodiscover/srv.rs"]
mod srv;
#[path = "autodiscover/tls.rs"]
mod tls;
#[path = "autodiscover/world.rs"]
mod world;

//! Stand-ins for the servers that a probe meets on the network: good ones, broken ones and hostile ones, all on 127.0.0.1
//! and each on a port of its own. They stop when they are dropped.
#![allow(dead_code, reason = "no test file needs all of them")]

pub(crate) mod dns;
pub(crate) mod http;
pub(crate) mod mail;
pub(crate) mod socket;
pub(crate) mod tls;

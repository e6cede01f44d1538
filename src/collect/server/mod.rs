//! What a server's files and /proc tell of it.

pub(super) mod backups;
mod host;
pub(super) mod logins;
mod packages;
pub(super) mod replication;
pub(super) mod services;
mod sockets;

use super::reach::place::OfServer;

/// Every collector of a server's files and programs.
pub(super) const ALL: &[&[&dyn OfServer]] = &[host::ALL, packages::ALL, sockets::ALL];

//! What a server's files and /proc tell of it.

mod backups;
mod host;
mod logins;
mod machine;
mod packages;
mod replication;
mod services;
mod sockets;

use super::reach::place::OfServer;

/// Every collector of a server's files and programs.
pub(super) const ALL: &[&[&dyn OfServer]] =
    &[host::ALL, machine::ALL, packages::ALL, sockets::ALL, services::ALL, backups::ALL, logins::ALL, replication::ALL];

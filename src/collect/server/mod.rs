//! What a server's files and /proc tell of it.

pub(super) mod backups;
pub(super) mod host;
pub(super) mod logins;
pub(super) mod replication;
pub(super) mod services;
pub(super) mod sockets;

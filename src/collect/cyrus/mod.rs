//! A mail backend's Cyrus as its files show it: no lock, no Cyrus tool, nothing written.
//!
//! Names from Cyrus are bytes: what is no UTF-8 is written `\xNN`.

mod admin_seen;
mod again;
mod backend;
mod conf;
mod db;
mod files;
mod indexes;
mod mailboxes;
mod settings;
mod spool;
mod sync_log;
mod trees;

use super::reach::place::{File, Look, OfServer};
use crate::fact::Record as _;

pub(super) use self::again::again;
pub(super) use self::backend::look as mailboxes;
pub(super) use self::files::{MailboxFiles, PartitionFiles};
pub(super) use self::indexes::CyrusIndex;
pub(super) use self::mailboxes::{CyrusEntryUnreadable, CyrusEntryUnserved, CyrusList, CyrusMailbox};
pub(super) use self::spool::SpoolDirectory;

/// Every collector of what Cyrus is told to do, and of what it has yet to send. What its mailboxes tell is collected together
/// with how far they are replicated.
pub(super) const ALL: &[&dyn OfServer] = &[
    &File { path: settings::PATH, read: settings::entries },
    &File { path: conf::PATH, read: settings::settings },
    &File { path: conf::PATH, read: conf::partitions },
    &Look { tables: admin_seen::AdminSeen::ALONE, look: |place| Box::pin(admin_seen::look(place)) },
    &Look { tables: sync_log::SyncLog::ALONE, look: |place| Box::pin(sync_log::look(place)) },
];

#[cfg(test)]
mod tests;

//! What the rooms tell each other of a mailbox of Cyrus: its name, its messages, and who gathers them.

use crate::format::cyrus_index::Guid;
use crate::format::mailbox_name::{MailboxName, Namespace};
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

/// A message of a mailbox.
#[derive(Debug, Clone, Copy)]
pub(in crate::collect) struct Message {
    /// SHA-1 of its file.
    pub(in crate::collect) guid: Guid,
    /// When its record was last written, in seconds since 1970.
    pub(in crate::collect) written_at: u32,
}

/// What an index says of messages.
#[derive(Debug, Default)]
pub(in crate::collect) struct Content {
    /// Messages that users have, whose GUID is known.
    pub(in crate::collect) messages: Vec<Message>,
    /// Messages whose GUID was never computed.
    pub(in crate::collect) without_guid: u64,
    /// Records whose file is there.
    pub(in crate::collect) files: u64,
    /// When a message last came in, in seconds since 1970; 0 when none did.
    pub(in crate::collect) last_append_at: u32,
}

/// Whose messages they are.
#[derive(Debug, Clone)]
pub(in crate::collect) struct Owner {
    /// Internal name.
    pub(in crate::collect) name: String,
    /// Internal name of the mailbox it belongs to.
    pub(in crate::collect) root_name: String,
}

/// Who gathers the messages while the indexes are read, in parallel.
pub(in crate::collect) trait Gather: Send + Sync {
    /// Adds a live mailbox. The error says why it cannot be kept.
    fn add(&self, owner: Owner, content: &Content) -> Result<(), Reason>;
    /// Adds the files of a mailbox that waits for its purge.
    fn add_deleted(&self, content: &Content);
    /// Notes a mailbox whose messages could not be counted.
    fn miss(&self, mailbox: Cyrus);
    /// Ends it: until then nobody knows that every mailbox was there. The error says why some were not.
    fn end(&self, outcome: Result<(), Reason>);
}

/// Internal name of the root that a mailbox belongs to, or belonged to before it was deleted.
pub(in crate::collect) fn root_name(name: &MailboxName, deleted_prefix: &str) -> String {
    let parts = name.parts(deleted_prefix);
    let domain = parts.domain.map(|domain| format!("{}!", escaped(domain))).unwrap_or_default();
    let user = if parts.namespace == Namespace::User { "user." } else { "" };
    format!("{domain}{user}{}", escaped(&parts.owner).replace('.', "^"))
}

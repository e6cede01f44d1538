//! What the rooms tell each other of a mailbox of Cyrus: its name, its messages, and who gathers them.

use crate::format::cyrus_index::{Guid, Stamp};
use crate::format::mailbox_name::{MailboxName, Namespace, Parts};
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

/// A record of a mailbox's index: a message, or what is left of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::collect) struct Message {
    /// UID.
    pub(in crate::collect) uid: u32,
    /// SHA-1 of its file.
    pub(in crate::collect) guid: Guid,
    /// When its record was last written, in seconds since 1970.
    pub(in crate::collect) written_at: u32,
    /// Whether users have it: it is neither expunged nor unlinked.
    pub(in crate::collect) is_live: bool,
    /// Whether the owner has read it, as far as the index tells.
    pub(in crate::collect) is_seen: bool,
}

/// What an index says of messages.
#[derive(Debug, Default)]
pub(in crate::collect) struct Content {
    /// UNIQUEID of the mailbox.
    pub(in crate::collect) unique_id: Option<String>,
    /// Its records in the order of their UIDs.
    pub(in crate::collect) records: Vec<Message>,
    /// Messages that users have and whose GUID was never computed.
    pub(in crate::collect) without_guid: u64,
    /// Records whose file is there.
    pub(in crate::collect) files: u64,
    /// When a message last came in, in seconds since 1970; 0 when none did.
    pub(in crate::collect) last_append_at: u32,
    /// When the mailbox was made, in seconds since 1970: its UIDVALIDITY.
    pub(in crate::collect) made_at: u32,
    /// Whether it is deleted and its files are about to go.
    pub(in crate::collect) is_deleted: bool,
    /// When records of expunged messages were last taken out, in seconds since 1970; 0 when none were.
    pub(in crate::collect) repacked_at: u32,
    /// Whether its records say what was read at all: those of Cyrus 2.3 do not.
    pub(in crate::collect) tells_seen: bool,
    /// What tells whether another look sees the same.
    pub(in crate::collect) stamp: Option<Stamp>,
}

/// Whose messages they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect) struct Owner {
    /// Internal name.
    pub(in crate::collect) name: String,
    /// Internal name of the mailbox it belongs to.
    pub(in crate::collect) root_name: String,
    /// Whether what the index says of read messages is what their owner has read: that of a shared mailbox is nobody's.
    pub(in crate::collect) has_reader: bool,
    /// When it was deleted, in seconds since 1970; none of a live one.
    pub(in crate::collect) deleted_at: Option<u64>,
}

/// Who gathers the messages while the indexes are read, in parallel.
pub(in crate::collect) trait Gather: Send + Sync {
    /// Adds a live mailbox. The error says why it cannot be kept.
    fn add(&self, owner: Owner, content: &Content) -> Result<(), Reason>;
    /// Adds a mailbox that waits for its purge.
    fn add_deleted(&self, owner: Owner, content: &Content);
    /// Notes a mailbox whose messages could not be counted.
    fn miss(&self, mailbox: Cyrus);
    /// Ends it: until then nobody knows that every mailbox was there. The error says why some were not.
    fn end(&self, outcome: Result<(), Reason>);
}

/// What a second look at an index shows.
#[derive(Debug)]
pub(in crate::collect) enum Since {
    /// Cyrus does not list the mailbox by this name any more.
    Gone,
    /// What the first look showed.
    Same,
    Changed(Content),
}

/// A backend's mailboxes as they are now, for who has looked at something else meanwhile.
pub(in crate::collect) trait Again: Send + Sync {
    /// What the index of a mailbox says now, that had this stamp before.
    fn content(&self, owner: &Owner, before: Option<Stamp>) -> Result<Since, Reason>;
    /// Whether Cyrus lists a mailbox with this UNIQUEID, be it a deleted one.
    fn lists(&self, unique_id: &str) -> bool;
}

/// Takes that look. It is dear: only who has a doubt takes it.
pub(in crate::collect) type LookAgain = Box<dyn Fn() -> Result<Box<dyn Again>, Reason> + Send>;

/// Internal name of the root that a mailbox belongs to, or belonged to before it was deleted.
pub(in crate::collect) fn root_name(name: &MailboxName, deleted_prefix: &str) -> String {
    root_of(&name.parts(deleted_prefix))
}

/// The same of a name's parts.
pub(in crate::collect) fn root_of(parts: &Parts<'_>) -> String {
    let domain = parts.domain.map(|domain| format!("{}!", escaped(domain))).unwrap_or_default();
    let user = if parts.namespace == Namespace::User { "user." } else { "" };
    format!("{domain}{user}{}", escaped(&parts.owner).replace('.', "^"))
}

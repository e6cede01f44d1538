//! Mailboxes that replication.log names, in bounded memory.

use std::collections::{BTreeMap, HashMap};

use super::tables::ReplicationMailbox;
use crate::collect::reach::mailbox::root_name;
use crate::format::mailbox_name::MailboxName;
use crate::format::replication_log::Apply;
use crate::model::reason::Server;
use crate::model::text::escaped;

/// Longer than any name that Cyrus lets anyone create, in bytes.
const LONGEST: usize = 1_024;
/// What a mailbox takes beside its names, in bytes, about.
const OVERHEAD: usize = 192;
/// Cyrus' own setting; that of another server is not known here.
const DELETED_PREFIX: &str = "DELETED";
/// The partition of which the core applies nothing.
const DEFAULT: &[u8] = b"default";

/// One of [`Mailboxes`].
pub(super) type Id = u32;

/// A mailbox as the log tells of it.
struct Mailbox {
    name: Box<[u8]>,
    partition: Option<Box<[u8]>>,
    last_apply_at: i64,
    last_ok_at: Option<i64>,
    /// Whether its last answer was a refusal.
    is_failing: bool,
}

/// Every mailbox so far.
pub(super) struct Mailboxes {
    ids: HashMap<Box<[u8]>, Id>,
    list: Vec<Mailbox>,
    /// Bytes that may still be taken.
    room: usize,
    unnamed: u64,
    left_out: u64,
}

impl Mailboxes {
    /// None yet, and at most as many as `room` bytes hold.
    pub(super) fn new(room: usize) -> Self {
        Self { ids: HashMap::new(), list: Vec::new(), room, unnamed: 0, left_out: 0 }
    }

    /// Takes an APPLY; the mailbox, unless its name cannot be kept.
    pub(super) fn apply(&mut self, apply: &Apply<'_>, at: i64) -> Option<Id> {
        let Some(name) = apply.mailbox.as_deref().filter(|name| !name.is_empty() && name.len() <= LONGEST) else {
            self.unnamed += 1;
            return None;
        };
        let partition = apply.partition.as_deref().filter(|partition| partition.len() <= LONGEST);
        let id = match self.ids.get(name) {
            Some(id) => *id,
            None => self.insert(name, partition, at)?,
        };
        let mailbox = self.list.get_mut(id as usize)?;
        if mailbox.partition.as_deref() != partition {
            mailbox.partition = partition.map(Box::from);
        }
        mailbox.last_apply_at = mailbox.last_apply_at.max(at);
        Some(id)
    }

    fn insert(&mut self, name: &[u8], partition: Option<&[u8]>, at: i64) -> Option<Id> {
        let needed = 2 * name.len() + partition.map_or(0, <[u8]>::len) + OVERHEAD;
        let id = Id::try_from(self.list.len()).ok().filter(|_| needed <= self.room);
        let Some(id) = id else {
            self.left_out += 1;
            return None;
        };
        self.room -= needed;
        self.ids.insert(name.into(), id);
        let (name, partition) = (name.into(), partition.map(Box::from));
        self.list.push(Mailbox { name, partition, last_apply_at: at, last_ok_at: None, is_failing: false });
        Some(id)
    }

    /// Notes an answer to the APPLY of a mailbox.
    pub(super) fn answer(&mut self, id: Id, at: i64, is_ok: bool) {
        let Some(mailbox) = self.list.get_mut(id as usize) else { return };
        mailbox.is_failing = !is_ok;
        if is_ok {
            mailbox.last_ok_at = mailbox.last_ok_at.max(Some(at));
        }
    }

    /// When the mailbox was last applied with success, if it did not fail since.
    pub(super) fn recovered_at(&self, id: Id) -> Option<i64> {
        let mailbox = self.list.get(id as usize)?;
        mailbox.last_ok_at.filter(|_| !mailbox.is_failing)
    }

    /// When the mailbox was last applied, if it was from another partition than that of which nothing is applied.
    pub(super) fn left_default_at(&self, id: Id) -> Option<i64> {
        let mailbox = self.list.get(id as usize)?;
        (mailbox.partition.as_deref() != Some(DEFAULT)).then_some(mailbox.last_apply_at)
    }

    /// The name, as facts have it.
    pub(super) fn name(&self, id: Id) -> Option<String> {
        self.list.get(id as usize).map(|mailbox| escaped(&mailbox.name))
    }

    /// What is left out, if anything is.
    pub(super) fn gap(&self) -> Option<Server> {
        match (self.left_out, self.unnamed) {
            (0, 0) => None,
            (0, applies) => Some(Server::MailboxUnnamed { applies }),
            (applies, _) => Some(Server::AppliesLeftOut { applies, mailboxes: self.list.len() }),
        }
    }

    /// The mailboxes, their folders counted with them.
    pub(super) fn rows(&self) -> Vec<ReplicationMailbox> {
        let mut roots: BTreeMap<String, i64> = BTreeMap::new();
        for mailbox in &self.list {
            let last = roots.entry(root_name(&MailboxName::internal(&*mailbox.name), DELETED_PREFIX));
            last.and_modify(|at| *at = mailbox.last_apply_at.max(*at)).or_insert(mailbox.last_apply_at);
        }
        let row = |(root_name, last_apply_at)| ReplicationMailbox { root_name, last_apply_at };
        roots.into_iter().map(row).collect()
    }
}

/// Whether a mailbox is that of the latency probe of 4.1: `<domain>!probe_<server>__<domain>`, or a folder of it.
pub(super) fn is_probe(name: &[u8]) -> bool {
    let local = memchr::memchr(b'!', name).map_or(name, |at| &name[at + 1..]);
    local.strip_prefix(b"probe_").is_some_and(|rest| memchr::memmem::find(rest, b"__").is_some())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::Reason;

    fn apply<'a>(mailbox: &'a [u8], partition: &'a str) -> Apply<'a> {
        Apply { mailbox: Some(Cow::Borrowed(mailbox)), partition: Some(Cow::Borrowed(partition.as_bytes())) }
    }

    #[test]
    fn a_mailbox_is_one_with_its_folders_and_its_last_partition_is_kept() {
        let mut mailboxes = Mailboxes::new(10_000);
        let id = mailboxes.apply(&apply(b"a.b!user.x^y.Caf\xe9", "default"), 10).unwrap();
        assert_eq!(mailboxes.left_default_at(id), None);
        assert_eq!(mailboxes.apply(&apply(b"a.b!user.x^y.Caf\xe9", "mail__a_b"), 30), Some(id));
        assert_eq!(mailboxes.left_default_at(id), Some(30));
        mailboxes.answer(id, 31, false);
        assert_eq!(mailboxes.recovered_at(id), None);
        mailboxes.answer(id, 31, true);
        assert_eq!(mailboxes.recovered_at(id), Some(31));
        mailboxes.apply(&apply(b"a.b!user.x^y", "default"), 20);
        let row = ReplicationMailbox { root_name: "a.b!user.x^y".to_owned(), last_apply_at: 30 };
        assert_eq!(mailboxes.rows(), [row]);
        assert_eq!(mailboxes.gap(), None);
    }

    #[test]
    fn names_beyond_what_may_be_kept_are_told() {
        let mut mailboxes = Mailboxes::new(2 * (OVERHEAD + 2 + 1));
        for (name, is_kept) in [("a", true), ("b", true), ("c", false), ("a", true), ("", false)] {
            assert_eq!(mailboxes.apply(&apply(name.as_bytes(), "p"), 1).is_some(), is_kept, "{name}");
        }
        assert_eq!(mailboxes.apply(&apply(&[b'x'; LONGEST + 1], "p"), 1), None);
        let gap = mailboxes.gap().map(Reason::from).unwrap().to_string();
        assert_eq!(gap, "1 APPLY MAILBOX of others than the first 2 mailboxes are left out");
    }

    #[test]
    fn a_probe_is_told_from_a_mailbox_that_is_called_so() {
        for (name, expected) in [
            ("a.b!probe_mail-1__a-b", true),
            ("a.b!probe_mail-1__a-b.Sent", true),
            ("a.b!probe_of_love", false),
            ("a.b!user.probe_x__y", false),
            ("probe_", false),
        ] {
            assert_eq!(is_probe(name.as_bytes()), expected, "{name}");
        }
    }
}

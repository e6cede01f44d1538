//! The messages of a backend, gathered while its indexes are read.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::sorter::{Sorted, Sorter};
use crate::collect::reach::mailbox::{Content, Gather, Message, Owner};

/// Bytes of an entry: GUID, number of its mailbox, when its record was written. In that order entries are sorted.
pub(super) const ENTRY: usize = 28;
/// Mailboxes that a statement on what is missing names.
const NAMED: usize = 3;

/// Everything that was gathered so far. Indexes are read in parallel.
pub(in crate::collect) struct Roll(Mutex<Gathered>);

pub(super) struct Gathered {
    entries: Sorter<ENTRY>,
    /// The mailboxes that hold messages, each with the time at which the last one came in.
    owners: Vec<(Owner, u32)>,
    pub(super) files: u64,
    gaps: Vec<String>,
}

impl Roll {
    /// An empty one, that holds at most `budget` messages in memory.
    pub(super) fn new(budget: usize) -> Self {
        let entries = Sorter::new(budget);
        Self(Mutex::new(Gathered { entries, owners: Vec::new(), files: 0, gaps: Vec::new() }))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Gathered) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn into_gathered(self) -> Gathered {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gather for Roll {
    fn add(&self, owner: Owner, content: &Content) -> Result<(), String> {
        self.with(|gathered| gathered.add(owner, content)).map_err(spilling)
    }

    fn add_deleted(&self, content: &Content) {
        self.with(|gathered| gathered.files += content.files);
    }

    fn miss(&self, name: &str, why: &str) {
        self.with(|gathered| gathered.gaps.push(format!("{name} ({why})")));
    }
}

impl Gathered {
    fn add(&mut self, owner: Owner, content: &Content) -> io::Result<()> {
        self.files += content.files;
        if content.without_guid > 0 {
            self.gaps.push(format!("{} ({} message(s) without GUID)", owner.name, content.without_guid));
        }
        if content.messages.is_empty() {
            return Ok(());
        }
        let number = u32::try_from(self.owners.len()).map_err(io::Error::other)?;
        self.owners.push((owner, content.last_append_at));
        content.messages.iter().try_for_each(|message| self.entries.push(Entry::of(message, number).bytes()))
    }

    /// What is missing, in one sentence; none when nothing is.
    pub(super) fn gap(&mut self) -> Option<String> {
        self.gaps.sort();
        let named = self.gaps.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = if self.gaps.len() > NAMED { ", …" } else { "" };
        let count = self.gaps.len();
        (count > 0).then(|| format!("the messages of {count} mailbox(es) could not all be told: {named}{more}"))
    }

    /// The mailboxes, and the messages of all of them in the order of their GUIDs.
    pub(super) fn sorted(self) -> Result<(Vec<(Owner, u32)>, Sorted<ENTRY>), String> {
        Ok((self.owners, self.entries.sorted().map_err(spilling)?))
    }
}

/// What went wrong with a file for what memory does not hold.
pub(super) fn spilling(error: io::Error) -> String {
    format!("sorting messages in {}: {error}", std::env::temp_dir().display())
}

/// A message in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) guid: [u8; 20],
    /// Number of the mailbox.
    pub(super) mailbox: u32,
    pub(super) written_at: u32,
}

impl Entry {
    fn of(message: &Message, mailbox: u32) -> Self {
        Self { guid: message.guid.0, mailbox, written_at: message.written_at }
    }

    /// As it is sorted.
    pub(super) fn bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..20].copy_from_slice(&self.guid);
        bytes[20..24].copy_from_slice(&self.mailbox.to_be_bytes());
        bytes[24..].copy_from_slice(&self.written_at.to_be_bytes());
        bytes
    }

    /// What [`Self::bytes`] made of it.
    pub(super) fn parse(bytes: &[u8; ENTRY]) -> Option<Self> {
        let (guid, rest) = bytes.split_first_chunk()?;
        let (mailbox, written_at) = rest.split_first_chunk()?;
        let written_at = u32::from_be_bytes(*written_at.first_chunk()?);
        Some(Self { guid: *guid, mailbox: u32::from_be_bytes(*mailbox), written_at })
    }
}

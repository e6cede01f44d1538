//! The messages of a backend, gathered while its indexes are read.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::sorter::{Sorted, Sorter};
use crate::collect::reach::mailbox::{Content, Gather, Message, Owner};
use crate::model::Reason;
use crate::model::reason::{Cyrus, cyrus};

/// Bytes of an entry: GUID, number of its mailbox, when its record was written. In that order entries are sorted.
pub(super) const ENTRY: usize = 28;

/// Everything that was gathered so far. Indexes are read in parallel.
pub(in crate::collect) struct Messages(Mutex<Gathered>);

pub(super) struct Gathered {
    entries: Sorter<ENTRY>,
    /// The mailboxes that hold messages, each with the time at which the last one came in.
    owners: Vec<(Owner, u32)>,
    pub(super) files: u64,
    missed: Vec<Cyrus>,
    outcome: Result<(), Reason>,
}

impl Messages {
    /// None yet; at most `budget` of them will be held in memory.
    pub(super) fn new(budget: usize) -> Self {
        let (entries, outcome) = (Sorter::new(budget), Err(Cyrus::NotGathered.into()));
        Self(Mutex::new(Gathered { entries, owners: Vec::new(), files: 0, missed: Vec::new(), outcome }))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Gathered) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was gathered, if that came to its end.
    pub(super) fn into_gathered(self) -> Result<Gathered, Reason> {
        let gathered = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        gathered.outcome.clone().map(|()| gathered)
    }
}

impl Gather for Messages {
    fn add(&self, owner: Owner, content: &Content) -> Result<(), Reason> {
        self.with(|gathered| gathered.add(owner, content)).map_err(|error| spilling(&error))
    }

    fn add_deleted(&self, content: &Content) {
        self.with(|gathered| gathered.files += content.files);
    }

    fn miss(&self, mailbox: Cyrus) {
        self.with(|gathered| gathered.missed.push(mailbox));
    }

    fn end(&self, outcome: Result<(), Reason>) {
        self.with(|gathered| gathered.outcome = outcome);
    }
}

impl Gathered {
    fn add(&mut self, owner: Owner, content: &Content) -> io::Result<()> {
        self.files += content.files;
        if content.without_guid > 0 {
            self.missed.push(Cyrus::WithoutGuid { name: owner.name.clone(), messages: content.without_guid });
        }
        if content.messages.is_empty() {
            return Ok(());
        }
        let number = u32::try_from(self.owners.len()).map_err(io::Error::other)?;
        self.owners.push((owner, content.last_append_at));
        content.messages.iter().try_for_each(|message| self.entries.push(Entry::of(message, number).bytes()))
    }

    /// What is missing; none when nothing is.
    pub(super) fn gap(&mut self) -> Option<Reason> {
        let missed = std::mem::take(&mut self.missed);
        let count = missed.len();
        (count > 0).then(|| Cyrus::MessagesUntold { count, first: cyrus::few(missed, Cyrus::text) }.into())
    }

    /// The mailboxes, and the messages of all of them in the order of their GUIDs.
    pub(super) fn sorted(self) -> io::Result<(Vec<(Owner, u32)>, Sorted<ENTRY>)> {
        Ok((self.owners, self.entries.sorted()?))
    }
}

/// What went wrong with a file for what memory does not hold.
pub(super) fn spilling(error: &io::Error) -> Reason {
    Cyrus::Sorting { folder: std::env::temp_dir().display().to_string(), error: error.to_string() }.into()
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

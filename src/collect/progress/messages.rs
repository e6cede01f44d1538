//! The mailboxes of a backend with their records, gathered while its indexes are read.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::log::{self, Log, Place};
use crate::collect::reach::mailbox::{Content, Gather, Owner};
use crate::format::cyrus_index::Stamp;
use crate::model::Reason;
use crate::model::reason::Cyrus;

/// Bytes of records that are held in memory.
const BUDGET: usize = 16 * 1024 * 1024;

/// Everything that was gathered so far. Indexes are read in parallel.
pub(in crate::collect) struct Messages(Mutex<Gathered>);

/// A live mailbox.
pub(super) struct Folder {
    pub(super) owner: Owner,
    pub(super) unique_id: Option<String>,
    pub(super) made_at: u32,
    pub(super) last_append_at: u32,
    pub(super) repacked_at: u32,
    /// What tells whether its index is what it was.
    pub(super) stamp: Option<Stamp>,
    /// Its records.
    pub(super) records: Place,
}

pub(super) struct Gathered {
    /// When gathering began, and nothing was read yet.
    pub(super) began: Instant,
    pub(super) log: Log,
    pub(super) folders: Vec<Folder>,
    /// When each mailbox that waits for its purge was deleted, by its UNIQUEID.
    pub(super) deleted: HashMap<String, Option<u64>>,
    pub(super) files: u64,
    missed: Vec<Cyrus>,
    nameless: Vec<Cyrus>,
    outcome: Result<(), Reason>,
}

impl Messages {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Gathered {
            began: Instant::now(),
            log: Log::new(BUDGET),
            folders: Vec::new(),
            deleted: HashMap::new(),
            files: 0,
            missed: Vec::new(),
            nameless: Vec::new(),
            outcome: Err(Cyrus::NotGathered.into()),
        }))
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
        // Others wait meanwhile: what can be done before is.
        let records: Vec<_> = content.records.iter().map(log::bytes).collect();
        self.with(|gathered| gathered.add(owner, content, &records)).map_err(|error| spilling(&error))
    }

    fn add_deleted(&self, owner: Owner, content: &Content) {
        self.with(|gathered| {
            gathered.files += content.files;
            gathered.deleted.extend(content.unique_id.clone().map(|id| (id, owner.deleted_at)));
        });
    }

    fn miss(&self, mailbox: Cyrus) {
        self.with(|gathered| gathered.missed.push(mailbox));
    }

    fn end(&self, outcome: Result<(), Reason>) {
        self.with(|gathered| gathered.outcome = outcome);
    }
}

impl Gathered {
    fn add(&mut self, owner: Owner, content: &Content, records: &[[u8; log::RECORD]]) -> io::Result<()> {
        self.files += content.files;
        if content.without_guid > 0 {
            self.missed.push(Cyrus::WithoutGuid { name: owner.name.clone(), messages: content.without_guid });
        }
        if content.unique_id.is_none() {
            self.nameless.push(Cyrus::WithoutUniqueId { name: owner.name.clone() });
        }
        let (records, unique_id) = (self.log.add(records)?, content.unique_id.clone());
        let Content { made_at, last_append_at, repacked_at, stamp, .. } = *content;
        self.folders.push(Folder { owner, unique_id, made_at, last_append_at, repacked_at, stamp, records });
        Ok(())
    }

    /// What is missing of the messages; none when nothing is.
    pub(super) fn gap(&self) -> Option<Reason> {
        untold(self.missed.iter().cloned())
    }

    /// What is missing of the folders, by the ids that the shard knows them by; none when nothing is.
    pub(super) fn folder_gap(&self) -> Option<Reason> {
        let unread = self.missed.iter().filter(|missed| !matches!(missed, Cyrus::WithoutGuid { .. }));
        untold(unread.chain(&self.nameless).cloned())
    }
}

fn untold(missed: impl Iterator<Item = Cyrus>) -> Option<Reason> {
    let missed: Vec<Reason> = missed.map(Reason::from).collect();
    let count = missed.len();
    (count > 0).then(|| Cyrus::MessagesUntold { count, first: Reason::places(missed) }.into())
}

/// What went wrong with a file for what memory does not hold.
pub(super) fn spilling(error: &io::Error) -> Reason {
    Cyrus::Sorting { folder: std::env::temp_dir().display().to_string(), error: error.to_string() }.into()
}

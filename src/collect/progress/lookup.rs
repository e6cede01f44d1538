//! Every record of a shard beside the file where BlueMind 5 looks for it: folder by folder as records go by, then message by
//! message, as several records may have one.

use std::collections::BTreeSet;
use std::io;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::holders::Holders;
use super::messages::spilling;
use super::shard::Copied;
use super::sorter::{Sorted, Sorter};
use super::tables::Unfound;
use crate::collect::reach::root::Root;
use crate::format::bluemind_path::{DATA, first_references};
use crate::format::cyrus_index::Guid;
use crate::model::Reason;
use crate::model::reason::Cyrus;

/// Records that are held in memory: 17 MB.
const BUDGET: usize = 600_000;
/// Records whose files are looked for together, on all threads.
const TOGETHER: usize = 100_000;
/// Messages of which one record or another is gone by, by their age: to be asked for at most.
const MOST_TIES: usize = 20_000;

/// Bytes of a record: GUID, number of its folder, UID, whether it has a file and is live. In that order they are sorted.
const REFERENCE: usize = 29;
/// Bytes of one that is not found: number of its folder, UID, why, GUID.
pub(super) const BAD: usize = 29;

/// Looks for files while the records go by.
pub(super) struct Lookup {
    pub(super) holders: Holders,
    pub(super) root: Root,
    batch: Vec<(usize, Vec<Copied>)>,
    held: usize,
    references: Sorter<REFERENCE>,
    /// Whether all of these have a file.
    are_all_there: bool,
    pub(super) found: Found,
}

/// What looking gave.
pub(super) struct Found {
    /// Live records of each folder.
    pub(super) live: Vec<u64>,
    /// Those that are not found, in the order of their folders and UIDs.
    pub(super) bad: Sorter<BAD>,
    /// The folders of these, by their numbers.
    pub(super) folders: BTreeSet<usize>,
    /// Messages whose first record is one or another, by their age.
    pub(super) ties: BTreeSet<Guid>,
    pub(super) gaps: BTreeSet<Reason>,
}

impl Lookup {
    /// Nothing was looked for yet.
    pub(super) fn new(holders: Holders, root: Root) -> Self {
        let live = vec![0; holders.all.len()];
        let (bad, folders, ties, gaps) = (Sorter::new(BUDGET), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let found = Found { live, bad, folders, ties, gaps };
        let references = Sorter::new(BUDGET);
        Self { holders, root, batch: Vec::new(), held: 0, references, are_all_there: true, found }
    }

    /// The same, if there is a spool at all: where there is none nothing was looked at, as in a copy of a server without it.
    pub(super) fn with_spool(self) -> Result<Self, Reason> {
        match self.root.find(DATA)? {
            Some(_) => Ok(self),
            None => Err(self.root.missing(DATA)),
        }
    }

    /// Takes the records of a container.
    pub(super) fn add(&mut self, container: i64, records: &[Copied]) -> Result<(), Reason> {
        let Some(number) = self.holders.number(container) else { return Ok(()) };
        self.held += records.len();
        self.batch.push((number, records.to_vec()));
        if self.held < TOGETHER { Ok(()) } else { self.look() }
    }

    /// Looks for the files of what was taken.
    fn look(&mut self) -> Result<(), Reason> {
        let batch = std::mem::take(&mut self.batch);
        self.held = 0;
        let (holders, root) = (&self.holders, &self.root);
        let looked: Vec<_> =
            batch.par_iter().map(|(number, records)| holders.all[*number].files(root, records)).collect();
        for ((number, records), files) in batch.iter().zip(looked) {
            match files {
                Ok(files) => self.note(*number, records, &files).map_err(|error| spilling(&error))?,
                Err(gap) => drop(self.found.gaps.insert(gap)),
            }
        }
        Ok(())
    }

    fn note(&mut self, number: usize, records: &[Copied], files: &[bool]) -> io::Result<()> {
        let is_live_folder = self.holders.all[number].is_live;
        let folder = u32::try_from(number).unwrap_or(u32::MAX);
        for (record, has_file) in records.iter().zip(files) {
            let is_live = is_live_folder && record.is_live;
            self.found.live[number] += u64::from(is_live);
            let reference = Reference { guid: record.guid, folder, uid: record.uid, has_file: *has_file, is_live };
            match (record.guid.is_unknown(), is_live && !has_file) {
                (false, _) => {
                    self.are_all_there &= has_file;
                    self.references.push(reference.bytes())?;
                }
                (true, true) => self.found.miss(&reference, Unfound::WithoutFile)?,
                (true, false) => {}
            }
        }
        Ok(())
    }

    /// Ends it: says of each message whether it is found.
    pub(super) fn end(mut self) -> Result<(Holders, Root, Found), Reason> {
        self.look()?;
        let Self { holders, root, references, mut found, .. } = self;
        if self.are_all_there {
            return Ok((holders, root, found));
        }
        let sort = |found: &mut Found| {
            let mut references = Messages { references: references.sorted()?, next: None };
            while let Some(message) = references.next()? {
                found.judge(&message, &holders)?;
            }
            Ok(())
        };
        sort(&mut found).map_err(|error: io::Error| spilling(&error))?;
        Ok((holders, root, found))
    }
}

impl Found {
    /// Judges a message by all its records.
    fn judge(&mut self, records: &[Reference], holders: &Holders) -> io::Result<()> {
        if records.iter().all(|record| record.has_file) {
            return Ok(());
        }
        let first = if records.iter().any(|record| record.has_file) { first_of(records, holders) } else { First::Bad };
        let why = match (&first, records.iter().any(|record| record.has_file)) {
            (First::Good, _) => return Ok(()),
            (First::Untold, _) => {
                self.gaps.insert(Cyrus::OrderUntold { guid: records[0].guid.to_string() }.into());
                return Ok(());
            }
            (First::Oldest, _) if self.ties.len() >= MOST_TIES => {
                self.gaps.insert(Cyrus::OrderUntold { guid: records[0].guid.to_string() }.into());
                return Ok(());
            }
            (First::Oldest, _) => {
                self.ties.insert(records[0].guid);
                Unfound::OtherFirst
            }
            (First::Bad, true) => Unfound::OtherFirst,
            (First::Bad, false) => Unfound::WithoutFile,
        };
        records.iter().filter(|record| record.is_live).try_for_each(|record| self.miss(record, why))
    }

    fn miss(&mut self, record: &Reference, why: Unfound) -> io::Result<()> {
        self.folders.extend(usize::try_from(record.folder));
        self.bad.push(bad(record, why))
    }
}

/// Whether the record that BlueMind 5 goes by has a file.
enum First {
    Good,
    Bad,
    /// That depends on which is older.
    Oldest,
    /// That cannot be told.
    Untold,
}

fn first_of(records: &[Reference], holders: &Holders) -> First {
    let hash = |record: &Reference| {
        let holder = holders.all.get(usize::try_from(record.folder).ok()?)?;
        Some(holder.hash.record(record.uid, &record.guid))
    };
    let hashes: Vec<_> = records.iter().filter_map(hash).collect();
    let Some(first) = first_references(&hashes) else { return First::Untold };
    let mut good = first.iter().filter_map(|number| records.get(*number)).map(|record| record.has_file);
    match (good.clone().any(|good| good), good.any(|good| !good)) {
        (true, true) => First::Oldest,
        (true, false) => First::Good,
        (false, _) => First::Bad,
    }
}

/// A record of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference {
    guid: Guid,
    folder: u32,
    uid: u32,
    has_file: bool,
    is_live: bool,
}

impl Reference {
    fn bytes(self) -> [u8; REFERENCE] {
        let mut bytes = [0; REFERENCE];
        bytes[..20].copy_from_slice(&self.guid.0);
        bytes[20..24].copy_from_slice(&self.folder.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.uid.to_be_bytes());
        // Of two records of one UID the live one comes first.
        bytes[28] = u8::from(!self.is_live) << 1 | u8::from(self.has_file);
        bytes
    }

    fn parse(bytes: &[u8; REFERENCE]) -> Self {
        let [guid @ .., a, b, c, d, e, f, g, h, flags] = *bytes;
        Self {
            guid: Guid(guid),
            folder: u32::from_be_bytes([a, b, c, d]),
            uid: u32::from_be_bytes([e, f, g, h]),
            has_file: flags & 1 != 0,
            is_live: flags & 2 == 0,
        }
    }

    /// Whether they are one and the same to BlueMind.
    fn is_same(&self, other: &Self) -> bool {
        (self.guid, self.folder, self.uid) == (other.guid, other.folder, other.uid)
    }
}

fn bad(record: &Reference, why: Unfound) -> [u8; BAD] {
    let mut bytes = [0; BAD];
    bytes[..4].copy_from_slice(&record.folder.to_be_bytes());
    bytes[4..8].copy_from_slice(&record.uid.to_be_bytes());
    bytes[8] = u8::from(why == Unfound::OtherFirst);
    bytes[9..].copy_from_slice(&record.guid.0);
    bytes
}

/// Folder, UID, GUID and reason of a record that is not found.
pub(super) fn parse_bad(bytes: &[u8; BAD]) -> (u32, u32, Guid, Unfound) {
    let [a, b, c, d, e, f, g, h, why, guid @ ..] = *bytes;
    let why = if why == 0 { Unfound::WithoutFile } else { Unfound::OtherFirst };
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]), Guid(guid), why)
}

/// The records, message by message.
struct Messages {
    references: Sorted<REFERENCE>,
    next: Option<Reference>,
}

impl Messages {
    fn next(&mut self) -> io::Result<Option<Vec<Reference>>> {
        let mut take = || Ok::<_, io::Error>(self.references.next()?.as_ref().map(Reference::parse));
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => take()?,
        };
        let Some(first) = first else { return Ok(None) };
        let mut message = vec![first];
        loop {
            match take()? {
                Some(next) if next.guid == first.guid => {
                    if !message.last().is_some_and(|last| last.is_same(&next)) {
                        message.push(next);
                    }
                }
                other => {
                    self.next = other;
                    return Ok(Some(message));
                }
            }
        }
    }
}

//! The folders of a backend beside those of its shard, each with the records of both sides.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::compare::{ENTRY, Entry, WrongMessages};
use super::differ::{Difference, Kind, Settled, differences, settle};
use super::messages::{Folder, Gathered, spilling};
use super::shard::{Copied, RECORD, Replica, parse};
use super::sorter::{Sorted, Sorter};
use super::tables::{FolderReplication, FolderState, Wrong};
use crate::collect::reach::mailbox::{Again, LookAgain, Message, Since};
use crate::model::Reason;

/// Messages that are held in memory for the comparison of their contents: 22 MB.
const BUDGET: usize = 600_000;

/// Compares folder by folder.
pub(super) struct Comparison<'a> {
    gathered: &'a mut Gathered,
    look_again: LookAgain,
    again: Option<Box<dyn Again>>,
    /// When a change may still be on its way, in seconds since 1970.
    recent: RangeInclusive<i64>,
    /// Folders to be looked at again together, and how many they and their records are.
    looked: Vec<Looked>,
    held: usize,
    found: Folders,
}

/// Folders and records that are held for another look, which is taken on all threads.
const TOGETHER: usize = 200_000;

/// What comparing folders gives.
pub(super) struct Folders {
    /// The live messages of Cyrus, whose contents are to be looked for.
    pub(super) entries: Sorter<ENTRY>,
    /// Each folder of either side, with its number if it is one of Cyrus.
    pub(super) rows: Vec<(Option<u32>, FolderReplication)>,
    pub(super) wrong: WrongMessages,
    /// Folders that could not be looked at again.
    pub(super) gaps: BTreeSet<Reason>,
}

/// A folder of Cyrus whose records were compared once.
struct Looked {
    number: usize,
    /// That of the shard.
    replica: Option<Replica>,
    records: Vec<Message>,
    /// Live records of the shard.
    copied: u64,
    first: Vec<Difference>,
}

impl Looked {
    fn is_live_in_shard(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| !replica.is_deleted)
    }

    fn is_doubtful(&self) -> bool {
        !self.first.is_empty() || !self.is_live_in_shard()
    }
}

impl<'a> Comparison<'a> {
    /// Nothing yet.
    pub(super) fn new(gathered: &'a mut Gathered, look_again: LookAgain, recent: RangeInclusive<i64>) -> Self {
        let (wrong, gaps) = (WrongMessages::default(), BTreeSet::new());
        let found = Folders { entries: Sorter::new(BUDGET), rows: Vec::new(), wrong, gaps };
        Self { gathered, look_again, again: None, recent, looked: Vec::new(), held: 0, found }
    }

    /// Compares all of them. The records of every container go to `each` as well.
    pub(super) fn run(
        mut self,
        replicas: &[Replica],
        records: Sorted<RECORD>,
        each: &mut Each<'_>,
    ) -> Result<Folders, Reason> {
        let mut pairs = Pairs::of(&self.gathered.folders, replicas);
        let mut groups = Groups::of(records);
        while let Some((container, copied)) = groups.next()? {
            each(container, &copied)?;
            if let Some((folder, replica)) = pairs.in_container.remove(&container) {
                self.pair(folder, &replicas[replica], &copied)?;
            }
        }
        for (folder, replica) in pairs.in_container.into_values().chain(pairs.without_records) {
            self.pair(folder, &replicas[replica], &[])?;
        }
        for folder in pairs.alone {
            self.folder(folder, None, &[])?;
        }
        self.settle()?;
        Ok(self.found)
    }

    /// A folder of the shard, with that of Cyrus if there is one.
    fn pair(&mut self, folder: Option<usize>, replica: &Replica, copied: &[Copied]) -> Result<(), Reason> {
        match folder {
            Some(folder) => self.folder(folder, Some(replica), copied),
            None if replica.is_deleted => Ok(()),
            None => self.only_in_shard(replica, copied),
        }
    }

    fn only_in_shard(&mut self, replica: &Replica, copied: &[Copied]) -> Result<(), Reason> {
        let is_listed = again(&mut self.again, &self.look_again)?.lists(&replica.unique_id);
        let state = match self.gathered.deleted.get(&replica.unique_id) {
            Some(Some(at)) if self.is_recent(*at) => FolderState::Recent,
            // Without a time it was being deleted at the first look: it is, or it hangs there.
            Some(None) if !is_listed => return Ok(()),
            Some(_) => FolderState::DeletedInCyrus,
            None if is_listed => return Ok(()),
            None => FolderState::Unknown,
        };
        let mut row = FolderReplication::of(&replica.unique_id, state).in_shard(replica);
        row.records = count(copied, |record| record.is_live);
        self.found.rows.push((None, row));
        Ok(())
    }

    /// A folder of Cyrus, with that of the shard if there is one.
    fn folder(&mut self, number: usize, replica: Option<&Replica>, copied: &[Copied]) -> Result<(), Reason> {
        let Gathered { folders, log, .. } = &mut *self.gathered;
        let Some(folder) = folders.get(number) else { return Ok(()) };
        let copied = if replica.is_some_and(|replica| !replica.is_deleted) { copied } else { &[] };
        let records = log.read(folder.records).map_err(|error| spilling(&error))?;
        self.held += 1 + records.len();
        self.looked.push(Looked {
            number,
            replica: replica.cloned(),
            copied: count(copied, |record| record.is_live),
            first: differences(&records, copied, folder.owner.has_reader),
            records,
        });
        if self.held < TOGETHER { Ok(()) } else { self.settle() }
    }

    /// Looks again at the folders that differ from those of the shard, which was read after them.
    fn settle(&mut self) -> Result<(), Reason> {
        let looked = std::mem::take(&mut self.looked);
        self.held = 0;
        let again = match looked.iter().any(Looked::is_doubtful) {
            true => Some(again(&mut self.again, &self.look_again)?),
            false => None,
        };
        let (folders, recent) = (&self.gathered.folders, &self.recent);
        let settled: Vec<_> = looked.par_iter().map(|looked| settled(looked, folders, again, recent)).collect();
        for (looked, settled) in looked.iter().zip(settled) {
            match settled {
                Ok(settled) => self.tell(looked, settled)?,
                Err(gap) => {
                    self.found.gaps.insert(gap);
                    self.tell(looked, None)?;
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, looked: &Looked, settled: Option<(u32, Settled)>) -> Result<(), Reason> {
        let Some(folder) = self.gathered.folders.get(looked.number) else { return Ok(()) };
        let number = u32::try_from(looked.number).unwrap_or(u32::MAX);
        if let (Some((made_at, settled)), Some(unique_id)) = (&settled, &folder.unique_id) {
            let state = match &looked.replica {
                _ if looked.is_live_in_shard() => FolderState::Replicated,
                _ if self.is_recent((*made_at).into()) => FolderState::Recent,
                Some(_) => FolderState::DeletedInShard,
                None => FolderState::Missing,
            };
            let mut row = FolderReplication::of(unique_id, state);
            row.name = Some(folder.owner.name.clone());
            row.root_name = Some(folder.owner.root_name.clone());
            row.seen_differs = folder.owner.has_reader.then_some(0);
            row.messages = count(&looked.records, |record| record.is_live);
            row.records = looked.copied;
            row.recent = settled.recent;
            settled.stay.iter().for_each(|difference| row.count(difference));
            let row = looked.replica.iter().fold(row, FolderReplication::in_shard);
            self.found.rows.push((Some(number), row));
        }
        let stay = settled.map(|(_, settled)| settled.stay).unwrap_or_default();
        self.found.hand_on(number, &looked.records, &stay).map_err(|error| spilling(&error))
    }

    fn is_recent(&self, at: u64) -> bool {
        i64::try_from(at).is_ok_and(|at| self.recent.contains(&at))
    }
}

impl Folders {
    /// Hands on what of a folder is to be looked for by content, and notes what is known to be wrong already.
    fn hand_on(&mut self, number: u32, records: &[Message], stay: &[Difference]) -> std::io::Result<()> {
        // In the order of their UIDs, as all that differ.
        let mut missing = Vec::new();
        for difference in stay {
            let wrong = match difference.kind {
                // Whether its body is there is still to be seen.
                Kind::Missing => {
                    missing.push(difference.uid);
                    continue;
                }
                Kind::Seen => continue,
                Kind::ExpungedInShard => Wrong::ExpungedInShard,
                Kind::OtherContent => Wrong::OtherContent,
                Kind::Surplus => Wrong::Surplus,
                Kind::ExpungedInCyrus => Wrong::ExpungedInCyrus,
            };
            self.wrong.add(number, difference.uid, difference.guid, wrong);
        }
        let live = records.iter().filter(|record| record.is_live && !record.guid.is_unknown());
        live.map(|record| Entry {
            guid: record.guid.0,
            folder: number,
            written_at: record.written_at,
            uid: record.uid,
            lacks_record: missing.binary_search(&record.uid).is_ok(),
        })
        .try_for_each(|entry| self.entries.push(entry.bytes()))
    }
}

/// When a folder was made, and how it differs still; none when it is not to be compared: it is being renamed or deleted.
fn settled(
    looked: &Looked,
    folders: &[Folder],
    again: Option<&dyn Again>,
    recent: &RangeInclusive<i64>,
) -> Result<Option<(u32, Settled)>, Reason> {
    let (Some(folder), true, Some(again)) = (folders.get(looked.number), looked.is_doubtful(), again) else {
        return Ok(folders.get(looked.number).map(|folder| (folder.made_at, Settled::default())));
    };
    let settle =
        |now: &[Message], repacked_at| settle(&looked.first, now, repacked_at, folder.owner.has_reader, recent);
    Ok(match again.content(&folder.owner, folder.stamp)? {
        Since::Gone => None,
        Since::Same => Some((folder.made_at, settle(&looked.records, folder.repacked_at))),
        Since::Changed(now) => Some((now.made_at, settle(&now.records, now.repacked_at))),
    })
}

fn again<'x>(kept: &'x mut Option<Box<dyn Again>>, look: &LookAgain) -> Result<&'x dyn Again, Reason> {
    Ok(match kept {
        Some(again) => &**again,
        none => &**none.insert(look()?),
    })
}

fn count<T>(all: &[T], is_counted: impl Fn(&T) -> bool) -> u64 {
    u64::try_from(all.iter().filter(|one| is_counted(one)).count()).unwrap_or(u64::MAX)
}

/// A folder of Cyrus and one of the shard, by their numbers.
type Pair = (Option<usize>, usize);

/// Which folder of the shard is which of Cyrus.
struct Pairs {
    in_container: BTreeMap<i64, Pair>,
    /// Those of the shard that have no container of records to themselves.
    without_records: Vec<Pair>,
    /// Folders of Cyrus that the shard does not have.
    alone: Vec<usize>,
}

impl Pairs {
    fn of(folders: &[Folder], replicas: &[Replica]) -> Self {
        let mut ids: HashMap<&str, usize> = HashMap::new();
        for (number, folder) in folders.iter().enumerate() {
            // Of two that share an id the first by name is the one.
            let id = folder.unique_id.as_deref().unwrap_or_default();
            let first = ids.entry(id).or_insert(number);
            if folder.owner.name < folders[*first].owner.name {
                *first = number;
            }
        }
        let mut pairs = Self { in_container: BTreeMap::new(), without_records: Vec::new(), alone: Vec::new() };
        let mut paired = HashSet::new();
        // A folder may have left a deleted one of the same id in another mailbox: the live one is the one.
        let (deleted, live): (Vec<_>, Vec<_>) =
            replicas.iter().enumerate().partition(|(_, replica)| replica.is_deleted);
        for (number, replica) in live.into_iter().chain(deleted) {
            let folder = ids.get(replica.unique_id.as_str()).copied().filter(|folder| paired.insert(*folder));
            // The records are those of the first that has their container.
            match replica.container.filter(|container| !pairs.in_container.contains_key(container)) {
                Some(container) => drop(pairs.in_container.insert(container, (folder, number))),
                None => pairs.without_records.push((folder, number)),
            }
        }
        pairs.alone = (0..folders.len()).filter(|number| !paired.contains(number)).collect();
        pairs
    }
}

/// Who looks at the records of a container as they go by.
pub(super) type Each<'a> = dyn FnMut(i64, &[Copied]) -> Result<(), Reason> + 'a;

/// The records of the shard, container by container.
pub(super) struct Groups {
    records: Sorted<RECORD>,
    next: Option<(i64, Copied)>,
}

impl Groups {
    /// Those of sorted records.
    pub(super) fn of(records: Sorted<RECORD>) -> Self {
        Self { records, next: None }
    }

    fn take(&mut self) -> Result<Option<(i64, Copied)>, Reason> {
        Ok(self.records.next().map_err(|error| spilling(&error))?.as_ref().map(parse))
    }

    /// The next container with its records.
    pub(super) fn next(&mut self) -> Result<Option<(i64, Vec<Copied>)>, Reason> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => self.take()?,
        };
        let Some((container, record)) = first else { return Ok(None) };
        let mut group = vec![record];
        loop {
            match self.take()? {
                Some((same, record)) if same == container => group.push(record),
                other => {
                    self.next = other;
                    return Ok(Some((container, group)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

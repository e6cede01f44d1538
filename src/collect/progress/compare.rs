//! The messages of a backend beside the bodies of its shard: both in the order of their GUIDs, in one pass.

use std::io::Result;
use std::ops::RangeInclusive;

use super::sorter::Sorted;
use super::tables::Wrong;
use crate::format::cyrus_index::Guid;

/// Messages of a mailbox, or of all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: u64,
    pub(super) distinct: u64,
    pub(super) missing: u64,
    pub(super) missing_recent: u64,
    /// When the last of the records of missing messages was written.
    pub(super) newest_missing_at: Option<u32>,
    /// Messages that lack their record, and whose body is there.
    pub(super) lacking_with_body: u64,
}

impl Count {
    /// Counts a message, however often it is there, whose first record was written then.
    fn add_distinct(&mut self, is_missing: bool, written_at: u32, recent: &RangeInclusive<i64>) {
        self.distinct += 1;
        if is_missing {
            self.missing += 1;
            self.missing_recent += u64::from(recent.contains(&i64::from(written_at)));
            self.newest_missing_at = self.newest_missing_at.max(Some(written_at));
        }
    }
}

/// Bytes of an entry: GUID, number of its folder, when its record was written, UID, whether the shard has no record of it.
/// In that order entries are sorted.
pub(super) const ENTRY: usize = 33;

/// A message in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) guid: [u8; 20],
    /// Number of the folder.
    pub(super) folder: u32,
    pub(super) written_at: u32,
    pub(super) uid: u32,
    pub(super) lacks_record: bool,
}

impl Entry {
    /// As it is sorted.
    pub(super) fn bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..20].copy_from_slice(&self.guid);
        bytes[20..24].copy_from_slice(&self.folder.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.written_at.to_be_bytes());
        bytes[28..32].copy_from_slice(&self.uid.to_be_bytes());
        bytes[32] = u8::from(self.lacks_record);
        bytes
    }

    /// What [`Self::bytes`] made of it.
    fn parse(bytes: &[u8; ENTRY]) -> Self {
        let [guid @ .., a, b, c, d, e, f, g, h, i, j, k, l, lacks_record] = *bytes;
        Self {
            guid,
            folder: u32::from_be_bytes([a, b, c, d]),
            written_at: u32::from_be_bytes([e, f, g, h]),
            uid: u32::from_be_bytes([i, j, k, l]),
            lacks_record: lacks_record != 0,
        }
    }
}

/// A message while its entries go by.
struct Group {
    guid: [u8; 20],
    is_missing: bool,
    /// The folder of the last entry.
    folder: u32,
    /// When the first of its records was written.
    written_at: u32,
}

impl Group {
    fn of(first: &Entry, is_missing: bool) -> Self {
        Self { guid: first.guid, is_missing, folder: first.folder, written_at: first.written_at }
    }

    /// Adds another entry; says whether its folder had one already. In this order the first of a folder is its oldest.
    fn add(&mut self, entry: &Entry) -> bool {
        self.written_at = self.written_at.min(entry.written_at);
        std::mem::replace(&mut self.folder, entry.folder) == entry.folder
    }
}

/// Messages with which something is wrong, one by one, as far as they are kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct WrongMessages {
    pub(super) kept: Vec<WrongMessage>,
    /// How many more there are.
    pub(super) left_out: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WrongMessage {
    /// Number of the folder.
    pub(super) folder: u32,
    pub(super) uid: u32,
    pub(super) guid: Guid,
    pub(super) wrong: Wrong,
}

impl WrongMessages {
    /// Messages of a server that are kept: to find out what they have in common takes fewer.
    const MOST: usize = 100_000;

    /// Adds a message.
    pub(super) fn add(&mut self, folder: u32, uid: u32, guid: Guid, wrong: Wrong) {
        if self.kept.len() < Self::MOST {
            self.kept.push(WrongMessage { folder, uid, guid, wrong });
        } else {
            self.left_out += 1;
        }
    }

    fn add_entry(&mut self, entry: &Entry, wrong: Wrong) {
        self.add(entry.folder, entry.uid, Guid(entry.guid), wrong);
    }
}

/// What comparing gives: the messages of each mailbox, and those of all together.
pub(super) struct Compared {
    pub(super) counts: Vec<Count>,
    pub(super) total: Count,
}

/// Counts the messages of each of `folders`, and of all; adds to `wrong` those without body, and those that lack their
/// record. What was written at a time within `recent` is recent.
pub(super) fn compare(
    mut entries: Sorted<ENTRY>,
    mut bodies: Sorted<20>,
    folders: usize,
    recent: &RangeInclusive<i64>,
    wrong: &mut WrongMessages,
) -> Result<Compared> {
    let mut compared = Compared { counts: vec![Count::default(); folders], total: Count::default() };
    let Compared { counts, total } = &mut compared;
    let mut body = bodies.next()?;
    let mut group: Option<Group> = None;
    while let Some(entry) = entries.next()?.as_ref().map(Entry::parse) {
        let Some(count) = usize::try_from(entry.folder).ok().and_then(|number| counts.get_mut(number)) else {
            continue;
        };
        total.messages += 1;
        count.messages += 1;
        let same = group.as_mut().filter(|group| group.guid == entry.guid);
        let is_same = same.is_some();
        let (is_missing, is_again) = match same {
            Some(group) => (group.is_missing, group.add(&entry)),
            None => {
                while body.is_some_and(|body| body < entry.guid) {
                    body = bodies.next()?;
                }
                (body != Some(entry.guid), false)
            }
        };
        if entry.lacks_record {
            count.lacking_with_body += u64::from(!is_missing);
            wrong.add_entry(&entry, if is_missing { Wrong::WithoutBoth } else { Wrong::WithoutRecord });
        } else if is_missing && !is_again {
            wrong.add_entry(&entry, Wrong::WithoutBody);
        }
        if !is_again {
            count.add_distinct(is_missing, entry.written_at, recent);
        }
        if !is_same && let Some(over) = group.replace(Group::of(&entry, is_missing)) {
            total.add_distinct(over.is_missing, over.written_at, recent);
        }
    }
    if let Some(over) = group {
        total.add_distinct(over.is_missing, over.written_at, recent);
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::sorter::Sorter;
    use super::*;

    const FOLDERS: u32 = 4;
    const RECENT: RangeInclusive<i64> = 101..=105;

    fn guid(seed: u8) -> [u8; 20] {
        [seed; 20]
    }

    fn sorted<const N: usize>(records: impl Iterator<Item = [u8; N]>, budget: usize) -> Sorted<N> {
        let mut sorter = Sorter::new(budget);
        records.for_each(|record| sorter.push(record).unwrap());
        sorter.sorted().unwrap()
    }

    /// The same by sets, as one would say it.
    fn due<'a>(entries: impl Iterator<Item = &'a Entry>, bodies: &BTreeSet<u8>) -> Count {
        let mut written: BTreeMap<[u8; 20], u32> = BTreeMap::new();
        let mut count = Count::default();
        for entry in entries {
            count.messages += 1;
            count.lacking_with_body += u64::from(entry.lacks_record && bodies.contains(&entry.guid[0]));
            written.entry(entry.guid).and_modify(|at| *at = entry.written_at.min(*at)).or_insert(entry.written_at);
        }
        let missing: Vec<u32> =
            written.iter().filter(|(guid, _)| !bodies.contains(&guid[0])).map(|(_, at)| *at).collect();
        let size = |n: usize| u64::try_from(n).unwrap();
        Count {
            distinct: size(written.len()),
            missing: size(missing.len()),
            missing_recent: size(missing.iter().filter(|at| RECENT.contains(&i64::from(**at))).count()),
            newest_missing_at: missing.iter().max().copied(),
            ..count
        }
    }

    /// What is wrong with each message, as far as its content tells: once for a message that is in a folder several times.
    fn due_wrong(entries: &[Entry], bodies: &BTreeSet<u8>) -> BTreeSet<(u32, [u8; 20], Option<u32>, Wrong)> {
        let is_there = |entry: &Entry| bodies.contains(&entry.guid[0]);
        let lacking = entries.iter().filter(|entry| entry.lacks_record);
        let lacking = lacking.map(|entry| {
            let wrong = if is_there(entry) { Wrong::WithoutRecord } else { Wrong::WithoutBoth };
            (entry.folder, entry.guid, Some(entry.uid), wrong)
        });
        let mut oldest: BTreeMap<(u32, [u8; 20]), &Entry> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| !is_there(entry)) {
            let first = oldest.entry((entry.folder, entry.guid)).or_insert(entry);
            *first = (*first).min_by_key(entry);
        }
        let without = oldest.into_values().filter(|entry| !entry.lacks_record);
        lacking.chain(without.map(|entry| (entry.folder, entry.guid, None, Wrong::WithoutBody))).collect()
    }

    impl Entry {
        fn min_by_key<'a>(&'a self, other: &'a Self) -> &'a Self {
            if other.bytes() < self.bytes() { other } else { self }
        }
    }

    proptest! {
        #[test]
        fn what_is_missing_is_the_difference_of_the_sets(
            entries in prop::collection::vec((0_u8..12, 0..FOLDERS, 90_u32..110, any::<bool>()), 0..60),
            bodies in prop::collection::btree_set(0_u8..12, 0..12),
            budget in 1_usize..70,
        ) {
            let entry = |(uid, (seed, folder, written_at, lacks_record))| Entry {
                guid: guid(seed), folder, written_at, uid, lacks_record,
            };
            let entries: Vec<Entry> = (1..).zip(entries).map(entry).collect();
            let mut wrong = WrongMessages::default();
            let Compared { counts, total } = compare(
                sorted(entries.iter().map(|entry| entry.bytes()), budget),
                sorted(bodies.iter().map(|seed| guid(*seed)), budget),
                4,
                &RECENT,
                &mut wrong,
            )
            .unwrap();
            let told = wrong.kept.iter().map(|w| {
                (w.folder, w.guid.0, Some(w.uid).filter(|_| w.wrong != Wrong::WithoutBody), w.wrong)
            });
            let told: Vec<_> = told.collect();
            let number = told.len();
            prop_assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), due_wrong(&entries, &bodies));
            prop_assert_eq!((number, wrong.left_out), (due_wrong(&entries, &bodies).len(), 0));
            let due_total = due(entries.iter(), &bodies);
            prop_assert_eq!(total, Count { lacking_with_body: 0, ..due_total });
            for (number, count) in (0..FOLDERS).zip(counts) {
                prop_assert_eq!(count, due(entries.iter().filter(|entry| entry.folder == number), &bodies));
            }
        }
    }

    #[test]
    fn of_too_many_wrong_messages_the_rest_is_counted() {
        let mut wrong = WrongMessages::default();
        for uid in 0..u32::try_from(WrongMessages::MOST).unwrap() + 3 {
            wrong.add(0, uid, Guid([1; 20]), Wrong::Surplus);
        }
        assert_eq!((wrong.kept.len(), wrong.left_out), (WrongMessages::MOST, 3));
    }
}

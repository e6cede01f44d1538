//! The messages of a backend beside the bodies of its shard: both in the order of their GUIDs, in one pass.

use std::io::Result;
use std::ops::RangeInclusive;

use super::messages::{ENTRY, Entry};
use super::sorter::Sorted;

/// Messages of a mailbox, or of all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: u64,
    pub(super) distinct: u64,
    pub(super) missing: u64,
    pub(super) missing_recent: u64,
    /// When the last of the records of missing messages was written.
    pub(super) newest_missing_at: Option<u32>,
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

/// A message while its entries go by.
struct Group {
    first: Entry,
    is_missing: bool,
    /// The mailbox of the last entry.
    mailbox: u32,
    /// When the first of its records was written.
    written_at: u32,
}

/// Messages that are missing, one by one, as far as they are kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// Number of the mailbox, and GUID.
    pub(super) kept: Vec<(u32, [u8; 20])>,
    /// How many more there are.
    pub(super) left_out: u64,
}

impl Missing {
    /// Messages of a server that are kept: to find out what they have in common takes fewer.
    const MOST: usize = 100_000;

    fn add(&mut self, entry: &Entry) {
        if self.kept.len() < Self::MOST {
            self.kept.push((entry.mailbox, entry.guid));
        } else {
            self.left_out += 1;
        }
    }
}

/// What comparing gives: the messages of each mailbox, those of all together, and the missing ones.
pub(super) struct Compared {
    pub(super) counts: Vec<Count>,
    pub(super) total: Count,
    pub(super) missing: Missing,
}

/// Counts the messages of each of `mailboxes`, and of all. What was written at a time within `recent` is recent.
pub(super) fn compare(
    mut entries: Sorted<ENTRY>,
    mut bodies: Sorted<20>,
    mailboxes: usize,
    recent: &RangeInclusive<i64>,
) -> Result<Compared> {
    let (counts, total) = (vec![Count::default(); mailboxes], Count::default());
    let mut compared = Compared { counts, total, missing: Missing::default() };
    let Compared { counts, total, missing } = &mut compared;
    let mut body = bodies.next()?;
    let mut group: Option<Group> = None;
    while let Some(entry) = entries.next()?.as_ref().and_then(Entry::parse) {
        let Some(count) = usize::try_from(entry.mailbox).ok().and_then(|number| counts.get_mut(number)) else {
            continue;
        };
        total.messages += 1;
        count.messages += 1;
        if let Some(group) = group.as_mut().filter(|group| group.first.guid == entry.guid) {
            group.written_at = group.written_at.min(entry.written_at);
            // In this order the first entry of a mailbox is its oldest.
            if group.mailbox == entry.mailbox {
                continue;
            }
            group.mailbox = entry.mailbox;
            count.add_distinct(group.is_missing, entry.written_at, recent);
            if group.is_missing {
                missing.add(&entry);
            }
            continue;
        }
        while body.is_some_and(|body| body < entry.guid) {
            body = bodies.next()?;
        }
        let is_missing = body != Some(entry.guid);
        count.add_distinct(is_missing, entry.written_at, recent);
        if is_missing {
            missing.add(&entry);
        }
        let new = Group { first: entry, is_missing, mailbox: entry.mailbox, written_at: entry.written_at };
        if let Some(over) = group.replace(new) {
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

    const MAILBOXES: u32 = 4;
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
        let mut messages = 0;
        for entry in entries {
            messages += 1;
            written.entry(entry.guid).and_modify(|at| *at = entry.written_at.min(*at)).or_insert(entry.written_at);
        }
        let missing: Vec<u32> =
            written.iter().filter(|(guid, _)| !bodies.contains(&guid[0])).map(|(_, at)| *at).collect();
        let size = |n: usize| u64::try_from(n).unwrap();
        Count {
            messages,
            distinct: size(written.len()),
            missing: size(missing.len()),
            missing_recent: size(missing.iter().filter(|at| RECENT.contains(&i64::from(**at))).count()),
            newest_missing_at: missing.iter().max().copied(),
        }
    }

    proptest! {
        #[test]
        fn what_is_missing_is_the_difference_of_the_sets(
            entries in prop::collection::vec((0_u8..12, 0..MAILBOXES, 90_u32..110), 0..60),
            bodies in prop::collection::btree_set(0_u8..12, 0..12),
            budget in 1_usize..70,
        ) {
            let entries: Vec<Entry> = entries
                .into_iter()
                .map(|(seed, mailbox, written_at)| Entry { guid: guid(seed), mailbox, written_at })
                .collect();
            let Compared { counts, total, missing } = compare(
                sorted(entries.iter().map(|entry| entry.bytes()), budget),
                sorted(bodies.iter().map(|seed| guid(*seed)), budget),
                4,
                &RECENT,
            )
            .unwrap();
            let in_mailboxes = entries.iter().filter(|entry| !bodies.contains(&entry.guid[0]));
            let in_mailboxes: BTreeSet<_> = in_mailboxes.map(|entry| (entry.mailbox, entry.guid)).collect();
            let mut kept = missing.kept;
            kept.sort_unstable();
            prop_assert_eq!((kept, missing.left_out), (in_mailboxes.into_iter().collect::<Vec<_>>(), 0));
            prop_assert_eq!(total, due(entries.iter(), &bodies));
            for (number, count) in (0..MAILBOXES).zip(counts) {
                prop_assert_eq!(count, due(entries.iter().filter(|entry| entry.mailbox == number), &bodies));
            }
        }
    }

    #[test]
    fn of_too_many_missing_messages_the_rest_is_counted() {
        let mut missing = Missing::default();
        for _ in 0..Missing::MOST + 3 {
            missing.add(&Entry { guid: guid(1), mailbox: 0, written_at: 0 });
        }
        assert_eq!((missing.kept.len(), missing.left_out), (Missing::MOST, 3));
    }
}

//! What was not found, looked at once more: mail is moved, expunged and archived while shard and files are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::holders::Holders;
use super::lookup::{BAD, Found, Lookup, parse_bad};
use super::messages::spilling;
use super::shard::{Copied, OfMessage, RECORD, parse, records_of, records_with};
use super::sorter::{Sorted, Sorter};
use super::tables::{RecordLookup, Unfound, UnfoundFolder, UnfoundMessage};
use crate::collect::reach::place::Place;
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::collect::reach::shard::Shard;
use crate::format::bluemind_path::{DATA, first_references};
use crate::format::cyrus_index::Guid;
use crate::model::Reason;
use crate::model::reason::Cyrus;

/// Messages of a server that are kept one by one.
const MOST: usize = 100_000;

/// What BlueMind 5 would not show.
pub(super) struct Told {
    summary: RecordLookup,
    folders: Vec<UnfoundFolder>,
    messages: Vec<UnfoundMessage>,
    left_out: u64,
    gap: Option<Reason>,
}

impl Told {
    /// Looks once more at what a look at everything did not find.
    pub(super) async fn of(lookup: Lookup, place: &Place, shard: &Shard) -> Result<Self, Reason> {
        let (holders, root, found) = place.aside(move |_| lookup.end()).await?;
        let (mut records, mut ties) = (Sorter::new(0), Vec::new());
        if !found.folders.is_empty() || !found.ties.is_empty() {
            let snapshot = shard.open().await?;
            let containers: Vec<i64> =
                found.folders.iter().filter_map(|number| Some(holders.all.get(*number)?.container)).collect();
            records = records_of(&snapshot, &containers).await?;
            let guids: Vec<Guid> = found.ties.iter().copied().collect();
            ties = if guids.is_empty() { Vec::new() } else { records_with(&snapshot, &guids).await? };
        }
        place.aside(move |_| Second { holders, root, ties: HashMap::new() }.look(found, records, ties)).await
    }

    /// Tells it.
    pub(super) fn tell(told: Result<Self, Reason>, seen: Seen) -> Seen {
        let told = match told {
            Ok(told) => told,
            Err(reason) => {
                return seen
                    .tell::<RecordLookup>(Err::<Vec<_>, _>(&reason))
                    .tell::<UnfoundFolder>(Err::<Vec<_>, _>(&reason))
                    .tell::<UnfoundMessage>(Err::<Vec<_>, _>(&reason));
            }
        };
        let rest = (told.left_out > 0).then(|| Cyrus::UnfoundLeftOut { messages: told.left_out }.into());
        let gaps = Reason::all(told.gap.iter().cloned().chain(rest));
        seen.tell::<RecordLookup>(Ok::<_, Reason>(Rows::from(vec![told.summary]).but(told.gap.clone())))
            .tell::<UnfoundFolder>(Ok::<_, Reason>(Rows::from(told.folders).but(told.gap)))
            .tell::<UnfoundMessage>(Ok::<_, Reason>(Rows::from(told.messages).but(gaps)))
    }
}

/// The second look.
struct Second {
    holders: Holders,
    root: Root,
    /// Of messages of which the oldest record is gone by, whether that has a file.
    ties: HashMap<Guid, bool>,
}

impl Second {
    fn look(mut self, found: Found, records: Sorter<RECORD>, ties: Vec<OfMessage>) -> Result<Told, Reason> {
        let mut gaps = found.gaps;
        self.settle_ties(ties, &mut gaps);
        let sorted = || Ok((found.bad.sorted()?, records.sorted()?));
        let (bad, records) = sorted().map_err(|error: std::io::Error| spilling(&error))?;
        let mut both = Both { bad, records, next_bad: None, next_record: None };
        let (mut folders, mut messages, mut left_out) = (Vec::new(), Vec::new(), 0);
        while let Some((number, suspects)) = both.suspects().map_err(|error| spilling(&error))? {
            let Some(holder) = self.holders.all.get(number) else { continue };
            let now = both.now(holder.container).map_err(|error| spilling(&error))?;
            let stay = match self.stay(number, &suspects, &now) {
                Ok(stay) => stay,
                Err(gap) => {
                    gaps.insert(gap);
                    continue;
                }
            };
            let of = |why| u64::try_from(stay.iter().filter(|(.., other)| *other == why).count()).unwrap_or(u64::MAX);
            let (without_file, other_first) = (of(Unfound::WithoutFile), of(Unfound::OtherFirst));
            if without_file + other_first > 0 {
                folders.push(self.folder(number, found.live[number], without_file, other_first));
            }
            for (uid, guid, why) in stay {
                if messages.len() < MOST {
                    let unique_id = holder.replica.unique_id.clone();
                    messages.push(UnfoundMessage { unique_id, uid, guid: guid.to_string(), why });
                } else {
                    left_out += 1;
                }
            }
        }
        let unfound = folders.iter().map(|folder: &UnfoundFolder| folder.without_file + folder.other_first).sum();
        let with_records = found.live.iter().filter(|live| **live > 0).count();
        let summary = RecordLookup {
            folders: u64::try_from(with_records).unwrap_or(u64::MAX),
            records: found.live.iter().sum(),
            unfound,
        };
        let count = gaps.len();
        let gap = || Cyrus::FilesUntold { count, first: Reason::places(gaps) }.into();
        let gap = (count > 0).then(gap);
        Ok(Told { summary, folders, messages, left_out, gap })
    }

    /// What of a folder is not found still.
    fn stay(
        &self,
        number: usize,
        suspects: &[(u32, Guid, Unfound)],
        now: &[Copied],
    ) -> Result<Vec<(u32, Guid, Unfound)>, Reason> {
        let Some(holder) = self.holders.all.get(number) else { return Ok(Vec::new()) };
        let live: BTreeSet<(u32, Guid)> = now.iter().filter(|r| r.is_live).map(|r| (r.uid, r.guid)).collect();
        let is_still = |(uid, guid, why): &&(u32, Guid, Unfound)| {
            let is_settled = *why == Unfound::OtherFirst && self.ties.get(guid) == Some(&true);
            live.contains(&(*uid, *guid)) && !is_settled
        };
        let still: Vec<_> = suspects.iter().filter(is_still).copied().collect();
        let as_record = |(uid, guid, _): &(u32, Guid, Unfound)| Copied {
            uid: *uid,
            guid: *guid,
            is_live: true,
            is_seen: false,
            is_old_draft: false,
        };
        let files = holder.files(&self.root, &still.iter().map(as_record).collect::<Vec<_>>())?;
        let is_unfound =
            |((_, _, why), has_file): &((u32, Guid, Unfound), bool)| *why == Unfound::OtherFirst || !has_file;
        Ok(still.into_iter().zip(files).filter(is_unfound).map(|(one, _)| one).collect())
    }

    /// Finds out whether the oldest of the records that may be gone by has a file.
    fn settle_ties(&mut self, records: Vec<OfMessage>, gaps: &mut BTreeSet<Reason>) {
        let mut messages: BTreeMap<Guid, Vec<OfMessage>> = BTreeMap::new();
        for record in records.into_iter().filter(|record| self.holders.number(record.container).is_some()) {
            messages.entry(record.guid).or_default().push(record);
        }
        for (guid, mut records) in messages {
            records.sort_by_key(|record| (record.container, record.uid, record.created));
            records.dedup_by_key(|record| (record.container, record.uid));
            match self.oldest_has_file(&records) {
                Ok(Some(has_file)) => drop(self.ties.insert(guid, has_file)),
                Ok(None) => {
                    self.ties.insert(guid, true);
                    gaps.insert(Cyrus::OrderUntold { guid: guid.to_string() }.into());
                }
                // Nothing is known against it then.
                Err(gap) => {
                    self.ties.insert(guid, true);
                    gaps.insert(gap);
                }
            }
        }
    }

    fn oldest_has_file(&self, records: &[OfMessage]) -> Result<Option<bool>, Reason> {
        let holder = |record: &OfMessage| self.holders.all.get(self.holders.number(record.container)?);
        let hashes: Vec<_> = records.iter().filter_map(|r| Some(holder(r)?.hash.record(r.uid, &r.guid))).collect();
        let Some(first) = first_references(&hashes) else { return Ok(None) };
        let mut first: Vec<&OfMessage> = first.iter().filter_map(|number| records.get(*number)).collect();
        first.sort_by_key(|record| record.created);
        let [oldest, rest @ ..] = first.as_slice() else { return Ok(None) };
        if rest.first().is_some_and(|next| next.created == oldest.created) {
            return Ok(None);
        }
        let Some(holder) = holder(oldest) else { return Ok(None) };
        let record = Copied { uid: oldest.uid, guid: oldest.guid, is_live: true, is_seen: false, is_old_draft: false };
        Ok(holder.files(&self.root, &[record])?.first().copied())
    }

    fn folder(&self, number: usize, records: u64, without_file: u64, other_first: u64) -> UnfoundFolder {
        let holder = &self.holders.all[number];
        UnfoundFolder {
            unique_id: holder.replica.unique_id.clone(),
            mailbox_uid: holder.replica.mailbox_uid.clone(),
            domain_uid: holder.replica.domain_uid.clone(),
            path: Some(holder.replica.path.clone()).filter(|path| !path.is_empty()),
            place: holder.place,
            partition: holder.partition.clone(),
            directory: holder.directory(DATA),
            records,
            without_file,
            other_first,
        }
    }
}

/// What was not found, and the records of the same folders as they are now: both in the order of the folders.
struct Both {
    bad: Sorted<BAD>,
    records: Sorted<RECORD>,
    next_bad: Option<[u8; BAD]>,
    next_record: Option<[u8; RECORD]>,
}

type Suspects = (usize, Vec<(u32, Guid, Unfound)>);

impl Both {
    /// What was not found of the next folder.
    fn suspects(&mut self) -> std::io::Result<Option<Suspects>> {
        let first = match self.next_bad.take() {
            Some(first) => Some(first),
            None => self.bad.next()?,
        };
        let Some((folder, uid, guid, why)) = first.as_ref().map(parse_bad) else { return Ok(None) };
        let mut suspects = vec![(uid, guid, why)];
        while let Some(next) = self.bad.next()? {
            match parse_bad(&next) {
                (same, uid, guid, why) if same == folder => suspects.push((uid, guid, why)),
                _ => {
                    self.next_bad = Some(next);
                    break;
                }
            }
        }
        Ok(Some((usize::try_from(folder).unwrap_or(usize::MAX), suspects)))
    }

    /// The records of a container.
    fn now(&mut self, container: i64) -> std::io::Result<Vec<Copied>> {
        let mut now = Vec::new();
        loop {
            let next = match self.next_record.take() {
                Some(next) => Some(next),
                None => self.records.next()?,
            };
            match next.map(|next| (next, parse(&next))) {
                Some((_, (place, record))) if place == container => now.push(record),
                Some((_, (place, _))) if place < container => {}
                Some((next, _)) => {
                    self.next_record = Some(next);
                    return Ok(now);
                }
                None => return Ok(now),
            }
        }
    }
}

//! How far replication is: the folders and messages of a backend's Cyrus beside those of its shard, one by one.
//!
//! Both sides may be larger than memory. Records are sorted by folder and UID, messages by their GUIDs, in runs on disk beyond
//! a budget, and both sides are then read beside each other once. The shard is asked after the indexes were read, so that
//! what arrives and is replicated meanwhile is not missing, and where the two differ the index is read once more.

mod compare;
mod counts;
mod differ;
mod folders;
mod holders;
mod log;
mod lookup;
mod messages;
mod shard;
mod sorter;
mod tables;
mod unfound;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use self::compare::{Compared, Count, WrongMessage, WrongMessages, compare};
use self::folders::{Comparison, Each, Folders, Groups};
use self::holders::Holders;
use self::lookup::Lookup;
use self::messages::{Folder, Gathered, Messages, spilling};
use self::shard::{Copied, Held};
use self::unfound::Told;
use super::reach::mailbox::LookAgain;
use super::reach::place::Place;
use super::reach::seen::{Rows, Seen};
use crate::fact::{Record as _, Table};
use crate::model::Reason;
use crate::model::reason::Cyrus;

pub(super) use self::counts::{TABLES as COUNTED, count, statements};
pub(super) use self::tables::{
    FolderReplication, MessageDifference, MessageReplication, RecordLookup, ReplicationProgress, UnfoundFolder,
    UnfoundMessage,
};

/// What is told of how far a backend is replicated.
pub(super) const TABLES: &[&Table] =
    &[MessageReplication::TABLE, ReplicationProgress::TABLE, FolderReplication::TABLE, MessageDifference::TABLE];

/// What is told of the files of its records.
const OF_FILES: &[&Table] = &[RecordLookup::TABLE, UnfoundFolder::TABLE, UnfoundMessage::TABLE];

/// What is younger than this, in seconds, replication may still be at work on.
const RECENT: i64 = 600;

/// Where the messages of a backend are to be gathered; none when nobody asks for them, or nothing is there to compare with.
pub(super) fn messages(place: &Place) -> Option<Arc<Messages>> {
    (place.wants(TABLES) && place.shard.is_ok()).then(|| Arc::new(Messages::new()))
}

/// Tells how far the messages that were gathered are replicated, and whether those of the shard have their files.
pub(super) async fn tell(seen: Seen, place: &Place, messages: Option<Arc<Messages>>, look_again: LookAgain) -> Seen {
    let shown = place.shard.as_ref().map_or("none", |shard| shard.access.shown.as_str());
    let (found, unfound) = match look(place, messages, look_again).await {
        Ok(Looked { found, unfound }) => (found, unfound),
        Err(reason) => (Err(reason.clone()), Err(reason)),
    };
    let seen = Told::tell(unfound, seen.then_at(format!("{shown}, the files below {}", place.root.path().display())));
    let seen = seen.then_at(format!("cyrus.index files below {}, {shown}", place.root.path().display()));
    match found {
        Ok(found) => found.tell(seen),
        Err(reason) => seen
            .tell::<MessageReplication>(Err::<Vec<_>, _>(&reason))
            .tell::<ReplicationProgress>(Err::<Vec<_>, _>(&reason))
            .tell::<FolderReplication>(Err::<Vec<_>, _>(&reason))
            .tell::<MessageDifference>(Err::<Vec<_>, _>(&reason)),
    }
}

/// What the shard gave beside Cyrus, and beside the files.
struct Looked {
    found: Result<Found, Reason>,
    unfound: Result<Told, Reason>,
}

async fn look(place: &Place, messages: Option<Arc<Messages>>, look_again: LookAgain) -> Result<Looked, Reason> {
    let shard = place.shard.as_ref()?;
    let gathered = messages.and_then(Arc::into_inner).ok_or_else(|| Cyrus::NotGathered.into());
    let gathered = gathered.and_then(Messages::into_gathered);
    if let (Err(reason), false) = (&gathered, place.wants(OF_FILES)) {
        return Err(reason.clone());
    }
    let held = Held::read(shard, gathered.is_ok()).await?;
    let owners = if place.wants(OF_FILES) { place.owners.clone() } else { Err(Cyrus::NotGathered.into()) };
    let lookup = owners.map(|owners| Lookup::new(Holders::of(&held, &owners, &place.server), place.root.clone()));
    let now = place.now;
    let (found, lookup) = place.aside(move |_| compare_both(gathered, held, lookup, look_again, now)).await?;
    let unfound = match lookup {
        Ok(lookup) => Told::of(lookup, place, shard).await,
        Err(reason) => Err(reason),
    };
    Ok(Looked { found, unfound })
}

/// Reads the records of the shard once, beside Cyrus and beside the files.
#[allow(clippy::type_complexity, reason = "each side may fail without the other")]
fn compare_both(
    gathered: Result<Gathered, Reason>,
    held: Held,
    lookup: Result<Lookup, Reason>,
    look_again: LookAgain,
    now: i64,
) -> Result<(Result<Found, Reason>, Result<Lookup, Reason>), Reason> {
    let mut lookup = lookup.and_then(Lookup::with_spool);
    let mut each = |container: i64, records: &[Copied]| match &mut lookup {
        Ok(lookup) => lookup.add(container, records),
        Err(_) => Ok(()),
    };
    let found = match gathered {
        Ok(gathered) => Found::of(gathered, held, look_again, now, &mut each),
        Err(reason) => {
            let mut groups = Groups::of(held.records.sorted().map_err(|error| spilling(&error))?);
            while let Some((container, records)) = groups.next()? {
                each(container, &records)?;
            }
            return Ok((Err(reason), lookup));
        }
    };
    // Who did not come to the end did not see every record.
    let lookup = found.as_ref().map(|_| ()).map_err(Clone::clone).and(lookup);
    Ok((found, lookup))
}

/// What comparing gave.
struct Found {
    mailboxes: Vec<Mailbox>,
    total: Count,
    folders: Vec<(Option<u32>, FolderReplication)>,
    wrong: WrongMessages,
    files: u64,
    bodies: u64,
    /// What is missing of the messages, and of the folders.
    gap: Option<Reason>,
    folder_gap: Option<Reason>,
}

impl Found {
    fn of(
        mut gathered: Gathered,
        held: Held,
        look_again: LookAgain,
        now: i64,
        each: &mut Each<'_>,
    ) -> Result<Self, Reason> {
        // A record that bears a time to come was written by a wrong clock, at whatever time.
        let passed = i64::try_from(gathered.began.elapsed().as_secs()).unwrap_or(0);
        let recent = now - RECENT + 1..=now + passed + RECENT;
        let (gap, folder_gap, files) = (gathered.gap(), gathered.folder_gap(), gathered.files);
        let records = held.records.sorted().map_err(|error| spilling(&error))?;
        let comparison = Comparison::new(&mut gathered, look_again, recent.clone());
        let Folders { entries, rows, mut wrong, gaps } = comparison.run(&held.replicas, records, each)?;
        let number = gathered.folders.len();
        let bodies = held.bodies.ok_or(Cyrus::NotGathered)?;
        let sorted = || compare(entries.sorted()?, bodies.guids, number, &recent, &mut wrong);
        let Compared { counts, total } = sorted().map_err(|error| spilling(&error))?;
        let gaps: BTreeSet<Reason> = gaps.into_iter().chain(folder_gap).collect();
        Ok(Self {
            mailboxes: gathered.folders.into_iter().zip(counts).collect(),
            total,
            folders: rows,
            wrong,
            files,
            bodies: bodies.rows,
            gap,
            folder_gap: Reason::all(gaps),
        })
    }

    fn tell(self, seen: Seen) -> Seen {
        let left_out = self.wrong.left_out;
        let rest = (left_out > 0).then(|| Cyrus::MessagesLeftOut { messages: left_out }.into());
        let gaps = self.gap.iter().chain(&self.folder_gap).cloned().chain(rest);
        let gaps = Reason::all(gaps);
        let progress = Rows::from(vec![self.progress()]).but(self.gap.clone());
        // Whoever does not ask for rows does not have them made.
        let all = Rc::new(self.mailboxes);
        let (of_wrong, of_folders) = (Rc::clone(&all), Rc::clone(&all));
        let wrong = self.wrong.kept.into_iter().filter_map(move |wrong| difference(&of_wrong, &wrong));
        let wrong = Rows::each(wrong).but(gaps);
        let folders = self.folders.into_iter().map(move |(number, row)| with_bodies(&of_folders, number, row));
        let folders = Rows::each(folders).but(self.folder_gap);
        let mailboxes = (0..all.len()).filter_map(move |number| mailbox_row(all.get(number)?));
        let mailboxes = Rows::each(mailboxes).but(self.gap);
        seen.tell::<MessageReplication>(Ok::<_, Reason>(mailboxes))
            .tell::<ReplicationProgress>(Ok::<_, Reason>(progress))
            .tell::<FolderReplication>(Ok::<_, Reason>(folders))
            .tell::<MessageDifference>(Ok::<_, Reason>(wrong))
    }

    fn progress(&self) -> ReplicationProgress {
        let Count { distinct, missing, missing_recent, .. } = self.total;
        let (bodies, spool_files) = (self.bodies, self.files);
        ReplicationProgress { distinct_messages: distinct, missing, missing_recent, bodies, spool_files }
    }
}

type Mailbox = (Folder, Count);

fn mailbox(mailboxes: &[Mailbox], number: u32) -> Option<&Mailbox> {
    mailboxes.get(usize::try_from(number).ok()?)
}

fn difference(mailboxes: &[Mailbox], wrong: &WrongMessage) -> Option<MessageDifference> {
    let (folder, _) = mailbox(mailboxes, wrong.folder)?;
    let (name, guid) = (folder.owner.name.clone(), wrong.guid.to_string());
    Some(MessageDifference { name, uid: wrong.uid, guid, difference: wrong.wrong })
}

fn with_bodies(mailboxes: &[Mailbox], number: Option<u32>, row: FolderReplication) -> FolderReplication {
    let count = number.and_then(|number| mailbox(mailboxes, number)).map(|(_, count)| count.lacking_with_body);
    FolderReplication { missing_with_body: count.unwrap_or(0), ..row }
}

/// Its row, if it holds messages.
fn mailbox_row((folder, count): &Mailbox) -> Option<MessageReplication> {
    (count.messages > 0).then(|| MessageReplication {
        name: folder.owner.name.clone(),
        root_name: folder.owner.root_name.clone(),
        messages: count.messages,
        distinct_messages: count.distinct,
        missing: count.missing,
        missing_recent: count.missing_recent,
        last_append_at: Some(folder.last_append_at).filter(|at| *at > 0),
        newest_missing_at: count.newest_missing_at,
    })
}

//! How far replication is: the folders and messages of a backend's Cyrus beside those of its shard, one by one.
//!
//! Both sides may be larger than memory. Records are sorted by folder and UID, messages by their GUIDs, in runs on disk beyond
//! a budget, and both sides are then read beside each other once. The shard is asked after the indexes were read, so that
//! what arrives and is replicated meanwhile is not missing, and where the two differ the index is read once more.

mod compare;
mod differ;
mod folders;
mod log;
mod messages;
mod shard;
mod sorter;
mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::compare::{Compared, Count, WrongMessage, WrongMessages, compare};
use self::folders::{Comparison, Folders};
use self::messages::{Folder, Gathered, Messages, spilling};
use self::shard::Held;
use super::reach::mailbox::LookAgain;
use super::reach::place::Place;
use super::reach::seen::{Rows, Seen};
use crate::fact::{Record as _, Table};
use crate::model::Reason;
use crate::model::reason::Cyrus;

pub(super) use self::tables::{FolderReplication, MessageDifference, MessageReplication, ReplicationProgress};

/// What is told of how far a backend is replicated.
pub(super) const TABLES: &[&Table] =
    &[MessageReplication::TABLE, ReplicationProgress::TABLE, FolderReplication::TABLE, MessageDifference::TABLE];

/// What is younger than this, in seconds, replication may still be at work on.
const RECENT: i64 = 600;

/// Where the messages of a backend are to be gathered; none when nobody asks for them, or nothing is there to compare with.
pub(super) fn messages(place: &Place) -> Option<Arc<Messages>> {
    let is_wanted = TABLES.iter().any(|table| place.wanted.contains(table));
    (is_wanted && place.shard.is_ok()).then(|| Arc::new(Messages::new()))
}

/// Tells how far the messages that were gathered are replicated.
pub(super) async fn tell(seen: Seen, place: &Place, messages: Option<Arc<Messages>>, look_again: LookAgain) -> Seen {
    let shown = place.shard.as_ref().map_or("none", |shard| shard.access.shown.as_str());
    let seen = seen.then_at(format!("cyrus.index files below {}, {shown}", place.root.path().display()));
    match look(place, messages, look_again).await {
        Ok(found) => found.tell(seen),
        Err(reason) => seen
            .tell::<MessageReplication>(Err::<Vec<_>, _>(&reason))
            .tell::<ReplicationProgress>(Err::<Vec<_>, _>(&reason))
            .tell::<FolderReplication>(Err::<Vec<_>, _>(&reason))
            .tell::<MessageDifference>(Err::<Vec<_>, _>(&reason)),
    }
}

async fn look(place: &Place, messages: Option<Arc<Messages>>, look_again: LookAgain) -> Result<Found, Reason> {
    let shard = place.shard.as_ref()?;
    let messages = messages.and_then(Arc::into_inner).ok_or(Cyrus::NotGathered)?;
    let gathered = messages.into_gathered()?;
    let held = Held::read(shard).await?;
    let now = place.now;
    place.aside(move |_| Found::of(gathered, held, look_again, now)).await
}

/// What comparing gave.
struct Found {
    mailboxes: Vec<(Folder, Count)>,
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
    fn of(mut gathered: Gathered, held: Held, look_again: LookAgain, now: i64) -> Result<Self, Reason> {
        // A record that bears a time to come was written by a wrong clock, at whatever time.
        let passed = i64::try_from(gathered.began.elapsed().as_secs()).unwrap_or(0);
        let recent = now - RECENT + 1..=now + passed + RECENT;
        let (gap, folder_gap, files) = (gathered.gap(), gathered.folder_gap(), gathered.files);
        let records = held.records.sorted().map_err(|error| spilling(&error))?;
        let comparison = Comparison::new(&mut gathered, look_again, recent.clone());
        let Folders { entries, rows, mut wrong, gaps } = comparison.run(&held.replicas, records)?;
        let number = gathered.folders.len();
        let sorted = || compare(entries.sorted()?, held.bodies.guids.sorted()?, number, &recent, &mut wrong);
        let Compared { counts, total } = sorted().map_err(|error| spilling(&error))?;
        let gaps: BTreeSet<Reason> = gaps.into_iter().chain(folder_gap).collect();
        Ok(Self {
            mailboxes: gathered.folders.into_iter().zip(counts).collect(),
            total,
            folders: rows,
            wrong,
            files,
            bodies: held.bodies.rows,
            gap,
            folder_gap: Reason::all(gaps),
        })
    }

    fn tell(self, seen: Seen) -> Seen {
        let left_out = self.wrong.left_out;
        let rest = (left_out > 0).then(|| Cyrus::MessagesLeftOut { messages: left_out }.into());
        let gaps = self.gap.iter().chain(&self.folder_gap).cloned().chain(rest);
        let wrong: Vec<_> = self.wrong.kept.iter().filter_map(|wrong| self.difference(wrong)).collect();
        let wrong = Rows::from(wrong).but(Reason::all(gaps));
        let progress = Rows::from(vec![self.progress()]).but(self.gap.clone());
        let folders = Rows::from(self.folders()).but(self.folder_gap);
        let held = self.mailboxes.into_iter().filter(|(_, count)| count.messages > 0);
        let mailboxes = Rows::each(held.map(mailbox_row)).but(self.gap);
        seen.tell::<MessageReplication>(Ok::<_, Reason>(mailboxes))
            .tell::<ReplicationProgress>(Ok::<_, Reason>(progress))
            .tell::<FolderReplication>(Ok::<_, Reason>(folders))
            .tell::<MessageDifference>(Ok::<_, Reason>(wrong))
    }

    fn mailbox(&self, number: u32) -> Option<&(Folder, Count)> {
        self.mailboxes.get(usize::try_from(number).ok()?)
    }

    fn difference(&self, wrong: &WrongMessage) -> Option<MessageDifference> {
        let (folder, _) = self.mailbox(wrong.folder)?;
        let (name, guid) = (folder.owner.name.clone(), wrong.guid.to_string());
        Some(MessageDifference { name, uid: wrong.uid, guid, difference: wrong.wrong })
    }

    fn folders(&self) -> Vec<FolderReplication> {
        let with_body = |number: &Option<u32>| Some(self.mailbox((*number)?)?.1.lacking_with_body);
        let row = |(number, row): &(Option<u32>, FolderReplication)| FolderReplication {
            missing_with_body: with_body(number).unwrap_or(0),
            ..row.clone()
        };
        self.folders.iter().map(row).collect()
    }

    fn progress(&self) -> ReplicationProgress {
        let Count { distinct, missing, missing_recent, .. } = self.total;
        let (bodies, spool_files) = (self.bodies, self.files);
        ReplicationProgress { distinct_messages: distinct, missing, missing_recent, bodies, spool_files }
    }
}

fn mailbox_row((folder, count): (Folder, Count)) -> MessageReplication {
    MessageReplication {
        name: folder.owner.name,
        root_name: folder.owner.root_name,
        messages: count.messages,
        distinct_messages: count.distinct,
        missing: count.missing,
        missing_recent: count.missing_recent,
        last_append_at: Some(folder.last_append_at).filter(|at| *at > 0),
        newest_missing_at: count.newest_missing_at,
    }
}

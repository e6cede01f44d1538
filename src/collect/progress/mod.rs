//! How far replication is: the messages in a backend's Cyrus that its shard does not have, one by one.
//!
//! Both sides may be larger than memory. Each is sorted by the messages' GUIDs, in runs on disk beyond a budget, and
//! both are then read beside each other once. The shard is asked after the indexes were read, so that what arrives and
//! is replicated meanwhile is not missing.

mod compare;
mod messages;
mod sorter;

use std::io;
use std::sync::Arc;

use tokio_postgres::types::Type;

use self::compare::{Compared, Count, Missing, compare};
use self::messages::{Gathered, Messages, spilling};
use self::sorter::Sorter;
use super::reach::mailbox::Owner;
use super::reach::place::Place;
use super::reach::postgres::Shard;
use super::reach::seen::{Rows, Seen};
use crate::fact::{Record as _, table};
use crate::model::Reason;
use crate::model::reason::Cyrus;

table! {
    /// The messages in the cyrus.index of every live mailbox beside `t_message_body` of the shard of the same server,
    /// compared message by message: a message is known by its GUID, the SHA-1 of its file. Only messages count that users
    /// have: neither expunged nor unlinked ones, and no mailbox that waits for its purge. The indexes are read first, the
    /// shard after them.
    pub(super) struct MessageReplication: "message_replication",
        "a live mailbox or folder in Cyrus that holds messages", Backend
    {
        /// internal name, such as `bm.lan!user.john^doe.Sent`
        name: String as key,
        /// internal name of the mailbox it belongs to: `bm.lan!user.john^doe`
        root_name: String as key,
        /// messages in it
        messages: u64,
        /// the same, one that is in it several times counted once
        distinct_messages: u64,
        /// distinct messages that the shard has no body of
        missing: u64,
        /// of these, those whose record was written less than ten minutes before the collection
        missing_recent: u64,
        /// when a message last came in; null when the index does not say
        last_append_at: Option<u32>,
        /// when the record of a missing message was last written; null without one
        newest_missing_at: Option<u32>,
    }
}

table! {
    /// The messages that `message_replication` counts as missing, one by one; of more than 100 000 of a server, as many. A
    /// message is known by its GUID in Cyrus (`mbexamine`), in `t_message_body`, and as the SHA-1 of its file in the spool.
    pub(super) struct MessageMissing: "message_missing",
        "a message of a live mailbox or folder that the shard has no body of", Backend
    {
        /// internal name of the mailbox or folder, as in `message_replication`
        name: String as key,
        /// the GUID, 40 hexadecimal digits in lower case
        guid: String as key,
    }
}

table! {
    /// The same as `message_replication`, of a mail backend as a whole: a message that is in several mailboxes counts once,
    /// as in the shard.
    pub(super) struct ReplicationProgress: "replication_progress", "a mail backend", Backend {
        /// messages of its live mailboxes, each counted once
        distinct_messages: u64,
        /// distinct messages that the shard has no body of
        missing: u64,
        /// of these, those all of whose records were written less than ten minutes before the collection
        missing_recent: u64,
        /// rows of `t_message_body`, those too whose GUID is none
        bodies: u64,
        /// message files that the indexes account for, expunged messages and mailboxes that wait for their purge included:
        /// what counting the files of the data and archive trees gives, give or take what belongs to nobody
        spool_files: u64,
    }
}

/// Messages and bodies that are held in memory: 112 and 80 MB.
const BUDGET: usize = 4_000_000;
/// What is younger than this, in seconds, replication may still be at work on.
const RECENT: i64 = 600;

/// Where the messages of a backend are to be gathered; none when nobody asks for them, or nothing is there to compare with.
pub(super) fn messages(place: &Place) -> Option<Arc<Messages>> {
    let tables = [MessageReplication::TABLE, MessageMissing::TABLE, ReplicationProgress::TABLE];
    let is_wanted = tables.iter().any(|table| place.wanted.contains(table));
    (is_wanted && place.shard.is_ok()).then(|| Arc::new(Messages::new(BUDGET)))
}

/// Tells how far the messages that were gathered are replicated.
pub(super) async fn tell(seen: Seen, place: &Place, messages: Option<Arc<Messages>>) -> Seen {
    let shown = place.shard.as_ref().map_or("none", |shard| shard.access.shown.as_str());
    let seen = seen.then_at(format!("cyrus.index files below {}, {shown}", place.root.path().display()));
    match look(place, messages).await {
        Ok(found) => found.tell(seen),
        Err(reason) => seen
            .tell::<MessageReplication>(Err::<Vec<_>, _>(&reason))
            .tell::<MessageMissing>(Err::<Vec<_>, _>(&reason))
            .tell::<ReplicationProgress>(Err::<Vec<_>, _>(&reason)),
    }
}

async fn look(place: &Place, messages: Option<Arc<Messages>>) -> Result<Found, Reason> {
    let shard = place.shard.as_ref()?;
    let messages = messages.and_then(Arc::into_inner).ok_or(Cyrus::NotGathered)?;
    let gathered = messages.into_gathered()?;
    let bodies = Bodies::read(shard).await?;
    let now = place.now;
    place.aside(move |_| Found::of(gathered, bodies, now).map_err(|error| spilling(&error))).await
}

/// The bodies that a shard has.
struct Bodies {
    guids: Sorter<20>,
    rows: u64,
}

impl Bodies {
    async fn read(shard: &Shard) -> Result<Self, Reason> {
        let mut bodies = Self { guids: Sorter::new(BUDGET), rows: 0 };
        let take = |kind: &Type, raw: &[u8]| bodies.take(kind, raw).map_err(|error| spilling(&error));
        shard.column("SELECT guid FROM t_message_body", take).await?;
        Ok(bodies)
    }

    /// A GUID is text in 4.0 and bytes from 4.1 on. What is none is no message's: should it stand for one, that is missing.
    fn take(&mut self, kind: &Type, raw: &[u8]) -> io::Result<()> {
        self.rows += 1;
        let guid = if *kind == Type::BYTEA { raw.try_into().ok() } else { hexadecimal(raw) };
        guid.map_or(Ok(()), |guid| self.guids.push(guid))
    }
}

fn hexadecimal(text: &[u8]) -> Option<[u8; 20]> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

/// What comparing gave.
struct Found {
    mailboxes: Vec<(Owner, u32, Count)>,
    total: Count,
    missing: Missing,
    files: u64,
    bodies: u64,
    gap: Option<Reason>,
}

impl Found {
    fn of(mut gathered: Gathered, bodies: Bodies, now: i64) -> io::Result<Self> {
        let (gap, files) = (gathered.gap(), gathered.files);
        let (owners, entries) = gathered.sorted()?;
        let guids = bodies.guids.sorted()?;
        // A record that bears a time to come was written by a wrong clock, at whatever time.
        let recent = now - RECENT + 1..=now + RECENT;
        let Compared { counts, total, missing } = compare(entries, guids, owners.len(), &recent)?;
        let mailboxes = owners.into_iter().zip(counts).map(|((owner, at), count)| (owner, at, count)).collect();
        Ok(Self { mailboxes, total, missing, files, bodies: bodies.rows, gap })
    }

    fn tell(self, seen: Seen) -> Seen {
        let left_out = self.missing.left_out;
        let rest = (left_out > 0).then(|| Cyrus::MessagesLeftOut { messages: left_out }.into());
        let missing: Vec<_> = self.missing.kept.iter().filter_map(|missing| self.missing_row(missing)).collect();
        let missing = Rows::from(missing).but(Reason::all(self.gap.iter().cloned().chain(rest)));
        let progress = Rows::from(vec![self.progress()]).but(self.gap.clone());
        let mailboxes = Rows::each(self.mailboxes.into_iter().map(mailbox_row)).but(self.gap);
        seen.tell::<MessageReplication>(Ok::<_, Reason>(mailboxes))
            .tell::<MessageMissing>(Ok::<_, Reason>(missing))
            .tell::<ReplicationProgress>(Ok::<_, Reason>(progress))
    }

    fn missing_row(&self, (mailbox, guid): &(u32, [u8; 20])) -> Option<MessageMissing> {
        let (owner, ..) = self.mailboxes.get(usize::try_from(*mailbox).ok()?)?;
        let guid = guid.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(MessageMissing { name: owner.name.clone(), guid })
    }

    fn progress(&self) -> ReplicationProgress {
        let Count { distinct, missing, missing_recent, .. } = self.total;
        let (bodies, spool_files) = (self.bodies, self.files);
        ReplicationProgress { distinct_messages: distinct, missing, missing_recent, bodies, spool_files }
    }
}

fn mailbox_row((owner, last_append_at, count): (Owner, u32, Count)) -> MessageReplication {
    MessageReplication {
        name: owner.name,
        root_name: owner.root_name,
        messages: count.messages,
        distinct_messages: count.distinct,
        missing: count.missing,
        missing_recent: count.missing_recent,
        last_append_at: Some(last_append_at).filter(|at| *at > 0),
        newest_missing_at: count.newest_missing_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_text_or_bytes_and_anything_else_is_a_row_without_message() {
        let mut bodies = Bodies { guids: Sorter::new(10), rows: 0 };
        let text = b"00ff0a1b2c3d4e5f60718293a4b5c6d7e8f90102";
        let bytes: [u8; 20] = hexadecimal(text).unwrap();
        assert_eq!(bytes[..4], [0, 0xff, 0x0a, 0x1b]);
        bodies.take(&Type::TEXT, text).unwrap();
        bodies.take(&Type::VARCHAR, &text.to_ascii_uppercase()).unwrap();
        bodies.take(&Type::BYTEA, &bytes).unwrap();
        for malformed in [&b""[..], b"00ff", &text[1..], &[&text[..], b"00"].concat(), &[b'g'; 40], &bytes] {
            bodies.take(&Type::TEXT, malformed).unwrap();
        }
        bodies.take(&Type::BYTEA, text).unwrap();
        assert_eq!(bodies.rows, 10);
        let mut sorted = bodies.guids.sorted().unwrap();
        for _ in 0..3 {
            assert_eq!(sorted.next().unwrap(), Some(bytes));
        }
        assert_eq!(sorted.next().unwrap(), None);
    }
}

//! What a shard has of the mailboxes of its server: folders, records in them, bodies of messages.

use std::collections::HashSet;
use std::io;

use tokio_postgres::types::Type;

use super::messages::spilling;
use super::sorter::{Sorted, Sorter};
use crate::collect::reach::shard::{Cells, Shard, Snapshot};
use crate::format::cyrus_index::{Guid, SystemFlags};
use crate::model::Reason;
use crate::model::reason::Run;

/// Records, items and bodies that are held in memory: 20, 10 and 12 MB.
const BUDGET: usize = 600_000;

/// What is in another container than those of folders is none, and keeps its records' container all the same.
pub(super) const FOLDERS: &str = "
    SELECT f.uid, s.owner, s.domain_uid, r.name, (f.flags & 2) <> 0, rc.id, s.id IS NOT NULL
    FROM t_mailbox_replica r
    JOIN t_container_item f ON f.id = r.item_id
    LEFT JOIN t_container s ON s.id = f.container_id AND s.container_type = 'replicated_mailboxes'
    LEFT JOIN t_container rc ON rc.uid = 'mbox_records_' || f.uid AND rc.container_type = 'mailbox_records'";

/// The containers of records, in the columns of folders. Which of them no folder has is told here: PostgreSQL would sort
/// all items for it.
const OF_RECORDS: &str = "
    SELECT substr(rc.uid, 14), rc.owner, rc.domain_uid, NULL::text, false, rc.id, true
    FROM t_container rc
    WHERE rc.container_type = 'mailbox_records' AND rc.uid LIKE 'mbox\\_records\\_%'";

/// From 4.4 on a record says which container it is in.
pub(super) const RECORDS: &str = "SELECT container_id, imap_uid, message_body_guid, system_flags FROM t_mailbox_record";
/// Before, its item does. The two are joined here: PostgreSQL would do it by files on its own disk.
pub(super) const RECORDS_OF_ITEMS: &str =
    "SELECT item_id, imap_uid, message_body_guid, system_flags FROM t_mailbox_record";
pub(super) const ITEMS: &str = "SELECT id, container_id FROM t_container_item";

pub(super) const BODIES: &str = "SELECT guid FROM t_message_body";

/// Containers or messages that are asked for by one statement.
const AT_A_TIME: usize = 5_000;

/// A folder of the shard.
#[derive(Debug, Clone)]
pub(super) struct Replica {
    pub(super) unique_id: String,
    pub(super) mailbox_uid: String,
    pub(super) domain_uid: Option<String>,
    pub(super) path: String,
    pub(super) is_deleted: bool,
    /// The container of its records.
    pub(super) container: Option<i64>,
}

/// Bytes of a record: container or item, UID, whether it is live, seen and an old draft, GUID. In that order records are
/// sorted.
pub(super) const RECORD: usize = 33;

/// A record of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) uid: u32,
    pub(super) guid: Guid,
    pub(super) is_live: bool,
    pub(super) is_seen: bool,
    /// Marked as draft and as deleted: an earlier version of one.
    pub(super) is_old_draft: bool,
}

/// Bytes of an item: its number, that of its container.
const ITEM: usize = 16;

/// Everything that is compared of a shard.
pub(super) struct Held {
    pub(super) replicas: Vec<Replica>,
    /// Containers of records without a folder: they have no path.
    pub(super) orphans: Vec<Replica>,
    pub(super) records: Records,
    /// None where nobody asks for them.
    pub(super) bodies: Option<Bodies>,
    pub(super) has_full_names: bool,
}

/// Records with what they are sorted by: their container, or the item that tells it.
pub(super) struct Records {
    records: Sorter<RECORD>,
    /// Where each item is, if that is what tells it.
    items: Option<Sorted<ITEM>>,
}

/// The GUIDs of `t_message_body`.
pub(super) struct Bodies {
    pub(super) guids: Sorted<20>,
    /// Rows, those too whose GUID is none.
    pub(super) rows: u64,
}

impl Held {
    /// Reads it, records side by side with the rest: what is written in between is too young to be missed.
    pub(super) async fn read(shard: &Shard, with_bodies: bool) -> Result<Self, Reason> {
        let snapshot = shard.open().await?;
        let is_direct = snapshot.has_column("t_mailbox_record", "container_id").await?;
        // Begun after the records' snapshot: what a record needs is written before it, and is there by then.
        let other = shard.clone();
        let beside = tokio::spawn(async move { Beside::read(&other, with_bodies, !is_direct).await });
        let (replicas, others) = read_replicas(&snapshot, FOLDERS).await?;
        let (mut orphans, _) = read_replicas(&snapshot, OF_RECORDS).await?;
        let known: HashSet<&str> = replicas.iter().chain(&others).map(|replica| replica.unique_id.as_str()).collect();
        orphans.retain(|container| !known.contains(container.unique_id.as_str()));
        // From 4.6 on names of shared folders begin with that of their mailbox: the same release began conversations.
        let has_full_names = snapshot.has_column("t_mailbox_record", "conversation_id").await?;
        let records = read_records(&snapshot, if is_direct { RECORDS } else { RECORDS_OF_ITEMS }).await?;
        let beside = beside.await.unwrap_or_else(|error| Err(Run::Broken { error: error.to_string() }.into()))?;
        let records = Records { records, items: beside.items };
        Ok(Self { replicas, orphans, records, bodies: beside.bodies, has_full_names })
    }
}

/// What is read on a session of its own, and sorted while records still come.
struct Beside {
    items: Option<Sorted<ITEM>>,
    bodies: Option<Bodies>,
}

impl Beside {
    async fn read(shard: &Shard, with_bodies: bool, with_items: bool) -> Result<Self, Reason> {
        let (mut items, mut bodies) = (None, None);
        if with_bodies || with_items {
            let snapshot = shard.open().await?;
            if with_items {
                items = Some(read_items(&snapshot).await?.sorted().map_err(|error| spilling(&error))?);
            }
            if with_bodies {
                bodies = Some(Bodies::read(&snapshot).await?);
            }
        }
        Ok(Self { items, bodies })
    }
}

/// The folders of a query, and what is none.
async fn read_replicas(snapshot: &Snapshot, query: &str) -> Result<(Vec<Replica>, Vec<Replica>), Reason> {
    let (mut replicas, mut others) = (Vec::new(), Vec::new());
    let take = |cells: &Cells<'_>| {
        let (unique_id, mailbox_uid, path) = (cells.text(0)?, cells.text(1)?, cells.text(3)?);
        let list = if cells.flag(6)? { &mut replicas } else { &mut others };
        list.push(Replica {
            unique_id: unique_id.unwrap_or_default(),
            mailbox_uid: mailbox_uid.unwrap_or_default(),
            domain_uid: cells.text(2)?,
            path: path.unwrap_or_default(),
            is_deleted: cells.flag(4)?,
            container: cells.integer(5)?,
        });
        Ok(())
    };
    snapshot.rows(query, take).await?;
    Ok((replicas, others))
}

async fn read_records(snapshot: &Snapshot, query: &str) -> Result<Sorter<RECORD>, Reason> {
    let mut records = Sorter::new(BUDGET);
    let take = |cells: &Cells<'_>| match cells.integer(0)? {
        Some(place) => records.push(bytes(place, copied(cells)?)).map_err(|error| spilling(&error)),
        None => Ok(()),
    };
    snapshot.rows(query, take).await?;
    Ok(records)
}

impl Records {
    /// The records in the order of their containers and UIDs.
    pub(super) fn sorted(self) -> io::Result<Sorted<RECORD>> {
        let Some(mut items) = self.items else { return self.records.sorted() };
        let mut records = self.records.sorted()?;
        let mut placed = Sorter::new(BUDGET);
        let mut item = items.next()?.map(parse_item);
        while let Some((number, record)) = records.next()?.as_ref().map(parse) {
            while item.is_some_and(|(other, _)| other < number) {
                item = items.next()?.map(parse_item);
            }
            if let Some((_, container)) = item.filter(|(other, _)| *other == number) {
                placed.push(bytes(container, record))?;
            }
        }
        placed.sorted()
    }
}

/// The records of some containers as they are now, in the order of their containers and UIDs.
pub(super) async fn records_of(snapshot: &Snapshot, containers: &[i64]) -> Result<Sorter<RECORD>, Reason> {
    let mut records = Sorter::new(BUDGET);
    let place = snapshot.place_of_records().await?;
    for some in containers.chunks(AT_A_TIME) {
        let some = some.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let query = format!(
            "SELECT {place}, r.imap_uid, r.message_body_guid, r.system_flags
             FROM t_mailbox_record r JOIN t_container_item i ON i.id = r.item_id WHERE {place} IN ({some})"
        );
        let take = |cells: &Cells<'_>| match cells.integer(0)? {
            Some(place) => records.push(bytes(place, copied(cells)?)).map_err(|error| spilling(&error)),
            None => Ok(()),
        };
        snapshot.rows(&query, take).await?;
    }
    Ok(records)
}

/// A record of a message, wherever it is.
pub(super) struct OfMessage {
    pub(super) guid: Guid,
    pub(super) container: i64,
    pub(super) uid: u32,
    /// When it was made, in microseconds since 1970.
    pub(super) created: i64,
}

/// Every record of some messages.
pub(super) async fn records_with(snapshot: &Snapshot, guids: &[Guid]) -> Result<Vec<OfMessage>, Reason> {
    let mut found = Vec::new();
    let place = snapshot.place_of_records().await?;
    for some in guids.chunks(AT_A_TIME) {
        let some = some.iter().map(|guid| format!("'{guid}'")).collect::<Vec<_>>().join(", ");
        // In both forms that a GUID may have; a condition on the column itself can use its index.
        let query = format!(
            "SELECT {place}, r.imap_uid, r.message_body_guid, (extract(epoch FROM i.created) * 1000000)::bigint
             FROM t_mailbox_record r JOIN t_container_item i ON i.id = r.item_id
             WHERE r.message_body_guid IN (SELECT {} FROM unnest(ARRAY[{some}]) AS g)",
            if snapshot.has_text_guids().await? { "g" } else { "decode(g, 'hex')" }
        );
        let take = |cells: &Cells<'_>| {
            let Copied { uid, guid, .. } = copied(cells)?;
            let (container, created) = (cells.integer(0)?.unwrap_or(0), cells.integer(3)?.unwrap_or(0));
            found.push(OfMessage { guid, container, uid, created });
            Ok(())
        };
        snapshot.rows(&query, take).await?;
    }
    Ok(found)
}

impl Snapshot {
    /// What tells the container of a record `r` with its item `i`.
    async fn place_of_records(&self) -> Result<&'static str, Reason> {
        let is_direct = self.has_column("t_mailbox_record", "container_id").await?;
        Ok(if is_direct { "r.container_id" } else { "i.container_id" })
    }

    async fn has_text_guids(&self) -> Result<bool, Reason> {
        let mut is_text = false;
        let sql = "SELECT data_type FROM information_schema.columns
                   WHERE table_name = 't_mailbox_record' AND column_name = 'message_body_guid' AND table_schema = ANY (current_schemas(false))";
        self.rows(sql, |cells| {
            is_text = cells.text(0)?.is_some_and(|kind| kind != "bytea");
            Ok(())
        })
        .await?;
        Ok(is_text)
    }
}

fn copied(cells: &Cells<'_>) -> Result<Copied, Reason> {
    // What is no UID stands for no message of Cyrus either: it counts as 0, which Cyrus never gives.
    let uid = cells.integer(1)?.and_then(|uid| u32::try_from(uid).ok()).unwrap_or(0);
    let guid = cells.raw(2)?.and_then(|(kind, raw)| guid(kind, raw)).unwrap_or_default();
    let flags = cells.integer(3)?.and_then(|flags| i32::try_from(flags).ok()).unwrap_or(0);
    let flags = SystemFlags(flags.cast_unsigned());
    let is_old_draft = flags.is_draft() && flags.is_deleted();
    Ok(Copied { uid, guid: Guid(guid), is_live: !flags.is_expunged(), is_seen: flags.is_seen(), is_old_draft })
}

async fn read_items(snapshot: &Snapshot) -> Result<Sorter<ITEM>, Reason> {
    let mut items = Sorter::new(BUDGET);
    let take = |cells: &Cells<'_>| {
        let (Some(item), Some(container)) = (cells.integer(0)?, cells.integer(1)?) else { return Ok(()) };
        let mut bytes = [0; ITEM];
        bytes[..8].copy_from_slice(&item.to_be_bytes());
        bytes[8..].copy_from_slice(&container.to_be_bytes());
        items.push(bytes).map_err(|error| spilling(&error))
    };
    snapshot.rows(ITEMS, take).await?;
    Ok(items)
}

fn parse_item(bytes: [u8; ITEM]) -> (i64, i64) {
    let [a, b, c, d, e, f, g, h, container @ ..] = bytes;
    (i64::from_be_bytes([a, b, c, d, e, f, g, h]), i64::from_be_bytes(container))
}

impl Bodies {
    async fn read(snapshot: &Snapshot) -> Result<Self, Reason> {
        let (mut guids, mut rows) = (Sorter::new(BUDGET), 0);
        // What is no GUID is no message's: should it stand for one, that is missing.
        let take = |cells: &Cells<'_>| {
            rows += 1;
            let guid = cells.raw(0)?.and_then(|(kind, raw)| guid(kind, raw));
            guid.map_or(Ok(()), |guid| guids.push(guid)).map_err(|error: io::Error| spilling(&error))
        };
        snapshot.rows(BODIES, take).await?;
        Ok(Self { guids: guids.sorted().map_err(|error| spilling(&error))?, rows })
    }
}

/// A GUID is text in 4.0 and bytes from 4.1 on.
fn guid(kind: &Type, raw: &[u8]) -> Option<[u8; 20]> {
    if *kind == Type::BYTEA { raw.try_into().ok() } else { hexadecimal(raw) }
}

/// The value of each hexadecimal digit; of other bytes one that is none.
const DIGITS: [u8; 256] = {
    let mut digits = [0xff; 256];
    let mut value: u8 = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        digits[digit as usize] = value;
        digits[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    digits
};

fn hexadecimal(text: &[u8]) -> Option<[u8; 20]> {
    let text: &[u8; 40] = text.try_into().ok()?;
    let digit = |byte: u8| DIGITS[usize::from(byte)];
    let (mut guid, mut all) = ([0; 20], 0);
    for (byte, [high, low]) in guid.iter_mut().zip(text.as_chunks::<2>().0) {
        let (high, low) = (digit(*high), digit(*low));
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all < 16).then_some(guid)
}

/// A record as it is sorted.
pub(super) fn bytes(container: i64, record: Copied) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..8].copy_from_slice(&container.to_be_bytes());
    bytes[8..12].copy_from_slice(&record.uid.to_be_bytes());
    // Of two records of one UID the live one comes first.
    bytes[12] = u8::from(!record.is_live) << 2 | u8::from(record.is_seen) << 1 | u8::from(record.is_old_draft);
    bytes[13..].copy_from_slice(&record.guid.0);
    bytes
}

/// A record of the sorted ones, with its container.
pub(super) fn parse(bytes: &[u8; RECORD]) -> (i64, Copied) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, flags, guid @ ..] = *bytes;
    let uid = u32::from_be_bytes([i, j, k, l]);
    let [is_live, is_seen, is_old_draft] = [flags & 4 == 0, flags & 2 != 0, flags & 1 != 0];
    let copied = Copied { uid, guid: Guid(guid), is_live, is_seen, is_old_draft };
    (i64::from_be_bytes([a, b, c, d, e, f, g, h]), copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_text_or_bytes_and_anything_else_is_none() {
        let text = b"00ff0a1b2c3d4e5f60718293a4b5c6d7e8f90102";
        let bytes: [u8; 20] = hexadecimal(text).unwrap();
        assert_eq!(bytes[..4], [0, 0xff, 0x0a, 0x1b]);
        assert_eq!(guid(&Type::TEXT, text), Some(bytes));
        assert_eq!(guid(&Type::VARCHAR, &text.to_ascii_uppercase()), Some(bytes));
        assert_eq!(guid(&Type::BYTEA, &bytes), Some(bytes));
        for malformed in [&b""[..], b"00ff", &text[1..], &[&text[..], b"00"].concat(), &[b'g'; 40], &bytes] {
            assert_eq!(guid(&Type::TEXT, malformed), None, "{malformed:?}");
        }
        assert_eq!(guid(&Type::BYTEA, text), None);
    }

    #[test]
    fn a_record_is_sorted_by_container_and_uid_and_read_as_it_was() {
        let record =
            |uid, is_live| Copied { uid, guid: Guid([7; 20]), is_live, is_seen: !is_live, is_old_draft: is_live };
        let all = [(3, record(2, true)), (3, record(2, false)), (3, record(9, true)), (70_000, record(1, true))];
        let sorted: Vec<_> = all.iter().map(|(container, record)| bytes(*container, *record)).collect();
        assert!(sorted.is_sorted());
        assert_eq!(sorted.iter().map(parse).collect::<Vec<_>>(), all);
    }

    #[test]
    fn records_are_found_by_the_containers_of_their_items() {
        let record = |uid| Copied { uid, guid: Guid([7; 20]), is_live: true, is_seen: false, is_old_draft: false };
        let (mut records, mut items) = (Sorter::new(2), Sorter::new(2));
        for (item, uid) in [(900, 1), (5, 2), (70, 9), (6, 1), (71, 3)] {
            records.push(bytes(item, record(uid))).unwrap();
        }
        // One item of no record, one record of no item.
        for (item, container) in [(71_i64, 3_i64), (5, 4), (900, 3), (6, 4), (8, 9)] {
            let item = [item.to_be_bytes(), container.to_be_bytes()].concat();
            items.push(item.try_into().unwrap()).unwrap();
        }
        let mut sorted = Records { records, items: Some(items.sorted().unwrap()) }.sorted().unwrap();
        let sorted = std::iter::from_fn(|| sorted.next().unwrap()).map(|bytes| parse(&bytes));
        let due = [(3, 1), (3, 3), (4, 1), (4, 2)].map(|(container, uid)| (container, record(uid)));
        assert_eq!(sorted.collect::<Vec<_>>(), due);
    }
}

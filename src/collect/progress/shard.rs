//! What a shard has of the mailboxes of its server: folders, records in them, bodies of messages.

use std::io;

use tokio_postgres::types::Type;

use super::messages::spilling;
use super::sorter::Sorter;
use crate::collect::reach::shard::{Cells, Shard, Snapshot};
use crate::format::cyrus_index::{Guid, SystemFlags};
use crate::model::Reason;

/// Records, and bodies, that are held in memory: 33 and 20 MB.
const BUDGET: usize = 1_000_000;

const FOLDERS: &str = "
    SELECT f.uid, s.owner, s.domain_uid, r.name, (f.flags & 2) <> 0, rc.id
    FROM t_mailbox_replica r
    JOIN t_container_item f ON f.id = r.item_id
    JOIN t_container s ON s.id = f.container_id AND s.container_type = 'replicated_mailboxes'
    LEFT JOIN t_container rc ON rc.uid = 'mbox_records_' || f.uid AND rc.container_type = 'mailbox_records'";

/// From 4.4 on a record says which container it is in, before its item does.
const RECORDS: &str = "SELECT container_id, imap_uid, message_body_guid, system_flags FROM t_mailbox_record";
const RECORDS_BY_ITEM: &str = "
    SELECT i.container_id, m.imap_uid, m.message_body_guid, m.system_flags
    FROM t_mailbox_record m JOIN t_container_item i ON i.id = m.item_id";

const BODIES: &str = "SELECT guid FROM t_message_body";

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

/// Bytes of a record: container, UID, whether it is live and seen, GUID. In that order records are sorted.
pub(super) const RECORD: usize = 33;

/// A record of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) uid: u32,
    pub(super) guid: Guid,
    pub(super) is_live: bool,
    pub(super) is_seen: bool,
}

/// Everything that is compared of a shard, at one moment.
pub(super) struct Held {
    pub(super) replicas: Vec<Replica>,
    pub(super) records: Sorter<RECORD>,
    pub(super) bodies: Sorter<20>,
    /// Rows of `t_message_body`.
    pub(super) body_rows: u64,
}

impl Held {
    /// Reads it.
    pub(super) async fn read(shard: &Shard) -> Result<Self, Reason> {
        let snapshot = shard.open().await?;
        let (records, bodies) = (Sorter::new(BUDGET), Sorter::new(BUDGET));
        let mut held = Self { replicas: Vec::new(), records, bodies, body_rows: 0 };
        held.read_replicas(&snapshot).await?;
        let is_direct = snapshot.has_column("t_mailbox_record", "container_id").await?;
        let query = if is_direct { RECORDS } else { RECORDS_BY_ITEM };
        snapshot.rows(query, |cells| held.take_record(cells)).await?;
        snapshot.rows(BODIES, |cells| held.take_body(cells)).await?;
        Ok(held)
    }

    async fn read_replicas(&mut self, snapshot: &Snapshot) -> Result<(), Reason> {
        let take = |cells: &Cells<'_>| {
            let (unique_id, mailbox_uid, path) = (cells.text(0)?, cells.text(1)?, cells.text(3)?);
            self.replicas.push(Replica {
                unique_id: unique_id.unwrap_or_default(),
                mailbox_uid: mailbox_uid.unwrap_or_default(),
                domain_uid: cells.text(2)?,
                path: path.unwrap_or_default(),
                is_deleted: cells.flag(4)?,
                container: cells.integer(5)?,
            });
            Ok(())
        };
        snapshot.rows(FOLDERS, take).await
    }

    fn take_record(&mut self, cells: &Cells<'_>) -> Result<(), Reason> {
        let Some(container) = cells.integer(0)? else { return Ok(()) };
        // What is no UID stands for no message of Cyrus either: it counts as 0, which Cyrus never gives.
        let uid = cells.integer(1)?.and_then(|uid| u32::try_from(uid).ok()).unwrap_or(0);
        let guid = cells.raw(2)?.and_then(|(kind, raw)| guid(kind, raw)).unwrap_or_default();
        let flags =
            SystemFlags(cells.integer(3)?.and_then(|flags| i32::try_from(flags).ok()).unwrap_or(0).cast_unsigned());
        let copied = Copied { uid, guid: Guid(guid), is_live: !flags.is_expunged(), is_seen: flags.is_seen() };
        self.records.push(bytes(container, copied)).map_err(|error| spilling(&error))
    }

    /// What is no GUID is no message's: should it stand for one, that is missing.
    fn take_body(&mut self, cells: &Cells<'_>) -> Result<(), Reason> {
        self.body_rows += 1;
        let guid = cells.raw(0)?.and_then(|(kind, raw)| guid(kind, raw));
        guid.map_or(Ok(()), |guid| self.bodies.push(guid)).map_err(|error: io::Error| spilling(&error))
    }
}

/// A GUID is text in 4.0 and bytes from 4.1 on.
fn guid(kind: &Type, raw: &[u8]) -> Option<[u8; 20]> {
    if *kind == Type::BYTEA { raw.try_into().ok() } else { hexadecimal(raw) }
}

fn hexadecimal(text: &[u8]) -> Option<[u8; 20]> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

/// A record as it is sorted.
pub(super) fn bytes(container: i64, record: Copied) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..8].copy_from_slice(&container.to_be_bytes());
    bytes[8..12].copy_from_slice(&record.uid.to_be_bytes());
    // Of two records of one UID the live one comes first.
    bytes[12] = u8::from(!record.is_live) << 1 | u8::from(record.is_seen);
    bytes[13..].copy_from_slice(&record.guid.0);
    bytes
}

/// A record of the sorted ones, with its container.
pub(super) fn parse(bytes: &[u8; RECORD]) -> (i64, Copied) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, flags, guid @ ..] = *bytes;
    let uid = u32::from_be_bytes([i, j, k, l]);
    let copied = Copied { uid, guid: Guid(guid), is_live: flags & 2 == 0, is_seen: flags & 1 != 0 };
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
        let record = |uid, is_live| Copied { uid, guid: Guid([7; 20]), is_live, is_seen: !is_live };
        let all = [(3, record(2, true)), (3, record(2, false)), (3, record(9, true)), (70_000, record(1, true))];
        let sorted: Vec<_> = all.iter().map(|(container, record)| bytes(*container, *record)).collect();
        assert!(sorted.is_sorted());
        assert_eq!(sorted.iter().map(parse).collect::<Vec<_>>(), all);
    }
}

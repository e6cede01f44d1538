//! The records of mailboxes, one mailbox after the other, in a file without a name beyond a budget: any of them can be
//! read again.

use std::io::{Read as _, Result, Seek as _, SeekFrom, Write as _};

use tempfile::SpooledTempFile;

use crate::collect::reach::mailbox::Message;
use crate::format::cyrus_index::Guid;

/// Bytes of a record: UID, GUID, when it was written, whether it is live and seen.
pub(super) const RECORD: usize = 29;

/// Takes the records of mailboxes.
pub(super) struct Log {
    file: SpooledTempFile,
    end: u64,
}

/// Where the records of a mailbox are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    at: u64,
    records: usize,
}

impl Log {
    /// Holds at most `budget` bytes in memory.
    pub(super) fn new(budget: usize) -> Self {
        Self { file: SpooledTempFile::new(budget), end: 0 }
    }

    /// Adds the records of a mailbox.
    pub(super) fn add(&mut self, records: &[[u8; RECORD]]) -> Result<Place> {
        let place = Place { at: self.end, records: records.len() };
        let bytes = records.as_flattened();
        self.file.write_all(bytes)?;
        self.end += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(place)
    }

    /// The records of a mailbox. Nothing may be added after that.
    pub(super) fn read(&mut self, place: Place) -> Result<Vec<Message>> {
        let mut bytes = vec![0; place.records * RECORD];
        self.file.seek(SeekFrom::Start(place.at))?;
        self.file.read_exact(&mut bytes)?;
        let (records, _) = bytes.as_chunks();
        Ok(records.iter().map(parse).collect())
    }
}

/// A record as it is added.
pub(super) fn bytes(record: &Message) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..4].copy_from_slice(&record.uid.to_be_bytes());
    bytes[4..24].copy_from_slice(&record.guid.0);
    bytes[24..28].copy_from_slice(&record.written_at.to_be_bytes());
    bytes[28] = u8::from(record.is_live) | u8::from(record.is_seen) << 1;
    bytes
}

fn parse(bytes: &[u8; RECORD]) -> Message {
    let [a, b, c, d, guid @ .., e, f, g, h, flags] = *bytes;
    Message {
        uid: u32::from_be_bytes([a, b, c, d]),
        guid: Guid(guid),
        written_at: u32::from_be_bytes([e, f, g, h]),
        is_live: flags & 1 != 0,
        is_seen: flags & 2 != 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_record()(
            uid: u32, guid: [u8; 20], written_at: u32, is_live: bool, is_seen: bool,
        ) -> Message {
            Message { uid, guid: Guid(guid), written_at, is_live, is_seen }
        }
    }

    proptest! {
        #[test]
        fn any_mailbox_is_read_again_as_it_was_added(
            mailboxes in prop::collection::vec(prop::collection::vec(any_record(), 0..9), 0..9),
            budget in 0_usize..500,
        ) {
            let mut log = Log::new(budget);
            let mut add = |records: &Vec<Message>| log.add(&records.iter().map(bytes).collect::<Vec<_>>()).unwrap();
            let places: Vec<Place> = mailboxes.iter().map(&mut add).collect();
            for (place, records) in places.iter().zip(&mailboxes).rev() {
                prop_assert_eq!(&log.read(*place).unwrap(), records);
            }
        }
    }
}

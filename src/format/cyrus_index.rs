//! `cyrus.index` of a mailbox: a header and a record of the same size for each message (format: `imap/mailbox.h` of
//! Cyrus IMAP), minor versions 10 (Cyrus 2.3) and 12 (2.4) to 17 (3.6). BlueMind 4 has 13, and reads 10 and 12.
//!
//! Records are only appended; a message that goes keeps its record, flagged, until the file is rewritten. What follows
//! the records that the header counts is an append under way. The header must not have changed while the records were
//! read: compare its bytes with the file's once more.

mod tally;

use std::io::Read;

use super::bytes::{array, be32, be64};
pub use tally::Tally;

/// Bytes of the longest header: as many are enough for [`Header::parse`].
pub const LONGEST_HEADER: usize = 160;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// Why the file could not be read. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// As a file that was just created.
    #[error("offset 0: the file is empty")]
    Empty,
    /// Less than a header.
    #[error("offset {len}: the header ends here, of {due} bytes")]
    Short {
        /// Bytes there are.
        len: usize,
        /// Bytes there should be.
        due: usize,
    },
    /// A version of before Cyrus 2.3, whose records are of another kind.
    #[error("offset 8: minor version {minor}, too old: read are 10 and 12 to 17")]
    TooOld {
        /// The minor version.
        minor: u32,
    },
    /// A version of after Cyrus 3.6.
    #[error("offset 8: minor version {minor}, too new: read are 10 and 12 to 17")]
    TooNew {
        /// The minor version.
        minor: u32,
    },
    /// No version that there ever was, or no `cyrus.index`.
    #[error("offset 8: minor version {minor}, read are 10 and 12 to 17")]
    Version {
        /// The minor version.
        minor: u32,
    },
    /// Sizes that the version does not have.
    #[error("offset 12: header of {start} and records of {record} bytes, not those of minor version {minor}")]
    Sizes {
        /// Bytes of the header, as it says.
        start: u32,
        /// Bytes of a record, as the header says.
        record: u32,
        /// The minor version.
        minor: u32,
    },
    /// The file ends inside the records that its header counts.
    #[error("offset {offset}: the file ends in record {number} of {records}")]
    Truncated {
        /// Where that record starts.
        offset: u64,
        /// Its number, from 1.
        number: u64,
        /// How many there should be.
        records: u32,
    },
    /// The file could not be read on.
    #[error("offset {offset}: {kind}")]
    Io {
        /// How far it was read.
        offset: u64,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
}

/// Whether bytes are those that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crc {
    /// They are.
    Right,
    /// They are not, or were read while they were written.
    Wrong {
        /// As in the file.
        stored: u32,
        /// As it should be.
        computed: u32,
    },
}

impl Crc {
    /// Whether they are.
    pub fn is_right(self) -> bool {
        self == Self::Right
    }

    /// Of the bytes up to a stored CRC.
    fn of(bytes: &[u8], at: usize) -> Option<Self> {
        let (stored, computed) = (be32(bytes, at)?, crc32fast::hash(bytes.get(..at)?));
        Some(if stored == computed { Self::Right } else { Self::Wrong { stored, computed } })
    }
}

/// The SHA-1 of a message file, by which BlueMind too knows a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 20]);

impl Guid {
    /// Whether none was ever computed.
    pub fn is_unknown(self) -> bool {
        self.0 == [0; 20]
    }
}

impl std::fmt::Display for Guid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        let mut text = [0; 40];
        for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl std::fmt::Debug for Guid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Sizes and places of a minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    header: usize,
    record: usize,
    has_sums: bool,
}

/// The first minor version with checksums, and with flags that say what was expunged and read.
const WITH_SUMS: u32 = 12;

impl IndexError {
    fn of_version(minor: u32) -> Self {
        match minor {
            1..=9 => Self::TooOld { minor },
            18..=30 => Self::TooNew { minor },
            _ => Self::Version { minor },
        }
    }
}

impl Layout {
    fn of(minor: u32) -> Option<Self> {
        let (header, record) = match minor {
            10 => (96, 88),
            12 => (128, 96),
            13 => (128, 104),
            14 | 15 => (160, 104),
            16 | 17 => (160, 112),
            _ => return None,
        };
        Some(Self { header, record, has_sums: minor >= WITH_SUMS })
    }

    /// Whether bytes that end with their checksum are right; without checksums nothing says that they are not.
    fn crc(self, bytes: &[u8], len: usize) -> Option<Crc> {
        if self.has_sums { Crc::of(bytes, len - 4) } else { Some(Crc::Right) }
    }
}

/// Differs between two looks at a file if what it says of messages does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    generation: u32,
    records: u32,
    highest_modseq: u64,
    /// CRC of the header, as in the file.
    sum: u32,
}

/// The header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How often the file was rewritten as a whole.
    pub generation: u32,
    /// Minor version, 10 to 17.
    pub minor: u32,
    /// Records, of whatever state.
    pub records: u32,
    /// When a message last came in, in seconds since 1970; 0 when none did.
    pub last_append: u32,
    /// Highest UID ever given.
    pub last_uid: u32,
    /// Bytes that count for the quota.
    pub quota_used: u64,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// Records with `\Deleted`.
    pub deleted: u32,
    /// Modification sequence of the mailbox.
    pub highest_modseq: u64,
    /// Records that are not expunged.
    pub exists: u32,
    /// When records of expunged messages were last taken out, in seconds since 1970; 0 when none were.
    pub last_repack: u32,
    /// CRC of the mailbox's `cyrus.header`.
    pub header_file_crc: u32,
    /// Whether the mailbox is deleted and its files are about to go.
    pub is_mailbox_deleted: bool,
    /// Whether the header is what was written.
    pub crc: Crc,
    /// The CRC in the file.
    sum: u32,
    layout: Layout,
}

impl Header {
    /// Reads the start of a file, [`LONGEST_HEADER`] bytes or more if there are as many.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        if bytes.is_empty() {
            return Err(IndexError::Empty);
        }
        let short = |due| IndexError::Short { len: bytes.len(), due };
        let minor = be32(bytes, 8).ok_or(short(128))?;
        let layout = Layout::of(minor).ok_or(IndexError::of_version(minor))?;
        let bytes = bytes.get(..layout.header).ok_or(short(layout.header))?;
        let word = |at| be32(bytes, at).ok_or(short(layout.header));
        let long = |at| be64(bytes, at).ok_or(short(layout.header));
        let (start, record) = (word(12)?, word(16)?);
        if usize::try_from(start) != Ok(layout.header) || usize::try_from(record) != Ok(layout.record) {
            return Err(IndexError::Sizes { start, record, minor });
        }
        let has_sums = minor >= WITH_SUMS;
        // Up to 10, what was expunged was taken out, and what stands there now was spare.
        let later = |at| if has_sums { word(at) } else { Ok(0) };
        Ok(Self {
            generation: word(0)?,
            minor,
            records: word(20)?,
            last_append: word(24)?,
            last_uid: word(28)?,
            quota_used: long(32)?,
            uid_validity: word(44)?,
            deleted: word(48)?,
            highest_modseq: long(68)?,
            exists: if has_sums { word(84)? } else { word(20)? },
            last_repack: later(92)?,
            header_file_crc: later(96)?,
            is_mailbox_deleted: later(60)? >> 31 == 1,
            crc: layout.crc(bytes, layout.header).ok_or(short(layout.header))?,
            sum: later(layout.header - 4)?,
            layout,
        })
    }

    /// What tells whether another look sees the same: Cyrus writes the header anew with every change. None where it cannot
    /// tell: without sums, flags may change by themselves.
    pub fn stamp(&self) -> Option<Stamp> {
        let Self { generation, records, highest_modseq, sum, .. } = *self;
        let is_telling = self.layout.has_sums && self.crc.is_right();
        is_telling.then_some(Stamp { generation, records, highest_modseq, sum })
    }

    /// Where the records start, in bytes: the length of the header.
    pub fn start(&self) -> usize {
        self.layout.header
    }

    /// Whether its records say which messages their owner has read.
    pub fn tells_seen(&self) -> bool {
        self.layout.has_sums
    }

    /// Bytes of a record.
    pub fn record_len(&self) -> usize {
        self.layout.record
    }
}

/// Flags that the system keeps of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemFlags(pub u32);

impl SystemFlags {
    /// `\Seen` for the owner; of a shared mailbox only where it is configured so.
    pub fn is_seen(self) -> bool {
        self.has(4)
    }

    /// `\Deleted`: marked by a client, still there for all.
    pub fn is_deleted(self) -> bool {
        self.has(2)
    }

    /// `\Draft`.
    pub fn is_draft(self) -> bool {
        self.has(3)
    }

    /// The file may lie in the archive and among the messages: one of them is about to go.
    pub fn needs_cleanup(self) -> bool {
        self.has(28)
    }

    /// The file lies in the archive partition, where there is one.
    pub fn is_archived(self) -> bool {
        self.has(29)
    }

    /// The file is removed or about to be.
    pub fn is_unlinked(self) -> bool {
        self.has(30)
    }

    /// Gone for clients.
    pub fn is_expunged(self) -> bool {
        self.has(31)
    }

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }
}

/// The record of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// UID.
    pub uid: u32,
    /// When it arrived, in seconds since 1970.
    pub internal_date: u32,
    /// Bytes of its file.
    pub size: u32,
    /// When the record was changed, in seconds since 1970.
    pub last_updated: u32,
    /// Its state.
    pub flags: SystemFlags,
    /// SHA-1 of its file.
    pub guid: Guid,
    /// Modification sequence.
    pub modseq: u64,
    /// Whether the record is what was written. Cyrus refuses the whole mailbox for one that is not.
    pub crc: Crc,
}

impl Record {
    /// Reads a record, [`Header::record_len`] bytes. None when there are fewer.
    pub fn parse(header: &Header, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..header.layout.record)?;
        Some(Self {
            uid: be32(bytes, 0)?,
            internal_date: be32(bytes, 4)?,
            size: be32(bytes, 12)?,
            last_updated: be32(bytes, 28)?,
            flags: SystemFlags(be32(bytes, 32)?),
            guid: Guid(array(bytes, 60)?),
            modseq: be64(bytes, 80)?,
            crc: header.layout.crc(bytes, header.layout.record)?,
        })
    }
}

/// The records of a file, read as they are asked for.
#[derive(Debug)]
pub struct Records<R> {
    header: Header,
    reader: R,
    chunk: Vec<u8>,
    /// How far the chunk is used.
    at: usize,
    given: u32,
    is_over: bool,
}

impl<R: Read> Records<R> {
    /// Reads the header. The reader needs no buffer of its own.
    pub fn open(mut reader: R) -> Result<Self, IndexError> {
        let mut start = Vec::new();
        fill(&mut reader, &mut start, 12, 0)?;
        // The version tells how long the header is.
        let layout = be32(&start, 8).and_then(Layout::of);
        if let Some(layout) = layout {
            fill(&mut reader, &mut start, layout.header, 0)?;
        }
        let header = Header::parse(&start)?;
        Ok(Self { header, reader, chunk: Vec::new(), at: 0, given: 0, is_over: false })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn step(&mut self) -> Result<Option<Record>, IndexError> {
        if self.given == self.header.records {
            return Ok(None);
        }
        let len = self.header.layout.record;
        let start = u64::try_from(self.header.start()).unwrap_or(0);
        let offset = start + u64::from(self.given) * u64::try_from(len).unwrap_or(0);
        if self.at == self.chunk.len() {
            let left = usize::try_from(self.header.records - self.given).unwrap_or(usize::MAX);
            self.chunk.clear();
            self.at = 0;
            fill(&mut self.reader, &mut self.chunk, left.min(CHUNK / len) * len, offset)?;
        }
        let (number, records) = (u64::from(self.given) + 1, self.header.records);
        let record = Record::parse(&self.header, &self.chunk[self.at..]);
        self.at += len;
        self.given += 1;
        record.map(Some).ok_or(IndexError::Truncated { offset, number, records })
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.step().transpose();
        self.is_over = !matches!(step, Some(Ok(_)));
        step
    }
}

/// Reads until the buffer has `len` bytes or the file ends.
fn fill(reader: &mut impl Read, buffer: &mut Vec<u8>, len: usize, offset: u64) -> Result<(), IndexError> {
    let due = u64::try_from(len.saturating_sub(buffer.len())).unwrap_or(0);
    reader
        .by_ref()
        .take(due)
        .read_to_end(buffer)
        .map(drop)
        .map_err(|error| IndexError::Io { offset, kind: error.kind() })
}

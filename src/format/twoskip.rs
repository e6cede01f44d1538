//! Cyrus's twoskip data bases, such as `mailboxes.db` of Cyrus 3 (format: `lib/cyrusdb_twoskip.c` of Cyrus IMAP).
//!
//! A writer appends, then rewrites the header; what the header calls the current size is the end of the last committed
//! transaction. Reading up to there gives the last committed state, of a file that is being written and of one whose
//! writer died alike. The image in memory must have a header that did not change while it was read: compare its first
//! [`HEADER_LEN`] bytes with the file's once more after reading.

use super::bytes::{array, be32, be64, padded};

/// Bytes of the header.
pub const HEADER_LEN: usize = 64;

/// The first bytes of every file.
pub const MAGIC: &[u8; 20] = b"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0";

const DUMMY: u8 = b'=';
const RECORD: u8 = b'+';
const DELETE: u8 = b'-';
/// The dummy's 32 pointers, its lengths and its CRCs.
const DUMMY_LEN: usize = 272;
const SHORTEST_RECORD: usize = 24;
const HIGHEST_LEVEL: u8 = 31;

/// Why the file could not be read. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwoskipError {
    /// Less than a header.
    #[error("{len} bytes, less than a header of {HEADER_LEN}")]
    Short {
        /// Length of the file.
        len: usize,
    },
    /// Another kind of file.
    #[error("offset 0: not the magic of a twoskip file")]
    Magic,
    /// A version that nobody described.
    #[error("offset 20: version {version}, known is 1")]
    Version {
        /// The version.
        version: u32,
    },
    /// The header was damaged, or read while it was written.
    #[error("offset 60: CRC of the header is {stored:08x}, computed {computed:08x}")]
    HeaderCrc {
        /// As in the file.
        stored: u32,
        /// As it should be.
        computed: u32,
    },
    /// The header names an end that the file does not have.
    #[error("offset 48: current size {size}, the file has {len} bytes")]
    Size {
        /// The end of the last transaction, as the header says.
        size: u64,
        /// Length of the file.
        len: usize,
    },
    /// The first record is not the head of the list.
    #[error("offset 64: not the head of the list but a record of type {found:#04x}")]
    Head {
        /// Its type.
        found: u8,
    },
    /// A pointer that leads to no record.
    #[error("offset {offset:#x}: points to {target:#x}, where no record can be")]
    Pointer {
        /// The record that has the pointer.
        offset: usize,
        /// What it points to.
        target: u64,
    },
    /// A record of a type that cannot be where it is.
    #[error("offset {offset:#x}: record of type {found:#04x} in the list")]
    Type {
        /// The record.
        offset: usize,
        /// Its type.
        found: u8,
    },
    /// A record with an impossible level.
    #[error("offset {offset:#x}: level {level} of a record of type {found:#04x}")]
    Level {
        /// The record.
        offset: usize,
        /// Its level.
        level: u8,
        /// Its type.
        found: u8,
    },
    /// A record that does not end before the end of the last transaction.
    #[error("offset {offset:#x}: the record runs past the end of the last transaction")]
    Length {
        /// The record.
        offset: usize,
    },
    /// The head of a record was damaged, or read while it was written.
    #[error("offset {offset:#x}: wrong CRC of the record's head")]
    HeadCrc {
        /// The record.
        offset: usize,
    },
    /// Key or value of a record was damaged.
    #[error("offset {offset:#x}: wrong CRC of the record's key and value")]
    TailCrc {
        /// The record.
        offset: usize,
    },
    /// The list leads through more bytes than there are.
    #[error("offset {offset:#x}: the list runs in a circle or through overlapping records")]
    Circle {
        /// The record where that became certain.
        offset: usize,
    },
    /// The list ended too early or too late.
    #[error("offset 32: the header counts {counted} records, the list has {found}")]
    Count {
        /// As the header says.
        counted: u64,
        /// As found.
        found: u64,
    },
}

/// The header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How often the file was rewritten as a whole.
    pub generation: u64,
    /// Live keys. While [`Header::is_dirty`], perhaps already those of the transaction under way.
    pub records: u64,
    /// Bytes right after the last rewriting.
    pub repack_size: u64,
    /// End of the last committed transaction, in bytes.
    pub current_size: u64,
    /// Whether a transaction is open, or was left open by a writer that died.
    pub is_dirty: bool,
}

impl Header {
    /// Reads the first [`HEADER_LEN`] bytes of a file; more may follow.
    pub fn parse(bytes: &[u8]) -> Result<Self, TwoskipError> {
        let short = TwoskipError::Short { len: bytes.len() };
        let header: [u8; HEADER_LEN] = array(bytes, 0).ok_or(short.clone())?;
        if !header.starts_with(MAGIC) {
            return Err(TwoskipError::Magic);
        }
        let word = |at| be32(&header, at).ok_or(short.clone());
        let long = |at| be64(&header, at).ok_or(short.clone());
        let (stored, computed) = (word(60)?, crc32fast::hash(&header[..60]));
        if stored != computed {
            return Err(TwoskipError::HeaderCrc { stored, computed });
        }
        match word(20)? {
            1 => {}
            version => return Err(TwoskipError::Version { version }),
        }
        Ok(Self {
            generation: long(24)?,
            records: long(32)?,
            repack_size: long(40)?,
            current_size: long(48)?,
            is_dirty: word(56)? & 1 == 1,
        })
    }
}

/// A whole file in memory.
#[derive(Debug, Clone, Copy)]
pub struct Twoskip<'a> {
    header: Header,
    /// Up to the end of the last committed transaction.
    committed: &'a [u8],
    len: usize,
}

impl<'a> Twoskip<'a> {
    /// Reads the header and the head of the list.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TwoskipError> {
        let header = Header::parse(bytes)?;
        let size = TwoskipError::Size { size: header.current_size, len: bytes.len() };
        let end = usize::try_from(header.current_size).map_err(|_| size.clone())?;
        let committed = bytes.get(..end).filter(|bytes| bytes.len() >= HEADER_LEN + DUMMY_LEN).ok_or(size)?;
        let file = Self { header, committed, len: bytes.len() };
        let head = file.record(HEADER_LEN)?;
        if head.kind != DUMMY || head.next.is_empty() {
            return Err(TwoskipError::Head { found: head.kind });
        }
        Ok(file)
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Whether no transaction is open and nothing follows the last one. Otherwise the entries are those of the last
    /// committed transaction.
    pub fn is_settled(&self) -> bool {
        !self.header.is_dirty && self.committed.len() == self.len
    }

    /// The live entries, in the order of the file. An error ends them, and makes those before it worthless.
    pub fn entries(&self) -> Entries<'a> {
        Entries { file: *self, at: HEADER_LEN, next: None, passed: 0, found: 0, is_over: false }
    }

    fn record(&self, offset: usize) -> Result<Record<'a>, TwoskipError> {
        let beyond = || TwoskipError::Length { offset };
        let bytes = self.committed.get(offset..).ok_or_else(beyond)?;
        let [kind, level, short @ ..]: [u8; 8] = array(bytes, 0).ok_or_else(beyond)?;
        let is_level_right = match kind {
            DUMMY | RECORD => (1..=HIGHEST_LEVEL).contains(&level),
            DELETE => level == 0,
            _ => return Err(TwoskipError::Type { offset, found: kind }),
        };
        if !is_level_right {
            return Err(TwoskipError::Level { offset, level, found: kind });
        }
        let lengths = Lengths::parse(bytes, short).ok_or_else(beyond)?;
        let crcs = lengths.head + 8 * (usize::from(level) + 1);
        let (Some(head_crc), Some(tail_crc)) = (be32(bytes, crcs), be32(bytes, crcs + 4)) else {
            return Err(beyond());
        };
        let next = &bytes[lengths.head..crcs];
        let tail = &bytes[crcs + 8..];
        let tail = lengths.padded().and_then(|len| tail.get(..len)).ok_or_else(beyond)?;
        if crc32fast::hash(&bytes[..crcs]) != head_crc {
            return Err(TwoskipError::HeadCrc { offset });
        }
        if crc32fast::hash(tail) != tail_crc {
            return Err(TwoskipError::TailCrc { offset });
        }
        let (key, rest) = tail.split_at(lengths.key);
        Ok(Record { kind, next, key, value: &rest[..lengths.value], len: crcs + 8 + tail.len() })
    }
}

/// Lengths that the start of a record gives.
struct Lengths {
    /// Up to the pointers.
    head: usize,
    key: usize,
    value: usize,
}

impl Lengths {
    fn parse(record: &[u8], short: [u8; 6]) -> Option<Self> {
        let [k0, k1, value @ ..] = short;
        let (mut head, key, value) = (8, u16::from_be_bytes([k0, k1]), u32::from_be_bytes(value));
        let mut wide = |is_wide, narrow| match is_wide {
            true => {
                head += 8;
                be64(record, head - 8)
            }
            false => Some(narrow),
        };
        let key = wide(key == u16::MAX, u64::from(key))?;
        let value = wide(value == u32::MAX, u64::from(value))?;
        Some(Self { head, key: usize::try_from(key).ok()?, value: usize::try_from(value).ok()? })
    }

    fn padded(&self) -> Option<usize> {
        padded(self.key.checked_add(self.value)?, 8)
    }
}

struct Record<'a> {
    kind: u8,
    /// Pointers, 8 bytes each.
    next: &'a [u8],
    key: &'a [u8],
    value: &'a [u8],
    /// All of it, in bytes.
    len: usize,
}

impl Record<'_> {
    /// Where the list goes on, 0 at its end.
    ///
    /// The first two pointers are both of the lowest level. The writer overwrites the one that lies beyond the last
    /// transaction, else the smaller: one of them always tells of the last committed state.
    fn next(&self, end: usize) -> u64 {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        let Some(first) = be64(self.next, 0) else { return 0 };
        match be64(self.next, 8).filter(|_| self.kind != DELETE) {
            None => first,
            Some(second) => [first, second].into_iter().filter(|next| *next < end).max().unwrap_or(0),
        }
    }
}

/// Key and value of an entry.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

/// The live entries of a file.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    file: Twoskip<'a>,
    at: usize,
    next: Option<u64>,
    /// Bytes of the records met so far: a list without circle or overlap passes at most the file.
    passed: usize,
    found: u64,
    is_over: bool,
}

impl<'a> Entries<'a> {
    fn step(&mut self) -> Result<Option<Entry<'a>>, TwoskipError> {
        let end = self.file.committed.len();
        let mut target = match self.next {
            Some(next) => next,
            None => self.file.record(HEADER_LEN)?.next(end),
        };
        while target != 0 {
            let record = self.reach(target)?;
            target = record.next(end);
            match record.kind {
                RECORD => {
                    self.next = Some(target);
                    self.found += 1;
                    return Ok(Some((record.key, record.value)));
                }
                DELETE => {}
                found => return Err(TwoskipError::Type { offset: self.at, found }),
            }
        }
        match self.file.header {
            Header { is_dirty: false, records, .. } if records != self.found => {
                Err(TwoskipError::Count { counted: records, found: self.found })
            }
            _ => Ok(None),
        }
    }

    fn reach(&mut self, target: u64) -> Result<Record<'a>, TwoskipError> {
        let end = self.file.committed.len();
        let offset = usize::try_from(target)
            .ok()
            .filter(|at| at % 8 == 0 && *at >= HEADER_LEN + DUMMY_LEN && *at <= end - SHORTEST_RECORD)
            .ok_or(TwoskipError::Pointer { offset: self.at, target })?;
        if self.passed >= end {
            return Err(TwoskipError::Circle { offset });
        }
        let record = self.file.record(offset)?;
        self.passed += record.len;
        if self.passed > end {
            return Err(TwoskipError::Circle { offset });
        }
        self.at = offset;
        Ok(record)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, TwoskipError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.step().transpose();
        self.is_over = !matches!(step, Some(Ok(_)));
        step
    }
}

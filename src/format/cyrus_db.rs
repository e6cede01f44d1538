//! Cyrus's data bases of whatever kind: recognised by their first bytes, read as keys and values.

use std::borrow::Cow;

use super::{flat, skiplist, twoskip};

/// The kinds of data base that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Cyrus 3.
    Twoskip,
    /// Cyrus 2.4 and older.
    Skiplist,
    /// Text, as `cvt_cyrusdb` dumps it.
    Flat,
}

/// Why the file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CyrusDbError {
    /// A file that its writer just created.
    #[error("offset 0: the file is empty")]
    Empty,
    /// A kind of file that is no data base, or one that cannot be read.
    #[error("offset 0: {0}, not a data base that can be read")]
    Other(&'static str),
    /// A damaged twoskip file, or one read while it was written.
    #[error("twoskip: {0}")]
    Twoskip(#[from] twoskip::TwoskipError),
    /// A damaged skiplist file.
    #[error("skiplist: {0}")]
    Skiplist(#[from] skiplist::SkiplistError),
    /// A damaged flat file.
    #[error("flat: {0}")]
    Flat(#[from] flat::FlatError),
}

/// Key and value of an entry.
pub type Entry<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// A data base in memory.
#[derive(Debug, Clone)]
pub enum CyrusDb<'a> {
    /// Cyrus 3.
    Twoskip(twoskip::Twoskip<'a>),
    /// Cyrus 2.4 and older.
    Skiplist(skiplist::Skiplist<'a>),
    /// Text.
    Flat(&'a [u8]),
}

/// Cyrus compares as many bytes of a magic.
const MAGIC_LEN: usize = 16;

/// The first bytes of a file that tell what it is.
pub const HEAD_LEN: usize = 4096;

impl Kind {
    /// Recognises a file by its first [`HEAD_LEN`] bytes, or all when it has fewer.
    pub fn of(head: &[u8]) -> Result<Self, CyrusDbError> {
        let head = head.get(..HEAD_LEN).unwrap_or(head);
        match head {
            [] => Err(CyrusDbError::Empty),
            _ if head.starts_with(&twoskip::MAGIC[..MAGIC_LEN]) => Ok(Self::Twoskip),
            _ if head.starts_with(&skiplist::MAGIC[..MAGIC_LEN]) => Ok(Self::Skiplist),
            [0xa1, 0x02, 0x8b, 0x0d, ..] => Err(CyrusDbError::Other("another file of Cyrus")),
            _ if head.starts_with(b"SQLite format 3\0") => Err(CyrusDbError::Other("SQLite")),
            _ if head.get(16..20) == Some(b"\xde\xc0\xef\xbe") => Err(CyrusDbError::Other("LMDB")),
            // In a flat file a zero byte is escaped.
            _ if head.iter().all(|byte| *byte == 0) => Err(CyrusDbError::Other("zeros")),
            _ if head.contains(&0) => Err(CyrusDbError::Other("no text")),
            _ => Ok(Self::Flat),
        }
    }
}

impl<'a> CyrusDb<'a> {
    /// Recognises and opens the content of a whole file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CyrusDbError> {
        Ok(match Kind::of(bytes)? {
            Kind::Twoskip => Self::Twoskip(twoskip::Twoskip::parse(bytes)?),
            Kind::Skiplist => Self::Skiplist(skiplist::Skiplist::parse(bytes)?),
            Kind::Flat => Self::Flat(bytes),
        })
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Twoskip(_) => Kind::Twoskip,
            Self::Skiplist(_) => Kind::Skiplist,
            Self::Flat(_) => Kind::Flat,
        }
    }

    /// Whether no transaction is open, or was left open by a writer that died. Otherwise the entries are those of the
    /// last committed transaction.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Twoskip(file) => file.is_settled(),
            Self::Skiplist(file) => file.is_settled(),
            Self::Flat(_) => true,
        }
    }

    /// How many of the first bytes must be the same in the file after it was read as before: a writer changes them last.
    pub fn header_len(&self) -> usize {
        match self {
            Self::Twoskip(_) => twoskip::HEADER_LEN,
            Self::Skiplist(_) => skiplist::HEADER_LEN,
            Self::Flat(_) => 0,
        }
    }

    /// The live entries, in the order of the file. After an error of a twoskip file the entries before it are worthless.
    pub fn entries(&self) -> Box<dyn Iterator<Item = Result<Entry<'a>, CyrusDbError>> + '_> {
        match self {
            Self::Twoskip(file) => Box::new(file.entries().map(|entry| Ok(borrowed(entry?)))),
            Self::Skiplist(file) => Box::new(file.entries().map(|entry| Ok(borrowed(entry)))),
            Self::Flat(bytes) => Box::new(flat::entries(bytes).map(|entry| Ok(entry?))),
        }
    }
}

fn borrowed<'a>((key, value): (&'a [u8], &'a [u8])) -> Entry<'a> {
    (Cow::Borrowed(key), Cow::Borrowed(value))
}

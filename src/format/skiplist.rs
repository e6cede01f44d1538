//! Cyrus's skiplist data bases, written by Cyrus 2.4 and older (format: `lib/cyrusdb_skiplist.c` of Cyrus IMAP).
//!
//! A sorted part, then a log of additions and deletions, each transaction closed by a commit. Nothing has a CRC. The
//! reader replays the log, as Cyrus's own recovery does: what follows the last commit does not count.

use std::collections::{BTreeMap, HashMap};

use super::bytes::{be32, padded};

/// Bytes of the header.
pub const HEADER_LEN: usize = 48;

/// The first bytes of every file.
pub const MAGIC: &[u8; 20] = b"\xa1\x02\x8b\x0dskiplist file\0\0\0";

const INORDER: u32 = 1;
const ADD: u32 = 2;
const DELETE: u32 = 4;
const COMMIT: u32 = 255;
const DUMMY: u32 = 257;
/// What closes the pointers of a node.
const NO_MORE_POINTERS: u32 = u32::MAX;
const MOST_POINTERS: usize = 20;

/// Why the file could not be read. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkiplistError {
    /// Less than a header.
    #[error("{len} bytes, less than a header of {HEADER_LEN}")]
    Short {
        /// Length of the file.
        len: usize,
    },
    /// Another kind of file.
    #[error("offset 0: not the magic of a skiplist file")]
    Magic,
    /// A version that nobody described.
    #[error("offset 20: version {version}, known is 1")]
    Version {
        /// The version.
        version: u32,
    },
    /// The log starts outside the file.
    #[error("offset 40: the log starts at {start:#x}, the file has {len} bytes")]
    LogStart {
        /// Where the header says it starts.
        start: u32,
        /// Length of the file.
        len: usize,
    },
    /// The first node is not the head of the list.
    #[error("offset 48: not the head of the list")]
    Head,
    /// Something that is no entry, or one of the wrong part of the file.
    #[error("offset {offset:#x}: entry of type {found}")]
    Type {
        /// The entry.
        offset: usize,
        /// Its type.
        found: u32,
    },
    /// An entry of the sorted part does not end before the log.
    #[error("offset {offset:#x}: the entry runs past the end of its part of the file")]
    Length {
        /// The entry.
        offset: usize,
    },
    /// A node with more pointers than a list has levels.
    #[error("offset {offset:#x}: more than {MOST_POINTERS} pointers")]
    Pointers {
        /// The node.
        offset: usize,
    },
    /// A deletion of something that is no live node.
    #[error("offset {offset:#x}: deletes {target:#x}, where no live node is")]
    Deleted {
        /// The deletion.
        offset: usize,
        /// What it deletes.
        target: u32,
    },
}

/// The last committed state of a file.
#[derive(Debug, Clone)]
pub struct Skiplist<'a> {
    entries: BTreeMap<&'a [u8], &'a [u8]>,
    is_settled: bool,
}

impl<'a> Skiplist<'a> {
    /// Reads a whole file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SkiplistError> {
        if bytes.len() < HEADER_LEN {
            return Err(SkiplistError::Short { len: bytes.len() });
        }
        if !bytes.starts_with(MAGIC) {
            return Err(SkiplistError::Magic);
        }
        match be32(bytes, 20) {
            Some(1) => {}
            version => return Err(SkiplistError::Version { version: version.unwrap_or(0) }),
        }
        let start = be32(bytes, 40).unwrap_or(0);
        let (sorted, log) = usize::try_from(start)
            .ok()
            .filter(|at| (HEADER_LEN..=bytes.len()).contains(at))
            .map(|at| (&bytes[..at], at))
            .ok_or(SkiplistError::LogStart { start, len: bytes.len() })?;
        let mut replay = Replay::default();
        replay.sorted(sorted)?;
        let is_settled = replay.log(bytes, log)?;
        Ok(Self { entries: replay.entries, is_settled })
    }

    /// Whether the file ends with a commit: no transaction is open or lost.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// The live entries, sorted by the bytes of their keys.
    pub fn entries(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + '_ {
        self.entries.iter().map(|(key, value)| (*key, *value))
    }
}

enum Change<'a> {
    Add { offset: usize, key: &'a [u8], value: &'a [u8] },
    Delete { offset: usize, target: u32 },
    Commit,
    Head,
}

#[derive(Default)]
struct Replay<'a> {
    entries: BTreeMap<&'a [u8], &'a [u8]>,
    /// Keys of the live nodes by where these are, as deletions name them.
    live: HashMap<u32, &'a [u8]>,
    /// Where the live node of a key is.
    places: BTreeMap<&'a [u8], u32>,
}

impl<'a> Replay<'a> {
    fn sorted(&mut self, bytes: &'a [u8]) -> Result<(), SkiplistError> {
        let mut at = HEADER_LEN;
        while at < bytes.len() {
            let (change, next) = entry(bytes, at)?.ok_or(SkiplistError::Length { offset: at })?;
            match change {
                Change::Head if at == HEADER_LEN => {}
                _ if at == HEADER_LEN => return Err(SkiplistError::Head),
                Change::Add { .. } => self.apply(change)?,
                _ => return Err(SkiplistError::Type { offset: at, found: be32(bytes, at).unwrap_or(0) }),
            }
            at = next;
        }
        if at == HEADER_LEN { Err(SkiplistError::Head) } else { Ok(()) }
    }

    /// Applies what is committed. Says whether that is all.
    fn log(&mut self, bytes: &'a [u8], start: usize) -> Result<bool, SkiplistError> {
        let mut at = start;
        let mut open = Vec::new();
        while at < bytes.len() {
            let Some((change, next)) = entry(bytes, at)? else { return Ok(false) };
            match change {
                Change::Commit => open.drain(..).try_for_each(|change| self.apply(change))?,
                Change::Head => return Err(SkiplistError::Type { offset: at, found: DUMMY }),
                _ => open.push(change),
            }
            at = next;
        }
        Ok(open.is_empty())
    }

    fn apply(&mut self, change: Change<'a>) -> Result<(), SkiplistError> {
        match change {
            Change::Add { offset, key, value } => {
                let offset = u32::try_from(offset).map_err(|_| SkiplistError::Length { offset })?;
                if let Some(old) = self.places.insert(key, offset) {
                    self.live.remove(&old);
                }
                self.live.insert(offset, key);
                self.entries.insert(key, value);
            }
            Change::Delete { offset, target } => {
                let key = self.live.remove(&target).ok_or(SkiplistError::Deleted { offset, target })?;
                self.places.remove(key);
                self.entries.remove(key);
            }
            Change::Commit | Change::Head => {}
        }
        Ok(())
    }
}

/// The entry at an offset and where the next one is; none when the bytes end before it does.
fn entry(bytes: &[u8], offset: usize) -> Result<Option<(Change<'_>, usize)>, SkiplistError> {
    match be32(bytes, offset) {
        None => Ok(None),
        Some(COMMIT) => Ok(Some((Change::Commit, offset + 4))),
        Some(DELETE) => Ok(be32(bytes, offset + 4).map(|target| (Change::Delete { offset, target }, offset + 8))),
        Some(kind @ (INORDER | ADD | DUMMY)) => node(bytes, offset, kind),
        Some(found) => Err(SkiplistError::Type { offset, found }),
    }
}

fn node(bytes: &[u8], offset: usize, kind: u32) -> Result<Option<(Change<'_>, usize)>, SkiplistError> {
    let Some((key, at)) = counted(bytes, offset + 4) else { return Ok(None) };
    let Some((value, mut at)) = counted(bytes, at) else { return Ok(None) };
    for _ in 0..=MOST_POINTERS {
        let Some(pointer) = be32(bytes, at) else { return Ok(None) };
        at += 4;
        if pointer == NO_MORE_POINTERS {
            let change = if kind == DUMMY { Change::Head } else { Change::Add { offset, key, value } };
            return Ok(Some((change, at)));
        }
    }
    Err(SkiplistError::Pointers { offset })
}

/// A length and as many bytes, and where their padding ends.
fn counted(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let len = usize::try_from(be32(bytes, at)?).ok()?;
    let start = at + 4;
    let all = bytes.get(start..start.checked_add(padded(len, 4)?)?)?;
    Some((&all[..len], start + all.len()))
}

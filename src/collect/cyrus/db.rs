//! A data base of a Cyrus that works: no lock, a copy in memory, of a file that stood still meanwhile.

use std::fs::{File, Metadata};
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use crc32fast::Hasher;

use crate::collect::reach::root::Root;
use crate::format::cyrus_db::{CyrusDb, CyrusDbError, Entry, HEAD_LEN, Kind};
use crate::model::Reason;
use crate::model::reason::{Cyrus, Files};

/// More than any list of mailboxes has, in bytes: one of 100 000 mailboxes has 21 MB.
const LIMIT: u64 = 1024 * 1024 * 1024;
/// When a list was read as often, in bytes, it is not looked at again.
const ENOUGH: u64 = 2 * LIMIT;
/// More than any of the other files has, in bytes: an entry for each folder that somebody opened.
const SMALL: u64 = ENOUGH / TRIES as u64;

/// Looks at a file that is being written, and the pause between two.
pub(super) const TRIES: u32 = 40;
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// Why a look at the file gave nothing.
pub(super) enum Unread {
    /// What the system refuses does not get better.
    Refused(Reason),
    /// It is not what Cyrus writes, unless it is writing it.
    Damaged(CyrusDbError),
    /// It was written while it was read.
    Written(Reason),
}

impl From<Reason> for Unread {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

/// What the bytes of a list are known by again: how many, and their CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print(usize, u32);

impl Print {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.len(), crc32fast::hash(bytes))
    }

    /// That of a file, which need not be held for it.
    fn of_file(root: &Root, path: &str) -> Result<Self, Reason> {
        let (file, _) = open(root, path)?;
        let (mut file, mut hasher, mut length) = (BufReader::with_capacity(CHUNK, file.take(LIMIT)), Hasher::new(), 0);
        loop {
            let chunk = file.fill_buf().map_err(|error| root.unreadable(path, &error))?;
            let read = chunk.len();
            if read == 0 {
                return Ok(Self(length, hasher.finalize()));
            }
            hasher.update(chunk);
            length += read;
            file.consume(read);
        }
    }
}

/// Bytes that are read at a time for a print.
const CHUNK: usize = 256 * 1024;

/// The looks at one list of mailboxes.
#[derive(Default)]
pub(super) struct Looks {
    taken: u32,
    bytes: u64,
}

impl Looks {
    /// Whether nothing else will be told by one more.
    pub(super) fn are_enough(&self) -> bool {
        self.taken >= TRIES || self.bytes >= ENOUGH
    }

    /// Looks at a list once, and hands on what is in it; nothing where that is what was `known`.
    pub(super) fn list<T>(
        &mut self,
        root: &Root,
        path: &str,
        known: Option<Print>,
        take: impl FnOnce(&CyrusDb<'_>, Print) -> Result<T, CyrusDbError>,
    ) -> Result<Option<T>, Unread> {
        if known.is_some() && known == Some(Print::of_file(root, path)?) {
            return Ok(None);
        }
        let read = read(root, path, LIMIT);
        self.taken += 1;
        self.bytes += read.as_ref().map_or(0, |(bytes, _)| bytes.len() as u64);
        let read = read?;
        let print = Print::of(&read.0);
        parsed(root, path, &read, |db| take(db, print)).map(Some)
    }
}

/// Looks at another data base once, and hands on what is in it. What is none never gets better.
pub(super) fn look<T>(
    root: &Root,
    path: &str,
    take: impl FnOnce(&CyrusDb<'_>, &[Entry<'_>]) -> T,
) -> Result<T, Unread> {
    let all = |db: &CyrusDb<'_>| {
        let entries: Vec<Entry<'_>> = db.entries().collect::<Result<_, _>>()?;
        Ok(take(db, &entries))
    };
    let looked = read(root, path, SMALL).and_then(|read| parsed(root, path, &read, all));
    looked.map_err(|unread| match unread {
        Unread::Damaged(error @ CyrusDbError::Other(_)) => root.unreadable(path, &error).into(),
        other => other,
    })
}

/// The bytes of a data base of at most `limit` bytes, and the file that they are of.
fn read(root: &Root, path: &str, limit: u64) -> Result<(Vec<u8>, File), Unread> {
    let never = |error: std::io::Error| root.unreadable(path, &error);
    let (mut file, metadata) = open(root, path)?;
    if metadata.len() > limit {
        return Err(Reason::from(Files::TooLarge { path: root.shown(path), limit }).into());
    }
    // Its first bytes tell whether there is anything to read at all.
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD_LEN as u64).read_to_end(&mut bytes).map_err(never)?;
    Kind::of(&bytes).map_err(Unread::Damaged)?;
    file.by_ref().take(limit).read_to_end(&mut bytes).map_err(never)?;
    Ok((bytes, file))
}

fn parsed<T>(
    root: &Root,
    path: &str,
    (bytes, file): &(Vec<u8>, File),
    take: impl FnOnce(&CyrusDb<'_>) -> Result<T, CyrusDbError>,
) -> Result<T, Unread> {
    let never = |error: std::io::Error| root.unreadable(path, &error);
    let db = CyrusDb::parse(bytes).map_err(Unread::Damaged)?;
    let mut header = vec![0; db.header_len().min(bytes.len())];
    file.read_exact_at(&mut header, 0).map_err(never)?;
    let (before, (_, after)) = (file.metadata().map_err(never)?, open(root, path)?);
    if !bytes.starts_with(&header) || (before.dev(), before.ino()) != (after.dev(), after.ino()) {
        return Err(Unread::Written(Cyrus::WrittenMeanwhile { path: root.shown(path) }.into()));
    }
    take(&db).map_err(Unread::Damaged)
}

fn open(root: &Root, path: &str) -> Result<(File, Metadata), Reason> {
    // The folder is Cyrus' own: a link in place of the file may be anybody's.
    root.find_own_file(Path::new(path), 1)?.ok_or_else(|| root.missing(path))
}

//! A data base of a Cyrus that works: no lock, a copy in memory, of a file that stood still meanwhile.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use crate::collect::reach::root::Root;
use crate::format::cyrus_db::{CyrusDb, CyrusDbError, Entry};
use crate::model::Reason;
use crate::model::reason::{Cyrus, Files};

/// More than any of these files has, in bytes: a list of 100 000 mailboxes has 21 MB.
const LIMIT: u64 = 4 * 1024 * 1024 * 1024;

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

/// Looks at a data base once, and hands on what is in it.
pub(super) fn look<T>(
    root: &Root,
    path: &str,
    take: impl FnOnce(&CyrusDb<'_>, &[Entry<'_>]) -> T,
) -> Result<T, Unread> {
    let never = |error: std::io::Error| root.unreadable(path, &error);
    let (mut file, before) = open(root, path)?;
    if before.len() > LIMIT {
        return Err(Reason::from(Files::TooLarge { path: root.shown(path), limit: LIMIT }).into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0));
    file.by_ref().take(LIMIT).read_to_end(&mut bytes).map_err(never)?;
    let db = CyrusDb::parse(&bytes).map_err(Unread::Damaged)?;
    let entries: Vec<Entry<'_>> = db.entries().collect::<Result<_, _>>().map_err(Unread::Damaged)?;
    let mut header = vec![0; db.header_len().min(bytes.len())];
    file.read_exact_at(&mut header, 0).map_err(never)?;
    let (_, after) = open(root, path)?;
    if !bytes.starts_with(&header) || (before.dev(), before.ino()) != (after.dev(), after.ino()) {
        return Err(Unread::Written(Cyrus::WrittenMeanwhile { path: root.shown(path) }.into()));
    }
    Ok(take(&db, &entries))
}

fn open(root: &Root, path: &str) -> Result<(File, Metadata), Reason> {
    // The folder is Cyrus' own: a link in place of the file may be anybody's.
    root.find_own_file(Path::new(path), 1)?.ok_or_else(|| root.missing(path))
}

//! What Cyrus has not yet sent to bm-core: the files of its sync log.

use std::os::unix::fs::MetadataExt as _;
use std::time::UNIX_EPOCH;

use super::conf::{self, Conf};
use crate::collect::reach::place::Place;
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::table;
use crate::model::Reason;
use crate::model::reason::{Cyrus, Files};

table! {
    /// The files below `sync/core` of Cyrus' `configdirectory`: what changed and was not yet sent to bm-core. Cyrus makes
    /// the folder and its files as it needs them: without changes there is none.
    pub(super) struct SyncLog: "sync_log", "a file of a backend's sync log", Backend {
        /// path below `sync/core`, such as `log`
        name: String as key,
        /// size, in bytes
        size_bytes: u64,
        /// when it was last written, in seconds since the epoch
        modified_at: i64,
        /// since when it is there at least, in seconds since the epoch: when it was made, or last written if that was
        /// before; null where the file system does not tell
        begun_at: Option<i64>,
        /// whether it lists changes, by its name `log…`: other files are flags and locks
        is_log: bool,
    }
}

/// Where Cyrus keeps the log of the channel `core`, below `configdirectory`.
const FOLDER: &str = "sync/core";
/// Folders below it that are looked into, one in the other, and entries that are looked at. With four senders their layout
/// is not public.
const DEPTH: usize = 4;
const MAX_ENTRIES: usize = 10_000;

/// Looks at the folder.
pub(super) async fn look(place: &Place) -> Seen {
    let found = place.aside(files).await;
    Seen::at(place.root.shown(conf::PATH)).tell::<SyncLog>(found.map(|(rows, gap)| Rows::from(rows).but(gap)))
}

/// The files below the folder, by name, and what is missing of them. The folder is made with the first entry: without
/// it nothing waits, as long as the folder that it would be in is there and Cyrus' own, and no link says that it is
/// elsewhere.
fn files(root: &Root) -> Result<(Vec<SyncLog>, Option<Reason>), Reason> {
    let conf = Conf::read(root)?;
    let parent = conf.directory()?;
    let folder = format!("{parent}/{FOLDER}");
    if root.find(&folder)?.is_none() && root.find(parent)?.is_some() {
        // An empty one is where something else should be mounted.
        let is_cyrus = !root.names(parent)?.is_empty();
        return if is_cyrus { Ok((Vec::new(), None)) } else { Err(root.missing(&folder)) };
    }
    let mut found = Found { root, left: MAX_ENTRIES, rows: Vec::new(), gap: None };
    found.list(&folder, "", DEPTH)?;
    Ok((found.rows, found.gap))
}

struct Found<'a> {
    root: &'a Root,
    /// Entries that may still be looked at.
    left: usize,
    rows: Vec<SyncLog>,
    gap: Option<Reason>,
}

impl Found<'_> {
    /// Lists a folder; `prefix` is its name below the first one, with a slash.
    fn list(&mut self, folder: &str, prefix: &str, depth: usize) -> Result<(), Reason> {
        for entry in self.root.names(folder)? {
            let (path, name) = (format!("{folder}/{entry}"), format!("{prefix}{entry}"));
            let Some(left) = self.left.checked_sub(1) else {
                self.gap = Some(Cyrus::TooMany { path: self.root.shown(folder), limit: MAX_ENTRIES }.into());
                return Ok(());
            };
            self.left = left;
            match self.root.find(&path) {
                Ok(Some(metadata)) if metadata.is_dir() && depth == 0 => {
                    self.gap = Some(Cyrus::TooDeep { path: self.root.shown(&path) }.into());
                }
                Ok(Some(metadata)) if metadata.is_dir() => self.list(&path, &format!("{name}/"), depth - 1)?,
                Ok(Some(metadata)) if metadata.is_file() => self.rows.push(row(name, &entry, &metadata)),
                Ok(Some(_)) => return Err(Files::NotRegular { path: self.root.shown(&path) }.into()),
                // Done with meanwhile, unless a link says otherwise.
                Ok(None) => {}
                Err(reason @ Reason::Files(Files::LeadsNowhere { .. })) => self.gap = Some(reason),
                Err(reason) => return Err(reason),
            }
        }
        Ok(())
    }
}

fn row(name: String, file: &str, metadata: &std::fs::Metadata) -> SyncLog {
    let modified_at = metadata.mtime();
    let created = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let created = created.and_then(|since| i64::try_from(since.as_secs()).ok());
    SyncLog {
        name,
        size_bytes: metadata.len(),
        modified_at,
        begun_at: created.map(|created| created.min(modified_at)),
        is_log: file.starts_with("log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files, and the gap or the error in words.
    fn files_of(folder: &std::path::Path) -> Result<(Vec<SyncLog>, Option<String>), String> {
        put(folder, "etc/imapd.conf", b"configdirectory: /srv/cyrus\n");
        let found = files(&Root::new(folder)).map_err(|reason| reason.to_string())?;
        Ok((found.0, found.1.map(|gap| gap.to_string())))
    }

    fn put(folder: &std::path::Path, path: &str, content: &[u8]) {
        let place = folder.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, content).unwrap();
    }

    #[test]
    fn every_file_is_listed_and_the_logs_are_told_from_others() {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in
            [("log", "12345"), ("log-run", ""), ("shutdown", ""), ("2/log-run", "1"), ("1/a/b/c/d/log", "")]
        {
            put(folder.path(), &format!("srv/cyrus/sync/core/{path}"), content.as_bytes());
        }
        put(folder.path(), "srv/cyrus/sync/other/log", b"another channel");
        let (rows, gap) = files_of(folder.path()).unwrap();
        let seen: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.size_bytes, row.is_log)).collect();
        assert_eq!(seen, [("2/log-run", 1, true), ("log", 5, true), ("log-run", 0, true), ("shutdown", 0, false)]);
        assert!(gap.unwrap().ends_with("sync/core/1/a/b/c/d: too deep a folder"));
    }

    #[test]
    fn folders_that_lead_to_themselves_are_left_some_time() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "srv/cyrus/sync/core/log", b"1");
        for number in 0..40 {
            let link = folder.path().join(format!("srv/cyrus/sync/core/{number}"));
            std::os::unix::fs::symlink(".", link).unwrap();
        }
        let (rows, gap) = files_of(folder.path()).unwrap();
        assert!(rows.len() < MAX_ENTRIES && gap.unwrap().ends_with("more than 10000 files and folders"));
    }

    #[test]
    fn a_file_is_as_old_as_its_last_entry_at_least() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "srv/cyrus/sync/core/log", b"MAILBOX a\n");
        let log = folder.path().join("srv/cyrus/sync/core/log");
        let old = UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        std::fs::File::options().write(true).open(log).unwrap().set_modified(old).unwrap();
        let (rows, _) = files_of(folder.path()).unwrap();
        assert_eq!((rows[0].modified_at, rows[0].begun_at), (1_000, Some(1_000)));
    }

    #[test]
    fn no_folder_is_nothing_to_send_and_no_cyrus_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(files_of(folder.path()).unwrap_err().contains("srv/cyrus/sync/core: No such file"));
        std::fs::create_dir_all(folder.path().join("srv/cyrus")).unwrap();
        assert!(
            files_of(folder.path()).unwrap_err().contains("srv/cyrus/sync/core: No such file"),
            "nothing is mounted"
        );
        put(folder.path(), "srv/cyrus/mailboxes.db", b"");
        assert_eq!(files_of(folder.path()).unwrap(), (Vec::new(), None));
        std::fs::create_dir_all(folder.path().join("srv/cyrus/sync")).unwrap();
        assert_eq!(files_of(folder.path()).unwrap(), (Vec::new(), None));
        put(folder.path(), "srv/cyrus/sync/core", b"");
        assert!(files_of(folder.path()).unwrap_err().contains("sync/core: Not a directory"));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_not_taken_for_nothing_to_send() {
        let folder = tempfile::tempdir().unwrap();
        let files_with = |link: &str| {
            let path = folder.path().join("srv/cyrus").join(link);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink("/volume/x", &path).unwrap();
            let files = files_of(folder.path());
            std::fs::remove_file(path).unwrap();
            files
        };
        for link in ["sync", "sync/core"] {
            let due = format!("srv/cyrus/{link}: it leads to /volume/x, which is not there");
            assert!(files_with(link).unwrap_err().ends_with(&due), "{link}");
        }
        put(folder.path(), "srv/cyrus/sync/core/log", b"1");
        let (rows, gap) = files_with("sync/core/2").unwrap();
        assert_eq!(rows.len(), 1);
        assert!(gap.unwrap().ends_with("srv/cyrus/sync/core/2: it leads to /volume/x, which is not there"));
    }
}

//! Reading a server's files below a root folder, without ever leaving it.

use std::ffi::OsStr;
use std::fs::{File, Metadata, ReadDir};
use std::io::ErrorKind::{InvalidFilename, NotFound};
use std::io::Read;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::io::Errno;

use super::below::{self, DESCRIPTORS, Last};
use crate::model::Reason;
use crate::model::reason::{Cyrus, Files};
use crate::model::text::escaped;

/// The folder that stands for a server's `/`.
#[derive(Debug, Clone)]
pub(in crate::collect) struct Root(PathBuf);

impl Root {
    /// A server's files, below `path`.
    pub(in crate::collect) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Whether this is the running system itself.
    pub(in crate::collect) fn is_system(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The folder.
    pub(in crate::collect) fn path(&self) -> &Path {
        &self.0
    }

    /// What to call a file in messages: its path as this machine sees it.
    pub(in crate::collect) fn shown(&self, path: impl AsRef<Path>) -> String {
        let path = path.as_ref();
        // A path of bytes is told as `\\xNN` where it is no UTF-8.
        let path = escaped(path.strip_prefix("/").unwrap_or(path).as_os_str().as_encoded_bytes());
        self.0.join(path).display().to_string()
    }

    /// What the system says of a path, its links followed; none only when it surely is not there. A link that leads nowhere,
    /// as to a volume that is not mounted, is no such proof, nor is a refusal.
    pub(in crate::collect) fn find(&self, path: impl AsRef<Path>) -> Result<Option<Metadata>, Reason> {
        let path = path.as_ref();
        match self.open(path).and_then(|entry| entry.metadata()) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) => self.unfound(path, &error),
        }
    }

    /// A regular file, open for reading, and what the system says of it; none as in [`Root::find`]. Nothing else is ever
    /// opened.
    pub(in crate::collect) fn find_file(&self, path: impl AsRef<Path>) -> Result<Option<(File, Metadata)>, Reason> {
        let path = path.as_ref();
        match self.open(path) {
            Ok(entry) => self.reopened(path, &entry).map(Some),
            Err(error) => self.unfound(path, &error),
        }
    }

    /// The same of a path whose last `levels` others than administrators may have made, as in a spool: no link among
    /// them is followed.
    pub(in crate::collect) fn find_own_file(
        &self,
        path: &Path,
        levels: usize,
    ) -> Result<Option<(File, Metadata)>, Reason> {
        match self.find_own(path, levels)? {
            Some(entry) => self.reopened(path, &entry).map(Some),
            None => Ok(None),
        }
    }

    /// Why it is not known what is behind a link that is not followed, or that it leads nowhere.
    pub(in crate::collect) fn not_followed(&self, link: &Path) -> Reason {
        let not_followed = || Cyrus::NotFollowed { path: self.shown(link) }.into();
        self.find(link).err().unwrap_or_else(not_followed)
    }

    /// The entries of the folder at such a path; none as in [`Root::find`].
    pub(in crate::collect) fn find_own_folder(&self, path: &Path, levels: usize) -> Result<Option<ReadDir>, Reason> {
        let Some(folder) = self.find_own(path, levels)? else { return Ok(None) };
        let entries = std::fs::read_dir(below::by_handle(&folder));
        entries.map(Some).map_err(|error| self.unreadable(path, &error))
    }

    /// The size of a file in a folder that [`Root::find_own`] gave; none where there is no such file.
    pub(in crate::collect) fn size_in(&self, folder: &File, path: &Path, name: &str) -> Result<Option<u64>, Reason> {
        match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => Ok(Some(u64::try_from(found.st_size).unwrap_or(0))),
                FileType::Symlink => Err(self.not_followed(&path.join(name))),
                _ => Ok(None),
            },
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(self.unreadable(path, &error)),
        }
    }

    /// A handle on what is at such a path; none as in [`Root::find`].
    pub(in crate::collect) fn find_own(&self, path: &Path, levels: usize) -> Result<Option<File>, Reason> {
        let ways: Vec<&Path> = path.ancestors().take(levels + 1).collect();
        let Some((top, ways)) = ways.split_last() else { return Ok(None) };
        let mut here = match self.open(top) {
            Ok(top) => top,
            Err(error) => return self.unfound(top, &error),
        };
        if let Some(entry) = path.strip_prefix(top).ok().and_then(|rest| below::straight(&here, rest)) {
            return Ok(Some(entry));
        }
        for way in ways.iter().rev() {
            match below::child(&here, way.file_name().unwrap_or(OsStr::new(".."))) {
                Ok((_, FileType::Symlink)) => return Err(self.not_followed(way)),
                Ok((entry, _)) => here = File::from(entry),
                Err(error) => return self.unfound(way, &error),
            }
        }
        Ok(Some(here))
    }

    /// What a handle is of, open for reading: a regular file.
    fn reopened(&self, path: &Path, entry: &File) -> Result<(File, Metadata), Reason> {
        let fail = |error: std::io::Error| self.unreadable(path, &error);
        let metadata = entry.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Err(Files::NotRegular { path: self.shown(path) }.into());
        }
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        match File::options().read(true).custom_flags(flags).open(below::by_handle(entry)) {
            Ok(file) => Ok((file, metadata)),
            Err(_) if !has_proc() => Err(Files::NoProc { path: self.shown(path) }.into()),
            Err(error) => Err(fail(error)),
        }
    }

    /// Where this machine finds a folder below the root, its symbolic links resolved; none as in [`Root::find`].
    pub(in crate::collect) fn find_folder(&self, path: impl AsRef<Path>) -> Result<Option<PathBuf>, Reason> {
        let path = path.as_ref();
        match self.folder(path).and_then(|folder| std::fs::read_link(below::by_handle(&folder))) {
            Ok(place) => Ok(Some(place)),
            Err(error) => self.unfound(path, &error),
        }
    }

    fn unfound<T>(&self, path: &Path, error: &std::io::Error) -> Result<Option<T>, Reason> {
        self.unfound_by(has_proc(), path, error)
    }

    /// The same. Links are resolved by way of /proc: where there is none, everything seems not to be there.
    fn unfound_by<T>(&self, has_proc: bool, path: &Path, error: &std::io::Error) -> Result<Option<T>, Reason> {
        if !has_proc {
            return Err(Files::NoProc { path: self.shown(path) }.into());
        }
        match self.dangling(path).filter(|_| error.kind() == NotFound) {
            Some(reason) => Err(reason.into()),
            // A name that no file system can hold is nowhere, whoever asks.
            None if matches!(error.kind(), NotFound | InvalidFilename) => Ok(None),
            None => Err(self.unreadable(path, error)),
        }
    }

    /// That a path cannot be read, for what the system or a format says of it.
    pub(in crate::collect) fn unreadable(&self, path: impl AsRef<Path>, error: &dyn std::fmt::Display) -> Reason {
        Files::Unreadable { path: self.shown(path), error: error.to_string() }.into()
    }

    /// That a path is not there, though it has to be.
    pub(in crate::collect) fn missing(&self, path: impl AsRef<Path>) -> Reason {
        self.unreadable(path, &std::io::Error::from(rustix::io::Errno::NOENT))
    }

    /// The text of a regular file of at most `limit` bytes; bytes that are no UTF-8 are replaced.
    pub(in crate::collect) fn text(&self, path: &str, limit: u64) -> Result<String, Reason> {
        self.bytes(path, limit).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes of a regular file of at most `limit` bytes.
    pub(in crate::collect) fn bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, Reason> {
        let entry = self.open(path.as_ref()).map_err(|error| self.unreadable(path, &error))?;
        let (file, _) = self.reopened(path.as_ref(), &entry)?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| self.unreadable(path, &error))?;
        if bytes.len() as u64 > limit {
            return Err(Files::TooLarge { path: self.shown(path), limit }.into());
        }
        Ok(bytes)
    }

    /// What a symbolic link says, not followed; none when the entry is no link.
    pub(in crate::collect) fn link(&self, path: impl AsRef<Path>) -> std::io::Result<Option<PathBuf>> {
        let entry = self.entry(path.as_ref(), Last::Keep)?;
        match entry.metadata()?.is_symlink() {
            true => below::target(&entry).map(Some),
            false => Ok(None),
        }
    }

    /// Why nobody knows what is at a path where nothing was found: it is, or lies behind, a symbolic link that leads
    /// nowhere, as to a volume that is not mounted. None when there is nothing.
    fn dangling(&self, path: impl AsRef<Path>) -> Option<Files> {
        let leads_nowhere = |entry: &&Path| self.open(entry).is_err_and(|error| error.kind() == NotFound);
        let mut entries = path.as_ref().ancestors().filter(leads_nowhere);
        let (entry, target) = entries.find_map(|entry| Some((entry, self.link(entry).ok()??)))?;
        Some(Files::LeadsNowhere { path: self.shown(entry), target: target.display().to_string() })
    }

    /// Names of the entries of a folder, sorted.
    pub(in crate::collect) fn names(&self, path: &str) -> Result<Vec<String>, Reason> {
        let fail = |error: std::io::Error| self.unreadable(path, &error);
        let folder = self.folder(Path::new(path)).map_err(fail)?;
        let entries = std::fs::read_dir(below::by_handle(&folder)).map_err(fail)?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(fail)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Size and space for unprivileged users, in bytes, of the file system that is mounted at `path`. A copy of the
    /// server's files has none of its own: the error says so.
    pub(in crate::collect) fn space(&self, path: &str) -> Result<(u64, u64), Reason> {
        let fail = |error: std::io::Error| self.unreadable(path, &error);
        let place = self.open(Path::new(path)).map_err(fail)?;
        if !self.is_system() && !self.is_mounted(path, &place).map_err(fail)? {
            return Err(Files::NotMounted { path: self.shown(path) }.into());
        }
        // A handle itself may be asked since Linux 3.12 only.
        let space = rustix::fs::statvfs(below::by_handle(&place)).map_err(|error| fail(error.into()))?;
        Ok((space.f_blocks.saturating_mul(space.f_frsize), space.f_bavail.saturating_mul(space.f_frsize)))
    }

    /// Whether a folder is another file system than the one above it.
    fn is_mounted(&self, path: &str, place: &File) -> std::io::Result<bool> {
        let above = match path {
            "/" => std::fs::metadata(self.0.join(".."))?,
            _ => self.open(&Path::new(path).join(".."))?.metadata()?,
        };
        Ok(above.dev() != place.metadata()?.dev())
    }

    fn folder(&self, path: &Path) -> std::io::Result<File> {
        let folder = self.open(path)?;
        if !folder.metadata()?.is_dir() {
            return Err(rustix::io::Errno::NOTDIR.into());
        }
        Ok(folder)
    }

    /// A handle on what is at a path, its links followed.
    fn open(&self, path: &Path) -> std::io::Result<File> {
        self.entry(path, Last::Follow)
    }

    fn entry(&self, path: &Path, last: Last) -> std::io::Result<File> {
        if self.is_system() { below::of_system(path, last) } else { below::of_copy(&self.0, path, last) }
    }
}

/// Whether the system tells what is open.
fn has_proc() -> bool {
    Path::new(DESCRIPTORS).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("real")).unwrap();
        std::fs::write(folder.path().join("real/file"), "inside").unwrap();
        std::os::unix::fs::symlink("/real", folder.path().join("absolute")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("escape")).unwrap();
        std::os::unix::fs::symlink("../../../../etc/passwd", folder.path().join("climb")).unwrap();
        let root = Root::new(folder.path());
        assert_eq!(root.text("/absolute/file", 100).unwrap(), "inside");
        assert_eq!(root.names("/real").unwrap(), ["file"]);
        assert!(root.text("/escape", 100_000).is_err());
        assert!(root.text("/climb", 100_000).is_err());
        assert_eq!(root.link("/climb").unwrap(), Some(PathBuf::from("../../../../etc/passwd")));
        assert_eq!(root.link("/absolute/file").unwrap(), None);
        assert!(root.link("/none").is_err());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told_from_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("real")).unwrap();
        for (target, name) in [("/volume", "gone"), ("gone", "chain"), ("/real", "valid"), ("loop", "loop")] {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink("../volume/x", folder.path().join("real/inner")).unwrap();
        let root = Root::new(folder.path());
        let told = |path: &str| {
            let reason = root.find(path).unwrap_err().to_string();
            reason.replace(folder.path().to_str().unwrap(), "ROOT")
        };
        let reason = |entry: &str, target: &str| format!("ROOT/{entry}: it leads to {target}, which is not there");
        assert_eq!(told("/gone"), reason("gone", "/volume"));
        assert_eq!(told("/gone/a/b"), reason("gone", "/volume"));
        assert_eq!(told("/chain/a"), reason("chain", "gone"));
        assert_eq!(told("/valid/inner/a"), reason("valid/inner", "../volume/x"));
        let long = format!("/real/{}", "x".repeat(256));
        for nothing in ["/none", "/none/a", "/valid/none", &long, &format!("{long}/a")] {
            assert!(root.find(nothing).unwrap().is_none(), "{nothing}");
            assert_eq!(root.find_file(nothing).map(|file| file.is_none()), Ok(true), "{nothing}");
        }
        for something in ["/real", "/valid", "/"] {
            assert!(root.find(something).unwrap().is_some(), "{something}");
        }
        for loops in ["/loop", "/loop/a"] {
            assert!(told(loops).starts_with("ROOT/loop") && told(loops).contains("symbolic link"), "{}", told(loops));
        }
    }

    #[test]
    fn on_a_system_without_proc_nothing_is_surely_not_there() {
        let (folder, missing) = (tempfile::tempdir().unwrap(), std::io::Error::from(NotFound));
        let root = Root::new(folder.path());
        assert_eq!(root.unfound_by::<()>(true, Path::new("/none"), &missing), Ok(None));
        let reason = root.unfound_by::<()>(false, Path::new("/none"), &missing).unwrap_err().to_string();
        assert!(reason.ends_with("/none: without /proc it cannot be told whether it is there"), "{reason}");
    }

    #[test]
    fn a_file_is_a_regular_one_below_the_root() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "inside").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .unwrap();
        std::os::unix::fs::symlink("/file", at("link")).unwrap();
        std::os::unix::fs::symlink(outside.path(), at("out")).unwrap();
        std::os::unix::fs::symlink(format!("../../../..{}", outside.path().display()), at("climb")).unwrap();
        let root = Root::new(folder.path());
        for path in ["/file", "/link"] {
            let mut text = String::new();
            root.find_file(path).unwrap().unwrap().0.read_to_string(&mut text).unwrap();
            assert_eq!(text, "inside", "{path}");
        }
        assert!(root.find_file("/none").unwrap().is_none());
        for (root, path, reason) in [
            (&root, "/out", "which is not there"),
            (&root, "/climb", "which is not there"),
            (&root, "/folder", "not a regular file"),
            (&root, "/pipe", "not a regular file"),
            (&Root::new("/"), "/dev/zero", "not a regular file"),
        ] {
            let error = root.find_file(path).unwrap_err().to_string();
            assert!(error.contains(path) && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_copy_has_no_space_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("var/spool")).unwrap();
        let root = Root::new(folder.path());
        for path in ["/", "/var/spool"] {
            let error = root.space(path).unwrap_err().to_string();
            assert!(error.ends_with("not mounted here, so that its space is not known"), "{error}");
        }
        let (size, available) = Root::new("/").space("/").unwrap();
        assert!(size > 0 && available <= size);
        // Of another root what is mounted there counts, as a snapshot of a disk is.
        assert!(Root::new("/proc").space("/").is_ok());
    }

    #[test]
    fn what_is_no_small_file_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("big"), "x".repeat(11)).unwrap();
        let root = Root::new(folder.path());
        for (path, reason) in [("/big", "larger than 10 bytes"), ("/", "not a regular file"), ("/none", "No such file")]
        {
            let error = root.text(path, 10).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(folder.path().to_str().unwrap()), "{error}");
        }
    }
}

//! The entries of a folder, told one by one from the system's own buffer: of a million messages no name is kept.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

/// Bytes of entries that are asked for at a time.
const BUFFER: usize = 32 * 1024;

/// Tells `each` the name and the kind of every entry of a folder, links as such. The folder itself may be none.
pub(in crate::collect) fn entries(folder: &Path, mut each: impl FnMut(&OsStr, FileType)) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut listing = RawDir::new(&folder, buffer.spare_capacity_mut());
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems tell the kind only of an entry that is asked for.
            FileType::Unknown => match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => FileType::from_raw_mode(found.st_mode),
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            },
            kind => kind,
        };
        each(OsStr::from_bytes(name.to_bytes()), kind);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::ErrorKind;

    use super::*;

    fn listed(folder: &Path) -> std::io::Result<BTreeMap<String, FileType>> {
        let mut found = BTreeMap::new();
        entries(folder, |name, kind| assert!(found.insert(name.to_string_lossy().into_owned(), kind).is_none()))?;
        Ok(found)
    }

    #[test]
    fn every_entry_is_told_once_with_its_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        // More than one buffer holds.
        let names: Vec<String> = (1..=5_000).map(|number| format!("{number}.")).collect();
        names.iter().for_each(|name| std::fs::write(path.join(name), "").unwrap());
        std::fs::create_dir(path.join("sub")).unwrap();
        std::os::unix::fs::symlink("sub", path.join("link")).unwrap();
        let found = listed(path).unwrap();
        assert_eq!(found.len(), names.len() + 2);
        assert!(names.iter().all(|name| found[name] == FileType::RegularFile));
        assert_eq!((found["sub"], found["link"]), (FileType::Directory, FileType::Symlink));
    }

    #[test]
    fn nothing_but_a_folder_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::os::unix::fs::symlink(path, path.join("link")).unwrap();
        std::fs::write(path.join("file"), "").unwrap();
        for (name, kind) in
            [("link", ErrorKind::NotADirectory), ("file", ErrorKind::NotADirectory), ("gone", ErrorKind::NotFound)]
        {
            assert_eq!(listed(&path.join(name)).unwrap_err().kind(), kind, "{name}");
        }
    }
}

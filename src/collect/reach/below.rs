//! The way to an entry below a folder, found at once or step by step: by calls that every kernel since 3.10 has, without
//! opening anything on the way. What is found is a handle (`O_PATH`), which opens nothing either: neither a device nor a pipe feels it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Links that one way may lead over, as the system itself has it.
const MAX_LINKS: usize = 40;
/// A handle on an entry.
const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// What to do with a link at the end of a way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

impl Last {
    fn flags(self) -> OFlags {
        if self == Self::Keep { HANDLE | OFlags::NOFOLLOW } else { HANDLE }
    }
}

/// A handle on what is at a path of the running system.
pub(super) fn of_system(path: &Path, last: Last) -> std::io::Result<File> {
    Ok(File::from(rustix::fs::open(path, last.flags(), Mode::empty())?))
}

/// A handle on what is at `path` below `top`. Symbolic links are resolved as a server would whose `/` is `top`: none
/// leads above it.
pub(super) fn of_copy(top: &Path, path: &Path, last: Last) -> std::io::Result<File> {
    let top = rustix::fs::open(top, HANDLE | OFlags::DIRECTORY, Mode::empty())?;
    match at_once(&top, path, last.flags(), ResolveFlags::IN_ROOT) {
        Some(entry) => Ok(entry),
        None => walk(top, path, last),
    }
}

/// The same, step by step.
fn walk(top: OwnedFd, path: &Path, last: Last) -> std::io::Result<File> {
    // The entries that were passed, so that `..` leads back to where one came from.
    let mut passed = vec![(top, FileType::Directory)];
    let mut ahead = steps(path.as_os_str());
    let mut links = 0;
    while let Some(step) = ahead.pop() {
        let Some((here, kind)) = passed.last() else { return Err(Errno::NOENT.into()) };
        if *kind != FileType::Directory {
            return Err(Errno::NOTDIR.into());
        }
        match step.as_bytes() {
            b"" | b"." => continue,
            b".." => {
                passed.truncate(passed.len().saturating_sub(1).max(1));
                continue;
            }
            _ => {}
        }
        let (entry, kind) = child(here, &step)?;
        if kind != FileType::Symlink || (last == Last::Keep && ahead.is_empty()) {
            passed.push((entry, kind));
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = target(&entry)?;
        if target.is_absolute() {
            passed.truncate(1);
        }
        ahead.extend(steps(target.as_os_str()));
    }
    passed.pop().map(|(entry, _)| File::from(entry)).ok_or(ErrorKind::NotFound.into())
}

/// A handle on what is below a folder, if no link leads there; none where the way has to be walked to know why not.
pub(super) fn straight(folder: impl AsFd, path: &Path) -> Option<File> {
    at_once(folder, path, HANDLE, ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH)
}

/// The whole way by one call, which kernels have since 5.6: without it a million files take twice as long.
fn at_once(folder: impl AsFd, path: &Path, flags: OFlags, resolve: ResolveFlags) -> Option<File> {
    rustix::fs::openat2(folder, path, flags, Mode::empty(), resolve).ok().map(File::from)
}

/// The steps of a path, the first one last. A slash at the end is a step that only a folder can be followed by.
fn steps(path: &OsStr) -> Vec<OsString> {
    path.as_bytes().split(|byte| *byte == b'/').rev().map(|step| OsStr::from_bytes(step).to_owned()).collect()
}

/// An entry of a folder and its kind; a link is not followed.
pub(super) fn child(folder: impl AsFd, name: &OsStr) -> std::io::Result<(OwnedFd, FileType)> {
    let entry = rustix::fs::openat(folder, name, HANDLE | OFlags::NOFOLLOW, Mode::empty())?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&entry)?.st_mode);
    Ok((entry, kind))
}

/// What a symbolic link says.
pub(super) fn target(link: impl AsFd) -> std::io::Result<PathBuf> {
    let target = rustix::fs::readlinkat(link, c"", Vec::new())?;
    Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
}

/// Where the system tells what is open.
pub(super) const DESCRIPTORS: &str = "/proc/self/fd";

/// The path by which the system gives what a handle is of, whatever its name leads to by now.
pub(super) fn by_handle(handle: &File) -> PathBuf {
    Path::new(DESCRIPTORS).join(handle.as_raw_fd().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_walk_leads_where_the_system_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/file"), "").unwrap();
        for (target, link) in [
            ("/a", "absolute"),
            ("../../../../a/b", "a/climb"),
            ("absolute/b/file", "chain"),
            ("circle", "circle"),
            ("/nowhere", "dangling"),
            ("/", "a/b/root"),
            ("a/b/", "slash"),
            ("a/b/file/", "file_slash"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        let told = |found: std::io::Result<File>| {
            let found = found.and_then(|entry| entry.metadata());
            found.map(|data| (data.dev(), data.ino())).map_err(|error| error.raw_os_error())
        };
        for path in [
            "/",
            ".",
            "..",
            "/../a",
            "a/b/file",
            "/a/b/../b/./file",
            "absolute/b/file",
            "a/climb/file",
            "chain",
            "chain/x",
            "circle",
            "circle/x",
            "dangling",
            "none/..",
            "a/b/file/..",
            "a/b/file/",
            "a/b/root/a/b",
            "slash",
            "slash/file",
            "file_slash",
            "absolute/..",
            "a/b/root/../absolute/b",
            "../../etc/passwd",
        ] {
            for last in [Last::Follow, Last::Keep] {
                let top = || rustix::fs::open(folder.path(), HANDLE, Mode::empty()).unwrap();
                let resolve = ResolveFlags::IN_ROOT;
                let by_system = rustix::fs::openat2(top(), path, last.flags(), Mode::empty(), resolve);
                let due = told(by_system.map(File::from).map_err(Into::into));
                assert_eq!(told(walk(top(), Path::new(path), last)), due, "{path}");
            }
        }
    }
}

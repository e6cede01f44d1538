//! A log with its rotated and compressed files, as a stream of lines: memory does not grow with the logs.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::root::Root;
use crate::model::Reason;
use crate::model::reason::Files;

/// Longest line that is handed on, in bytes; of a longer one, the beginning.
const LINE: u64 = 64 * 1024;
/// Most that is read of a compressed file, decompressed, in bytes.
const DECOMPRESSED: u64 = 8 * 1024 * 1024 * 1024;
/// Endings of files that are compressed in other ways than gzip's.
const UNREAD: [&str; 11] = [".xz", ".bz2", ".zst", ".Z", ".lzma", ".lz", ".lz4", ".lzo", ".7z", ".zip", ".br"];
/// Bytes asked for at once.
const BUFFER: usize = 256 * 1024;

/// Ends the reading of logs on another thread when nobody waits for it any more.
#[derive(Default)]
pub(in crate::collect) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// What the reading looks at.
    pub(in crate::collect) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A log and its rotated files, all open: a rotation while they are read changes nothing.
#[derive(Debug)]
pub(in crate::collect) struct LogSet {
    /// The files, oldest first.
    pub(in crate::collect) files: Vec<LogFile>,
    /// Files that are there and cannot be opened, each with the reason.
    pub(in crate::collect) troubles: Vec<Reason>,
}

/// One file of a log.
#[derive(Debug)]
pub(in crate::collect) struct LogFile {
    shown: String,
    file: File,
    is_compressed: bool,
    size: u64,
    identity: (u64, u64),
    /// Whether it is the log itself, which is still written.
    pub(in crate::collect) is_current: bool,
    /// When it was last written, in seconds since the epoch.
    pub(in crate::collect) modified: i64,
}

impl LogSet {
    /// Opens `folder/base` and what it was rotated to: `.1`, `.2.gz`, `.2019-10-14.gz`, `-20191014` and the like. `None`
    /// when there is no such file; the error says why not one of those that are there can be opened.
    pub(in crate::collect) fn open(root: &Root, folder: &str, base: &str) -> Result<Option<Self>, Reason> {
        let (mut set, mut is_still) = Self::attempt(root, folder, base)?;
        if !is_still {
            (set, is_still) = Self::attempt(root, folder, base)?;
        }
        if !is_still {
            set.troubles.push(Files::Rotated { path: root.shown(format!("{folder}/{base}")) }.into());
        }
        match set.files.is_empty() {
            true => Reason::all(set.troubles).map_or(Ok(None), Err),
            false => Ok(Some(set)),
        }
    }

    /// One try, and whether the folder stood still meanwhile: files are renamed between listing and opening now and then.
    fn attempt(root: &Root, folder: &str, base: &str) -> Result<(Self, bool), Reason> {
        let names = rotated(&root.names(folder)?, base);
        let mut set = Self { files: Vec::new(), troubles: Vec::new() };
        for name in &names {
            let opened = LogFile::open(root, &format!("{folder}/{name}"));
            match opened.map(|file| LogFile { is_current: name == base, ..file }) {
                // Two names of one file are one log.
                Ok(file) if set.files.iter().any(|other| other.identity == file.identity) => {}
                Ok(file) => set.files.push(file),
                Err(reason) => set.troubles.push(reason),
            }
        }
        let now = |name: &String| root.find_file(format!("{folder}/{name}")).ok()?.map(|(_, of)| identity(&of));
        let is_open = |identity| set.files.iter().any(|file| file.identity == identity);
        let is_still = rotated(&root.names(folder)?, base) == names
            && names
                .iter()
                .filter(|name| !UNREAD.iter().any(|ending| name.ends_with(ending)))
                .filter_map(now)
                .all(is_open);
        Ok((set, is_still))
    }
}

fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl LogFile {
    fn open(root: &Root, path: &str) -> Result<Self, Reason> {
        let shown = root.shown(path);
        if let Some(kind) = UNREAD.into_iter().find(|ending| path.ends_with(ending)) {
            return Err(Files::Compression { path: shown, kind: kind.to_owned() }.into());
        }
        let (file, metadata) = root.find_file(path)?.ok_or_else(|| Files::NoLog { path: shown.clone() })?;
        Ok(Self {
            shown,
            file,
            is_compressed: path.ends_with(".gz"),
            size: metadata.len(),
            identity: identity(&metadata),
            is_current: false,
            modified: metadata.mtime(),
        })
    }

    /// Hands every whole line to `each`, without its end; what is added to the file meanwhile is left out. The lines that
    /// could be read before an error have been handed on. `stop` ends it.
    pub(in crate::collect) fn read(self, stop: &AtomicBool, each: impl FnMut(&[u8])) -> Result<(), Reason> {
        let Self { shown: path, file, is_compressed, size, .. } = self;
        let raw = BufReader::with_capacity(BUFFER, file.take(size));
        let ended = if is_compressed {
            let text = MultiGzDecoder::new(raw).take(DECOMPRESSED + 1);
            lines(BufReader::with_capacity(BUFFER, text), stop, each)
        } else {
            lines(raw, stop, each)
        };
        let (bytes, limit) = (ended.bytes, DECOMPRESSED);
        let reason = match ended.error {
            Some(error) if is_compressed && error.kind() == ErrorKind::UnexpectedEof => {
                Files::EndsEarly { path, bytes }
            }
            Some(error) => Files::Breaks { path, error: error.to_string(), bytes },
            None if ended.is_hollow => Files::Hollow { path },
            None if stop.load(Ordering::Relaxed) => Files::ReadingStopped { path },
            None if is_compressed && bytes > limit => Files::LongText { path, limit },
            None if !is_compressed && bytes < size => Files::Cut { path },
            None => return Ok(()),
        };
        Err(reason.into())
    }
}

/// What reading came to.
struct Ended {
    bytes: u64,
    error: Option<std::io::Error>,
    /// Whether zeros stand where lines were.
    is_hollow: bool,
}

/// Hands on every line that is ended. A last line without end is still being written, or was cut: half a name would be
/// taken for a whole one.
fn lines(mut from: impl BufRead, stop: &AtomicBool, mut each: impl FnMut(&[u8])) -> Ended {
    let mut ended = Ended { bytes: 0, error: None, is_hollow: false };
    let mut line = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        line.clear();
        match (&mut from).take(LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(read) => ended.bytes += read as u64,
            Err(error) => {
                ended.error = Some(error);
                break;
            }
        }
        let is_whole = line.last() == Some(&b'\n');
        ended.is_hollow |= line.first() == Some(&0) && line.iter().all(|byte| matches!(byte, 0 | b'\n'));
        if is_whole || line.len() as u64 == LINE {
            // A crash leaves a hole of NULs before the first line that was written after it.
            let begin = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
            each(line.get(begin..).unwrap_or_default().trim_ascii_end());
        }
        if !is_whole && line.len() as u64 == LINE {
            match pass_over_line(&mut from, stop) {
                Ok(passed) => ended.bytes += passed,
                Err(error) => {
                    ended.error = Some(error);
                    break;
                }
            }
        }
    }
    ended
}

/// Reads to the end of a line and keeps nothing; the number of bytes.
fn pass_over_line(from: &mut impl BufRead, stop: &AtomicBool) -> std::io::Result<u64> {
    let mut passed = 0;
    while !stop.load(Ordering::Relaxed) {
        let buffer = match from.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let (end, length) = (memchr::memchr(b'\n', buffer), buffer.len());
        let used = end.map_or(length, |at| at + 1);
        from.consume(used);
        passed += used as u64;
        if end.is_some() || length == 0 {
            break;
        }
    }
    Ok(passed)
}

/// The names of a log's files, oldest first. Of a file and its compressed copy, the file: the copy is being written.
fn rotated(names: &[String], base: &str) -> Vec<String> {
    let mut found: Vec<(Age, &String)> =
        names.iter().filter_map(|name| Some((Age::of_file(name, base)?, name))).collect();
    found.sort_by(|(one, a), (other, b)| one.cmp(other).then(a.len().cmp(&b.len())));
    found.dedup_by(|(later, _), (earlier, _)| later == earlier);
    found.into_iter().map(|(_, name)| name.clone()).collect()
}

/// Where a file stands in its set, oldest first: dated ones, then numbered ones, then the log itself.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Dated(String),
    Numbered(std::cmp::Reverse<u32>),
    Current,
}

impl Age {
    /// Of the file of that name; `None` when it is another log's. The date may stand before the log's own ending, as in
    /// `mail-20191123.log`.
    fn of_file(name: &str, base: &str) -> Option<Self> {
        let behind = || Self::of(name.strip_prefix(base)?);
        let within = || {
            let (stem, ending) = base.rsplit_once('.')?;
            let (begin, compression) = name.rsplit_once(&format!(".{ending}"))?;
            let age = Self::of(&format!("{}{compression}", begin.strip_prefix(stem)?))?;
            matches!(age, Self::Dated(_)).then_some(age)
        };
        behind().or_else(within)
    }

    /// What stands after the log's name; `None` when it is another log's.
    fn of(ending: &str) -> Option<Self> {
        let plain = UNREAD.into_iter().chain([".gz"]).find_map(|kind| ending.strip_suffix(kind)).unwrap_or(ending);
        if plain.is_empty() {
            return Some(Self::Current);
        }
        let suffix = plain.strip_prefix(['.', '-'])?;
        let digits: String = suffix.chars().filter(char::is_ascii_digit).collect();
        // A week has a letter and fewer digits: 2019W47.
        let least = if suffix.contains('W') { 6 } else { 8 };
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | 'W');
        let is_date = digits.len() >= least && suffix.chars().all(is_part);
        if is_date {
            return Some(Self::Dated(digits));
        }
        Some(Self::Numbered(std::cmp::Reverse(suffix.parse().ok().filter(|_| digits == suffix)?)))
    }
}

#[cfg(test)]
mod tests;

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
mod tests {
    use std::io::Write;
    use std::path::Path;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn set(folder: &Path) -> Result<LogSet, Reason> {
        Ok(LogSet::open(&Root::new(folder), "/", "mail.log")?.unwrap())
    }

    /// Every line of the set, and what went wrong.
    fn read(folder: &Path) -> (Vec<String>, Vec<String>) {
        let mut set = set(folder).unwrap();
        let (mut seen, stop) = (Vec::new(), AtomicBool::new(false));
        for file in set.files {
            let read = file.read(&stop, |line| seen.push(String::from_utf8_lossy(line).into_owned()));
            set.troubles.extend(read.err());
        }
        (seen, set.troubles.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_oldest_file_comes_first() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let shuffled = names(&[
            "mail.log",
            "mail.log.1",
            "mail.log.10.gz",
            "mail.log.2.gz",
            "mail.log.2",
            "mail.log-20191014",
            "mail.err",
            "mail.log.2019-10-13.gz",
            "mail.logs",
            "mail.log.old",
            "mail.log.1.swp",
            "mail.log-20191015.gz",
            "mail.log.+3",
            "mail-20191016.log",
            "mail-20191017.log.xz",
            "mail-error.log",
            "mail-1.log",
            "mail.log-2019W43.lzma",
            "mail.log-WWWWWWWW",
        ]);
        let sorted = names(&[
            "mail.log.2019-10-13.gz",
            "mail.log-20191014",
            "mail.log-20191015.gz",
            "mail-20191016.log",
            "mail-20191017.log.xz",
            "mail.log-2019W43.lzma",
            "mail.log.10.gz",
            "mail.log.2",
            "mail.log.1",
            "mail.log",
        ]);
        assert_eq!(rotated(&shuffled, "mail.log"), sorted);
    }

    #[test]
    fn compressed_and_plain_files_are_one_stream() {
        let folder = tempfile::tempdir().unwrap();
        let two_members = [gzip(b"1\n2"), gzip(b"b\n3\n")].concat();
        std::fs::write(folder.path().join("mail.log.2.gz"), two_members).unwrap();
        std::fs::write(folder.path().join("mail.log.1"), "4\r\n\0\0\x005\n\n").unwrap();
        std::fs::write(folder.path().join("mail.log"), "6\nbeing writ").unwrap();
        assert_eq!(read(folder.path()).0, ["1", "2b", "3", "4", "5", "", "6"]);
        assert_eq!(read(folder.path()).1, [""; 0]);
    }

    #[test]
    fn zeros_instead_of_lines_are_told_and_those_before_a_line_are_not() {
        for (bytes, is_hollow) in [
            (vec![0; 300_000], true),
            (b"1\n\0\0\0\n2\n".to_vec(), true),
            ([&b"1\n"[..], &[0; 5000]].concat(), true),
            (b"1\n\0\0\x002\n\n3".to_vec(), false),
            (Vec::new(), false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("mail.log"), &bytes).unwrap();
            let troubles = read(folder.path()).1;
            assert_eq!(troubles.len(), usize::from(is_hollow), "{troubles:?}");
            assert!(troubles.iter().all(|told| told.contains("mail.log: it holds zeros")), "{troubles:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let exact = "x".repeat(LINE as usize - 1);
        let text = format!("{exact}\n{}\nafter\n{}", "y".repeat(3_000_000), "z".repeat(LINE as usize + 1));
        std::fs::write(folder.path().join("mail.log"), &text).unwrap();
        std::fs::write(folder.path().join("mail.log.1.gz"), gzip(text.as_bytes())).unwrap();
        let (seen, troubles) = read(folder.path());
        let lengths: Vec<_> = seen.iter().map(String::len).collect();
        let cut = LINE as usize;
        assert_eq!(lengths, [cut - 1, cut, 5, cut, cut - 1, cut, 5, cut]);
        assert!(troubles.is_empty(), "{troubles:?}");
    }

    #[test]
    fn of_a_damaged_file_what_can_be_read_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..200_000).map(|n| format!("{}\n", n * 7919)).collect();
        let whole = gzip(text.as_bytes());
        let mut flipped = whole.clone();
        flipped[whole.len() - 6] ^= 1;
        for (name, bytes, lines, reason) in [
            ("mail.log.5.gz", &whole[..whole.len() / 2], 50_000..150_000, "the compressed file ends early"),
            ("mail.log.4.gz", &flipped, 200_000..200_001, "corrupt gzip stream"),
            ("mail.log.3.gz", &[][..], 0..1, "the compressed file ends early"),
            ("mail.log.2.gz", b"no gzip at all", 0..1, "invalid gzip header"),
        ] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
            let (seen, troubles) = read(folder.path());
            assert!(lines.contains(&seen.len()), "{name}: {} lines", seen.len());
            let [trouble] = troubles.as_slice() else { panic!("{troubles:?}") };
            assert!(trouble.contains(name) && trouble.contains(reason), "{trouble}");
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
    }

    #[test]
    fn what_is_no_log_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(LogSet::open(&Root::new(folder.path()), "/", "mail.log").unwrap().is_none());
        let error = LogSet::open(&Root::new(folder.path()), "/none", "mail.log").unwrap_err().to_string();
        assert!(error.contains("none: No such file"), "{error}");
        std::fs::create_dir(folder.path().join("mail.log.2")).unwrap();
        std::fs::write(folder.path().join("mail.log.3.xz"), "").unwrap();
        let error = set(folder.path()).unwrap_err().to_string();
        assert!(error.contains(".xz are not read") && error.contains("mail.log.2: not a regular file"), "{error}");
        std::fs::write(folder.path().join("mail.log"), "kept\n").unwrap();
        std::os::unix::fs::symlink("mail.log", folder.path().join("mail.log.1")).unwrap();
        std::os::unix::fs::symlink("nothing", folder.path().join("mail.log.4")).unwrap();
        let (seen, troubles) = read(folder.path());
        assert_eq!((seen.as_slice(), troubles.len()), (&["kept".to_owned()][..], 3), "{troubles:?}");
    }

    #[test]
    fn a_rotation_after_opening_loses_nothing_and_a_cut_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("mail.log");
        std::fs::write(&log, "old\n").unwrap();
        let opened = set(folder.path()).unwrap();
        std::fs::rename(&log, folder.path().join("mail.log.1")).unwrap();
        std::fs::write(&log, "new\n").unwrap();
        let (mut seen, stop) = (Vec::new(), AtomicBool::new(false));
        for file in opened.files {
            file.read(&stop, |line| seen.push(line.to_vec())).unwrap();
        }
        assert_eq!(seen, [b"old"]);
        let [.., current] = <[LogFile; 2]>::try_from(set(folder.path()).unwrap().files).unwrap();
        std::fs::write(&log, "").unwrap();
        assert!(current.read(&stop, |_| {}).unwrap_err().to_string().contains("cut while it was read"));
    }

    #[test]
    fn reading_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mail.log"), "1\n2\n3\n").unwrap();
        let (mut seen, stop) = (0, AtomicBool::new(false));
        let [file] = <[LogFile; 1]>::try_from(set(folder.path()).unwrap().files).unwrap();
        let ended = file.read(&stop, |_| {
            seen += 1;
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(seen, 1);
        assert!(ended.unwrap_err().to_string().contains("interrupted"));
    }
}

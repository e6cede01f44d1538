//! A log with its rotated files, whatever they are.

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

//! Twoskip files: what Cyrus wrote, what was never committed, and every damage by its name.

use bm_preflight::format::twoskip::{Header, Twoskip, TwoskipError};
use proptest::collection::vec;
use proptest::prelude::any;

use crate::writers::TwoskipFile;
use crate::{fixture, mutated};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn entries(bytes: &[u8]) -> Result<Entries, TwoskipError> {
    Twoskip::parse(bytes)?.entries().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Entries {
    pairs.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

#[test]
fn what_cyrus_committed_is_read_of_a_settled_and_of_a_dirty_file() {
    let due = pairs(&[("acme.test!user.ann", "%(P p2 M 4)"), ("acme.test!user.bob", "%(P p1 M 1)")]);
    let settled = fixture("twoskip-history.db");
    assert_eq!(entries(&settled).unwrap(), due);
    assert!(Twoskip::parse(&settled).unwrap().is_settled());
    let dirty = fixture("twoskip-dirty.db");
    assert_eq!(entries(&dirty).unwrap(), due);
    let file = Twoskip::parse(&dirty).unwrap();
    assert!(!file.is_settled());
    assert!(file.header().is_dirty);
    assert_eq!(usize::try_from(file.header().current_size).unwrap(), settled.len());
}

#[test]
fn an_empty_file_has_no_entries() {
    let file = TwoskipFile::new();
    assert_eq!(file.bytes.len(), TwoskipFile::FIRST);
    assert_eq!(entries(&file.bytes).unwrap(), []);
}

/// Reads the file as it is after each byte that a transaction appends, the header and the pointers being written before.
#[test]
fn while_a_transaction_is_written_the_one_before_it_counts() {
    let mut file = TwoskipFile::new();
    file.set(b"b", b"1", false);
    file.set(b"d", b"2", false);
    file.commit();
    let (committed, due) = (file.bytes.len(), entries(&file.bytes).unwrap());
    let changes: [fn(&mut TwoskipFile); 3] =
        [|file| _ = file.set(b"a", b"9", false), |file| _ = file.set(b"b", b"9", false), |file| file.delete(b"b")];
    for change in changes {
        let mut open = file.clone();
        change(&mut open);
        open.header(1, committed, 1);
        for end in committed..=open.bytes.len() {
            assert_eq!(entries(&open.bytes[..end]).unwrap(), due, "{end}");
        }
        open.commit();
        assert_ne!(entries(&open.bytes).unwrap(), due);
    }
}

#[test]
fn lengths_of_64_bits() {
    let mut file = TwoskipFile::new();
    let value = vec![7; 70_000];
    file.set(b"k", &value, true);
    file.commit();
    assert_eq!(entries(&file.bytes).unwrap(), [(b"k".to_vec(), value)]);
}

fn two_records() -> (TwoskipFile, usize, usize) {
    let mut file = TwoskipFile::new();
    let first = file.set(b"a", b"12345678", false);
    let second = file.set(b"b", b"", false);
    file.commit();
    (file, first, second)
}

fn error_after(change: impl FnOnce(&mut TwoskipFile, usize, usize)) -> TwoskipError {
    let (mut file, first, second) = two_records();
    change(&mut file, first, second);
    entries(&file.bytes).unwrap_err()
}

#[test]
fn damaged_headers() {
    assert_eq!(Header::parse(&[0; 63]), Err(TwoskipError::Short { len: 63 }));
    assert_eq!(Header::parse(&[0; 64]), Err(TwoskipError::Magic));
    assert!(matches!(error_after(|file, _, _| file.bytes[40] ^= 1), TwoskipError::HeaderCrc { .. }));
    let version = error_after(|file, _, _| {
        file.bytes[23] = 2;
        let crc = crc32fast::hash(&file.bytes[..60]).to_be_bytes();
        file.bytes[60..64].copy_from_slice(&crc);
    });
    assert_eq!(version, TwoskipError::Version { version: 2 });
    let (file, ..) = two_records();
    let len = file.bytes.len();
    let cut = entries(&file.bytes[..len - 1]).unwrap_err();
    assert_eq!(cut, TwoskipError::Size { size: len as u64, len: len - 1 });
    assert_eq!(error_after(|file, _, _| file.header(2, 335, 0)), TwoskipError::Size { size: 335, len });
    let huge = error_after(|file, _, _| file.header(2, usize::MAX, 0));
    assert_eq!(huge, TwoskipError::Size { size: u64::MAX, len });
    let count = error_after(|file, _, _| file.header(3, len, 0));
    assert_eq!(count, TwoskipError::Count { counted: 3, found: 2 });
    assert!(error_after(|file, _, _| file.bytes[64] = b'$').to_string().contains("offset 0x40"));
    let head = error_after(|file, _, _| {
        file.bytes[64] = b'+';
        file.seal(64);
    });
    assert_eq!(head, TwoskipError::Head { found: b'+' });
}

#[test]
fn damaged_records() {
    let flip =
        |offset: usize, with: u8| move |file: &mut TwoskipFile, first: usize, _| file.bytes[first + offset] ^= with;
    let at = TwoskipFile::FIRST;
    assert_eq!(error_after(flip(0, 1)), TwoskipError::Type { offset: at, found: b'*' });
    assert_eq!(error_after(flip(1, 0x80)), TwoskipError::Level { offset: at, level: 0x81, found: b'+' });
    assert_eq!(error_after(flip(1, 1)), TwoskipError::Level { offset: at, level: 0, found: b'+' });
    assert_eq!(error_after(flip(4, 1)), TwoskipError::Length { offset: at });
    assert_eq!(error_after(flip(9, 1)), TwoskipError::HeadCrc { offset: at });
    assert_eq!(error_after(flip(33, 1)), TwoskipError::TailCrc { offset: at });
    let dummy = error_after(|file, _, second| {
        file.bytes[second] = b'=';
        file.seal(second);
    });
    assert!(matches!(dummy, TwoskipError::Type { found: b'=', .. }), "{dummy}");
}

#[test]
fn pointers_that_lead_astray() {
    for target in [8, 64, 337, 340] {
        let error = error_after(|file, first, _| {
            file.point(first, 0, target);
            file.point(first, 1, 0);
        });
        assert_eq!(error, TwoskipError::Pointer { offset: TwoskipFile::FIRST, target });
    }
    for target in [u64::MAX, 1 << 40] {
        let error = error_after(|file, first, _| {
            file.point(first, 0, target);
            file.point(first, 1, target);
        });
        assert_eq!(error, TwoskipError::Count { counted: 2, found: 1 }, "a pointer beyond the end is none");
    }
    let circle = error_after(|file, _, second| file.point(second, 0, TwoskipFile::FIRST as u64));
    assert!(matches!(circle, TwoskipError::Circle { .. }), "{circle}");
}

/// Records inside one another, each with a tail up to the end: the bytes that are summed must not grow with the square.
#[test]
fn overlapping_records_end_early() {
    let mut file = TwoskipFile::new();
    let start = file.bytes.len();
    let (count, each) = (2_000, 40);
    file.bytes.resize(start + count * each + each, 0);
    let len = file.bytes.len();
    for at in (start..start + count * each).step_by(each).rev() {
        let tail = file.bytes[at + 32..].to_vec();
        let mut inner = TwoskipFile::new();
        inner.bytes.clear();
        inner.append(b'+', &[0, (at + each) as u64], b"", &tail, false);
        file.bytes[at..].copy_from_slice(&inner.bytes);
    }
    file.point(64, 0, start as u64);
    file.header(count, len, 0);
    assert!(matches!(entries(&file.bytes), Err(TwoskipError::Circle { .. })));
}

proptest::proptest! {
    #[test]
    fn what_is_written_is_read(changes in vec((vec(0..4_u8, 0..4), proptest::option::of(vec(any::<u8>(), 0..20)), any::<bool>()), 0..40)) {
        let mut file = TwoskipFile::new();
        let mut due = std::collections::BTreeMap::new();
        for (key, value, is_wide) in changes {
            match value {
                Some(value) => {
                    file.set(&key, &value, is_wide);
                    due.insert(key, value);
                }
                None if due.remove(&key).is_some() => file.delete(&key),
                None => {}
            }
            file.commit();
            proptest::prop_assert_eq!(entries(&file.bytes).unwrap(), due.clone().into_iter().collect::<Entries>());
        }
    }

    #[test]
    fn never_panics(changes in vec((0..900_usize, any::<u8>()), 0..6), cut: usize) {
        let (file, ..) = two_records();
        for file in [fixture("twoskip-history.db"), fixture("twoskip-dirty.db"), file.bytes] {
            let _ = entries(&mutated(file, &changes, cut));
        }
    }
}

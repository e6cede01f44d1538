//! The kinds of data base: recognised, and read alike.

use std::collections::BTreeMap;

use bm_preflight::format::cyrus_db::{CyrusDb, CyrusDbError, Kind};
use bm_preflight::format::flat::FlatError;
use bm_preflight::format::skiplist::{Skiplist, SkiplistError};
use proptest::collection::vec;
use proptest::prelude::any;

use crate::flat::flat;
use crate::writers::{skiplist, skiplist_node};
use crate::{fixture, mutated};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

pub(crate) fn entries(bytes: &[u8]) -> Result<Entries, CyrusDbError> {
    let db = CyrusDb::parse(bytes)?;
    db.entries().map(|entry| entry.map(|(key, value)| (key.into_owned(), value.into_owned()))).collect()
}

#[test]
fn one_history_in_two_kinds() {
    let [twoskip, skiplist] = ["twoskip-history.db", "skiplist-history.db"].map(fixture);
    assert_eq!(entries(&twoskip).unwrap(), entries(&skiplist).unwrap());
    let kinds = [&twoskip, &skiplist].map(|bytes| {
        let db = CyrusDb::parse(bytes).unwrap();
        (db.kind(), db.is_settled(), db.header_len())
    });
    assert_eq!(kinds, [(Kind::Twoskip, true, 64), (Kind::Skiplist, true, 48)]);
}

#[test]
fn one_set_of_records_in_two_kinds() {
    let [twoskip, flat] = ["records.twoskip", "records.flat"].map(fixture);
    let entries = entries(&flat).unwrap();
    assert_eq!(super::data_bases::entries(&twoskip).unwrap(), entries);
    assert_eq!(entries.len(), 9);
    assert!(entries.iter().any(|(key, _)| key == b"acme.test!user.new.line\nfeed\tand\0more"));
    assert!(entries.iter().any(|(_, value)| value.starts_with(b"0 acme_test old24@acme.test\tlrs")));
    let db = CyrusDb::parse(&flat).unwrap();
    assert_eq!((db.kind(), db.is_settled(), db.header_len()), (Kind::Flat, true, 0));
}

#[test]
fn other_files_are_no_data_bases() {
    assert_eq!(entries(b""), Err(CyrusDbError::Empty));
    let header = fixture("cyrus.header.36");
    for other in [&header, &b"\xa1\x02\x8b\x0d"[..], b"SQLite format 3\0...", b"0123456789abcdef\xde\xc0\xef\xbe..."] {
        assert!(matches!(entries(other), Err(CyrusDbError::Other(_))), "{other:?}");
    }
    for (other, told) in [(&[0; 5000][..], "zeros"), (b"a\tb\n\0", "no text")] {
        assert_eq!(entries(other), Err(CyrusDbError::Other(told)));
    }
    assert!(matches!(entries(b"\xa1\x02\x8b\x0dtwoskip file\0"), Err(CyrusDbError::Twoskip(_))));
    assert!(matches!(entries(b"\xa1\x02\x8b\x0dskiplist file\0"), Err(CyrusDbError::Skiplist(_))));
}

#[test]
fn damaged_flat_files() {
    let error = |bytes: &[u8]| entries(bytes).unwrap_err();
    assert_eq!(error(b"a\tb\nnothing\n"), FlatError::NoTab { offset: 4 }.into());
    assert_eq!(error(b"a\tb\nc\td"), FlatError::Unterminated { offset: 4 }.into());
    assert_eq!(error(b"a\tb\nc\td\xff\n"), FlatError::Escape { offset: 7 }.into());
    assert_eq!(error(b"a\xff\tb\n"), FlatError::Escape { offset: 1 }.into());
    let rest: Vec<_> = CyrusDb::parse(b"nothing\na\tb\n").unwrap().entries().map(|entry| entry.is_ok()).collect();
    assert_eq!(rest, [false, true], "the lines after a bad one are read");
}

fn set(key: &str, value: &str) -> (Vec<u8>, Option<Vec<u8>>) {
    (key.into(), Some(value.into()))
}

#[test]
fn an_open_transaction_of_a_skiplist_does_not_count() {
    let committed = skiplist(&[set("a", "1"), set("b", "2"), (b"b".to_vec(), None)]);
    let due = entries(&committed).unwrap();
    assert_eq!(due, [(b"a".to_vec(), b"1".to_vec())]);
    assert!(CyrusDb::parse(&committed).unwrap().is_settled());
    let mut open = committed.clone();
    open.extend([4_u32.to_be_bytes(), 144_u32.to_be_bytes()].concat());
    open.extend(skiplist_node(2, b"a", b"9", 1));
    for end in committed.len() + 1..=open.len() {
        assert_eq!(entries(&open[..end]).unwrap(), due, "{end}");
        assert!(!CyrusDb::parse(&open[..end]).unwrap().is_settled(), "{end}");
    }
    open.extend(255_u32.to_be_bytes());
    assert_eq!(entries(&open).unwrap(), [(b"a".to_vec(), b"9".to_vec())]);
}

#[test]
fn damaged_skiplists() {
    let good = skiplist(&[set("a", "1")]);
    let error = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        Skiplist::parse(&bytes).unwrap_err()
    };
    let put = |at: usize, word: u32| move |bytes: &mut Vec<u8>| bytes[at..at + 4].copy_from_slice(&word.to_be_bytes());
    let len = good.len();
    assert_eq!(error(&|bytes| bytes.truncate(47)), SkiplistError::Short { len: 47 });
    assert_eq!(error(&put(4, 0)), SkiplistError::Magic);
    assert_eq!(error(&put(20, 2)), SkiplistError::Version { version: 2 });
    assert_eq!(error(&put(40, 1000)), SkiplistError::LogStart { start: 1000, len });
    assert_eq!(error(&put(40, 48)), SkiplistError::Head);
    assert_eq!(error(&put(40, 140)), SkiplistError::Length { offset: 48 });
    assert_eq!(error(&put(48, 1)), SkiplistError::Head);
    assert_eq!(error(&put(48, 7)), SkiplistError::Type { offset: 48, found: 7 });
    assert_eq!(error(&put(144, 9)), SkiplistError::Type { offset: 144, found: 9 });
    assert_eq!(error(&put(144, 257)), SkiplistError::Type { offset: 144, found: 257 });
    assert_eq!(error(&put(40, u32::try_from(len).unwrap())), SkiplistError::Type { offset: len - 4, found: 255 });
    let deletion =
        |target: u32| move |bytes: &mut Vec<u8>| bytes.extend([4, target, 255].into_iter().flat_map(u32::to_be_bytes));
    assert_eq!(error(&deletion(48)), SkiplistError::Deleted { offset: len, target: 48 });
    let endless = |bytes: &mut Vec<u8>| {
        bytes.extend(skiplist_node(2, b"k", b"", 21));
        bytes.extend(255_u32.to_be_bytes());
    };
    assert_eq!(error(&endless), SkiplistError::Pointers { offset: len });
}

proptest::proptest! {
    #[test]
    fn what_is_written_is_read(changes in vec((vec(any::<u8>(), 0..4), proptest::option::of(vec(any::<u8>(), 0..9))), 0..40)) {
        let mut due = BTreeMap::new();
        for (key, value) in &changes {
            match value {
                Some(value) => due.insert(key.clone(), value.clone()),
                None => due.remove(key),
            };
        }
        let due: Entries = due.into_iter().collect();
        proptest::prop_assert_eq!(&entries(&skiplist(&changes)).unwrap(), &due);
        if !due.is_empty() {
            proptest::prop_assert_eq!(&entries(&flat(&due)).unwrap(), &due);
        }
    }

    #[test]
    fn never_panics(bytes: Vec<u8>, changes in vec((any::<usize>(), any::<u8>()), 0..6), cut: usize) {
        let _ = entries(&bytes);
        for name in ["skiplist-history.db", "records.flat", "records.twoskip"] {
            let _ = entries(&mutated(fixture(name), &changes, cut));
        }
    }
}

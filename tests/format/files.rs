//! `cyrus.header` and `cyrus.index`.

use bm_preflight::format::cyrus_header::{self, CyrusHeader, HeaderError};
use bm_preflight::format::cyrus_index::{Crc, Header, IndexError, Record, Records, Tally};
use bm_preflight::format::mailbox_name::MailboxName;
use bm_preflight::format::mailbox_record::{AclEntry, RecordError};
use proptest::collection::vec;
use proptest::prelude::{Strategy as _, any};

use crate::writers::{Message, index};
use crate::{fixture, mutated};

fn header(lines: &[u8]) -> Vec<u8> {
    [cyrus_header::MAGIC, lines].concat()
}

fn entry(who: &str, rights: &str) -> AclEntry {
    AclEntry { who: who.to_owned(), rights: rights.to_owned() }
}

#[test]
fn headers_of_three_lines() {
    assert_eq!(cyrus_header::MAGIC.len(), 115);
    let read = |lines: &[u8]| CyrusHeader::parse(&header(lines)).unwrap();
    let full =
        read(b"bm.lan!user.v^w\t340dbe8a-cafc-4b14-9cab-afea5d7adaf4\n$Label1  $Two \nv.w@bm.lan\tlrs\tanyone\tp\t\n");
    assert_eq!(full.quota_root.as_deref(), Some("bm.lan!user.v^w"));
    assert_eq!(full.unique_id.as_deref(), Some("340dbe8a-cafc-4b14-9cab-afea5d7adaf4"));
    assert_eq!(full.user_flags, ["$Label1", "", "$Two"], "a flag's place is its bit");
    assert_eq!(full.acl, [entry("v.w@bm.lan", "lrs"), entry("anyone", "p")]);
    let bare = read(b"\t5d01614958d24926\tmore\n\n\n");
    assert_eq!(
        (bare.quota_root, bare.unique_id.as_deref(), bare.user_flags.len()),
        (None, Some("5d01614958d24926"), 0)
    );
    assert_eq!(read(b"user.x\n").unique_id, None, "as before Cyrus 2.2");
}

#[test]
fn a_header_of_36() {
    let bytes = fixture("cyrus.header.36");
    let header = CyrusHeader::parse(&bytes).unwrap();
    assert_eq!(header.name, Some(MailboxName::internal("acme.test!user.john^doe")));
    assert_eq!(header.unique_id.map(|id| id.len()), Some(24));
    assert_eq!(header.user_flags, ["$Label2", "$Label3", "$Label4", "$Label5"]);
    assert_eq!(header.acl, [entry("john.doe@acme.test", "lrswipkxtecdan")]);
    assert!(header.flags.is_legacy);
    let index = Header::parse(&fixture("cyrus.index.v17")).unwrap();
    assert_eq!(index.header_file_crc, cyrus_header::crc(&bytes));
}

#[test]
fn damaged_headers() {
    let error = |bytes: &[u8]| CyrusHeader::parse(bytes).unwrap_err();
    assert_eq!(error(b""), HeaderError::Empty);
    assert_eq!(error(b"\xa1\x02\x8b\x0dCyrux"), HeaderError::Magic { offset: 8 });
    assert_eq!(error(&cyrus_header::MAGIC[..100]), HeaderError::Magic { offset: 100 });
    assert_eq!(error(cyrus_header::MAGIC), HeaderError::Line { offset: 115 });
    assert_eq!(error(&header(b"a\tb")), HeaderError::Line { offset: 115 });
    assert_eq!(error(&header(b"%(T el)")), HeaderError::Line { offset: 115 });
    assert!(matches!(error(&header(b"%(T el")), HeaderError::Dlist { line: 115, source: RecordError::Dlist(_) }));
    assert!(matches!(
        error(&header(b"%(U x)\n")),
        HeaderError::Dlist { source: RecordError::Kind { offset: 4, .. }, .. }
    ));
}

fn read(bytes: &[u8]) -> Result<(Header, Vec<Record>), IndexError> {
    let records = Records::open(bytes)?;
    let header = *records.header();
    Ok((header, records.collect::<Result<_, _>>()?))
}

fn tally(records: &[Record]) -> Tally {
    let mut tally = Tally::default();
    records.iter().for_each(|record| tally.add(record));
    tally
}

/// `mbexamine` shows what is not expunged: UID, size, GUID.
fn examined() -> Vec<(u32, u32, String)> {
    let text = String::from_utf8(fixture("mbexamine.txt")).unwrap();
    let after = |line: &str, word: &str| line.split(word).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let starts: Vec<_> = text.lines().filter(|line| line.contains("> UID:")).collect();
    let guids = text.lines().filter(|line| line.contains(" GUID:"));
    starts
        .iter()
        .zip(guids)
        .map(|(start, guid)| {
            (after(start, "UID:").parse().unwrap(), after(start, " SIZE:").parse().unwrap(), after(guid, " GUID:"))
        })
        .collect()
}

#[test]
fn indexes_of_every_version_as_cyrus_examines_them() {
    let due = examined();
    assert_eq!(due.len(), 4);
    for minor in 12..=17 {
        let (header, records) = read(&fixture(&format!("cyrus.index.v{minor}"))).unwrap();
        assert_eq!((header.minor, header.records, header.exists, header.last_uid, header.deleted), (minor, 5, 4, 5, 1));
        assert!(header.crc.is_right() && !header.is_mailbox_deleted);
        let live = records.iter().filter(|record| !record.flags.is_expunged());
        let live: Vec<_> = live.map(|record| (record.uid, record.size, record.guid.to_string())).collect();
        assert_eq!(live, due, "v{minor}");
        let tally = tally(&records);
        assert_eq!((tally.existing, tally.expunged, tally.unlinked, tally.damaged), (4, 1, 0, 0));
        assert_eq!((tally.not_expunged, tally.out_of_order, tally.highest_uid), (4, 0, 5));
        assert!(records[1].flags.is_expunged() && records[4].flags.is_deleted());
        assert!(tally.archived == 1 && records[2].flags.is_archived());
    }
}

fn messages() -> Vec<Message> {
    let message = |uid, flags| Message { uid, size: 100 * uid, flags, guid: [u8::try_from(uid).unwrap(); 20] };
    vec![
        message(1, 0x2000_0010),
        message(2, 0xa000_0004),
        message(3, 0),
        message(7, 0xf000_0004),
        message(9, 0x4000_0000),
    ]
}

/// Those of Cyrus 2.3 have no checksums, and no records of what was expunged.
#[test]
fn an_index_of_cyrus_2_3_is_read() {
    let message = |uid: u32| Message { uid, size: 10 * uid, flags: 4, guid: [u8::try_from(uid).unwrap(); 20] };
    let bytes = index(10, &[message(1), message(4)]);
    assert_eq!(bytes.len(), 96 + 2 * 88);
    let (header, records) = read(&bytes).unwrap();
    assert_eq!((header.minor, header.records, header.exists, header.last_uid, header.last_repack), (10, 2, 2, 4, 0));
    assert!(header.crc.is_right() && !header.tells_seen() && !header.is_mailbox_deleted);
    assert_eq!(records.iter().map(|record| (record.uid, record.size)).collect::<Vec<_>>(), [(1, 10), (4, 40)]);
    assert_eq!((records[1].guid.to_string(), records[1].modseq), ("04".repeat(20), 4));
    assert!(records.iter().all(|record| record.crc.is_right() && !record.flags.is_expunged()));
    let mut cut = bytes;
    cut.truncate(96 + 88 + 40);
    assert_eq!(read(&cut), Err(IndexError::Truncated { offset: 184, number: 2, records: 2 }));
}

#[test]
fn versions_before_and_after_those_that_are_read_are_told_apart_from_damage() {
    for (minor, due) in [
        (8, IndexError::TooOld { minor: 8 }),
        (9, IndexError::TooOld { minor: 9 }),
        (11, IndexError::Version { minor: 11 }),
        (19, IndexError::TooNew { minor: 19 }),
        (0xffff, IndexError::Version { minor: 0xffff }),
    ] {
        let mut bytes = index(13, &[]);
        bytes[8..12].copy_from_slice(&u32::to_be_bytes(minor));
        assert_eq!(Header::parse(&bytes), Err(due));
    }
}

#[test]
fn states_of_messages() {
    let (header, records) = read(&index(13, &messages())).unwrap();
    assert_eq!(
        tally(&records),
        Tally {
            records: 5,
            existing: 2,
            expunged: 1,
            unlinked: 2,
            not_expunged: 3,
            archived: 1,
            damaged: 0,
            out_of_order: 0,
            highest_uid: 9
        }
    );
    assert_eq!(u64::from(header.exists), tally(&records).not_expunged);
    assert!(records[3].flags.needs_cleanup() && !records[0].guid.is_unknown());
    assert_eq!(format!("{:?}", records[0].guid), "01".repeat(20));
}

#[test]
fn more_records_than_are_read_at_once() {
    let message = |uid: u32| Message { uid, size: uid, flags: 0, guid: [1; 20] };
    let messages: Vec<_> = (1..=2000).map(message).collect();
    for minor in [12, 13, 17] {
        let (_, records) = read(&index(minor, &messages)).unwrap();
        assert!(records.iter().map(|record| record.uid).eq(1..=2000));
        assert_eq!(tally(&records).damaged, 0);
    }
}

#[test]
fn damage_that_leaves_records() {
    let mut bytes = index(13, &messages());
    bytes[21] ^= 1;
    assert!(matches!(Header::parse(&bytes).unwrap().crc, Crc::Wrong { stored, computed } if stored != computed));
    let mut bytes = index(13, &messages());
    bytes[128 + 104 + 61] ^= 1;
    let (header, records) = read(&bytes).unwrap();
    assert!(header.crc.is_right() && !records[1].crc.is_right());
    assert_eq!(tally(&records).damaged, 1);
    let mut disorder = messages();
    disorder.swap(1, 2);
    assert_eq!(tally(&read(&index(13, &disorder)).unwrap().1).out_of_order, 1);
    let mut longer = index(13, &messages());
    longer.extend([7; 150]);
    assert_eq!(read(&longer).unwrap().1.len(), 5, "an append under way");
}

#[test]
fn damage_that_leaves_none() {
    let error = |bytes: &[u8]| read(bytes).unwrap_err();
    let put = |at: usize, word: u32| {
        let mut bytes = index(13, &messages());
        bytes[at..at + 4].copy_from_slice(&word.to_be_bytes());
        bytes
    };
    assert_eq!(error(b""), IndexError::Empty);
    assert_eq!(error(&[0; 11]), IndexError::Short { len: 11, due: 128 });
    assert_eq!(error(&index(13, &[])[..127]), IndexError::Short { len: 127, due: 128 });
    assert_eq!(error(&index(17, &[])[..159]), IndexError::Short { len: 159, due: 160 });
    for minor in [0, 11, 31] {
        assert_eq!(error(&put(8, minor)), IndexError::Version { minor });
    }
    assert_eq!(error(&put(8, 10)), IndexError::Sizes { start: 128, record: 104, minor: 10 });
    assert_eq!(error(&put(8, 18)), IndexError::TooNew { minor: 18 });
    assert_eq!(error(&put(12, 160)), IndexError::Sizes { start: 160, record: 104, minor: 13 });
    assert_eq!(error(&put(16, 0)), IndexError::Sizes { start: 128, record: 0, minor: 13 });
    assert_eq!(
        error(&put(20, u32::MAX)),
        IndexError::Truncated { offset: 128 + 5 * 104, number: 6, records: u32::MAX }
    );
    let bytes = index(13, &messages());
    let cut = error(&bytes[..bytes.len() - 1]);
    assert_eq!(cut, IndexError::Truncated { offset: 128 + 4 * 104, number: 5, records: 5 });
    let mut all = Records::open(&bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(all.by_ref().filter(Result::is_ok).count(), 4, "the records before the end are read");
    assert!(all.next().is_none());
}

#[derive(Debug)]
struct Failing;

impl std::io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::PermissionDenied.into())
    }
}

#[test]
fn a_file_that_cannot_be_read_on() {
    use std::io::Read as _;
    let kind = std::io::ErrorKind::PermissionDenied;
    assert_eq!(Records::open(Failing).unwrap_err(), IndexError::Io { offset: 0, kind });
    let bytes = index(13, &messages());
    let records: Vec<_> = Records::open(bytes[..128].chain(Failing)).unwrap().collect();
    assert_eq!(records, [Err(IndexError::Io { offset: 128, kind })]);
}

proptest::proptest! {
    #[test]
    fn what_is_written_is_read(minor in 12..=17_u32, all in vec((any::<u32>(), any::<u32>(), any::<u32>(), any::<[u8; 20]>()), 0..40)) {
        let messages: Vec<_> = all.into_iter().map(|(uid, size, flags, guid)| Message { uid, size, flags, guid }).collect();
        let (header, records) = read(&index(minor, &messages)).unwrap();
        proptest::prop_assert_eq!(usize::try_from(header.records).unwrap(), messages.len());
        let read = records.iter().map(|r| (r.uid, r.size, r.flags.0, r.guid.0, u64::from(r.uid) == r.modseq && r.crc.is_right()));
        let due = messages.iter().map(|m| (m.uid, m.size, m.flags, m.guid, true));
        proptest::prop_assert!(read.eq(due));
    }

    #[test]
    fn never_panics(bytes: Vec<u8>, minor in (12..=17_u32).prop_map(|m| format!("cyrus.index.v{m}")), changes in vec((0..800_usize, any::<u8>()), 0..6), cut: usize) {
        for bytes in [bytes, mutated(fixture(&minor), &changes, cut)] {
            let _ = read(&bytes);
            let _ = CyrusHeader::parse(&bytes);
            let _ = CyrusHeader::parse(&header(&bytes));
        }
        let _ = CyrusHeader::parse(&mutated(fixture("cyrus.header.36"), &changes, cut));
    }
}

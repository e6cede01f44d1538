//! cyrus.index and cyrus.header of every mailbox, streamed, without Cyrus' locks: a client would wait for ours. What
//! the index says of messages is kept for those who ask for it: it is read once.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::mailboxes::{Mailbox, shown};
use crate::collect::reach::mailbox::{Content, Message};
use crate::collect::reach::root::Root;
use crate::fact::{Row, Value};
use crate::format::cyrus_header::{CyrusHeader, HeaderError};
use crate::format::cyrus_index::{IndexError, Record, Records, Tally};
use crate::format::spool_path::Directories;
use crate::model::Reason;
use crate::model::reason::Files;
use crate::model::text::escaped;

/// More than any cyrus.header has, in bytes.
const HEADER_LIMIT: u64 = 1024 * 1024;

/// Read at once from an index: most are smaller.
const READ_BYTES: usize = 64 * 1024;

/// State of a file that the system refuses to read: nothing is known of what is in it.
const UNREADABLE: &str = "unreadable";

/// What an index amounts to.
#[derive(Default)]
struct Index {
    minor: Option<u32>,
    tally: Option<(Tally, u64)>,
    content: Option<Content>,
}

/// What looking at a mailbox gave.
pub(super) struct Looked {
    /// The row of `cyrus_index`.
    pub(super) row: Row,
    /// Whether nothing is wrong with either file.
    pub(super) is_sound: bool,
    /// What the index is.
    pub(super) state: &'static str,
    /// Which of the two files the system refuses to read, and why; none when it refuses neither.
    pub(super) refused: Option<String>,
    /// Its messages, when they were asked for and the index is sound.
    pub(super) content: Option<Content>,
}

/// Looks at the files of a mailbox.
pub(super) fn look(root: &Root, mailbox: &Mailbox, directories: &Directories, wants_content: bool) -> Looked {
    let (state, detail, index) = look_at_index(root, directories, wants_content);
    let (header_state, header_detail, unique_id) = look_at_header(root, &directories.header);
    let refused = refused(root, &directories.index, state, detail.as_deref())
        .or_else(|| refused(root, &directories.header, header_state, header_detail.as_deref()));
    let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let tally = |pick: fn(&(Tally, u64)) -> u64| Value::from(index.tally.as_ref().map(pick).map(number));
    let directory = directories.index.parent().unwrap_or(&directories.index);
    let row = vec![
        Value::from(escaped(mailbox.name.as_bytes())),
        Value::from(shown(directory)),
        Value::from(state),
        Value::from(header_state),
        Value::from(detail.or(header_detail)),
        Value::from(index.minor.map(i64::from)),
        tally(|t| t.0.existing),
        tally(|t| t.0.expunged),
        tally(|t| t.0.unlinked),
        tally(|t| t.1),
        Value::from(unique_id),
    ];
    let is_sound = state == "sound" && header_state == "sound";
    Looked { row, is_sound, state, refused, content: index.content }
}

/// The file with its path, when its state is that it could not be read.
fn refused(root: &Root, file: &Path, state: &str, detail: Option<&str>) -> Option<String> {
    let folder = root.shown(file.parent()?);
    (state == UNREADABLE).then(|| format!("{folder}/{}", detail.unwrap_or_default()))
}

/// The file, open for reading; none when there is none. The error says why nobody knows, without the path where it can.
fn open(root: &Root, file: &Path) -> Result<Option<File>, String> {
    let found = root.find_file(file).map_err(|reason| match reason {
        Reason::Files(Files::Unreadable { error, .. }) => error,
        Reason::Files(Files::NotRegular { .. }) => "not a regular file".to_owned(),
        other => other.to_string(),
    });
    found.map(|found| found.map(|(file, _)| file))
}

type Look = (&'static str, Option<String>, Index);

fn look_at_index(root: &Root, directories: &Directories, wants_content: bool) -> Look {
    let none = Index::default();
    let file = match open(root, &directories.index) {
        Ok(Some(file)) => file,
        Ok(None) => {
            let has_directory = directories.index.parent().is_some_and(|directory| root.folder(directory).is_ok());
            return (if has_directory { "missing" } else { "missing_directory" }, None, none);
        }
        Err(error) => return (UNREADABLE, Some(format!("cyrus.index: {error}")), none),
    };
    match Records::open(BufReader::with_capacity(READ_BYTES, file)) {
        Ok(records) => tally(records, wants_content),
        Err(error) => (state_of(&error), Some(format!("cyrus.index: {error}")), none),
    }
}

fn state_of(error: &IndexError) -> &'static str {
    match error {
        IndexError::Empty => "empty",
        IndexError::Short { .. } | IndexError::Truncated { .. } => "truncated",
        IndexError::Version { .. } | IndexError::Sizes { .. } => "header_damaged",
        IndexError::Io { .. } => UNREADABLE,
    }
}

fn tally<R: Read>(mut records: Records<R>, wants_content: bool) -> Look {
    let header = *records.header();
    let mut content = wants_content.then(|| Content { last_append_at: header.last_append, ..Content::default() });
    let (mut tally, mut bytes) = (Tally::default(), 0_u64);
    for record in records.by_ref() {
        match record {
            Ok(record) => {
                tally.add(&record);
                if !record.flags.is_expunged() && !record.flags.is_unlinked() {
                    bytes += u64::from(record.size);
                }
                // One record that is not what was written, and the others are worth nothing either.
                content = content.filter(|_| record.crc.is_right());
                content.iter_mut().for_each(|content| note(&record, header.is_mailbox_deleted, content));
            }
            Err(error) => {
                let index = Index { minor: Some(header.minor), ..Index::default() };
                return (state_of(&error), Some(format!("cyrus.index: {error}")), index);
            }
        }
    }
    let index = Index { minor: Some(header.minor), tally: Some((tally, bytes)), content: None };
    if !header.crc.is_right() {
        return ("header_damaged", Some("cyrus.index: offset 0: wrong CRC of the header".to_owned()), index);
    }
    if tally.damaged > 0 || tally.out_of_order > 0 {
        let detail =
            format!("cyrus.index: {} record(s) with a wrong CRC, {} out of order", tally.damaged, tally.out_of_order);
        return ("record_damaged", Some(detail), index);
    }
    ("sound", None, Index { content, ..index })
}

fn note(record: &Record, is_mailbox_deleted: bool, content: &mut Content) {
    let flags = record.flags;
    content.files += u64::from(!flags.is_unlinked());
    if flags.is_expunged() || flags.is_unlinked() || is_mailbox_deleted {
        return;
    }
    match record.guid.is_unknown() {
        true => content.without_guid += 1,
        false => content.messages.push(Message { guid: record.guid, written_at: record.last_updated }),
    }
}

fn look_at_header(root: &Root, file: &Path) -> (&'static str, Option<String>, Option<String>) {
    let unreadable = |error: String| (UNREADABLE, Some(format!("cyrus.header: {error}")), None);
    let file = match open(root, file) {
        Ok(Some(file)) => file,
        Ok(None) => return ("missing", None, None),
        Err(error) => return unreadable(error),
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(HEADER_LIMIT).read_to_end(&mut bytes) {
        return unreadable(error.to_string());
    }
    match CyrusHeader::parse(&bytes) {
        Ok(header) => ("sound", None, header.unique_id),
        Err(HeaderError::Empty) => ("empty", None, None),
        Err(error) => ("damaged", Some(format!("cyrus.header: {error}")), None),
    }
}

//! cyrus.index and cyrus.header of every mailbox, streamed, without Cyrus' locks: a client would wait for ours. What
//! the index says of messages is kept for those who ask for it: it is read once.

use std::io::{BufReader, Read};
use std::path::Path;

use super::files::Expected;
use super::mailboxes::{Mailbox, shown};
use crate::collect::reach::mailbox::{Content, Message};
use crate::collect::reach::root::Root;
use crate::fact::{enumeration, table};
use crate::format::cyrus_header::{CyrusHeader, HeaderError};
use crate::format::cyrus_index::{self, IndexError, LONGEST_HEADER, Record, Records, Stamp, Tally};
use crate::format::spool_path::Directories;
use crate::model::Reason;
use crate::model::reason::{Cyrus, Files};
use crate::model::text::escaped;

table! {
    /// The cyrus.index and cyrus.header of every live mailbox of mailboxes.db. Where the system refuses to read one of them
    /// its state is `unreadable`, nothing is known of what is in it, and the table is partial.
    pub(in crate::collect) struct CyrusIndex: "cyrus_index", "a live mailbox in Cyrus", Backend {
        /// internal name of the mailbox
        name: String as key,
        /// folder that holds the two files
        directory: String,
        /// partition that it lies in
        partition: Option<String>,
        /// what the index is: `missing_directory` when not even its folder exists
        state: State,
        /// what cyrus.header is
        header_state: HeaderState,
        /// minor version of the index; null when it is not read
        version: Option<u64>,
        /// what is wrong, with its place; null when nothing is
        detail: Option<String> as prose,
        /// messages: records neither expunged nor unlinked
        existing: Option<u64>,
        /// size of the messages, in bytes
        existing_bytes: Option<u64>,
        /// highest UID that a message ever had: 0 where none ever was
        last_uid: Option<u64>,
        /// UNIQUEID in cyrus.header
        unique_id: Option<String>,
    }
}

enumeration! {
    /// What an index is.
    pub(in crate::collect) enum State {
        Sound = "sound",
        MissingDirectory = "missing_directory",
        Missing = "missing",
        Empty = "empty",
        Truncated = "truncated",
        /// Of before Cyrus 2.3: what is in it is not read.
        TooOld = "too_old",
        /// Of after Cyrus 3.6: what is in it is not read.
        TooNew = "too_new",
        HeaderDamaged = "header_damaged",
        RecordDamaged = "record_damaged",
        /// It says that the mailbox was deleted, and the list still has it: Cyrus does not open it.
        MarkedDeleted = "marked_deleted",
        /// The system refuses to read it: nothing is known of what is in it.
        Unreadable = "unreadable",
    }
}

enumeration! {
    /// What a cyrus.header is.
    pub(in crate::collect) enum HeaderState {
        Sound = "sound",
        Missing = "missing",
        Empty = "empty",
        Damaged = "damaged",
        Unreadable = "unreadable",
    }
}

/// More than any cyrus.header has, in bytes.
const HEADER_LIMIT: u64 = 1024 * 1024;

/// Read at once from an index: most are smaller.
const READ_BYTES: usize = 64 * 1024;

/// What looking at a mailbox gave.
pub(super) struct Inspected {
    pub(super) row: CyrusIndex,
    /// Why the system does not let one of the two files be read.
    pub(super) refusal: Option<Reason>,
    /// Its messages, when they were asked for and the index is sound.
    pub(super) content: Option<Content>,
    /// The files that its messages have, when the index is sound.
    pub(super) expected: Option<Expected>,
}

impl Inspected {
    /// Whether nothing is wrong with either file.
    pub(super) fn is_sound(&self) -> bool {
        self.row.state == State::Sound && self.row.header_state == HeaderState::Sound
    }
}

/// What is wrong with a file.
struct Flaw {
    /// With its place in the file.
    detail: String,
    /// Why the system does not let it be read.
    refusal: Option<Reason>,
}

impl Flaw {
    fn of(file: &str, error: &dyn std::fmt::Display) -> Self {
        Self { detail: format!("{file}: {error}"), refusal: None }
    }

    /// A file that cannot be opened or read.
    fn refused(root: &Root, file: &Path, reason: Reason) -> Self {
        let (error, refusal) = match reason {
            Reason::Files(Files::Unreadable { ref error, .. }) => (error.clone(), reason),
            Reason::Files(Files::NotRegular { .. }) => ("not a regular file".to_owned(), reason),
            Reason::Cyrus(Cyrus::NotFollowed { ref path }) if *path == root.shown(file) => {
                ("a symbolic link, which is not followed".to_owned(), reason)
            }
            // It is about another path.
            why => (why.to_string(), Cyrus::Behind { path: root.shown(file), why: Box::new(why) }.into()),
        };
        let name = file.file_name().unwrap_or_default().display();
        Self { detail: format!("{name}: {error}"), refusal: Some(refusal) }
    }
}

/// Looks at the files of a mailbox.
pub(super) fn inspect(root: &Root, mailbox: &Mailbox, directories: &Directories, wants_content: bool) -> Inspected {
    let index = Index::of(root, directories, wants_content);
    let header = Header::of(root, directories);
    let directory = directories.index.parent().unwrap_or(&directories.index);
    let flaws = || [&index.flaw, &header.flaw].into_iter().flatten();
    let row = CyrusIndex {
        name: escaped(mailbox.name.as_bytes()),
        directory: shown(directory),
        partition: mailbox.partition().map(str::to_owned),
        state: index.state,
        header_state: header.state,
        version: index.version,
        detail: flaws().next().map(|flaw| flaw.detail.clone()),
        existing: index.messages.map(|(messages, _)| messages),
        existing_bytes: index.messages.map(|(_, bytes)| bytes),
        last_uid: index.last_uid,
        unique_id: header.unique_id,
    };
    let unique_id = row.unique_id.clone().or_else(|| mailbox.unique_id().map(str::to_owned));
    let content = index.content.map(|content| Content { unique_id, ..content });
    Inspected { row, refusal: flaws().find_map(|flaw| flaw.refusal.clone()), content, expected: index.expected }
}

/// What tells whether the index of a mailbox is what it was; none where that cannot be told.
pub(super) fn stamp(root: &Root, directories: &Directories) -> Option<Stamp> {
    let (file, _) = root.find_own_file(&directories.index, directories.levels + 1).ok()??;
    let mut start = Vec::with_capacity(LONGEST_HEADER);
    file.take(u64::try_from(LONGEST_HEADER).ok()?).read_to_end(&mut start).ok()?;
    cyrus_index::Header::parse(&start).ok()?.stamp()
}

/// What an index amounts to.
struct Index {
    state: State,
    flaw: Option<Flaw>,
    /// Messages, and their size in bytes; none when they were not all read.
    messages: Option<(u64, u64)>,
    content: Option<Content>,
    expected: Option<Expected>,
    version: Option<u64>,
    last_uid: Option<u64>,
}

impl Index {
    fn without_messages(state: State, flaw: Option<Flaw>) -> Self {
        Self { state, flaw, messages: None, content: None, expected: None, version: None, last_uid: None }
    }

    fn of(root: &Root, directories: &Directories, wants_content: bool) -> Self {
        let (path, levels) = (&directories.index, directories.levels);
        let file = match root.find_own_file(path, levels + 1) {
            Ok(Some((file, _))) => file,
            Ok(None) => {
                let folder = path.parent().map(|folder| root.find_own_folder(folder, levels));
                let has_folder = matches!(folder, Some(Ok(Some(_))));
                let state = if has_folder { State::Missing } else { State::MissingDirectory };
                return Self::without_messages(state, None);
            }
            Err(reason) => {
                return Self::without_messages(State::Unreadable, Some(Flaw::refused(root, path, reason)));
            }
        };
        let records = Records::open(BufReader::with_capacity(READ_BYTES, file));
        let read = records.and_then(|records| Self::read(records, directories.archive.is_some(), wants_content));
        read.unwrap_or_else(|error| Self::broken(root, path, &error))
    }

    fn broken(root: &Root, path: &Path, error: &IndexError) -> Self {
        let state = match error {
            IndexError::Empty => State::Empty,
            IndexError::Short { .. } | IndexError::Truncated { .. } => State::Truncated,
            IndexError::Version { .. } | IndexError::Sizes { .. } => State::HeaderDamaged,
            IndexError::TooOld { .. } => State::TooOld,
            IndexError::TooNew { .. } => State::TooNew,
            IndexError::Io { .. } => State::Unreadable,
        };
        let flaw = match state {
            State::Unreadable => Flaw::refused(root, path, root.unreadable(path, error)),
            _ => Flaw::of("cyrus.index", error),
        };
        Self::without_messages(state, Some(flaw))
    }

    fn read<R: Read>(mut records: Records<R>, has_archive: bool, wants_content: bool) -> Result<Self, IndexError> {
        let header = *records.header();
        let mut content = wants_content.then(|| Content {
            last_append_at: header.last_append,
            made_at: header.uid_validity,
            is_deleted: header.is_mailbox_deleted,
            repacked_at: header.last_repack,
            tells_seen: header.tells_seen(),
            stamp: header.stamp(),
            ..Content::default()
        });
        let (mut tally, mut bytes, mut expected) = (Tally::default(), 0_u64, Expected::default());
        for record in records.by_ref() {
            let record = record?;
            tally.add(&record);
            expected.add(&record, has_archive);
            if !record.flags.is_expunged() && !record.flags.is_unlinked() {
                bytes += u64::from(record.size);
            }
            // One record that is not what was written, and the others are worth nothing either.
            content = content.filter(|_| record.crc.is_right());
            content.iter_mut().for_each(|content| note(&record, content));
        }
        let (state, flaw) = match (header.crc.is_right(), tally.damaged, tally.out_of_order) {
            (false, ..) => (State::HeaderDamaged, Some("offset 0: wrong CRC of the header".to_owned())),
            (true, 0, 0) if header.is_mailbox_deleted => {
                (State::MarkedDeleted, Some("offset 60: marked as deleted".to_owned()))
            }
            (true, 0, 0) => (State::Sound, None),
            (true, damaged, disordered) => {
                let flaw = format!("{damaged} record(s) with a wrong CRC, {disordered} out of order");
                (State::RecordDamaged, Some(flaw))
            }
        };
        let content = content.filter(|_| matches!(state, State::Sound | State::MarkedDeleted));
        let expected = (state == State::Sound).then_some(expected);
        let flaw = flaw.map(|flaw| Flaw::of("cyrus.index", &flaw));
        let messages = Some((tally.existing, bytes));
        let last_uid = Some(header.last_uid.into()).filter(|_| header.crc.is_right());
        Ok(Self { state, flaw, messages, content, expected, version: Some(header.minor.into()), last_uid })
    }
}

fn note(record: &Record, content: &mut Content) {
    let flags = record.flags;
    let is_live = !flags.is_expunged() && !flags.is_unlinked() && !content.is_deleted;
    content.files += u64::from(!flags.is_unlinked());
    content.without_guid += u64::from(is_live && record.guid.is_unknown());
    let (uid, guid, written_at, is_seen) = (record.uid, record.guid, record.last_updated, flags.is_seen());
    content.records.push(Message { uid, guid, written_at, is_live, is_seen });
}

/// What a cyrus.header says.
struct Header {
    state: HeaderState,
    flaw: Option<Flaw>,
    unique_id: Option<String>,
}

impl Header {
    fn of(root: &Root, directories: &Directories) -> Self {
        let path = &directories.header;
        let (state, flaw, unique_id) = match header(root, path, directories.levels + 1) {
            Ok(None) => (HeaderState::Missing, None, None),
            Ok(Some(Ok(header))) => (HeaderState::Sound, None, header.unique_id),
            Ok(Some(Err(HeaderError::Empty))) => (HeaderState::Empty, None, None),
            Ok(Some(Err(error))) => (HeaderState::Damaged, Some(Flaw::of("cyrus.header", &error)), None),
            Err(reason) => (HeaderState::Unreadable, Some(Flaw::refused(root, path, reason)), None),
        };
        Self { state, flaw, unique_id }
    }
}

fn header(root: &Root, path: &Path, levels: usize) -> Result<Option<Result<CyrusHeader, HeaderError>>, Reason> {
    let Some((file, _)) = root.find_own_file(path, levels)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(HEADER_LIMIT).read_to_end(&mut bytes).map_err(|error| root.unreadable(path, &error))?;
    Ok(Some(CyrusHeader::parse(&bytes)))
}

//! Values of Cyrus's `mailboxes.db`: the text of Cyrus 2.4 and 2.5, which migrated installations still hold, and the
//! dlists of Cyrus 3.0 to 3.6.
//!
//! Bytes that are not UTF-8 are shown as U+FFFD: no partition, identity or right that Cyrus accepts has any.

use super::dlist::{self, Data, DlistError, Pair, Value};

/// Why a value could not be read. Cyrus itself passes over such entries. Offsets are in bytes from the value's start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Nothing at all.
    #[error("offset 0: the value is empty")]
    Empty,
    /// Neither a dlist nor a number.
    #[error("offset {offset}: no type of mailbox")]
    Type {
        /// Where the number is due.
        offset: usize,
    },
    /// Text of 2.4 without partition.
    #[error("offset {offset}: no partition")]
    Partition {
        /// Where it is due.
        offset: usize,
    },
    /// `(uniqueid …` of 2.5 without end.
    #[error("offset 0: the list that starts here has no end")]
    OpenList,
    /// A dlist that is none.
    #[error("{0}")]
    Dlist(#[from] DlistError),
    /// A dlist that is no list of pairs.
    #[error("offset {offset}: not key and value pairs")]
    NotPairs {
        /// Where they are due.
        offset: usize,
    },
    /// A list where a text is due, or the reverse.
    #[error("offset {offset}: the value of {key:?} is of another kind")]
    Kind {
        /// The value.
        offset: usize,
        /// Its key.
        key: String,
    },
    /// No number where one is due.
    #[error("offset {offset}: the value of {key:?} is no number")]
    Number {
        /// The value.
        offset: usize,
        /// Its key.
        key: String,
    },
}

/// In which notation a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `0 partition acl` of 2.4.
    Text24,
    /// `(uniqueid …) 0 partition acl` of 2.5.
    Text25,
    /// `%(…)` of 3.0 and later.
    Dlist,
}

/// What a mailbox holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Content {
    /// Messages.
    #[default]
    Email,
    /// News.
    Netnews,
    /// Events.
    Calendar,
    /// Contacts.
    AddressBook,
    /// Files, or another kind of later versions.
    Other,
}

/// State of a mailbox, as its record says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// A tombstone: the name was deleted or renamed. Its unique id may be that of the mailbox under its new name.
    pub is_deleted: bool,
    /// Being moved to another partition or server.
    pub is_moving: bool,
    /// On another server.
    pub is_remote: bool,
    /// Being created.
    pub is_reserved: bool,
    /// A level of names without mailbox.
    pub is_intermediate: bool,
    /// Cyrus 3.6: its directories are named after it. Earlier versions do not say so, and know no other way.
    pub is_legacy: bool,
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclEntry {
    /// User, group or `anyone`; with a leading `-` rights that are taken away.
    pub who: String,
    /// A letter for each right. Empty when the record ends too early.
    pub rights: String,
}

/// A mailbox, as `mailboxes.db` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxRecord {
    /// How it is written.
    pub notation: Notation,
    /// What it holds.
    pub content: Content,
    /// Its state.
    pub flags: Flags,
    /// Unique id. None in text of 2.4: `cyrus.header` has it.
    pub unique_id: Option<String>,
    /// Partition. None in tombstones.
    pub partition: Option<String>,
    /// The server, when that is another one.
    pub server: Option<String>,
    /// Rights, in the order of the record.
    pub acl: Vec<AclEntry>,
    /// UIDVALIDITY.
    pub uid_validity: Option<u64>,
    /// Modification sequence of the folder.
    pub folder_modseq: Option<u64>,
    /// When the record was written, in seconds since 1970.
    pub mtime: Option<u64>,
}

impl MailboxRecord {
    /// Reads a value.
    pub fn parse(value: &[u8]) -> Result<Self, RecordError> {
        match value {
            [] => Err(RecordError::Empty),
            [b'%', ..] => Self::from_dlist(&dlist::parse(value)?),
            _ => Self::from_text(value),
        }
    }

    /// Whether a mailbox of this server should be there, with directories and files. A server alone does not take it away:
    /// Cyrus goes by the type.
    pub fn is_live_and_local(&self) -> bool {
        let flags = self.flags;
        !(flags.is_deleted || flags.is_reserved || flags.is_intermediate || flags.is_remote)
    }

    fn empty(notation: Notation) -> Self {
        Self {
            notation,
            content: Content::default(),
            flags: Flags::default(),
            unique_id: None,
            partition: None,
            server: None,
            acl: Vec::new(),
            uid_validity: None,
            folder_modseq: None,
            mtime: None,
        }
    }

    fn from_dlist(value: &Value<'_>) -> Result<Self, RecordError> {
        let mut record = Self::empty(Notation::Dlist);
        for (key, value) in pairs(value)? {
            match key.as_ref() {
                b"A" => record.acl = acl(value)?,
                b"I" => record.unique_id = text(key, value)?,
                b"P" => record.partition = text(key, value)?,
                b"S" => record.server = text(key, value)?,
                b"T" => (record.content, record.flags) = letters(&text(key, value)?.unwrap_or_default()),
                b"V" => record.uid_validity = number(key, value)?,
                b"F" => record.folder_modseq = number(key, value)?,
                b"M" => record.mtime = number(key, value)?,
                _ => {}
            }
        }
        Ok(record)
    }

    fn from_text(value: &[u8]) -> Result<Self, RecordError> {
        let mut record = Self::empty(Notation::Text24);
        let mut at = 0;
        if let Some(body) = value.strip_prefix(b"(") {
            let len = body.iter().position(|byte| *byte == b')').ok_or(RecordError::OpenList)?;
            let words: Vec<_> = body[..len].split(|byte| *byte == b' ').collect();
            let id = words.chunks(2).find_map(|pair| pair.strip_prefix(&[&b"uniqueid"[..]])?.first());
            record.notation = Notation::Text25;
            record.unique_id = id.map(|id| lossy(id));
            at = len + 2;
            at += value[at..].iter().take_while(|byte| **byte == b' ').count();
        }
        let mut fields = value[at..].splitn(3, |byte| *byte == b' ');
        let kind = fields.next().unwrap_or_default();
        let bits = std::str::from_utf8(kind).ok().and_then(|kind| kind.parse().ok());
        (record.content, record.flags) = bits_of_24(bits.ok_or(RecordError::Type { offset: at })?);
        at += kind.len() + 1;
        let partition = fields.next().filter(|name| !name.is_empty()).ok_or(RecordError::Partition { offset: at })?;
        let partition = lossy(partition);
        let (server, partition) = partition.split_once('!').map_or((None, &*partition), |(s, p)| (Some(s), p));
        record.server = server.map(str::to_owned);
        record.partition = Some(partition.to_owned());
        record.acl = acl_text(fields.next().unwrap_or_default());
        Ok(record)
    }
}

/// The entries of an ACL as text: `who TAB rights TAB`, again and again.
pub(super) fn acl_text(text: &[u8]) -> Vec<AclEntry> {
    let mut words = text.split(|byte| *byte == b'\t').map(lossy);
    let mut entries = Vec::new();
    while let Some(who) = words.next() {
        let rights = words.next();
        if !who.is_empty() || rights.as_ref().is_some_and(|rights| !rights.is_empty()) {
            entries.push(AclEntry { who, rights: rights.unwrap_or_default() });
        }
    }
    entries
}

/// The entries of an ACL as pairs.
pub(super) fn acl(value: &Value<'_>) -> Result<Vec<AclEntry>, RecordError> {
    let entry =
        |(who, rights): &Pair<'_>| Ok(AclEntry { who: lossy(who), rights: text(b"A", rights)?.unwrap_or_default() });
    pairs(value)?.iter().map(entry).collect()
}

pub(super) fn pairs<'v, 'a>(value: &'v Value<'a>) -> Result<&'v [Pair<'a>], RecordError> {
    match &value.data {
        Data::Pairs(pairs) => Ok(pairs),
        _ => Err(RecordError::NotPairs { offset: value.offset }),
    }
}

/// A text, `NIL` and an empty one being none.
pub(super) fn text(key: &[u8], value: &Value<'_>) -> Result<Option<String>, RecordError> {
    match &value.data {
        Data::Nil => Ok(None),
        Data::Text(text) => Ok(Some(lossy(text)).filter(|text| !text.is_empty())),
        _ => Err(RecordError::Kind { offset: value.offset, key: lossy(key) }),
    }
}

/// Content and state that the letters of a `T` tell.
pub(super) fn letters(letters: &str) -> (Content, Flags) {
    let (mut content, mut flags) = Default::default();
    for letter in letters.chars() {
        let Flags { is_deleted, is_moving, is_remote, is_reserved, is_intermediate, is_legacy } = &mut flags;
        match letter {
            'd' => *is_deleted = true,
            'm' => *is_moving = true,
            'r' => *is_remote = true,
            'z' => *is_reserved = true,
            'i' => *is_intermediate = true,
            'l' => *is_legacy = true,
            'e' => content = Content::Email,
            'n' => content = Content::Netnews,
            'c' => content = Content::Calendar,
            'a' => content = Content::AddressBook,
            _ => content = Content::Other,
        }
    }
    (content, flags)
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(key: &[u8], value: &Value<'_>) -> Result<Option<u64>, RecordError> {
    let wrong = |_| RecordError::Number { offset: value.offset, key: lossy(key) };
    text(key, value)?.map(|text| text.parse().map_err(wrong)).transpose()
}

fn bits_of_24(bits: u32) -> (Content, Flags) {
    let has = |bit| bits & bit != 0;
    let content = match bits {
        _ if has(4) => Content::Netnews,
        _ if has(32) => Content::Calendar,
        _ if has(64) => Content::AddressBook,
        _ if has(128) => Content::Other,
        _ => Content::Email,
    };
    let (is_remote, is_reserved, is_moving, is_deleted) = (has(1), has(2), has(8), has(16));
    (content, Flags { is_deleted, is_moving, is_remote, is_reserved, ..Flags::default() })
}

//! `cyrus.header` of a mailbox: a magic, then three lines (Cyrus 2.4 to 3.4) or a dlist (3.6). It is replaced as a whole;
//! `cyrus.index` holds its CRC.

use super::dlist;
use super::mailbox_name::MailboxName;
use super::mailbox_record::{self, AclEntry, Content, Flags, RecordError, lossy};

/// The first bytes of every file.
pub const MAGIC: &[u8] = b"\xa1\x02\x8b\x0dCyrus mailbox header\n\
    \"The best thing about this system was that it had lots of goals.\"\n\t--Jim Morris on Andrew\n";

/// Why the file could not be read. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// As BlueMind's restoration leaves it before `reconstruct`.
    #[error("offset 0: the file is empty")]
    Empty,
    /// Another kind of file.
    #[error("offset {offset}: not the magic of a cyrus.header")]
    Magic {
        /// The first byte that differs.
        offset: usize,
    },
    /// The file ends before the line with the unique id does.
    #[error("offset {offset}: the line that starts here has no end")]
    Line {
        /// Its start.
        offset: usize,
    },
    /// A dlist that is none, or not what a header is made of.
    #[error("in the line at offset {line}: {source}")]
    Dlist {
        /// Start of the line, to which the offset of the reason adds.
        line: usize,
        /// The reason.
        source: RecordError,
    },
}

/// What the file says of its mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CyrusHeader {
    /// Name of the mailbox. Only Cyrus 3.6 writes it.
    pub name: Option<MailboxName>,
    /// Unique id. Cyrus older than 2.2 wrote none.
    pub unique_id: Option<String>,
    /// The mailbox whose quota counts.
    pub quota_root: Option<String>,
    /// Names of the user flags by their bit; an empty one is a bit that is free.
    pub user_flags: Vec<String>,
    /// Rights, in the order of the file.
    pub acl: Vec<AclEntry>,
    /// What the mailbox holds. Only Cyrus 3.6 writes it.
    pub content: Content,
    /// State of the mailbox. Only Cyrus 3.6 writes it.
    pub flags: Flags,
}

/// CRC of the whole file, as `cyrus.index` keeps it.
pub fn crc(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

impl CyrusHeader {
    /// Reads a whole file.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.is_empty() {
            return Err(HeaderError::Empty);
        }
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            let offset = bytes.iter().zip(MAGIC).take_while(|(found, due)| found == due).count();
            return Err(HeaderError::Magic { offset });
        };
        if rest.starts_with(b"%") { Self::from_dlist(rest) } else { Self::from_lines(rest) }
    }

    fn from_lines(rest: &[u8]) -> Result<Self, HeaderError> {
        if !rest.contains(&b'\n') {
            return Err(HeaderError::Line { offset: MAGIC.len() });
        }
        let mut lines = rest.split(|byte| *byte == b'\n');
        let mut fields = lines.next().unwrap_or_default().split(|byte| *byte == b'\t');
        let mut field = || fields.next().filter(|field| !field.is_empty()).map(lossy);
        let (quota_root, unique_id) = (field(), field());
        let user_flags = lossy(lines.next().unwrap_or_default()).trim_end().split(' ').map(str::to_owned).collect();
        let acl = mailbox_record::acl_text(lines.next().unwrap_or_default());
        Ok(Self { unique_id, quota_root, user_flags: without_end(user_flags), acl, ..Self::default() })
    }

    fn from_dlist(rest: &[u8]) -> Result<Self, HeaderError> {
        let line = MAGIC.len();
        let wrong = |source| HeaderError::Dlist { line, source };
        let (value, end) = dlist::parse_prefix(rest).map_err(|error| wrong(error.into()))?;
        if rest.get(end) != Some(&b'\n') {
            return Err(HeaderError::Line { offset: line });
        }
        Self::from_value(&value).map_err(wrong)
    }

    fn from_value(value: &dlist::Value<'_>) -> Result<Self, RecordError> {
        let mut header = Self::default();
        for (key, value) in mailbox_record::pairs(value)? {
            let text = || mailbox_record::text(key, value);
            match key.as_ref() {
                b"N" => header.name = text()?.map(MailboxName::internal),
                b"I" => header.unique_id = text()?,
                b"Q" => header.quota_root = text()?,
                b"T" => (header.content, header.flags) = mailbox_record::letters(&text()?.unwrap_or_default()),
                b"A" => header.acl = mailbox_record::acl(value)?,
                b"U" => header.user_flags = list(key, value)?,
                _ => {}
            }
        }
        Ok(header)
    }
}

fn list(key: &[u8], value: &dlist::Value<'_>) -> Result<Vec<String>, RecordError> {
    let dlist::Data::List(values) = &value.data else {
        return Err(RecordError::Kind { offset: value.offset, key: lossy(key) });
    };
    let texts: Result<_, _> =
        values.iter().map(|value| Ok(mailbox_record::text(key, value)?.unwrap_or_default())).collect();
    texts.map(without_end)
}

/// Without the free bits after the last flag.
fn without_end(mut flags: Vec<String>) -> Vec<String> {
    let len = flags.iter().rposition(|flag| !flag.is_empty()).map_or(0, |last| last + 1);
    flags.truncate(len);
    flags
}

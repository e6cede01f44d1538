//! mailboxes.db of a live server: no lock, a copy in memory, read again until it stands still.
//!
//! Cyrus' own tools take a lock that stalls clients, and repair what they read. A reader that compares the header before
//! and after, and the file behind the name, sees a committed state without either.

use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

use super::conf::Conf;
use crate::collect::reach::mailbox::{Owner, root_name};
use crate::collect::reach::root::Root;
use crate::fact::{Row, Value};
use crate::format::cyrus_db::{CyrusDb, Kind};
use crate::format::mailbox_name::{MailboxName, Namespace, Naming};
use crate::format::mailbox_record::{MailboxRecord, Notation};
use crate::format::spool_path::{Directories, SpoolPathError};
use crate::model::text::escaped;

/// More than any installation has, in bytes: 100 000 mailboxes are 21 MB.
const LIMIT: u64 = 4 * 1024 * 1024 * 1024;
/// Looks at a file that is being written, and the pause between two.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(10);

/// What mailboxes.db holds.
pub(super) struct Mailboxes {
    /// The file, as this machine names it.
    pub(super) source: String,
    path: String,
    kind: Kind,
    size: u64,
    entries: u64,
    tombstones: u64,
    is_open: bool,
    unreadable: Vec<(String, String)>,
    /// Live mailboxes, and those that wait for their purge.
    pub(super) mailboxes: Vec<Mailbox>,
}

/// A mailbox with its directories, when its partition is defined.
pub(super) struct Mailbox {
    pub(super) name: MailboxName,
    record: MailboxRecord,
    is_dbname: bool,
    pub(super) directories: Option<Directories>,
}

impl Mailboxes {
    /// Reads the file. The error names it.
    pub(super) fn read(root: &Root, conf: &Conf) -> Result<Self, String> {
        let path = match (conf.imapd.get("mboxlist_db_path"), conf.imapd.config_directory()) {
            (Some(path), _) => path.to_owned(),
            (None, Some(directory)) => format!("{directory}/mailboxes.db"),
            (None, None) => return Err(format!("{}: no configdirectory", conf.source)),
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match attempt(root, &path, conf) {
                Ok(read) if !read.is_open || tries >= TRIES => return Ok(read),
                Err(reason) if tries >= TRIES => return Err(format!("{}: {reason}", root.shown(&path))),
                Err(reason) if reason.is_final => return Err(format!("{}: {reason}", root.shown(&path))),
                _ => std::thread::sleep(PAUSE),
            }
        }
    }

    /// The row of `cyrus_database`.
    pub(super) fn database(&self) -> Row {
        let format = match self.kind {
            Kind::Twoskip => "twoskip",
            Kind::Skiplist => "skiplist",
            Kind::Flat => "flat",
        };
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        vec![
            Value::from(self.path.as_str()),
            Value::from(format),
            number(self.size),
            number(self.entries),
            number(self.tombstones),
            Value::from(self.is_open),
        ]
    }

    /// Rows of `cyrus_entry_unreadable`.
    pub(super) fn unreadable(&self) -> Vec<Row> {
        let row = |(name, reason): &(String, String)| vec![Value::from(name.as_str()), Value::from(reason.as_str())];
        self.unreadable.iter().map(row).collect()
    }
}

/// Why a look at the file gave nothing: for good, or while it was being written.
struct Unread {
    reason: String,
    is_final: bool,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

fn attempt(root: &Root, path: &str, conf: &Conf) -> Result<Mailboxes, Unread> {
    let never = |error: std::io::Error| Unread { reason: error.to_string(), is_final: true };
    let again = |reason: String| Unread { reason, is_final: false };
    let (mut file, before) = root.regular(path).map_err(never)?;
    if before.len() > LIMIT {
        return Err(Unread { reason: format!("larger than {LIMIT} bytes"), is_final: true });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0));
    file.by_ref().take(LIMIT).read_to_end(&mut bytes).map_err(never)?;
    let db = CyrusDb::parse(&bytes).map_err(|error| again(error.to_string()))?;
    let entries: Vec<_> = db.entries().collect::<Result<_, _>>().map_err(|error| again(error.to_string()))?;
    let mut header = vec![0; db.header_len().min(bytes.len())];
    file.read_exact_at(&mut header, 0).map_err(never)?;
    let (_, after) = root.regular(path).map_err(never)?;
    if !bytes.starts_with(&header) || (before.dev(), before.ino()) != (after.dev(), after.ino()) {
        return Err(again("it was written while it was read".to_owned()));
    }
    let mut read = Mailboxes {
        source: root.shown(path),
        path: path.to_owned(),
        kind: db.kind(),
        size: bytes.len().try_into().unwrap_or(u64::MAX),
        entries: entries.len().try_into().unwrap_or(u64::MAX),
        tombstones: 0,
        is_open: !db.is_settled(),
        unreadable: Vec::new(),
        mailboxes: Vec::new(),
    };
    let naming = Naming::detect(entries.iter().map(|(key, _)| key.as_ref()));
    for (key, value) in &entries {
        read.take(naming, key, value, conf);
    }
    Ok(read)
}

impl Mailboxes {
    fn take(&mut self, naming: Naming, key: &[u8], value: &[u8], conf: &Conf) {
        let Some(name) = naming.mailbox(key) else { return };
        let record = match MailboxRecord::parse(value) {
            Ok(record) => record,
            Err(error) => {
                self.unreadable.push((escaped(key), error.to_string()));
                return;
            }
        };
        if record.flags.is_deleted {
            self.tombstones += 1;
        }
        if !record.is_live_and_local() {
            return;
        }
        let directories = record.partition.as_deref().map(|p| Directories::of(&conf.imapd, &conf.hashing, p, &name));
        if let Some(Err(error @ (SpoolPathError::Name(_) | SpoolPathError::Dots))) = &directories {
            self.unreadable.push((escaped(key), error.to_string()));
        }
        let directories = directories.and_then(Result::ok);
        self.mailboxes.push(Mailbox { name, record, is_dbname: naming == Naming::Dbname, directories });
    }
}

impl Mailbox {
    /// The partition that it lies in.
    pub(super) fn partition(&self) -> Option<&str> {
        self.record.partition.as_deref()
    }

    /// The row of `cyrus_mailbox`.
    pub(super) fn row(&self, conf: &Conf) -> Row {
        let deleted_prefix = conf.hashing.deleted_prefix.as_str();
        let parts = self.name.parts(deleted_prefix);
        let namespace = match parts.namespace {
            Namespace::User => "user",
            Namespace::Shared => "shared",
        };
        let notation = match (self.record.notation, self.is_dbname) {
            (Notation::Text24, _) => "2.4",
            (Notation::Text25, _) => "2.5",
            (Notation::Dlist, false) => "3.0",
            (Notation::Dlist, true) => "3.6",
        };
        let acl: Vec<String> = self.record.acl.iter().map(|entry| format!("{} {}", entry.who, entry.rights)).collect();
        let directory = |pick: fn(&Directories) -> Option<&std::path::Path>| {
            Value::from(self.directories.as_ref().and_then(pick).map(shown))
        };
        vec![
            Value::from(escaped(self.name.as_bytes())),
            Value::from(root_name(&self.name, deleted_prefix)),
            Value::from(namespace),
            Value::from(parts.domain.map(escaped)),
            Value::from(escaped(&parts.owner)),
            Value::from((!parts.is_root()).then(|| parts.folder_path())),
            Value::from(parts.is_deleted),
            Value::from(parts.is_literal_inbox() && parts.folders.len() == 1),
            Value::from(self.record.partition.clone()),
            Value::from(self.record.unique_id.clone()),
            Value::from(notation),
            Value::from(acl.join(", ")),
            directory(|d| Some(&d.data)),
            directory(|d| Some(&d.meta)),
            directory(|d| d.archive.as_deref()),
        ]
    }
}

impl Mailbox {
    /// Whose its messages are.
    pub(super) fn owner(&self, conf: &Conf) -> Owner {
        let parts = self.name.parts(&conf.hashing.deleted_prefix);
        Owner {
            name: escaped(self.name.as_bytes()),
            root_name: root_name(&self.name, &conf.hashing.deleted_prefix),
            domain: parts.domain.map(escaped),
        }
    }
}

/// A path as text; its bytes may be any.
pub(super) fn shown(path: &std::path::Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes())
}

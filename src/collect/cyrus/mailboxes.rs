//! mailboxes.db of a live server: no lock, a copy in memory, read again until it stands still.
//!
//! Cyrus' own tools take a lock that stalls clients, and repair what they read. A reader that compares the header before
//! and after, and the file behind the name, sees a committed state without either.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::conf::Conf;
use super::db::{self, Looks, PAUSE, Print};
use crate::collect::reach::mailbox::{Owner, root_name, root_of};
use crate::collect::reach::root::Root;
use crate::fact::{enumeration, table};
use crate::format::cyrus_db::CyrusDbError;
use crate::format::imapd_conf::Roots;
use crate::format::mailbox_name::{self, MailboxName, Naming};
use crate::format::mailbox_record::{Content, Flags, MailboxRecord};
use crate::format::spool_path::{Directories, SpoolPathError};
use crate::model::Reason;
use crate::model::reason::Run;
use crate::model::text::escaped;

table! {
    /// The entries of mailboxes.db whose name or value cannot be read; Cyrus passes over them.
    pub(in crate::collect) struct CyrusEntryUnreadable: "cyrus_entry_unreadable", "an unreadable entry", Backend {
        /// the key
        name: String as key,
        /// what is wrong, with its place
        reason: String as prose,
    }
}

table! {
    /// The entries of mailboxes.db by which Cyrus serves nobody's mail. Tombstones and levels without mailbox are left out,
    /// and so is what waits for its purge under `DELETED`.
    pub(in crate::collect) struct CyrusEntryUnserved: "cyrus_entry_unserved", "an entry that is not served", Backend {
        /// internal name
        name: String as key,
        /// internal name of the mailbox it belongs to
        root_name: String as key,
        /// what it says instead
        state: Unserved,
        /// the server that it names; null when it names none
        host: Option<String>,
    }
}

enumeration! {
    /// Why an entry is of no mailbox that this Cyrus serves.
    pub(in crate::collect) enum Unserved {
        /// It is of another server.
        Remote = "remote",
        /// It was being created.
        Reserved = "reserved",
        /// It was being moved to another place; its files are here.
        Moving = "moving",
        /// It holds calendars, contacts or files; its files are here.
        NotMail = "not_mail",
    }
}

table! {
    /// What mailboxes.db is. Where it is not there, or the system refuses to read it, nothing is known of it.
    pub(in crate::collect) struct CyrusList: "cyrus_list", "a backend's mailboxes.db", Backend {
        /// the file
        path: String,
        /// whether its entries can be read; all of them are left out of the other tables when they cannot
        state: ListState,
        /// what is wrong, with its place; null when nothing is
        detail: Option<String> as prose,
        /// when the server's files began to be looked at, in seconds since the epoch
        read_at: i64,
    }
}

enumeration! {
    /// What a mailboxes.db is.
    pub(in crate::collect) enum ListState { Sound = "sound", Empty = "empty", Damaged = "damaged" }
}

table! {
    /// The mailboxes of mailboxes.db: live ones, and those that wait for their purge under `DELETED`. Tombstones, reserved,
    /// remote and intermediate entries are left out.
    pub(in crate::collect) struct CyrusMailbox: "cyrus_mailbox", "a mailbox or folder in Cyrus", Backend {
        /// internal name, such as `bm.lan!user.john^doe.Sent`
        name: String as key,
        /// internal name of the mailbox it belongs to, without `DELETED`: `bm.lan!user.john^doe`
        root_name: String as key,
        /// whose it is
        namespace: Namespace,
        /// what stands before the first `!`; null when there is none
        domain: Option<String>,
        /// login or name of the mailbox, `^` turned back into a dot
        owner: String,
        /// decoded path below the root, parts separated by `/`; null for the root itself
        folder: Option<String>,
        /// whether it waits for its purge (`DELETED.….<time>`)
        is_deleted: bool,
        /// whether it is a real folder called INBOX below a user's root, in whatever case, or below one called so in another:
        /// Cyrus shows it under `Alt Folders`
        is_literal_inbox: bool,
        /// partition of its entry
        partition: Option<String>,
        /// Cyrus' UNIQUEID; null in entries of 2.4
        unique_id: Option<String>,
        /// who has which rights, as `who rights` pairs separated by `, `
        acl: String as rights,
        /// where its messages belong; null when its partition is not defined
        data_directory: Option<String> as key,
        /// where its `cyrus.*` files belong
        meta_directory: Option<String> as key,
        /// where its archived messages belong
        archive_directory: Option<String> as key,
    }
}

enumeration! {
    /// Whose a mailbox is.
    pub(in crate::collect) enum Namespace { User = "user", Shared = "shared" }
}

/// Names of mailboxes, with the number of each in its list.
pub(super) type Names<'a> = HashMap<&'a MailboxName, usize>;

/// What mailboxes.db holds.
pub(super) struct Mailboxes {
    /// The file, as this machine names it.
    pub(super) source: String,
    /// The file, as the server names it.
    path: String,
    /// Whether a transaction was open or left over: this is the last committed state.
    is_open: bool,
    pub(super) unreadable: Vec<CyrusEntryUnreadable>,
    pub(super) unserved: Vec<CyrusEntryUnserved>,
    /// Live mailboxes, and those that wait for their purge.
    pub(super) mailboxes: Vec<Mailbox>,
    partitions: HashSet<Arc<str>>,
    print: Print,
}

/// A mailbox: of its entry what is asked for later, for there may be a million.
pub(super) struct Mailbox {
    pub(super) name: MailboxName,
    partition: Option<Arc<str>>,
    unique_id: Option<Box<str>>,
    /// One for all folders that follow each other with the same: those of a mailbox, as a rule.
    acl: Arc<str>,
}

impl Mailboxes {
    /// Reads the file. The error names it.
    pub(super) fn read(root: &Root, conf: &Conf) -> Result<Self, Unlisted> {
        // Without a list that is known there is one, or a reason why not.
        Self::look(root, conf, None)?.ok_or_else(|| Reason::from(Run::NothingReported).into())
    }

    /// Reads it once more; nothing where it is as it was.
    pub(super) fn changed(&self, root: &Root, conf: &Conf) -> Result<Option<Self>, Reason> {
        Ok(Self::look(root, conf, Some(self.print))?)
    }

    fn look(root: &Root, conf: &Conf, known: Option<Print>) -> Result<Option<Self>, Unlisted> {
        let path = match conf.imapd.get("mboxlist_db_path") {
            Some(path) => path.to_owned(),
            None => format!("{}/mailboxes.db", conf.directory()?),
        };
        let mut looks = Looks::default();
        loop {
            match attempt(&mut looks, root, &path, conf, known) {
                Ok(read) if read.as_ref().is_none_or(|read| !read.is_open) || looks.are_enough() => return Ok(read),
                Err(Unread { is_final, unlisted }) if is_final || looks.are_enough() => return Err(unlisted),
                _ => std::thread::sleep(PAUSE),
            }
        }
    }

    /// What there is to say of the file itself.
    pub(super) fn file(&self) -> ListFile {
        ListFile { path: self.path.clone(), state: ListState::Sound, detail: None }
    }

    /// The names of the mailboxes, with the number of each.
    pub(super) fn names(&self) -> Names<'_> {
        self.mailboxes.iter().enumerate().map(|(number, mailbox)| (&mailbox.name, number)).collect()
    }

    fn take(&mut self, naming: Naming, key: &[u8], value: &[u8], conf: &Conf) {
        let Some(name) = naming.mailbox(key) else { return };
        let unreadable = |reason: String| CyrusEntryUnreadable { name: escaped(key), reason };
        let record = match MailboxRecord::parse(value) {
            Ok(record) => record,
            Err(error) => return self.unreadable.push(unreadable(error.to_string())),
        };
        self.unserved.extend(unserved(&name, &record, &conf.hashing.deleted_prefix));
        if !record.is_live_and_local() {
            return;
        }
        let has_directory = |partition: &str| conf.imapd.roots(partition).is_some();
        if let Err(error @ (SpoolPathError::Name(_) | SpoolPathError::Dots)) = conf.hashing.path(&name)
            && record.partition.as_deref().is_some_and(has_directory)
        {
            self.unreadable.push(unreadable(error.to_string()));
        }
        let acl: Vec<String> = record.acl.iter().map(|entry| format!("{} {}", entry.who, entry.rights)).collect();
        let partition = record.partition.as_deref().map(|name| self.shared(name));
        let (unique_id, acl) = (record.unique_id.map(String::into_boxed_str), acl.join(", "));
        let last = self.mailboxes.last().map(|last| &last.acl).filter(|last| ***last == *acl);
        let acl = last.map_or_else(|| acl.into(), Arc::clone);
        self.mailboxes.push(Mailbox { name, partition, unique_id, acl });
    }

    /// The name of a partition, once for all mailboxes in it.
    fn shared(&mut self, partition: &str) -> Arc<str> {
        if let Some(known) = self.partitions.get(partition) {
            return Arc::clone(known);
        }
        let new: Arc<str> = partition.into();
        self.partitions.insert(Arc::clone(&new));
        new
    }
}

/// The row of an entry that is not served; none for the others.
fn unserved(name: &MailboxName, record: &MailboxRecord, deleted_prefix: &str) -> Option<CyrusEntryUnserved> {
    let flags = record.flags;
    let state = match flags {
        Flags { is_deleted: true, .. } | Flags { is_intermediate: true, .. } => return None,
        Flags { is_remote: true, .. } => Unserved::Remote,
        Flags { is_reserved: true, .. } => Unserved::Reserved,
        Flags { is_moving: true, .. } => Unserved::Moving,
        _ if record.content != Content::Email => Unserved::NotMail,
        _ => return None,
    };
    let (shown, root_name) = (escaped(name.as_bytes()), root_name(name, deleted_prefix));
    let is_deleted = name.parts(deleted_prefix).is_deleted;
    (!is_deleted).then(|| CyrusEntryUnserved { name: shown, root_name, state, host: record.server.clone() })
}

/// What a mailboxes.db that was read is.
pub(super) struct ListFile {
    /// As the server names it.
    path: String,
    state: ListState,
    /// What is wrong with it.
    detail: Option<String>,
}

impl ListFile {
    /// Its row; `read_at` in seconds since the epoch.
    pub(super) fn row(self, read_at: i64) -> CyrusList {
        CyrusList { path: self.path, state: self.state, detail: self.detail, read_at }
    }
}

/// Why there is no list, and what that says of the file if it was read.
pub(super) struct Unlisted {
    pub(super) reason: Reason,
    pub(super) file: Option<Box<ListFile>>,
}

impl From<Reason> for Unlisted {
    fn from(reason: Reason) -> Self {
        Self { reason, file: None }
    }
}

impl From<Unlisted> for Reason {
    fn from(unlisted: Unlisted) -> Self {
        unlisted.reason
    }
}

/// Why a look at the file gave nothing: for good, or while it was being written.
struct Unread {
    unlisted: Unlisted,
    is_final: bool,
}

impl Unread {
    /// What may be otherwise at the next look.
    fn for_now(unlisted: impl Into<Unlisted>) -> Self {
        Self { unlisted: unlisted.into(), is_final: false }
    }

    /// A file that is not what Cyrus writes, unless it is a data base that it is writing.
    fn damaged(root: &Root, path: &str, error: &CyrusDbError) -> Self {
        let (state, detail) = match error {
            CyrusDbError::Empty => (ListState::Empty, None),
            _ => (ListState::Damaged, Some(error.to_string())),
        };
        let file = ListFile { path: path.to_owned(), state, detail };
        let unlisted = Unlisted { reason: root.unreadable(path, error), file: Some(Box::new(file)) };
        Self { unlisted, is_final: matches!(error, CyrusDbError::Other(_)) }
    }
}

/// What the system refuses does not get better.
impl From<Reason> for Unread {
    fn from(reason: Reason) -> Self {
        Self { unlisted: reason.into(), is_final: true }
    }
}

fn attempt(
    looks: &mut Looks,
    root: &Root,
    path: &str,
    conf: &Conf,
    known: Option<Print>,
) -> Result<Option<Mailboxes>, Unread> {
    let read = looks.list(root, path, known, |db, print| {
        let (source, path, is_open) = (root.shown(path), path.to_owned(), !db.is_settled());
        let (unreadable, unserved, mailboxes, partitions) = Default::default();
        let mut read = Mailboxes { source, path, is_open, unreadable, unserved, mailboxes, partitions, print };
        // There may be a million: they are gone through twice rather than held.
        let naming = Naming::detect(db.entries().map_while(Result::ok).map(|(key, _)| key));
        for entry in db.entries() {
            let (key, value) = entry?;
            read.take(naming, &key, &value, conf);
        }
        Ok(read)
    });
    read.map_err(|unread| match unread {
        db::Unread::Refused(reason) => reason.into(),
        db::Unread::Damaged(error) => Unread::damaged(root, path, &error),
        db::Unread::Written(reason) => Unread::for_now(reason),
    })
}

impl Mailbox {
    /// The partition that it lies in.
    pub(super) fn partition(&self) -> Option<&str> {
        self.partition.as_deref()
    }

    /// UNIQUEID of its entry.
    pub(super) fn unique_id(&self) -> Option<&str> {
        self.unique_id.as_deref()
    }

    /// Where its files belong; none when its partition is not defined, or its name makes no path.
    pub(super) fn directories(&self, conf: &Conf) -> Option<Directories> {
        Directories::of(&conf.imapd, &conf.hashing, self.partition()?, &self.name).ok()
    }

    /// Whose its messages are.
    pub(super) fn owner(&self, conf: &Conf) -> Owner {
        let parts = self.name.parts(&conf.hashing.deleted_prefix);
        Owner {
            name: escaped(self.name.as_bytes()),
            root_name: root_name(&self.name, &conf.hashing.deleted_prefix),
            has_reader: parts.namespace == mailbox_name::Namespace::User,
            deleted_at: parts.deleted_at,
        }
    }

    /// Whether it waits for its purge.
    pub(super) fn is_deleted(&self, conf: &Conf) -> bool {
        self.name.parts(&conf.hashing.deleted_prefix).is_deleted
    }

    pub(super) fn row(&self, conf: &Conf) -> CyrusMailbox {
        let parts = self.name.parts(&conf.hashing.deleted_prefix);
        let roots = self.partition().and_then(|partition| conf.imapd.roots(partition));
        let (roots, path) = roots.zip(conf.hashing.path(&self.name).ok()).unzip();
        let directory = |root: Option<&str>| Some(shown(&Path::new(root?).join(path.as_ref()?)));
        CyrusMailbox {
            name: escaped(self.name.as_bytes()),
            root_name: root_of(&parts),
            namespace: match parts.namespace {
                mailbox_name::Namespace::User => Namespace::User,
                mailbox_name::Namespace::Shared => Namespace::Shared,
            },
            domain: parts.domain.map(escaped),
            owner: escaped(&parts.owner),
            folder: (!parts.is_root()).then(|| parts.folder_path()),
            is_deleted: parts.is_deleted,
            is_literal_inbox: parts.is_literal_inbox(),
            partition: self.partition().map(str::to_owned),
            unique_id: self.unique_id().map(str::to_owned),
            acl: self.acl.to_string(),
            data_directory: directory(roots.map(|roots: Roots<'_>| roots.data)),
            meta_directory: directory(roots.map(|roots| roots.meta)),
            archive_directory: directory(roots.and_then(|roots| roots.archive)),
        }
    }
}

/// A path as text; its bytes may be any.
pub(super) fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes())
}

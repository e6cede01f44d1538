//! The files of a Cyrus that does not run: mailboxes.db, and where mailboxes have their directories.

use std::path::{Path, PathBuf};
use std::process::Command;

use bm_preflight::format::cyrus_db::CyrusDb;
use bm_preflight::format::mailbox_name::{MailboxName, Naming};
use bm_preflight::format::mailbox_record::MailboxRecord;

use super::{DEFAULT_PARTITION, Lab};

/// Key and value of an entry of mailboxes.db.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// The three trees of the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tree {
    /// Messages.
    Data,
    /// `cyrus.*` files.
    Meta,
    /// Archived messages.
    Archive,
}

impl Tree {
    /// Where it is on the server.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Data => "/var/spool/cyrus/data",
            Self::Meta => "/var/spool/cyrus/meta",
            Self::Archive => "/var/spool/bm-hsm/cyrus-archives",
        }
    }
}

/// Path on the server of a mailbox's directory, by the rules of Cyrus with `hashimapspool` and without `fulldirhash`.
pub(crate) fn directory(tree: Tree, partition: &str, name: &str) -> String {
    let letter = |word: &str| {
        let first = word.chars().next().filter(char::is_ascii_alphabetic);
        first.map_or('q', |first| first.to_ascii_lowercase())
    };
    let (domain, local) = name.split_once('!').map_or((None, name), |(domain, local)| (Some(domain), local));
    let levels: Vec<&str> = local.split('.').collect();
    let hashed = letter(levels.get(1).unwrap_or(&levels[0]));
    let folder = if partition == DEFAULT_PARTITION { "mail" } else { partition };
    let domain = domain.map(|domain| format!("domain/{}/{domain}/", letter(domain))).unwrap_or_default();
    format!("{}/{folder}/{domain}{hashed}/{}", tree.place(), levels.join("/"))
}

fn entries(mailboxes_db: &Path) -> Vec<Entry> {
    let bytes = std::fs::read(mailboxes_db).expect("mailboxes.db can be read");
    let database = CyrusDb::parse(&bytes).expect("mailboxes.db is a data base");
    let entries = database.entries().map(|entry| entry.expect("an entry"));
    entries.map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

fn records(mailboxes_db: &Path) -> Vec<(MailboxName, MailboxRecord)> {
    let entries = entries(mailboxes_db);
    let naming = Naming::detect(entries.iter().map(|(key, _)| &key[..]));
    let record = |(key, value): &Entry| {
        let name = naming.mailbox(key)?;
        Some((name, MailboxRecord::parse(value).ok()?))
    };
    entries.iter().filter_map(record).collect()
}

/// Every mailbox of a mailboxes.db that has directories, deleted ones too.
pub(crate) fn mailboxes(mailboxes_db: &Path) -> Vec<(MailboxName, MailboxRecord)> {
    records(mailboxes_db).into_iter().filter(|(_, record)| record.is_live_and_local()).collect()
}

impl Lab {
    /// Where mailboxes.db is.
    pub(crate) fn mailboxes_db(&self) -> PathBuf {
        self.path("/var/lib/cyrus/mailboxes.db")
    }

    /// The entries of mailboxes.db.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        entries(&self.mailboxes_db())
    }

    /// Replaces mailboxes.db, by Cyrus' own converter: it takes names that no protocol would.
    pub(crate) fn write_entries(&self, entries: &[Entry]) {
        let mut sorted = entries.to_vec();
        sorted.sort();
        let (flat, database) = (self.dir().join("run/mailboxes.flat"), self.mailboxes_db());
        std::fs::write(&flat, super::flat::flat(&sorted)).expect("a flat file can be written");
        std::fs::remove_file(&database).expect("mailboxes.db is there");
        self.settle_owner();
        let [from, to] = [&flat, &database].map(|path| path.to_str().expect("a path of a test is UTF-8"));
        self.tool("cvt_cyrusdb", &[from, "flat", to, "twoskip"]);
        assert_eq!(self.entries().len(), entries.len(), "cvt_cyrusdb took every entry");
    }

    /// Every mailbox with its record, tombstones too; without what tests put there that is no record.
    pub(crate) fn records(&self) -> Vec<(MailboxName, MailboxRecord)> {
        records(&self.mailboxes_db())
    }

    /// Every mailbox that has directories: its internal name, and its record.
    pub(crate) fn mailboxes(&self) -> Vec<(String, MailboxRecord)> {
        let text = |name: MailboxName| String::from_utf8_lossy(name.as_bytes()).into_owned();
        mailboxes(&self.mailboxes_db()).into_iter().map(|(name, record)| (text(name), record)).collect()
    }

    /// Directory of a mailbox of mailboxes.db.
    pub(crate) fn mailbox_directory(&self, tree: Tree, name: &str) -> PathBuf {
        let mailboxes = self.mailboxes();
        let (_, record) = mailboxes.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("{name}: none"));
        self.path(&directory(tree, record.partition.as_deref().expect("a live mailbox has a partition"), name))
    }

    /// Every message file of a tree with its SHA-1, as `sha1sum` says it: messages that were expunged, or whose mailbox
    /// was deleted, have theirs as long as Cyrus keeps them.
    pub(crate) fn messages(&self, tree: Tree) -> Vec<(PathBuf, String)> {
        let is_message = |name: &str| name.strip_suffix('.').is_some_and(|uid| uid.bytes().all(|c| c.is_ascii_digit()));
        let entries = walkdir::WalkDir::new(self.path(tree.place())).into_iter().filter_map(Result::ok);
        let files =
            entries.filter(|entry| entry.file_type().is_file() && is_message(&entry.file_name().to_string_lossy()));
        let files: Vec<PathBuf> = files.map(walkdir::DirEntry::into_path).collect();
        if files.is_empty() {
            return Vec::new();
        }
        // With -z no name is escaped.
        let output = Command::new("sha1sum").args(["-z", "--"]).args(&files).output().expect("sha1sum can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let sums = lines.split_terminator('\0').map(|line| line[..40].to_owned());
        files.into_iter().zip(sums).collect()
    }
}

//! A BlueMind installation in PostgreSQL, and the Cyrus of its only server.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::support::bluemind::{Installation, copy_tree};
use crate::support::cyrus::client::message;
use crate::support::cyrus::{Lab, SERVER};
use crate::support::told;

/// The domains of the installation.
pub(crate) const ORG: &str = "example.org";
pub(crate) const NET: &str = "example.net";

/// What the story has of a Cyrus of its own.
const OF_CYRUS: &[&str] = &["etc/imapd.conf", "etc/cyrus-partitions", "var/lib/cyrus", "var/spool"];

/// A Cyrus that runs, with the mailboxes of the story `healthy_single`.
pub(crate) fn healthy_lab() -> Lab {
    let lab = Lab::start(&[ORG, NET]);
    for login in ["jdoe", "mmartin", "a.durand", "ppetit"] {
        lab.add_user(login, ORG);
    }
    lab.add_user("zoe", NET);
    for name in ["support", "sales", "room-green"] {
        lab.add_share(name, ORG);
    }
    lab.add_share("info", NET);
    fill(&lab);
    lab
}

/// Messages by LMTP and by IMAP, among them archived and expunged ones, folders renamed and deleted.
fn fill(lab: &Lab) {
    let mut lmtp = lab.lmtp();
    for number in 0..12 {
        lmtp.deliver(&["jdoe@example.org"], &message(&format!("to jdoe {number}"), 0));
    }
    for number in 0..2 {
        let to = ["mmartin@example.org", "ppetit@example.org"];
        lmtp.deliver(&to, &message(&format!("to two {number}"), if number == 0 { 90_000 } else { 0 }));
    }
    let mut jdoe = lab.login("jdoe@example.org");
    jdoe.expunge("INBOX", "3:4");
    jdoe.create("Projects");
    jdoe.create("Projects/2024");
    for number in 0..5 {
        jdoe.append("Projects/2024", "(\\Seen)", &message(&format!("project {number}"), 0));
    }
    let mut mmartin = lab.login("mmartin@example.org");
    mmartin.append("INBOX", "\"01-Jul-2019 10:00:00 +0000\"", &message("old", 0));
    mmartin.create("Travels");
    mmartin.run("RENAME Travels D&AOk-placements");
    for number in 0..5 {
        mmartin.append("D&AOk-placements", "", &message(&format!("project {number}"), 0));
    }
    mmartin.create("Given up");
    mmartin.append("Given up", "", &message("given up", 0));
    mmartin.run("DELETE \"Given up\"");
    for number in 0..4 {
        lab.login("zoe@example.net").append("INBOX", "", &message(&format!("to zoe {number}"), 0));
    }
    let mut admin = lab.admin();
    admin.create_on("support/Archive@example.org", &Lab::partition(ORG));
    for number in 0..6 {
        let message = message(&format!("to support {number}"), 0);
        admin.append("support@example.org", "", &message);
        admin.append("user/a.durand@example.org", "", &message);
    }
}

/// The files of that Cyrus, stopped, as Cyrus 3.0 would have them: made once, copied for each test.
pub(crate) fn healthy_files() -> Lab {
    static MADE: OnceLock<Lab> = OnceLock::new();
    let make = || {
        let mut lab = healthy_lab();
        lab.stop();
        lab.grow_older();
        lab
    };
    MADE.get_or_init(make).copy()
}

/// Cyrus and BlueMind together.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) installation: Installation<'static>,
}

impl World {
    /// Joins a Cyrus with the story `healthy_single`.
    pub(crate) fn of(lab: Lab) -> Self {
        Self::of_story(lab, "healthy_single")
    }

    /// Joins a Cyrus with a story that begins from `healthy_single`: the server's files are those of both, and everything
    /// that Cyrus has is replicated.
    pub(crate) fn of_story(lab: Lab, story: &str) -> Self {
        let mut installation = Installation::build(story);
        let from = installation.path("root");
        let is_of_cyrus = |path: &Path| OF_CYRUS.iter().any(|place| path.starts_with(place));
        copy_tree(&from, &lab.root(), |path| !is_of_cyrus(path));
        lab.settle_owner();
        installation.more_config = format!("\n[server.{SERVER}]\nroot = {:?}\n", lab.root().display().to_string());
        let world = Self { lab, installation };
        world.replicate();
        world
    }

    /// Collects every fact.
    pub(crate) fn collect(&self) -> Facts {
        let path = self.installation.path("collected.db");
        let _ = std::fs::remove_file(&path);
        self.installation.command("collect").arg("--facts").arg(&path).assert().success();
        Facts::open(path)
    }
}

/// Facts that were collected.
#[derive(Debug)]
pub(crate) struct Facts(Connection);

impl Facts {
    /// Opens what was collected.
    pub(crate) fn open(path: PathBuf) -> Self {
        Self(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap())
    }

    /// Rows of a query, each value as text; NULL is empty.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let mut statement = self.0.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let columns = statement.column_count();
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Null => String::new(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Text(text) => String::from_utf8(text.to_vec()).expect("facts are UTF-8"),
            other => panic!("{sql}: {other:?}"),
        };
        let rows = statement.query_map([], |row| (0..columns).map(|i| row.get_ref(i).map(text)).collect());
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// The only column of a query.
    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        self.rows(sql).into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// Tables of a mail backend that are not complete, with the reasons.
    pub(crate) fn gaps(&self) -> Vec<Vec<String>> {
        let tables = "'admin_seen', 'cyrus_partition', 'cyrus_list', 'cyrus_entry_unserved', 'cyrus_entry_unreadable', 'cyrus_mailbox', 'cyrus_index', \
                      'spool_directory', 'partition_files', 'mailbox_files', 'message_replication', 'replication_progress'";
        let mut gaps = self.rows(&format!(
            "SELECT \"table\", completeness, coalesce(reason, '') FROM coverage
             WHERE \"table\" IN ({tables}) AND completeness <> 'complete' ORDER BY 1"
        ));
        gaps.iter_mut().for_each(|gap| gap[2] = told(&gap[2]));
        gaps
    }
}

//! The shard as replication leaves it: what a real Cyrus has, folder by folder and record by record.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bm_preflight::format::cyrus_index::Record;
use bm_preflight::format::mailbox_name::{MailboxName, Namespace, Parts};
use bm_preflight::format::mailbox_record::MailboxRecord;
use bm_preflight::format::mutf7;

use crate::support::bluemind::DIRECTORY;
use crate::support::cyrus::SERVER;
use crate::support::cyrus::client::message;
use crate::support::cyrus::files::{Tree, mailboxes};
use crate::support::sides::{self, records};
use crate::world::{World, healthy_files, healthy_lab};

/// Flags of a record that replication hands over: what clients set, and whether it is expunged.
const REPLICATED_FLAGS: u32 = 0x8000_001f;

/// Domain and uid of a mailbox of BlueMind, and its name when it is no user's: by domain, whether it is a user's, and name.
type Owners = BTreeMap<(String, bool, String), String>;

impl World {
    /// Replicates everything: the shard has the folders, records and bodies of Cyrus, and no others. A folder whose index
    /// cannot be read comes without records. Mailboxes that BlueMind does not know are not replicated, but the bodies of
    /// their messages are there: others may have them too.
    pub(crate) fn replicate(&self) {
        let owners = self.owners();
        let mut sql = "TRUNCATE t_message_body;\n".to_owned();
        for (_, sha1) in [Tree::Data, Tree::Archive].into_iter().flat_map(|tree| self.lab.messages(tree)) {
            let _ = writeln!(sql, "SELECT fixture.add_body('{sha1}');");
        }
        let mut ids = vec![quoted("none")];
        for (name, record) in self.folders() {
            sql.push_str(&self.folder(&owners, &name, &record).unwrap_or_default());
            ids.extend(record.unique_id.as_deref().map(quoted));
        }
        let _ = writeln!(
            sql,
            "UPDATE t_container_item SET flags = flags | 2
             WHERE id IN (SELECT item_id FROM t_mailbox_replica) AND uid NOT IN ({});",
            ids.join(", ")
        );
        self.installation.script(SERVER, &sql);
    }

    /// Replicates one folder as Cyrus has it now, by its internal name, and nothing else.
    pub(crate) fn replicate_folder(&self, name: &str) {
        let folder = self.folders().into_iter().find(|(other, _)| other.as_bytes() == name.as_bytes());
        let (name, record) = folder.unwrap_or_else(|| panic!("{name} is not in Cyrus"));
        let sql = self.folder(&self.owners(), &name, &record);
        self.installation.script(SERVER, &sql.unwrap_or_else(|| panic!("{name:?} is nobody's")));
    }

    /// Where Cyrus and the shard are apart now, a line for each folder.
    pub(crate) fn apart(&self) -> Vec<String> {
        sides::apart(&sides::cyrus(&self.lab.root()), &sides::shard(&self.installation, SERVER)).into_iter().collect()
    }

    /// The live folders of Cyrus.
    fn folders(&self) -> Vec<(MailboxName, MailboxRecord)> {
        let mut folders = mailboxes(&self.lab.mailboxes_db());
        folders.retain(|(name, _)| !name.parts("DELETED").is_deleted);
        folders
    }

    fn owners(&self) -> Owners {
        let sql = "SELECT c.uid, m.type = 'user', m.name, i.uid FROM t_mailbox m
                   JOIN t_container_item i ON i.id = m.item_id JOIN t_container c ON c.id = i.container_id";
        let rows = self.installation.sql(DIRECTORY, sql);
        let owner = |line: &str| {
            let [domain, is_user, name, uid] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
            ((domain.to_owned(), is_user == "t", name.to_owned()), uid.to_owned())
        };
        rows.lines().map(owner).collect()
    }

    /// What makes of a folder what it is in Cyrus; none when BlueMind does not know its mailbox.
    fn folder(&self, owners: &Owners, name: &MailboxName, record: &MailboxRecord) -> Option<String> {
        let parts = name.parts("DELETED");
        let domain = String::from_utf8_lossy(parts.domain?).into_owned();
        let owner = String::from_utf8_lossy(&parts.owner).into_owned();
        let is_user = parts.namespace == Namespace::User;
        let mailbox = owners.get(&(domain.clone(), is_user, owner.clone()))?;
        let share = if is_user { "NULL".to_owned() } else { quoted(&owner) };
        let (path, short) = path(&parts).unwrap_or_else(|| {
            let root = if is_user { "INBOX".to_owned() } else { owner };
            (root.clone(), root)
        });
        // PostgreSQL keeps no such text.
        if path.contains('\0') {
            return None;
        }
        let id = record.unique_id.as_deref().expect("a unique id");
        let shown = String::from_utf8_lossy(name.as_bytes()).into_owned();
        let index = self.lab.mailbox_directory(Tree::Meta, &shown).join("cyrus.index");
        let (last_uid, records) = records(&index).unwrap_or_default();
        let [domain, mailbox, path, short] = [&domain, mailbox, &path, &short].map(|text| quoted(text));
        let mut sql = format!(
            "SELECT fixture.replicate_folder({domain}, {mailbox}, {share}, {path}, {short}, '{id}', {last_uid});\n"
        );
        records.iter().for_each(|record| sql.push_str(&replicated(id, record)));
        Some(sql)
    }
}

fn replicated(id: &str, record: &Record) -> String {
    let Record { uid, guid, last_updated, .. } = record;
    let flags = (record.flags.0 & REPLICATED_FLAGS).cast_signed();
    format!(
        "SELECT fixture.add_body('{guid}');
         SELECT fixture.add_record('{id}', {uid}, '{guid}', {flags}, to_timestamp({last_updated}) AT TIME ZONE 'UTC');\n"
    )
}

/// Path and short name of a folder in a shard of 4.0, whose path takes a dot in a name for the end of a level; none for a
/// root.
fn path(parts: &Parts<'_>) -> Option<(String, String)> {
    let level = |level: &&[u8]| mutf7::display(level).into_owned();
    let levels: Vec<String> = parts.folders.iter().map(level).collect();
    Some((levels.join("/").replace('^', "/"), levels.last()?.replace('^', ".")))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What every test begins with: the two sides hold the same, and the program sees as many messages on both.
#[test]
fn a_world_begins_replicated() {
    let world = World::of(healthy_files());
    assert_eq!(world.apart(), Vec::<String>::new());
    let facts = world.collect();
    assert_eq!(facts.gaps(), Vec::<Vec<String>>::new());
    let folders = facts.rows(
        "SELECT m.name, f.messages, i.existing FROM folder AS f
         LEFT JOIN cyrus_mailbox AS m ON m.unique_id = f.folder_uid AND m.is_deleted = 0
         LEFT JOIN cyrus_index AS i ON i.name = m.name
         WHERE f.is_deleted = 0 ORDER BY 1",
    );
    assert_eq!(folders.len(), 42);
    let counts =
        |at: usize| folders.iter().filter(|row| row[at] != "0").map(|row| (&row[0][..], &row[at][..])).collect();
    let [replicated, existing]: [Vec<(&str, &str)>; 2] = [counts(1), counts(2)];
    let due = [
        ("example.net!user.zoe", "4"),
        ("example.org!support", "6"),
        ("example.org!user.a^durand", "6"),
        ("example.org!user.jdoe", "10"),
        ("example.org!user.jdoe.Projects.2024", "5"),
        ("example.org!user.mmartin", "3"),
        ("example.org!user.mmartin.D&AOk-placements", "5"),
        ("example.org!user.ppetit", "2"),
    ];
    assert_eq!((&replicated[..], &existing[..]), (&due[..], &due[..]));
}

/// Folder by folder the shard is made to follow.
#[test]
fn a_folder_is_replicated_alone() {
    let world = World::of(healthy_lab());
    let mut user = world.lab.login("jdoe@example.org");
    user.append("INBOX", "(\\Seen)", &message("after", 0));
    user.expunge("Projects/2024", "1:2");
    user.create("l'&AOk-t&AOk-.2019");
    user.append("l'&AOk-t&AOk-.2019", "", &message("summer", 0));
    user.run("RENAME Drafts Begun");
    user.run("DELETE Outbox");
    let mut apart = vec![
        "example.org!user.jdoe.Projects.2024: 2 records only in Cyrus, 2 only in the shard",
        "example.org!user.jdoe.l'&AOk-t&AOk-^2019: only in Cyrus",
        "example.org!user.jdoe: 1 records only in Cyrus, 0 only in the shard",
        "user-jdoe/Outbox: only in the shard",
    ];
    assert_eq!(world.apart(), apart);
    for name in ["Projects.2024", "l'&AOk-t&AOk-^2019", "Begun"] {
        world.replicate_folder(&format!("example.org!user.jdoe.{name}"));
    }
    apart.drain(..2);
    assert_eq!(world.apart(), apart);
    let names: BTreeSet<String> =
        sides::shard(&world.installation, SERVER).into_values().map(|folder| folder.name).collect();
    let are_there = ["Begun", "Drafts", "l'été/2019"].map(|path| names.contains(&format!("user-jdoe/{path}")));
    assert_eq!(are_there, [true, false, true], "{names:?}");
    world.replicate();
    assert_eq!(world.apart(), Vec::<String>::new());
}

//! A whole backend in small, and what its tables say of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::conf::Conf;
use super::files::{Expected, Files};
use super::mailboxes::Mailboxes;
use super::*;
use crate::collect::reach::mailbox::{Content, Gather, Owner, Since};
use crate::collect::reach::place::Place;
use crate::collect::reach::root::Root;
use crate::collect::reach::sink::Sink;
use crate::fact::store::Origin;
use crate::fact::{Schema, Store, Table};
use crate::format::cyrus_header;
use crate::format::cyrus_index::Records;
use crate::model::reason::Cyrus;
use crate::model::{Completeness, Reason};

/// What looking at the mailboxes tells.
const MAILBOXES: &Look = &Look {
    tables: &[CyrusEntryUnreadable::TABLE, CyrusMailbox::TABLE, CyrusIndex::TABLE, SpoolDirectory::TABLE],
    look: |place| Box::pin(mailboxes(place, None)),
};

fn collectors() -> impl Iterator<Item = &'static dyn OfServer> {
    ALL.iter().copied().chain([MAILBOXES as &dyn OfServer])
}

fn tables() -> Vec<&'static Table> {
    collectors().flat_map(|collector| collector.tables()).copied().collect()
}

const CONF: &str = "configdirectory: /var/lib/cyrus
defaultpartition: p
partition-p: /spool/data/p
metapartition-p: /spool/meta/p
archivepartition-p: /hsm/archive/p
metapartition_files: header index
hashimapspool: yes
";

/// A server's files, of a mailbox `user.a` without messages.
struct Server(tempfile::TempDir);

impl Server {
    fn new() -> Self {
        let server = Self(tempfile::tempdir().unwrap());
        server.put("etc/imapd.conf", CONF);
        server.list(&["user.a"]);
        server.put("spool/data/p/a/user/a/1.", "");
        server.put("spool/meta/p/a/user/a/cyrus.index", "");
        server.put("hsm/archive/p/a/user/a/2.", "");
        server
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn put(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), text).unwrap();
    }

    /// Writes mailboxes.db.
    fn list(&self, names: &[&str]) {
        let line = |name: &&str| format!("{name}\t%(A %(a lrs) I 1 P p M 1)\n");
        self.put("var/lib/cyrus/mailboxes.db", &names.iter().map(line).collect::<String>());
    }

    fn remove(&self, path: &str) {
        std::fs::remove_dir_all(self.path(path)).unwrap();
    }

    fn link(&self, target: &str, path: &str) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, self.path(path)).unwrap();
    }

    fn collect(&self) -> Collected {
        self.collect_only(tables())
    }

    fn collect_only(&self, wanted: Vec<&'static Table>) -> Collected {
        let sink = Sink::new(Store::in_memory(&Schema::new(tables()), &Origin::new("test", 0)).unwrap());
        let place = Place { wanted, sink, ..Place::of(self.0.path()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for collector in collectors() {
                place.collect(collector).await;
            }
        });
        Collected { root: self.0.path().display().to_string(), store: place.sink.take().unwrap() }
    }
}

struct Collected {
    root: String,
    store: Store,
}

impl Collected {
    /// Whether a table is complete, and what it lacks otherwise.
    fn of(&self, table: &str) -> (Completeness, String) {
        let coverage = self.store.coverage().unwrap().into_iter().find(|entry| entry.table == table).unwrap();
        (
            coverage.completeness,
            coverage.reason.map(|reason| reason.to_string().replace(&self.root, "ROOT")).unwrap_or_default(),
        )
    }

    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let rows = self.store.texts(sql).unwrap().into_iter();
        let text = |value: Option<String>| value.unwrap_or_default().replace(&self.root, "ROOT");
        rows.map(|row| row.into_iter().map(text).collect()).collect()
    }
}

#[test]
fn without_imapd_conf_nothing_is_known_of_what_it_tells() {
    let server = Server::new();
    server.put("etc/cyrus.conf", "START {\n}\n");
    std::fs::remove_file(server.path("etc/imapd.conf")).unwrap();
    let collected = server.collect();
    for table in tables().into_iter().filter(|table| table.name != "cyrus_conf_entry") {
        let reason = "ROOT/etc/imapd.conf: No such file or directory (os error 2)".to_owned();
        assert_eq!(collected.of(table.name), (Completeness::Absent, reason), "{}", table.name);
    }
    assert_eq!(collected.of("cyrus_conf_entry"), (Completeness::Complete, String::new()));
}

#[test]
fn an_imapd_conf_that_was_cut_off_hides_no_index() {
    let server = Server::new();
    server.list(&["user.a", "user.b"]);
    let conf = std::fs::read_to_string(server.path("etc/imapd.conf")).unwrap();
    assert_eq!(server.collect().of("cyrus_index").0, Completeness::Complete);
    let cut: String = conf.lines().filter(|line| !line.contains("partition-")).map(|l| format!("{l}\n")).collect();
    for (text, of_partitions) in [
        (cut.clone(), (Completeness::Absent, "ROOT/etc/imapd.conf: it defines no partition: it may have been cut off")),
        (format!("{cut}partition-other: /spool\n"), (Completeness::Complete, "")),
    ] {
        server.put("etc/imapd.conf", &text);
        let collected = server.collect();
        let reason = "ROOT/etc/imapd.conf: it defines none of the partitions that mailboxes lie on, such as p: it may \
                      have been cut off";
        assert_eq!(collected.of("cyrus_index"), (Completeness::Absent, reason.to_owned()));
        assert_eq!(collected.of("cyrus_partition"), (of_partitions.0, of_partitions.1.to_owned()));
    }
}

#[test]
fn an_index_that_the_system_refuses_to_read_is_neither_damaged_nor_missing() {
    let server = Server::new();
    server.list(&["user.a", "user.b", "user.c", "user.d", "user.e", "user.f", "user.g", "user.h"]);
    server.link("cyrus.index", "spool/meta/p/b/user/b/cyrus.index");
    server.put("spool/meta/p/c/user/c", "a file");
    server.put("spool/meta/p/d/user/d/cyrus.index/folder", "");
    server.link("cyrus.header", "spool/meta/p/e/user/e/cyrus.header");
    server.put("spool/meta/p/f/user/f/cyrus.header", "");
    server.link("/volume/h", "spool/meta/p/h");
    let collected = server.collect();
    let (completeness, reason) = collected.of("cyrus_index");
    assert_eq!(completeness, Completeness::Partial);
    assert_eq!(
        reason,
        "5 index(es) or header(s) could not be read: \
         ROOT/spool/meta/p/b/user/b/cyrus.index: Too many levels of symbolic links (os error 40); \
         ROOT/spool/meta/p/c/user/c/cyrus.index: Not a directory (os error 20); \
         ROOT/spool/meta/p/d/user/d/cyrus.index: not a regular file; …"
    );
    let states = collected.rows("SELECT name, state, header_state FROM cyrus_index ORDER BY 1");
    let due = [
        ["user.a", "empty", "missing"],
        ["user.b", "unreadable", "missing"],
        ["user.c", "unreadable", "unreadable"],
        ["user.d", "unreadable", "missing"],
        ["user.e", "missing", "unreadable"],
        ["user.f", "missing", "empty"],
        ["user.g", "missing_directory", "missing"],
        ["user.h", "unreadable", "unreadable"],
    ];
    assert_eq!(states, due);
    let gone = "cyrus.index: ROOT/spool/meta/p/h: it leads to /volume/h, which is not there";
    assert_eq!(collected.rows("SELECT detail FROM cyrus_index WHERE name = 'user.h'"), [[gone]]);
    assert_eq!(collected.rows("SELECT name FROM cyrus_index WHERE existing IS NOT NULL"), Vec::<Vec<String>>::new());
}

/// What `spool_directory` lacks after something was done to a server.
fn gap_of_spool(harm: impl FnOnce(&Server)) -> Option<String> {
    let server = Server::new();
    harm(&server);
    let (completeness, reason) = server.collect_only(vec![SpoolDirectory::TABLE]).of("spool_directory");
    let due = if reason.is_empty() { Completeness::Complete } else { Completeness::Partial };
    assert_eq!(completeness, due, "{reason}");
    (!reason.is_empty()).then_some(reason)
}

#[test]
fn folders_that_nobody_needed_yet_are_not_missed() {
    let more = "partition-q: /spool/data/q\nmetapartition-q: /spool/meta/q\narchivepartition-q: /hsm/archive/q\n";
    assert_eq!(gap_of_spool(|_| {}), None);
    assert_eq!(gap_of_spool(|server| server.remove("hsm/archive/p")), None);
    assert_eq!(gap_of_spool(|server| server.remove("hsm")), None);
    assert_eq!(gap_of_spool(|server| server.put("etc/imapd.conf", &format!("{CONF}{more}"))), None);
}

#[test]
fn a_folder_of_mailboxes_that_is_not_there_is_told() {
    let reason = |path| {
        format!("1 place(s) of the spool could not be read: ROOT/{path}: No such file or directory (os error 2)")
    };
    for path in ["spool/data/p", "spool/meta/p", "spool/data", "spool/meta"] {
        assert_eq!(gap_of_spool(|server| server.remove(path)), Some(reason(path)), "{path}");
    }
    let file = gap_of_spool(|server| {
        server.remove("hsm/archive/p");
        server.put("hsm/archive/p", "a file");
    });
    assert!(file.unwrap().ends_with(": ROOT/hsm/archive/p: Not a directory (os error 20)"));
}

#[test]
fn a_link_that_leads_nowhere_is_told_wherever_it_is() {
    for path in
        ["hsm", "hsm/archive", "hsm/archive/p", "spool/data", "spool/meta/p", "spool/data/p/a", "spool/data/other"]
    {
        let gap = gap_of_spool(|server| {
            let _ = std::fs::remove_dir_all(server.path(path));
            server.link("/volume", path);
        });
        let due =
            format!("1 place(s) of the spool could not be read: ROOT/{path}: it leads to /volume, which is not there");
        assert_eq!(gap, Some(due));
    }
}

#[test]
fn what_lies_behind_a_link_below_a_partition_is_not_known() {
    let server = Server::new();
    server.put("volume/b/user/b/1.", "");
    server.link("/volume/b", "spool/data/p/b");
    server.link("..", "spool/data/p/a/user/a/circle");
    std::fs::rename(server.path("hsm/archive/p"), server.path("volume/p")).unwrap();
    server.link("/volume/p", "hsm/archive/p");
    let collected = server.collect_only(vec![SpoolDirectory::TABLE]);
    let reason = "2 place(s) of the spool could not be read: \
                  ROOT/spool/data/p/a/user/a/circle: a symbolic link, which is not followed; \
                  ROOT/spool/data/p/b: a symbolic link, which is not followed";
    assert_eq!(collected.of("spool_directory"), (Completeness::Partial, reason.to_owned()));
    let links = collected.rows("SELECT directory FROM spool_directory WHERE is_link = 1 ORDER BY 1");
    assert_eq!(links, [["/spool/data/p/a/user/a/circle"], ["/spool/data/p/b"]]);
    let followed = collected.rows("SELECT directory FROM spool_directory WHERE tree = 'archive' AND messages > 0");
    assert_eq!(followed, [["/hsm/archive/p/a/user/a"]]);
}

#[test]
fn a_directory_is_marked_that_is_where_the_list_has_it() {
    let server = Server::new();
    for path in ["data/p/b/user/b/1.", "data/other/a/user/a/1.", "data/p/a/user/a/below/1.", "data/p/x/user/a/1."] {
        server.put(&format!("spool/{path}"), "");
    }
    let collected = server.collect_only(vec![SpoolDirectory::TABLE]);
    let listed = collected.rows("SELECT directory FROM spool_directory WHERE is_listed = 1 ORDER BY 1");
    assert_eq!(listed, [["/hsm/archive/p/a/user/a"], ["/spool/data/p/a/user/a"], ["/spool/meta/p/a/user/a"]]);
    server.list(&["user.other"]);
    let collected = server.collect_only(vec![SpoolDirectory::TABLE]);
    assert!(collected.rows("SELECT directory FROM spool_directory WHERE is_listed = 1").is_empty());
}

/// BlueMind expects other letters there: each directory has to be looked at.
#[test]
fn no_directory_is_marked_under_the_letters_of_fulldirhash() {
    let server = Server::new();
    server.put("etc/imapd.conf", &format!("{CONF}fulldirhash: yes\n"));
    server.put("spool/data/p/F/user/a/1.", "");
    let collected = server.collect_only(vec![SpoolDirectory::TABLE]);
    let marks = collected
        .rows("SELECT directory, iif(is_listed, 'listed', '') FROM spool_directory WHERE mailbox_name = 'user.a'");
    assert_eq!(marks, [["/spool/data/p/F/user/a", ""]]);
}

#[test]
fn a_list_is_told_again_only_where_it_has_changed() {
    let server = Server::new();
    let root = Root::new(server.0.path());
    let conf = Conf::read(&root).unwrap();
    let first = Mailboxes::read(&root, &conf).ok().unwrap();
    let mailboxes = || first.changed(&root, &conf).map(|list| list.map(|list| list.mailboxes.len()));
    assert_eq!(mailboxes(), Ok(None));
    // Written anew with the same bytes, it is the same list.
    server.list(&["user.a"]);
    assert_eq!(mailboxes(), Ok(None));
    server.list(&["user.b"]);
    assert_eq!(mailboxes(), Ok(Some(1)), "as long as it was");
    server.list(&["user.a", "user.b"]);
    assert_eq!(mailboxes(), Ok(Some(2)));
    std::fs::remove_file(server.path("var/lib/cyrus/mailboxes.db")).unwrap();
    assert!(mailboxes().is_err());
}

/// Where the index of `user.a` is.
const INDEX: &str = "spool/meta/p/a/user/a/cyrus.index";

/// A sound `cyrus.index` of minor version 13 with as many messages.
fn index(messages: u32) -> Vec<u8> {
    let words = |len: usize, words: &[(usize, u32)]| {
        let mut bytes = vec![0; len];
        words.iter().for_each(|(at, word)| bytes[*at..*at + 4].copy_from_slice(&word.to_be_bytes()));
        let crc = crc32fast::hash(&bytes[..len - 4]);
        bytes[len - 4..].copy_from_slice(&crc.to_be_bytes());
        bytes
    };
    let mut index = words(128, &[(0, 1), (8, 13), (12, 128), (16, 104), (20, messages), (28, messages)]);
    (1..=messages).for_each(|uid| index.extend(words(104, &[(0, uid), (12, 1), (80, uid)])));
    index
}

/// What a closer look at the files says of an index that was sound, and then was these bytes.
fn looked_again(now: &[u8]) -> (Vec<u64>, Option<String>) {
    let server = Server::new();
    server.put("spool/data/p/a/user/a/1.", "x");
    let root = Root::new(server.0.path());
    let conf = Conf::read(&root).unwrap();
    let mailboxes = super::mailboxes::Mailboxes::read(&root, &conf).ok().unwrap().mailboxes;
    let files = Files::of(&conf, &mailboxes);
    let mut expected = Expected::default();
    Records::open(&index(3)[..]).unwrap().for_each(|record| expected.add(&record.unwrap(), true));
    files.expect(0, expected);
    std::fs::write(server.path(INDEX), now).unwrap();
    let told = files.settle(&root);
    let gap = told.gap().map(|gap| gap.to_string().replace(&root.shown("/"), "ROOT/"));
    (told.mailboxes.iter().map(|row| row.missing).collect(), gap)
}

#[test]
fn an_index_that_broke_between_two_looks_at_its_files_is_a_gap() {
    assert_eq!(looked_again(&index(3)), (vec![2], None));
    let gap = |why: &str| {
        Some(format!("1 place(s) of the spool could not be read: ROOT/spool/meta/p/a/user/a/cyrus.index: {why}"))
    };
    assert_eq!(looked_again(b""), (vec![], gap("offset 0: the file is empty")));
    let cut = &index(3)[..300];
    assert_eq!(looked_again(cut), (vec![], gap("offset 232: the file ends in record 2 of 3")));
    for place in [100, 200] {
        let mut damaged = index(3);
        damaged[place] ^= 1;
        assert_eq!(looked_again(&damaged), (vec![], gap("wrong CRC")), "at {place}");
    }
}

#[test]
fn an_index_that_broke_before_its_messages_were_asked_for_again_is_no_mailbox_without_messages() {
    let server = Server::new();
    let again = || again(&Root::new(server.0.path())).ok().unwrap();
    let owner =
        |name: &str| Owner { name: name.to_owned(), root_name: name.to_owned(), has_reader: true, deleted_at: None };
    std::fs::write(server.path(INDEX), index(3)).unwrap();
    let Since::Changed(first) = again().content(&owner("user.a"), None).unwrap() else { panic!("nothing was known") };
    assert_eq!(first.records.len(), 3);
    let seen = |name: &str, before| again().content(&owner(name), before);
    assert!(matches!(seen("user.b", None), Ok(Since::Gone)), "it is not listed any more");
    assert!(matches!(seen("user.a", first.stamp), Ok(Since::Same)));
    std::fs::write(server.path(INDEX), index(4)).unwrap();
    assert!(matches!(seen("user.a", first.stamp), Ok(Since::Changed(now)) if now.records.len() == 4));
    std::fs::write(server.path(INDEX), &index(3)[..300]).unwrap();
    let reason = seen("user.a", None).err().unwrap().to_string();
    assert!(reason.contains("user.a") && reason.contains("truncated"), "{reason}");
}

/// Changes the files while the first index is read, and notes whose messages it is handed.
struct Meanwhile {
    server: Server,
    change: fn(&Server, &str),
    list: &'static str,
    names: Mutex<Vec<String>>,
}

impl Gather for Meanwhile {
    fn add(&self, owner: Owner, _: &Content) -> Result<(), Reason> {
        let mut names = self.names.lock().unwrap();
        if names.is_empty() {
            (self.change)(&self.server, self.list);
        }
        names.push(owner.name);
        Ok(())
    }

    fn add_deleted(&self, owner: Owner, _: &Content) {
        self.names.lock().unwrap().push(format!("deleted {}", owner.name));
    }

    fn miss(&self, mailbox: Cyrus) {
        self.names.lock().unwrap().push(format!("{mailbox:?}"));
    }

    fn end(&self, outcome: Result<(), Reason>) {
        assert_eq!(outcome, Ok(()));
    }
}

impl Server {
    /// Writes mailboxes.db: names, and what is said of the ids.
    fn list_ids(&self, text: &str) {
        let line = |line: &str| {
            let (name, id) = line.split_at(line.find(' ').unwrap_or(line.len()));
            format!("{name}\t%(A %(a lrs){id} P p M 1)\n")
        };
        self.put("var/lib/cyrus/mailboxes.db", &text.lines().map(line).collect::<String>());
    }

    /// Writes index and header of a mailbox.
    fn put_mailbox(&self, directory: &str, id: &str) {
        self.put(&format!("{directory}/cyrus.header"), "");
        let header = [cyrus_header::MAGIC, format!("\t{id}\n\na\tlrs\t\n").as_bytes()].concat();
        std::fs::write(self.path(&format!("{directory}/cyrus.header")), header).unwrap();
        std::fs::write(self.path(&format!("{directory}/cyrus.index")), index(3)).unwrap();
    }
}

const HERE: &str = "spool/meta/p/a/user/a";
const THERE: &str = "spool/meta/p/b/user/b";
const DELETED: &str = "spool/meta/p/u/DELETED/user/b/5F000000";

#[test]
fn a_mailbox_that_is_renamed_meanwhile_is_told_once() {
    let rename: fn(&Server, &str) = |server, list| {
        let there = if list.contains("DELETED") { DELETED } else { THERE };
        std::fs::create_dir_all(server.path(there)).unwrap();
        std::fs::rename(server.path(HERE), server.path(there)).unwrap();
        server.list_ids(list);
    };
    let make: fn(&Server, &str) = |server, list| {
        server.put_mailbox(THERE, "7");
        server.list_ids(list);
    };
    for (before, change, after, due) in [
        ("user.a I 7", rename, "user.b I 7", vec!["user.a"]),
        // An entry of Cyrus 2.4 has no id.
        ("user.a", rename, "user.b I 7", vec!["user.a"]),
        ("user.a I 7", rename, "DELETED.user.b.5F000000 I 7", vec!["user.a", "deleted DELETED.user.b.5F000000"]),
        // Two that share an id do so, and another id is another mailbox.
        ("user.a I 7", make, "user.a I 7\nuser.b I 7", vec!["user.a", "user.b"]),
        ("user.a I 8", make, "user.b I 7", vec!["user.a", "user.b"]),
        // What was not read under its first name is told under the second.
        ("user.a I 8\nuser.c I 7", make, "user.a I 8\nuser.b I 7", vec!["user.a", "user.b"]),
    ] {
        let server = Server::new();
        server.list_ids(before);
        server.put_mailbox(HERE, if before.contains("I 8") { "8" } else { "7" });
        let place = Place::of(server.0.path());
        let gather = Arc::new(Meanwhile { server, change, list: after, names: Mutex::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drop(runtime.block_on(mailboxes(&place, Some(Arc::clone(&gather) as Arc<dyn Gather>))));
        assert_eq!(*gather.names.lock().unwrap(), due, "{before:?}, then {after:?}");
    }
}

//! A whole backend in small, and what its tables say of it.

use std::path::PathBuf;

use super::*;
use crate::fact::store::Origin;
use crate::fact::{Schema, Store};
use crate::model::Completeness;

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

    fn collect(&self) -> Collected {
        let schema = Schema::new(TABLES.iter().copied());
        let sink = Sink::new(Store::in_memory(&schema, &Origin::new("test", 0)).unwrap());
        let _ = collect("m", &Root::new(self.0.path()), TABLES, None, &sink);
        Collected { root: self.0.path().display().to_string(), store: sink.take().unwrap() }
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
        (coverage.completeness, coverage.reason.unwrap_or_default().replace(&self.root, "ROOT"))
    }
}

#[test]
fn without_imapd_conf_nothing_is_known_of_what_it_tells() {
    let server = Server::new();
    server.put("etc/cyrus.conf", "START {\n}\n");
    std::fs::remove_file(server.path("etc/imapd.conf")).unwrap();
    let collected = server.collect();
    for table in TABLES.iter().filter(|table| table.name != "cyrus_conf_entry") {
        let reason = "ROOT/etc/imapd.conf: No such file or directory (os error 2)".to_owned();
        assert_eq!(collected.of(table.name), (Completeness::Absent, reason), "{}", table.name);
    }
    assert_eq!(collected.of("cyrus_conf_entry"), (Completeness::Complete, String::new()));
}

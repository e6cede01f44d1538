//! Whole files that are damaged, gone or no files at all: what was not read is unknown, and condemns nobody's mail.

use std::process::Command;

use bm_preflight::format::cyrus_header::crc;

use crate::run::{Run, run};
use crate::states::{due, findings};
use crate::support::cyrus::files::Tree;
use crate::world::{World, healthy_files};

/// Checks that compare the spool or BlueMind with mailboxes.db: without it they have nothing to say.
const NEED_IT: &[&str] = &[
    "cyrus_mailbox_missing",
    "cyrus_mailbox_unknown",
    "cyrus_entry_unserved",
    "cyrus_partition_undefined",
    "cyrus_partition_without_server",
    "cyrus_partition_wrong",
    "cyrus_literal_inbox",
    "cyrus_index_damaged",
    "cyrus_mailbox_directory_missing",
    "cyrus_unique_id_differs",
    "spool_directory_unexpected",
];

#[test]
fn a_damaged_mailboxes_db_is_told_and_nothing_else_is_judged() {
    type Harm = fn(&mut Vec<u8>);
    let harms: [(&str, Harm, &str); 5] = [
        ("a wrong CRC", |bytes| bytes[33] ^= 1, "is damaged: twoskip: offset 60: "),
        ("half a file", |bytes| bytes.truncate(bytes.len() / 2), "is damaged: twoskip: offset "),
        ("a record that is none", |bytes| bytes[400..440].fill(0xaa), "is damaged: twoskip: offset "),
        ("an empty file", Vec::clear, "is an empty file"),
        ("another file", |bytes| *bytes = b"SQLite format 3\0".repeat(20), "is damaged: offset 0: SQLite"),
    ];
    for (what, harm, words) in harms {
        let world = World::of(healthy_files());
        let path = world.lab.mailboxes_db();
        let mut bytes = std::fs::read(&path).unwrap();
        harm(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let run = assert_unjudged(what, &world, &[("cyrus_list_damaged", &["bm-master"])]);
        let message = format!("bm-master: /var/lib/cyrus/mailboxes.db {words}");
        assert!(run.report.to_string().contains(&message), "{what}: {}", run.report);
    }
}

/// What was not read is not known to be damaged.
#[test]
fn without_mailboxes_db_nothing_is_judged() {
    let world = World::of(healthy_files());
    std::fs::remove_file(world.lab.mailboxes_db()).unwrap();
    assert_unjudged("no file", &world, &[]);
    assert!(Command::new("mkfifo").arg(world.lab.mailboxes_db()).status().unwrap().success());
    assert_unjudged("a pipe that nobody writes to", &world, &[]);
}

fn assert_unjudged(what: &str, world: &World, expected: &[(&str, &[&str])]) -> Run {
    let run = run(&world.installation);
    assert_eq!(findings(&run), due(expected), "{what}: {}", run.digest());
    let unknown = run.with_outcome("unknown");
    for check in NEED_IT {
        assert!(unknown.contains(*check), "{what}: {check} passes\n{}", run.digest());
        run.assert_says(check, "mailboxes.db");
    }
    run
}

/// A writer died in the middle: what was committed before counts.
#[test]
fn a_transaction_that_was_left_open_hides_nothing() {
    let world = World::of(healthy_files());
    let before = world.collect();
    let mut bytes = std::fs::read(world.lab.mailboxes_db()).unwrap();
    bytes[59] |= 1;
    let sum = crc(&bytes[..60]).to_be_bytes();
    bytes[60..64].copy_from_slice(&sum);
    bytes.extend(b"+\x01 the beginning of a record that was never committed");
    std::fs::write(world.lab.mailboxes_db(), bytes).unwrap();
    let after = world.collect();
    let names = "SELECT name, partition, unique_id FROM cyrus_mailbox ORDER BY 1";
    assert_eq!(after.rows(names), before.rows(names));
}

/// What only looks like an index is neither waited for nor read, and nobody rebuilds it for that: it is not known to be
/// damaged. The mailbox is missed where messages are compared, and no blocker passes.
#[test]
fn an_index_that_is_no_file_is_not_taken_for_a_damaged_one() {
    let lab = healthy_files();
    let index = |name: &str| {
        let path = lab.mailbox_directory(Tree::Meta, &format!("example.org!user.jdoe.{name}")).join("cyrus.index");
        std::fs::remove_file(&path).unwrap();
        path
    };
    assert!(Command::new("mkfifo").arg(index("Junk")).status().unwrap().success());
    std::fs::create_dir(index("Drafts")).unwrap();
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, index(name)).unwrap();
    link("/dev/zero", "Outbox");
    link("cyrus.index", "Sent");
    let run = run(&World::of(lab).installation);
    assert!(findings(&run).is_empty(), "{}", run.digest());
    // Each for itself: nobody else's mailbox is doubted.
    let unread = "/Drafts/cyrus.index: not a regular file";
    let missed = "example.org!user.jdoe.Drafts (index: unreadable)";
    for (check, reason) in [
        ("cyrus_index_damaged", unread),
        ("cyrus_mailbox_unknown", unread),
        ("mailbox_imported_as_admin0", unread),
        ("mailbox_objects_missing", unread),
        ("replication_behind", missed),
    ] {
        assert!(run.with_outcome("unknown").contains(check), "{check} is decided\n{}", run.digest());
        run.assert_says(check, reason);
    }
}

/// A server without one of its configuration files, or with one that Cyrus would refuse.
#[test]
fn a_configuration_that_is_none_is_told() {
    for text in ["configdirectory /var/lib/cyrus\n", "@include: /etc/none\n", "hashimapspool: perhaps\n"] {
        let lab = healthy_files();
        let conf = lab.path("/etc/imapd.conf");
        let base = std::fs::read_to_string(&conf).unwrap();
        std::fs::write(&conf, base.replace("hashimapspool: yes\n", "") + text).unwrap();
        let run = run(&World::of(lab).installation);
        assert!(findings(&run).is_empty(), "{text}: {}", run.digest());
        for check in NEED_IT {
            assert!(run.with_outcome("unknown").contains(*check), "{text}: {check} passes\n{}", run.digest());
        }
    }
}

//! What a real Cyrus holds beside what a real PostgreSQL knows of it, message by message.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Run, run};
use crate::support::cyrus::SERVER;
use crate::support::cyrus::files::Tree;
use crate::world::{World, healthy_files};

/// The tables in question.
const TABLES: &[&str] = &["message_replication", "replication_progress", "folder_replication", "message_difference"];

/// Name of a mailbox, messages, distinct ones, missing ones.
type Rows = BTreeSet<(String, usize, usize, usize)>;

/// Name of a mailbox, and the SHA-1 of a message of it.
type Messages = BTreeSet<(String, String)>;

/// Files of messages that users no longer have.
const EXPUNGED: &[(&str, &[&str])] = &[("example.org!user.jdoe", &["3.", "4."])];

/// The messages of each live mailbox by the names of their files, as the disk tells.
fn on_disk(world: &World) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut messages: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for tree in [Tree::Data, Tree::Archive] {
        let files = world.lab.messages(tree);
        for (name, _) in world.lab.mailboxes().into_iter().filter(|(name, _)| !name.contains("!DELETED.")) {
            let directory = world.lab.mailbox_directory(tree, &name);
            let own = files.iter().filter(|(path, _)| path.parent() == Some(&directory));
            let own = own.map(|(path, sha1)| (file_name(path), sha1.clone()));
            messages.entry(name).or_default().extend(own);
        }
    }
    for (name, files) in EXPUNGED {
        for file in *files {
            assert!(messages.get_mut(*name).unwrap().remove(*file).is_some(), "{name}: {file} is still there");
        }
    }
    messages.retain(|_, files| !files.is_empty());
    messages
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The same beside the bodies of the shard.
fn due(world: &World) -> (Rows, Messages) {
    let bodies = world.installation.sql(SERVER, "SELECT guid::text FROM t_message_body");
    // Bytes are shown as text that begins so.
    let bodies: BTreeSet<&str> = bodies.lines().map(|guid| guid.trim_start_matches(r"\x")).collect();
    let mut missing = BTreeSet::new();
    let row = |(name, files): (String, BTreeMap<String, String>)| {
        let distinct: BTreeSet<String> = files.values().cloned().collect();
        let lost: BTreeSet<String> = distinct.iter().filter(|sha1| !bodies.contains(sha1.as_str())).cloned().collect();
        missing.extend(lost.iter().map(|sha1| (name.clone(), sha1.clone())));
        (name, files.len(), distinct.len(), lost.len())
    };
    (on_disk(world).into_iter().map(row).collect(), missing)
}

/// Takes from the shard the body of the message in that file of a mailbox, or of all its files.
fn forget(world: &World, mailbox: &str, file: Option<&str>) {
    let trees = [Tree::Data, Tree::Archive].into_iter();
    let files = trees.flat_map(|tree| {
        let directory = world.lab.mailbox_directory(tree, mailbox);
        let own = world.lab.messages(tree).into_iter();
        own.filter(move |(path, _)| {
            path.parent() == Some(&directory) && file.is_none_or(|name| file_name(path) == name)
        })
    });
    let files: Vec<String> = files.map(|(_, sha1)| sha1).collect();
    assert!(!files.is_empty(), "{mailbox} has no {file:?}");
    for sha1 in files {
        let gone = format!("DELETE FROM t_message_body WHERE guid = fixture.guid_of('{sha1}') RETURNING 1");
        assert!(world.installation.sql(SERVER, &gone).starts_with('1'), "{mailbox}: {sha1} was not there");
    }
}

fn told(world: &World) -> (Rows, Messages, Vec<Vec<String>>) {
    let facts = world.collect();
    assert_eq!(facts.gaps(), Vec::<Vec<String>>::new());
    let collected_at = "(SELECT CAST(value AS INTEGER) FROM snapshot WHERE \"key\" = 'collected_at')";
    let old = format!("coalesce(abs(last_append_at - {collected_at}) > 3600, 1)");
    let old = facts.column(&format!("SELECT name FROM message_replication WHERE {old}"));
    assert_eq!(old, Vec::<String>::new(), "all messages came in during this test");
    let number = |text: &str| text.parse::<usize>().unwrap();
    let rows = facts.rows("SELECT name, messages, distinct_messages, missing FROM message_replication");
    let rows = rows.into_iter().map(|row| (row[0].clone(), number(&row[1]), number(&row[2]), number(&row[3])));
    let progress = "SELECT distinct_messages, missing, missing_recent, spool_files, bodies FROM replication_progress";
    let missing = facts.rows("SELECT name, guid FROM message_difference WHERE difference = 'without_body'");
    let missing = missing.into_iter().map(|row| (row[0].clone(), row[1].clone()));
    (rows.collect(), missing.collect(), facts.rows(progress))
}

fn bodies(world: &World) -> usize {
    world.installation.sql(SERVER, "SELECT count(*) FROM t_message_body").trim().parse().unwrap()
}

fn behind(run: &Run) -> Value {
    let check = run.report["checks"].as_array().unwrap().iter().find(|check| check["id"] == "replication_behind");
    check.expect("the check is run").clone()
}

#[test]
fn what_is_missing_is_told_message_by_message() {
    for story in ["healthy_single", "healthy_42"] {
        let world = World::of_story(healthy_files(), story);
        let (rows, missing) = due(&world);
        assert_eq!(missing, BTreeSet::new(), "{story}: the world begins replicated");
        assert_eq!(told(&world).0, rows, "{story}");
        let distinct: BTreeSet<String> = on_disk(&world).into_values().flat_map(BTreeMap::into_values).collect();
        let (messages, folders) = (distinct.len(), rows.len());
        let said = format!("{messages} messages in {folders} folders looked up in the database, none is missing");
        let pass = behind(&run(&world.installation));
        assert_eq!(
            (&pass["outcome"], &pass["proof"]),
            (&"pass".into(), &json!([format!("{SERVER}: {said}")])),
            "{story}"
        );

        forget(&world, "example.org!user.jdoe", Some("1."));
        forget(&world, "example.org!user.jdoe", Some("2."));
        // An expunged one, and one of a deleted mailbox.
        forget(&world, "example.org!user.jdoe", Some("3."));
        let (given_up, _) =
            world.lab.mailboxes().into_iter().find(|(name, _)| name.contains("!DELETED.")).expect("one was deleted");
        forget(&world, &given_up, None);
        // Two that are in two mailboxes each; the second one is archived.
        forget(&world, "example.org!support", Some("1."));
        let archive = world.lab.mailbox_directory(Tree::Archive, "example.org!user.ppetit");
        assert!(archive.join("1.").is_file(), "{archive:?}");
        forget(&world, "example.org!user.ppetit", Some("1."));
        forget(&world, "example.net!user.zoe", None);

        let (rows, missing) = due(&world);
        let short: Vec<(&str, usize)> = rows.iter().filter(|row| row.3 > 0).map(|row| (&row.0[..], row.3)).collect();
        let by_hand = [
            ("example.net!user.zoe", 4),
            ("example.org!support", 1),
            ("example.org!user.a^durand", 1),
            ("example.org!user.jdoe", 2),
            ("example.org!user.mmartin", 1),
            ("example.org!user.ppetit", 1),
        ];
        let messages: BTreeSet<&String> = missing.iter().map(|(_, sha1)| sha1).collect();
        assert_eq!((short, messages.len(), missing.len()), (by_hand.to_vec(), 8, 10), "{story}");

        let (got, list, progress) = told(&world);
        assert_eq!((got, list), (rows.clone(), missing), "{story}");
        let distinct: BTreeSet<String> = on_disk(&world).into_values().flat_map(BTreeMap::into_values).collect();
        let files = world.lab.messages(Tree::Data).len() + world.lab.messages(Tree::Archive).len();
        let numbers = [distinct.len(), 8, 8, files, bodies(&world)].map(|number| number.to_string());
        assert_eq!(progress, [numbers.to_vec()], "{story}");

        let check = behind(&run(&world.installation));
        let finding = &check["findings"][0];
        assert_eq!((&check["outcome"], &finding["subject"]), (&"fail".into(), &SERVER.into()), "{story}: {check:#}");
        let evidence = &finding["evidence"];
        // The suspended mailbox of ppetit counts, but would not be a reason.
        for (key, number) in [("messages", 8), ("mailboxes", 6), ("other_mailboxes", 1), ("recent_messages", 8)] {
            assert_eq!(evidence[key], number, "{story}: {key}: {evidence:#}");
        }
    }
}

/// Text may be written in any case, and need not be a GUID at all.
#[test]
fn guids_of_text_are_read_as_they_are() {
    let world = World::of(healthy_files());
    let sql = "UPDATE t_message_body SET guid = upper(guid);
               INSERT INTO t_message_body (guid, date_header, size) VALUES ('', now(), 1), ('none', now(), 1),
                   (repeat('é', 20), now(), 1), (repeat('0', 41), now(), 1)";
    world.installation.sql(SERVER, sql);
    let (rows, _, progress) = told(&world);
    assert_eq!(rows.iter().map(|row| row.3).sum::<usize>(), 0);
    assert_eq!((&progress[0][1], &progress[0][4]), (&"0".to_owned(), &bodies(&world).to_string()));
}

/// Messages that could not be counted may be missing, so nobody is told that none is.
#[test]
fn a_mailbox_that_cannot_be_read_leaves_the_answer_open() {
    let lab = healthy_files();
    let index = lab.mailbox_directory(Tree::Meta, "example.org!user.jdoe.Projects.2024").join("cyrus.index");
    let mut bytes = std::fs::read(&index).unwrap();
    bytes[150] ^= 1;
    std::fs::write(&index, bytes).unwrap();
    let world = World::of(lab);
    let first = run(&world.installation);
    let reason = "example.org!user.jdoe.Projects.2024 (index: record_damaged)";
    for check in ["replication_behind", "replication_passive_mailboxes"] {
        assert!(first.with_outcome("unknown").contains(check), "{}", first.digest());
        first.assert_says(check, reason);
    }
    // What is known to be missing is told all the same.
    forget(&world, "example.org!user.jdoe", Some("1."));
    let second = behind(&run(&world.installation));
    assert_eq!((&second["outcome"], &second["findings"][0]["evidence"]["messages"]), (&"fail".into(), &1.into()));
    assert_eq!(second["missing"].as_array().unwrap().len(), 3, "{second:#}");
}

/// Without one of the two sides there is no answer, and the other side's own tables do not suffer.
#[test]
fn without_the_shard_nothing_is_compared() {
    let mut world = World::of(healthy_files());
    world.installation.administer(SERVER, "REVOKE SELECT ON t_message_body FROM bj");
    let refused = run(&world.installation);
    world.installation.administer(SERVER, "ALTER TABLE t_message_body RENAME TO elsewhere");
    let gone = run(&world.installation);
    world.installation.urls.insert(SERVER.to_owned(), "postgresql://bj:bj@127.0.0.1:1/bj-data".to_owned());
    let dead = run(&world.installation);
    for (run, reason) in [(&refused, "permission denied"), (&gone, "does not exist"), (&dead, "refused")] {
        TABLES.iter().for_each(|table| run.assert_absent(table, SERVER, reason));
        run.assert_complete("cyrus_index", SERVER);
        assert!(run.with_outcome("unknown").contains("replication_behind"), "{}", run.digest());
    }
}

#[test]
fn without_the_list_of_mailboxes_nothing_is_compared() {
    let world = World::of(healthy_files());
    std::fs::remove_file(world.lab.mailboxes_db()).unwrap();
    let run = run(&world.installation);
    TABLES.iter().for_each(|table| run.assert_absent(table, SERVER, "mailboxes.db"));
}

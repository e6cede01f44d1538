//! The folders and records of a shard beside those of a real Cyrus: what users see, to the number and to the folder.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::live::Over;
use crate::support::cyrus::SERVER;
use crate::support::cyrus::client::{Imap, message};
use crate::world::{Facts, World, healthy_files, healthy_lab};

/// A day ago replication was done with everything.
const LONG_AGO: u32 = 86_400;

const JDOE: &str = "example.org!user.jdoe";
const PROJECTS: &str = "example.org!user.jdoe.Projects.2024";
const ZOE: &str = "example.net!user.zoe";

/// What is counted of a folder, and nothing of which is zero.
const COUNTS: [&str; 8] = [
    "missing",
    "missing_with_body",
    "expunged_in_shard",
    "other_content",
    "surplus",
    "expunged_in_cyrus",
    "seen_differs",
    "recent",
];

/// A world whose mail was replicated in full, a day ago.
fn replicated() -> World {
    replicated_as("healthy_single")
}

pub(crate) fn replicated_as(story: &str) -> World {
    let lab = healthy_files();
    lab.let_pass(LONG_AGO);
    World::of_story(lab, story)
}

/// The id by which both sides know a mailbox.
pub(crate) fn id(world: &World, name: &str) -> String {
    let mailboxes = world.lab.mailboxes();
    let (_, record) = mailboxes.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("{name}"));
    record.unique_id.clone().unwrap()
}

/// Runs SQL on the shard; `{records}` stands for the records of a mailbox, `{folder}` for its folder, `{item}` for its item.
pub(crate) fn change(world: &World, mailbox: &str, sql: &str) {
    let id = id(world, mailbox);
    let item = format!(
        "(SELECT r.item_id FROM t_mailbox_replica r JOIN t_container_item i ON i.id = r.item_id WHERE i.uid = '{id}')"
    );
    let records = format!(
        "item_id IN (SELECT i.id FROM t_container_item i JOIN t_container c ON c.id = i.container_id WHERE c.uid = 'mbox_records_{id}')"
    );
    let sql =
        sql.replace("{records}", &records).replace("{folder}", &format!("item_id = {item}")).replace("{item}", &item);
    world.installation.administer(SERVER, &sql);
}

/// The folders in which the sides differ, in words: name (else the path in the shard), state, counts.
fn told(facts: &Facts) -> BTreeSet<String> {
    let counts = COUNTS.map(|count| format!("iif(coalesce({count}, 0) > 0, ' {count} ' || {count}, '')")).join(" || ");
    let sql = format!(
        "SELECT coalesce(name, 'path ' || path) || ' ' || state || {counts} FROM folder_replication
         WHERE state <> 'replicated' OR 0 < {}",
        COUNTS.map(|count| format!("coalesce({count}, 0)")).join(" + ")
    );
    facts.column(&sql).into_iter().collect()
}

/// The messages with which something is wrong.
fn listed(facts: &Facts) -> Vec<String> {
    facts.column("SELECT name || ' ' || uid || ' ' || difference FROM message_difference ORDER BY name, uid")
}

#[track_caller]
fn assert_told(world: &World, due: &[&str]) -> Facts {
    let facts = world.collect();
    assert_eq!(facts.gaps(), Vec::<Vec<String>>::new());
    assert_eq!(told(&facts), due.iter().map(|&line| line.to_owned()).collect());
    facts
}

#[test]
fn what_was_replicated_in_full_is_the_same_on_both_sides() {
    for story in ["healthy_single", "healthy_42"] {
        let world = replicated_as(story);
        let facts = assert_told(&world, &[]);
        assert_eq!(listed(&facts), Vec::<String>::new(), "{story}");
        let sums = "SELECT count(*), sum(messages), sum(records), sum(seen_differs) FROM folder_replication";
        let live = world.lab.mailboxes().into_iter().filter(|(name, _)| !name.contains("!DELETED.")).count();
        let messages = &facts.rows("SELECT sum(messages) FROM message_replication")[0][0];
        assert_eq!(
            facts.rows(sums),
            [[live.to_string(), messages.clone(), messages.clone(), "0".to_owned()]],
            "{story}"
        );
    }
}

/// The columns of each release: text and bytes, by item and by container, numbers of 32 and of 64 bits.
#[test]
fn each_schema_tells_the_same() {
    let upgrades =
        [include_str!("../support/bluemind/upgrade_45.sql"), include_str!("../support/bluemind/upgrade_48.sql")];
    let world = replicated_as("healthy_42");
    change(&world, JDOE, "DELETE FROM t_mailbox_record WHERE {records} AND imap_uid IN (1, 2)");
    let due = ["example.org!user.jdoe replicated missing 2 missing_with_body 2"];
    assert_told(&world, &due);
    for upgrade in upgrades {
        world.installation.administer(SERVER, upgrade);
        assert_told(&world, &due);
    }
}

#[test]
fn a_shard_without_records_lacks_every_message() {
    let world = replicated();
    world.installation.administer(SERVER, "TRUNCATE t_mailbox_record");
    let facts = world.collect();
    let sums = facts.rows("SELECT sum(messages) > 30, sum(records), sum(missing) = sum(messages), sum(missing_with_body) = sum(messages) FROM folder_replication");
    assert_eq!(sums, [["1", "0", "1", "1"]]);
}

#[test]
fn every_difference_is_told_to_the_number() {
    let world = replicated();
    let gone = "DELETE FROM t_mailbox_record WHERE {records} AND imap_uid";
    change(&world, JDOE, &format!("{gone} BETWEEN 5 AND 9"));
    change(
        &world,
        JDOE,
        "UPDATE t_mailbox_record SET system_flags = system_flags | (1 << 31) WHERE {records} AND imap_uid = 1",
    );
    change(&world, JDOE, "UPDATE t_mailbox_record SET system_flags = 0 WHERE {records} AND imap_uid = 3");
    // A message that has neither record nor body, one of another content.
    change(&world, PROJECTS, &format!("{gone} = 1"));
    change(
        &world,
        PROJECTS,
        "UPDATE t_mailbox_record SET message_body_guid = repeat('0f', 20) WHERE {records} AND imap_uid = 2",
    );
    change(&world, PROJECTS, "UPDATE t_mailbox_record SET imap_uid = 77 WHERE {records} AND imap_uid = 5");
    change(
        &world,
        PROJECTS,
        "UPDATE t_mailbox_record SET system_flags = system_flags # 16 WHERE {records} AND imap_uid IN (3, 4)",
    );
    let facts = assert_told(
        &world,
        &[
            "example.org!user.jdoe replicated missing 5 missing_with_body 5 expunged_in_shard 1 expunged_in_cyrus 1",
            "example.org!user.jdoe.Projects.2024 replicated missing 2 missing_with_body 2 other_content 1 surplus 1 seen_differs 2",
        ],
    );
    let jdoe = [
        "1 expunged_in_shard",
        "3 expunged_in_cyrus",
        "5 without_record",
        "6 without_record",
        "7 without_record",
        "8 without_record",
        "9 without_record",
    ];
    let projects = ["1 without_record", "2 other_content", "5 without_record", "77 surplus"];
    let line = |name: &'static str| move |rest: &str| format!("{name} {rest}");
    let due: Vec<String> =
        jdoe.iter().map(|rest| line(JDOE)(rest)).chain(projects.iter().map(|rest| line(PROJECTS)(rest))).collect();
    assert_eq!(listed(&facts), due);
}

#[test]
fn a_message_may_lack_record_and_body() {
    let world = replicated();
    change(
        &world,
        ZOE,
        "DELETE FROM t_message_body WHERE guid IN (SELECT message_body_guid FROM t_mailbox_record WHERE {records} AND imap_uid = 2)",
    );
    change(&world, ZOE, "DELETE FROM t_mailbox_record WHERE {records} AND imap_uid IN (1, 2)");
    let facts = assert_told(&world, &["example.net!user.zoe replicated missing 2 missing_with_body 1"]);
    assert_eq!(
        listed(&facts),
        ["example.net!user.zoe 1 without_record", "example.net!user.zoe 2 without_record_and_body"]
    );
}

#[test]
fn a_folder_may_be_on_one_side_alone() {
    let world = replicated();
    let forget = "DELETE FROM t_mailbox_record WHERE {records}; DELETE FROM t_mailbox_replica WHERE {folder}";
    // One with mail, an empty one; one that is deleted in the shard, one of another id.
    change(&world, PROJECTS, forget);
    change(&world, "example.org!user.mmartin.Sent", forget);
    change(&world, ZOE, "UPDATE t_container_item SET flags = flags | 2 WHERE id = {item}");
    change(&world, "example.org!support.Archive", "UPDATE t_container_item SET uid = 'another' WHERE id = {item}");
    // One that Cyrus has deleted.
    let given_up =
        world.lab.mailboxes().into_iter().find(|(name, _)| name.contains("!DELETED.")).expect("one was deleted");
    change(
        &world,
        "example.org!user.ppetit.Junk",
        &format!("UPDATE t_container_item SET uid = '{}' WHERE id = {{item}}", given_up.1.unique_id.unwrap()),
    );
    assert_told(
        &world,
        &[
            "example.org!user.jdoe.Projects.2024 missing missing 5 missing_with_body 5",
            "example.org!user.mmartin.Sent missing",
            "example.net!user.zoe deleted_in_shard missing 4 missing_with_body 4",
            "example.org!support.Archive missing",
            "path Archive unknown",
            "example.org!user.ppetit.Junk missing",
            "path Junk recent",
        ],
    );
}

/// What came in within ten minutes may be on its way, be it a message, a folder or a flag.
#[test]
fn what_is_new_is_not_missing() {
    let world = World::of(healthy_files());
    let forget = "DELETE FROM t_mailbox_record WHERE {records}; DELETE FROM t_mailbox_replica WHERE {folder}";
    change(&world, PROJECTS, forget);
    change(&world, JDOE, "DELETE FROM t_mailbox_record WHERE {records} AND imap_uid BETWEEN 5 AND 9");
    change(
        &world,
        ZOE,
        "UPDATE t_mailbox_record SET system_flags = system_flags # 16 WHERE {records} AND imap_uid = 1",
    );
    assert_told(
        &world,
        &[
            "example.org!user.jdoe.Projects.2024 recent recent 5",
            "example.org!user.jdoe replicated recent 5",
            "example.net!user.zoe replicated recent 1",
        ],
    );
}

/// Rounds of a client: a message comes in, is read, and others go.
const ROUNDS: u32 = 1_000;

fn work(client: &mut Imap, round: u32) {
    client.append(
        "INBOX",
        if round.is_multiple_of(2) { "(\\Seen)" } else { "" },
        &message(&format!("round {round}"), 0),
    );
    client.run("SELECT INBOX");
    client.run("STORE 1:2 +FLAGS.SILENT (\\Seen)");
    if round % 10 == 9 {
        client.expunge("INBOX", "1:5");
    }
    if round.is_multiple_of(50) {
        client.create(&format!("churn{round}"));
        client.append(&format!("churn{round}"), "", &message(&format!("churn {round}"), 0));
        client.run(&format!("RENAME churn{round} churned{round}"));
        client.run(&format!("DELETE churned{round}"));
    }
}

/// Mail comes in, is read and goes, replication follows, and what is under way is never called missing.
#[test]
fn a_busy_server_that_is_replicated_is_never_called_behind() {
    let world = World::of(healthy_lab());
    let (rounds, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let (mut looks, mut wrong) = (0, BTreeSet::new());
    let goes_on = || !is_over.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| {
            let mut client = world.lab.login("jdoe@example.org");
            while goes_on() {
                work(&mut client, rounds.fetch_add(1, Ordering::Relaxed));
            }
        });
        scope.spawn(|| {
            while goes_on() {
                world.replicate_folder(JDOE);
            }
        });
        while (rounds.load(Ordering::Relaxed) < ROUNDS || looks < 5) && wrong.is_empty() {
            let facts = world.collect();
            wrong.extend(facts.gaps().into_iter().map(|gap| gap.join(": ")));
            let is_under_way = |line: &String| {
                let rest = line.split_once(' ').map_or("", |(_, rest)| rest);
                rest == "recent" || rest.starts_with("recent recent ") || rest.starts_with("replicated recent ")
            };
            wrong.extend(told(&facts).into_iter().filter(|line| !is_under_way(line)));
            wrong.extend(facts.column("SELECT 'unfound ' || unique_id || ' ' || uid FROM unfound_message"));
            wrong.extend(listed(&facts).into_iter().filter(|line| !line.ends_with(" without_body")));
            looks += 1;
        }
        drop(over);
    });
    assert_eq!(wrong, BTreeSet::new(), "{looks} looks beside {rounds:?} rounds");
}

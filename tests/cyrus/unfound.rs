//! Every record of a shard beside the file where BlueMind 5 looks for it, message by message, with a real Cyrus' files.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use bm_preflight::format::bluemind_path::{FolderHash, first_references};
use bm_preflight::format::cyrus_index::Guid;

use crate::records::{change, id, replicated_as};
use crate::run::{Run, judged};
use crate::support::bluemind::bm_preflight;
use crate::support::cyrus::SERVER;
use crate::support::cyrus::files::Tree;
use crate::world::{Facts, World};

const JDOE: &str = "example.org!user.jdoe";
const PROJECTS: &str = "example.org!user.jdoe.Projects.2024";
const PLACED: &str = "example.org!user.mmartin.Déplacements";
const ZOE: &str = "example.net!user.zoe";
const SUPPORT: &str = "example.org!support";
const ARCHIVE: &str = "example.org!support.Archive";

const UPGRADES: [&str; 2] =
    [include_str!("../support/bluemind/upgrade_45.sql"), include_str!("../support/bluemind/upgrade_48.sql")];

/// An installation whose shard has the columns of 4.8 and 4.9.
fn of_49() -> World {
    let world = replicated_as("healthy_42");
    UPGRADES.iter().for_each(|upgrade| drop(world.installation.administer(SERVER, upgrade)));
    world
}

/// The name in Cyrus of what a test calls by its text.
fn cyrus_name(name: &str) -> String {
    name.replace("Déplacements", "D&AOk-placements")
}

fn file(world: &World, name: &str, uid: u32) -> PathBuf {
    let name = cyrus_name(name);
    let places =
        [Tree::Data, Tree::Archive].map(|tree| world.lab.mailbox_directory(tree, &name).join(format!("{uid}.")));
    places.iter().find(|path| path.exists()).unwrap_or(&places[0]).clone()
}

/// The messages that are not found: folder as Cyrus calls it, UID, why.
fn unfound(world: &World, facts: &Facts) -> BTreeSet<String> {
    let names = world.lab.mailboxes();
    let rows = facts.rows("SELECT unique_id, uid, why FROM unfound_message");
    let name = |id: &str| {
        let found =
            names.iter().find(|(name, record)| record.unique_id.as_deref() == Some(id) && !name.contains("!DELETED."));
        found.map_or_else(|| format!("id {id}"), |(name, _)| name.clone())
    };
    rows.iter().map(|row| format!("{} {} {}", name(&row[0]), row[1], row[2])).collect()
}

#[track_caller]
fn assert_unfound(world: &World, due: &[&str]) -> Facts {
    let facts = world.collect();
    let gaps = "SELECT \"table\", reason FROM coverage WHERE \"table\" IN ('record_lookup', 'unfound_folder', 'unfound_message') AND completeness <> 'complete'";
    assert_eq!(facts.rows(gaps), Vec::<Vec<String>>::new());
    assert_eq!(unfound(world, &facts), due.iter().map(|line| cyrus_name(line)).collect());
    let counted =
        "SELECT coalesce(sum(without_file + other_first), 0), (SELECT unfound FROM record_lookup) FROM unfound_folder";
    assert_eq!(facts.rows(counted), [[due.len().to_string(), due.len().to_string()]]);
    facts
}

/// Text and bytes, by item and by container, with the names of shared folders from before 4.6 and since.
#[test]
fn where_every_record_has_its_file_each_schema_is_silent() {
    let all = |world: &World| {
        let facts = assert_unfound(world, &[]);
        let live = world.installation.sql(SERVER, "SELECT count(*) FROM t_mailbox_record WHERE system_flags >= 0");
        assert_eq!(facts.column("SELECT records FROM record_lookup"), [live.trim()]);
        assert!(live.trim().parse::<u32>().unwrap() > 30);
    };
    all(&replicated_as("healthy_single"));
    let world = replicated_as("healthy_42");
    all(&world);
    for upgrade in UPGRADES {
        world.installation.administer(SERVER, upgrade);
        all(&world);
    }
    // Nothing is asked of Cyrus: without its list and indexes BlueMind 5 finds the same.
    fs::write(world.lab.mailboxes_db(), "damaged").unwrap();
    let facts = world.collect();
    assert_eq!(facts.column("SELECT unfound FROM record_lookup"), ["0"]);
}

#[test]
fn every_message_without_file_is_named() {
    let world = of_49();
    fs::remove_file(file(&world, JDOE, 5)).unwrap();
    fs::write(file(&world, JDOE, 6), "").unwrap();
    // An expunged one is nobody's loss, nor is a file that no record knows.
    fs::remove_file(file(&world, JDOE, 3)).unwrap();
    fs::write(file(&world, JDOE, 5).with_file_name("4000000."), "x").unwrap();
    // What is in the archive is found there.
    let data = file(&world, SUPPORT, 2);
    let archived = world.lab.mailbox_directory(Tree::Archive, SUPPORT);
    fs::create_dir_all(&archived).unwrap();
    fs::rename(&data, archived.join("2.")).unwrap();
    // A message of two mailboxes is lost only where both lack it.
    fs::remove_file(file(&world, PROJECTS, 1)).unwrap();
    fs::remove_file(file(&world, PLACED, 1)).unwrap();
    assert_unfound(
        &world,
        &[
            "example.org!user.jdoe 5 without_file",
            "example.org!user.jdoe 6 without_file",
            "example.org!user.jdoe.Projects.2024 1 without_file",
            "example.org!user.mmartin.Déplacements 1 without_file",
        ],
    );
}

#[test]
fn a_folder_that_leads_elsewhere_loses_all_its_messages() {
    let world = of_49();
    change(&world, ZOE, "UPDATE t_mailbox_replica SET name = 'inbox' WHERE {folder}");
    // In the notation of before 4.6, and a folder that is none any more.
    change(&world, SUPPORT, "UPDATE t_mailbox_replica SET name = 'Sent' WHERE {folder}");
    change(&world, "example.org!user.a^durand", "DELETE FROM t_mailbox_replica WHERE {folder}");
    let folder = |name: &str, uids: std::ops::RangeInclusive<u32>| -> Vec<String> {
        uids.map(|uid| format!("{name} {uid} without_file")).collect()
    };
    let due = [folder(ZOE, 1..=4), folder(SUPPORT, 1..=6), folder("example.org!user.a^durand", 1..=6)].concat();
    let facts = assert_unfound(&world, &due.iter().map(String::as_str).collect::<Vec<_>>());
    let places = "SELECT coalesce(path, 'none') || ' ' || place || ' ' || coalesce(directory, 'none') FROM unfound_folder ORDER BY 1";
    let zoe = "/var/spool/cyrus/data/bm-master__example_net/domain/e/example.net/z/user/zoe/inbox";
    assert_eq!(
        facts.column(places),
        ["Sent no_path none".to_owned(), format!("inbox known {zoe}"), "none no_folder none".to_owned()]
    );
}

/// The GUID of a message of `PROJECTS`, which `PLACED` has as well under the same UID.
fn guid(world: &World, uid: u32) -> Guid {
    let sql =
        "SELECT encode(message_body_guid, 'hex') FROM t_mailbox_record r JOIN t_container c ON c.id = r.container_id
               WHERE c.uid = 'mbox_records_{id}' AND imap_uid = {uid}";
    let sql = sql.replace("{id}", &id(world, PROJECTS)).replace("{uid}", &uid.to_string());
    let guid = world.installation.sql(SERVER, &sql);
    Guid(std::array::from_fn(|at| u8::from_str_radix(&guid.trim()[2 * at..2 * at + 2], 16).unwrap()))
}

/// Gives `PLACED` in the shard an id by which one of the records of a message comes first, or by which both are in one place.
/// The message's UID, and that id: beside a record in the first or the last of the 16 places, not every order can be had.
fn arrange(world: &World, first: &[usize]) -> (u32, String) {
    let projects = FolderHash::of(&id(world, PROJECTS));
    let found = (1..=5).find_map(|uid| {
        let guid = guid(world, uid);
        let hashes = |placed: &str| [projects, FolderHash::of(placed)].map(|folder| folder.record(uid, &guid));
        let is_so = |placed: &String| first_references(&hashes(placed)).unwrap() == first;
        Some((uid, (0..1_000).map(|number| format!("placed-{number}")).find(is_so)?))
    });
    let (uid, placed) = found.expect("five messages are not all in such a place");
    let was = id(world, &cyrus_name(PLACED));
    let sql = format!(
        "UPDATE t_container SET uid = 'mbox_records_{placed}' WHERE uid = 'mbox_records_{was}';
         UPDATE t_container_item SET uid = '{placed}' WHERE uid = '{was}'"
    );
    world.installation.administer(SERVER, &sql);
    (uid, placed)
}

#[test]
fn a_message_of_two_mailboxes_is_found_by_the_one_that_is_gone_by() {
    for (first, lacking) in [(0, PROJECTS), (0, PLACED), (1, PROJECTS), (1, PLACED)] {
        let world = of_49();
        let (uid, placed) = arrange(&world, &[first]);
        fs::remove_file(file(&world, lacking, uid)).unwrap();
        let lines = [format!("{PROJECTS} {uid} other_first"), format!("id {placed} {uid} other_first")];
        let is_lost = (first == 0) == (lacking == PROJECTS);
        let due: Vec<&str> = lines.iter().filter(|_| is_lost).map(String::as_str).collect();
        assert_unfound(&world, &due);
        // An expunged one is gone by as well, and is not missed itself.
        let expunge = "UPDATE t_mailbox_record SET system_flags = system_flags | (1 << 31) WHERE {records}";
        change(&world, PROJECTS, expunge);
        assert_unfound(&world, due.get(1..).unwrap_or_default());
    }
}

#[test]
fn of_two_in_one_place_the_older_one_is_gone_by() {
    for (older, younger, lacking) in
        [(PROJECTS, PLACED, PROJECTS), (PROJECTS, PLACED, PLACED), (PLACED, PROJECTS, PLACED)]
    {
        let world = of_49();
        for (name, day) in [(older, 1), (younger, 2)] {
            let created = "UPDATE t_container_item SET created = '2020-01-0{day}' WHERE id IN (SELECT item_id FROM t_mailbox_record WHERE {records})";
            change(&world, &cyrus_name(name), &created.replace("{day}", &day.to_string()));
        }
        let (uid, placed) = arrange(&world, &[0, 1]);
        fs::remove_file(file(&world, lacking, uid)).unwrap();
        let lines = [format!("{PROJECTS} {uid} other_first"), format!("id {placed} {uid} other_first")];
        let due: Vec<&str> = lines.iter().filter(|_| older == lacking).map(String::as_str).collect();
        assert_unfound(&world, &due);
    }
}

#[test]
fn what_cannot_be_looked_at_is_a_gap_and_no_loss() {
    let world = of_49();
    let place = world.lab.mailbox_directory(Tree::Data, JDOE);
    fs::rename(&place, place.with_file_name("moved")).unwrap();
    std::os::unix::fs::symlink("moved", &place).unwrap();
    let facts = world.collect();
    assert_eq!(unfound(&world, &facts), BTreeSet::new());
    let gap = facts.column("SELECT reason FROM coverage WHERE \"table\" = 'unfound_folder'");
    assert!(gap[0].contains("jdoe"), "{gap:?}");
}

/// A copy of a server's files may come without its mail.
#[test]
fn without_a_spool_nothing_was_looked_at() {
    let world = of_49();
    let data = world.lab.path(Tree::Data.place());
    fs::rename(&data, data.with_file_name("elsewhere")).unwrap();
    let facts = world.collect();
    let told = facts.rows(
        "SELECT completeness, (SELECT count(*) FROM unfound_folder) FROM coverage WHERE \"table\" = 'unfound_folder'",
    );
    assert_eq!(told, [["absent", "0"]]);
}

/// Judges an installation on its way from 4.9 to 5.
fn to_5(world: &World) -> Run {
    drop(world.collect());
    let [facts, reports] = ["collected.db", "reports"].map(|name| world.installation.path(name));
    let mut command = bm_preflight();
    command
        .args(["run", "--format", "html", "--format", "json", "--format", "junit", "--from", "4.9.1", "--to", "5.0"]);
    command.arg("--from-facts").arg(&facts).arg("--output-dir").arg(&reports);
    judged(&command.output().expect("it can be run"), &facts, &reports)
}

/// Each check names what is its own, and nothing else blocks the way to 5 that Cyrus' files explain.
#[test]
fn the_checks_name_each_loss_once() {
    let world = of_49();
    let quiet = to_5(&world);
    let ids = ["record_file_missing", "first_reference_broken", "mailbox_partition_unreadable", "folder_path_mismatch"];
    for id in ids {
        assert_eq!(quiet.check(id)["outcome"], "pass", "{id}: {}", quiet.check(id));
    }
    fs::remove_file(file(&world, JDOE, 5)).unwrap();
    change(&world, ZOE, "UPDATE t_mailbox_replica SET name = 'inbox' WHERE {folder}");
    // Files that Cyrus keeps in another partition than BlueMind's, of messages that nobody else has.
    change(&world, "example.org!user.a^durand", "DELETE FROM t_mailbox_record WHERE {records}");
    let entries: Vec<_> = world.lab.entries();
    let moved = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let text = String::from_utf8_lossy(value).into_owned();
        let is_his = String::from_utf8_lossy(key).starts_with("example.org!support");
        let value = if is_his {
            text.replace("bm-master__example_org", "bm-master__example_net").into_bytes()
        } else {
            value.clone()
        };
        (key.clone(), value)
    };
    let sources = [Tree::Data, Tree::Meta, Tree::Archive]
        .into_iter()
        .flat_map(|tree| [SUPPORT, ARCHIVE].map(|name| world.lab.mailbox_directory(tree, name)))
        .filter(|path| path.exists());
    let sources: Vec<PathBuf> = sources.collect();
    world.lab.write_entries(&entries.iter().map(moved).collect::<Vec<_>>());
    for from in sources.iter().rev() {
        let to = PathBuf::from(from.to_str().unwrap().replace("bm-master__example_org", "bm-master__example_net"));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if from.exists() {
            fs::rename(from, to).unwrap();
        }
    }
    let run = to_5(&world);
    let told = |id: &str| -> Vec<(String, String)> {
        let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap_or("").to_owned();
        let findings = run.check(id)["findings"].as_array().unwrap();
        findings.iter().map(|f| (text(f, "subject"), text(f, "owner"))).collect()
    };
    let pair = |subject: &str, owner: &str| vec![(subject.to_owned(), owner.to_owned())];
    assert_eq!(told(ids[0]), pair("jdoe@example.org", "jdoe@example.org"));
    assert_eq!(told(ids[1]), vec![]);
    assert_eq!(told(ids[2]), pair("support@example.org", ""));
    assert_eq!(told(ids[3]), pair("zoe@example.net/inbox", "zoe@example.net"));
}

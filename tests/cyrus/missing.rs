//! Mailboxes that BlueMind has and Cyrus does not serve, in whatever way: one blocker each, and no other check tells of the
//! same thing again.

use crate::states::{assert_findings, due, findings};
use crate::support::cyrus::files::{Entry, Tree};
use crate::world::{ORG, World, healthy_files};

const JDOE: &str = "example.org!user.jdoe";

/// Changes the list of a Cyrus whose mail was replicated.
fn with_list(change: impl FnOnce(&mut Vec<Entry>)) -> World {
    let world = World::of(healthy_files());
    let mut entries = world.lab.entries();
    change(&mut entries);
    world.lab.write_entries(&entries);
    world
}

fn is_of(entry: &Entry, root: &str) -> bool {
    entry.0.strip_prefix(root.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
}

#[test]
fn a_root_that_is_not_listed_is_missing_and_its_directories_are_not_told_beside_it() {
    let world = with_list(|entries| entries.retain(|(name, _)| name != JDOE.as_bytes()));
    let run = assert_findings(&world, &due(&[("cyrus_mailbox_missing", &[JDOE])]));
    let text = run.report.to_string();
    assert!(text.contains("--ops mailboxExists") && text.contains("but not the mailbox itself"), "{text}");
}

#[test]
fn a_mailbox_that_is_gone_from_list_and_disk_is_missing() {
    for trees in [&[][..], &[Tree::Data, Tree::Meta]] {
        let world = with_list(|entries| entries.retain(|entry| !is_of(entry, JDOE)));
        for tree in trees {
            let place = format!("{}/bm-master__example_org/domain/e/example.org/j", tree.place());
            std::fs::remove_dir_all(world.lab.path(&place)).unwrap();
        }
        assert_findings(&world, &due(&[("cyrus_mailbox_missing", &[JDOE])]));
    }
}

/// The list was lost: that is one finding.
#[test]
fn a_server_without_any_of_its_mailboxes_is_one_finding() {
    let world = with_list(Vec::clear);
    assert_findings(&world, &due(&[("cyrus_mailbox_missing", &["bm-master"])]));
    for tree in [Tree::Data, Tree::Meta] {
        std::fs::remove_dir_all(world.lab.path(tree.place()).join("bm-master__example_org/domain")).unwrap();
    }
    assert_findings(&world, &due(&[("cyrus_mailbox_missing", &["bm-master"])]));
}

#[test]
fn entries_of_another_kind_are_told_by_their_kind() {
    for (letters, words) in [
        ("r", "as a mailbox of other.example"),
        ("z", "has reserved its name"),
        ("m", "as one that is being moved"),
        ("c", "as one that holds no mail"),
    ] {
        let world = with_list(|entries| {
            let value = format!("%(A %() I 1 P bm-master__example_org S other.example T {letters} M 1)");
            entries
                .iter_mut()
                .filter(|(name, _)| name == JDOE.as_bytes())
                .for_each(|(_, old)| *old = value.clone().into());
            let folder = "example.org!user.jdoe.Sent";
            entries
                .iter_mut()
                .filter(|(name, _)| name == folder.as_bytes())
                .for_each(|(_, old)| *old = value.clone().into());
        });
        let run = crate::run::run(&world.installation);
        let found = findings(&run);
        assert_eq!(found["cyrus_mailbox_missing"], [JDOE.to_owned()].into(), "{letters}: {}", run.digest());
        assert_eq!(
            found["cyrus_entry_unserved"],
            ["bm-master:example.org!user.jdoe.Sent".to_owned()].into(),
            "{letters}"
        );
        assert!(!found.contains_key("spool_directory_unexpected"), "{letters}: {}", run.digest());
        assert!(run.report.to_string().contains(words), "{letters}: {}", run.report);
    }
}

/// BlueMind writes the entry of the directory first.
#[test]
fn a_mailbox_of_some_minutes_ago_is_not_missing_yet() {
    let world = World::of(healthy_files());
    let add = |uid: &str, login: &str, made: &str| {
        let sql = format!(
            "SELECT fixture.add_user('{ORG}', '{uid}', '{login}', 'bm-master');
             UPDATE t_container_item SET created = {made} WHERE uid = '{uid}'"
        );
        world.installation.administer("directory", &sql);
    };
    add("user-new", "new", "now()");
    let run = crate::run::run(&world.installation);
    assert!(!findings(&run).contains_key("cyrus_mailbox_missing"), "{}", run.digest());
    add("user-old", "old", "now() - interval '11 minutes'");
    let run = crate::run::run(&world.installation);
    assert_eq!(findings(&run)["cyrus_mailbox_missing"], ["example.org!user.old".to_owned()].into(), "{}", run.digest());
}

/// Cyrus was interrupted between the index and the list.
#[test]
fn a_listed_mailbox_whose_index_says_that_it_was_deleted_is_named() {
    let world = World::of(healthy_files());
    let name = "example.org!user.jdoe.Projects";
    world.lab.change(name, "cyrus.index", |bytes| {
        bytes[60] |= 0x80;
        let crc = crc32fast::hash(&bytes[..124]);
        bytes[124..128].copy_from_slice(&crc.to_be_bytes());
    });
    let run = crate::run::run(&world.installation);
    let found = findings(&run);
    assert_eq!(found["cyrus_index_damaged"], [format!("bm-master:{name}")].into(), "{}", run.digest());
    assert!(run.report.to_string().contains("index_marked_deleted"), "{}", run.digest());
}

/// Cyrus then looks for every directory elsewhere: one cause for each partition, and no directory is told by itself.
#[test]
fn hashing_that_does_not_fit_the_disk_is_told_for_each_partition() {
    let world = World::of(healthy_files());
    let path = world.lab.path("/etc/imapd.conf");
    let conf = std::fs::read_to_string(&path).unwrap();
    let other: String =
        conf.lines().filter(|line| !line.starts_with("hashimapspool")).map(|line| format!("{line}\n")).collect();
    assert_ne!(other, conf);
    std::fs::write(&path, other + "hashimapspool: 0\n").unwrap();
    let run = crate::run::run(&world.installation);
    let checks = run.report["checks"].as_array().unwrap().iter();
    let open = checks.flat_map(|check| {
        let findings = check["findings"].as_array().unwrap().iter();
        let open = findings.filter(|finding| finding["explained_by"].is_null() && finding["severity"] != "info");
        open.map(|finding| format!("{}: {}", check["id"], finding["subject"])).collect::<Vec<_>>()
    });
    let expected = ["bm-master__example_net", "bm-master__example_org"]
        .map(|partition| format!("\"message_file_missing\": \"{partition}\""));
    assert_eq!(open.collect::<Vec<_>>(), expected, "{}", run.digest());
}

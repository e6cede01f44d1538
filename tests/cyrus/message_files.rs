//! Message files that the indexes of a real Cyrus know, and that are not there.

use std::path::PathBuf;

use crate::run::run;
use crate::states::{assert_findings, due, findings};
use crate::support::cyrus::files::Tree;
use crate::world::{World, healthy_files};

const ORG_PARTITION: &str = "bm-master__example_org";
const JDOE: &str = "example.org!user.jdoe";
const MMARTIN: &str = "example.org!user.mmartin";

/// Everything below a partition's folder goes, as where its disk is not mounted.
fn empty(world: &World, tree: Tree) -> PathBuf {
    let folder = world.lab.path(tree.place()).join(ORG_PARTITION);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    folder
}

#[test]
fn a_partition_without_any_message_file_is_one_finding() {
    for tree in [Tree::Data, Tree::Archive] {
        let world = World::of(healthy_files());
        let folder = empty(&world, tree);
        let run = assert_findings(&world, &due(&[("message_file_missing", &[ORG_PARTITION])]));
        let place = format!("{}/{ORG_PARTITION} holds none of the ", tree.place());
        assert!(run.report.to_string().contains(&place), "{place}: {}", run.report);
        // The folder may be gone as well: what else lies there is not known then.
        std::fs::remove_dir(folder).unwrap();
        let run = crate::run::run(&world.installation);
        assert_eq!(findings(&run), due(&[("message_file_missing", &[ORG_PARTITION])]), "{}", run.digest());
    }
}

#[test]
fn a_partition_without_any_index_is_told_as_such() {
    let world = World::of(healthy_files());
    empty(&world, Tree::Meta);
    let found = findings(&run(&world.installation));
    assert_eq!(found["message_file_missing"], [ORG_PARTITION.to_owned()].into());
    assert!(found["cyrus_mailbox_directory_missing"].len() > 10, "{found:?}");
}

#[test]
fn folders_that_lack_files_are_told_to_the_number() {
    let world = World::of(healthy_files());
    let file = |tree, name: &str, uid: u32| world.lab.mailbox_directory(tree, name).join(format!("{uid}."));
    std::fs::remove_file(file(Tree::Data, JDOE, 1)).unwrap();
    std::fs::remove_file(file(Tree::Data, JDOE, 2)).unwrap();
    std::fs::write(file(Tree::Data, JDOE, 5), "").unwrap();
    // Another one takes its place, and what is expunged may be gone.
    std::fs::write(file(Tree::Data, JDOE, 4_000_000), "x").unwrap();
    std::fs::remove_file(file(Tree::Data, JDOE, 3)).unwrap();
    let archived = world.lab.mailbox_directory(Tree::Archive, MMARTIN);
    let archived = std::fs::read_dir(archived).unwrap().map(|entry| entry.unwrap().path());
    let archived = archived.filter(|path| path.display().to_string().ends_with('.')).min().unwrap();
    std::fs::remove_file(archived).unwrap();
    let facts = world.collect();
    let rows = "SELECT name, tree, messages, missing, empty, expunged_missing FROM mailbox_files ORDER BY 1";
    assert_eq!(
        facts.rows(rows),
        [
            [JDOE, "data", "10", "2", "1", "1"].map(str::to_owned),
            [MMARTIN, "archive", "2", "1", "0", "0"].map(str::to_owned),
        ]
    );
    assert_findings(&world, &due(&[("message_file_missing", &[JDOE, MMARTIN])]));
}

/// Nothing is lost with files of expunged messages, and files that no index knows are none that are missing.
#[test]
fn more_files_and_expunged_messages_without_file_are_silent() {
    let world = World::of(healthy_files());
    let place = world.lab.mailbox_directory(Tree::Data, JDOE);
    std::fs::remove_file(place.join("3.")).unwrap();
    std::fs::write(place.join("77."), "x").unwrap();
    std::fs::write(place.join("077."), "x").unwrap();
    assert_findings(&world, &due(&[]));
    let facts = world.collect();
    let sums = "SELECT sum(messages) = sum(found), sum(expunged) - sum(expunged_found) FROM partition_files";
    assert_eq!(facts.rows(sums), [["1", "1"]]);
    assert_eq!(facts.gaps(), Vec::<Vec<String>>::new());
}

/// What cannot be listed is not known to be missing.
#[test]
fn a_folder_that_cannot_be_listed_leaves_the_answer_open() {
    let world = World::of(healthy_files());
    let place = world.lab.mailbox_directory(Tree::Data, JDOE);
    std::fs::remove_dir_all(&place).unwrap();
    std::os::unix::fs::symlink("jdoe", &place).unwrap();
    let run = run(&world.installation);
    assert!(!findings(&run).contains_key("message_file_missing"), "{}", run.digest());
    assert!(run.with_outcome("unknown").contains("message_file_missing"), "{}", run.digest());
}

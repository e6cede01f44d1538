//! Files of a server that are damaged or out of reach: what they would have told is unknown, and the run says so.

use std::fs;

use crate::run::run;
use crate::support::bluemind::Installation;

const SERVER: &str = "bm-master";
const BACKUPS: &str = "root/var/backups/bluemind";
/// Checks that rest on where packages come from.
const ON_PACKAGE_SOURCES: [&str; 2] = ["package_repository_missing", "subscription_missing"];

#[test]
fn backups_that_cannot_be_read_leave_open_which_is_the_newest() {
    let installation = Installation::build("healthy_single");
    let newest = installation.path(&format!("{BACKUPS}/generation-42.json"));
    let whole = fs::read(&newest).unwrap();
    fs::write(&newest, &whole[..whole.len() / 2]).unwrap();
    let huge = fs::File::create(installation.path(&format!("{BACKUPS}/generation-43.json"))).unwrap();
    huge.set_len(100 * 1024 * 1024).unwrap();
    let result = run(&installation);
    result.assert_unknown(&["backup_missing_or_old"], "generation-42.json: EOF while parsing");
    result.assert_says("backup_missing_or_old", "generation-43.json: larger than 1048576 bytes");
}

#[test]
fn a_backup_folder_that_is_not_mounted_is_not_an_empty_one() {
    let installation = Installation::build("healthy_single");
    fs::remove_dir_all(installation.path(BACKUPS)).unwrap();
    std::os::unix::fs::symlink("/mnt/nas/bluemind", installation.path(BACKUPS)).unwrap();
    let result = run(&installation);
    result.assert_absent("backup_part", SERVER, "it leads to /mnt/nas/bluemind, which is not there");
    result.assert_unknown(&["backup_missing_or_old"], "/mnt/nas/bluemind");
}

#[test]
fn a_repository_that_cannot_be_read_is_not_a_missing_one() {
    let installation = Installation::build("healthy_single");
    let list = installation.path("root/etc/apt/sources.list.d/bm.list");
    fs::remove_file(&list).unwrap();
    fs::create_dir(&list).unwrap();
    let result = run(&installation);
    result.assert_absent("package_source", SERVER, "bm.list: not a regular file");
    result.assert_unknown(&ON_PACKAGE_SOURCES, "bm.list");
    fs::remove_dir_all(installation.path("root/etc/apt")).unwrap();
    run(&installation).assert_unknown(&ON_PACKAGE_SOURCES, "there is none of the folders");
}

/// What is behind the cut counted as not installed.
#[test]
fn a_list_of_packages_that_was_cut_is_not_a_shorter_one() {
    let installation = Installation::build("healthy_single");
    let status = installation.path("root/var/lib/dpkg/status");
    let whole = fs::read_to_string(&status).unwrap();
    fs::write(&status, &whole[..whole.len() - 20]).unwrap();
    let result = run(&installation);
    result.assert_absent("package", SERVER, "in the middle of an entry");
    assert_eq!(result.code, 30, "{}", result.digest());
    // Cut between two entries it is told by what is missing.
    let entries: Vec<&str> = whole.split_inclusive("\n\n").collect();
    assert!(entries.concat() == whole && entries.len() > 2, "{entries:?}");
    let without_core: String = entries.into_iter().filter(|entry| !entry.contains("Package: bm-core\n")).collect();
    assert_ne!(without_core, whole);
    fs::write(&status, without_core).unwrap();
    let result = run(&installation);
    assert!(!result.is_complete("package", SERVER));
    assert_eq!(result.code, 30, "{}", result.digest());
}

#[test]
fn a_server_that_the_configuration_misspells_is_told() {
    let mut installation = Installation::build("healthy_split");
    let root = installation.path("root.mail-1");
    installation.more_config =
        format!("[server.mial-1]\nroot = {root:?}\n[shard.mail-9]\nurl = \"postgresql://bj:x@h/bj-data\"\n");
    let result = run(&installation);
    let notices = result.report["run"]["notices"].to_string();
    for uid in ["mial-1", "mail-9"] {
        let told = format!("the configuration names the server {uid}, which the directory does not have");
        assert!(notices.contains(&told), "{notices}");
    }
    let coverage = result.report["coverage"].as_array().unwrap();
    assert!(coverage.iter().all(|entry| entry["scope"] != "mial-1"), "nothing is collected of it");
}

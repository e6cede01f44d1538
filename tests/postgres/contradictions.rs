//! Databases that answer everything, and not with what they are asked for: what another source contradicts is not known.

use crate::run::{Run, run, run_with};
use crate::support::bluemind::{DIRECTORY, Installation};

const SHARD: &str = "bm-master";

/// A policy hides rows without a word, from the owner of the table too.
const HIDE: &str = "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
                    CREATE POLICY partly ON {table} USING ({sees})";

#[test]
fn rows_that_a_policy_hides_are_not_known() {
    for (scope, table, hides, facts, check) in [
        (SHARD, "t_mapi_folders", "false", "mapi_folder", "inbox_virtual_folder"),
        (SHARD, "t_mailbox_record", "false", "folder", "message_body_missing"),
        (SHARD, "t_container", "container_type <> 'replicated_mailboxes'", "subtree", "mailbox_not_replicated"),
        (DIRECTORY, "t_mailbox", "false", "mailbox", "mailbox_not_replicated"),
        (DIRECTORY, "t_upgraders", "success", "upgrader", "upgrader_failed"),
        (DIRECTORY, "t_server", "false", "server", "mailbox_role_without_service"),
    ] {
        let installation = Installation::build("healthy_single");
        installation.sql(scope, &HIDE.replace("{table}", table).replace("{sees}", hides));
        let result = run(&installation);
        let reason = format!("query would be affected by row-level security policy for table \"{table}\"");
        result.assert_absent(facts, scope, &reason);
        result.assert_says(check, &reason);
        assert!(result.with_outcome("unknown").contains(check), "{table}: {}", result.digest());
        assert_eq!(result.code, 30, "{table}");
        // Without the force that is laid upon him the owner sees all rows.
        installation.sql(scope, &format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"));
        assert_eq!(run(&installation).code, 0, "{table}");
    }
}

fn led_to(story: &str, server: &str, scope: &str) -> Run {
    let mut installation = Installation::build(story);
    // Another way to the same place.
    let url = installation.url(scope).replace("127.0.0.1", "localhost");
    installation.urls.insert(server.to_owned(), url);
    run(&installation)
}

#[test]
fn two_shards_are_never_one_database() {
    let result = led_to("healthy_split", "mail-2", "mail-1");
    assert_eq!(result.code, 30, "{}", result.digest());
    for table in ["folder", "mapi_folder", "subtree", "shard", "relation"] {
        result.assert_absent(table, "mail-2", "mail-1 and mail-2 lead to one database");
        result.assert_complete(table, "mail-1");
    }
    result.assert_absent("message_difference", "mail-2", "mail-1 and mail-2 lead to one database");
    for check in ["inbox_virtual_folder", "message_body_missing", "mailbox_not_replicated"] {
        result.assert_says(check, "mail-1 and mail-2 lead to one database");
    }
}

#[test]
fn the_directory_is_no_shard() {
    let result = led_to("healthy_single", SHARD, DIRECTORY);
    assert_eq!(result.code, 30, "{}", result.digest());
    result.assert_absent("folder", SHARD, "directory and bm-master lead to one database");
    assert!(result.with_outcome("unknown").contains("inbox_virtual_folder"));
}

/// Two servers whose shards were taken for each other.
#[test]
fn a_shard_with_trees_of_other_servers_alone_is_theirs() {
    let mut installation = Installation::build("healthy_split");
    let urls = ["mail-1", "mail-2"].map(|uid| installation.url(uid));
    installation.urls.insert("mail-1".to_owned(), urls[1].clone());
    installation.urls.insert("mail-2".to_owned(), urls[0].clone());
    for only in [&[][..], &["--check", "inbox_virtual_folder"]] {
        let result = run_with(&installation, only);
        assert_eq!(result.code, 30, "{}", result.digest());
        for server in ["mail-1", "mail-2"] {
            let reason = format!("none of a mailbox that the directory places on {server}");
            result.assert_absent("folder", server, &reason);
            result.assert_says("inbox_virtual_folder", &reason);
        }
    }
}

/// A server that is new has mailboxes and no tree of any: that is an anomaly that a check names.
#[test]
fn a_shard_without_any_tree_is_the_one_it_is_taken_for() {
    let installation = Installation::build("healthy_split");
    installation
        .sql("mail-2", "UPDATE t_container SET container_type = 'left' WHERE container_type = 'replicated_mailboxes'");
    let result = run(&installation);
    result.assert_complete("subtree", "mail-2");
    assert!(result.with_outcome("fail").contains("mailbox_not_replicated"), "{}", result.digest());
    // Nor is a tree of somebody else a reason to doubt, beside one of its own.
    let installation = Installation::build("mailbox_replicated_elsewhere");
    let result = run(&installation);
    assert!(installation.shards().iter().all(|shard| result.is_complete("subtree", shard)), "{}", result.digest());
}

#[test]
fn a_directory_that_nobody_uses_tells_nothing_of_an_installation() {
    for (sql, reason) in [
        ("DELETE FROM t_server", "the directory database lists no server"),
        ("UPDATE t_server SET tags = array_remove(tags, 'bm/core')", "no server holds the role bm/core"),
        ("DELETE FROM t_domain WHERE NOT global", "the directory database lists no mail domain"),
    ] {
        let installation = Installation::build("healthy_single");
        installation.sql(DIRECTORY, sql);
        let result = run(&installation);
        assert_eq!(result.code, 30, "{sql}: {}", result.digest());
        result.assert_absent("folder", "*", reason);
        // Without a server there is none of the rest either; else its tables are what they are.
        let is_empty = sql == "DELETE FROM t_server";
        assert_eq!(result.is_complete("upgrader", DIRECTORY), !is_empty, "{sql}: {}", result.digest());
        assert_eq!(result.with_outcome("pass").contains("upgrader_failed"), !is_empty, "{sql}: {}", result.digest());
        for check in ["inbox_virtual_folder", "mailbox_role_without_service", "mapi_will_not_start"] {
            assert!(result.with_outcome("unknown").contains(check), "{sql}: {check}: {}", result.digest());
        }
    }
}

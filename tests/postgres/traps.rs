//! Things about BlueMind's databases that a collector gets wrong when it takes them at face value.

use crate::run::{collect, run};
use crate::support::bluemind::{DIRECTORY, Installation};
use crate::support::postgres::PASSWORD;
use crate::support::snapshot::{Cell, Snapshot};

const SHARD: &str = "bm-master";

fn number(snapshot: &Snapshot, table: &str, key: (&str, &str), column: &str) -> Option<i64> {
    match snapshot.cell(table, key, column)? {
        Cell::Number(number) => Some(*number),
        other => panic!("{table}.{column} holds {other:?}"),
    }
}

fn folder(snapshot: &Snapshot, path: &str, column: &str) -> Option<i64> {
    number(snapshot, "folder", ("path", path), column)
}

/// A migration from 3.5 leaves containers, folders and messages in `bj`: nobody sees them any more.
#[test]
fn stale_copies_in_the_directory_database_are_not_counted() {
    let installation = Installation::build("healthy_single");
    let stale =
        "SELECT count(*) FROM t_mailbox_record; SELECT count(*) FROM t_mapi_folders WHERE display_name = 'Stale'";
    assert_eq!(installation.sql(DIRECTORY, stale), "7\n1", "the story has lost its stale copies");
    let facts = collect(&installation);
    assert_eq!(facts.cell("mapi_folder", ("display_name", "Stale"), "messages"), None);
    assert_eq!(folder(&facts, "Old \"work\" (2015)", "is_deleted"), None);
}

/// Flag 2 of an item is "deleted"; 1 (seen) and 4 (important) say nothing of the folder's life.
#[test]
fn a_folder_is_deleted_when_its_item_carries_flag_2() {
    let installation = Installation::build("healthy_single");
    installation.sql(
        SHARD,
        "SELECT fixture.add_folder('user-zoe', path) FROM unnest('{seen,gone,both}'::text[]) AS path;
         UPDATE t_container_item SET flags = 5 WHERE id = fixture.folder_item('user-zoe', 'seen');
         UPDATE t_container_item SET flags = 2 WHERE id = fixture.folder_item('user-zoe', 'gone');
         UPDATE t_container_item SET flags = 7 WHERE id = fixture.folder_item('user-zoe', 'both')",
    );
    let facts = collect(&installation);
    assert_eq!(["seen", "gone", "both"].map(|path| folder(&facts, path, "is_deleted")), [Some(0), Some(1), Some(1)]);
}

/// "Expunged" is bit 31 of a signed number, whatever else is set; "unlinked" is bit 30 and still a message.
#[test]
fn expunged_messages_have_negative_flags() {
    let installation = Installation::build("healthy_single");
    installation.sql(
        SHARD,
        "SELECT fixture.add_folder('user-zoe', 'mixed'), fixture.add_messages('user-zoe', 'mixed', 5);
         UPDATE t_mailbox_record r SET system_flags = (ARRAY[16, 1 << 30, 1 << 31, (1 << 31) | 16, -1])[r.imap_uid]
         FROM t_container_item i
         WHERE i.id = r.item_id AND i.container_id = fixture.container(fixture.records_of('user-zoe', 'mixed'))",
    );
    installation.sql(SHARD, "SELECT fixture.lose_bodies('user-zoe', 'mixed', '{2,3,5}')");
    let facts = collect(&installation);
    assert_eq!(folder(&facts, "mixed", "messages"), Some(2));
    assert_eq!(folder(&facts, "mixed", "missing_bodies"), Some(1), "only the live message lacks its body");
}

/// 4.0 writes a literal dot of a Cyrus name as `/`, later releases as `.`, and a user may type `^`: names are data.
#[test]
fn folder_names_arrive_as_they_are_stored() {
    let installation = Installation::build("healthy_single");
    let names = ["a^b", "v1/2", "v1.2", "100% \"sure\" \\ \u{1F4E7}", "line\nbreak\ttab\u{7}", "  "];
    for name in names {
        let quoted = name.replace('\'', "''");
        installation.sql(SHARD, &format!("SELECT fixture.add_folder('user-zoe', '{quoted}', 'INBOX')"));
    }
    let facts = collect(&installation);
    for name in names {
        assert_eq!(folder(&facts, name, "is_deleted"), Some(0), "{name:?}");
    }
}

/// Containers of old installations have no domain: their folders count all the same.
#[test]
fn containers_without_a_domain_are_collected() {
    let installation = Installation::build("inbox_virtual_folder");
    let before = collect(&installation);
    installation.sql(SHARD, "UPDATE t_container SET domain_uid = NULL WHERE owner = 'user-jdoe'");
    let facts = collect(&installation);
    for table in ["folder", "mapi_folder", "subtree"] {
        assert_eq!(facts.tables[table].len(), before.tables[table].len(), "{table}");
    }
    assert_eq!(facts.cell("subtree", ("mailbox_uid", "user-jdoe"), "domain_uid"), None);
    let result = run(&installation);
    assert_eq!(result.code, 20);
    let findings = result.report["checks"].to_string();
    assert!(findings.contains("jdoe@example.org/INBOX/Projets/2019"), "{findings}");
}

/// An item that nobody owns any more, or a folder whose records went: described, not dropped.
#[test]
fn folders_without_records_are_collected() {
    let installation = Installation::build("healthy_single");
    installation.sql(
        SHARD,
        "SELECT fixture.add_folder('user-zoe', 'bare');
         DELETE FROM t_container WHERE uid = fixture.records_of('user-zoe', 'bare')",
    );
    let facts = collect(&installation);
    assert_eq!(folder(&facts, "bare", "messages"), Some(0));
}

/// The type of the message GUIDs changes with 4.1; what is counted does not.
#[test]
fn text_and_bytea_guids_give_the_same_facts() {
    let shards = ["healthy_single", "healthy_42"].map(|name| {
        let installation = Installation::build(name);
        installation.sql(SHARD, "SELECT fixture.lose_bodies('user-zoe', 'INBOX', '{1}')");
        collect(&installation)
    });
    let types = shards.each_ref().map(|facts| facts.cell("shard", ("server_uid", SHARD), "guid_type").cloned());
    assert_eq!(types, ["text", "bytea"].map(|kind| Some(Cell::Text(kind.to_owned()))));
    assert_eq!(shards[0].tables["folder"], shards[1].tables["folder"]);
}

/// 4.3 replaced `t_upgraders` by `t_bm_upgraders`, with other columns.
#[test]
fn the_upgraders_of_later_releases_are_read_from_their_table() {
    let installation = Installation::build("healthy_single");
    installation.sql(
        DIRECTORY,
        "DROP TABLE t_upgraders;
         CREATE TYPE enum_database_name AS ENUM ('DIRECTORY', 'SHARD', 'ALL');
         CREATE TABLE t_bm_upgraders (server text, phase enum_upgrader_phase, database_name enum_database_name,
                                      upgrader_id text, success boolean);
         INSERT INTO t_bm_upgraders VALUES ('bm-master', 'SCHEMA_UPGRADE', 'SHARD', '2020-09-23-1', true),
                                           ('bm-master', 'POST_SCHEMA_UPGRADE', 'ALL', '2020-10-01-2', false)",
    );
    let facts = collect(&installation);
    let success = |name| number(&facts, "upgrader", ("name", name), "is_success");
    assert_eq!(success("2020-09-23-1 on bm-master (SHARD)"), Some(1));
    assert_eq!(success("2020-10-01-2 on bm-master (ALL)"), Some(0));
    assert!(run(&installation).with_outcome("fail").contains("upgrader_failed"));
}

/// Neither table of upgraders: that no upgrader failed is not known then.
#[test]
fn without_any_table_of_upgraders_nothing_is_said_of_them() {
    let installation = Installation::build("healthy_single");
    installation.sql(DIRECTORY, "DROP TABLE t_upgraders");
    let result = run(&installation);
    result.assert_absent("upgrader", DIRECTORY, "no table t_upgraders, t_bm_upgraders");
    result.assert_unknown(&["upgrader_failed"], "no table t_upgraders");
}

/// What the passwords and tokens of the stories are called is never among the facts.
#[test]
fn secrets_are_not_collected() {
    let installation = Installation::build("healthy_single");
    collect(&installation);
    let facts = std::fs::read(installation.path("collected.db")).unwrap();
    for secret in [PASSWORD, "not-to-be-read", "sw_password"] {
        assert!(!facts.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
}

//! Databases that answer, but not to everything: each unreadable table makes its checks unknown, and only those.

use crate::run::{Run, collect, run};
use crate::support::bluemind::{DIRECTORY, Installation, load_schema};
use crate::support::postgres::Cluster;

const SHARD: &str = "bm-master";
/// The checks that read the folders which only Outlook sees.
const MAPI: &[&str] = &[
    "inbox_virtual_folder",
    "inbox_virtual_folder_empty",
    "inbox_virtual_folder_not_mail",
    "mail_virtual_folder",
    "mapi_folder_incomplete",
    "mapi_folder_parent_cycle",
    "mapi_folder_parent_unresolved",
    "mapi_folder_without_container",
];

fn run_after(scope: &str, sql: &str) -> Run {
    let installation = Installation::build("healthy_single");
    installation.sql(scope, sql);
    run(&installation)
}

#[test]
fn a_table_that_is_missing() {
    let result = run_after(SHARD, "DROP TABLE t_mapi_folders");
    assert_eq!(result.code, 30);
    result.assert_absent("mapi_folder", SHARD, "no table t_mapi_folders");
    result.assert_complete("folder", SHARD);
    result.assert_unknown(MAPI, "no table t_mapi_folders");
    assert!(result.with_outcome("pass").contains("message_body_missing"));
}

#[test]
fn a_column_that_is_missing() {
    let result = run_after(DIRECTORY, "ALTER TABLE t_upgraders DROP COLUMN success");
    result.assert_absent("upgrader", DIRECTORY, "column \"success\" does not exist (SQLSTATE 42703)");
    result.assert_unknown(&["upgrader_failed"], "column \"success\" does not exist");
}

#[test]
fn a_table_that_must_not_be_read() {
    let result = run_after(DIRECTORY, "REVOKE ALL ON t_component_version FROM bj");
    assert_eq!(result.code, 30);
    let reason = "permission denied for table t_component_version (SQLSTATE 42501)";
    result.assert_absent("component_version", DIRECTORY, reason);
    result.assert_complete("domain", DIRECTORY);
    assert!(!result.with_outcome("pass").contains("component_version_mismatch"));
    result.assert_says("component_version_mismatch", reason);
}

/// The servers are not known then, nor what else there is to look at.
#[test]
fn servers_that_must_not_be_read() {
    let result = run_after(DIRECTORY, "REVOKE ALL ON t_server FROM bj");
    assert_eq!(result.code, 30);
    result.assert_absent("server", DIRECTORY, "permission denied for table t_server");
    result.assert_absent("mapi_folder", "*", "the servers of the installation are not known");
    assert!(result.with_outcome("pass").iter().all(|id| !MAPI.contains(&id.as_str())));
}

/// A row that breaks the query in the middle: the rows before it must not be taken for all of them.
#[test]
fn a_query_that_fails_after_many_rows() {
    let result = run_after(
        DIRECTORY,
        "ALTER TABLE t_mapi_replica RENAME TO kept;
         CREATE VIEW t_mapi_replica AS
         SELECT 'mailbox ' || n AS mailbox_uid, (1 / (5000 - n))::text AS local_replica_guid FROM generate_series(1, 9000) n",
    );
    result.assert_absent("mapi_replica", DIRECTORY, "division by zero (SQLSTATE 22012)");
}

/// What a move left in the old shard of a mailbox is told from a folder in use by the mailboxes alone.
#[test]
fn a_folder_left_behind_by_a_move_while_the_mailboxes_cannot_be_read() {
    let installation = Installation::build("healthy_split");
    installation.sql(
        "mail-1",
        "SELECT fixture.add_mapi_folder('user-bruno', 'OUTLOOK-77bb', fixture.mapi_uid('user-bruno', 'INBOX'), 'Left', 'IPF.Note', 5)",
    );
    let result = run(&installation);
    assert!(MAPI.iter().all(|id| result.with_outcome("pass").contains(*id)), "{}", result.digest());
    installation.sql(DIRECTORY, "ALTER TABLE t_mailbox_email RENAME TO kept");
    let result = run(&installation);
    assert_eq!(result.code, 30);
    result.assert_absent("mailbox", DIRECTORY, "no table t_mailbox_email");
    assert!(MAPI.iter().all(|id| result.with_outcome("unknown").contains(*id)), "{}", result.digest());
    MAPI.iter().for_each(|id| result.assert_says(id, "no table t_mailbox_email"));
}

#[test]
fn a_query_that_takes_too_long() {
    let mut installation = Installation::build("healthy_single");
    installation.sql(SHARD, &slow_view("t_mapi_folders", 30));
    installation.urls.insert(SHARD.to_owned(), installation.url(SHARD) + "?options=-c%20statement_timeout%3D300");
    let result = run(&installation);
    assert_eq!(result.code, 30);
    let reason = "canceling statement due to statement timeout (SQLSTATE 57014)";
    result.assert_absent("mapi_folder", SHARD, reason);
    result.assert_complete("folder", SHARD);
    result.assert_unknown(MAPI, reason);
}

/// A lock that an upgrade or a repair holds must not hold up the run for ever.
#[test]
fn a_table_that_is_locked() {
    let mut installation = Installation::build("healthy_single");
    let url = installation.url(DIRECTORY) + "?options=-c%20lock_timeout%3D200";
    installation.urls.insert(DIRECTORY.to_owned(), url);
    let database = installation.database(DIRECTORY);
    let lock = "BEGIN; LOCK TABLE t_upgraders IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0)";
    let held = Cluster::shared().hold(database, lock);
    let result = run(&installation);
    drop(held);
    let reason = "canceling statement due to lock timeout (SQLSTATE 55P03)";
    result.assert_absent("upgrader", DIRECTORY, reason);
    result.assert_unknown(&["upgrader_failed"], reason);
}

/// The time budget of the run itself: what was not reached is unknown, and the reports are written all the same.
#[test]
fn a_run_out_of_time() {
    let installation = Installation::build("healthy_single");
    installation.sql(SHARD, &slow_view("t_mapi_folders", 60));
    let (facts, reports) = (installation.path("facts.db"), installation.path("reports"));
    let mut command = installation.command("run");
    command.args(["--timeout", "2s", "--facts"]).arg(&facts).arg("--output-dir").arg(&reports);
    let started = std::time::Instant::now();
    let result = crate::run::judged(&command.output().unwrap(), &facts, &reports);
    assert!(started.elapsed().as_secs() < 20, "the run did not end in time: {:?}", started.elapsed());
    assert_eq!(result.code, 30);
    assert!(MAPI.iter().all(|id| result.with_outcome("unknown").contains(*id)), "{}", result.digest());
    let running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bm-preflight' AND datname = ";
    let running = format!("{running}'{}'", installation.database(SHARD));
    let ended = std::time::Instant::now();
    while installation.administer(SHARD, &running) != "0" {
        assert!(ended.elapsed().as_secs() < 5, "the query still runs on the server");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// A database in SQL_ASCII holds whatever bytes once came; PostgreSQL refuses to hand out those that are no UTF-8.
#[test]
fn bytes_that_are_no_utf8() {
    let cluster = Cluster::shared();
    let mut installation = Installation::build("healthy_single");
    let database = "ascii.bj-data";
    cluster.create_database(database, "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
    load_schema(cluster, database, "schema_40");
    cluster.load(database, &[installation.story().folder().join("bj-data.bm-master.sql")]);
    installation.urls.insert(SHARD.to_owned(), cluster.url(database));
    let valid = run(&installation);
    assert_eq!(valid.code, 0, "{}", valid.digest());
    assert!(valid.report["coverage"].to_string().contains(database));

    cluster.query(database, "SELECT fixture.add_folder('user-zoe', E'caf\\351')");
    // Nothing is lost: the byte is shown as what it is, and the folder is judged like any other.
    let facts = collect(&installation);
    assert!(facts.cell("folder", ("path", "caf\\xe9"), "folder_uid").is_some());
    let result = run(&installation);
    result.assert_complete("folder", SHARD);
    assert_eq!(result.code, 0, "{}", result.digest());
}

/// Enumerations of the facts are closed: a value that BlueMind does not know yet makes the table unknown, not wrong.
#[test]
fn a_value_that_the_facts_do_not_know() {
    let result = run_after(DIRECTORY, "ALTER TYPE enum_mailbox_routing ADD VALUE 'archive'");
    assert_eq!(result.code, 0);
    let installation = Installation::build("healthy_single");
    installation.sql(DIRECTORY, "ALTER TYPE enum_mailbox_routing ADD VALUE 'archive'");
    installation.sql(DIRECTORY, "UPDATE t_mailbox SET routing = 'archive' WHERE name = 'zoe'");
    let result = run(&installation);
    assert_eq!(result.code, 30);
    result.assert_absent("mailbox", DIRECTORY, "routing");
}

/// SQL that lets a view stand in for a table: the same columns, after a long time.
pub(crate) fn slow_view(table: &str, seconds: u32) -> String {
    format!(
        "ALTER TABLE {table} RENAME TO slow_{table};
         CREATE VIEW {table} AS SELECT t.* FROM slow_{table} t, pg_sleep({seconds})"
    )
}

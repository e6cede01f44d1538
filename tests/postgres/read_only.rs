//! The program only ever reads: what the server itself saw of its sessions.

use std::collections::BTreeMap;

use crate::run::{collect, run, run_with};
use crate::support::bluemind::{DIRECTORY, Installation};
use crate::support::postgres::Cluster;
use crate::support::snapshot::Cell;

const SHARD: &str = "bm-master";
/// How statements begin that change nothing in a database.
const HARMLESS: &[&str] =
    &["SELECT", "WITH", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT", "DECLARE", "FETCH", "CLOSE"];

/// The statements of every session of a program in a database, by the name of the program.
fn statements(log: &str, database: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in log.lines() {
        let mut parts = line.splitn(4, '|');
        let (Some(name), Some(program), Some(_), Some(message)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let statement = message
            .split_once("statement: ")
            .or_else(|| message.split_once("execute ").and_then(|(_, prepared)| prepared.split_once(": ")));
        if let (true, true, Some((_, statement))) = (name == database, message.starts_with("LOG: "), statement) {
            found.entry(program.to_owned()).or_default().push(statement.trim().to_owned());
        }
    }
    found
}

#[test]
fn no_session_runs_anything_but_queries() {
    let installation = Installation::build("demo");
    let (at_once, gently) = (run(&installation), run_with(&installation, &["--low-priority"]));
    assert_eq!(at_once.digest(), gently.digest(), "both find the same");
    let log = Cluster::shared().read_log();
    for scope in [DIRECTORY, "mail-1", "mail-2"] {
        let mut sessions = statements(&log, installation.database(scope));
        sessions.remove("test set-up").expect("the log shows the statements of the set-up");
        let own = sessions.remove("bm-preflight").unwrap_or_default();
        assert!(own.len() > 5, "{scope}: the log shows hardly any statement: {own:?}");
        assert!(sessions.is_empty(), "{scope}: sessions of other names: {:?}", sessions.keys());
        for statement in own {
            // What is copied out is a query; it may begin in the next line.
            let query = statement.strip_prefix("COPY (").map_or(statement.as_str(), str::trim_start);
            let first = query.split([' ', ';']).next().unwrap_or_default();
            assert!(HARMLESS.contains(&first) || statement.trim_end() == "COPY (", "{scope}: {statement}");
        }
    }
}

#[test]
fn with_low_priority_a_session_has_no_parallel_workers() {
    let installation = Installation::build("healthy_single");
    let set = |more: &[&str]| {
        run_with(&installation, more);
        let mut sessions = statements(&Cluster::shared().read_log(), installation.database(SHARD));
        let own = sessions.remove("bm-preflight").unwrap_or_default();
        let count = |word: &str| own.iter().filter(|statement| statement.contains(word)).count();
        (count("BEGIN TRANSACTION"), count("max_parallel_workers_per_gather"), [count("COPY ("), count("FETCH ")])
    };
    let (sessions, alone, [copied, fetched]) = set(&[]);
    assert!(sessions > 0 && alone == 0, "{sessions} {alone}");
    assert!(copied > 0 && fetched == 0, "{copied} {fetched}");
    let (all, alone, rows) = set(&["--low-priority"]);
    assert!(alone > 0 && alone == all - sessions, "{all} {alone}");
    // What may be millions of rows is fetched by short statements.
    assert!(rows[0] == copied && rows[1] > 0, "{copied} {rows:?}");
}

#[test]
fn writes_are_seen_in_the_log() {
    let log = "a.bj|bm-preflight|12|LOG:  statement: UPDATE t SET a = 1\n\
               a.bj|bm-preflight|12|LOG:  execute s1: SELECT 1\n\
               \tFROM t\n\
               a.bj|bm-preflight|12|ERROR:  x\nb.bj|other|13|LOG:  statement: DELETE FROM t\n";
    assert_eq!(statements(log, "a.bj")["bm-preflight"], ["UPDATE t SET a = 1", "SELECT 1"]);
}

/// The session's own settings, brought out as the rows of a table.
#[test]
fn every_session_is_read_only_and_says_who_it_is() {
    let installation = Installation::build("healthy_single");
    for scope in [DIRECTORY, SHARD] {
        installation.sql(
            scope,
            "DROP TABLE t_component_version;
             CREATE VIEW t_component_version AS SELECT name AS component, setting AS version FROM pg_settings
             WHERE name IN ('default_transaction_read_only', 'transaction_read_only', 'application_name',
                            'transaction_isolation', 'statement_timeout', 'lock_timeout')",
        );
    }
    let facts = collect(&installation);
    let setting = |name| match facts.cell("component_version", ("component", name), "version") {
        Some(Cell::Text(value)) => value.clone(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(setting("default_transaction_read_only"), "on");
    assert_eq!(setting("transaction_read_only"), "on");
    assert_eq!(setting("application_name"), "bm-preflight");
    assert_eq!(setting("transaction_isolation"), "repeatable read");
    assert_ne!(setting("statement_timeout"), "0");
    assert_ne!(setting("lock_timeout"), "0");
}

/// Even a database that is booby-trapped is not written to: the server refuses, and the table is unknown.
#[test]
fn a_view_that_writes_is_refused_by_the_server() {
    let installation = Installation::build("healthy_single");
    installation.sql(
        SHARD,
        "CREATE TABLE written (n integer);
         CREATE FUNCTION write() RETURNS integer LANGUAGE sql VOLATILE AS 'INSERT INTO written VALUES (1) RETURNING n';
         ALTER TABLE t_mapi_folders RENAME TO kept;
         CREATE VIEW t_mapi_folders AS SELECT * FROM kept WHERE write() = 1",
    );
    let result = run(&installation);
    result.assert_absent("mapi_folder", SHARD, "cannot execute INSERT in a read-only transaction (SQLSTATE 25006)");
    result.assert_complete("folder", SHARD);
    assert_eq!(installation.sql(SHARD, "SELECT count(*) FROM written"), "0");
}

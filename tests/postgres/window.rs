//! The forecast of the window beside the conversion itself: the tables of 4.0, filled, read by a collection, and converted.

use std::time::Instant;

use serde_json::Value;

use crate::run::run_with;
use crate::support::bluemind::Installation;
use crate::support::postgres::{Cluster, Settings};
use crate::survival::CONVERSION;

const SHARD: &str = "bm-master";

/// What is written by others counts as well: the cluster is the test's own. That of the other tests writes no log.
fn cluster(conf: &str) -> Cluster {
    Cluster::start_with(&Settings { conf: format!("wal_level = replica\n{conf}"), ..Settings::default() })
}

/// What was forecast of the one server, and what its conversion took.
#[derive(Debug)]
struct Outcome {
    /// The server's part of the only stage.
    forecast: Value,
    /// The term of the conversion.
    term: Value,
    seconds: f64,
    /// Bytes of the new tables, and of the write-ahead log.
    tables: u64,
    log: u64,
}

/// An installation with so many bodies, and twice as many records.
fn convert(cluster: &Cluster, bodies: u32) -> Outcome {
    let installation = Installation::build_in(cluster, "healthy_single");
    installation.fill(SHARD, include_str!("real_bodies.sql"), [bodies, 2 * bodies, 500]);
    installation.administer(SHARD, "VACUUM ANALYZE");
    let report = run_with(&installation, &["--offline"]).report;
    let stages = report["forecast"]["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 1, "{stages:?}");
    let forecast = stages[0]["servers"][0].clone();
    let terms = forecast["terms"].as_array().unwrap();
    let term = terms.iter().find(|term| term["kind"] == "rewrite").unwrap().clone();

    let number = |sql: &str| installation.administer(SHARD, sql).trim().parse::<u64>().unwrap();
    let written = || number("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint");
    let (before, begin) = (written(), Instant::now());
    installation.script(SHARD, CONVERSION);
    let (seconds, log) = (begin.elapsed().as_secs_f64(), written() - before);
    let tables = number("SELECT pg_total_relation_size('t_message_body') + pg_total_relation_size('t_mailbox_record')");
    Outcome { forecast, term, seconds, tables, log }
}

fn sum(forecast: &Value, column: &str) -> u64 {
    forecast["space"].as_array().unwrap().iter().map(|space| space[column].as_u64().unwrap()).sum()
}

/// The room that is asked for is enough, and not much more than that.
fn assert_room(outcome: &Outcome) {
    let Outcome { forecast, tables, log, .. } = outcome;
    let (copies, for_log) = (sum(forecast, "copy_bytes"), sum(forecast, "log_bytes"));
    assert!(*tables <= copies && copies <= tables * 12 / 10, "{outcome:?}");
    assert!(for_log * 8 / 10 <= *log && *log <= for_log * 110 / 100, "{outcome:?}");
    assert!(tables + log <= copies + for_log, "{outcome:?}");
}

#[test]
fn the_conversion_needs_the_room_that_was_forecast() {
    let outcome = convert(&cluster(""), 40_000);
    assert_room(&outcome);
    assert!(outcome.term["bytes"].as_u64().unwrap() > 40 << 20, "{outcome:?}");
    assert_eq!((&outcome.term["from"], &outcome.term["to"]), (&"4.0".into(), &"4.1".into()));
    assert_eq!(outcome.term["tables"], serde_json::json!(["t_message_body", "t_mailbox_record"]));
    assert!(outcome.forecast["high_s"].as_u64() > outcome.forecast["low_s"].as_u64(), "{outcome:?}");
}

/// Takes minutes and 5 GB of disk: `cargo test --test postgres a_million_messages -- --ignored --nocapture`.
#[test]
#[ignore = "measures time"]
fn a_million_messages_are_converted_in_the_time_that_was_forecast() {
    let cluster = cluster("fsync = on\nshared_buffers = 512MB\nmax_wal_size = 4GB");
    let outcome = convert(&cluster, 1_000_000);
    let Outcome { forecast, term, seconds, tables, log } = &outcome;
    println!("{seconds:.1} s for {term}, {}: tables {tables}, log {log}", forecast["read"]);
    assert_room(&outcome);
    assert_eq!(term["is_calibrated"], true);
    let [low, high] = ["low_s", "high_s"].map(|end| term[end].as_f64().unwrap());
    println!("measured / forecast: {:.2} of the lower end, {:.2} of the upper one", seconds / low, seconds / high);
    assert!(low <= *seconds && *seconds <= high, "{outcome:?}");
}

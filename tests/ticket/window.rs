//! What a replay says of the window: the forecast and the check speak of the same room, and the snapshot before it is asked for
//! until there is one.

use serde_json::Value;

use crate::{run, shown, story};

fn report(arguments: &[&str]) -> Value {
    let ended = run(&[&["run", "--report", "json=-"], arguments].concat());
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr))
}

#[test]
fn the_check_asks_for_the_room_that_the_forecast_tells() {
    let folder = tempfile::tempdir().unwrap();
    let facts = story::snapshot("database_space_insufficient", folder.path());
    let report = report(&["--from-facts", shown(&facts)]);
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "database_space_insufficient").unwrap();
    let evidence = &check["findings"][0]["evidence"];
    let space = &report["forecast"]["stages"][0]["servers"][0]["space"][0];
    // The check rounds up each database for itself, as the forecast does.
    for column in ["mount_point", "copy_bytes", "log_bytes", "available_bytes"] {
        assert_eq!(evidence[column], space[column], "{column}: {evidence} {space}");
    }
    assert!(evidence["log_bytes"].as_u64() > Some(50 << 30), "{evidence}");
}

#[test]
fn the_snapshot_before_the_window_is_asked_for_until_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let facts = story::snapshot("healthy_single", folder.path());
    let alone = report(&["--from-facts", shown(&facts)]);
    let keep = &alone["forecast"]["snapshot"];
    assert_eq!(keep["before"], "bm-preflight collect --facts before-4.1.facts");
    assert_eq!(keep["after"], "bm-preflight run --before before-4.1.facts");
    let later = report(&["--from-facts", shown(&facts), "--before", shown(&facts)]);
    assert_eq!(later["forecast"]["snapshot"], Value::Null);
}

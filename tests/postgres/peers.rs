//! Who replicates to whom, and what other servers answer, where a part of it cannot be known.

use std::collections::BTreeSet;

use crate::run::{self, Run};
use crate::support::bluemind::{DIRECTORY, Installation};
use crate::support::influx::Influx;

/// Checks that rest on the greetings of other servers.
const ON_GREETINGS: [&str; 2] = ["cyrus_answers_without_role", "mail_service_unreachable"];

fn subjects(run: &Run, id: &str) -> BTreeSet<String> {
    let checks = run.report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == id).unwrap();
    let findings = check["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["subject"].as_str().unwrap().to_owned()).collect()
}

/// What files tell does not depend on the network.
#[test]
fn offline_only_the_greetings_are_unknown() {
    let result = run::run_with(&Installation::build("healthy_split"), &["--offline"]);
    result.assert_absent("service_banner", "network", "--offline: nothing was asked");
    let (unknown, passed) = (result.with_outcome("unknown"), result.with_outcome("pass"));
    for id in ON_GREETINGS {
        assert!(unknown.contains(id), "{id}: {}", result.digest());
    }
    for id in ["mailbox_service_without_role", "replication_inactive", "stale_sync_configuration"] {
        assert!(passed.contains(id), "{id}: {}", result.digest());
    }
}

/// Checks that rest on what InfluxDB remembers.
const ON_INFLUXDB: [&str; 2] = ["replication_interrupted", "replication_without_messages"];

#[test]
fn an_influxdb_that_does_not_answer_or_knows_nothing_is_told() {
    let mut installation = Installation::build("healthy_tick");
    let gap = |installation: &Installation<'_>, reason: &str| {
        let result = run::run(installation);
        result.assert_absent("replication_hour", "network", &format!("InfluxDB of bm-master: {reason}"));
        result.assert_unknown(&ON_INFLUXDB, reason);
    };
    installation.influx.as_mut().unwrap().stop();
    gap(&installation, "Connection refused");
    installation.influx = Some(Influx::empty("192.0.2.20"));
    gap(&installation, "database not found: telegraf");
    let offline = run::run_with(&installation, &["--offline"]);
    offline.assert_absent("replication_hour", "network", "--offline: nothing was asked");
}

/// A bm-tick that was installed a moment ago has not seen enough to say that all is well.
#[test]
fn an_influxdb_without_a_past_decides_nothing() {
    let mut installation = Installation::build("healthy_tick");
    let influx = Influx::empty("192.0.2.20");
    influx.create_database();
    installation.influx = Some(influx);
    let result = run::run(&installation);
    result.assert_complete("replication_hour", "network");
    result.assert_says("replication_interrupted", "InfluxDB knows the number of connections of 0 of the last 24 hours");
    result.assert_unknown(&ON_INFLUXDB, "InfluxDB knows");
}

/// Checks that rest on the sockets of bm-core's server.
const ON_SOCKETS: [&str; 5] = [
    "replication_connections_miscounted",
    "replication_core_down",
    "replication_inactive",
    "replication_peer_unknown",
    "replication_peer_without_role",
];

#[test]
fn a_core_whose_connections_are_not_known_is_no_healthy_one() {
    let installation = Installation::build("healthy_split");
    std::fs::remove_dir_all(installation.path("root/proc/net")).unwrap();
    let result = run::run(&installation);
    result.assert_unknown(&ON_SOCKETS, "only a running system tells its connections");
    // Nor is a mail server accused that shows no connection, while bm-core may take none at all.
    let tcp = installation.path("root.mail-2/proc/net/tcp");
    let text = std::fs::read_to_string(&tcp).unwrap();
    let listening: String =
        text.lines().filter(|line| !line.contains(" 01 ")).map(|line| format!("{line}\n")).collect();
    assert_ne!(listening, text);
    std::fs::write(&tcp, listening).unwrap();
    let result = run::run(&installation);
    result.assert_unknown(&ON_SOCKETS, "only a running system tells its connections");
    result.assert_says("replication_inactive", "its own sockets show no connection to bm-core");
}

/// Files that were copied have no sockets; bm-core's log is among them.
#[test]
fn where_no_sockets_are_known_the_log_of_bm_core_tells_what_is_missing() {
    let installation = Installation::build("healthy_split");
    for root in ["root", "root.mail-1", "root.mail-2"] {
        std::fs::remove_dir_all(installation.path(&format!("{root}/proc/net"))).unwrap();
    }
    let log = installation.path("root/var/log/bm/replication.log");
    let text = std::fs::read_to_string(&log).unwrap();
    let seen = |told: &str| {
        let changed = text.replace("2 active replication connection(s)", told);
        assert_ne!(changed, text);
        std::fs::write(&log, changed).unwrap();
        let result = run::run(&installation);
        result.assert_says("replication_inactive", "only a running system tells its connections");
        subjects(&result, "replication_inactive")
    };
    let servers = |uids: &[&str]| uids.iter().map(|uid| (*uid).to_owned()).collect::<BTreeSet<_>>();
    let none = "NO active replication connection, consider restarting cyrus ?";
    assert_eq!(seen(none), servers(&["mail-1", "mail-2"]));
    // Whose they are it does not tell.
    let says = |told: &str, why: &str| {
        assert_eq!(seen(told), servers(&[]), "{told}");
        run::run(&installation).assert_says("replication_inactive", why);
    };
    says("1 active replication connection(s)", "at least 1 of them has none, and the log does not tell which");
    says("3 active replication connection(s)", "where 2, or four times as many, would be right");
    says("8 active replication connection(s)", "tells 8 in all");
}

#[test]
fn a_cyrus_conf_that_stops_cyrus_is_named_and_hides_nothing_else() {
    let installation = Installation::build("healthy_single");
    std::fs::write(installation.path("root/etc/cyrus.conf"), "START {\n  sync-client cmd=\"sync_client\"\n}\n")
        .unwrap();
    let result = run::run(&installation);
    let on_what_starts = ["sync_client_duplicated", "sync_client_missing"];
    result.assert_unknown(&on_what_starts, "etc/cyrus.conf: line 2: '-' in a name");
    result.assert_complete("imapd_setting", "bm-master");
}

#[test]
fn a_server_without_an_address_is_told() {
    let installation = Installation::build("healthy_split");
    installation.sql(DIRECTORY, "UPDATE t_server SET ip = NULL, fqdn = NULL WHERE name = 'mail-1'");
    let result = run::run(&installation);
    for id in ON_GREETINGS {
        result.assert_says(id, "no address is known of mail-1");
        assert!(result.with_outcome("unknown").contains(id), "{id}");
    }
    // The address that it uses itself tells whose connection it is.
    assert!(result.with_outcome("pass").contains("replication_inactive"), "{}", result.digest());
}

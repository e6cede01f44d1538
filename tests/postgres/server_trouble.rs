//! Database servers that do not answer, refuse, or die: nothing of them is known then, and the run says so.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::run::{judged, run};
use crate::support::bluemind::{DIRECTORY, Installation};
use crate::support::postgres::{Cluster, PASSWORD, free_port};
use crate::table_trouble::slow_view;

const SHARD: &str = "bm-master";

#[test]
fn no_server_for_the_directory() {
    let mut installation = Installation::build("healthy_single");
    let url = format!("postgresql://bj:{PASSWORD}@127.0.0.1:{}/bj", free_port(Ipv4Addr::LOCALHOST));
    installation.urls.insert(DIRECTORY.to_owned(), url);
    let result = run(&installation);
    assert_eq!(result.code, 30);
    result.assert_absent("domain", DIRECTORY, "Connection refused");
    result.assert_absent("mapi_folder", "*", "Connection refused");
    assert_eq!(result.with_outcome("pass").len(), 0, "{}", result.digest());
    result.assert_says("inbox_virtual_folder", "Connection refused");
    result.assert_says("domain_name_conflict", "Connection refused");
}

#[test]
fn no_server_for_one_shard_of_two() {
    let mut installation = Installation::build("healthy_split");
    let url = format!("postgresql://bj:{PASSWORD}@127.0.0.1:{}/bj-data", free_port(Ipv4Addr::LOCALHOST));
    installation.urls.insert("mail-2".to_owned(), url);
    let result = run(&installation);
    assert_eq!(result.code, 30);
    result.assert_absent("folder", "mail-2", "Connection refused");
    result.assert_complete("folder", "mail-1");
    result.assert_complete("domain", DIRECTORY);
    for check in ["inbox_virtual_folder", "message_body_missing", "mailbox_not_replicated"] {
        assert!(result.with_outcome("unknown").contains(check), "{check}");
        result.assert_says(check, "Connection refused");
    }
    assert!(result.with_outcome("pass").contains("domain_name_conflict"));
}

#[test]
fn a_wrong_password() {
    let mut installation = Installation::build("healthy_single");
    let url = installation.url(DIRECTORY).replace(PASSWORD, "wr0ng-P4ss");
    installation.urls.insert(DIRECTORY.to_owned(), url);
    let result = run(&installation);
    assert_eq!(result.code, 30);
    result.assert_absent("domain", DIRECTORY, "password authentication failed for user \"bj\" (SQLSTATE 28P01)");
    assert_eq!(result.with_outcome("pass").len(), 0);
    assert!(!result.report.to_string().contains("wr0ng-P4ss"));
}

#[test]
fn a_database_that_does_not_exist() {
    let mut installation = Installation::build("healthy_single");
    installation.urls.insert(SHARD.to_owned(), Cluster::shared().url("nowhere"));
    let result = run(&installation);
    assert_eq!(result.code, 30);
    result.assert_absent("folder", SHARD, "database \"nowhere\" does not exist (SQLSTATE 3D000)");
}

/// A server that accepts connections and says nothing: the run's own time budget ends the wait.
#[test]
fn a_server_that_is_silent() {
    let mut installation = Installation::build("healthy_single");
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgresql://bj:{PASSWORD}@127.0.0.1:{port}/bj-data?connect_timeout=1");
    installation.urls.insert(SHARD.to_owned(), url);
    let started = Instant::now();
    let (facts, reports) = (installation.path("facts.db"), installation.path("reports"));
    let mut command = installation.command("run");
    command.args(["--timeout", "3s", "--facts"]).arg(&facts).arg("--output-dir").arg(&reports);
    let result = judged(&command.output().unwrap(), &facts, &reports);
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
    assert_eq!(result.code, 30);
    result.assert_absent("folder", SHARD, "the time budget of 3s was used up");
    assert!(result.with_outcome("unknown").contains("inbox_virtual_folder"));
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_query() {
    let cluster = Cluster::start();
    let installation = Installation::build_in(&cluster, "healthy_single");
    installation.sql(SHARD, &slow_view("t_mapi_folders", 60));
    let (facts, reports) = (installation.path("facts.db"), installation.path("reports"));
    let assembled = installation.command("run");
    let mut command = std::process::Command::new(assembled.get_program());
    command.args(assembled.get_args()).arg("--facts").arg(&facts).arg("--output-dir").arg(&reports);
    command.env("LANG", "C").env_remove("LC_ALL").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for_slow_query(&cluster);
    let killed = Instant::now();
    cluster.stop_immediately();
    let result = judged(&child.wait_with_output().unwrap(), &facts, &reports);
    assert!(killed.elapsed() < Duration::from_secs(20), "the run noticed after {:?}", killed.elapsed());
    assert_eq!(result.code, 30);
    // What was read before the server died stays known; what was being read, or came after it, is not.
    result.assert_complete("subtree", SHARD);
    for table in ["mapi_folder", "database", "relation"] {
        result.assert_absent(table, SHARD, "connection closed");
    }
    // On a session of their own, which does not begin.
    for table in ["folder", "deleted_mail"] {
        result.assert_absent(table, SHARD, "bj-data.bm-master: ");
    }
    assert!(result.with_outcome("unknown").contains("inbox_virtual_folder"), "{}", result.digest());
}

/// Waits until the program has come to the view that was made slow.
fn wait_for_slow_query(cluster: &Cluster) {
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bm-preflight' AND wait_event = 'PgSleep'";
    let started = Instant::now();
    while cluster.administer("postgres", sleeping) != "1" {
        assert!(started.elapsed() < Duration::from_secs(60), "the program never ran the slow query");
        std::thread::sleep(Duration::from_millis(50));
    }
}

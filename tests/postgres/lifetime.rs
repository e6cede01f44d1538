//! The servers of these tests never outlive them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::postgres::Cluster;

/// Tells a test process that it is the child of another one, and how it shall end.
const ROLE: &str = "BM_PREFLIGHT_TEST_ENDS_BY";

/// Runs only as the child of [`no_server_survives`]: starts the shared cluster, tells where it is, and ends.
#[test]
#[ignore = "a part of no_server_survives"]
fn child_with_a_cluster() {
    let Ok(end) = std::env::var(ROLE) else { return };
    let cluster = Cluster::shared();
    println!("CLUSTER {} {}", cluster.postmaster(), cluster.dir().display());
    match end.as_str() {
        "return" => (),
        "panic" => panic!("as it was asked to"),
        _ => std::thread::sleep(Duration::from_secs(60)),
    }
}

/// Starts the child; gives it back with the process id and the directory of its cluster.
fn child(end: &str) -> (Child, PathBuf, PathBuf) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifetime::child_with_a_cluster", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROLE, end)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told =
        lines.map_while(Result::ok).find_map(|line| line.split_once("CLUSTER ").map(|(_, told)| told.to_owned()));
    let told = told.expect("the child tells where its cluster is");
    let (pid, dir) = told.split_once(' ').expect("a process id and a directory");
    (child, Path::new("/proc").join(pid), PathBuf::from(dir))
}

#[test]
fn no_server_survives() {
    for end in ["return", "panic", "kill"] {
        let (mut child, process, dir) = child(end);
        if end == "kill" {
            assert!(process.exists() && dir.exists(), "the server runs while the child does");
            child.kill().unwrap();
        }
        child.wait().unwrap();
        let ended = Instant::now();
        while process.exists() || dir.exists() {
            assert!(ended.elapsed() < Duration::from_secs(20), "{end}: {process:?} or {dir:?} is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_cluster_ends_with_its_value() {
    let cluster = Cluster::start();
    let (process, dir) = (Path::new("/proc").join(cluster.postmaster().to_string()), cluster.dir().to_owned());
    assert!(process.exists() && dir.exists());
    drop(cluster);
    assert!(!process.exists() && !dir.exists());
}

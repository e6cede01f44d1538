//! That a server which a test starts does not outlive it: another process starts one, and ends in every way.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tells a test process that it is the child of another one, and how it shall end.
const ROLE: &str = "BM_PREFLIGHT_TEST_ENDS_BY";

/// In the child of [`nothing_survives`]: starts a server, tells its process and its directory, and ends. Elsewhere nothing.
#[allow(clippy::print_stdout, reason = "the parent reads it there")]
pub(crate) fn end_with<S>(start: impl FnOnce() -> S, place: impl Fn(&S) -> (u32, &Path)) {
    let Ok(end) = std::env::var(ROLE) else { return };
    let server = start();
    let (pid, dir) = place(&server);
    println!("SERVER {pid} {}", dir.display());
    match end.as_str() {
        "return" => (),
        "panic" => panic!("as it was asked to"),
        _ => std::thread::sleep(Duration::from_secs(60)),
    }
}

/// However the test of that name ends, which calls [`end_with`], process and directory of its server are gone soon.
pub(crate) fn nothing_survives(test: &str) {
    for end in ["return", "panic", "kill"] {
        let (mut child, process, dir) = child(test, end);
        if end == "kill" {
            assert!(process.exists() && dir.exists(), "the server runs while the child does");
            child.kill().expect("the child can be killed");
        }
        child.wait().expect("the child ends");
        let ended = Instant::now();
        while process.exists() || dir.exists() {
            assert!(ended.elapsed() < Duration::from_secs(30), "{end}: {process:?} or {dir:?} is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Starts the child; gives it back with its server's process and directory.
fn child(test: &str, end: &str) -> (Child, PathBuf, PathBuf) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROLE, end)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program can be run");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let told = lines.map_while(Result::ok).find_map(|line| line.split_once("SERVER ").map(|(_, told)| told.to_owned()));
    let told = told.expect("the child tells where its server is");
    let (pid, dir) = told.split_once(' ').expect("a process id and a directory");
    (child, Path::new("/proc").join(pid), PathBuf::from(dir))
}

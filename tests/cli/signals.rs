//! What ends a run from outside: the report is written all the same, and nothing of anybody's data stays behind.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use crate::dead_installation;

/// A run that waits for its database.
struct Waiting {
    folder: tempfile::TempDir,
    child: Child,
    _database: (TcpListener, TcpStream),
}

impl Waiting {
    /// Begins it by way of a shell's `prefix`.
    fn begin(prefix: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        dead_installation(folder.path());
        std::fs::create_dir(at("tmp")).unwrap();
        let url = format!("[directory]\nurl = \"postgresql://bj:x@{}/bj\"\n", listener.local_addr().unwrap());
        std::fs::write(at("c.toml"), url).unwrap();
        // The tests themselves may run below nohup, which every child would heed.
        let mut shell = Command::new("env");
        shell.args([
            "--default-signal=HUP",
            "sh",
            "-c",
            &format!("{prefix} exec \"$@\""),
            "sh",
            env!("CARGO_BIN_EXE_bm-preflight"),
            "run",
            "--root",
        ]);
        shell.arg(folder.path()).arg("--config").arg(at("c.toml")).arg("--output-dir").arg(at("out"));
        let child = shell.env("TMPDIR", at("tmp")).stdout(std::process::Stdio::null()).spawn().unwrap();
        // The connection shows that the collection has begun.
        let held = listener.accept().unwrap().0;
        Self { folder, child, _database: (listener, held) }
    }

    fn send(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn names_in(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn report(&self) -> Value {
        let path = self.folder.path().join("out/report.json");
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
    }
}

#[test]
fn every_signal_that_ends_a_run_leaves_its_report() {
    for signal in ["-TERM", "-HUP", "-QUIT"] {
        let mut run = Waiting::begin("");
        // As a lost connection and an impatient service manager do.
        for _ in 0..3 {
            run.send(signal);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(run.child.wait().unwrap().code(), Some(30), "{signal}");
        let notices = run.report()["run"]["notices"].to_string();
        assert!(notices.contains("terminated after"), "{signal}: {notices}");
        assert_eq!(run.names_in("tmp"), Vec::<String>::new(), "{signal}");
    }
}

#[test]
fn a_run_that_is_killed_leaves_nothing_behind() {
    let mut run = Waiting::begin("");
    let open = format!("/proc/{}/fd", run.child.id());
    let files = std::fs::read_dir(open).unwrap().filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let is_store = |file: &std::path::PathBuf| file.starts_with(run.folder.path().join("tmp"));
    assert!(files.filter(is_store).count() > 1, "the facts lie there");
    assert_eq!(run.names_in("tmp"), Vec::<String>::new());
    run.send("-KILL");
    assert_eq!(run.child.wait().unwrap().code(), None);
    assert_eq!(run.names_in("tmp"), Vec::<String>::new());
}

#[test]
fn a_lost_connection_that_was_to_end_nothing_ends_nothing() {
    let mut run = Waiting::begin("trap '' HUP;");
    run.send("-HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(run.child.try_wait().unwrap().is_none(), "nohup");
    assert!(!Path::new(&run.folder.path().join("out/report.json")).exists());
    run.send("-TERM");
    assert_eq!(run.child.wait().unwrap().code(), Some(30));
}

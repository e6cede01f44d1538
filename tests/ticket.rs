//! What one hands on of a run: comparisons, and what goes into a ticket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;

#[path = "ticket/bundle.rs"]
mod bundle;
#[path = "ticket/diff.rs"]
mod diff;
#[allow(dead_code, reason = "what is collected is written elsewhere")]
#[path = "support/facts_file.rs"]
mod facts_file;
#[allow(dead_code, reason = "what files say beyond a run is asked elsewhere")]
#[path = "support/judge.rs"]
mod judge;
#[path = "ticket/pseudonyms.rs"]
mod pseudonyms;
#[path = "ticket/script.rs"]
mod script;
#[path = "support/story.rs"]
mod story;

#[path = "ticket/survival.rs"]
mod survival;
#[path = "ticket/window.rs"]
mod window;

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("LANG").env_remove("NO_COLOR");
    let output = command.timeout(Duration::from_secs(120)).args(arguments).output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A snapshot as a JSON report.
fn report(snapshot: &Path, path: &Path) -> i32 {
    let target = format!("json={}", path.display());
    run(&["run", "--from-facts", shown(snapshot), "--report", &target]).code
}

//! Tells the program what it was built from, and rebuilds it when an embedded folder gains or loses a file:
//! `include_dir!` alone does not see a new one.

use std::process::Command;

fn main() {
    for folder in ["checks", "report-templates", "fixtures/installations"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    let is_release = env("PROFILE") == "release";
    let commit = commit(is_release).map_or_else(String::new, |commit| format!("commit {commit}, "));
    println!("cargo::rustc-env=BUILT_FROM={commit}{}", env("TARGET"));
}

/// The commit, where there are git and a checkout. Only a release is built anew for each commit: every test would be.
fn commit(is_release: bool) -> Option<String> {
    let id = git(&["rev-parse", "--short=12", "HEAD"])?;
    if !is_release {
        return Some(format!("{id} or later"));
    }
    let branch = git(&["symbolic-ref", "HEAD"]).unwrap_or_default();
    for place in ["HEAD", &branch, "packed-refs"] {
        // One that is not there would count as changed, each time.
        let path = git(&["rev-parse", "--git-path", place]).filter(|path| std::fs::exists(path).is_ok_and(|is| is));
        path.iter().for_each(|path| println!("cargo::rerun-if-changed={path}"));
    }
    for built in ["src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={built}");
    }
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| !changes.is_empty());
    Some(if changed { format!("{id} with changes") } else { id })
}

/// What git says, of this folder's own checkout and of no other one around it.
#[expect(clippy::disallowed_methods, reason = "while it is built, the program runs nothing")]
fn git(arguments: &[&str]) -> Option<String> {
    let is_checkout = std::fs::exists(".git").is_ok_and(|is| is);
    let output = is_checkout.then(|| Command::new("git").args(arguments).output())?.ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "cargo tells it so")]
fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

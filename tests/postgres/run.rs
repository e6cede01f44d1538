//! A run of the program on an installation, with all it left behind.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::bluemind::{ANY_DISK, Installation, bm_preflight};
use crate::support::postgres::PASSWORD;
use crate::support::snapshot::Snapshot;

/// What `bm-preflight run` ended with and reported.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code.
    pub(crate) code: i32,
    /// report.json.
    pub(crate) report: Value,
}

/// Runs every check on an installation, and proves what holds for every run: it ended by itself, and the password is
/// nowhere in what it wrote.
pub(crate) fn run(installation: &Installation<'_>) -> Run {
    run_with(installation, &[])
}

/// The same with more arguments.
pub(crate) fn run_with(installation: &Installation<'_>, arguments: &[&str]) -> Run {
    let (facts, reports) = (installation.path("facts.db"), installation.path("reports"));
    let mut command = installation.command("run");
    command.args(["-vv", "--format", "html", "--format", "json", "--format", "junit", "--format", "text"]);
    command.args(arguments);
    let output = command.arg("--facts").arg(&facts).arg("--output-dir").arg(&reports).output().expect("it can be run");
    judged(&output, &facts, &reports)
}

/// What a run that was started elsewhere ended with.
pub(crate) fn judged(output: &Output, facts: &Path, reports: &Path) -> Run {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let said = format!("{}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", output.status);
    assert!(!stderr.contains("panicked"), "{said}");
    assert!(!said.contains(PASSWORD), "the password is shown: {said}");
    let json = std::fs::read(reports.join("report.json")).unwrap_or_else(|e| panic!("report.json: {e}\n{said}"));
    let report: Value = serde_json::from_slice(&json).expect("report.json is JSON");
    let written: Vec<_> = std::fs::read_dir(reports).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(written.len() >= 3, "html, json and junit are written: {written:?}");
    for file in written.iter().map(|path| path.as_path()).chain([facts]) {
        let content = std::fs::read(file).unwrap_or_else(|e| panic!("{}: {e}\n{said}", file.display()));
        let leaks = content.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        assert!(!leaks, "the password is in {}", file.display());
    }
    let code = output.status.code().unwrap_or_else(|| panic!("ended by a signal: {said}"));
    assert_eq!(report["exit_code"], code, "{said}");
    Run { code, report }
}

/// Collects every fact of an installation.
pub(crate) fn collect(installation: &Installation<'_>) -> Snapshot {
    let facts = installation.path("collected.db");
    installation.command("collect").arg("--facts").arg(&facts).assert().success();
    Snapshot::of_collection(&facts, &installation.path("root"))
}

/// Replays the facts that [`collect`] has written: what is judged then is all that was there to collect.
pub(crate) fn replay(installation: &Installation<'_>) -> Run {
    let (facts, reports) = (installation.path("collected.db"), installation.path("reports"));
    let mut command = bm_preflight();
    command.args(["run", "--format", "html", "--format", "json", "--format", "junit", "--from-facts"]).arg(&facts);
    command.args(ANY_DISK);
    if let Some(release) = &installation.story().to {
        command.args(["--to", release]);
    }
    let output = command.arg("--output-dir").arg(&reports).output().expect("it can be run");
    judged(&output, &facts, &reports)
}

impl Run {
    /// The checks with that outcome.
    pub(crate) fn with_outcome(&self, outcome: &str) -> BTreeSet<String> {
        let checks = self.report["checks"].as_array().expect("the report lists checks").iter();
        checks.filter(|check| check["outcome"] == outcome).map(|check| text(&check["id"])).collect()
    }

    /// Asserts that these checks, and no others, could not be answered, and that each says why.
    pub(crate) fn assert_unknown(&self, checks: &[&str], reason: &str) {
        let expected: BTreeSet<String> = checks.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(self.with_outcome("unknown"), expected, "\n{}", self.digest());
        assert_eq!(self.with_outcome("error"), BTreeSet::new());
        for id in checks {
            self.assert_says(id, reason);
        }
    }

    /// Asserts that a check names a missing fact with that reason.
    pub(crate) fn assert_says(&self, id: &str, reason: &str) {
        let check = self.check(id);
        let missing = check["missing"].as_array().expect("a check lists what is missing");
        assert!(
            missing.iter().any(|gap| text(&gap["reason"]).contains(reason)),
            "{id} does not say {reason:?}: {check:#}"
        );
    }

    /// Asserts that a table could not be read in a scope, for that reason, and holds no row of it.
    pub(crate) fn assert_absent(&self, table: &str, scope: &str, reason: &str) {
        let entry = self.coverage(table, scope);
        assert_eq!(entry["completeness"], "absent", "{entry:#}");
        assert_eq!(entry["rows"], 0, "{entry:#}");
        assert!(text(&entry["reason"]).contains(reason), "{reason:?} is not the reason: {entry:#}");
    }

    /// Whether a table was read completely in a scope.
    pub(crate) fn is_complete(&self, table: &str, scope: &str) -> bool {
        self.coverage(table, scope)["completeness"] == "complete"
    }

    /// Asserts that a table was read completely in a scope.
    pub(crate) fn assert_complete(&self, table: &str, scope: &str) {
        let entry = self.coverage(table, scope);
        assert_eq!(entry["completeness"], "complete", "{entry:#}");
    }

    /// A line for each check that did not pass, for messages.
    pub(crate) fn digest(&self) -> String {
        let line = |check: &Value| {
            let reasons = check["missing"].as_array().into_iter().flatten().map(|gap| text(&gap["reason"]));
            let subjects = check["findings"].as_array().into_iter().flatten().map(|finding| text(&finding["subject"]));
            let why: Vec<String> = subjects.chain(reasons).collect();
            format!("  {} {}: {}\n", text(&check["id"]), text(&check["outcome"]), why.join("; "))
        };
        let checks = self.report["checks"].as_array().expect("the report lists checks").iter();
        checks.filter(|check| check["outcome"] != "pass").map(line).collect()
    }

    pub(crate) fn check(&self, id: &str) -> &Value {
        let mut checks = self.report["checks"].as_array().expect("the report lists checks").iter();
        checks.find(|check| check["id"] == id).unwrap_or_else(|| panic!("there is no check {id}"))
    }

    fn coverage(&self, table: &str, scope: &str) -> &Value {
        let mut entries = self.report["coverage"].as_array().expect("the report lists coverage").iter();
        let found = entries.find(|entry| entry["table"] == table && entry["scope"] == scope);
        found.unwrap_or_else(|| panic!("no statement on {table} in {scope}: {:#}", self.report["coverage"]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

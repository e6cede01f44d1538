//! The files of a server whose database is not reachable, and what the command line makes of them.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use assert_cmd::Command;
use bm_preflight::model::Reason;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

/// The files.
pub(crate) struct Server(tempfile::TempDir);

impl Server {
    /// The core, without any log.
    pub(crate) fn new() -> Self {
        let server = Self(tempfile::tempdir().unwrap());
        server.write("etc/bm/bm.ini", b"[global]\nhost = 127.0.0.1\nport = 1\ndb = bj\nuser = bj\npassword = x\n");
        server.write("etc/bm/server.uid", b"bm-master\n");
        server
    }

    /// Where this machine has a file.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Where the facts are collected to.
    pub(crate) fn facts(&self) -> PathBuf {
        self.path("facts.db")
    }

    /// Collects; gives what was said on standard error.
    pub(crate) fn collect(&self, more: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
        command.timeout(Duration::from_secs(120)).args(["collect", "--no-progress", "-vv", "--root"]);
        let output = command.arg(self.0.path()).arg("--facts").arg(self.facts()).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(1), "{said}");
        said
    }

    /// The rows that a query of the facts gives.
    pub(crate) fn ask(&self, sql: &str) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
        let output =
            command.args(["facts", "query", "--json", sql, "--from-facts"]).arg(self.facts()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lists that a query gives, whose rows are one each, called `row`.
    pub(crate) fn lists(&self, sql: &str) -> Vec<Value> {
        self.ask(sql).into_iter().map(|row| serde_json::from_str(row["row"].as_str().unwrap()).unwrap()).collect()
    }

    /// How much is known of a table, and why not all.
    pub(crate) fn coverage(&self, table: &str) -> (String, String) {
        let rows = self.ask(&format!(
            "SELECT completeness, coalesce(reason, '') AS reason FROM coverage WHERE \"table\" = '{table}' AND scope = 'bm-master'"
        ));
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        let reason = row["reason"].as_str().filter(|json| !json.is_empty());
        let reason = reason.map(|json| serde_json::from_str::<Reason>(json).unwrap().to_string());
        (row["completeness"].as_str().unwrap().to_owned(), reason.unwrap_or_default())
    }
}

/// The text, compressed as rotated logs are.
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

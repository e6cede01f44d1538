//! `--script`: what is written is what a shell takes for it, whatever people call their folders.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bm_preflight::app;
use bm_preflight::check::Check;
use bm_preflight::fact::Facts;
use bm_preflight::fact::fixture::Installation;
use bm_preflight::model::Lang;
use bm_preflight::topology::Topology;
use bm_preflight::verdict::{self, FailOn};
use bm_preflight::{report, script};
use serde_json::Value;

use crate::{judge, run, shown, story};

const HOSTILE: [&str; 2] = [
    "x'; touch pwned; echo ' # $(touch pwned) `touch pwned` \"",
    "x\n touch pwned\n'\n touch pwned\n\u{202e}$(touch pwned)",
];

/// The scripts that a run on a snapshot writes.
fn write(facts: &Path, folder: &Path) -> Vec<PathBuf> {
    run(&["run", "--from-facts", shown(facts), "--report", "json=-", "--script", shown(folder)]);
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The scripts of facts, put into a folder.
fn put(facts: &Facts, checks: &[Check], folder: &Path) -> Vec<PathBuf> {
    let topology = Topology::of(facts.coverage(), |sql| facts.texts(sql)).unwrap();
    let mut checks = judge::judge(checks, facts, Some("4.0.14".to_owned()), "4.1");
    let servers: Vec<String> = topology.servers().iter().map(|server| server.uid.clone()).collect();
    bm_preflight::digest::locate(&mut checks, &servers);
    let at = "2026-11-23T10:00:00Z".parse().unwrap();
    let installation = report::Installation {
        name: None,
        build: None,
        release: None,
        at_least: None,
        target: "4.1".to_owned(),
        way: bm_preflight::model::releases::way("4.0.14", "4.1"),
        collected_at: at,
        servers,
    };
    let lang = Lang::En;
    let report = report::Report {
        digest: bm_preflight::digest::Digest::default(),
        tool_version: "0.1.0".to_owned(),
        run: report::Run {
            id: String::new(),
            started_at: at,
            duration_ms: 0,
            lang,
            is_demo: false,
            installation,
            notices: Vec::new(),
            next: Vec::new(),
        },
        judgement: verdict::judge(&checks, None, Duration::ZERO, FailOn::Blocker),
        fail_on: FailOn::Blocker,
        checks,
        autodiscover: Vec::new(),
        public_urls: Vec::new(),
        coverage: Vec::new(),
        gaps: Vec::new(),
        changes: None,
    };
    std::fs::create_dir(folder).unwrap();
    let written = script::scripts(&report).into_iter().map(|script| {
        let path = folder.join(script.name);
        std::fs::write(&path, script.text).unwrap();
        path
    });
    written.collect()
}

/// What shellcheck says of a script; it has to be installed.
fn shellcheck(script: &Path) -> String {
    let output = Command::new("shellcheck").arg(script).output().expect("shellcheck is installed");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a script with so many times the same answer.
fn answer(script: &Path, answer: &str, folder: &Path) -> String {
    use std::io::Write as _;
    let mut shell = Command::new("/bin/sh");
    // No command of the scripts is there: a shell that finds one would run it.
    let shell = shell.arg(script).current_dir(folder).env_clear().env("PATH", folder);
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(answer.repeat(500).as_bytes());
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn scripts_of_every_story_are_clean_and_ask_first() {
    let folder = tempfile::tempdir().unwrap();
    let checks = judge::checks("checks", &app::schema());
    let mut seen = BTreeSet::new();
    for name in story::names() {
        for script in put(&story::facts(&name), &checks, &folder.path().join(&name)) {
            if !seen.insert(std::fs::read_to_string(&script).unwrap()) {
                continue;
            }
            let complaint = shellcheck(&script);
            assert!(complaint.is_empty(), "{name}: {complaint}");
            let told = answer(&script, "\n", folder.path());
            assert!(told.contains("Run it? [y/N]") && !told.contains("not found"), "{name}: {told}");
        }
    }
    assert!(seen.len() > 10, "{}", seen.len());
}

#[test]
fn what_risks_much_is_not_among_them_and_what_begins_first_stands_first() {
    let folder = tempfile::tempdir().unwrap();
    let facts = story::snapshot("demo", folder.path());
    let scripts = write(&facts, &folder.path().join("scripts"));
    for script in &scripts {
        assert_eq!(std::fs::metadata(script).unwrap().permissions().mode() & 0o777, 0o700);
    }
    let report: Value =
        serde_json::from_str(&run(&["run", "--from-facts", shown(&facts), "--report", "json=-"]).stdout).unwrap();
    let text: String = scripts.iter().map(|script| std::fs::read_to_string(script).unwrap()).collect();
    let (mut there, mut left_out) = (0, 0);
    for check in report["checks"].as_array().unwrap() {
        for finding in check["findings"].as_array().unwrap() {
            let risk = &check["remedies"][finding["remedy"].as_u64().unwrap() as usize]["risk"];
            for command in finding["commands"].as_array().unwrap() {
                let is_there = text.contains(&format!("then\n{}\nfi\n", command.as_str().unwrap()));
                let is_open = finding["waived"].is_null() && finding["explained_by"].is_null();
                if risk != "high" && is_open {
                    assert!(is_there, "{command} is missing");
                    there += 1;
                }
                left_out += u32::from(risk == "high");
            }
        }
    }
    assert!(there > 0, "{there} {left_out}");
    for script in scripts {
        let text = std::fs::read_to_string(script).unwrap();
        let days = text.lines().filter_map(|line| {
            line.strip_prefix("# When: before the upgrade, ")?.split(' ').next()?.parse::<u32>().ok()
        });
        let days: Vec<u32> = days.collect();
        assert!(days.is_sorted_by(|one, next| one >= next), "{days:?}");
    }
}

#[test]
fn a_hostile_name_is_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut scripts = Vec::new();
    let (schema, checks) = (app::schema(), judge::checks("checks", &app::schema()));
    for (name, hostile) in story::names().into_iter().flat_map(|name| HOSTILE.map(|hostile| (name.clone(), hostile))) {
        let mut installation = story::installation(&name);
        spoil(&mut installation, hostile);
        let Ok(facts) = app::fixture_facts(&installation, &schema) else { continue };
        scripts.extend(put(&facts, &checks, &folder.path().join(format!("{name}.{}", hostile.len()))));
    }
    let hostile: Vec<_> =
        scripts.iter().filter(|script| std::fs::read_to_string(script).unwrap().contains("touch pwned")).collect();
    let texts = || hostile.iter().map(|script| std::fs::read_to_string(script).unwrap());
    // A name in quotes, and one that is left to the report.
    assert!(texts().any(|text| text.lines().any(|line| line.contains("touch pwned") && !line.starts_with('#'))));
    assert!(texts().any(|text| text.contains("# Left out: a name")));
    for script in hostile {
        let text = std::fs::read_to_string(script).unwrap();
        let told = answer(script, "y\n", folder.path());
        assert!(!folder.path().join("pwned").exists() && !told.contains("touch: not found"), "{text}\n{told}");
        let broken = text.lines().find(|line| line.trim_start().starts_with("touch pwned"));
        assert_eq!(broken, None, "{text}");
    }
}

/// Gives folders, files and mailboxes names that break out of quotes where they are not quoted.
fn spoil(installation: &mut Installation, hostile: &str) {
    for (table, rows) in &mut installation.rows {
        for (column, value) in rows.iter_mut().flatten() {
            let is_name = matches!(column.as_str(), "name" | "path" | "directory" | "display_name" | "mailbox")
                && !matches!(table.as_str(), "package" | "service_unit" | "relation" | "marker_file" | "server");
            if let (true, toml::Value::String(text)) = (is_name, value) {
                text.push_str(hostile);
            }
        }
    }
}

//! `run --before`: what did not survive is told, and what did is silent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bm_preflight::app;
use bm_preflight::fact::fixture::Installation;
use serde_json::Value;

use crate::{run, shown, story};

type Row = std::collections::BTreeMap<String, toml::Value>;

fn save(installation: &Installation, path: &Path) -> PathBuf {
    let facts = app::fixture_facts(installation, &app::schema()).unwrap_or_else(|error| panic!("{error}"));
    story::save(&facts, path)
}

/// The survival checks of a run, by id: outcome, subjects with their codes, and what is missing.
fn survival(report: &Value) -> Vec<(String, String, Vec<String>, Vec<String>)> {
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["category"] == "survival");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = checks.map(|check| {
        let finding =
            |finding: &Value| format!("{} {}", text(&finding["subject"]), text(&finding["evidence"]["problem"]));
        let findings = check["findings"].as_array().unwrap().iter().map(finding).collect();
        let missing = check["missing"].as_array().unwrap().iter().map(|gap| text(&gap["table"])).collect();
        (text(&check["id"]), text(&check["outcome"]), findings, missing)
    });
    told.collect()
}

fn report(arguments: &[&str]) -> Value {
    let ended = run(&[&["run", "--report", "json=-"], arguments].concat());
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr))
}

fn is(row: &Row, column: &str, value: &str) -> bool {
    row.get(column).and_then(toml::Value::as_str) == Some(value)
}

#[test]
fn a_healthy_pair_is_silent_and_changes_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["healthy_single", "healthy_split", "healthy_42"] {
        let facts = story::snapshot(name, folder.path());
        let alone = report(&["--from-facts", shown(&facts)]);
        let both = report(&["--from-facts", shown(&facts), "--before", shown(&facts)]);
        assert_eq!(alone["verdict"], both["verdict"], "{name}");
        let (without, with) = (survival(&alone), survival(&both));
        assert_eq!(
            with.len(),
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/checks/survival")).unwrap().count()
        );
        assert!(without.iter().all(|(_, outcome, ..)| outcome == "not_applicable"), "{without:?}");
        assert!(with.iter().all(|(_, outcome, ..)| outcome == "pass"), "{name}: {with:?}");
        // What is left out does not apply: that is no selection.
        let skipped = report(&["--from-facts", shown(&facts), "--skip", "*_lost"]);
        assert_eq!(skipped["verdict"], alone["verdict"], "{name}");
    }
}

/// What an upgrade lost, of everything that is looked for.
fn ravage(installation: &mut Installation) {
    let mut rows = |table: &str, change: &dyn Fn(&mut Vec<Row>)| change(installation.rows.get_mut(table).unwrap());
    rows("domain_alias", &|rows| rows.retain(|row| !is(row, "alias", "example.com")));
    rows("domain", &|rows| rows.retain(|row| !is(row, "domain_uid", "example.net")));
    rows("mailbox", &|rows| {
        rows.retain(|row| !is(row, "name", "orders"));
        for row in rows.iter_mut() {
            if is(row, "name", "alice") {
                row.insert("name".into(), "alicia".into());
                row.insert("backend_uid".into(), "mail-2".into());
                row.insert("address".into(), "alicia@example.org".into());
            }
        }
    });
    rows("folder", &|rows| {
        rows.retain(|row| !(is(row, "mailbox_uid", "user-bruno") && is(row, "path", "Sent")));
        for row in rows.iter_mut().filter(|row| is(row, "mailbox_uid", "user-bruno")) {
            if is(row, "path", "INBOX") {
                row.insert("messages".into(), 0.into());
            } else if is(row, "path", "Drafts") {
                row.insert("path".into(), "Brouillons".into());
            }
        }
    });
    rows("mapi_folder", &|rows| rows.truncate(1));
    rows("server_role", &|rows| rows.retain(|row| !is(row, "role", "bm/xmpp")));
    rows("dns_record", &Vec::clear);
    rows("dns_answer", &|rows| {
        rows.iter_mut().for_each(|row| drop(row.insert("outcome".into(), "nxdomain".into())));
    });
    rows("tls_handshake", &|rows| {
        rows.iter_mut().for_each(|row| drop(row.insert("validity".into(), "expired".into())));
    });
}

#[test]
fn what_did_not_survive_is_told_by_every_check() {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = story::installation("healthy_split");
    let folders = installation.rows.get_mut("folder").unwrap();
    for row in folders.iter_mut().filter(|row| is(row, "mailbox_uid", "user-bruno") && is(row, "path", "INBOX")) {
        row.insert("messages".into(), 40.into());
    }
    let before = save(&installation, &folder.path().join("before"));
    ravage(&mut installation);
    let after = save(&installation, &folder.path().join("after"));
    let told = report(&["--from-facts", shown(&after), "--before", shown(&before)]);
    assert_eq!(told["verdict"], "not_ready");
    let told = survival(&told);
    let fired: BTreeSet<&str> =
        told.iter().filter(|(_, outcome, ..)| outcome == "fail").map(|(id, ..)| id.as_str()).collect();
    let all: BTreeSet<&str> = told.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(fired, all, "{told:#?}");
    let of = |id: &str| told.iter().find(|(other, ..)| other == id).unwrap().2.clone();
    assert_eq!(of("domain_lost"), ["example.net "]);
    assert_eq!(of("mailbox_lost"), ["orders@example.org "]);
    assert_eq!(of("mailbox_renamed"), ["alice@example.org "]);
    assert_eq!(of("mailbox_moved"), ["alice@example.org "]);
    assert_eq!(of("messages_lost"), ["bruno@example.org/INBOX fewer"]);
    assert_eq!(of("folder_moved"), ["bruno@example.org/Drafts renamed"]);
    assert!(of("folder_lost").contains(&"bruno@example.org/Sent gone".to_owned()), "{:?}", of("folder_lost"));
}

#[test]
fn what_is_not_known_on_either_side_is_no_loss_and_no_pass() {
    let folder = tempfile::tempdir().unwrap();
    let whole = save(&story::installation("healthy_split"), &folder.path().join("whole"));
    let mut installation = story::installation("healthy_split");
    installation.coverage.push(
        toml::from_str("table = 'folder'\nscope = 'mail-1'\ncompleteness = 'absent'\nreason = { run = 'offline' }")
            .unwrap(),
    );
    let part = save(&installation, &folder.path().join("part"));
    for (before, after, missing) in [(&part, &whole, "before_folder"), (&whole, &part, "folder")] {
        let told = survival(&report(&["--from-facts", shown(after), "--before", shown(before)]));
        for id in ["folder_lost", "messages_lost", "folder_moved"] {
            let (_, outcome, findings, gaps) = told.iter().find(|(other, ..)| other == id).unwrap();
            assert_eq!((outcome.as_str(), findings.len()), ("unknown", 0), "{id}");
            assert_eq!(gaps, &[missing.to_owned()], "{id}");
        }
        let domains = told.iter().find(|(id, ..)| id == "server_role_lost").unwrap();
        assert_eq!(domains.1, "pass");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_and_what_was_not_collected_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let before = story::snapshot("healthy_split", folder.path());
    let other = story::snapshot("healthy_single", folder.path());
    let mut installation = story::installation("healthy_split");
    installation.collected_at.0 += jiff::SignedDuration::from_secs(60);
    let later = save(&installation, &folder.path().join("later"));
    for (earlier, reason) in [(&other, "of another installation"), (&later, "collected after")] {
        let ended = run(&["run", "--from-facts", shown(&before), "--before", shown(earlier), "--report", "json=-"]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    }
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "x").unwrap();
    assert_eq!(run(&["run", "--from-facts", shown(&before), "--before", shown(&broken), "--report", "json=-"]).code, 1);
    // A collection lies in a file without a name: the earlier snapshot is put beside that as well.
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let told = survival(&report(&["--offline", "--root", shown(&root), "--before", shown(&before)]));
    assert!(told.iter().all(|(_, outcome, ..)| outcome == "unknown"), "{told:?}");
}

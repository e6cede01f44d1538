//! Check files as their authors meet them: every defect is reported with its place, a stranger's file can do no harm,
//! and every built-in check fires where it should and nowhere else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "checks/people.rs"]
mod people;
#[path = "checks/proof.rs"]
mod proof;
#[path = "checks/spool.rs"]
mod spool;
#[path = "checks/words.rs"]
mod words;

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;

/// What takes longer hangs, however busy the machine.
const HANGS: Duration = Duration::from_secs(300);

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    command.env_remove("LC_ALL").env_remove("LANG").env_remove("NO_COLOR").timeout(HANGS);
    command
}

/// A check without defect; a test replaces one part of it.
const SOUND: &str = r#"id = "sound"
category = "topology"
severity = "warning"
who = "administrator"
query = '''
SELECT s.server_uid AS subject, s.name AS name
FROM server AS s
WHERE s.name IS NULL
'''

[en]
title = "A server has no name"
why = "Nobody knows which one it is"
message = "{{ subject }} has no name"
remediation = "Name it"
[fr]
title = "Un serveur n'a pas de nom"
why = "Personne ne sait lequel"
message = "{{ subject }} n'a pas de nom"
remediation = "Nommez-le"

[remedy]
commands = ["echo {{ subject }}"]
risk = "none"
when = "before"

[[test]]
name = "fires"
given.server = [{ server_uid = "s1" }]
expect = [{ subject = "s1", message = "s1 has no name" }]

[[test]]
name = "silent"
given.server = [{ server_uid = "s1", name = "one" }]
expect = []
"#;

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Exit code and output of `checks lint` on one file.
fn lint(text: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "sound.toml", text);
    let output = program().args(["checks", "lint", &path]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said.replace(&path, "F"))
}

/// Each defect is told with its place and a reason: a part that is replaced, what by, the place, a part of the reason.
fn assert_told(changed: impl Fn(&str, &str) -> String, defects: &[(&str, &str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (from, to, place, reason) in defects {
        let (code, said) = lint(&changed(from, to));
        let is_told = said.lines().any(|line| line.contains(place) && line.contains(reason));
        if code != 2 || !is_told {
            wrong.push(format!("{to}\n  expected {place} … {reason}\n  got {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn changed(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from}");
    SOUND.replacen(from, to, 1)
}

#[test]
fn a_sound_file_has_no_defect() {
    let (code, said) = lint(SOUND);
    assert_eq!((code, said.as_str()), (0, "1 check file(s), no defect\n"));
}

/// The benchmark measures a run of it, not a refusal.
#[test]
fn the_check_of_the_benchmark_is_sound() {
    let light = include_str!("benchmark/light_check.toml").replace("light_NUMBER", "sound").replace("NUMBER", "1");
    let (code, said) = lint(&light);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn every_defect_is_told_with_its_place() {
    let defects = [
        ("id = \"sound\"", "id = \"other\"", "F:1:6", "differs from the file's name"),
        ("severity = \"warning\"", "severity = \"fatal\"", "F:3:12", "unknown variant `fatal`"),
        ("severity = \"warning\"", "severity = \"warning\"\nneeds = []", "F:4:1", "unknown field `needs`"),
        ("s.name IS NULL", "s.nome IS NULL", "F:8:7", "no such column: s.nome"),
        ("FROM server AS s", "FROM servers AS s", "F:7:6", "no such table: servers"),
        ("s.name AS name", "soundex2(s.name) AS name", "F:6:33", "no such function: soundex2"),
        ("WHERE s.name IS NULL", "WHERE s.name IS NULL AND", "F:5:9", "incomplete input"),
        ("s.server_uid AS subject", "s.server_uid AS uid", "F:5:9", "no column \"subject\""),
        ("s.name AS name", "s.name AS subject", "F:5:9", "two columns named"),
        ("s.name AS name", "s.name AS name, NULL AS inconclusive", "F:5:9", "shows an inconclusive row"),
        ("s.name AS name", "s.name AS name, 'no_such' AS explained_by", "F:6:49", "there is no check \"no_such\""),
        ("s.name AS name", "s.name AS name, 'sound' AS explained_by", "F:6:49", "does not explain itself"),
        ("s.name AS name", "s.name AS name, 'shard_missing' AS explained_by", "F:6:49", "no [[test]] states"),
        ("s.name AS name", "s.name AS name, s.server_uid AS explained_by", "F:5:9", "must be made of literals"),
        ("s.name AS name", "s.name AS name, 'x' AS explained_subject", "F:5:9", "without \"explained_by\""),
        ("FROM server AS s", "FROM server AS s JOIN server_role USING (server_uid)", "F:7:35", "ON"),
        ("WHERE s.name IS NULL", "WHERE s.name NOT IN (SELECT role FROM server_role)", "F:8:18", "NOT EXISTS"),
        (
            "WHERE s.name IS NULL",
            "WHERE NOT EXISTS (SELECT 1 FROM mailbox AS m WHERE m.name = s.name)",
            "F:5:9",
            "whole table",
        ),
        ("WHERE s.name IS NULL", "WHERE s.name = datetime('now')", "F:5:9", "datetime()"),
        ("WHERE s.name IS NULL", "WHERE s.name = CURRENT_TIMESTAMP", "F:8:16", ":now"),
        ("message = \"{{ subject }} has", "message = \"{{ nobody }} has", "F:14:15", "no column \"nobody\""),
        ("message = \"{{ subject }} has", "message = \"{{ subject has", "F:14:", "template"),
        ("echo {{ subject }}", "echo '{{ subject }}'", "F:23:22", "quoted already"),
        ("remediation = \"Nommez-le\"", "", "F:12:9", "no fr.remediation"),
        ("why = \"Personne ne sait lequel\"", "why = \" \"", "F:18:7", "empty"),
        (
            "given.server = [{ server_uid = \"s1\" }]",
            "given.serveur = [{ server_uid = \"s1\" }]",
            "F:28:8",
            "no such facts table",
        ),
        (
            "given.server = [{ server_uid = \"s1\" }]",
            "given.server = [{ uid = \"s1\" }]",
            "F:28:8",
            "no such column \"uid\"",
        ),
        (
            "expect = [{ subject = \"s1\", message = \"s1 has no name\" }]",
            "expect = [{ subjet = \"s1\" }]",
            "F:28:8",
            "no column \"subjet\"",
        ),
        (
            "expect = [{ subject = \"s1\", message = \"s1 has no name\" }]",
            "expect = []",
            "F:5:9",
            "shows the check firing",
        ),
        (
            "name = \"one\" }]\nexpect = []",
            "}]\nexpect = [{ subject = \"s1\", message = \"s1 has no name\" }]",
            "F:5:9",
            "shows the check silent",
        ),
        ("query = '''", "upgrade = { from = \"4.x.y.z\" }\nquery = '''", "F:5:20", "not a range of releases"),
        ("[remedy]", "[remedy", "F:22:8", "unclosed table"),
    ];
    assert_told(changed, &defects);
}

#[test]
fn all_defects_of_all_files_are_told_at_once_and_an_id_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "sound.toml",
        &changed("why = \"Personne ne sait lequel\"", "why = \"\"")
            .replace("title = \"A server has no name\"", "title = \"\""),
    );
    write(folder.path(), "other.toml", "id = 1");
    std::fs::create_dir(folder.path().join("more")).unwrap();
    let output = program().args(["checks", "lint"]).arg(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 3, "{said}");

    let twice = tempfile::tempdir().unwrap();
    std::fs::create_dir(twice.path().join("a")).unwrap();
    write(twice.path(), "sound.toml", SOUND);
    write(&twice.path().join("a"), "sound.toml", SOUND);
    let output = program().args(["checks", "lint"]).arg(twice.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the id \"sound\" is taken by"));
}

#[test]
fn a_strangers_query_can_only_read_facts() {
    for query in [
        "ATTACH '/tmp/x.db' AS x",
        "PRAGMA writable_schema = ON",
        "SELECT load_extension('/tmp/x.so') AS subject FROM server",
        "WITH x AS (SELECT 1) DELETE FROM server RETURNING server_uid AS subject",
        "WITH x AS (SELECT 1) INSERT INTO server SELECT 'a', 'b', 'c', 'd' RETURNING server_uid AS subject",
        "SELECT readfile('/etc/passwd') AS subject FROM server",
        "SELECT name AS subject FROM sqlite_schema",
        "SELECT name AS subject FROM pragma_database_list",
        "SELECT scope AS subject FROM coverage",
        "SELECT server_uid AS subject FROM server; DROP TABLE server",
        "EXPLAIN SELECT server_uid AS subject FROM server",
        "VALUES ('x')",
        "SELECT 'x' AS subject",
    ] {
        let (code, said) = lint(&changed(
            "SELECT s.server_uid AS subject, s.name AS name\nFROM server AS s\nWHERE s.name IS NULL",
            query,
        ));
        assert_eq!(code, 2, "{query}: {said}");
    }
}

#[test]
fn a_strangers_bombs_end_in_an_error_of_that_check_alone() {
    let folder = tempfile::tempdir().unwrap();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT s.server_uid AS subject, max(i) AS name FROM server AS s JOIN n ON n.i > 0 AND s.name = 'bomb'";
    // Some rows are wide and the others many: were all of them wide, a busy machine would not be through with them in the
    // time that a check has.
    let huge = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT printf('%.*c', iif(n.i < 20, 6000, 1), iif(n.i < 20, 'a', 'x')) || n.i || s.server_uid AS subject, printf('%.*c', iif(n.i < 20, 8000, 1), 'y') AS name FROM server AS s JOIN n ON n.i >= 0";
    for (name, query) in [("endless", endless), ("huge", huge)] {
        let text =
            changed("SELECT s.server_uid AS subject, s.name AS name\nFROM server AS s\nWHERE s.name IS NULL", query)
                .replace("\"sound\"", &format!("\"{name}\""));
        write(folder.path(), &format!("{name}.toml"), &text);
    }
    // Each is run on the shipped installation: neither may stop the other, nor the program.
    let output = program()
        .args([
            "demo",
            "--check",
            "endless",
            "--check",
            "huge",
            "--check",
            "domain_name_conflict",
            "--report",
            "json=-",
            "--checks-dir",
        ])
        .arg(folder.path())
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcome = |id: &str| {
        let check = report["checks"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap().clone();
        (check["outcome"].as_str().unwrap().to_owned(), check)
    };
    let (endless, check) = outcome("endless");
    assert_eq!(endless, "error");
    assert!(check["reason"].as_str().unwrap().contains("did not end within"), "{check}");
    let (huge, check) = outcome("huge");
    assert_eq!(huge, "fail");
    let findings = check["findings"].as_array().unwrap();
    assert!(findings.len() > 1000, "none is left out");
    assert!(findings[0]["evidence"]["name"].as_str().unwrap().len() < 5_000, "cells are cut");
    assert_ne!(outcome("domain_name_conflict").0, "error");
}

#[test]
fn the_built_in_checks_have_no_defect_and_pass_their_cases() {
    program().args(["checks", "lint"]).assert().success();
    let output = program().args(["checks", "test"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let files = glob::glob("checks/*/*.toml").unwrap().map(|path| std::fs::read_to_string(path.unwrap()).unwrap());
    let cases: usize = files.map(|text| text.lines().filter(|line| *line == "[[test]]").count()).sum();
    assert!(cases > 0 && said.starts_with(&format!("{cases} passed")), "{cases} cases, {said}");
}

#[test]
fn a_case_that_fails_is_named_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "sound.toml",
        &changed(
            "expect = [{ subject = \"s1\", message = \"s1 has no name\" }]",
            "expect = [{ subject = \"s2\", message = \"s1 has no name\" }]",
        ),
    );
    let output = program().args(["checks", "test", &path]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("sound: fires") && said.contains("\"s2\"") && said.contains("1 passed, 1 failed"), "{said}");
}

#[test]
fn checks_of_another_folder_are_run_beside_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "sound.toml", SOUND);
    let output = program().args(["checks", "list", "--checks-dir"]).arg(folder.path()).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.contains(" sound ") && listed.contains("inbox_virtual_folder"), "{listed}");
    std::fs::rename(folder.path().join("sound.toml"), folder.path().join("inbox_virtual_folder.toml")).unwrap();
    let stolen = changed("id = \"sound\"", "id = \"inbox_virtual_folder\"");
    write(folder.path(), "inbox_virtual_folder.toml", &stolen);
    let output = program().args(["run", "--checks-dir"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a built-in check cannot be replaced unnoticed");
}

#[test]
fn explain_prints_everything_in_the_chosen_language() {
    for (lang, words) in [("en", ["Why", "Remediation", "Query"]), ("fr", ["Pourquoi", "Remède", "Requête"])] {
        let output =
            program().args(["checks", "explain", "--full", "inbox_virtual_folder", "--lang", lang]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        for word in words.into_iter().chain(["mapi_folder", "FROM outlook_folder_in_inbox", "blocker"]) {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    for (lang, words) in [
        ("en", ["Proof of a pass", "looked up in the database", "Query of the proof"]),
        ("fr", ["Preuve de la réussite", "dans la base", "Requête de la preuve"]),
    ] {
        let output =
            program().args(["checks", "explain", "--full", "replication_behind", "--lang", lang]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        for word in words.into_iter().chain(["p.distinct_messages AS messages"]) {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    program().args(["checks", "explain", "no_such_check"]).assert().code(2);
}

/// Exit code and output of `checks test` on one file.
fn test(text: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "sound.toml", text);
    let output = program().args(["checks", "test", &path]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn a_row_may_say_that_its_subject_cannot_be_judged() {
    let undecided =
        changed("s.name AS name", "s.name AS name, CASE WHEN s.ip IS NULL THEN 'no_address' END AS inconclusive")
            .replace(
                "[[test]]\nname = \"fires\"",
                "[inconclusive.no_address]\nen = \"no address\"\nfr = \"pas d’adresse\"\n[[test]]\nname = \"fires\"",
            );
    let case = "[[test]]\nname = \"decided\"\ngiven.server = [{ server_uid = \"s2\", ip = \"192.0.2.1\" }]\nexpect = [{ subject = \"s2\", message = \"s2 has no name\" }]\n";
    let right = undecided.replacen(
        "expect = [{ subject = \"s1\", message = \"s1 has no name\" }]",
        "expect = []\nunknown = [{ subject = \"s1\", inconclusive = \"no_address\" }]",
        1,
    ) + case;
    let (code, said) = test(&right);
    assert_eq!(code, 0, "{said}");
    // A case that takes the row for a finding, and one that forgets it, both fail.
    for wrong in [
        right.replacen(
            "expect = []\nunknown = [{ subject = \"s1\", inconclusive = \"no_address\" }]",
            "expect = [{ subject = \"s1\", message = \"s1 has no name\" }]\nunknown = [{ subject = \"s1\", inconclusive = \"no_address\" }]",
            1,
        ),
        right.replacen("unknown = [{ subject = \"s1\"", "unknown = [\"s1\", { subject = \"s3\"", 1),
    ] {
        let (code, said) = test(&wrong);
        assert_ne!(code, 0, "{said}");
    }
}

#[test]
fn a_row_may_lower_its_severity_and_never_raise_it() {
    for (word, is_allowed) in [("info", true), ("warning", true), ("blocker", false), ("fatal", false)] {
        let (code, said) = test(&changed("s.name AS name", &format!("s.name AS name, '{word}' AS severity")));
        assert_eq!(code == 0, is_allowed, "{word}: {said}");
    }
}

#[test]
fn a_case_may_say_how_severe_a_finding_is() {
    let info = changed("s.name AS name", "s.name AS name, 'info' AS severity");
    for (word, is_right) in [("info", true), ("warning", false)] {
        let expected =
            format!("expect = [{{ subject = \"s1\", message = \"s1 has no name\", severity = \"{word}\" }}]");
        let (code, said) =
            test(&info.replacen("expect = [{ subject = \"s1\", message = \"s1 has no name\" }]", &expected, 1));
        assert_eq!(code == 0, is_right, "{word}: {said}");
    }
}

#[test]
fn a_row_may_say_which_finding_explains_its_own() {
    let explained = |columns: &str, expected: &str| {
        changed("s.name AS name", &format!("s.name AS name, {columns}"))
            .replace("expect = [{ subject = \"s1\",", &format!("expect = [{{ subject = \"s1\", {expected},"))
    };
    for (columns, expected) in [
        ("'shard_missing' AS explained_by", "explained_by = \"shard_missing\""),
        (
            "'shard_missing' AS explained_by, 'of ' || s.server_uid AS explained_subject",
            "explained_by = \"shard_missing\", explained_subject = \"of s1\"",
        ),
    ] {
        let text = explained(columns, expected);
        assert_eq!((lint(&text).0, test(&text).0), (0, 0), "{columns}: {}", test(&text).1);
    }
    let (code, said) = test(&explained(
        "iif(s.name IS NULL, NULL, 'shard_missing') AS explained_by",
        "explained_by = \"shard_missing\"",
    ));
    assert!(code == 2 && said.contains("expected explained_by = \"shard_missing\", got null"), "{said}");
}

#[test]
fn a_command_that_renders_to_nothing_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = SOUND
        .replace("WHERE s.name IS NULL", "WHERE s.name IS NOT NULL")
        .replace("server_uid = \"s1\" }]\nexpect", "server_uid = \"s1\", name = \"x\" }]\nexpect")
        .replace("server_uid = \"s1\", name = \"one\"", "server_uid = \"s1\"")
        .replace("echo {{ subject }}\"", "{% if name == 'core' %}echo {{ subject }}{% endif %}\", \"true\"");
    write(folder.path(), "sound.toml", &text);
    let output = program()
        .args(["demo", "--check", "sound", "--report", "json=-", "--checks-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let commands: Vec<&serde_json::Value> =
        report["checks"][0]["findings"].as_array().unwrap().iter().map(|finding| &finding["commands"]).collect();
    assert_eq!(commands.len(), 3, "{report:#}");
    assert!(commands.contains(&&serde_json::json!(["echo bm-master", "true"])), "{commands:?}");
    assert!(commands.contains(&&serde_json::json!(["true"])), "{commands:?}");
}

/// Every text below a key of that name, wherever it stands.
fn texts_in(table: &toml::Table, key: &str) -> Vec<String> {
    let all = |value: &toml::Value| match value {
        toml::Value::Table(table) => table.values().filter_map(|v| v.as_str()).map(str::to_owned).collect(),
        value => value.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let below = |(name, value): (&String, &toml::Value)| match value {
        value if name == key => all(value),
        toml::Value::Table(table) => texts_in(table, key),
        _ => Vec::new(),
    };
    table.iter().flat_map(below).collect()
}

/// A space before `:` may end a line, and the sign would begin the next one.
#[test]
fn the_french_texts_keep_their_signs_on_the_line() {
    let signs = [" : ", " ; ", " ! ", " ? ", " :\n", " ;\n", " ?\n", "« ", " »"];
    for entry in walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("checks")) {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let file: toml::Table = text.parse().unwrap();
        let french = texts_in(&file, "fr").join("\n");
        assert!(french.len() > 100, "{}", path.display());
        for line in french.split_inclusive('\n') {
            let loose = signs.iter().find(|sign| line.contains(**sign));
            assert_eq!(loose, None, "{}: {line}", path.display());
        }
    }
}

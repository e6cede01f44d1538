//! The command line as scripts and CI jobs meet it: exit codes, files, standard output, errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use bm_preflight::report::Format;
use clap::ValueEnum as _;
use serde_json::Value;

#[path = "cli/long.rs"]
mod long;
#[path = "cli/people.rs"]
mod people;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/traced.rs"]
mod traced;
#[path = "cli/written.rs"]
mod written;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("LANG").env_remove("NO_COLOR");
    command.timeout(Duration::from_secs(60));
    command
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(arguments: &[&str]) -> Ended {
    ended(program().args(arguments))
}

/// Names of the files that a run writes.
fn report_files() -> Vec<&'static str> {
    let usual = Format::value_variants().iter().filter(|format| format.is_usual());
    usual.filter_map(|format| format.file_name()).collect()
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let ended = run(&[arguments, &["--report", "json=-"]].concat());
    (
        ended.code,
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {} {}", ended.stdout, ended.stderr)),
    )
}

/// A tree with a bm.ini whose database nobody serves.
fn dead_installation(folder: &Path) {
    std::fs::create_dir_all(folder.join("etc/bm")).unwrap();
    let ini = "[global]\nhost = 127.0.0.1\nport = 1\ndb = bj\nuser = bj\npassword = s3cr3t-P4ss\n";
    std::fs::write(folder.join("etc/bm/bm.ini"), ini).unwrap();
    std::fs::write(folder.join("etc/bm/server.uid"), "bm-master\n").unwrap();
}

#[test]
fn help_names_every_exit_code() {
    let ended = run(&["--help"]);
    assert_eq!(ended.code, 0);
    for line in [
        "0   ready, ready with warnings, or a selection",
        "1   the tool",
        "2   wrong usage",
        "10  warnings",
        "20  not ready",
        "30  inconclusive",
    ] {
        assert!(ended.stdout.contains(line), "{line}");
    }
}

#[test]
fn the_version_says_what_the_program_was_built_from() {
    let said = run(&["--version"]).stdout;
    assert!(said.starts_with(concat!("bm-preflight ", env!("CARGO_PKG_VERSION"), " (")), "{said}");
    let built = said.trim_end().split_once('(').unwrap().1;
    assert!(built.contains("-linux-") && built.ends_with(')'), "{said}");
    let mut git = Command::new("git");
    let commit = git.args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short=12", "HEAD"]).output();
    let commit = commit.is_ok_and(|output| output.status.success() && Path::new(".git").exists());
    assert_eq!(built.contains("commit "), commit, "{said}");
}

#[test]
fn wrong_usage_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bm-preflight.toml");
    std::fs::write(&config, "[directory]\nurl = \"postgresql://bj:s3cr3t-P4ss@127.0.0.1:1/bj\"\ntypo = 1\n").unwrap();
    let config = config.to_str().unwrap();
    let waivers = folder.path().join("waivers.toml");
    std::fs::write(&waivers, "[[waiver]]\ncheck = \"x\"\nsubject = \"y\"\nreason = \"\"\nexpires = \"2027-01-01\"\n")
        .unwrap();
    for (arguments, reason) in [
        (&["run", "--no-such-option"][..], "--no-such-option"),
        (&["run", "--config", config], "bm-preflight.toml:3:1: unknown field `typo`"),
        (&["run", "--config", "/no/such/file"], "/no/such/file: No such file"),
        (&["run", "--root", "/no/such/folder"], "not a folder"),
        (&["demo", "--skip", "*"], "leaves no check"),
        (
            &["demo", "--check", "upgrader_failed", "--check", "replication_inactiv"],
            "--check replication_inactiv: no check has such an id; the nearest is replication_inactive",
        ),
        (
            &["demo", "--skip", "inbox_virtual_*", "--skip", "inbox_vitual_*"],
            "--skip inbox_vitual_*: no check has such an id; the nearest is inbox_virtual_folder",
        ),
        (
            &["demo", "--category", "mapi", "--category", "topologie"],
            "--category topologie: there is no such category; the nearest is topology",
        ),
        (&["checks", "list", "--skip", "nothing_*"], "--skip nothing_*: no check has such an id"),
        (&["checks", "explain", "domain_conflict"], "no check has such an id; the nearest is domain_"),
        (&["demo", "--check", "[broken"], "[broken"),
        (&["demo", "--report", "pdf=x"], "unknown format \"pdf\": expected html, json, "),
        (&["demo", "--report", "json=-", "--report", "html=-"], "only one report"),
        (&["demo", "--report", "json=/tmp/x", "--report", "html=/tmp/x"], "same file"),
        (&["demo", "--to", "soon"], "expected a release"),
        (&["demo", "--lang", "de"], "expected en or fr"),
        (&["demo", "--waivers", waivers.to_str().unwrap()], "waivers.toml:4: a waiver needs a reason"),
        (&["run", "--timeout", "0"], "out of range"),
        (&["run", "--from-facts", "x", "--root", "/tmp"], "cannot be used with"),
        (&["facts", "query", "SELECT 1"], "--from-facts"),
        (&["demo", "--checks-dir", "/no/such/folder"], "/no/such/folder"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_tool_that_cannot_work_is_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not facts").unwrap();
    let (file, below) = (file.to_str().unwrap(), folder.path().join("file/report"));
    for (arguments, reason) in [
        (&["run", "--from-facts", file][..], "not a facts snapshot"),
        (&["run", "--from-facts", "/no/such/facts"], "No such file"),
        (&["collect", "--facts", "/no/such/folder/facts.db"], "/no/such/folder/facts.db: No such file"),
        (&["run", "--facts", "/tmp", "--report", "json=-"], "/tmp: "),
        (&["demo", "--output-dir", below.to_str().unwrap()], "Not a directory"),
        (&["demo", "--report", "json=/no/such/folder/x.json"], "/no/such/folder/x.json"),
        (&["demo", "--report", "json=-", "--report", "html=/tmp"], "is a folder"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, 1, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn the_demo_is_not_ready_and_writes_reports_that_agree() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("deep/report");
    let ended = run(&["demo", "--output-dir", target.to_str().unwrap()]);
    assert_eq!(ended.code, 20, "{}", ended.stderr);
    assert!(ended.stdout.lines().next().unwrap().contains("Not ready"), "{}", ended.stdout);
    assert!(!ended.stdout.contains('\u{1b}'), "colours are for terminals");
    let mut names: Vec<_> =
        std::fs::read_dir(&target).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut expected = report_files();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(target.join("report.json")).unwrap()).unwrap();
    assert_eq!((&report["verdict"], &report["exit_code"]), (&"not_ready".into(), &20.into()));
    assert_eq!(report["run"]["is_demo"], true);
    assert_eq!(report["format"], "bm-preflight-report/2");
    let junit = std::fs::read_to_string(target.join("report.junit.xml")).unwrap();
    let html = std::fs::read_to_string(target.join("report.html")).unwrap();
    for check in report["checks"].as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        assert!(junit.contains(&format!("name=\"{id}\"")), "{id}");
        assert!(html.contains(id), "{id}");
    }
    let blocked = report["summary"]["findings"]["blocker"].as_u64().unwrap();
    assert!(blocked > 0 && ended.stdout.contains(&format!("{blocked} blocking")), "{}", ended.stdout);
}

#[test]
fn the_demo_keeps_away_from_a_real_report() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("bm-preflight-report");
    std::fs::create_dir(&real).unwrap();
    std::fs::write(real.join("report.html"), "a real one").unwrap();
    let ended = ended(program().arg("demo").current_dir(folder.path()));
    assert_eq!(ended.code, 20, "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(real.join("report.html")).unwrap(), "a real one");
    assert_eq!(std::fs::read_dir(&real).unwrap().count(), 1);
    assert!(folder.path().join("bm-preflight-demo/report.html").is_file());
    let told = |command: &str| run(&[command, "--help"]).stdout;
    assert!(told("demo").contains("[default: ./bm-preflight-demo]"), "{}", told("demo"));
    assert!(told("run").contains("[default: ./bm-preflight-report]"), "{}", told("run"));
}

/// The demonstration has an answer to everything; without the files of its mail servers it has not, and what is left says
/// the same.
#[test]
fn the_demo_is_fully_answered_and_partial_on_demand() {
    let outcomes = |arguments: &[&str]| -> BTreeMap<String, Value> {
        let (code, report) = json(arguments);
        assert_eq!(code, 20, "{arguments:?}");
        let checks = report["checks"].as_array().unwrap().iter();
        checks.map(|check| (check["id"].as_str().unwrap().to_owned(), check.clone())).collect()
    };
    let (whole, partial) = (outcomes(&["demo"]), outcomes(&["demo", "--partial"]));
    let open: Vec<&String> =
        whole.iter().filter(|(_, check)| check["outcome"] == "unknown").map(|(id, _)| id).collect();
    assert!(open.is_empty(), "{open:?}");
    assert!(whole.values().all(|check| check["missing"].as_array().unwrap().is_empty()));
    for (id, server) in [("cyrus_mailbox_missing", "mail-1"), ("replication_behind", "mail-2")] {
        assert_eq!(partial[id]["outcome"], "unknown", "{id}");
        let missing = partial[id]["missing"].as_array().unwrap().iter();
        let reasons: Vec<_> =
            missing.filter(|gap| gap["scope"] == server).map(|gap| gap["reason"].to_string()).collect();
        let is_told = |reason: &String| reason.contains("only the files of server bm-master");
        assert!(!reasons.is_empty() && reasons.iter().all(is_told), "{id}: {reasons:?}");
    }
    for id in ["mailbox_service_without_role", "inbox_virtual_folder", "autodiscover_certificate_invalid"] {
        assert_eq!(whole[id]["outcome"], "fail", "{id}");
        assert_eq!(partial[id]["findings"], whole[id]["findings"], "{id}");
    }
}

#[test]
fn the_checks_of_an_upgrade_are_listed() {
    let listed = |arguments: &[&str]| run(&[&["checks", "list"], arguments].concat()).stdout;
    let to_5 = listed(&["--from", "4.8", "--to", "5.0"]);
    let to_41 = listed(&["--from", "4.0.14", "--to", "4.1"]);
    for (id, is_of_5, is_of_41) in [
        ("record_file_missing", true, false),
        ("inbox_virtual_folder", false, true),
        ("upgrader_failed", true, true),
        ("replication_inactive", true, true),
    ] {
        assert_eq!((to_5.contains(id), to_41.contains(id)), (is_of_5, is_of_41), "{id}");
    }
    assert!(!listed(&["--from", "5.0.1"]).contains("replication_inactive"));
    assert!(listed(&[]).lines().count() > to_5.lines().count());
}

#[test]
fn formats_and_reports_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("only-json");
    let ended = run(&["demo", "--format", "json", "--output-dir", target.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (20, ""));
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 1);

    let (html, text) = (folder.path().join("x.html"), folder.path().join("x.txt"));
    let (to_html, to_text) = (format!("html={}", html.display()), format!("text={}", text.display()));
    let ended = run(&["demo", "--report", &to_html, "--report", &to_text, "--report", "junit=-"]);
    assert!(ended.stdout.starts_with("<?xml"), "{}", ended.stdout);
    assert!(std::fs::read_to_string(html).unwrap().to_lowercase().contains("<!doctype html>"));
    assert!(std::fs::read_to_string(text).unwrap().contains("Not ready"));

    let quiet = run(&["-q", "demo", "--output-dir", target.to_str().unwrap()]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (20, "", ""));
}

/// A run as root that renames its report to `/dev/null` would take it from everybody.
#[test]
fn a_report_never_takes_the_place_of_a_device_or_a_pipe() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    Command::new("mkfifo").arg(&pipe).assert().success();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    run(&["demo", "--report", &format!("json={}", pipe.display())]);
    assert!(serde_json::from_str::<Value>(&reader.join().unwrap()).is_ok());
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
    let refused = run(&["run", "--facts", &pipe.display().to_string(), "--root", &folder.path().display().to_string()]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("not a regular file"), "{}", refused.stderr);
}

#[test]
fn logs_are_the_programs_own_and_plain_where_nobody_looks() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    let ended = ended(Command::new(env!("CARGO_BIN_EXE_bm-preflight")).env_remove("NO_COLOR").args([
        "-vv",
        "run",
        "--root",
        &root,
        "--report",
        "json=-",
        "--check",
        "mapi_will_not_start",
    ]));
    assert!(ended.stderr.contains("collecting"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
}

#[test]
fn fail_on_decides_the_exit_code() {
    let warnings = ["demo", "--check", "domain_name_conflict"];
    for (level, code) in [("blocker", 0), ("warning", 10), ("never", 0)] {
        let (ended, report) = json(&[&warnings[..], &["--fail-on", level]].concat());
        assert_eq!((ended, report["exit_code"].as_i64().unwrap()), (code, code.into()), "{level}");
        assert_eq!(report["verdict"], "not_judged");
    }
    let (code, report) = json(&["demo", "--fail-on", "never"]);
    assert_eq!((code, &report["verdict"]), (0, &"not_ready".into()));
    let (code, report) = json(&["demo", "--check", "mapi_folder_parent_cycle", "--fail-on", "warning"]);
    assert_eq!((code, &report["verdict"]), (0, &"not_judged".into()));
}

/// The demo has blockers: whoever leaves them out is told so, and is not told that it is ready.
#[test]
fn a_selection_is_no_clearance() {
    let (_, whole) = json(&["demo"]);
    assert_eq!(whole["run"]["selection"], Value::Null);
    let of = &whole["summary"]["checks"];
    let of: u64 = ["pass", "fail", "unknown", "error"].map(|outcome| of[outcome].as_u64().unwrap()).iter().sum();
    let firing =
        whole["checks"].as_array().unwrap().iter().filter(|c| c["severity"] == "blocker" && c["outcome"] == "fail");
    let skips: Vec<&str> = firing.flat_map(|check| ["--skip", check["id"].as_str().unwrap()]).collect();
    for (arguments, code, verdict) in [
        (&["--check", "upgrader_failed"][..], 0, "not_judged"),
        (&["--category", "database"], 0, "not_judged"),
        (&["--check", "inbox_virtual_folder"], 20, "not_ready"),
        (&["--skip", "inbox_virtual_folder"], 20, "not_ready"),
        (
            &["--partial", "--skip", "inbox_virtual_folder", "--skip", "mailbox_service_without_role"],
            30,
            "inconclusive",
        ),
    ] {
        let (ended, report) = json(&[&["demo"][..], arguments].concat());
        assert_eq!((ended, &report["verdict"]), (code, &verdict.into()), "{arguments:?}");
        let selection = &report["run"]["selection"];
        assert_eq!(selection["of"], of, "{arguments:?}");
        assert!(selection["run"].as_u64().unwrap() < of, "{arguments:?}");
        let is_left_out = |id: &str| selection["left_out_blockers"].as_array().unwrap().contains(&id.into());
        let runs_it = arguments == ["--check", "inbox_virtual_folder"];
        assert_eq!(is_left_out("inbox_virtual_folder"), !runs_it, "{arguments:?}");
        assert!(!is_left_out("domain_name_conflict"), "it is no blocker: {arguments:?}");
    }
    let (_, report) = json(&[&["demo"][..], &skips].concat());
    assert_ne!(report["verdict"], "ready");
    assert_eq!(report["run"]["selection"]["left_out_blockers"].as_array().unwrap().len(), skips.len() / 2);
    // A check that an ordinary run does not have is not missed.
    let all = ["demo", "--skip", "import_target_not_virgin"];
    assert_eq!(json(&all).1["run"]["selection"], Value::Null);
}

#[test]
fn a_way_that_no_check_covers_is_inconclusive() {
    for (way, code, verdict, steps) in [
        (&["--from", "4.2.4", "--to", "4.3"][..], 30, "inconclusive", vec!["4.2 → 4.3"]),
        (&["--from", "4.8", "--to", "5.0"], 30, "inconclusive", vec!["4.8 → 4.9", "4.9 → 5.0"]),
        (&["--from", "4.0.14"], 0, "not_judged", vec![]),
        // Without a target it is the next stop.
        (&["--from", "4.9.3"], 30, "inconclusive", vec!["4.9 → 5.0"]),
    ] {
        let arguments = [&["demo", "--check", "upgrade_step_not_covered", "--check", "sync_*"][..], way].concat();
        let (ended, report) = json(&arguments);
        let check =
            report["checks"].as_array().unwrap().iter().find(|c| c["id"] == "upgrade_step_not_covered").unwrap();
        let told: Vec<_> = check["missing"].as_array().unwrap().iter().map(|m| m["place"].as_str().unwrap()).collect();
        assert_eq!((ended, report["verdict"].as_str().unwrap(), told), (code, verdict, steps), "{way:?}");
    }
    // From 5.0 on there is no Cyrus, and nothing to miss of it.
    let (_, report) = json(&["demo", "--from", "5.0.1", "--to", "5.1"]);
    let checks = report["checks"].as_array().unwrap().iter();
    let outcomes = checks.filter(|c| c["category"] == "cyrus" || c["category"] == "replication");
    assert!(outcomes.clone().count() > 30 && outcomes.clone().all(|c| c["outcome"] == "not_applicable"));
    assert_eq!(report["summary"]["findings"]["blocker"], 0);
}

#[test]
fn a_selection_is_told_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().display().to_string();
    for (lang, first, said) in [
        ("en", "– Not judged: nothing blocks in 1 of ", "Selection: 1 of "),
        ("fr", "– Non évalué\u{a0}: rien n’est bloquant dans 1 des ", "Sélection\u{a0}: 1 des "),
    ] {
        let ended = run(&["demo", "--check", "upgrader_failed", "--lang", lang, "--output-dir", &target]);
        assert!(ended.stdout.starts_with(first), "{}", ended.stdout);
        assert!(ended.stdout.contains(said) && ended.stdout.contains("inbox_virtual_folder"), "{}", ended.stdout);
        let html = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
        assert!(html.contains("<header class=\"verdict not_judged\">"));
        assert!(html.contains("inbox_virtual_folder"), "a blocker that was left out is not named");
        let junit = std::fs::read_to_string(folder.path().join("report.junit.xml")).unwrap();
        assert!(junit.contains("<property name=\"verdict\" value=\"not_judged\"/>"), "{junit}");
        assert!(junit.contains("<property name=\"selection\" value=\"1 ") && junit.contains("inbox_virtual_folder"));
    }
}

#[test]
fn a_waiver_of_no_check_is_wrong_and_one_of_a_check_left_out_is_not_idle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waivers.toml");
    let waive = |check: &str| {
        let waiver =
            |check| format!("[[waiver]]\ncheck = \"{check}\"\nsubject = \"s\"\nreason = \"x\"\nexpires = 2999-01-01\n");
        std::fs::write(&path, waiver("inbox_virtual_folder") + &waiver(check)).unwrap();
    };
    let file = path.to_str().unwrap();
    waive("domain_name_conflit");
    let ended = run(&["demo", "--waivers", file]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    let told = "waivers.toml:7: domain_name_conflit: no check has such an id; the nearest is domain_name_conflict";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    waive("domain_name_conflict");
    for (check, idle) in [("upgrader_failed", 0), ("inbox_virtual_folder", 1), ("*", 2)] {
        let (_, report) = json(&["demo", "--check", check, "--waivers", file]);
        let notices = report["run"]["notices"].as_array().unwrap();
        let told = notices.iter().filter(|notice| notice.as_str().unwrap().contains("accepts nothing")).count();
        assert_eq!(told, idle, "{check}: {notices:?}");
    }
}

#[test]
fn the_selection_narrows_the_checks() {
    let ids = |arguments: &[&str]| -> Vec<String> {
        let (_, report) = json(arguments);
        report["checks"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect()
    };
    let mapi = ids(&["demo", "--category", "mapi"]);
    assert!(mapi.len() > 3 && mapi.contains(&"inbox_virtual_folder".to_owned()));
    let some = ids(&["demo", "--check", "inbox_*", "--skip", "*_empty"]);
    assert_eq!(some, ["inbox_virtual_folder", "inbox_virtual_folder_not_mail"]);
}

#[test]
fn the_language_follows_the_environment_and_the_option() {
    let first = |ended: Ended| ended.stdout.lines().next().unwrap_or_default().to_owned();
    let arguments = ["demo", "--report", "text=-"];
    assert!(first(run(&arguments)).contains("Not ready"));
    assert!(first(ended(program().args(arguments).env("LANG", "fr_FR.UTF-8"))).contains("Pas prêt"));
    assert!(
        first(ended(program().args(arguments).env("LANG", "fr_FR.UTF-8").env("LC_ALL", "C"))).contains("Not ready")
    );
    assert!(first(run(&["demo", "--report", "text=-", "--lang", "fr"])).contains("Pas prêt"));
    let (_, report) = json(&["demo", "--lang", "fr"]);
    assert_eq!(report["run"]["lang"], "fr");
}

#[test]
fn without_a_database_everything_that_needs_it_is_unknown_and_the_password_stays_here() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let (root, target) = (folder.path().to_str().unwrap().to_owned(), folder.path().join("out"));
    let facts = folder.path().join("facts.db");
    let ended = run(&[
        "-vv",
        "run",
        "--root",
        &root,
        "--output-dir",
        target.to_str().unwrap(),
        "--facts",
        facts.to_str().unwrap(),
    ]);
    assert_eq!(ended.code, 30, "{}", ended.stderr);
    assert!(ended.stdout.contains("Inconclusive"));
    let text = std::fs::read_to_string(target.join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    for check in report["checks"].as_array().unwrap() {
        assert_ne!(check["outcome"], "pass", "{check}");
    }
    let check = report["checks"].as_array().unwrap().iter().find(|c| c["id"] == "inbox_virtual_folder").unwrap();
    assert_eq!(check["outcome"], "unknown");
    assert!(check["missing"].to_string().contains("Connection refused"), "{}", check["missing"]);
    let mut everything = ended.stdout + &ended.stderr + &text;
    for name in ["report.html", "report.junit.xml"] {
        everything += &std::fs::read_to_string(target.join(name)).unwrap();
    }
    everything += &String::from_utf8_lossy(&std::fs::read(facts).unwrap());
    assert!(!everything.contains("s3cr3t"), "the password left the machine");
}

#[test]
fn a_machine_without_bluemind_is_inconclusive_too() {
    let folder = tempfile::tempdir().unwrap();
    let (code, report) = json(&["run", "--root", folder.path().to_str().unwrap()]);
    assert_eq!(code, 30);
    assert!(report["coverage"].to_string().contains("etc/bm/bm.ini: No such file"), "{}", report["coverage"]);
}

#[test]
fn only_what_the_selected_checks_read_is_collected() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let (_, report) = json(&["run", "--root", folder.path().to_str().unwrap(), "--check", "domain_name_conflict"]);
    let tables: Vec<_> = report["coverage"].as_array().unwrap().iter().map(|c| c["table"].as_str().unwrap()).collect();
    assert!(tables.contains(&"domain_alias"), "{tables:?}");
    for table in ["folder", "mapi_folder", "filesystem", "mailbox"] {
        assert!(!tables.contains(&table), "{tables:?}");
    }
}

#[test]
fn an_interrupted_run_still_reports() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let ini = folder.path().join("etc/bm/bm.ini");
    let silent = std::fs::read_to_string(&ini)
        .unwrap()
        .replace("port = 1", &format!("port = {}", listener.local_addr().unwrap().port()));
    std::fs::write(&ini, silent).unwrap();
    // The port accepts and never answers: only the time budget ends this.
    let (code, report) = json(&["run", "--root", folder.path().to_str().unwrap(), "--timeout", "300ms"]);
    assert_eq!(code, 30);
    assert!(report["run"]["notices"][0].as_str().unwrap().contains("time budget of 300ms"), "{}", report["run"]);
    assert!(report["run"]["duration_ms"].as_u64().unwrap() < 8_000);
    // What the directory would have told of is a gap with the same reason.
    for table in ["folder", "service_unit", "cyrus_mailbox", "server"] {
        let mut entries = report["coverage"].as_array().unwrap().iter().filter(|entry| entry["table"] == table);
        let reason = entries.next().unwrap_or_else(|| panic!("nothing is said of {table}"))["reason"].clone();
        assert!(reason.as_str().unwrap().contains("time budget of 300ms"), "{table}: {reason}");
    }
    let (_, report) = json(&["run", "--root", folder.path().to_str().unwrap(), "--timeout", "300ms", "--lang", "fr"]);
    assert_eq!(report["run"]["notices"][0], "le temps accordé, 300ms, est épuisé");
    // A budget that is used up before anything is begun.
    for _ in 0..8 {
        let (_, report) = json(&["run", "--root", folder.path().to_str().unwrap(), "--timeout", "1ms"]);
        for entry in report["coverage"].as_array().unwrap() {
            assert!(entry["reason"].as_str().unwrap().contains("time budget of 1ms"), "{entry}");
        }
    }
}

/// A folder with a check that takes longer than anybody waits.
fn endless_check(folder: &Path) -> String {
    let checks = folder.join("checks");
    std::fs::create_dir(&checks).unwrap();
    std::fs::write(checks.join("endless.toml"), include_str!("cli/endless.toml")).unwrap();
    checks.display().to_string()
}

#[test]
fn what_a_replay_does_not_reach_in_time_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (checks, facts) = (endless_check(folder.path()), folder.path().join("f.db").display().to_string());
    dead_installation(folder.path());
    let root = folder.path().to_str().unwrap();
    assert_eq!(run(&["collect", "-q", "--offline", "--root", root, "--facts", &facts]).code, 30);
    let started = std::time::Instant::now();
    let (_, report) = json(&["demo", "--check", "endless", "--checks-dir", &checks]);
    assert_eq!(report["checks"][0]["outcome"], "error", "alone it takes all of its own time");
    assert!(started.elapsed() >= Duration::from_secs(10));
    let started = std::time::Instant::now();
    let (_, report) =
        json(&["run", "--from-facts", &facts, "--check", "endless", "--checks-dir", &checks, "--timeout", "1s"]);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(report["checks"][0]["outcome"], "unknown");
    assert_eq!(report["run"]["notices"].as_array().unwrap().last().unwrap(), "the time budget of 1s was used up");
}

#[test]
fn a_signal_ends_the_judging_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (checks, reports) = (endless_check(folder.path()), folder.path().join("reports"));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_bm-preflight"))
        .args(["demo", "--check", "endless", "--checks-dir", &checks, "--output-dir"])
        .arg(&reports)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let started = std::time::Instant::now();
    // The files show that the options were understood, and that signals are caught.
    while std::fs::read_dir(&reports).map_or(0, Iterator::count) < report_files().len() {
        assert!(started.elapsed() < Duration::from_secs(20), "no report is begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().code().is_some(), "it ends by itself");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    let report: Value = serde_json::from_slice(&std::fs::read(reports.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["checks"][0]["outcome"], "unknown");
    assert!(report["run"]["notices"][0].as_str().unwrap().starts_with("terminated after"), "{}", report["run"]);
    let written = std::fs::read_dir(&reports).unwrap().count();
    assert_eq!(written, report_files().len(), "nothing is left beside the reports");
}

/// A pipe that nobody reads is waited for.
#[test]
fn whoever_asks_twice_need_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    let mut child = command.args(["demo", "--report", &format!("json={}", pipe.display())]).spawn().unwrap();
    let started = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(20), "it waits for ever");
        std::thread::sleep(Duration::from_millis(200));
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    }
}

#[test]
fn what_is_wrong_with_a_configuration_beyond_its_syntax_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let config = folder.path().join("c.toml");
    for (text, told) in [
        ("[directory]\nurl = \"http://x\"\n", "[directory] url: not a PostgreSQL URL"),
        ("[shard.mail-1]\nurl = \"postgresql://bj:top@s3cr3t@h/bj\"\n", "[shard.mail-1] url: not a PostgreSQL URL"),
        ("[server.mail-1]\nroot = \"/nonexistent\"\n", "[server.mail-1] root: /nonexistent: not a folder"),
        ("[probe]\nca_files = [\"/etc/passwd\"]\n", "/etc/passwd: no certificate in it"),
        ("[probe]\ntimeout_s = 0\n", "c.toml:2:13: a limit of 0 s"),
    ] {
        std::fs::write(&config, text).unwrap();
        let result = run(&["run", "--root", folder.path().to_str().unwrap(), "--config", config.to_str().unwrap()]);
        assert_eq!(result.code, 2, "{text}: {}", result.stderr);
        assert!(result.stderr.contains(told) && result.stderr.contains("c.toml:"), "{}", result.stderr);
        assert!(!result.stderr.contains("s3cr3t"), "{}", result.stderr);
    }
}

#[test]
fn what_cannot_be_written_loses_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let output = ["--output-dir", &path("out")];
    let result = run(&[&["demo", "--templates-dir", "/nonexistent"][..], &output].concat());
    assert_eq!(result.code, 2);
    assert!(result.stderr.contains("--templates-dir: cannot read /nonexistent"), "{}", result.stderr);
    assert!(!folder.path().join("out").exists(), "told before anything is begun");
    let json = format!("json={}", path("y.json"));
    let result = run(&["demo", "--report", "html=/dev/full", "--report", &json]);
    assert_eq!((result.code, result.stderr.contains("/dev/full")), (1, true), "{}", result.stderr);
    assert!(folder.path().join("y.json").is_file());
    let twice = format!("text={}/./y.json", folder.path().display());
    assert!(run(&["demo", "--report", &json, "--report", &twice]).stderr.contains("two reports go to the same file"));
    let facts = ["run", "--from-facts", "/nonexistent", "--facts", &path("y.json"), "--report", &json];
    assert!(run(&facts).stderr.contains("y.json: both the facts and a report go there"));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    let status = command.args(["checks", "list"]).stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1), "a full disk is no success");
}

#[test]
fn a_pipe_is_no_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let result = run(&["run", "--from-facts", pipe.to_str().unwrap()]);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("not a regular file"), "{}", result.stderr);
}

#[test]
fn a_signal_ends_the_collection_and_the_report_is_written() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let url = format!("[directory]\nurl = \"postgresql://bj:x@{}/bj\"\n", listener.local_addr().unwrap());
    let (config, report) = (folder.path().join("c.toml"), folder.path().join("report.json"));
    std::fs::write(&config, url).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_bm-preflight"))
        .args(["run", "--low-priority", "--root"])
        .arg(folder.path())
        .arg("--config")
        .arg(&config)
        .arg("--report")
        .arg(format!("json={}", report.display()))
        .spawn()
        .unwrap();
    // The connection shows that the collection has begun.
    let _held = listener.accept().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    assert_eq!(stat.rsplit(')').next().unwrap().split_whitespace().nth(16), Some("19"), "--low-priority: nice is 19");
    let class = std::process::Command::new("ionice").args(["-p", &child.id().to_string()]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&class.stdout).trim(), "idle");
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(30));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert!(report["run"]["notices"][0].as_str().unwrap().contains("interrupted"), "{}", report["run"]);
}

#[test]
fn replays_of_one_snapshot_differ_in_the_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let facts = folder.path().join("facts.db");
    let facts = facts.to_str().unwrap();
    let ended = run(&["collect", "--root", folder.path().to_str().unwrap(), "--facts", facts]);
    assert_eq!(ended.code, 30, "{}", ended.stderr);
    let mut reports = [(); 2].map(|()| json(&["run", "--from-facts", facts]));
    assert_ne!(reports[0].1["run"]["id"], reports[1].1["run"]["id"]);
    reports.iter_mut().for_each(|(_, report)| report["run"] = Value::Null);
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0].0, 30);
}

#[test]
fn facts_of_long_ago_are_a_warning_and_the_demonstration_is_timeless() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let facts = folder.path().join("facts.db").display().to_string();
    run(&["collect", "-q", "--offline", "--root", folder.path().to_str().unwrap(), "--facts", &facts]);
    let told = |arguments: &[&str]| {
        let (code, report) = json(&[arguments, &["--fail-on", "warning"]].concat());
        let notices = report["run"]["notices"].to_string();
        (code, report["verdict"].as_str().unwrap().to_owned(), notices.contains("days old"))
    };
    let replay = ["run", "--from-facts", &facts, "--check", "domain_name_conflict"];
    let fresh = told(&replay);
    assert!(!fresh.2, "{fresh:?}");
    let sql = "UPDATE snapshot SET value = CAST(value - 8 * 86400 AS TEXT) WHERE key = 'collected_at'";
    assert_eq!(rusqlite::Connection::open(&facts).unwrap().execute(sql, ()).unwrap(), 1);
    let old = told(&replay);
    assert!(old.2, "{old:?}");
    assert_eq!(told(&["demo", "--check", "mapi_folder_parent_cycle"]), (0, "not_judged".to_owned(), false));
}

#[test]
fn a_snapshot_answers_questions_and_only_questions() {
    let folder = tempfile::tempdir().unwrap();
    dead_installation(folder.path());
    let facts = folder.path().join("facts.db");
    let facts = facts.to_str().unwrap();
    run(&["collect", "--root", folder.path().to_str().unwrap(), "--facts", facts, "-q"]);
    let ask = |sql: &str, more: &[&str]| run(&[&["facts", "query", sql, "--from-facts", facts], more].concat());
    let table = ask("SELECT name, server_uid FROM marker_file ORDER BY name", &[]);
    assert_eq!(
        table.stdout, "name        server_uid\n----------  ----------\nserver.uid  bm-master\n",
        "{}",
        table.stderr
    );
    let lines = ask("SELECT key, value FROM bm_ini WHERE key IN ('host', 'password')", &["--json"]);
    assert_eq!(lines.stdout, "{\"key\":\"host\",\"value\":\"127.0.0.1\"}\n");
    let absent = ask("SELECT count(*) AS n FROM coverage WHERE completeness = 'absent'", &["--json"]);
    assert!(!absent.stdout.contains("\"n\":0"), "{}", absent.stdout);
    for (sql, reason) in [
        ("DELETE FROM marker_file", "DELETE"),
        ("ATTACH 'x' AS y", "ATTACH"),
        ("SELECT nme FROM marker_file", "no such column: nme"),
    ] {
        let refused = ask(sql, &[]);
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    }
    let with_sqlite = std::process::Command::new("sqlite3").args([facts, "SELECT name FROM marker_file"]).output();
    if let Ok(output) = with_sqlite {
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "server.uid");
    }
}

#[test]
fn a_question_of_any_size_ends_in_time_and_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("facts.db");
    dead_installation(folder.path());
    run(&["collect", "--root", folder.path().to_str().unwrap(), "--facts", facts.to_str().unwrap(), "-q"]);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    // What has to be sorted is held by SQLite, an answer by the program.
    for rest in
        ["SELECT printf('%.*c', 900000, 'x') || i AS x FROM n ORDER BY x", "SELECT printf('%.*c', 900000, 'x') FROM n"]
    {
        let asked = run(&["facts", "query", &format!("{numbers} {rest}"), "--from-facts", facts.to_str().unwrap()]);
        assert_eq!(asked.code, 2, "{}", asked.stderr);
        assert!(asked.stderr.contains("query: needs more than 1024 MiB of memory"), "{}", asked.stderr);
    }
    let help = run(&["facts", "--help"]).stdout;
    assert!(help.contains("for at most 60 seconds and 1 GiB of memory"), "{help}");
}

#[test]
fn a_check_that_needs_too_much_memory_is_broken_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let checks = endless_check(folder.path());
    let (file, query) =
        (folder.path().join("checks/endless.toml"), "'x' AS subject, max(c.n) + max(s.servers) AS servers");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(query));
    let text = text.replace(query, "printf('%.*c', 900000, 'x') || c.n AS subject, s.servers AS servers");
    std::fs::write(&file, text.replace("AS s\n'''", "AS s\nORDER BY 1\n'''")).unwrap();
    let (_, report) = json(&["demo", "--check", "endless", "--check", "upgrader_failed", "--checks-dir", &checks]);
    let told = |id: &str| report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap().clone();
    assert_eq!(told("endless")["outcome"], "error");
    assert!(told("endless").to_string().contains("needs more than 1024 MiB of memory"), "{}", told("endless"));
    assert_ne!(told("upgrader_failed")["outcome"], "error");
}

#[test]
fn waivers_accept_findings_until_they_expire_and_idle_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (_, report) = json(&["demo", "--check", "inbox_virtual_folder"]);
    let findings = report["checks"][0]["findings"].as_array().unwrap().clone();
    let waivers = |expires: &str| {
        let mut text = String::from(
            "[[waiver]]\ncheck = \"inbox_virtual_folder\"\nsubject = \"nobody\"\nreason = \"x\"\nexpires = \"2999-01-01\"\n",
        );
        for finding in &findings {
            let subject = toml::Value::from(finding["subject"].as_str().unwrap());
            text += &format!(
                "[[waiver]]\ncheck = \"inbox_virtual_folder\"\nsubject = {subject}\nreason = \"known\"\nexpires = \"{expires}\"\n"
            );
        }
        let path = folder.path().join("waivers.toml");
        std::fs::write(&path, text).unwrap();
        json(&["demo", "--check", "inbox_virtual_folder", "--waivers", path.to_str().unwrap()])
    };
    let (code, report) = waivers("2999-01-01");
    assert_eq!((code, &report["verdict"]), (0, &"not_judged".into()));
    assert_eq!(report["summary"]["findings"]["waived"].as_u64().unwrap(), findings.len() as u64);
    assert_eq!(report["summary"]["findings"]["blocker"], 0);
    assert_eq!(report["checks"][0]["findings"][0]["waived"]["reason"], "known");
    assert_eq!(report["run"]["notices"].as_array().unwrap().len(), 1, "the waiver for nobody");
    // All that a user has, and all subjects that are alike.
    let path = folder.path().join("waivers.toml");
    let owner = findings[0]["owner"].as_str().unwrap();
    let of_owner = findings.iter().filter(|finding| finding["owner"] == owner).count() as u64;
    for (whose, accepted) in
        [(format!("owner = \"{owner}\""), of_owner), ("subject = \"*/INBOX/*\"".to_owned(), findings.len() as u64)]
    {
        let text =
            format!("[[waiver]]\ncheck = \"inbox_virtual_folder\"\n{whose}\nreason = \"x\"\nexpires = 2999-01-01\n");
        std::fs::write(&path, text).unwrap();
        let (_, report) = json(&["demo", "--waivers", path.to_str().unwrap()]);
        assert_eq!(report["summary"]["findings"]["waived"], accepted, "{whose}");
    }
    let (_, report) = waivers("2999-01-01");
    assert_eq!(report["verdict"], "not_judged");
    // TOML has dates of its own.
    let unquoted = std::fs::read_to_string(&path).unwrap().replace("\"2999-01-01\"", "2999-01-01");
    std::fs::write(&path, unquoted).unwrap();
    assert_eq!(json(&["demo", "--check", "inbox_virtual_folder", "--waivers", path.to_str().unwrap()]).0, 0);
    let (code, report) = waivers("2020-01-01");
    assert_eq!(code, 20);
    assert_eq!(report["run"]["notices"].as_array().unwrap().len(), findings.len() + 1);
}

#[test]
fn what_could_not_be_looked_at_can_be_accepted_like_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waivers.toml");
    let judged = |waivers: &str| {
        std::fs::write(&path, waivers).unwrap();
        json(&["demo", "--partial", "--category", "cyrus", "--waivers", path.to_str().unwrap()])
    };
    let (_, before) = judged("");
    let lacking = |report: &Value| -> Vec<Value> {
        let checks = report["checks"].as_array().unwrap().iter();
        checks.flat_map(|check| check["missing"].as_array().unwrap().clone()).collect()
    };
    let gap = lacking(&before).into_iter().find(|gap| gap["table"] != "*").expect("the demonstration lacks something");
    let place = gap["place"].as_str().map(|place| format!("place = {place:?}\n")).unwrap_or_default();
    let waiver = |table: &str| {
        format!(
            "[[waiver]]\ntable = {table:?}\nserver = {}\n{place}reason = \"empty\"\nexpires = 2999-01-01\n",
            gap["scope"]
        )
    };
    let (_, after) = judged(&waiver(gap["table"].as_str().unwrap()));
    assert!(!lacking(&after).contains(&gap), "{gap}");
    let accepted = after["coverage"].as_array().unwrap().iter().flat_map(|told| told["gaps"].as_array().unwrap());
    let accepted: Vec<_> = accepted.filter(|gap| !gap["waived"].is_null()).collect();
    assert_eq!((accepted.len(), accepted[0]["waived"]["reason"].as_str()), (1, Some("empty")));
    let text = run(&["demo", "-v", "--partial", "--category", "cyrus", "--waivers", path.to_str().unwrap()]).stdout;
    assert!(text.contains("— empty (until 2999-01-01)"), "{text}");
    std::fs::write(&path, waiver("cyrus_indx")).unwrap();
    let ended = run(&["demo", "--waivers", path.to_str().unwrap()]);
    let told = "waivers.toml:2: cyrus_indx: there is no such facts table; the nearest is cyrus_index";
    assert!(ended.code == 2 && ended.stderr.contains(told), "{}", ended.stderr);
}

#[test]
fn the_shipped_papers_are_printed() {
    let page = run(&["facts", "schema"]).stdout;
    assert!(page.contains("## `mapi_folder`"));
    // What PostgreSQL is asked stands with the table that it fills.
    let folder = page.split("\n## `").find(|part| part.starts_with("folder`")).unwrap();
    assert!(
        folder.contains("```sql\nSELECT f.uid") && folder.contains("\nFROM t_mailbox_replica r\nJOIN "),
        "{folder}"
    );
    let schema: Value = serde_json::from_str(&run(&["report-schema"]).stdout).unwrap();
    assert!(schema["$id"].is_string());
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).stdout.contains("bm-preflight"));
    }
    let page = run(&["man"]).stdout;
    let options = ["\\-\\-from\\-facts", "\\-\\-waivers", "\\-\\-json"];
    for part in [".TH bm-preflight", ".SH \"BM-PREFLIGHT RUN\"", ".SH \"EXIT STATUS\""].iter().chain(&options) {
        assert!(page.contains(part), "{part}");
    }
}

//! What an administrator gives and gets: words to complete, pages about checks, mails for users, a plan with dates.

use std::path::Path;
use std::process::Command;

use crate::{dead_installation, json, run};

/// What bash offers for the last of these words, by the program's own script.
fn completed(words: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completion.bash");
    std::fs::write(&script, run(&["completions", "bash"]).stdout).unwrap();
    // As bash itself does: the function is the one that `complete` knows, and gets the words in COMP_WORDS.
    let shell = "source \"$1\"; shift; COMP_WORDS=(bm-preflight \"$@\"); COMP_CWORD=$#; \
        name=$(complete -p bm-preflight | sed 's/.* -F \\([^ ]*\\) .*/\\1/'); \
        \"$name\" bm-preflight \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["--norc", "-c", shell, "bash"]).arg(&script).args(words).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_word() {
    let inbox = ["inbox_virtual_folder", "inbox_virtual_folder_empty", "inbox_virtual_folder_not_mail"];
    for (words, expected) in [
        (&["coll"][..], &["collect"][..]),
        (&["checks", "expl"], &["explain"]),
        (&["checks", "explain", "inbox_v"], &inbox),
        (&["run", "--check", "inbox_v"], &inbox),
        (&["demo", "--skip", "inbox_v"], &inbox),
        (&["run", "--category", "auto"], &["autodiscover"]),
        (&["run", "--fail-on", "w"], &["warning"]),
        (&["run", "--format", "prom"], &["prometheus"]),
        (&["facts", "q"], &["query"]),
    ] {
        assert_eq!(completed(words), expected, "{words:?}");
    }
}

#[test]
fn a_page_about_a_check_is_for_an_administrator() {
    let page = run(&["checks", "explain", "inbox_virtual_folder", "--lang", "en"]).stdout;
    for expected in [
        "who acts       Users",
        "\nWhy\n",
        "\nExample\n    jdoe@example.org/INBOX/Projects is a virtual folder with 12 messages",
        "1. In Outlook, move the folder out of the inbox",
        "Reactivate the account",
        "--full",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
    for internal in ["{{", "{%", "SELECT", "Cases"] {
        assert!(!page.contains(internal), "{internal} is in\n{page}");
    }
    let wrong = run(&["checks", "explain", "inbox_virtual_foldr"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("the nearest is inbox_virtual_folder"), "{}", wrong.stderr);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn users_get_a_mail_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let (notices, out) = (folder.path().join("notices"), folder.path().join("out"));
    let arguments = ["demo", "--window", "2026-12-12T20:00", "--lang", "fr", "--notices"];
    let arguments = [&arguments[..], &[notices.to_str().unwrap(), "--output-dir", out.to_str().unwrap()]].concat();
    assert_eq!(run(&arguments).code, 20);
    let written = names(&notices);
    assert!(
        written.contains(&"notices.csv".to_owned()) && written.contains(&"anne.morel@lumiere.example.eml".to_owned())
    );
    let mail = std::fs::read_to_string(notices.join("anne.morel@lumiere.example.eml")).unwrap();
    assert!(mail.contains("To: <anne.morel@lumiere.example>") && mail.contains("2026-12-05"), "{mail}");
    let table = std::fs::read_to_string(notices.join("notices.csv")).unwrap();
    assert_eq!(table.lines().filter(|line| line.starts_with("anne.morel@")).count(), 1, "{table}");
    let again = run(&arguments);
    assert_eq!(again.code, 2, "mails of the first run would be sent again");
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    assert_eq!(names(&notices), written);
}

#[test]
fn a_window_dates_the_plan() {
    let dates = |window: &str| json(&["demo", "--window", window]).1["plan"][0]["begin_by"].clone();
    assert_eq!(dates("2026-12-12T20:00"), "2026-12-05");
    assert_eq!(dates("2026-12-12"), "2026-12-05");
    assert!(json(&["demo"]).1["plan"][0]["begin_by"].is_null());
    let wrong = run(&["demo", "--window", "next week"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("2026-12-12T20:00"), "{}", wrong.stderr);
}

#[test]
fn the_terminal_has_a_screen_and_more_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let told = |more: &[&str]| run(&[&["demo", "--output-dir", out.to_str().unwrap()], more].concat()).stdout;
    let short = told(&[]);
    assert!(short.lines().count() <= 40, "{short}");
    let last = short.lines().last().unwrap();
    assert!(last.contains("/out/report.html") && last.contains("findings.csv"), "{last}");
    for long in [told(&["-v"]), told(&["--format", "text"])] {
        assert!(long.lines().count() > 100 && long.contains("What blocks"), "{long}");
    }
    let partial = told(&["--partial"]);
    assert!(partial.lines().count() <= 40, "{partial}");
    assert!(partial.contains("mail-1 (192.0.2.31): bm-preflight collect --facts mail-1.facts"), "{partial}");
}

#[test]
fn one_cause_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (root, facts) = (folder.path().display().to_string(), folder.path().join("facts.db").display().to_string());
    let out = folder.path().join("out").display().to_string();
    // No BlueMind at all.
    let ended = run(&["run", "--offline", "--root", &root, "--output-dir", &out]);
    assert_eq!(ended.code, 30);
    assert!(ended.stdout.lines().count() < 16, "{}", ended.stdout);
    assert!(ended.stdout.contains("/etc/bm/bm.ini: No such file"), "{}", ended.stdout);
    // Its database does not answer.
    dead_installation(folder.path());
    let ended = run(&["collect", "--offline", "--root", &root, "--facts", &facts]);
    assert_eq!(ended.code, 30, "nothing can be judged by that");
    let lines: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("not collected: ")).collect();
    assert!(lines.len() < 18 && lines[0].contains("tables of *, directory"), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("Connection refused")), "{lines:?}");
    let all = run(&["collect", "-v", "--offline", "--root", &root, "--facts", &facts]).stdout;
    assert!(all.contains("    mapi_folder of "), "{all}");
}

#[test]
fn each_format_is_written_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let formats = ["--format", "markdown", "--format", "prometheus", "--format", "csv"];
    run(&[&["demo", "--output-dir", out.to_str().unwrap()], &formats[..]].concat());
    assert_eq!(names(&out), ["findings.csv", "report.md", "report.prom"]);
    let printed = run(&["demo", "--report", "markdown=-"]).stdout;
    assert!(printed.starts_with("# Not ready") && printed.contains("Demonstration"), "{printed}");
}

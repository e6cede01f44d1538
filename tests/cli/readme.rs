//! The README's commands are given as they stand there.

use std::path::Path;
use std::process::Command;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let after = text.split(&fence).skip(1);
    after.map(|block| block.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn what_jq_asks_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    crate::run(&["demo", "--report", &format!("json={}", report.display()), "--window", "2026-12-12T20:00"]);
    crate::run(&["demo", "--partial", "--report", &format!("json={}", folder.path().join("partial.json").display())]);
    let text = readme();
    let asked: Vec<String> = blocks(&text, "sh").join("\n").lines().map(str::to_owned).collect();
    assert!(asked.len() >= 5);
    for command in asked.iter().filter(|line| line.starts_with("jq ")) {
        // The demonstration leaves nothing open but where it is told to.
        let command = if command.contains(".questions") {
            command.replace("report.json", "partial.json")
        } else {
            command.clone()
        };
        let output = Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).trim().len() > 4, "{command} says nothing");
    }
}

#[test]
fn the_snippets_for_ci_judge_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    crate::dead_installation(folder.path());
    let facts = folder.path().join("core.facts");
    let root = folder.path().to_str().unwrap();
    crate::run(&["collect", "-q", "--offline", "--root", root, "--facts", facts.to_str().unwrap()]);
    let text = readme();
    let snippets = blocks(&text, "yaml").into_iter().chain(blocks(&text, "groovy")).collect::<Vec<_>>().join("\n");
    let is_end = |c: char| c == '\'' || c == '\n';
    let commands: Vec<&str> = snippets
        .match_indices("bm-preflight run ")
        .map(|(at, _)| snippets[at..].split(is_end).next().unwrap())
        .collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
        let ended = program.args(command.split(' ').skip(1)).current_dir(folder.path()).output().unwrap();
        assert_eq!(ended.status.code(), Some(30), "{command}: {}", String::from_utf8_lossy(&ended.stderr));
    }
    for file in ["bm-preflight-report/report.junit.xml", "junit.xml", "summary.md"] {
        assert!(folder.path().join(file).metadata().unwrap().len() > 100, "{file}");
    }
}

/// Every command of both pages is understood: its options are there, and its checks too.
#[test]
fn every_command_is_understood() {
    let french = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/README.fr.md")).unwrap();
    let mut asked = 0;
    for (text, name) in [(readme(), "README.md"), (french, "README.fr.md")] {
        for command in text.split('`').filter(|code| code.starts_with("bm-preflight ") && !code.contains('\n')) {
            let words = shlex::split(command).unwrap();
            let [_, first, ..] = words.as_slice() else { continue };
            let inner =
                words.get(2).filter(|word| !word.starts_with('-') && ["checks", "facts"].contains(&first.as_str()));
            let path: Vec<&str> = [Some(first.as_str()), inner.map(String::as_str)].into_iter().flatten().collect();
            if path[0] == "help" || path[0].starts_with('-') {
                continue;
            }
            let help = crate::run(&[&path[..], &["--help"]].concat());
            assert_eq!(help.code, 0, "{name}: {command}");
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let known = help.stdout.contains(&format!("{option} ")) || help.stdout.contains(&format!("{option}\n"));
                assert!(known, "{name}: {command}: there is no {option}");
            }
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

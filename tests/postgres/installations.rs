//! Every simulated installation: collecting it gives its `facts.toml`, and exactly the checks of its story fire.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::run;
use crate::support::bluemind::{Installation, Story};
use crate::support::snapshot::Snapshot;

/// As many installations at a time as there are databases and processors to work on them.
const WORKERS: usize = 4;

#[test]
fn every_story_is_what_collecting_it_gives() {
    let stories = Mutex::new(Story::all());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(story) = { stories.lock().unwrap().pop() } {
                    failures.lock().unwrap().extend(verify(&story).err());
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn verify(story: &Story) -> Result<(), String> {
    let installation = Installation::build(&story.name);
    let collected = run::collect(&installation);
    let path = story.folder().join("facts.toml");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let kept = if written.is_empty() { Snapshot::default() } else { Snapshot::of_toml(&written) };
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, collected.to_toml(&kept)).expect("facts.toml can be written");
    } else if collected.normalised() != kept.normalised() {
        let difference = difference(&kept.normalised().to_toml(&kept), &collected.normalised().to_toml(&kept));
        return Err(format!("{}: facts.toml (-) and what was collected (+) differ\n{difference}", story.name));
    }
    let result = run::replay(&installation);
    let expected = if story.only_as_facts { BTreeSet::new() } else { story.fires.clone() };
    let fired = result.with_outcome("fail");
    if fired != expected {
        let told = format!("{} ({})", story.name, story.title);
        return Err(format!("{told}: {expected:?} should fire, {fired:?} do\n{}", result.digest()));
    }
    if !result.with_outcome("error").is_empty() {
        return Err(format!("{}: checks broke: {:?}", story.name, result.with_outcome("error")));
    }
    Ok(())
}

/// The lines that only one of two texts has.
fn difference(before: &str, after: &str) -> String {
    let only = |text: &str, other: &str, sign: char| {
        let other: BTreeSet<&str> = other.lines().collect();
        let lines = text.lines().filter(|line| !other.contains(line));
        lines.map(|line| format!("{sign}{line}\n")).collect::<String>()
    };
    only(before, after, '-') + &only(after, before, '+')
}

#[test]
fn nothing_is_left_open_on_a_healthy_installation() {
    for (name, code) in [("healthy_single", 0), ("healthy_split", 0), ("healthy_42", 0)] {
        let installation = Installation::build(name);
        let result = run::run(&installation);
        assert_eq!(result.code, code, "{name}: {}", result.digest());
        assert_eq!(result.report["verdict"], "ready", "{name}");
        assert_eq!(result.with_outcome("unknown"), BTreeSet::new(), "{name}");
        assert_eq!(result.with_outcome("error"), BTreeSet::new(), "{name}");
        assert!(result.with_outcome("pass").len() > 5, "{name}: hardly anything was checked");
    }
}

/// Normalising may hide differences between machines only.
#[test]
fn a_difference_in_a_fact_is_seen() {
    let facts = "collected_at = \"2026-11-02T08:00:00Z\"\n\
                 relation = [{ scope = \"a\", name = \"t_item\", kind = \"table\", total_bytes = 1 }]\n";
    let same = Snapshot::of_toml(facts).normalised();
    for (from, to, is_same) in
        [("bytes = 1", "bytes = 2", true), ("t_item", "t_seen", false), (", total_bytes = 1", "", false)]
    {
        let other = Snapshot::of_toml(&facts.replace(from, to)).normalised();
        assert_eq!(other == same, is_same, "{from} -> {to}");
    }
}

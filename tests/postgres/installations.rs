//! Every simulated installation: collecting it gives the facts it tells, and exactly the checks of its story fire.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::run;
use crate::support::bluemind::{Installation, Story};
use crate::support::facts_file;
use crate::support::snapshot::Snapshot;

/// As many installations at a time as there are databases and processors to work on them.
const WORKERS: usize = 4;

#[test]
fn every_story_is_what_collecting_it_gives() {
    let stories = Mutex::new(Story::all());
    let failures = Mutex::new(Vec::new());
    let collected = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(story) = { stories.lock().unwrap().pop() } {
                    failures.lock().unwrap().extend(verify(&story, &collected).err());
                }
            });
        }
    });
    if blesses() {
        bless(&collected.into_inner().unwrap());
    }
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn blesses() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// Writes every `facts.toml`, when all are known: each one goes by the facts of its base.
fn bless(collected: &BTreeMap<String, toml::Table>) {
    for (story, facts) in collected {
        let base = facts_file::base_of(story);
        let changes = base.as_ref().map(|base| facts_file::between(&collected[base], facts));
        let text = facts_file::text(changes.as_ref().unwrap_or(facts), base.as_deref());
        std::fs::write(facts_file::folder(story).join("facts.toml"), text).expect("facts.toml can be written");
    }
}

fn verify(story: &Story, collected: &Mutex<BTreeMap<String, toml::Table>>) -> Result<(), String> {
    let installation = Installation::build(&story.name);
    let facts = run::collect(&installation);
    let told = facts_file::read(&story.name);
    let kept = Snapshot::of_story(&told.facts);
    collected.lock().unwrap().insert(story.name.clone(), facts.to_story(&kept));
    if !blesses() && !told.misfits.is_empty() {
        return Err(told.misfits.join("\n"));
    }
    if !blesses() && facts.normalised() != kept.normalised() {
        let text = |facts: &Snapshot| facts_file::text(&facts.normalised().to_story(&kept), None);
        let difference = difference(&text(&kept), &text(&facts));
        return Err(format!("{}: its facts (-) and what was collected (+) differ\n{difference}", story.name));
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
    let of_42 = BTreeSet::from(["upgrade_step_not_covered".to_owned()]);
    let of_49 = of_42.iter().cloned().chain(["postgres_partition_too_full".to_owned()]).collect();
    for (name, code, verdict, unknown) in [
        // The disks of the machine on which the tests run are left out.
        ("healthy_single", 0, "not_judged", BTreeSet::new()),
        ("healthy_split", 0, "not_judged", BTreeSet::new()),
        ("healthy_42", 30, "inconclusive", of_42.clone()),
        ("healthy_45", 30, "inconclusive", of_42.clone()),
        ("healthy_48", 30, "inconclusive", of_42.clone()),
        // Nor are they known of a copy, and 5 asks for room there.
        ("healthy_49", 30, "inconclusive", of_49),
        ("healthy_50", 30, "inconclusive", of_42),
    ] {
        let installation = Installation::build(name);
        let result = run::run(&installation);
        assert_eq!(result.code, code, "{name}: {}", result.digest());
        assert_eq!(result.report["verdict"], verdict, "{name}");
        assert_eq!(result.with_outcome("unknown"), unknown, "{name}");
        assert_eq!(result.with_outcome("error"), BTreeSet::new(), "{name}");
        assert!(result.with_outcome("pass").len() > 5, "{name}: hardly anything was checked");
    }
}

/// Normalising may hide differences between machines only.
#[test]
fn a_difference_in_a_fact_is_seen() {
    let facts = "collected_at = \"2026-11-02T08:00:00Z\"\n\
                 relation = [{ scope = \"a\", name = \"t_item\", kind = \"table\", total_bytes = 1 }]\n";
    let snapshot = |facts: &str| Snapshot::of_story(&toml::from_str(facts).unwrap()).normalised();
    for (from, to, is_same) in
        [("bytes = 1", "bytes = 2", true), ("t_item", "t_seen", false), (", total_bytes = 1", "", false)]
    {
        assert_eq!(snapshot(&facts.replace(from, to)) == snapshot(facts), is_same, "{from} -> {to}");
    }
}

//! Every check on every installation of the fixtures: a story fires what it says and nothing else, the healthy ones are
//! silent, and every check fires somewhere. Two snapshots show what else would change without a word: how each check
//! ends on each installation, and whom it is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "tests are told by the environment to bless")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use bm_preflight::app;
use bm_preflight::check::Check;
use bm_preflight::fact::{Facts, Schema};
use bm_preflight::model::{CheckResult, Missing, Outcome, version};
use bm_preflight::topology::Identity;
use serde::Deserialize;

#[allow(dead_code, reason = "what is collected is written elsewhere")]
#[path = "support/facts_file.rs"]
mod facts_file;
#[path = "support/judge.rs"]
mod judge;

#[derive(Deserialize)]
struct Story {
    #[serde(default)]
    fires: Vec<String>,
    /// Target of the upgrade; 4.1 when left out.
    to: Option<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn stories() -> Vec<String> {
    let folders = std::fs::read_dir(facts_file::folder("")).unwrap();
    let mut names: Vec<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn checks(schema: &Schema) -> Vec<Check> {
    judge::checks("checks", schema)
}

fn evaluate_all(facts: &Facts, to: &str, checks: &[Check]) -> Vec<CheckResult> {
    let reader = facts.reader().unwrap();
    let build = Identity::of(|sql| reader.texts(sql)).unwrap().build;
    judge::judge(checks, facts, build.as_deref().and_then(version::release_of), to)
}

/// Ids of the checks that an ordinary run leaves out.
fn asked_for() -> BTreeSet<String> {
    checks(&app::schema()).into_iter().filter(|check| check.only_with_category).map(|check| check.id).collect()
}

fn is_about_autodiscover(id: &str) -> bool {
    root().join("checks/autodiscover").join(format!("{id}.toml")).is_file()
}

/// The check whose only answer is that it cannot tell.
const NOT_COVERED: &str = "upgrade_step_not_covered";
/// The check that says which mailboxes changed while the facts were collected: `tests/postgres/meanwhile.rs` has some.
const CHANGED: &str = "mailbox_changed_meanwhile";

type Matrix = BTreeMap<String, (Story, Vec<CheckResult>)>;

/// Outcome of every check on every installation.
fn matrix() -> &'static Matrix {
    static MATRIX: OnceLock<Matrix> = OnceLock::new();
    MATRIX.get_or_init(evaluate_stories)
}

fn evaluate_stories() -> Matrix {
    let schema = app::schema();
    let checks = checks(&schema);
    stories()
        .into_iter()
        .map(|name| {
            let story = std::fs::read_to_string(facts_file::folder(&name).join("story.toml")).unwrap();
            let story: Story = toml::from_str(&story).unwrap();
            let told = facts_file::read(&name);
            assert!(told.misfits.is_empty(), "{}", told.misfits.join("\n"));
            let installation = told.facts.try_into().unwrap_or_else(|e| panic!("{name}: {e}"));
            let facts = app::fixture_facts(&installation, &schema).unwrap_or_else(|e| panic!("{name}: {e}"));
            let results = evaluate_all(&facts, story.to.as_deref().unwrap_or("4.1"), &checks);
            (name, (story, results))
        })
        .collect()
}

#[test]
fn each_story_fires_what_it_says_and_every_check_fires_somewhere() {
    let matrix = matrix();
    assert!(matrix.len() >= 20, "the fixtures were found");
    let mut fired_anywhere = BTreeSet::new();
    let mut all = BTreeSet::new();
    let asked_for = asked_for();
    for (name, (story, results)) in matrix {
        let fired: BTreeSet<_> = results.iter().filter(|r| r.outcome == Outcome::Fail).map(|r| r.id.as_str()).collect();
        // A check that is run only when it is asked for is no part of the story: it may fire anywhere, and must somewhere.
        let ordinary: BTreeSet<_> = fired.iter().copied().filter(|id| !asked_for.contains(*id)).collect();
        let told: BTreeSet<_> = story.fires.iter().map(String::as_str).collect();
        assert_eq!(ordinary, told, "{name}");
        let broken: Vec<_> =
            results.iter().filter(|r| r.outcome == Outcome::Error).map(|r| (&r.id, &r.reason)).collect();
        assert!(broken.is_empty(), "{name}: {broken:?}");
        all.extend(results.iter().map(|r| r.id.clone()));
        fired_anywhere.extend(fired.into_iter().map(str::to_owned));
    }
    // The checks on autodiscover have their installations in `tests/autodiscover/`, each with a network of its own.
    all.retain(|id| !is_about_autodiscover(id));
    fired_anywhere.retain(|id| !is_about_autodiscover(id));
    // What did not survive is told by two snapshots: `tests/ticket/survival.rs` has some.
    all.retain(|id| !root().join("checks/survival").join(format!("{id}.toml")).is_file());
    // They never find anything: they say of what nobody can tell.
    for id in [NOT_COVERED, CHANGED] {
        assert!(all.remove(id) && !fired_anywhere.contains(id), "{id}");
    }
    let not_covered = |name: &str| {
        let gaps = matrix[name].1.iter().filter(|r| r.id == NOT_COVERED).flat_map(|r| &r.missing);
        gaps.map(Missing::shown).collect::<Vec<_>>()
    };
    assert!(not_covered("healthy_single").is_empty());
    let steps = ["4.2 → 4.3", "4.3 → 4.4", "4.4 → 4.5", "4.5 → 4.6", "4.6 → 4.7", "4.7 → 4.8"];
    assert_eq!(not_covered("healthy_42"), steps);
    assert_eq!(fired_anywhere, all, "a check that fires nowhere is not proven");
}

#[test]
fn the_healthy_installations_pass_or_do_not_apply() {
    let asked_for = asked_for();
    for (name, (story, results)) in matrix().iter().filter(|(name, _)| name.starts_with("healthy")) {
        assert!(story.fires.is_empty(), "{name}");
        // A run on one server cannot read the files of the others: only that may be unknown.
        for result in results.iter().filter(|r| !asked_for.contains(&r.id) && r.id != NOT_COVERED) {
            let only_files = result.missing.iter().all(|m| m.reason.contains("can be read from here"));
            let is_calm = match result.outcome {
                Outcome::Pass | Outcome::NotApplicable => true,
                Outcome::Unknown => only_files && name == "healthy_split",
                Outcome::Fail | Outcome::Error => false,
            };
            assert!(is_calm, "{name}: {} ended as {:?} {:?}", result.id, result.outcome, result.missing);
        }
    }
}

/// What a pass says must be said of a real installation, not of its cases alone.
#[test]
fn every_proof_is_told_on_a_healthy_installation() {
    let proven: Vec<_> = checks(&app::schema()).into_iter().filter(|check| check.proof.is_some()).collect();
    assert!(!proven.is_empty());
    for check in proven.iter().filter(|check| !is_about_autodiscover(&check.id)) {
        let healthy = matrix().iter().filter(|(name, _)| name.starts_with("healthy"));
        let mut results = healthy.flat_map(|(_, (_, results))| results).filter(|result| result.id == check.id);
        assert!(results.any(|result| !result.proof.is_empty()), "{} says nothing where it passes", check.id);
    }
}

/// A story tells what it changes, so that a new table of its base is not a change of every story.
#[test]
fn no_story_repeats_its_base() {
    for story in stories() {
        let Some(base) = facts_file::base_of(&story) else { continue };
        let needed = facts_file::between(&facts_file::read(&base).facts, &facts_file::read(&story).facts);
        for (name, change) in &facts_file::own(&story) {
            let lines = needed.get(name).map_or(0, facts_file::lines);
            assert!(facts_file::lines(change) <= lines, "{story}/facts.toml: {name} repeats {base}: {lines} lines do");
        }
    }
}

#[test]
fn a_change_that_does_not_fit_its_base_is_refused() {
    let base = "collected_at = \"2026-11-02T08:00:00Z\"\na = [{ x = 1 }, { x = 2 }]\nb = [{ y = 1 }]\n";
    let base = || facts_file::Merged { facts: toml::from_str(base).unwrap(), misfits: Vec::new() };
    for (changes, expected) in [
        ("a.removed = [{ x = 1 }]\na.added = [{ x = 3 }]", Ok("a = [{ x = 2 }, { x = 3 }]\nb = [{ y = 1 }]")),
        ("b = []\nc = [{ z = 1 }]", Ok("a = [{ x = 1 }, { x = 2 }]\nc = [{ z = 1 }]")),
        ("collected_at = \"2026-11-03T08:00:00Z\"\nb.removed = [{ y = 1 }]", Ok("a = [{ x = 1 }, { x = 2 }]")),
        ("a.removed = [{ x = 4 }]", Err("story/facts.toml: a: the base has no row { x = 4 } that could be removed")),
        ("c.removed = [{ x = 1 }]", Err("story/facts.toml: c: the base has no row { x = 1 } that could be removed")),
        ("a.added = [{ x = 2 }]", Err("story/facts.toml: a: the base has the row { x = 2 } already")),
        ("a.aded = []", Err("story/facts.toml: a: \"aded\" is neither \"removed\" nor \"added\"")),
    ] {
        let merged = facts_file::merge(base(), &toml::from_str(changes).unwrap(), "story");
        match expected {
            Ok(facts) => {
                let mut facts: toml::Table = toml::from_str(facts).unwrap();
                facts.insert("collected_at".to_owned(), merged.facts["collected_at"].clone());
                assert_eq!((merged.facts, merged.misfits), (facts, Vec::new()), "{changes}");
            }
            Err(misfit) => assert_eq!(merged.misfits, [misfit], "{changes}"),
        }
    }
}

#[test]
fn every_outcome_is_the_one_that_was_seen_before() {
    let mut text = String::new();
    for (name, (_, results)) in matrix() {
        let _ = writeln!(text, "\n{name}");
        let mut results: Vec<_> = results.iter().collect();
        results.sort_by_key(|result| &result.id);
        for line in results.into_iter().flat_map(ends) {
            let _ = writeln!(text, "  {line}");
        }
    }
    assert_snapshot("outcomes.txt", text.trim_start());
}

/// How a check ended, and on what; nothing for one that passed or does not apply.
fn ends(result: &CheckResult) -> Vec<String> {
    let start = format!("{} {}", result.outcome.as_str(), result.id);
    if matches!(result.outcome, Outcome::Pass | Outcome::NotApplicable) {
        return Vec::new();
    }
    let findings = result.findings.iter().map(|finding| {
        let cause = finding.explained_by.as_ref().map(|cause| format!(" < {}: {}", cause.check, cause.subject));
        format!("{start}: {}{}", finding.subject, cause.unwrap_or_default())
    });
    let gaps: Vec<_> = result.missing.iter().map(Missing::shown).collect();
    let gaps = (!gaps.is_empty()).then(|| format!("{start} without {}", gaps.join(", ")));
    let lines: Vec<_> = findings.chain(gaps).collect();
    if lines.is_empty() { vec![start] } else { lines }
}

/// Causes that no story shows at work: the cases of the check that names them do.
const CAUSES_OF_CASES: &[(&str, &str)] = &[
    ("cyrus_answers_without_role", "replication_peer_without_role"),
    ("cyrus_default_partition_used", "mailbox_imported_as_admin0"),
    ("external_url_path_blocked", "autodiscover_mapi_down"),
    ("folder_not_replicated", "folder_below_inbox"),
    ("folder_not_replicated", "folder_name_hazard"),
    ("mail_service_unreachable", "mailbox_role_without_service"),
    ("mail_service_unreachable", "service_disabled_with_role"),
    ("messages_read_by_admin0", "mailbox_imported_as_admin0"),
    ("new_mail_not_replicated", "replication_inactive"),
    ("replication_backlog", "replication_inactive"),
    ("replication_connections_miscounted", "sync_client_duplicated"),
    ("replication_failing", "cyrus_default_partition_used"),
    ("replication_failing", "cyrus_mailbox_unknown"),
    ("spool_directory_unexpected", "cyrus_mailbox_missing"),
    ("spool_directory_unexpected", "message_file_missing"),
];

/// What a check says of the cause of its findings must lead to findings that are really made.
#[test]
fn every_cause_that_a_check_names_is_seen_in_a_story_or_is_known_not_to_be() {
    let checks = judge::linted("checks", &app::schema());
    let named = checks.iter().flat_map(|check| check.explained_by.iter().map(|by| (check.id.as_str(), by.as_str())));
    let results = matrix().values().flat_map(|(_, results)| results);
    let seen = results.flat_map(|result| {
        let causes = result.findings.iter().filter_map(|finding| finding.explained_by.as_ref());
        causes.map(|cause| (result.id.as_str(), cause.check.as_str()))
    });
    let shown: BTreeSet<_> = seen.chain(CAUSES_OF_CASES.iter().copied()).collect();
    assert_eq!(named.collect::<BTreeSet<_>>(), shown);
}

/// Severity, range of upgrades, roles and packages decide who sees a check and what it stops.
#[test]
fn no_policy_changes_without_a_word() {
    let mut checks = checks(&app::schema());
    checks.sort_by(|a, b| (&a.category, &a.id).cmp(&(&b.category, &b.id)));
    assert_snapshot("policy.txt", &checks.iter().map(policy).collect::<String>());
}

/// The line of a check.
fn policy(check: &Check) -> String {
    let range = |range: &Option<semver::VersionReq>| range.as_ref().map_or("any".to_owned(), ToString::to_string);
    let list = |words: &[String]| if words.is_empty() { "any".to_owned() } else { words.join(" or ") };
    format!(
        "{}/{}: {}; {}, {} days ahead; from {}; to {}; role {}; package {}; may lack {}{}\n",
        check.category,
        check.id,
        check.severity.as_str(),
        check.who.as_str(),
        check.lead_days,
        range(&check.from),
        range(&check.to),
        list(&check.roles),
        list(&check.packages),
        check.partial.as_ref().map_or("nothing".to_owned(), |partial| partial.tables.join(" or ")),
        if check.only_with_category { "; only when asked for" } else { "" }
    )
}

/// Holds a text against the file of that name in `tests/matrix/`, which `BLESS=1` writes anew.
fn assert_snapshot(name: &str, text: &str) {
    let path = root().join("tests/matrix").join(name);
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(&path, text).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let gone = known.lines().filter(|line| !text.lines().any(|l| l == *line)).map(|line| format!("-{line}\n"));
    let new = text.lines().filter(|line| !known.lines().any(|k| k == *line)).map(|line| format!("+{line}\n"));
    assert!(known == text, "{name} has changed (`BLESS=1` writes it anew):\n{}", gone.chain(new).collect::<String>());
}

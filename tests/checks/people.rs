//! What the built-in checks say to people: in their units, in few words, and with a word for each column that is shown.

use std::collections::BTreeSet;

use toml::{Table, Value};
use walkdir::WalkDir;

/// It never has a finding: its only answer is that it cannot tell.
const NOT_COVERED: &str = "upgrade_step_not_covered";
/// More words than these nobody reads before an upgrade.
const WORDS: usize = 60;

fn read(path: impl AsRef<std::path::Path>) -> Table {
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn checks() -> Vec<Table> {
    let files = WalkDir::new("checks").into_iter().map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).map(read).collect()
}

fn text<'t>(check: &'t Table, key: &str) -> &'t str {
    check[key].as_str().unwrap()
}

#[test]
fn each_column_that_is_shown_has_its_words_and_no_word_is_idle() {
    let shown = |check: &Table| check.get("shown").and_then(Value::as_array).cloned().unwrap_or_default();
    let all: BTreeSet<String> =
        checks().iter().flat_map(shown).map(|column| column.as_str().unwrap().to_owned()).collect();
    let words: BTreeSet<String> =
        read("report-templates/i18n.toml")["column"].as_table().unwrap().keys().cloned().collect();
    assert!(all.len() > 50, "{all:?}");
    assert_eq!(all, words);
}

#[test]
fn every_check_that_blocks_says_in_peoples_units_what_is_at_stake() {
    let blocks = |check: &&Table| text(check, "severity") == "blocker" && text(check, "id") != NOT_COVERED;
    let checks = checks();
    let silent: Vec<&str> = checks
        .iter()
        .filter(blocks)
        .filter(|check| !check.contains_key("sums"))
        .map(|check| text(check, "id"))
        .collect();
    assert_eq!(silent, [""; 0]);
    assert!(checks.iter().filter(blocks).count() > 15);
}

#[test]
fn what_happens_to_whom_is_said_in_few_words() {
    let words = |why: &str| why.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
    let long = |check: &Table| {
        let of = |lang: &str| words(check[lang]["why"].as_str().unwrap());
        let most = of("en").max(of("fr"));
        (most > WORDS).then(|| format!("{}: {most} words", text(check, "id")))
    };
    assert_eq!(checks().iter().filter_map(long).collect::<Vec<_>>(), [""; 0]);
}

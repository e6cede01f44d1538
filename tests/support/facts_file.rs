//! The `facts.toml` of a story: its facts as a whole where it stands alone, else what they have and lack against those
//! of its base.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use toml::{Table, Value};

const REMOVED: &str = "removed";
const ADDED: &str = "added";

/// The facts of a story, merged with those of its base, and what does not fit there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Merged {
    /// Its tables by name; `collected_at` and `coverage` are among them.
    pub(crate) facts: Table,
    /// A sentence for each thing that does not fit.
    pub(crate) misfits: Vec<String>,
}

/// The folder of a story.
pub(crate) fn folder(story: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/installations").join(story)
}

/// The story that another one changes.
pub(crate) fn base_of(story: &str) -> Option<String> {
    toml_of(&folder(story).join("story.toml")).get("base").and_then(Value::as_str).map(str::to_owned)
}

/// What the `facts.toml` of a story says; nothing when it is not written yet.
pub(crate) fn own(story: &str) -> Table {
    let path = folder(story).join("facts.toml");
    if path.exists() { toml_of(&path) } else { Table::new() }
}

/// The facts of a story.
pub(crate) fn read(story: &str) -> Merged {
    static READ: Mutex<BTreeMap<String, Merged>> = Mutex::new(BTreeMap::new());
    let known = READ.lock().expect("no test panics while it is held").get(story).cloned();
    known.unwrap_or_else(|| {
        let base = base_of(story).map(|base| read(&base)).unwrap_or_default();
        let merged = merge(base, &own(story), story);
        READ.lock().expect("no test panics while it is held").insert(story.to_owned(), merged.clone());
        merged
    })
}

fn toml_of(path: &Path) -> Table {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The facts of a base with what a story changes.
pub(crate) fn merge(base: Merged, changes: &Table, story: &str) -> Merged {
    let mut merged = base;
    for (name, change) in changes {
        let Value::Table(change) = change else {
            merged.facts.insert(name.clone(), change.clone());
            continue;
        };
        let (rows, misfits) = changed(rows_of(&merged.facts, name), change);
        merged.misfits.extend(misfits.iter().map(|misfit| format!("{story}/facts.toml: {name}: {misfit}")));
        merged.facts.insert(name.clone(), Value::Array(rows));
    }
    merged.facts.retain(|_, value| value.as_array().is_none_or(|rows| !rows.is_empty()));
    merged
}

fn changed(before: &[Value], change: &Table) -> (Vec<Value>, Vec<String>) {
    let mut rows = before.to_vec();
    let strange = change.keys().filter(|key| *key != REMOVED && *key != ADDED);
    let mut misfits: Vec<_> = strange.map(|key| format!("{key:?} is neither {REMOVED:?} nor {ADDED:?}")).collect();
    for row in rows_of(change, REMOVED) {
        match rows.iter().position(|other| other == row) {
            Some(at) => drop(rows.remove(at)),
            None => misfits.push(format!("the base has no row {row} that could be removed")),
        }
    }
    let (again, new): (Vec<_>, Vec<_>) = rows_of(change, ADDED).iter().partition(|row| before.contains(row));
    misfits.extend(again.iter().map(|row| format!("the base has the row {row} already")));
    rows.extend(new.into_iter().cloned());
    (rows, misfits)
}

/// What [`merge`] needs to make of a base's facts those of a story.
pub(crate) fn between(base: &Table, story: &Table) -> Table {
    let gone = base.keys().filter(|name| !story.contains_key(*name));
    let mut names: Vec<&String> = story.keys().chain(gone).collect();
    names.sort_by_key(|name| (*name != "collected_at", *name != "coverage", *name));
    let change = |name: &String| Some((name.clone(), change_of(base, story, name)?));
    names.into_iter().filter_map(change).collect()
}

/// The shorter one of a table as a whole and the rows in which it differs; nothing where it does not.
fn change_of(base: &Table, story: &Table, name: &str) -> Option<Value> {
    let whole = story.get(name).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    if !whole.is_array() {
        return (base.get(name) != Some(&whole)).then_some(whole);
    }
    let (before, after) = (rows_of(base, name), rows_of(story, name));
    let (removed, added) = (only_in(before, after), only_in(after, before));
    // A row that the base has once and the story twice cannot be told by what is added.
    let is_twice = added.iter().any(|row| before.contains(row));
    let parts = [(REMOVED, removed), (ADDED, added)].into_iter().filter(|(_, rows)| !rows.is_empty());
    let change: Table = parts.map(|(key, rows)| (key.to_owned(), Value::Array(rows))).collect();
    if change.is_empty() {
        return None;
    }
    let change = Value::Table(change);
    Some(if is_twice || lines(&whole) <= lines(&change) { whole } else { change })
}

/// The rows beyond those that others are.
fn only_in(rows: &[Value], others: &[Value]) -> Vec<Value> {
    let mut others: Vec<&Value> = others.iter().collect();
    let mut only = rows.to_vec();
    only.retain(|row| match others.iter().position(|other| *other == row) {
        Some(at) => {
            others.swap_remove(at);
            false
        }
        None => true,
    });
    only
}

fn rows_of<'t>(table: &'t Table, name: &str) -> &'t [Value] {
    table.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// How many lines a value of a `facts.toml` takes.
pub(crate) fn lines(value: &Value) -> usize {
    match value {
        Value::Array(rows) if !rows.is_empty() => rows.len() + 2,
        Value::Table(parts) => parts.values().map(lines).sum(),
        _ => 1,
    }
}

/// The content of a `facts.toml`.
pub(crate) fn text(content: &Table, base: Option<&str>) -> String {
    let than = base.map(|base| format!(" otherwise than `{base}`")).unwrap_or_default();
    let mut text = format!(
        "# What collecting this installation gives{than}; `BLESS=1 cargo test --test postgres` writes it anew.\n\
         # Sizes and versions of PostgreSQL and of file systems may be chosen freely: they are kept as they are.\n"
    );
    for (name, value) in content {
        text.push('\n');
        match value {
            Value::Table(parts) => {
                parts.iter().for_each(|(part, rows)| write_value(&mut text, &format!("{name}.{part}"), rows));
            }
            value => write_value(&mut text, name, value),
        }
    }
    text
}

fn write_value(text: &mut String, name: &str, value: &Value) {
    let _ = match value {
        Value::Array(rows) if !rows.is_empty() => {
            let rows: String = rows.iter().map(|row| format!("  {row},\n")).collect();
            writeln!(text, "{name} = [\n{rows}]")
        }
        value => writeln!(text, "{name} = {value}"),
    };
}

//! Every column of a facts table has a reader: a check, a view, or a query of the program itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bm_preflight::app;
use bm_preflight::fact::store::Origin;
use bm_preflight::fact::{Reader, Store};
use walkdir::WalkDir;

/// Columns that the program does not read, and whom they serve instead.
const FOR_PEOPLE: &[(&str, &str)] = &[
    ("message_difference.difference", "the documented way to list the messages in which Cyrus and the shard differ"),
    ("message_difference.guid", "the documented way to list the messages in which Cyrus and the shard differ"),
    ("message_difference.name", "the documented way to list the messages in which Cyrus and the shard differ"),
    ("message_difference.uid", "the documented way to list the messages in which Cyrus and the shard differ"),
    ("message_replication.name", "the documented way to list the folders whose messages are not replicated"),
    ("record_lookup.unfound", "how many messages are listed below it, for who asks for them"),
    ("unfound_message.guid", "the documented way to list the messages that BlueMind 5 will not find"),
    ("unfound_message.uid", "the documented way to list the messages that BlueMind 5 will not find"),
    ("unfound_message.unique_id", "the documented way to list the messages that BlueMind 5 will not find"),
    ("unfound_message.why", "the documented way to list the messages that BlueMind 5 will not find"),
];

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.extension().is_some_and(|e| e == extension)).collect()
}

/// The query of a check file, and that of its proof.
fn queries(path: &Path) -> Vec<String> {
    let file: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let sql = |key: &str| Some(file.get(key)?.as_str().unwrap().to_owned());
    assert!(file.contains_key("query"), "{}", path.display());
    ["query", "proof"].into_iter().filter_map(sql).collect()
}

/// The string literals of a source that are a `SELECT`, tests left out.
fn literals(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let literal = |part: &str| part.split('"').next().map(|rest| format!("SELECT {}", rest.replace("\\\n", " ")));
    code.split("\"SELECT ").skip(1).filter_map(literal).collect()
}

/// Columns that a statement reads, as `table.column`; none if it is no question to the facts but to a database.
fn read(reader: &Reader, sql: &str) -> Option<BTreeSet<String>> {
    let read = reader.prepare(sql).ok()?.read;
    Some(read.into_iter().map(|(table, column)| format!("{table}.{column}")).collect())
}

#[test]
fn every_column_has_a_reader() {
    let schema = app::schema();
    let reader = Store::in_memory(&schema, &Origin::default()).unwrap().into_reader().unwrap();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for sql in files("checks", "toml").iter().flat_map(|path| queries(path)) {
        known.extend(read(&reader, &sql).expect(&sql));
    }
    for view in schema.views() {
        known.extend(read(&reader, view.sql).expect(view.name));
    }
    let sources = files("src", "rs").into_iter().filter(|path| !path.ends_with("tests.rs"));
    let own: Vec<_> = sources.flat_map(|path| literals(&path)).filter_map(|sql| read(&reader, &sql)).collect();
    assert!(own.len() >= 10, "the program's own queries were found: {own:?}");
    known.extend(own.into_iter().flatten());

    // A scope column is none of a table's own: it is read wherever rows are counted and merged.
    let columns = schema.tables().iter().flat_map(|t| t.columns.iter().map(|c| format!("{}.{}", t.name, c.name)));
    let unread: BTreeSet<String> = columns.filter(|column| !known.contains(column)).collect();
    let expected: BTreeSet<String> = FOR_PEOPLE.iter().map(|(column, _)| (*column).to_owned()).collect();
    let without: Vec<_> = unread.difference(&expected).collect();
    assert!(without.is_empty(), "nobody reads these columns: {without:?}");
    let gone: Vec<_> = expected.difference(&unread).collect();
    assert!(gone.is_empty(), "these are read or no more: take them off the list: {gone:?}");
}

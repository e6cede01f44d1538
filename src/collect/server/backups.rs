//! The backups that BlueMind's DataProtect keeps account of in /var/backups/bluemind.

use std::time::Duration;

use crate::collect::reach::root::Root;
use crate::collect::reach::sink::{Scope, Sink};
use crate::fact::{Column, Row, ScopeKind, Table, Value};
use crate::format::backup_generation::{self, Generation};
use crate::model::Reason;

/// The backups of a server's /var/backups/bluemind.
const BACKUP_GENERATION: Table = Table {
    name: "backup_generation",
    doc: "The backups that BlueMind's DataProtect made, as the files /var/backups/bluemind/generation-<id>.json tell; none where there is no such folder. The folder may be shared: several servers then have the same rows.",
    grain: "a file of a server that describes a backup",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("file", "name of the file, such as `generation-12.json`").key(),
        Column::integer("generation_id", "number of the backup").nullable(),
        Column::integer("began_at", "when it began, in seconds since the epoch; null if the file does not tell")
            .nullable(),
        Column::boolean("with_warnings", "whether BlueMind noted warnings"),
        Column::boolean("with_errors", "whether BlueMind noted errors"),
    ],
};

/// What each of them saved.
const BACKUP_PART: Table = Table {
    name: "backup_part",
    doc: "What each backup of `backup_generation` saved.",
    grain: "a part of a backup: the data of one role of one server",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("file", "file of the backup").key(),
        Column::text("tag", "the role whose data it is, such as `mail/imap`").key(),
        Column::text("source", "uid or address of the server that was saved").nullable().key(),
        Column::integer("began_at", "when it began, in seconds since the epoch").nullable(),
        Column::integer(
            "ended_at",
            "when it ended, in seconds since the epoch; null while it runs, or if it was broken off",
        )
        .nullable(),
        Column::text("state", "what BlueMind thinks of it; `unknown` until it ends")
            .one_of(&["valid", "invalid", "unknown"]),
    ],
};

/// What is read of each server.
pub(in crate::collect) const TABLES: &[&Table] = &[&BACKUP_GENERATION, &BACKUP_PART];

const FOLDER: &str = "/var/backups/bluemind";

/// More than a generation has, in bytes: a part takes some hundreds.
const GENERATION_FILE: u64 = 1024 * 1024;
/// Generations that are read, the latest ones: BlueMind keeps a few, for some weeks at most.
const MOST: usize = 1_000;

/// Time for all of them: the folder is often on another machine, and blocks when that one is dead.
const LIMIT: Duration = Duration::from_secs(60);

/// Fills the wanted tables of one server from the files below `root`.
pub(in crate::collect) async fn collect(server: &str, root: &Root, wanted: &[&'static Table], sink: &Sink) {
    let wanted: Vec<_> = wanted.iter().filter(|table| TABLES.contains(table)).collect();
    if wanted.is_empty() {
        return;
    }
    let scopes: Vec<_> = wanted.iter().map(|table| Scope::begin(sink, table, server, root.shown(FOLDER))).collect();
    let place = root.clone();
    let asked = tokio::task::spawn_blocking(move || generations(&place));
    let read = match tokio::time::timeout(LIMIT, asked).await {
        Ok(answer) => answer.unwrap_or_else(|error| Err(error.to_string())),
        Err(_) => Err(format!("{}: no answer within {} s", root.shown(FOLDER), LIMIT.as_secs())),
    };
    for (table, scope) in wanted.into_iter().zip(scopes) {
        let outcome =
            read.as_ref().map_err(|reason| Reason::from(reason.as_str())).and_then(|(generations, unread)| {
                scope.add(&rows(table, generations))?;
                Ok((!unread.is_empty()).then(|| unread.join("; ")))
            });
        scope.end_with(outcome);
    }
}

/// The generations by file name, and the files that could not be read.
type Generations = (Vec<(String, Generation)>, Vec<String>);

fn generations(root: &Root) -> Result<Generations, String> {
    // DataProtect makes the folder with its first backup.
    if root.find(FOLDER)?.is_none() {
        return Ok(Generations::default());
    }
    let (mut generations, mut unread) = Generations::default();
    let is_generation = |name: &String| name.starts_with("generation-") && name.ends_with(".json");
    let mut names: Vec<String> = root.names(FOLDER)?.into_iter().filter(is_generation).collect();
    names.sort_by_cached_key(|name| std::cmp::Reverse(number(name)));
    if names.len() > MOST {
        unread.push(format!("{}: {} older generations are left out", root.shown(FOLDER), names.len() - MOST));
        names.truncate(MOST);
    }
    names.sort();
    for name in names {
        let path = format!("{FOLDER}/{name}");
        let parse = |bytes: Vec<u8>| backup_generation::parse(&bytes).map_err(|error| root.unreadable(&path, &error));
        match root.bytes(&path, GENERATION_FILE).and_then(parse) {
            Ok(generation) => generations.push((name, generation)),
            Err(reason) => unread.push(reason.to_string()),
        }
    }
    Ok((generations, unread))
}

/// The number of a generation, by the name of its file: later ones have higher numbers.
fn number(name: &str) -> u64 {
    name.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default()
}

fn rows(table: &Table, generations: &[(String, Generation)]) -> Vec<Row> {
    let generation = |(file, generation): &(String, Generation)| -> Row {
        let Generation { id, began_at, with_warnings, with_errors, .. } = generation;
        vec![file.as_str().into(), (*id).into(), (*began_at).into(), (*with_warnings).into(), (*with_errors).into()]
    };
    let parts = |(file, generation): &(String, Generation)| -> Vec<Row> {
        let part = |part: &backup_generation::Part| {
            vec![
                file.as_str().into(),
                part.tag.as_str().into(),
                part.server.clone().into(),
                part.began_at.into(),
                part.ended_at.into(),
                Value::from(part.state.as_str()),
            ]
        };
        generation.parts.iter().map(part).collect()
    };
    match table.name {
        "backup_generation" => generations.iter().map(generation).collect(),
        _ => generations.iter().flat_map(parts).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("var/backups/bluemind").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = Root::new(folder.path());
        (folder, root)
    }

    #[test]
    fn a_server_without_the_folder_has_no_backup_and_an_unreadable_one_is_told() {
        let (folder, root) = server(&[]);
        assert_eq!(generations(&root), Ok(Generations::default()));
        std::fs::create_dir_all(folder.path().join("var/backups")).unwrap();
        std::fs::write(folder.path().join("var/backups/bluemind"), "a file").unwrap();
        assert!(generations(&root).unwrap_err().contains("/var/backups/bluemind: Not a directory"));
    }

    #[test]
    fn of_too_many_generations_the_latest_are_read() {
        let names: Vec<String> = (1..=MOST + 2).map(|number| format!("generation-{number}.json")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), r#"{"id": 1, "parts": []}"#)).collect();
        let (_folder, root) = server(&files);
        let (read, unread) = generations(&root).unwrap();
        assert_eq!((read.len(), unread.len()), (MOST, 1));
        assert!(unread[0].ends_with("bluemind: 2 older generations are left out"), "{unread:?}");
        let has = |name: &str| read.iter().any(|(other, _)| other == name);
        assert!(has("generation-1002.json") && has("generation-3.json") && !has("generation-2.json"));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_kept() {
        let huge = "x".repeat(usize::try_from(GENERATION_FILE).unwrap() + 1);
        let (_folder, root) = server(&[
            (
                "generation-1.json",
                r#"{"id": 1, "protectionTime": 5000, "parts": [{"tag": "bm/es", "valid": "VALID"}]}"#,
            ),
            ("generation-2.json", r#"{"id": 2, "parts": ["#),
            ("generation-3.json", &huge),
            ("generation-4.json/inside", ""),
            ("readme.json", "not a generation"),
        ]);
        let (read, unread) = generations(&root).unwrap();
        let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["generation-1.json"]);
        let reasons = ["2.json: EOF", "3.json: larger than 1048576 bytes", "4.json: not a regular file"];
        assert_eq!(unread.len(), reasons.len(), "{unread:?}");
        assert!(unread.iter().zip(reasons).all(|(told, reason)| told.contains(reason)), "{unread:?}");
        let row = |cells: [Value; 5]| vec![cells.to_vec()];
        let expected = row(["generation-1.json".into(), 1.into(), 5.into(), false.into(), false.into()]);
        assert_eq!(rows(&BACKUP_GENERATION, &read), expected);
        assert_eq!(rows(&BACKUP_PART, &read).len(), 1);
    }
}

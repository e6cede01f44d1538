//! The backups that BlueMind's DataProtect keeps account of in /var/backups/bluemind.

use std::time::Duration;

use crate::collect::reach::place::{Look, OfServer, Place};
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::table::Kind;
use crate::fact::{Cell, Record, Value, table};
use crate::format::backup_generation::{self, Generation, State};
use crate::model::Reason;
use crate::model::reason::{Files, Server};

table! {
    /// The backups that BlueMind's DataProtect made, as the files `/var/backups/bluemind/generation-<id>.json` tell; none where
    /// there is no such folder. The folder may be shared: several servers then have the same rows.
    struct BackupGeneration: "backup_generation", "a file of a server that describes a backup", Server {
        /// name of the file, such as `generation-12.json`
        file: String as key,
        /// number of the backup
        generation_id: Option<i64>,
        /// when it began, in seconds since the epoch; null if the file does not tell
        began_at: Option<i64>,
        /// whether BlueMind noted errors
        with_errors: bool,
    }
}

table! {
    /// What each backup of `backup_generation` saved.
    struct BackupPart: "backup_part", "a part of a backup: the data of one role of one server", Server {
        /// file of the backup
        file: String as key,
        /// the role whose data it is, such as `mail/imap`
        tag: String as key and vocabulary,
        /// uid or address of the server that was saved
        source: Option<String> as key,
        /// when it ended, in seconds since the epoch; null while it runs, or if it was broken off
        ended_at: Option<i64>,
        /// what BlueMind thinks of it; `unknown` until it ends
        state: State,
    }
}

pub(super) const ALL: &[&dyn OfServer] =
    &[&Look { tables: &[BackupGeneration::TABLE, BackupPart::TABLE], look: |place| Box::pin(look(place)) }];

const FOLDER: &str = "/var/backups/bluemind";

/// More than a generation has, in bytes: a part takes some hundreds.
const GENERATION_FILE: u64 = 1024 * 1024;
/// Generations that are read, the latest ones: BlueMind keeps a few, for some weeks at most.
const MOST: usize = 1_000;

/// Time for all of them: the folder is often on another machine, and blocks when that one is dead.
const LIMIT: Duration = Duration::from_secs(60);

async fn look(place: &Place) -> Seen {
    let silent = || Files::Silent { path: place.root.shown(FOLDER), seconds: LIMIT.as_secs() };
    let asked = tokio::time::timeout(LIMIT, place.aside(backups)).await;
    let backups = asked.unwrap_or_else(|_| Err(silent().into()));
    let backups = backups.as_ref();
    Seen::at(place.root.shown(FOLDER))
        .tell::<BackupGeneration>(backups.map(|all| Rows::from(all.generations.clone()).but(all.gap())))
        .tell::<BackupPart>(backups.map(|all| Rows::from(all.parts.clone()).but(all.gap())))
}

/// What the files tell.
#[derive(Debug, Default, PartialEq, Eq)]
struct Backups {
    generations: Vec<BackupGeneration>,
    parts: Vec<BackupPart>,
    /// What could not be read of them.
    unread: Vec<Reason>,
}

/// As facts have it.
impl Cell for State {
    const KIND: Kind = Kind::Text;
    const ONE_OF: &'static [&'static str] = &[Self::Valid.as_str(), Self::Invalid.as_str(), Self::Unknown.as_str()];
    fn value(self) -> Value {
        Value::from(self.as_str())
    }
}

impl Backups {
    fn gap(&self) -> Option<Reason> {
        Reason::all(self.unread.clone())
    }

    fn add(&mut self, file: String, generation: Generation) {
        let part = |part: backup_generation::Part| BackupPart {
            file: file.clone(),
            tag: part.tag,
            source: part.server,
            ended_at: part.ended_at,
            state: part.state,
        };
        self.parts.extend(generation.parts.into_iter().map(part));
        let Generation { id: generation_id, began_at, with_errors, .. } = generation;
        self.generations.push(BackupGeneration { file, generation_id, began_at, with_errors });
    }
}

fn backups(root: &Root) -> Result<Backups, Reason> {
    let mut backups = Backups::default();
    // DataProtect makes the folder with its first backup.
    if root.find(FOLDER)?.is_none() {
        return Ok(backups);
    }
    let is_generation = |name: &String| name.starts_with("generation-") && name.ends_with(".json");
    let mut names: Vec<String> = root.names(FOLDER)?.into_iter().filter(is_generation).collect();
    names.sort_by_cached_key(|name| std::cmp::Reverse(number(name)));
    if names.len() > MOST {
        let number = names.len() - MOST;
        backups.unread.push(Server::OlderGenerations { path: root.shown(FOLDER), number }.into());
        names.truncate(MOST);
    }
    names.sort();
    for name in names {
        let path = format!("{FOLDER}/{name}");
        let parse = |bytes: Vec<u8>| backup_generation::parse(&bytes).map_err(|error| root.unreadable(&path, &error));
        match root.bytes(&path, GENERATION_FILE).and_then(parse) {
            Ok(generation) => backups.add(name, generation),
            Err(reason) => backups.unread.push(reason),
        }
    }
    Ok(backups)
}

/// The number of a generation, by the name of its file: later ones have higher numbers.
fn number(name: &str) -> u64 {
    name.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default()
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
        assert_eq!(backups(&root), Ok(Backups::default()));
        std::fs::create_dir_all(folder.path().join("var/backups")).unwrap();
        std::fs::write(folder.path().join("var/backups/bluemind"), "a file").unwrap();
        assert!(backups(&root).unwrap_err().to_string().contains("/var/backups/bluemind: Not a directory"));
    }

    #[test]
    fn of_too_many_generations_the_latest_are_read() {
        let names: Vec<String> = (1..=MOST + 2).map(|number| format!("generation-{number}.json")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), r#"{"id": 1, "parts": []}"#)).collect();
        let (_folder, root) = server(&files);
        let read = backups(&root).unwrap();
        assert_eq!((read.generations.len(), read.unread.len()), (MOST, 1));
        let gap = read.gap().unwrap().to_string();
        assert!(gap.ends_with("bluemind: 2 older generations are left out"), "{gap}");
        let has = |name: &str| read.generations.iter().any(|generation| generation.file == name);
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
        let Backups { generations, parts, unread } = backups(&root).unwrap();
        let reasons = ["2.json: EOF", "3.json: larger than 1048576 bytes", "4.json: not a regular file"];
        assert_eq!(unread.len(), reasons.len(), "{unread:?}");
        let told = |(told, reason): (&Reason, &str)| told.to_string().contains(reason);
        assert!(unread.iter().zip(reasons).all(told), "{unread:?}");
        let file = "generation-1.json".to_owned();
        let part = BackupPart {
            file: file.clone(),
            tag: "bm/es".to_owned(),
            source: None,
            ended_at: None,
            state: State::Valid,
        };
        let generation = BackupGeneration { file, generation_id: Some(1), began_at: Some(5), with_errors: false };
        assert_eq!((generations, parts), (vec![generation], vec![part]));
    }
}

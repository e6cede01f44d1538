//! Who may import whom, and what may be used where: read from the sources.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use walkdir::WalkDir;

/// Rooms, and the rooms that each may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("format", &[]),
    ("config", &["model"]),
    ("fact", &["model", "format"]),
    ("topology", &["model", "fact"]),
    ("collect", &["model", "fact", "format", "topology", "config"]),
    ("check", &["model", "fact"]),
    ("plan", &["model", "check", "fact", "topology"]),
    ("bundle", &[]),
    ("pseudonym", &["model", "fact", "format"]),
    ("merge", &["model", "fact", "topology", "plan"]),
    ("verdict", &["model"]),
    ("waiver", &["model"]),
    ("cause", &["model"]),
    ("digest", &["model", "verdict"]),
    ("diff", &["model"]),
    ("report", &["model", "verdict", "digest", "diff"]),
    ("script", &["model", "verdict", "report"]),
    ("cli", &["model", "verdict", "report"]),
];

/// Rooms inside `collect`: none sees a sibling but the one that all of them stand on.
const INNER: &[&str] = &["database", "server", "cyrus", "progress", "network", "remote", "reach"];

/// Crates that only some rooms may know.
const CRATES: &[(&str, &[&str])] = &[
    ("rusqlite", &["fact/store"]),
    ("tokio_postgres", &["collect"]),
    ("tokio", &["collect", "app"]),
    ("rustls", &["collect"]),
    ("tokio_rustls", &["collect/network/autodiscover"]),
    ("x509_parser", &["collect/network/autodiscover", "collect/reach/tls.rs"]),
    ("hickory_resolver", &["collect/network/autodiscover"]),
    ("reqwest", &["collect"]),
    ("idna", &["collect/network/autodiscover"]),
    ("quick_xml", &["collect/network/autodiscover", "report/junit.rs"]),
    ("rayon", &["collect"]),
    ("walkdir", &["collect", "app"]),
    ("flate2", &["collect"]),
    ("memchr", &["collect", "format"]),
    ("tar", &["bundle"]),
    ("zstd", &["bundle", "app/demo.rs"]),
    ("tera", &["check", "report"]),
    ("junit_report", &["report/junit.rs"]),
    ("clap", &["cli.rs", "app", "main.rs", "verdict.rs", "report/mod.rs"]),
];

/// Every source file with its path below `src/` and its text without tests and comments.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    WalkDir::new(&src)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "rs") && entry.file_name() != "tests.rs")
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let path = entry.path().strip_prefix(&src).unwrap().display().to_string();
            (path, lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

fn room(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn rooms_import_only_what_they_may() {
    let files = sources();
    assert!(files.len() > 30, "the sources were found");
    for (path, code) in &files {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room(path)) else {
            assert!(
                ["app", "lib", "main", "build"].contains(&room(path)),
                "{path}: a room that the table does not know"
            );
            continue;
        };
        for part in code.split("crate::").skip(1) {
            let group = part
                .strip_prefix('{')
                .map_or_else(|| vec![part], |inner| inner.split('}').next().unwrap().split(',').collect());
            for import in group {
                let name: String = import.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_own = name == room(path);
                assert!(is_own || allowed.contains(&name.as_str()), "{path} imports crate::{name}");
            }
        }
    }
}

#[test]
fn rooms_of_collectors_see_no_sibling() {
    let mut seen = 0;
    for (path, code) in sources() {
        let Some((own, inside)) = path.strip_prefix("collect/").and_then(|path| path.split_once('/')) else { continue };
        assert!(INNER.contains(&own), "{path}: a room that the list does not know");
        seen += 1;
        // How far `super` has to go from this file to the rooms' own level.
        let up = "super::".repeat(inside.split('/').filter(|step| *step != "mod.rs").count() + 1);
        let imports = code.split("crate::collect::").skip(1).chain(code.split(&up).skip(1));
        for import in imports {
            let name: String = import.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(name == own || name == "reach", "{path} imports collect::{name}");
        }
    }
    assert!(seen > 30, "the sources were found");
}

#[test]
fn crates_are_known_only_where_they_belong() {
    for (path, code) in sources() {
        for (name, places) in CRATES {
            let used = code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
            let word = code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == *name);
            assert!(!(used && word) || places.iter().any(|place| path.starts_with(place)), "{path} knows {name}");
        }
    }
}

#[test]
fn files_stay_small() {
    for (path, code) in sources() {
        let lines = code.lines().count();
        assert!(lines <= 420, "{path} has {lines} lines of code");
    }
}

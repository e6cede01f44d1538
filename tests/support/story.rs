//! The stories of the fixtures as snapshots.

use std::path::{Path, PathBuf};

use bm_preflight::app;
use bm_preflight::fact::Facts;
use bm_preflight::fact::fixture::Installation;
use bm_preflight::fact::store::SnapshotTarget;

use crate::facts_file;

/// Names of all stories.
pub(crate) fn names() -> Vec<String> {
    let folders = std::fs::read_dir(facts_file::folder("")).unwrap();
    let mut names: Vec<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What collecting a story gives.
pub(crate) fn installation(name: &str) -> Installation {
    let told = facts_file::read(name);
    assert!(told.misfits.is_empty(), "{}", told.misfits.join("\n"));
    told.facts.try_into().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A story as facts.
pub(crate) fn facts(name: &str) -> Facts {
    app::fixture_facts(&installation(name), &app::schema()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A story as a snapshot in a folder.
pub(crate) fn snapshot(name: &str, folder: &Path) -> PathBuf {
    save(&facts(name), &folder.join(format!("{name}.facts")))
}

/// Facts as a snapshot.
pub(crate) fn save(facts: &Facts, path: &Path) -> PathBuf {
    facts.save(SnapshotTarget::open(path).unwrap()).unwrap();
    path.to_owned()
}

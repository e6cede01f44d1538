//! The folders that hold the partitions' folders, and what is not there of them.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io::Error;
use std::path::{Path, PathBuf};

use super::conf::Conf;
use crate::collect::reach::root::Root;

/// A folder that holds partitions' folders, and what lies in it.
pub(super) struct Tree {
    /// Which one: `data`, `meta` or `archive`.
    pub(super) name: &'static str,
    /// As the server names it.
    pub(super) logical: PathBuf,
    /// As this machine finds it.
    pub(super) real: PathBuf,
    /// Partitions by the name of their folder.
    pub(super) partitions: BTreeMap<OsString, String>,
}

/// The trees that the partitions lie in, and why some of their folders are not found.
///
/// Archives may be missing: their folders are made when the first message is archived. So may the folders of partitions
/// that are not `used`. A link that leads nowhere says that there should be something.
pub(super) fn trees(root: &Root, conf: &Conf, used: &HashSet<&str>) -> (Vec<Tree>, Vec<String>) {
    let (mut trees, mut failures) = (Vec::new(), Vec::new());
    for ((name, logical), partitions) in places(conf) {
        let is_archive = name == "archive";
        match root.folder(&logical) {
            Err(error) => failures.extend(failure(root, &logical, &error, is_archive)),
            Ok(real) => {
                for (folder, partition) in &partitions {
                    let path = logical.join(folder);
                    let may_be_missing = is_archive || !used.contains(partition.as_str());
                    let error = root.folder(&path).err();
                    failures.extend(error.and_then(|error| failure(root, &path, &error, may_be_missing)));
                }
                trees.push(Tree { name, logical, real, partitions });
            }
        }
    }
    (trees, failures)
}

/// The partitions of each tree, by kind and place.
fn places(conf: &Conf) -> BTreeMap<(&'static str, PathBuf), BTreeMap<OsString, String>> {
    let mut places: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (partition, roots) in conf.imapd.partitions() {
        let meta = (roots.meta != roots.data).then_some(roots.meta);
        for (tree, path) in [("data", Some(roots.data)), ("meta", meta), ("archive", roots.archive)] {
            let Some(path) = path.map(Path::new) else { continue };
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
            let partitions = places.entry((tree, parent.to_owned())).or_default();
            partitions.entry(name.to_owned()).or_insert_with(|| partition.to_owned());
        }
    }
    places
}

/// What to tell of a folder that is not found; none when that is as it may be.
fn failure(root: &Root, path: &Path, error: &Error, may_be_missing: bool) -> Option<String> {
    match root.find(path) {
        Ok(None) if may_be_missing => None,
        Ok(_) => Some(root.unreadable(path, error).to_string()),
        Err(reason) => Some(reason.to_string()),
    }
}

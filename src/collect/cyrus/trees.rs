//! The folders that hold the partitions' folders, and what is not there of them.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::conf::Conf;
use crate::collect::reach::root::Root;
use crate::fact::enumeration;
use crate::model::Reason;

enumeration! {
    /// What lies in a folder of partitions.
    pub(in crate::collect) enum Kind { Data = "data", Meta = "meta", Archive = "archive" }
}

/// A folder that holds partitions' folders, and what lies in it.
pub(super) struct Tree {
    /// What lies in it.
    pub(super) kind: Kind,
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
pub(super) fn trees(root: &Root, conf: &Conf, used: &HashSet<&str>) -> (Vec<Tree>, Vec<Reason>) {
    let (mut trees, mut gaps) = (Vec::new(), Vec::new());
    for ((kind, logical), partitions) in places(conf) {
        let is_archive = kind == Kind::Archive;
        let (real, gap) = folder(root, &logical, is_archive);
        gaps.extend(gap);
        let Some(real) = real else { continue };
        for (name, partition) in &partitions {
            let may_be_missing = is_archive || !used.contains(partition.as_str());
            gaps.extend(folder(root, &logical.join(name), may_be_missing).1);
        }
        trees.push(Tree { kind, logical, real, partitions });
    }
    (trees, gaps)
}

/// Where a folder is, or what to tell when it is not found: nothing, when that is as it may be.
fn folder(root: &Root, path: &Path, may_be_missing: bool) -> (Option<PathBuf>, Option<Reason>) {
    match root.find_folder(path) {
        Ok(Some(real)) => (Some(real), None),
        Ok(None) if may_be_missing => (None, None),
        Ok(None) => (None, Some(root.missing(path))),
        Err(reason) => (None, Some(reason)),
    }
}

/// The partitions of each tree, by kind and place.
fn places(conf: &Conf) -> BTreeMap<(Kind, PathBuf), BTreeMap<OsString, String>> {
    let mut places: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (partition, roots) in conf.imapd.partitions() {
        let meta = (roots.meta != roots.data).then_some(roots.meta);
        for (tree, path) in [(Kind::Data, Some(roots.data)), (Kind::Meta, meta), (Kind::Archive, roots.archive)] {
            let Some(path) = path.map(Path::new) else { continue };
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
            let partitions = places.entry((tree, parent.to_owned())).or_default();
            partitions.entry(name.to_owned()).or_insert_with(|| partition.to_owned());
        }
    }
    places
}

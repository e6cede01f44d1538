//! The spool: every directory of the data, meta and archive trees once, with the number of files in it.
//!
//! One pass, no stat per file (`readdir` tells a file's kind), symbolic links not followed; memory follows the number of
//! directories, not of files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use walkdir::WalkDir;

use super::conf::Conf;
use super::mailboxes::{root_name, shown};
use crate::collect::root::Root;
use crate::collect::sink::Scope;
use crate::fact::{Row, Value};
use crate::format::spool_path::NotMailbox;
use crate::model::text::escaped;

/// Subtrees that are walked at the same time need not be more: enough to keep every thread busy to the end.
const SUBTREES: usize = 256;
/// Levels that are listed before the walk is split: partition, `domain`, letter, domain, letter, `user`.
const SPLIT_DEPTH: usize = 6;
/// Rows handed to the store at a time.
const BATCH: usize = 2_000;
/// Failures that are told in full.
const TOLD: usize = 3;

/// A folder that holds partitions' folders, and what lies in it.
struct Tree {
    name: &'static str,
    /// As the server names it.
    logical: PathBuf,
    /// As this machine finds it.
    real: PathBuf,
    /// Partitions by the name of their folder.
    partitions: BTreeMap<Vec<u8>, String>,
}

/// Walks every tree. What could not be read is the reason for which the scope is partial.
pub(super) fn collect(root: &Root, conf: &Conf, scope: &Scope<'_>) -> Result<Option<String>, String> {
    let walk = Walk { conf, scope, failures: Mutex::default() };
    for tree in trees(root, conf, &walk) {
        walk.tree(&tree)?;
    }
    let failures = walk.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failures.is_empty() {
        return Ok(None);
    }
    let told = failures.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; ");
    Ok(Some(format!("{} place(s) of the spool could not be read: {told}", failures.len())))
}

/// The trees that the partitions lie in. One that does not exist is told, unless it is the archive: it is made when the
/// first message is archived.
fn trees(root: &Root, conf: &Conf, walk: &Walk<'_>) -> Vec<Tree> {
    let mut found: BTreeMap<(&'static str, PathBuf), BTreeMap<Vec<u8>, String>> = BTreeMap::new();
    for (partition, roots) in conf.imapd.partitions() {
        let meta = (roots.meta != roots.data).then_some(roots.meta);
        for (tree, path) in [("data", Some(roots.data)), ("meta", meta), ("archive", roots.archive)] {
            let Some(path) = path.map(Path::new) else { continue };
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
            let partitions = found.entry((tree, parent.to_owned())).or_default();
            partitions.entry(name.as_encoded_bytes().to_vec()).or_insert_with(|| partition.to_owned());
        }
    }
    let mut trees = Vec::new();
    for ((name, logical), partitions) in found {
        match root.folder(&logical) {
            Ok(real) => trees.push(Tree { name, real, logical, partitions }),
            Err(error) if name == "archive" && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => walk.fail(format!("{}: {error}", root.shown(&shown(&logical)))),
        }
    }
    trees
}

/// One directory while its entries are counted.
struct Directory {
    /// Below the tree's real root.
    path: PathBuf,
    messages: i64,
    cyrus_files: i64,
    other_files: i64,
    subdirectories: i64,
    is_link: bool,
}

impl Directory {
    fn new(path: PathBuf, is_link: bool) -> Self {
        Self { path, messages: 0, cyrus_files: 0, other_files: 0, subdirectories: 0, is_link }
    }

    fn count(&mut self, name: &OsStr) {
        let name = name.as_encoded_bytes();
        match name.strip_suffix(b".") {
            Some(number) if !number.is_empty() && number.iter().all(u8::is_ascii_digit) => self.messages += 1,
            _ if name.starts_with(b"cyrus.") => self.cyrus_files += 1,
            _ => self.other_files += 1,
        }
    }
}

struct Walk<'a> {
    conf: &'a Conf,
    scope: &'a Scope<'a>,
    failures: Mutex<BTreeSet<String>>,
}

impl Walk<'_> {
    fn fail(&self, reason: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).insert(reason);
    }

    fn tree(&self, tree: &Tree) -> Result<(), String> {
        let (listed, subtrees) = self.split(tree);
        let rows: Vec<Row> = listed.iter().filter_map(|directory| self.row(tree, directory)).collect();
        self.scope.add(&rows)?;
        subtrees.into_par_iter().try_for_each(|subtree| self.subtree(tree, &subtree))
    }

    /// Lists the upper levels, until there are enough subtrees to walk side by side.
    fn split(&self, tree: &Tree) -> (Vec<Directory>, Vec<PathBuf>) {
        let (mut listed, mut frontier) = (Vec::new(), vec![tree.real.clone()]);
        for _ in 0..SPLIT_DEPTH {
            if frontier.len() >= SUBTREES {
                break;
            }
            let mut next = Vec::new();
            for path in std::mem::take(&mut frontier) {
                self.list(tree, path, &mut listed, &mut next);
            }
            frontier = next;
        }
        (listed, frontier)
    }

    fn list(&self, tree: &Tree, path: PathBuf, listed: &mut Vec<Directory>, next: &mut Vec<PathBuf>) {
        let mut directory = Directory::new(below(tree, &path), false);
        for entry in WalkDir::new(&path).min_depth(1).max_depth(1).follow_root_links(true) {
            let Some(entry) = self.entry(entry) else { continue };
            let kind = entry.file_type();
            if kind.is_dir() {
                directory.subdirectories += 1;
                next.push(entry.into_path());
            } else if kind.is_symlink() && entry.path().is_dir() {
                directory.subdirectories += 1;
                // An administrator may have moved a partition to another volume; anything deeper is no part of the spool.
                if path == tree.real {
                    next.push(entry.into_path());
                } else {
                    listed.push(Directory::new(below(tree, entry.path()), true));
                }
            } else {
                directory.count(entry.file_name());
            }
        }
        listed.push(directory);
    }

    /// Walks a subtree; its directories come before what is in them, so that a stack tells whose an entry is.
    fn subtree(&self, tree: &Tree, top: &Path) -> Result<(), String> {
        let mut stack: Vec<Directory> = Vec::new();
        let mut rows = Vec::new();
        for entry in WalkDir::new(top).follow_root_links(true) {
            let Some(entry) = self.entry(entry) else { continue };
            while stack.len() > entry.depth() {
                rows.extend(stack.pop().and_then(|directory| self.row(tree, &directory)));
            }
            let kind = entry.file_type();
            let is_linked_folder = kind.is_symlink() && entry.path().is_dir();
            match stack.last_mut() {
                Some(parent) if kind.is_dir() || is_linked_folder => parent.subdirectories += 1,
                Some(parent) => parent.count(entry.file_name()),
                None => {}
            }
            if kind.is_dir() || entry.depth() == 0 {
                stack.push(Directory::new(below(tree, entry.path()), false));
            } else if is_linked_folder {
                rows.extend(self.row(tree, &Directory::new(below(tree, entry.path()), true)));
            }
            if rows.len() >= BATCH {
                self.scope.add(&std::mem::take(&mut rows))?;
            }
        }
        rows.extend(stack.into_iter().rev().filter_map(|directory| self.row(tree, &directory)));
        self.scope.add(&rows)
    }

    /// What vanished between two looks was deleted meanwhile: a live spool does that. Anything else is told.
    fn entry(&self, entry: walkdir::Result<walkdir::DirEntry>) -> Option<walkdir::DirEntry> {
        match entry {
            Ok(entry) => Some(entry),
            Err(error) => {
                let kind = error.io_error().map(std::io::Error::kind);
                if kind != Some(std::io::ErrorKind::NotFound) {
                    self.fail(error.to_string());
                }
                None
            }
        }
    }

    /// The row of `spool_directory`; the tree's root itself is none.
    fn row(&self, tree: &Tree, directory: &Directory) -> Option<Row> {
        let parts: Vec<&OsStr> = directory.path.iter().collect();
        let first = parts.first()?;
        let partition = tree.partitions.get(first.as_encoded_bytes());
        let place = self.place(partition.is_some(), &parts, &directory.path);
        let part = |index: usize| Value::from(parts.get(index).map(|part| escaped(part.as_encoded_bytes())));
        let hashed = self.conf.hashing.hashimapspool && parts.get(1).is_some_and(|part| *part == "domain");
        let at = |index: usize| if hashed { part(index) } else { Value::Null };
        Some(vec![
            Value::from(shown(&tree.logical.join(&directory.path))),
            Value::from(tree.name),
            Value::from(shown(&directory.path)),
            Value::Integer(i64::try_from(parts.len()).unwrap_or(i64::MAX)),
            Value::from(partition.cloned()),
            at(3),
            at(2),
            at(4),
            Value::from(place.mailbox),
            Value::from(place.root),
            Value::from(place.misfit),
            Value::from(place.is_deleted),
            Value::from(place.is_stage),
            Value::from(directory.is_link),
            Value::Integer(directory.messages),
            Value::Integer(directory.cyrus_files),
            Value::Integer(directory.other_files),
            Value::Integer(directory.subdirectories),
        ])
    }

    fn place(&self, is_in_partition: bool, parts: &[&OsStr], path: &Path) -> Place {
        let deleted = OsStr::new(&self.conf.hashing.deleted_prefix);
        let is_deleted = parts.iter().skip(1).any(|part| *part == deleted);
        let place = Place { is_deleted, ..Place::default() };
        if !is_in_partition {
            return Place { misfit: Some(NotMailbox::Outside.to_string()), ..place };
        }
        let inside: PathBuf = path.iter().skip(1).collect();
        if inside.as_os_str().is_empty() {
            return place;
        }
        match self.conf.hashing.mailbox(&inside) {
            Ok((_, name)) => Place {
                root: Some(root_name(&name, &self.conf.hashing.deleted_prefix)),
                mailbox: Some(escaped(name.as_bytes())),
                ..place
            },
            Err(NotMailbox::Above) => place,
            Err(NotMailbox::Stage) => Place { is_stage: true, ..place },
            Err(misfit) => Place { misfit: Some(misfit.to_string()), ..place },
        }
    }
}

/// What a directory's path says.
#[derive(Default)]
struct Place {
    mailbox: Option<String>,
    root: Option<String>,
    misfit: Option<String>,
    is_deleted: bool,
    is_stage: bool,
}

fn below(tree: &Tree, path: &Path) -> PathBuf {
    path.strip_prefix(&tree.real).unwrap_or(path).to_owned()
}

//! The spool: every directory of the data, meta and archive trees once, with the number of files in it.
//!
//! One pass, no stat per file (the listing tells a file's kind), symbolic links not followed, but told; memory follows the
//! number of directories, not of files.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rustix::fs::FileType;

use super::conf::Conf;
use super::files::{Files, Numbers, uid_of};
use super::mailboxes::{Mailbox, Names, shown};
use super::trees::{Kind, Tree, trees};
use crate::collect::reach::listing::entries;
use crate::collect::reach::mailbox::root_name;
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::Pour;
use crate::fact::table;
use crate::format::mailbox_name::MailboxName;
use crate::format::spool_path::NotMailbox;
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

table! {
    /// Every directory of the data, meta and archive trees, once, with the number of files directly in it. A tree's root is
    /// the folder that holds its partitions' folders. What lies behind a symbolic link is looked at where that stands for a
    /// partition; any other, and one that leads nowhere, makes the table partial, as does a partition with mailboxes that
    /// has no folder for messages or indexes.
    pub(in crate::collect) struct SpoolDirectory: "spool_directory", "a directory of the spool", Backend {
        /// absolute path on the server
        directory: String as key,
        /// which tree
        tree: Kind,
        /// path below the tree's root, such as `bm-master__bm_lan/domain/b/bm.lan/j/user/john`
        path: String,
        /// parts of the path
        depth: u64,
        /// partition whose folder it lies in; null when that is none
        partition: Option<String>,
        /// hash letter before the domain
        domain_letter: Option<String>,
        /// hash letter before the mailbox
        letter: Option<String>,
        /// internal name of the mailbox that would live here; null when the path is none of a mailbox
        mailbox_name: Option<String> as key,
        /// internal name of the mailbox that it would belong to, without `DELETED`
        root_name: Option<String>,
        /// whether it lies in a tree of mailboxes that wait for their purge
        is_deleted: bool,
        /// whether it is `stage.`, where deliveries are in progress
        is_stage: bool,
        /// whether Cyrus' list had that mailbox in this partition, whose folder is called as it is, when it was first read;
        /// never so where Cyrus hashes by `fulldirhash`, whose letters BlueMind does not know
        is_listed: bool,
        /// whether it is a symbolic link that was not followed
        is_link: bool,
        /// files called `<number>.`
        messages: u64,
        /// files called `cyrus.*`
        cyrus_files: u64,
    }
}

/// Subtrees that are walked at the same time need not be more: enough to keep every thread busy to the end.
const SUBTREES: usize = 256;
/// Levels that are listed before the walk is split: partition, `domain`, letter, domain, letter, `user`.
const SPLIT_DEPTH: usize = 6;
/// Rows handed to the store at a time.
const BATCH: usize = 2_000;

/// A directory that is to be listed or walked.
struct Place {
    /// As this machine finds it.
    real: PathBuf,
    /// Below the tree's root, as the server names it.
    below: PathBuf,
}

impl Place {
    fn child(&self, name: &OsStr) -> Self {
        Self { real: self.real.join(name), below: self.below.join(name) }
    }
}

/// A directory with files of a mailbox that mailboxes.db did not list when it was read: the mailbox may be new, or gone.
pub(super) struct Suspect {
    place: Place,
    /// Internal name of the mailbox; `None` when the path is none of a mailbox.
    name: Option<MailboxName>,
    tree: usize,
}

/// What a walk over the spool left to settle.
pub(super) struct Walked<'a> {
    walk: Walk<'a>,
    trees: Vec<Tree>,
    pub(super) suspects: Vec<Suspect>,
}

/// Walks every tree. Rows of directories that a list of mailboxes (`known`) explains are poured, the others are left to
/// settle. The folders of partitions that the list names (`used`) have to be there.
pub(super) fn walk<'a>(
    root: &'a Root,
    conf: &'a Conf,
    list: &'a [Mailbox],
    known: &'a Names<'a>,
    files: Option<&'a Files<'a>>,
    used: &HashSet<&str>,
    pour: Option<&'a Pour<SpoolDirectory>>,
) -> Result<Walked<'a>, Reason> {
    let (trees, gaps) = trees(root, conf, used);
    let walk = Walk {
        root,
        conf,
        list,
        known,
        files,
        pour,
        gaps: Mutex::new(gaps.into_iter().collect()),
        suspects: Mutex::default(),
        rows: Mutex::default(),
    };
    for (number, tree) in trees.iter().enumerate() {
        walk.tree(tree, number)?;
    }
    walk.flush()?;
    let suspects = std::mem::take(&mut *walk.suspects.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Walked { walk, trees, suspects })
}

impl Walked<'_> {
    /// Settles the suspects whose mailbox is listed by now, and those whose directory is gone. The others stay.
    pub(super) fn settle(&mut self, listed: &Names<'_>) -> Result<(), Reason> {
        let mut rows = Vec::new();
        for suspect in std::mem::take(&mut self.suspects) {
            let Some(Look { directory, .. }) = self.walk.look(&suspect.place) else { continue };
            if suspect.name.as_ref().is_some_and(|name| listed.contains_key(name)) {
                rows.extend(self.walk.row(&self.trees[suspect.tree], &directory));
            } else {
                self.suspects.push(suspect);
            }
        }
        self.walk.pour(rows)
    }

    /// Adds what is left, and says what could not be read.
    pub(super) fn finish(mut self) -> Result<Option<Reason>, Reason> {
        let mut rows = Vec::new();
        for suspect in std::mem::take(&mut self.suspects) {
            let Some(Look { directory, .. }) = self.walk.look(&suspect.place) else { continue };
            rows.extend(self.walk.row(&self.trees[suspect.tree], &directory));
        }
        self.walk.pour(rows)?;
        let gaps = self.walk.gaps.into_inner().unwrap_or_else(PoisonError::into_inner);
        let count = gaps.len();
        let gap = || Cyrus::SpoolUnread { count, first: Reason::places(gaps) }.into();
        Ok((count > 0).then(gap))
    }
}

/// One directory while its entries are counted.
struct Directory {
    /// Below the tree's real root.
    path: PathBuf,
    messages: u64,
    cyrus_files: u64,
    /// The messages that its files are called after.
    numbers: Numbers,
    is_link: bool,
}

impl Directory {
    fn new(path: PathBuf, is_link: bool) -> Self {
        Self { path, messages: 0, cyrus_files: 0, numbers: Numbers::default(), is_link }
    }

    fn count(&mut self, name: &OsStr) {
        let name = name.as_encoded_bytes();
        if let Some(uid) = uid_of(name) {
            self.messages += 1;
            self.numbers.add(uid);
            return;
        }
        match name.strip_suffix(b".") {
            Some(number) if !number.is_empty() && number.iter().all(u8::is_ascii_digit) => self.messages += 1,
            _ if name.starts_with(b"cyrus.") => self.cyrus_files += 1,
            _ => {}
        }
    }
}

/// What one look at a directory shows.
struct Look {
    directory: Directory,
    folders: Vec<OsString>,
    links: Vec<OsString>,
}

impl Look {
    fn new(below: &Path) -> Self {
        Self { directory: Directory::new(below.to_owned(), false), folders: Vec::new(), links: Vec::new() }
    }

    fn add(&mut self, name: &OsStr, kind: FileType) {
        match kind {
            FileType::Directory => self.folders.push(name.to_owned()),
            FileType::Symlink => self.links.push(name.to_owned()),
            _ => self.directory.count(name),
        }
    }
}

struct Walk<'a> {
    root: &'a Root,
    conf: &'a Conf,
    list: &'a [Mailbox],
    known: &'a Names<'a>,
    files: Option<&'a Files<'a>>,
    pour: Option<&'a Pour<SpoolDirectory>>,
    gaps: Mutex<BTreeSet<Reason>>,
    suspects: Mutex<Vec<Suspect>>,
    /// Rows of all subtrees, until there are enough for the store: each addition is a transaction.
    rows: Mutex<Vec<SpoolDirectory>>,
}

impl Walk<'_> {
    fn add(&self, rows: Vec<SpoolDirectory>) -> Result<(), Reason> {
        let mut all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(rows);
        if all.len() < BATCH {
            return Ok(());
        }
        let full = std::mem::take(&mut *all);
        drop(all);
        self.pour(full)
    }

    fn flush(&self) -> Result<(), Reason> {
        self.pour(std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn pour(&self, rows: Vec<SpoolDirectory>) -> Result<(), Reason> {
        self.pour.map_or(Ok(()), |pour| pour.add(rows))
    }

    fn miss(&self, reason: Reason) {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner).insert(reason);
    }

    fn tree(&self, tree: &Tree, number: usize) -> Result<(), Reason> {
        let (listed, subtrees) = self.split(tree);
        self.add(listed.into_iter().filter_map(|found| self.explain(tree, number, found)).collect())?;
        subtrees.into_par_iter().try_for_each(|place| self.subtree(tree, number, place))
    }

    /// Lists the upper levels, until there are enough subtrees to walk side by side.
    fn split(&self, tree: &Tree) -> (Vec<(PathBuf, Directory)>, Vec<Place>) {
        let top = Place { real: tree.real.clone(), below: PathBuf::new() };
        let (mut listed, mut frontier) = (Vec::new(), vec![top]);
        for _ in 0..SPLIT_DEPTH {
            if frontier.len() >= SUBTREES {
                break;
            }
            let mut next = Vec::new();
            for place in std::mem::take(&mut frontier) {
                self.list(tree, &place, &mut listed, &mut next);
            }
            frontier = next;
        }
        (listed, frontier)
    }

    fn list(&self, tree: &Tree, place: &Place, listed: &mut Vec<(PathBuf, Directory)>, next: &mut Vec<Place>) {
        let Some(look) = self.look(place) else { return };
        next.extend(look.folders.iter().map(|name| place.child(name)));
        for name in &look.links {
            let link = place.child(name);
            // An administrator may have moved a partition to another volume.
            match place.below.as_os_str().is_empty().then(|| self.root.find_folder(tree.logical.join(&link.below))) {
                Some(Ok(Some(real))) => next.push(Place { real, below: link.below }),
                _ => listed.push((link.real, Directory::new(link.below, true))),
            }
        }
        listed.push((place.real.clone(), look.directory));
    }

    /// Walks a subtree.
    fn subtree(&self, tree: &Tree, number: usize, top: Place) -> Result<(), Reason> {
        let (mut ahead, mut rows) = (vec![top], Vec::new());
        while let Some(place) = ahead.pop() {
            let Some(look) = self.look(&place) else { continue };
            ahead.extend(look.folders.iter().map(|name| place.child(name)));
            for link in look.links.iter().map(|name| place.child(name)) {
                rows.extend(self.explain(tree, number, (link.real, Directory::new(link.below, true))));
            }
            rows.extend(self.explain(tree, number, (place.real, look.directory)));
            if rows.len() >= BATCH {
                self.add(std::mem::take(&mut rows))?;
            }
        }
        self.add(rows)
    }

    /// The row of a directory that needs no second look; one that does is kept for later.
    fn explain(&self, tree: &Tree, number: usize, (real, directory): (PathBuf, Directory)) -> Option<SpoolDirectory> {
        if directory.is_link {
            // A link below a partition may lead anywhere, in a circle too.
            self.miss(self.root.not_followed(&tree.logical.join(&directory.path)));
        }
        if directory.messages + directory.cyrus_files > 0 {
            let inside: PathBuf = directory.path.iter().skip(1).collect();
            let name = self.conf.hashing.mailbox(&inside).ok().map(|(_, name)| name);
            let mailbox = name.as_ref().and_then(|name| self.known.get(name).copied());
            if let (Some(files), Some(mailbox)) = (self.files, mailbox) {
                let partition = directory.path.iter().next().and_then(|first| tree.partitions.get(first));
                files.find(mailbox, tree.kind, partition.map(String::as_str), directory.numbers);
            }
            if mailbox.is_none() {
                let place = Place { real, below: directory.path };
                let suspect = Suspect { place, name, tree: number };
                self.suspects.lock().unwrap_or_else(PoisonError::into_inner).push(suspect);
                return None;
            }
        }
        self.row(tree, &directory)
    }

    /// Looks at a directory. What cannot be read of it is told; it is none when it is gone, as a live spool's may be between
    /// two looks.
    fn look(&self, place: &Place) -> Option<Look> {
        let mut look = Look::new(&place.below);
        match entries(&place.real, |name, kind| look.add(name, kind)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => self.miss(Cyrus::PlaceUnread { path: shown(&place.real), error: error.to_string() }.into()),
            Ok(()) => {}
        }
        Some(look)
    }

    /// The row of `spool_directory`; the tree's root itself is none.
    fn row(&self, tree: &Tree, directory: &Directory) -> Option<SpoolDirectory> {
        let parts: Vec<&OsStr> = directory.path.iter().collect();
        let first = parts.first()?;
        let partition = tree.partitions.get(*first);
        let place = self.meaning(partition, &parts, &directory.path);
        let is_hashed = self.conf.hashing.hashimapspool && parts.get(1).is_some_and(|part| *part == "domain");
        let part = |index: usize| parts.get(index).filter(|_| is_hashed).map(|part| escaped(part.as_encoded_bytes()));
        Some(SpoolDirectory {
            directory: shown(&tree.logical.join(&directory.path)),
            tree: tree.kind,
            path: shown(&directory.path),
            depth: parts.len().try_into().unwrap_or(u64::MAX),
            partition: partition.cloned(),
            domain_letter: part(2),
            letter: part(4),
            mailbox_name: place.mailbox,
            root_name: place.root,
            is_deleted: place.is_deleted,
            is_stage: place.is_stage,
            is_listed: place.is_listed,
            is_link: directory.is_link,
            messages: directory.messages,
            cyrus_files: directory.cyrus_files,
        })
    }

    fn meaning(&self, partition: Option<&String>, parts: &[&OsStr], path: &Path) -> Meaning {
        let deleted = OsStr::new(&self.conf.hashing.deleted_prefix);
        let is_deleted = parts.iter().skip(1).any(|part| *part == deleted);
        let place = Meaning { is_deleted, ..Meaning::default() };
        let inside: PathBuf = path.iter().skip(1).collect();
        let Some(partition) = partition.filter(|_| !inside.as_os_str().is_empty()) else { return place };
        match self.conf.hashing.mailbox(&inside) {
            Ok((_, name)) => Meaning {
                is_listed: !self.conf.hashing.fulldirhash
                    && parts.first().is_some_and(|first| *first == partition.as_str())
                    && self.known.get(&name).is_some_and(|number| self.list[*number].partition() == Some(partition)),
                root: Some(root_name(&name, &self.conf.hashing.deleted_prefix)),
                mailbox: Some(escaped(name.as_bytes())),
                ..place
            },
            Err(NotMailbox::Stage) => Meaning { is_stage: true, ..place },
            Err(_) => place,
        }
    }
}

/// What a directory's path says.
#[derive(Default)]
struct Meaning {
    mailbox: Option<String>,
    root: Option<String>,
    is_listed: bool,
    is_deleted: bool,
    is_stage: bool,
}

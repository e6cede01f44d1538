//! Every file and folder of a server, in every way in which one can be short.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use bm_preflight::app;
use bm_preflight::config::Config;
use bm_preflight::fact::ScopeKind;
use bm_preflight::topology::Topology;
use walkdir::WalkDir;

use super::collecting::{Checks, Judges, Place, settle, story};
use super::{Allowed, Walk};
use crate::support::bluemind::{Installation, copy_tree};

/// What may change without a word.
const ALLOWED: &[Allowed] = &[
    ("etc/apt/sources.list", "Missing", "package_source", "apt does without it"),
    ("etc/bm/*", "Missing", "marker_file", "a marker is its being there"),
    ("etc/bm/server.uid", "Cut|Blank|Garbage", "*", "the files are taken for those of one server more"),
    ("etc/cyrus-partitions", "Cut", "partition_files", "a partition that is missing is told for its mailboxes"),
    ("etc/systemd/*.wants/*", "Missing", "service_unit", "a service without its link is disabled"),
    ("lib/systemd/*.service", "Empty", "service_unit", "an empty file masks a unit"),
    ("proc/cpuinfo", "Cut", "machine", "the system itself does not cut it"),
    ("proc/net/tcp", "Cut", "local_address", "the system itself does not cut it"),
    ("proc*", "Missing|Empty", "local_address", "no login from elsewhere is decided then"),
    ("usr/lib/locale/*", "Missing|Empty|Exchanged", "locale", "a locale is its being there"),
    ("var/backups/*.json", "Missing", "backup_*", "one backup less, and another one is there"),
    ("var/lib/cyrus/sync*", "Missing|Empty|Cut", "sync_log", "Cyrus makes its log as there are changes: none wait"),
    ("var/lib/cyrus/sync/core/log", "Exchanged", "sync_log", "folders of any name are looked into"),
    ("var/lib/cyrus/user*", "Missing|Empty", "admin_seen", "who has read nothing has no such file"),
    ("var/log/*.log", "Empty|Cut", "login_trace", "a log reaches back as far as it does"),
    ("var/log/bm-ysnp*", "Missing|Empty", "login_trace", "where ysnp runs is not known"),
    ("var/spool/bm-hsm*", "Missing", "spool_directory", "nothing is archived there"),
    (
        "var/spool/cyrus/data/*",
        "Missing|Empty|Exchanged",
        "spool_directory",
        "message_file_missing tells of each mailbox whose files are not there",
    ),
    (
        "var/spool/cyrus/meta/*",
        "Missing|Empty|Exchanged",
        "spool_directory",
        "cyrus_index tells of each mailbox that has none",
    ),
    ("var/log/bm/replication.log", "Cut", "replication_mailbox", "a log reaches back as far as it does"),
];

/// Tables of a server's files.
const KINDS: &[ScopeKind] = &[ScopeKind::Server, ScopeKind::Backend];

/// A way in which a file or a folder is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Missing,
    /// Permissions keep it.
    Closed,
    /// A link that leads nowhere stands in its place.
    Nowhere,
    /// A folder stands in the place of a file, or a file in that of a folder.
    Exchanged,
    Empty,
    /// Its second half is lost.
    Cut,
    /// As long as it was, and nothing but NUL.
    Blank,
    /// As long as it was, and nonsense.
    Garbage,
}

const OF_FILES: &[Way] =
    &[Way::Missing, Way::Closed, Way::Nowhere, Way::Exchanged, Way::Empty, Way::Cut, Way::Blank, Way::Garbage];
const OF_FOLDERS: &[Way] = &[Way::Missing, Way::Closed, Way::Nowhere, Way::Exchanged, Way::Empty];
const OF_OTHERS: &[Way] = &[Way::Missing, Way::Nowhere];

impl Way {
    /// What can happen to what is there; of links, and of folders that hold nothing but folders, less.
    fn of(path: &Path) -> &'static [Self] {
        let holds_files = || std::fs::read_dir(path).unwrap().any(|entry| entry.unwrap().path().is_file());
        match path.is_dir() {
            _ if path.is_symlink() => OF_OTHERS,
            false => OF_FILES,
            true if holds_files() => OF_FOLDERS,
            true => OF_OTHERS,
        }
    }

    /// Looks while a path is short.
    fn during<T>(self, path: &Path, aside: &Path, look: impl FnOnce() -> T) -> T {
        if self == Self::Closed {
            let mode = std::fs::metadata(path).unwrap().permissions();
            std::fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
            let seen = look();
            std::fs::set_permissions(path, mode).unwrap();
            return seen;
        }
        let is_folder = path.is_dir();
        std::fs::rename(path, aside).unwrap();
        self.replace(path, aside, is_folder);
        let seen = look();
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir(path).unwrap();
        } else if self != Self::Missing {
            std::fs::remove_file(path).unwrap();
        }
        std::fs::rename(aside, path).unwrap();
        seen
    }

    fn replace(self, path: &Path, was: &Path, is_folder: bool) {
        let write = |bytes: &[u8]| {
            std::fs::write(path, bytes).unwrap();
            let modified = std::fs::metadata(was).unwrap().modified().unwrap();
            std::fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
        };
        let bytes = || std::fs::read(was).unwrap();
        match (self, is_folder) {
            (Self::Missing | Self::Closed, _) => {}
            (Self::Nowhere, _) => symlink("/mnt/a volume that is not mounted", path).unwrap(),
            (Self::Exchanged, true) => write(b"a file"),
            (Self::Exchanged, false) | (_, true) => std::fs::create_dir(path).unwrap(),
            (Self::Empty, false) => write(b""),
            (Self::Cut, false) => write(&bytes()[..bytes().len() / 2]),
            (Self::Blank, false) => write(&vec![0; bytes().len()]),
            (Self::Garbage, false) => write(&bytes().iter().enumerate().map(noise).collect::<Vec<_>>()),
        }
    }
}

/// The same noise in each run.
fn noise((at, byte): (usize, &u8)) -> u8 {
    if *byte == b'\n' { *byte } else { byte.wrapping_mul(31) ^ (at % 251).to_le_bytes()[0] | 0x80 }
}

/// Files and folders below a root, by their paths. Of many that are alike some stand for all: two files of an ending in a
/// folder, and one mailbox of a partition.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut alike: BTreeMap<(PathBuf, String), usize> = BTreeMap::new();
    let mut sources: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        let below = path.strip_prefix(root).unwrap();
        let in_partition = below.starts_with("var/spool") && below.components().count() > 4;
        let kind = match path.extension() {
            _ if path.is_dir() => "/".to_owned(),
            Some(ending) => ending.to_string_lossy().into_owned(),
            None => String::new(),
        };
        let many = match (path.is_dir(), in_partition) {
            (true, false) => usize::MAX,
            (false, false) => 2,
            (_, true) => 1,
        };
        let seen = alike.entry((path.parent().unwrap().to_owned(), kind)).or_default();
        *seen += 1;
        let is_below_one = path.parent().is_some_and(|above| above == root || sources.contains(above));
        if is_below_one && *seen <= many && !below.ends_with(".gitkeep") {
            sources.insert(path);
        }
    }
    // The folders between a partition and its mailboxes hold nothing else.
    let leads_on =
        |path: &Path| path.components().any(|part| part.as_os_str() == "domain") && Way::of(path) == OF_OTHERS;
    sources.into_iter().filter(|path| !leads_on(path)).collect()
}

/// What is held against the shard: to ask that each time would take long.
const COMPARED: &[&str] = &["cyrus-partitions", "cyrus.header", "cyrus.index", "imapd.conf", "mailboxes.db"];

/// What the process that walks has to know: the time, where the copies of the server's files are, and the shard.
const TOLD: &str = "BM_PREFLIGHT_FAULTS";

/// Copies that are walked at once: most of the time is spent waiting whether what seems wrong stays so.
const COPIES: usize = 16;

/// Whose the files are, and who reads them: permissions keep root from nothing.
const NOBODY: u32 = 65_534;

/// A database that is out of reach.
const NOBODY_LISTENS: &str = "postgresql://bj:bj@127.0.0.1:1/bj";

#[test]
fn files_and_folders() {
    let installation = Installation::build("healthy_single");
    let (work, now) = (tempfile::tempdir().unwrap(), jiff::Timestamp::now().as_second());
    for copy in 0..COPIES {
        let copy = work.path().join(copy.to_string());
        copy_tree(&installation.path("root"), &copy, |_| true);
        settle(&copy, now);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::files::as_somebody_else", "--ignored", "--nocapture"]);
    command.env(TOLD, format!("{now} {} {}", work.path().display(), installation.url("bm-master")));
    // Who may not give them away is kept from things as it is.
    if lchown(work.path(), Some(NOBODY), Some(NOBODY)).is_ok() {
        let paths = WalkDir::new(work.path()).into_iter().map(|entry| entry.unwrap().into_path());
        paths.for_each(|path| lchown(path, Some(NOBODY), Some(NOBODY)).unwrap());
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let mut walk = Walk::default();
    walk.read(&said);
    walk.judge(&app::schema(), KINDS, ALLOWED);
}

#[test]
#[ignore = "it is started by the other one, as somebody from whom permissions keep things"]
fn as_somebody_else() {
    let told = std::env::var(TOLD).unwrap();
    let [now, work, shard] = told.split(' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let (now, told) = (now.parse().unwrap(), story(&app::schema()));
    let topology = Topology::of(told.coverage(), |sql| told.texts(sql)).unwrap();
    let place = |root: &Path, shard| place(root, shard, now, topology.clone());
    let copy = |number: usize| Path::new(work).join(number.to_string());
    let checks = Checks::new();
    let [alone, compared] =
        [NOBODY_LISTENS, shard].map(|shard| Judges::healed(&checks, &place(&copy(0), shard).collect(), &copy(0)));
    let pairs: Vec<(PathBuf, Way)> = sources(&copy(0))
        .into_iter()
        .flat_map(|path| Way::of(&path).iter().map(move |way| (path.clone(), *way)))
        .map(|(path, way)| (path.strip_prefix(copy(0)).unwrap().to_owned(), way))
        .collect();
    let next = AtomicUsize::new(0);
    let walk = |number: usize| {
        let (root, aside) = (copy(number), copy(number).with_extension("aside"));
        let places = [NOBODY_LISTENS, shard].map(|shard| place(&root, shard));
        while let Some((path, way)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let is_compared = COMPARED.iter().any(|name| path.ends_with(name));
            let (place, judges) = if is_compared { (&places[1], &compared) } else { (&places[0], &alone) };
            let facts = way.during(&root.join(path), &aside, || place.collect());
            println!("\n{}", Walk::line(path.display(), way, &judges.fates(&facts, &root)));
        }
    };
    std::thread::scope(|scope| (0..COPIES).for_each(|number| drop(scope.spawn(move || walk(number)))));
}

/// The files of the server, and its shard.
fn place(root: &Path, shard: &str, now: i64, topology: Topology) -> Place {
    let (file, shown) = (tempfile::NamedTempFile::new().unwrap(), root.display().to_string());
    let text = format!(
        "directory.url = {NOBODY_LISTENS:?}\nshard.bm-master.url = {shard:?}\nserver.bm-master.root = {shown:?}\n"
    );
    std::fs::write(&file, text).unwrap();
    Place {
        config: Config::read(file.path()).unwrap(),
        root: root.to_owned(),
        now,
        kinds: KINDS,
        topology: Some(topology),
        is_offline: true,
    }
}

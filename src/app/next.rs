//! Which server to collect from next: the one whose files most checks are waiting for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::SourceArgs;
use crate::digest::{Keep, Step};
use crate::fact::{Facts, ScopeKind};
use crate::model::reason::{Checks, Notice, Run, Waiting};
use crate::model::{CheckResult, Completeness, Coverage, Missing};
use crate::topology::{Server, Topology};

/// Where the facts of a run came from: what to join the next server's with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Provenance<'a> {
    /// Collected in this run, or shipped.
    Here {
        /// How; `None` when they were shipped.
        collected: Option<&'a SourceArgs>,
        /// The snapshot that was saved.
        saved: Option<&'a Path>,
    },
    /// Replayed from these snapshots.
    Replayed(&'a [PathBuf]),
}

/// Says on which server to collect next, and how; nothing when no check waits for the files of a server that was not read.
pub(super) fn notices(
    provenance: Provenance<'_>,
    facts: &Facts,
    topology: &Topology,
    waiting: &[(&Server, usize)],
) -> Vec<Notice> {
    if let Topology::Unknown(_) = topology {
        return without_directory(provenance, facts, topology);
    }
    let Some(((next, checks), others)) = waiting.split_first() else { return Vec::new() };
    if let (Provenance::Here { .. }, true) = (provenance, facts.origin().is_merged) {
        return std::iter::once(next)
            .chain(others.iter().map(|(server, _)| server))
            .map(|s| unreached(facts, s))
            .collect();
    }
    let needed = Notice::NeedsFiles { server: shown(next), checks: Checks(*checks) };
    let mut notices = vec![needed, way(provenance, facts, topology, &next.uid)];
    if !others.is_empty() {
        let named = |(server, checks): &(&Server, usize)| Waiting { server: shown(server), checks: *checks };
        notices.push(Notice::OthersNeedFiles { servers: others.iter().map(named).collect() });
    }
    notices
}

/// The commands that answer what waits for the files of other servers: one on each, then one here.
pub(super) fn steps(
    provenance: Provenance<'_>,
    facts: &Facts,
    topology: &Topology,
    waiting: &[(&Server, usize)],
) -> Vec<Step> {
    // What these facts were merged from only their owner knows, and what ssh did not reach has its own reason.
    let is_told = facts.origin().is_merged && matches!(provenance, Provenance::Replayed([_]) | Provenance::Here { .. });
    if waiting.is_empty() || is_told {
        return Vec::new();
    }
    let there = |(server, _): &(&Server, usize)| Step {
        server: Some(shown(server)),
        command: format!("bm-preflight collect --facts {}", file_of(&server.uid)),
    };
    let mut steps: Vec<Step> = waiting.iter().map(there).collect();
    let (here, files) = own(provenance, facts, topology);
    let others = waiting.iter().map(|(server, _)| file_of(&server.uid));
    let command = run_of(files.into_iter().chain(others));
    steps.extend(here.into_iter().chain([command]).map(|command| Step { server: None, command }));
    steps
}

/// The commands that let a run after the upgrade tell what did not survive it: how the facts were collected here, that is how
/// they are collected right before the window.
pub(super) fn keep(provenance: Provenance<'_>, target: &str) -> Keep {
    let options = match provenance {
        Provenance::Here { collected: Some(collected), .. } => options(collected),
        Provenance::Here { collected: None, .. } | Provenance::Replayed(_) => String::new(),
    };
    let file = file_of(&format!("before-{target}"));
    Keep {
        before: format!("bm-preflight collect{options} --facts {file}"),
        after: format!("bm-preflight run{options} --before {file}"),
    }
}

/// What keeps a server's files from a run that looks for them there.
fn unreached(facts: &Facts, server: &Server) -> Notice {
    let is_of_server = |told: &&Coverage| told.scope == server.uid && is_of_files(facts, &told.table);
    let why = facts.coverage().iter().filter(is_of_server).find_map(|told| told.reason.clone());
    Notice::Unreached { server: shown(server), why: Box::new(why.unwrap_or_else(|| Run::NotCollected.into())) }
}

/// Whether a table is read from a server's files.
fn is_of_files(facts: &Facts, table: &str) -> bool {
    let kind = facts.schema().table(table).map(|table| table.scope);
    matches!(kind, Some(ScopeKind::Server | ScopeKind::Backend))
}

/// Where nobody knows the servers, bm.ini tells of the one that does, unless that is the one that was collected on.
fn without_directory(provenance: Provenance<'_>, facts: &Facts, topology: &Topology) -> Vec<Notice> {
    let sql = "SELECT DISTINCT h.value FROM bm_ini AS h WHERE h.key = 'host' AND NOT EXISTS \
               (SELECT 1 FROM bm_ini AS m WHERE m.key = 'hz-member-address' AND m.value = h.value)";
    let hosts = facts.texts(sql).unwrap_or_default();
    let hosts: Vec<String> = hosts.into_iter().flatten().flatten().collect();
    match hosts.as_slice() {
        [host] if !["localhost", "127.0.0.1", "::1"].contains(&host.as_str()) => {
            vec![Notice::DirectoryElsewhere { host: host.clone() }, way(provenance, facts, topology, host)]
        }
        _ => Vec::new(),
    }
}

/// The servers none of whose files were read, with the number of checks that need them: most first.
pub(super) fn waiting<'t, 'r>(
    facts: &Facts,
    topology: &'t Topology,
    results: &'r [CheckResult],
) -> Vec<(&'t Server, usize)> {
    let is_of_files = |table: &str| is_of_files(facts, table);
    let known = facts.coverage().iter().filter(|statement| is_of_files(&statement.table));
    let known = known.filter(|s| matches!(s.completeness, Completeness::Complete | Completeness::Partial));
    let read: BTreeSet<&str> = known.map(|statement| statement.scope.as_str()).collect();
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    for result in results {
        // A subject that is not decided may be the server itself.
        let gaps = result.missing.iter().filter(|gap| is_of_files(&gap.table) || gap.table == Missing::UNDECIDED);
        let named = |gap: &'r Missing| [Some(gap.scope.as_str()), gap.place.as_deref()].into_iter().flatten();
        for server in gaps.flat_map(named).collect::<BTreeSet<_>>() {
            *waiting.entry(server).or_default() += 1;
        }
    }
    let unread = topology.servers().iter().filter(|server| !read.contains(server.uid.as_str()));
    let mut unread: Vec<_> = unread.filter_map(|s| Some((s, *waiting.get(s.uid.as_str())?))).collect();
    unread.sort_by_key(|(server, checks)| (std::cmp::Reverse(*checks), server.uid.clone()));
    unread
}

/// The commands to give on the next server and here.
fn way(provenance: Provenance<'_>, facts: &Facts, topology: &Topology, next: &str) -> Notice {
    let (server, there) = (next.to_owned(), file_of(next));
    let collect = format!("bm-preflight collect --facts {there}");
    // What these facts were merged from, only their owner knows.
    if matches!(provenance, Provenance::Replayed([_]) if facts.origin().is_merged) {
        return Notice::AddToMerged { server, collect, file: there };
    }
    let (here, files) = own(provenance, facts, topology);
    let run = run_of(files.into_iter().chain([there]));
    match here {
        None => Notice::CollectThere { server, collect, run },
        Some(here) => Notice::CollectBoth { server, collect, here, run },
    }
}

/// The files of this run's facts, and the command that writes them where nothing did.
fn own(provenance: Provenance<'_>, facts: &Facts, topology: &Topology) -> (Option<String>, Vec<String>) {
    match provenance {
        Provenance::Replayed(files) => (None, files.iter().map(|file| word(file)).collect()),
        Provenance::Here { saved: Some(file), .. } => (None, vec![word(file)]),
        Provenance::Here { collected, saved: None } => {
            let core = topology.cores().next().map(|server| server.uid.as_str());
            let file = file_of(facts.origin().server_uid.as_deref().or(core).unwrap_or("here"));
            let options = collected.map(options).unwrap_or_default();
            (Some(format!("bm-preflight collect{options} --facts {file}")), vec![file])
        }
    }
}

fn run_of(files: impl Iterator<Item = String>) -> String {
    let files: String = files.map(|file| format!(" --from-facts {file}")).collect();
    format!("bm-preflight run{files}")
}

/// The options with which a collection looks at the same files and databases.
fn options(collected: &SourceArgs) -> String {
    let mut options = String::new();
    if collected.root != Path::new("/") {
        options.push_str(&format!(" --root {}", word(&collected.root)));
    }
    if let Some(config) = &collected.config {
        options.push_str(&format!(" --config {}", word(config)));
    }
    if collected.offline {
        options.push_str(" --offline");
    }
    options
}

/// A file name for the snapshot of a server that no shell takes for anything else.
fn file_of(uid: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = uid.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    format!("{}.facts", name.trim_start_matches(['.', '-']))
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::Quoter::new().allow_nul(true).quote(&text).unwrap_or_default().into_owned()
}

fn shown(server: &Server) -> String {
    match &server.address {
        Some(address) => format!("{} ({address})", server.uid),
        None => server.uid.clone(),
    }
}

//! Which server to collect from next: the one whose files most checks are waiting for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::SourceArgs;
use crate::fact::{Facts, ScopeKind};
use crate::model::reason::{Checks, Notice, Waiting};
use crate::model::{CheckResult, Completeness, Missing};
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
    results: &[CheckResult],
) -> Vec<Notice> {
    if let Topology::Unknown(_) = topology {
        return without_directory(provenance, facts, topology);
    }
    let waiting = waiting(facts, topology, results);
    let Some(((next, checks), others)) = waiting.split_first() else { return Vec::new() };
    let needed = Notice::NeedsFiles { server: shown(next), checks: Checks(*checks) };
    let mut notices = vec![needed, way(provenance, facts, topology, &next.uid)];
    if !others.is_empty() {
        let named = |(server, checks): &(&Server, usize)| Waiting { server: shown(server), checks: *checks };
        notices.push(Notice::OthersNeedFiles { servers: others.iter().map(named).collect() });
    }
    notices
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
fn waiting<'t>(facts: &Facts, topology: &'t Topology, results: &'t [CheckResult]) -> Vec<(&'t Server, usize)> {
    let is_of_files = |table: &str| {
        // What an earlier snapshot lacks cannot be collected any more.
        let kind = facts.schema().tables().iter().find(|known| known.name == table).map(|table| table.scope);
        matches!(kind, Some(ScopeKind::Server | ScopeKind::Backend))
    };
    let known = facts.coverage().iter().filter(|statement| is_of_files(&statement.table));
    let known = known.filter(|s| matches!(s.completeness, Completeness::Complete | Completeness::Partial));
    let read: BTreeSet<&str> = known.map(|statement| statement.scope.as_str()).collect();
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    for result in results {
        // A subject that is not decided may be the server itself.
        let gaps = result.missing.iter().filter(|gap| is_of_files(&gap.table) || gap.table == Missing::UNDECIDED);
        let named = |gap: &'t Missing| [Some(gap.scope.as_str()), gap.place.as_deref()].into_iter().flatten();
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
    let (here, files) = match provenance {
        // What these facts were merged from, only their owner knows.
        Provenance::Replayed([_]) if facts.origin().is_merged => {
            return Notice::AddToMerged { server, collect, file: there };
        }
        Provenance::Replayed(files) => (None, files.iter().map(|file| word(file)).collect()),
        Provenance::Here { saved: Some(file), .. } => (None, vec![word(file)]),
        Provenance::Here { collected, saved: None } => {
            let core = topology.cores().next().map(|server| server.uid.as_str());
            let file = file_of(facts.origin().server_uid.as_deref().or(core).unwrap_or("here"));
            let options = collected.map(options).unwrap_or_default();
            (Some(format!("bm-preflight collect{options} --facts {file}")), vec![file])
        }
    };
    let files: String = files.iter().map(|file| format!(" --from-facts {file}")).collect();
    let run = format!("bm-preflight run{files} --from-facts {there}");
    match here {
        None => Notice::CollectThere { server, collect, run },
        Some(here) => Notice::CollectBoth { server, collect, here, run },
    }
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

//! Which server to collect from next: the one whose files most checks are waiting for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::SourceArgs;
use crate::fact::{Facts, ScopeKind};
use crate::model::{CheckResult, Completeness, Lang, Missing};
use crate::topology::{Server, Topology};

/// Servers that are named beside the next one.
const NAMED: usize = 20;

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
    lang: Lang,
) -> Vec<String> {
    if let Topology::Unknown(_) = topology {
        return without_directory(provenance, facts, topology, lang);
    }
    let waiting = waiting(facts, topology, results);
    let Some(((next, checks), others)) = waiting.split_first() else { return Vec::new() };
    let (server, checks) = (shown(next), count(*checks, lang));
    let mut notices = vec![match lang {
        Lang::En => format!("collect on {server} next: {checks} cannot be completed without its files"),
        Lang::Fr => format!("collecter ensuite sur {server}\u{a0}: {checks} en suspens sans ses fichiers"),
    }];
    notices.push(way(provenance, facts, topology, &next.uid, lang));
    if !others.is_empty() {
        let named =
            others.iter().take(NAMED).map(|(server, checks)| format!("{}, {}", shown(server), count(*checks, lang)));
        let named = named.collect::<Vec<_>>().join("; ") + if others.len() > NAMED { "; …" } else { "" };
        notices.push(match lang {
            Lang::En => format!("the files of other servers are missing too: {named}"),
            Lang::Fr => {
                format!("les fichiers d’autres serveurs manquent aussi\u{a0}: {}", named.replace(';', "\u{202f};"))
            }
        });
    }
    notices
}

/// Where nobody knows the servers, bm.ini tells of the one that does, unless that is the one that was collected on.
fn without_directory(provenance: Provenance<'_>, facts: &Facts, topology: &Topology, lang: Lang) -> Vec<String> {
    let sql = "SELECT DISTINCT h.value FROM bm_ini AS h WHERE h.key = 'host' AND NOT EXISTS \
               (SELECT 1 FROM bm_ini AS m WHERE m.key = 'hz-member-address' AND m.value = h.value)";
    let hosts = facts.texts(sql).unwrap_or_default();
    let hosts: Vec<String> = hosts.into_iter().flatten().flatten().collect();
    match hosts.as_slice() {
        [host] if !["localhost", "127.0.0.1", "::1"].contains(&host.as_str()) => {
            let next = match lang {
                Lang::En => {
                    format!("collect on {host} next: it has the directory database, which could not be read from here")
                }
                Lang::Fr => format!(
                    "collecter ensuite sur {host}\u{a0}: c’est là qu’est la base de l’annuaire, illisible d’ici"
                ),
            };
            vec![next, way(provenance, facts, topology, host, lang)]
        }
        _ => Vec::new(),
    }
}

/// The servers none of whose files were read, with the number of checks that need them: most first.
fn waiting<'t>(facts: &Facts, topology: &'t Topology, results: &[CheckResult]) -> Vec<(&'t Server, usize)> {
    let is_of_files = |table: &str| {
        let kind = facts.schema().table(table).map(|table| table.scope);
        matches!(kind, Some(ScopeKind::Server | ScopeKind::Backend))
    };
    let known = facts.coverage().iter().filter(|statement| is_of_files(&statement.table));
    let known = known.filter(|s| matches!(s.completeness, Completeness::Complete | Completeness::Partial));
    let read: BTreeSet<&str> = known.map(|statement| statement.scope.as_str()).collect();
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    for result in results {
        // A subject that is not decided may be the server itself.
        let gaps = result.missing.iter().filter(|gap| is_of_files(&gap.table) || gap.table == Missing::UNDECIDED);
        for server in gaps.map(|gap| gap.scope.as_str()).collect::<BTreeSet<_>>() {
            *waiting.entry(server).or_default() += 1;
        }
    }
    let unread = topology.servers().iter().filter(|server| !read.contains(server.uid.as_str()));
    let mut unread: Vec<_> = unread.filter_map(|s| Some((s, *waiting.get(s.uid.as_str())?))).collect();
    unread.sort_by_key(|(server, checks)| (std::cmp::Reverse(*checks), server.uid.clone()));
    unread
}

/// The commands to give on the next server and here.
fn way(provenance: Provenance<'_>, facts: &Facts, topology: &Topology, next: &str, lang: Lang) -> String {
    let there = file_of(next);
    let collect = format!("bm-preflight collect --facts {there}");
    let (here, files) = match provenance {
        // What these facts were merged from, only their owner knows.
        Provenance::Replayed([_]) if facts.origin().is_merged => {
            return match lang {
                Lang::En => format!(
                    "on {next}: {collect}; then add --from-facts {there} to the snapshots that these facts were merged from"
                ),
                Lang::Fr => format!(
                    "sur {next}\u{a0}: {collect}\u{202f}; puis ajouter --from-facts {there} aux instantanés dont ces faits sont la fusion"
                ),
            };
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
    match (lang, here) {
        (Lang::En, None) => format!("on {next}: {collect}; then, with that file here: {run}"),
        (Lang::En, Some(here)) => format!("on {next}: {collect}; here: {here}; then, with that file here: {run}"),
        (Lang::Fr, None) => {
            format!("sur {next}\u{a0}: {collect}\u{202f}; puis, ce fichier apporté ici\u{a0}: {run}")
        }
        (Lang::Fr, Some(here)) => format!(
            "sur {next}\u{a0}: {collect}\u{202f}; ici\u{a0}: {here}\u{202f}; puis, ce fichier apporté ici\u{a0}: {run}"
        ),
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

fn count(checks: usize, lang: Lang) -> String {
    let noun = match (lang, checks) {
        (Lang::En, 1) => "check",
        (Lang::En, _) => "checks",
        (Lang::Fr, 0 | 1) => "contrôle",
        (Lang::Fr, _) => "contrôles",
    };
    format!("{checks} {noun}")
}

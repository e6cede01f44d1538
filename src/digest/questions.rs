//! What is open, by cause: one cause leaves many checks without an answer, and is told once, with what cures it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Beside, Open};
use crate::model::reason::{Database, Files, Run};
use crate::model::{CheckResult, Lang, Missing, Outcome, Reason, Severity};
use crate::verdict;

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Why that is not known, in the report's language; of many places the first.
    pub reason: String,
    /// How many places have it, beyond the first.
    pub more_places: u64,
    /// Servers that it is about, `directory` or `network`.
    pub scopes: Vec<String>,
    /// Ids of the checks that have no complete answer for it, those that could block first.
    pub checks: Vec<String>,
    /// How many of them could block.
    pub blocking: usize,
    /// What kind of thing cures it; `None` where nothing general does.
    pub cure: Option<Cure>,
    /// The commands that do.
    pub steps: Vec<Step>,
}

/// A kind of cure; the catalogue of phrases has its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cure {
    /// Collect on the other servers, and judge all together.
    CollectThere,
    /// Run it on a server of BlueMind, or say where its files are.
    NoBluemind,
    /// Run it as root.
    AsRoot,
    /// Make the database reachable.
    Database,
    /// Allow the network.
    Online,
    /// Give more time.
    MoreTime,
}

impl Cure {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::CollectThere, Self::NoBluemind, Self::AsRoot, Self::Database, Self::Online, Self::MoreTime];

    /// The word of the phrases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CollectThere => "collect_there",
            Self::NoBluemind => "no_bluemind",
            Self::AsRoot => "as_root",
            Self::Database => "database",
            Self::Online => "online",
            Self::MoreTime => "more_time",
        }
    }
}

/// A command, and where to give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The server; `None` for here.
    pub server: Option<String>,
    /// The command, quoted for a POSIX shell.
    pub command: String,
}

/// What groups gaps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// The same cause, wherever.
    Root(String),
    /// The same kind of trouble with places of a scope.
    Places(String, String),
    /// Facts that are there and do not decide, of a check.
    Undecided(String, String),
    /// A check that broke.
    Broken(String),
}

#[derive(Default)]
struct Group<'a> {
    reason: Option<String>,
    root: Option<&'a Reason>,
    places: BTreeSet<&'a str>,
    scopes: BTreeSet<&'a str>,
    checks: BTreeSet<(Severity, &'a str)>,
}

/// The causes, and how many checks they leave open.
pub(super) fn of(results: &[CheckResult], beside: &Beside<'_>) -> (Vec<Question>, Open) {
    let open: Vec<&CheckResult> = results.iter().filter(|result| verdict::is_unanswered(result)).collect();
    let unread = unread(&open);
    let mut groups: BTreeMap<Key, Group<'_>> = BTreeMap::new();
    for result in &open {
        if result.outcome == Outcome::Error {
            let reason = result.reason.clone().unwrap_or_default();
            let group = groups.entry(Key::Broken(reason.clone())).or_default();
            group.checks.insert((result.severity, &result.id));
            group.reason = Some(reason);
        }
        for gap in result.missing.iter().filter(|gap| gap.waived.is_none()) {
            let (key, root) = key(result, gap, &unread, beside.lang);
            let group = groups.entry(key).or_default();
            group.checks.insert((result.severity, &result.id));
            group.root = group.root.or(root);
            group.reason.get_or_insert_with(|| root.map_or(gap.reason.clone(), |root| root.text(beside.lang)));
            // What only waits for another server's files is no place of its own.
            if gap.root.is_some() || root.is_none() {
                group.scopes.insert(&gap.scope);
                group.places.extend(gap.place.as_deref());
            }
        }
    }
    let mut questions: Vec<Question> = groups.into_values().map(|group| question(group, beside)).collect();
    questions.sort_by(|a, b| (b.blocking, b.checks.len(), &a.reason).cmp(&(a.blocking, a.checks.len(), &b.reason)));
    let blocking = open.iter().filter(|result| result.severity == Severity::Blocker).count() as u64;
    (questions, Open { checks: open.len() as u64, blocking })
}

/// Servers none of whose files can be read from here, each with the reason.
fn unread<'a>(open: &[&'a CheckResult]) -> BTreeMap<&'a str, &'a Reason> {
    let gaps = open.iter().flat_map(|result| &result.missing);
    let elsewhere = gaps.filter_map(|gap| Some((gap.scope.as_str(), gap.root.as_ref()?)));
    elsewhere.filter(|(_, root)| matches!(root, Reason::Run(Run::OnlyFilesOf { .. }))).collect()
}

/// What is not decided of a server whose files nobody read waits for these.
fn key<'a>(
    result: &'a CheckResult,
    gap: &'a Missing,
    unread: &BTreeMap<&'a str, &'a Reason>,
    lang: Lang,
) -> (Key, Option<&'a Reason>) {
    let waits = [Some(gap.scope.as_str()), gap.place.as_deref()].into_iter().flatten().find_map(|of| unread.get(of));
    let root = gap.root.as_ref().or(waits.copied());
    let key = match (root, &gap.place) {
        (Some(root), Some(_)) if gap.root.is_some() => Key::Places(kind(root), gap.scope.clone()),
        (Some(root), _) => Key::Root(root.text(lang)),
        (None, _) => Key::Undecided(result.id.clone(), gap.problem.clone().unwrap_or_else(|| gap.reason.clone())),
    };
    (key, root)
}

/// The name of a reason's variant, without its fields.
fn kind(reason: &Reason) -> String {
    let names = |value: &serde_json::Value| value.as_object().and_then(|object| object.keys().next().cloned());
    let value = serde_json::to_value(reason).unwrap_or_default();
    let outer = names(&value).unwrap_or_default();
    let inner = value.get(&outer).and_then(names).unwrap_or_default();
    format!("{outer}.{inner}")
}

fn question(group: Group<'_>, beside: &Beside<'_>) -> Question {
    let cure = group.root.and_then(cure);
    let is_collect = cure == Some(Cure::CollectThere);
    Question {
        reason: group.reason.unwrap_or_default(),
        more_places: group.places.len().saturating_sub(1) as u64,
        scopes: group.scopes.into_iter().map(str::to_owned).collect(),
        blocking: group.checks.iter().filter(|(severity, _)| *severity == Severity::Blocker).count(),
        checks: group.checks.into_iter().map(|(_, id)| id.to_owned()).collect(),
        steps: if is_collect { beside.elsewhere.clone() } else { Vec::new() },
        cure,
    }
}

fn cure(root: &Reason) -> Option<Cure> {
    match root {
        Reason::Run(Run::OnlyFilesOf { .. }) => Some(Cure::CollectThere),
        Reason::Run(Run::Offline) => Some(Cure::Online),
        Reason::Run(Run::BudgetSpent { .. } | Run::Interrupted { .. } | Run::Terminated { .. }) => Some(Cure::MoreTime),
        Reason::Files(Files::Unreadable { error, .. }) if error.contains("ermission") => Some(Cure::AsRoot),
        Reason::Files(Files::Unreadable { path, .. }) if path.ends_with("/bm.ini") => Some(Cure::NoBluemind),
        Reason::Database(Database::Of { .. } | Database::Failed { .. } | Database::WantsTls { .. }) => {
            Some(Cure::Database)
        }
        _ => None,
    }
}

//! What bm-core tells of replication: its replication.log, aggregated, never one row per line.

mod failures;
mod history;
mod mailboxes;
mod tables;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use self::history::History;
use self::tables::{REPLICATION_ERROR, REPLICATION_LOG, REPLICATION_MAILBOX};
use super::packages;
use crate::collect::reach::log_files::{LogSet, Stop};
use crate::collect::reach::root::Root;
use crate::collect::reach::sink::{Scope, Sink};
use crate::fact::Table;
use crate::format::replication_log;
use crate::model::Reason;

/// What is read of each server.
pub(in crate::collect) const TABLES: &[&Table] = &[&REPLICATION_LOG, &REPLICATION_MAILBOX, &REPLICATION_ERROR];

const FOLDER: &str = "/var/log/bm";
const LOG: &str = "replication.log";
/// Lines without time, one after the other, from which on it is not the rest of a message but another layout.
const REST: u64 = 2_000;

/// Fills the wanted tables of one server from the log below `root`. That a server which is not the core, by
/// its `roles` or else by its packages, has no such log is no gap.
pub(in crate::collect) async fn collect(
    server: &str,
    root: &Root,
    roles: Option<&BTreeSet<String>>,
    wanted: &[&'static Table],
    sink: &Sink,
) {
    let begin = |table: &&'static Table| Scope::begin(sink, table, server, root.shown(format!("{FOLDER}/{LOG}")));
    let of_log = wanted.iter().filter(|table| TABLES.contains(table));
    let scopes: Vec<_> = of_log.map(|table| (table.name, begin(table))).collect();
    if scopes.is_empty() {
        return;
    }
    let stop = Stop::default();
    let is_expected = match roles {
        Some(roles) => roles.contains("bm/core"),
        None => packages::installed(root).await.is_none_or(|names| names.contains("bm-core")),
    };
    // The thread does not know the sink: when the run is cut short, nobody waits for its last line.
    let (place, told) = (root.clone(), stop.flag());
    let read = tokio::task::spawn_blocking(move || read(&place, is_expected, &told)).await;
    let read = read.unwrap_or_else(|error| Err(error.to_string()));
    for (table, scope) in scopes {
        let outcome = match &read {
            Ok(log) => log.add(table, &scope).map(|()| log.gap(table)),
            Err(reason) => Err(Reason::from(reason.as_str())),
        };
        scope.end_with(outcome);
    }
}

/// What a log tells.
struct Log {
    /// None where there is no such log.
    history: Option<History>,
    modified_at: i64,
    /// Why nothing is known of an older part.
    troubles: Vec<String>,
}

/// Reads the log from its oldest file on. What cannot be read makes what was read before worthless: success may have
/// followed failure there. So what is known is always the end of the log, without a hole.
fn read(root: &Root, is_expected: bool, stop: &AtomicBool) -> Result<Log, String> {
    let path = root.shown(format!("{FOLDER}/{LOG}"));
    let mut log = Log { history: None, modified_at: 0, troubles: Vec::new() };
    let set = match LogSet::open(root, FOLDER, LOG) {
        Ok(Some(set)) => set,
        Ok(None) if is_expected => return Err(format!("{path}: no such log")),
        Ok(None) => return Ok(log),
        Err(_) if !is_expected && matches!(root.find(FOLDER), Ok(None)) => return Ok(log),
        Err(reason) => return Err(reason),
    };
    if !set.files.last().is_some_and(|file| file.is_current) {
        let missing = format!("{path}: only files that it was rotated to can be read");
        return Err(set.troubles.into_iter().chain([missing]).collect::<Vec<_>>().join("; "));
    }
    // Where the file is missing that could not be opened is not known: only the last one is sure to have no hole before.
    let skipped = if set.troubles.is_empty() { 0 } else { set.files.len() - 1 };
    log.troubles = set.troubles;
    for file in set.files.into_iter().skip(skipped) {
        let (is_current, mut layout) = (file.is_current, Layout::default());
        log.modified_at = file.modified;
        let mut history = log.history.take().unwrap_or_else(History::new);
        let read = file.read(stop, |line| {
            let line = replication_log::line(line);
            layout.take(line.is_some());
            line.iter().for_each(|line| history.take(line));
        });
        match read.and_then(|cut| layout.outcome(&path).map(|()| cut)) {
            Ok(cut) => {
                history.cut_lines += i64::try_from(cut).unwrap_or(i64::MAX);
                log.history = Some(history);
            }
            Err(reason) if is_current => return Err(reason),
            Err(reason) => log.troubles.push(reason),
        }
    }
    if log.history.is_none() {
        return Err(log.troubles.join("; "));
    }
    Ok(log)
}

/// Whether the lines of a file are those that are expected.
#[derive(Default)]
struct Layout {
    is_any: bool,
    is_understood: bool,
    rest: u64,
}

impl Layout {
    fn take(&mut self, is_understood: bool) {
        self.is_any = true;
        self.is_understood |= is_understood;
        self.rest = if is_understood { 0 } else { self.rest.saturating_add(1) };
    }

    fn outcome(&self, path: &str) -> Result<(), String> {
        if self.rest <= REST && (self.is_understood || !self.is_any) {
            return Ok(());
        }
        Err(format!(
            "{path}: its lines are not those of BlueMind's layout `%d [%thread] %c{{1}} %p - %m`: see /etc/bm/local for another one"
        ))
    }
}

impl Log {
    fn add(&self, table: &str, scope: &Scope<'_>) -> Result<(), Reason> {
        let Some(history) = &self.history else { return Ok(()) };
        match table {
            "replication_log" => scope.add(&[history.row(self.modified_at)]),
            "replication_mailbox" => scope.add_all(history.mailboxes.rows()),
            _ => scope.add_all(history.failures.rows(&history.mailboxes)),
        }
    }

    /// What is missing of a table.
    fn gap(&self, table: &str) -> Option<String> {
        let history = self.history.as_ref()?;
        let own = match table {
            "replication_mailbox" => history.mailboxes.gap(),
            "replication_error" => history.failures.gap(),
            _ => None,
        };
        let older = self.troubles.iter().map(|trouble| format!("{trouble}; what was logged before is left out"));
        let gaps: Vec<_> = older.chain(own).collect();
        (!gaps.is_empty()).then(|| gaps.join("; "))
    }
}

//! What bm-core tells of replication: its replication.log, aggregated, never one row per line.

mod failures;
mod history;
mod mailboxes;
mod tables;

use std::sync::atomic::AtomicBool;

use self::history::History;
use self::tables::{ReplicationError, ReplicationLog, ReplicationMailbox};
use super::packages;
use crate::collect::reach::log_files::{LogSet, Stop};
use crate::collect::reach::place::{Look, OfServer, Place};
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::{Record, Table};
use crate::format::replication_log;
use crate::model::Reason;
use crate::model::reason::{Files, Server};

const TABLES: &[&Table] = &[ReplicationLog::TABLE, ReplicationMailbox::TABLE, ReplicationError::TABLE];

pub(super) const ALL: &[&dyn OfServer] = &[&Look { tables: TABLES, look: |place| Box::pin(look(place)) }];

const FOLDER: &str = "/var/log/bm";
const LOG: &str = "replication.log";
/// Lines without time, one after the other, from which on it is not the rest of a message but another layout.
const REST: u64 = 2_000;

/// That a server which is not the core, by its roles or else by its packages, has no such log is no gap.
async fn look(place: &Place) -> Seen {
    let is_expected = match &place.roles {
        Some(roles) => roles.contains("bm/core"),
        None => packages::installed(&place.root).await.is_none_or(|names| names.contains("bm-core")),
    };
    let stop = Stop::default();
    let told = stop.flag();
    let log = place.aside(move |root| read(root, is_expected, &told)).await;
    let log = log.as_ref().map(Option::as_ref);
    Seen::at(place.root.shown(format!("{FOLDER}/{LOG}")))
        .tell::<ReplicationLog>(log.map(|log| log.map_or_else(none, Log::whole)))
        .tell::<ReplicationMailbox>(log.map(|log| log.map_or_else(none, Log::mailboxes)))
        .tell::<ReplicationError>(log.map(|log| log.map_or_else(none, Log::errors)))
}

/// What a server tells that is not the core.
fn none<R: 'static>() -> Rows<R> {
    Rows::from(Vec::new())
}

/// What a log tells.
struct Log {
    history: History,
    modified_at: i64,
    /// Why nothing is known of an older part.
    troubles: Vec<Reason>,
}

/// Reads the log from its oldest file on; none where there is no such log. What cannot be read makes what was read before
/// worthless: success may have followed failure there. So what is known is always the end of the log, without a hole.
fn read(root: &Root, is_expected: bool, stop: &AtomicBool) -> Result<Option<Log>, Reason> {
    let path = root.shown(format!("{FOLDER}/{LOG}"));
    let set = match LogSet::open(root, FOLDER, LOG) {
        Ok(Some(set)) => set,
        Ok(None) if is_expected => return Err(Files::NoLog { path }.into()),
        Ok(None) => return Ok(None),
        Err(_) if !is_expected && matches!(root.find(FOLDER), Ok(None)) => return Ok(None),
        Err(reason) => return Err(reason),
    };
    if !set.files.last().is_some_and(|file| file.is_current) {
        let missing = Server::OnlyRotated { path }.into();
        return Err(Reason::Several(set.troubles.into_iter().chain([missing]).collect()));
    }
    // Where the file is missing that could not be opened is not known: only the last one is sure to have no hole before.
    let skipped = if set.troubles.is_empty() { 0 } else { set.files.len() - 1 };
    let mut log = Log { history: History::new(), modified_at: 0, troubles: set.troubles };
    for file in set.files.into_iter().skip(skipped) {
        let (is_current, mut layout) = (file.is_current, Layout::default());
        log.modified_at = file.modified;
        let read = file.read(stop, |line| {
            let line = replication_log::line(line);
            layout.take(line.is_some());
            line.iter().for_each(|line| log.history.take(line));
        });
        match read.and_then(|()| layout.outcome(&path)) {
            Ok(()) => {}
            Err(reason) if is_current => return Err(reason),
            Err(reason) => {
                log.history = History::new();
                log.troubles.push(reason);
            }
        }
    }
    Ok(Some(log))
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

    fn outcome(&self, path: &str) -> Result<(), Reason> {
        if self.rest <= REST && (self.is_understood || !self.is_any) {
            return Ok(());
        }
        Err(Server::OtherLayout { path: path.to_owned() }.into())
    }
}

impl Log {
    fn whole(&self) -> Rows<ReplicationLog> {
        Rows::from(vec![self.history.row(self.modified_at)]).but(self.gap(None))
    }

    fn mailboxes(&self) -> Rows<ReplicationMailbox> {
        Rows::from(self.history.mailboxes.rows()).but(self.gap(self.history.mailboxes.gap()))
    }

    fn errors(&self) -> Rows<ReplicationError> {
        Rows::from(self.history.failures.rows(&self.history.mailboxes)).but(self.gap(self.history.failures.gap()))
    }

    /// What is missing of a table, its `own` gap among it.
    fn gap(&self, own: Option<Server>) -> Option<Reason> {
        let before = |why: &Reason| Server::LoggedBefore { why: Box::new(why.clone()) }.into();
        Reason::all(self.troubles.iter().map(before).chain(own.map(Reason::from)))
    }
}

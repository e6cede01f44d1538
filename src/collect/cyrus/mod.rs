//! A mail backend's Cyrus as its files show it: no lock, no Cyrus tool, nothing written.

mod conf;
mod indexes;
mod mailboxes;
mod settings;
mod spool;
mod sync_log;
mod tables;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use self::conf::Conf;
use self::mailboxes::{Mailbox, Mailboxes};
use self::spool::Walked;
use crate::collect::root::Root;
use crate::collect::sink::{Scope, Sink};
use crate::fact::{Row, Table};
use crate::format::mailbox_name::MailboxName;

pub(in crate::collect) use mailboxes::root_name;
pub(in crate::collect) use tables::TABLES;

/// Mailboxes looked at before their rows are handed over.
const BATCH: usize = 2_000;
/// Looks at what seems wrong on a server that works meanwhile, and the pause between two: a server under load takes its
/// time to finish what it has begun.
const LOOKS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(300);

/// Fills the wanted tables of one backend from the files below `root`. Blocks: the file systems answer in their time.
///
/// Clients create, rename and delete mailboxes while the indexes and the spool are read. So mailboxes.db is read before
/// and after, and what only one of the two lists explains is looked at again before it becomes a row.
pub(in crate::collect) fn collect(server: &str, root: &Root, wanted: &[&'static Table], sink: &Sink) {
    let scopes = Scopes { server, wanted, sink };
    scopes.fill("cyrus_conf_entry", &root.shown(settings::PATH), || settings::entries(root));
    let conf = match Conf::read(root) {
        Ok(conf) => conf,
        Err(reason) => {
            let others = wanted.iter().filter(|table| table.name != "cyrus_conf_entry");
            let begin = |table: &&'static Table| Scope::begin(sink, table, server, root.shown("/etc/imapd.conf"));
            return others.map(begin).for_each(|scope| scope.end(Err(reason.clone())));
        }
    };
    scopes.fill("cyrus_partition", &conf.source, || Ok(conf.partitions()));
    scopes.fill("imapd_setting", &conf.source, || settings::settings(&conf));
    if let Some(scope) = scopes.begin("sync_log", &conf.source) {
        match sync_log::files(root, &conf).and_then(|(rows, gap)| scope.add(&rows).map(|()| gap)) {
            Ok(None) => scope.end(Ok(())),
            Ok(Some(gap)) => scope.end_partial(gap),
            Err(reason) => scope.end(Err(reason)),
        }
    }
    let backend = Backend { root, conf: &conf, scopes: &scopes };
    match Mailboxes::read(root, &conf) {
        Ok(first) => backend.fill(&first),
        Err(reason) => backend.fill_without_list(&reason),
    }
}

/// The scopes of the wanted tables.
struct Scopes<'a> {
    server: &'a str,
    wanted: &'a [&'static Table],
    sink: &'a Sink,
}

impl<'a> Scopes<'a> {
    fn begin(&self, name: &str, source: &str) -> Option<Scope<'a>> {
        let table = self.wanted.iter().find(|table| table.name == name)?;
        Some(Scope::begin(self.sink, table, self.server, source))
    }

    /// Fills a table that comes from one file.
    fn fill(&self, name: &str, source: &str, rows: impl FnOnce() -> Result<Vec<Row>, String>) {
        if let Some(scope) = self.begin(name, source) {
            let outcome = rows().and_then(|rows| scope.add(&rows));
            scope.end(outcome);
        }
    }
}

/// Tables that mailboxes.db itself fills.
const LISTS: [&str; 3] = ["cyrus_database", "cyrus_entry_unreadable", "cyrus_mailbox"];

struct Backend<'a> {
    root: &'a Root,
    conf: &'a Conf,
    scopes: &'a Scopes<'a>,
}

impl Backend<'_> {
    fn fill(&self, first: &Mailboxes) {
        let known = names(first);
        if let Some(scope) = self.scopes.begin("cyrus_index", &first.source) {
            let outcome = self.indexes(first, &scope).and_then(|doubtful| {
                let last = self.list()?;
                self.settle_indexes(&known, &doubtful, &last, &scope)
            });
            scope.end(outcome);
        }
        let again = self.scopes.begin("spool_directory", &self.conf.source).map(|scope| self.spool(&known, scope));
        // A list that cannot be read any more: what it said a moment ago is all there is.
        let last = again.as_ref().and_then(|list| list.as_ref().ok()).unwrap_or(first);
        for table in LISTS {
            let Some(scope) = self.scopes.begin(table, &first.source) else { continue };
            let outcome = match table {
                "cyrus_database" => scope.add(&[last.database()]),
                "cyrus_entry_unreadable" => scope.add(&last.unreadable()),
                _ => {
                    let new = last.mailboxes.iter().filter(|mailbox| !known.contains(&mailbox.name));
                    scope.add_all(first.mailboxes.iter().chain(new).map(|mailbox| mailbox.row(self.conf)))
                }
            };
            scope.end(outcome);
        }
    }

    fn fill_without_list(&self, reason: &str) {
        for table in LISTS.into_iter().chain(["cyrus_index"]) {
            if let Some(scope) = self.scopes.begin(table, &self.conf.source) {
                scope.end(Err(reason.to_owned()));
            }
        }
        if let Some(scope) = self.scopes.begin("spool_directory", &self.conf.source) {
            self.spool_alone(scope);
        }
    }

    fn list(&self) -> Result<Mailboxes, String> {
        Mailboxes::read(self.root, self.conf)
    }

    /// Walks the spool, then looks again at what the list of before does not explain. Returns the list of after.
    fn spool(&self, known: &HashSet<&MailboxName>, scope: Scope<'_>) -> Result<Mailboxes, String> {
        let (outcome, last) = match spool::walk(self.root, self.conf, known, &scope) {
            Ok(walked) => self.settle_spool(walked),
            Err(reason) => (Err(reason), self.list()),
        };
        match outcome {
            Ok(None) => scope.end(Ok(())),
            Ok(Some(gap)) => scope.end_partial(gap),
            Err(reason) => scope.end(Err(reason)),
        }
        last
    }

    fn settle_spool(&self, mut walked: Walked<'_>) -> (Result<Option<String>, String>, Result<Mailboxes, String>) {
        let mut last = self.list();
        for look in 1..=LOOKS {
            if let Ok(list) = &last
                && let Err(reason) = walked.settle(&names(list))
            {
                return (Err(reason), last);
            }
            if walked.suspects.is_empty() || look == LOOKS {
                break;
            }
            std::thread::sleep(PAUSE);
            last = self.list();
        }
        (walked.finish(), last)
    }

    /// Adds the rows of sound indexes; the mailboxes of the others are left to settle.
    fn indexes<'m>(&self, list: &'m Mailboxes, scope: &Scope<'_>) -> Result<Vec<&'m Mailbox>, String> {
        let mut doubtful = Vec::new();
        for batch in list.mailboxes.chunks(BATCH) {
            let looked: Vec<(&Mailbox, Row, bool)> = batch
                .par_iter()
                .filter_map(|mailbox| {
                    let (row, is_sound) = indexes::row(self.root, mailbox, mailbox.directories.as_ref()?);
                    Some((mailbox, row, is_sound))
                })
                .collect();
            doubtful.extend(looked.iter().filter(|look| !look.2).map(|look| look.0));
            let rows: Vec<Row> = looked.into_iter().filter(|look| look.2).map(|look| look.1).collect();
            scope.add(&rows)?;
        }
        Ok(doubtful)
    }

    /// Looks again at the doubtful indexes and at those of new mailboxes, as long as something seems wrong with one that
    /// is still listed: a mailbox that is being moved or deleted leaves the disk before it leaves the list.
    fn settle_indexes(
        &self,
        known: &HashSet<&MailboxName>,
        doubtful: &[&Mailbox],
        last: &Mailboxes,
        scope: &Scope<'_>,
    ) -> Result<(), String> {
        let new = last.mailboxes.iter().filter(|mailbox| !known.contains(&mailbox.name));
        let mut due: HashMap<MailboxName, Option<Row>> =
            doubtful.iter().copied().chain(new).map(|mailbox| (mailbox.name.clone(), None)).collect();
        let mut again = None;
        for _ in 0..LOOKS {
            let listed =
                again.as_ref().unwrap_or(last).mailboxes.iter().filter(|mailbox| due.contains_key(&mailbox.name));
            let looked: Vec<_> = listed.filter_map(|mailbox| self.look(mailbox)).collect();
            due.clear();
            let (sound, wrong): (Vec<_>, Vec<_>) = looked.into_iter().partition(|(_, _, is_sound)| *is_sound);
            scope.add_all(sound.into_iter().map(|(_, row, _)| row))?;
            due.extend(wrong.into_iter().map(|(name, row, _)| (name, Some(row))));
            if due.is_empty() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
            again = Some(self.list()?);
        }
        let listed = again.as_ref().map(names).unwrap_or_default();
        scope.add_all(due.into_iter().filter(|(name, _)| listed.contains(name)).filter_map(|(_, row)| row))
    }

    fn look(&self, mailbox: &Mailbox) -> Option<(MailboxName, Row, bool)> {
        let (row, is_sound) = indexes::row(self.root, mailbox, mailbox.directories.as_ref()?);
        Some((mailbox.name.clone(), row, is_sound))
    }

    /// Without a list nothing explains a directory: all are added as they are.
    fn spool_alone(&self, scope: Scope<'_>) {
        let outcome = spool::walk(self.root, self.conf, &HashSet::new(), &scope).and_then(Walked::finish);
        match outcome {
            Ok(None) => scope.end(Ok(())),
            Ok(Some(gap)) => scope.end_partial(gap),
            Err(reason) => scope.end(Err(reason)),
        }
    }
}

fn names(list: &Mailboxes) -> HashSet<&MailboxName> {
    list.mailboxes.iter().map(|mailbox| &mailbox.name).collect()
}

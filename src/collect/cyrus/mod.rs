//! A mail backend's Cyrus as its files show it: no lock, no Cyrus tool, nothing written.

mod conf;
mod indexes;
mod mailboxes;
mod settings;
mod spool;
mod sync_log;
mod tables;
mod trees;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use self::conf::Conf;
use self::indexes::Looked;
use self::mailboxes::{Mailbox, Mailboxes};
use self::spool::Walked;
use crate::collect::reach::mailbox::Gather;
use crate::collect::reach::root::Root;
use crate::collect::reach::sink::{Scope, Sink};
use crate::fact::{Row, Table};
use crate::format::mailbox_name::MailboxName;
use crate::model::Reason;
use crate::model::text::escaped;

pub(in crate::collect) use tables::TABLES;

/// Mailboxes looked at before their rows are handed over.
const BATCH: usize = 2_000;
/// Looks at what seems wrong on a server that works meanwhile, and the pause between two: a server under load takes its
/// time to finish what it has begun.
const LOOKS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(300);
/// Reasons that are told in full.
const TOLD: usize = 3;

/// Fills the wanted tables of one backend from the files below `root`. Blocks: the file systems answer in their time.
///
/// Clients create, rename and delete mailboxes while the indexes and the spool are read. So mailboxes.db is read before
/// and after, and what only one of the two lists explains is looked at again before it becomes a row.
///
/// The messages of the indexes go into `roll`, if there is one; the error says why they could not be gathered.
pub(in crate::collect) fn collect(
    server: &str,
    root: &Root,
    wanted: &[&'static Table],
    roll: Option<&dyn Gather>,
    sink: &Sink,
) -> Result<(), String> {
    let scopes = Scopes { server, wanted, sink };
    scopes.fill("cyrus_conf_entry", &root.shown(settings::PATH), || settings::entries(root));
    let conf = match Conf::read(root) {
        Ok(conf) => conf,
        Err(reason) => {
            let others = wanted.iter().filter(|table| table.name != "cyrus_conf_entry");
            let begin = |table: &&'static Table| Scope::begin(sink, table, server, root.shown(conf::PATH));
            others.map(begin).for_each(|scope| scope.end(Err(reason.clone())));
            return Err(reason);
        }
    };
    scopes.fill("cyrus_partition", &conf.source, || Ok(conf.partitions()));
    scopes.fill("imapd_setting", &conf.source, || Ok(settings::settings(&conf)));
    if let Some(scope) = scopes.begin("sync_log", &conf.source) {
        let outcome =
            sync_log::files(root, &conf).map_err(Reason::from).and_then(|(rows, gap)| scope.add(&rows).map(|()| gap));
        scope.end_with(outcome);
    }
    let backend = Backend { root, conf: &conf, scopes: &scopes, roll };
    match Mailboxes::read(root, &conf) {
        Ok(first) => backend.fill(&first),
        Err(reason) => {
            backend.fill_without_list(&reason);
            Err(reason)
        }
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
            let outcome = rows().map_err(Reason::from).and_then(|rows| scope.add(&rows));
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
    roll: Option<&'a dyn Gather>,
}

impl Backend<'_> {
    fn fill(&self, first: &Mailboxes) -> Result<(), String> {
        let known = names(first);
        let scope = self.scopes.begin("cyrus_index", &first.source);
        let mut read = Ok(None);
        if scope.is_some() || self.roll.is_some() {
            let rows = Rows(scope.as_ref());
            read = self.indexes(first, &rows).and_then(|doubtful| {
                let last = self.list()?;
                let lost = last.mailboxes.iter().filter(|mailbox| mailbox.directories.is_none());
                lost.for_each(|mailbox| self.miss(mailbox, "its partition is not defined"));
                self.settle_indexes(&known, &doubtful, &last, &rows)
            });
        }
        if let Some(scope) = scope {
            scope.end_with(read.clone());
        }
        let again =
            self.scopes.begin("spool_directory", &self.conf.source).map(|scope| self.spool(first, &known, scope));
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
        read.map(|_| ())
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
    fn spool(&self, first: &Mailboxes, known: &HashSet<&MailboxName>, scope: Scope<'_>) -> Result<Mailboxes, String> {
        let used = first.mailboxes.iter().filter_map(Mailbox::partition).collect();
        let (outcome, last) = match spool::walk(self.root, self.conf, known, &used, &scope) {
            Ok(walked) => self.settle_spool(walked),
            Err(reason) => (Err(reason), self.list()),
        };
        scope.end_with(outcome);
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
    fn indexes<'m>(&self, list: &'m Mailboxes, rows: &Rows<'_>) -> Result<Vec<&'m Mailbox>, String> {
        let mut doubtful = Vec::new();
        for batch in list.mailboxes.chunks(BATCH) {
            let looked: Vec<(&Mailbox, Row, bool)> = batch
                .par_iter()
                .filter_map(|mailbox| Some((mailbox, self.look(mailbox)?)))
                // Messages are handed on at once: all those of a batch may be too many.
                .map(|(mailbox, looked)| {
                    if looked.is_sound {
                        self.enrol(mailbox, &looked)?;
                    }
                    Ok((mailbox, looked.row, looked.is_sound))
                })
                .collect::<Result<_, String>>()?;
            doubtful.extend(looked.iter().filter(|look| !look.2).map(|look| look.0));
            rows.add(looked.into_iter().filter(|look| look.2).map(|look| look.1))?;
        }
        Ok(doubtful)
    }

    /// Looks again at the doubtful indexes and at those of new mailboxes, as long as something seems wrong with one that
    /// is still listed: a mailbox that is being moved or deleted leaves the disk before it leaves the list. Returns what
    /// the system refuses to read.
    fn settle_indexes(
        &self,
        known: &HashSet<&MailboxName>,
        doubtful: &[&Mailbox],
        last: &Mailboxes,
        rows: &Rows<'_>,
    ) -> Result<Option<String>, String> {
        let new = last.mailboxes.iter().filter(|mailbox| !known.contains(&mailbox.name));
        let mut due: HashMap<MailboxName, Option<Looked>> =
            doubtful.iter().copied().chain(new).map(|mailbox| (mailbox.name.clone(), None)).collect();
        let mut again = None;
        for _ in 0..LOOKS {
            let list = again.as_ref().unwrap_or(last);
            let mut wrong = HashMap::new();
            for mailbox in list.mailboxes.iter().filter(|mailbox| due.contains_key(&mailbox.name)) {
                let Some(looked) = self.look(mailbox) else { continue };
                if looked.is_sound {
                    self.enrol(mailbox, &looked)?;
                    rows.add(std::iter::once(looked.row))?;
                } else {
                    wrong.insert(mailbox.name.clone(), Some(looked));
                }
            }
            due = wrong;
            if due.is_empty() {
                return Ok(None);
            }
            std::thread::sleep(PAUSE);
            again = Some(self.list()?);
        }
        let listed = again.as_ref().map_or(&[][..], |list| &list.mailboxes).iter();
        let wrong = listed.filter_map(|mailbox| Some((mailbox, due.remove(&mailbox.name)??))).collect();
        self.give_in(wrong, rows)
    }

    /// Adds the rows of indexes that stay wrong. Returns what the system refuses to read: that is not known to be wrong.
    fn give_in(&self, wrong: Vec<(&Mailbox, Looked)>, rows: &Rows<'_>) -> Result<Option<String>, String> {
        wrong.iter().try_for_each(|(mailbox, looked)| self.enrol(mailbox, looked))?;
        let refused: BTreeSet<String> = wrong.iter().filter_map(|(_, looked)| looked.refused.clone()).collect();
        rows.add(wrong.into_iter().map(|(_, looked)| looked.row))?;
        let gap = || format!("{} index(es) or header(s) could not be read: {}", refused.len(), some(&refused));
        Ok((!refused.is_empty()).then(gap))
    }

    fn look(&self, mailbox: &Mailbox) -> Option<Looked> {
        Some(indexes::look(self.root, mailbox, mailbox.directories.as_ref()?, self.roll.is_some()))
    }

    /// Hands the messages of a mailbox to those who asked for them.
    fn enrol(&self, mailbox: &Mailbox, looked: &Looked) -> Result<(), String> {
        let Some(roll) = self.roll else { return Ok(()) };
        match &looked.content {
            Some(content) if self.is_deleted(mailbox) => roll.add_deleted(content),
            Some(content) => return roll.add(mailbox.owner(self.conf), content),
            None => self.miss(mailbox, looked.state),
        }
        Ok(())
    }

    fn miss(&self, mailbox: &Mailbox, why: &str) {
        if let Some(roll) = self.roll.filter(|_| !self.is_deleted(mailbox)) {
            roll.miss(&escaped(mailbox.name.as_bytes()), why);
        }
    }

    fn is_deleted(&self, mailbox: &Mailbox) -> bool {
        mailbox.name.parts(&self.conf.hashing.deleted_prefix).is_deleted
    }

    /// Without a list nothing explains a directory: all are added as they are.
    fn spool_alone(&self, scope: Scope<'_>) {
        let (known, used) = (HashSet::new(), HashSet::new());
        let outcome = spool::walk(self.root, self.conf, &known, &used, &scope).and_then(Walked::finish);
        scope.end_with(outcome);
    }
}

/// The scope that rows go into, if somebody wants them.
struct Rows<'a>(Option<&'a Scope<'a>>);

impl Rows<'_> {
    fn add(&self, rows: impl Iterator<Item = Row>) -> Result<(), String> {
        Ok(self.0.map_or(Ok(()), |scope| scope.add_all(rows))?)
    }
}

fn names(list: &Mailboxes) -> HashSet<&MailboxName> {
    list.mailboxes.iter().map(|mailbox| &mailbox.name).collect()
}

/// The first few of several reasons.
fn some(reasons: &BTreeSet<String>) -> String {
    let told: Vec<&str> = reasons.iter().take(TOLD).map(String::as_str).collect();
    told.join("; ") + if reasons.len() > TOLD { "; …" } else { "" }
}

#[cfg(test)]
mod tests;

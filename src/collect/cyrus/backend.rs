//! The mailboxes of a backend: the list of them, their indexes, and the spool, each looked at in the light of the others.
//!
//! Clients create, rename and delete mailboxes while the indexes and the spool are read. So mailboxes.db is read before
//! and after, and what only one of the two lists explains is looked at again before it becomes a row.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::conf::{self, Conf};
use super::files::{Files, FilesTold, MailboxFiles, PartitionFiles};
use super::indexes::{self, CyrusIndex, Inspected};
use super::mailboxes::{
    CyrusEntryUnreadable, CyrusEntryUnserved, CyrusList, CyrusMailbox, ListFile, Mailbox, Mailboxes, Names, Unlisted,
};
use super::spool::{self, SpoolDirectory, Walked};
use crate::collect::reach::mailbox::{Gather, Owner};
use crate::collect::reach::place::Place;
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Pour, Rows, Seen};
use crate::format::mailbox_name::MailboxName;
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

/// Mailboxes looked at before their rows are handed over.
const BATCH: usize = 2_000;
/// Looks at what seems wrong on a server that works meanwhile, and the pause between two: a server under load takes its
/// time to finish what it has begun.
const LOOKS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(300);

/// Looks at the mailboxes of a backend, and hands the messages in their indexes to who gathers them.
pub(in crate::collect) async fn look(place: &Place, messages: Option<Arc<dyn Gather>>) -> Seen {
    let wants_files = place.pour::<PartitionFiles>().is_some() || place.pour::<MailboxFiles>().is_some();
    let wanted = Wanted { indexes: place.pour(), spool: place.pour(), messages: messages.clone(), wants_files };
    let looked = place.aside(move |root| Conf::read(root).map(|conf| look_with(root, conf, &wanted))).await;
    let told = looked.unwrap_or_else(|reason| Told::nothing(place.root.shown(conf::PATH), reason.into()));
    if let Some(messages) = messages {
        messages.end(told.indexes.as_ref().map(|_| ()).map_err(Clone::clone));
    }
    let list = told.list.as_ref().map_err(|reason| reason.clone());
    let seen = Seen::at(told.source)
        .tell::<CyrusList>(told.file.map(|file| vec![file.row(place.now)]))
        .tell::<CyrusEntryUnreadable>(list.clone().map(|list| list.unreadable.clone()))
        .tell::<CyrusEntryUnserved>(list.map(|list| list.unserved.clone()));
    let mailboxes =
        told.list.map(|list| Rows::each(list.mailboxes.into_iter().map(move |mailbox| mailbox.row(&list.conf))));
    let gap =
        told.files.as_ref().ok().and_then(FilesTold::gap).or_else(|| told.indexes.as_ref().ok().cloned().flatten());
    let partitions = told.files.as_ref().map(|files| Rows::from(files.partitions.clone()).but(gap.clone()));
    let partitions = partitions.map_err(Clone::clone);
    let mailbox_files = told.files.map(|files| Rows::from(files.mailboxes).but(gap));
    seen.tell::<CyrusMailbox>(mailboxes)
        .tell::<CyrusIndex>(told.indexes.map(|gap| Rows::poured().but(gap)))
        .tell::<PartitionFiles>(partitions)
        .tell::<MailboxFiles>(mailbox_files)
        .then_at(place.root.shown(conf::PATH))
        .tell::<SpoolDirectory>(told.spool.map(|gap| Rows::poured().but(gap)))
}

/// Who asks for what the mailboxes tell.
struct Wanted {
    indexes: Option<Pour<CyrusIndex>>,
    spool: Option<Pour<SpoolDirectory>>,
    messages: Option<Arc<dyn Gather>>,
    /// Whether indexes are to be held against the files.
    wants_files: bool,
}

/// What was poured, but for a gap.
type Poured = Result<Option<Reason>, Reason>;

/// What looking at the mailboxes of a backend gave.
struct Told {
    /// Where the list is.
    source: String,
    file: Result<ListFile, Reason>,
    list: Result<List, Reason>,
    indexes: Poured,
    spool: Poured,
    files: Result<FilesTold, Reason>,
}

/// The mailboxes of mailboxes.db.
struct List {
    conf: Conf,
    unreadable: Vec<CyrusEntryUnreadable>,
    unserved: Vec<CyrusEntryUnserved>,
    mailboxes: Vec<Mailbox>,
}

impl Told {
    fn nothing(source: String, why: Unlisted) -> Self {
        let (reason, file) = (why.reason.clone(), why.file.map(|file| *file).ok_or(why.reason));
        Self {
            source,
            file,
            list: Err(reason.clone()),
            indexes: Err(reason.clone()),
            spool: Err(reason.clone()),
            files: Err(reason),
        }
    }
}

fn look_with(root: &Root, conf: Conf, wanted: &Wanted) -> Told {
    let mut backend = Backend { root, conf: &conf, wanted, files: None };
    let mut first = match Mailboxes::read(root, &conf) {
        Ok(first) => first,
        Err(why) => return Told { spool: backend.spool_alone(), ..Told::nothing(conf.source.clone(), why) },
    };
    let known = first.names();
    backend.files = wanted.wants_files.then(|| Files::of(&conf, &first.mailboxes));
    let indexes = backend.indexes(&first, &known);
    let (spool, last) = backend.spool(&first, &known);
    let files = backend.settle_files(&indexes, &spool);
    // A list that cannot be read any more: what it said a moment ago is all there is.
    let last = last.or_else(|| backend.another_look(&first)).and_then(Result::ok).flatten();
    let file = Ok(first.file());
    let (mut new, mut unreadable, mut unserved) = (Vec::new(), None, first.unserved.clone());
    if let Some(last) = last {
        new.extend(last.mailboxes.into_iter().filter(|mailbox| !known.contains_key(&mailbox.name)));
        unreadable = Some(last.unreadable);
        unserved.retain(|entry| last.unserved.contains(entry));
    }
    first.mailboxes.extend(new);
    let unreadable = unreadable.unwrap_or(first.unreadable);
    let list = List { conf, unreadable, unserved, mailboxes: first.mailboxes };
    Told { source: first.source, file, list: Ok(list), indexes, spool, files }
}

/// The list at another look; none where it is as it was at the first.
type Later = Result<Option<Mailboxes>, Reason>;

/// The ids in cyrus.header of mailboxes whose entries have none.
type Ids<'m> = HashMap<&'m MailboxName, String>;

/// What reading the indexes once gave.
struct Read<'m> {
    /// Mailboxes whose index seems wrong.
    doubtful: Vec<&'m Mailbox>,
    ids: Ids<'m>,
}

struct Backend<'a> {
    root: &'a Root,
    conf: &'a Conf,
    wanted: &'a Wanted,
    files: Option<Files<'a>>,
}

impl Backend<'_> {
    /// The list of a moment later, if it has entries that do not last as a rule: Cyrus reserves a name and then makes the
    /// mailbox.
    fn another_look(&self, first: &Mailboxes) -> Option<Later> {
        (!first.unserved.is_empty()).then(|| {
            std::thread::sleep(PAUSE);
            first.changed(self.root, self.conf)
        })
    }

    /// Walks the spool, then looks again at what the list of before does not explain. Returns the list of after as well,
    /// if the spool was asked for.
    fn spool(&self, first: &Mailboxes, known: &Names<'_>) -> (Poured, Option<Later>) {
        if self.wanted.spool.is_none() && !self.wanted.wants_files {
            return (Ok(None), None);
        }
        let used = first.mailboxes.iter().filter_map(Mailbox::partition).collect();
        let pour = self.wanted.spool.as_ref();
        let (poured, last) =
            match spool::walk(self.root, self.conf, &first.mailboxes, known, self.files.as_ref(), &used, pour) {
                Ok(walked) => self.settle_spool(walked, first, known),
                Err(reason) => (Err(reason), first.changed(self.root, self.conf)),
            };
        (poured, Some(last))
    }

    fn settle_spool(&self, mut walked: Walked<'_>, first: &Mailboxes, known: &Names<'_>) -> (Poured, Later) {
        let mut last = first.changed(self.root, self.conf);
        for look in 1..=LOOKS {
            let settled = match &last {
                Ok(Some(list)) => walked.settle(&list.names()),
                Ok(None) => walked.settle(known),
                Err(_) => Ok(()),
            };
            if let Err(reason) = settled {
                return (Err(reason), last);
            }
            if walked.suspects.is_empty() || look == LOOKS {
                break;
            }
            std::thread::sleep(PAUSE);
            last = first.changed(self.root, self.conf);
        }
        (walked.finish(), last)
    }

    /// Looks closer at folders that seem to lack files, once both sides are known.
    fn settle_files(&self, indexes: &Poured, spool: &Poured) -> Result<FilesTold, Reason> {
        let Some(files) = &self.files else { return Ok(FilesTold::default()) };
        let failure = indexes.as_ref().err().or(spool.as_ref().err());
        failure.map_or_else(|| Ok(files.settle(self.root)), |reason| Err(reason.clone()))
    }

    /// Without a list nothing explains a directory: all are added as they are.
    fn spool_alone(&self) -> Poured {
        let Some(pour) = &self.wanted.spool else { return Ok(None) };
        let (known, used) = (Names::new(), HashSet::new());
        spool::walk(self.root, self.conf, &[], &known, None, &used, Some(pour)).and_then(Walked::finish)
    }

    /// Reads the indexes, and looks again at those that seem wrong, or are of mailboxes that are new.
    fn indexes(&self, first: &Mailboxes, known: &Names<'_>) -> Poured {
        if self.wanted.indexes.is_none() && self.wanted.messages.is_none() && !self.wanted.wants_files {
            return Ok(None);
        }
        let Read { doubtful, ids } = self.read_indexes(first, known)?;
        let later = first.changed(self.root, self.conf)?;
        let last = later.as_ref().unwrap_or(first);
        self.judge_conf(last)?;
        for mailbox in last.mailboxes.iter().filter(|mailbox| mailbox.directories(self.conf).is_none()) {
            self.miss(mailbox, |name| Cyrus::NoPartition { name });
        }
        let left = later.as_ref().map(|last| self.left(first, last, &doubtful, &ids)).unwrap_or_default();
        self.settle_indexes(known, &doubtful, first, last, &left)
    }

    /// The ids of live mailboxes that were read and are not listed any more: where another name has one of them, that is
    /// the same mailbox, renamed.
    fn left<'m>(
        &self,
        first: &'m Mailboxes,
        last: &Mailboxes,
        doubtful: &[&Mailbox],
        ids: &'m Ids<'_>,
    ) -> HashSet<&'m str> {
        let (now, doubtful) = (last.names(), doubtful.iter().map(|mailbox| &mailbox.name).collect::<HashSet<_>>());
        let is_left = |mailbox: &&Mailbox| !now.contains_key(&mailbox.name) && !doubtful.contains(&mailbox.name);
        let left = first.mailboxes.iter().filter(is_left).filter(|mailbox| !mailbox.is_deleted(self.conf));
        left.filter_map(|mailbox| mailbox.unique_id().or(ids.get(&mailbox.name).map(String::as_str))).collect()
    }

    /// A configuration that defines none of the partitions of the list was cut off, or is another server's: what indexes
    /// there are is not known then. One partition that is missing is an anomaly of its mailboxes alone.
    fn judge_conf(&self, list: &Mailboxes) -> Result<(), Reason> {
        let mut used = list.mailboxes.iter().filter_map(Mailbox::partition);
        let Some(first) = used.clone().next() else { return Ok(()) };
        if used.any(|partition| self.conf.imapd.roots(partition).is_some()) {
            return Ok(());
        }
        let (path, partition) = (self.conf.source.clone(), first.to_owned());
        Err(Cyrus::NoUsedPartition { path, partition }.into())
    }

    /// Pours the rows of sound indexes; the mailboxes of the others are left to settle.
    fn read_indexes<'m>(&self, list: &'m Mailboxes, known: &Names<'_>) -> Result<Read<'m>, Reason> {
        let (mut doubtful, mut ids, mut rows) = (Vec::new(), Ids::new(), Vec::new());
        for batch in list.mailboxes.chunks(BATCH) {
            let inspected = batch.par_iter().filter_map(|mailbox| Some((mailbox, self.inspect(mailbox)?)));
            // Messages are handed on at once: all those of a batch may be too many.
            let handed_on = inspected.map(|(mailbox, inspected)| match inspected.is_sound() {
                true => self.hand_on(known, mailbox, &inspected).map(|()| (mailbox, Some(inspected.row))),
                false => Ok((mailbox, None)),
            });
            // Rows go to the store while the next indexes are read.
            let sound = std::mem::take(&mut rows);
            let (poured, looked) = rayon::join(|| self.pour(sound), || handed_on.collect::<Result<Vec<_>, Reason>>());
            let (looked, ()) = (looked?, poured?);
            doubtful.extend(looked.iter().filter(|(_, row)| row.is_none()).map(|(mailbox, _)| *mailbox));
            let id = |(mailbox, row): &(&'m Mailbox, Option<CyrusIndex>)| {
                Some((&mailbox.name, row.as_ref()?.unique_id.clone()?)).filter(|_| mailbox.unique_id().is_none())
            };
            ids.extend(looked.iter().filter_map(id));
            rows.extend(looked.into_iter().filter_map(|(_, row): (_, Option<CyrusIndex>)| row));
        }
        self.pour(rows)?;
        Ok(Read { doubtful, ids })
    }

    /// Looks again at the doubtful indexes and at those of new mailboxes, as long as something seems wrong with one that
    /// is still listed: a mailbox that is being moved or deleted leaves the disk before it leaves the list. One that
    /// was read under the name that it had before, with an id of `left`, is not told twice. Returns what the system
    /// refuses to read.
    fn settle_indexes(
        &self,
        known: &Names<'_>,
        doubtful: &[&Mailbox],
        first: &Mailboxes,
        last: &Mailboxes,
        left: &HashSet<&str>,
    ) -> Poured {
        let new = last.mailboxes.iter().filter(|mailbox| !known.contains_key(&mailbox.name));
        let mut due: HashMap<MailboxName, Option<Inspected>> =
            doubtful.iter().copied().chain(new).map(|mailbox| (mailbox.name.clone(), None)).collect();
        let mut again;
        let mut list = last;
        for _ in 0..LOOKS {
            let mut wrong = HashMap::new();
            for mailbox in list.mailboxes.iter().filter(|mailbox| due.contains_key(&mailbox.name)) {
                let Some(inspected) = self.inspect(mailbox) else { continue };
                let id = inspected.row.unique_id.as_deref().or(mailbox.unique_id());
                if !inspected.is_sound() {
                    wrong.insert(mailbox.name.clone(), Some(inspected));
                } else if mailbox.is_deleted(self.conf) || id.is_none_or(|id| !left.contains(id)) {
                    self.hand_on(known, mailbox, &inspected)?;
                    self.pour([inspected.row])?;
                }
            }
            due = wrong;
            if due.is_empty() {
                return Ok(None);
            }
            std::thread::sleep(PAUSE);
            again = first.changed(self.root, self.conf)?;
            list = again.as_ref().unwrap_or(first);
        }
        self.keep_wrong(
            known,
            list.mailboxes.iter().filter_map(|mailbox| Some((mailbox, due.remove(&mailbox.name)??))).collect(),
        )
    }

    /// Pours the rows of indexes that stay wrong. Returns what the system refuses to read: that is not known to be wrong.
    fn keep_wrong(&self, known: &Names<'_>, wrong: Vec<(&Mailbox, Inspected)>) -> Poured {
        wrong.iter().try_for_each(|(mailbox, inspected)| self.hand_on(known, mailbox, inspected))?;
        let refused: BTreeSet<Reason> = wrong.iter().filter_map(|(_, inspected)| inspected.refusal.clone()).collect();
        self.pour(wrong.into_iter().map(|(_, inspected)| inspected.row))?;
        let count = refused.len();
        let gap = || Cyrus::IndexesUnread { count, first: Reason::places(refused) }.into();
        Ok((count > 0).then(gap))
    }

    fn inspect(&self, mailbox: &Mailbox) -> Option<Inspected> {
        let directories = mailbox.directories(self.conf)?;
        Some(indexes::inspect(self.root, mailbox, &directories, self.wanted.messages.is_some()))
    }

    fn pour(&self, rows: impl IntoIterator<Item = CyrusIndex>) -> Result<(), Reason> {
        self.wanted.indexes.as_ref().map_or(Ok(()), |pour| pour.add(rows))
    }

    /// Hands the messages of a mailbox to who gathers them, and to who looks for their files.
    fn hand_on(&self, known: &Names<'_>, mailbox: &Mailbox, inspected: &Inspected) -> Result<(), Reason> {
        if let (Some(files), Some(number), Some(expected)) = (&self.files, known.get(&mailbox.name), inspected.expected)
        {
            files.expect(*number, expected);
        }
        let Some(messages) = &self.wanted.messages else { return Ok(()) };
        match &inspected.content {
            Some(content) if mailbox.is_deleted(self.conf) || content.is_deleted => {
                messages.add_deleted(mailbox.owner(self.conf), content)
            }
            Some(content) => {
                let owner = mailbox.owner(self.conf);
                return messages.add(Owner { has_reader: owner.has_reader && content.tells_seen, ..owner }, content);
            }
            None => {
                let state = inspected.row.state.word().to_owned();
                self.miss(mailbox, |name| Cyrus::IndexNotSound { name, state });
            }
        }
        Ok(())
    }

    fn miss(&self, mailbox: &Mailbox, why: impl FnOnce(String) -> Cyrus) {
        if let Some(messages) = self.wanted.messages.as_ref().filter(|_| !mailbox.is_deleted(self.conf)) {
            messages.miss(why(escaped(mailbox.name.as_bytes())));
        }
    }
}

//! The messages that indexes know, held against the files of the spool.
//!
//! The indexes and the spool are both read for other reasons. Of each folder the numbers of its messages are boiled down to
//! a count and a sum that does not depend on their order, on both sides; where these differ, a closer look tells which files
//! are missing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::conf::Conf;
use super::mailboxes::{Mailbox, shown};
use super::trees::Kind;
use crate::collect::reach::mailbox::root_name;
use crate::collect::reach::root::Root;
use crate::fact::table;
use crate::format::cyrus_index::{IndexError, Record, Records};
use crate::format::imapd_conf::ImapdConf;
use crate::format::spool_path::Directories;
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

table! {
    /// What each partition holds of the message files that its indexes know, for its data and its archive tree. Mailboxes
    /// whose index cannot be read are left out, and those that wait for their purge.
    pub(in crate::collect) struct PartitionFiles: "partition_files", "a partition's data or archive tree", Backend {
        /// partition of the mailboxes
        partition: String as key,
        /// where the files belong
        tree: Kind,
        /// folder of the partition in that tree
        directory: String,
        /// messages that users have, and whose file belongs there
        messages: u64,
        /// of these, those whose file is there
        found: u64,
        /// expunged messages whose file Cyrus still keeps
        expunged: u64,
        /// of these, those whose file is there
        expunged_found: u64,
    }
}

table! {
    /// The live folders of Cyrus that lack files of messages that users have. Each was looked at several times. Where a
    /// partition's tree holds none at all, its folders are not listed one by one.
    pub(in crate::collect) struct MailboxFiles: "mailbox_files", "a live folder that lacks message files, in one tree", Backend {
        /// internal name
        name: String as key,
        /// internal name of the mailbox it belongs to
        root_name: String as key,
        /// its partition
        partition: String as key,
        /// where the files belong
        tree: Kind,
        /// folder in which they should be
        directory: String,
        /// messages that users have, and whose file belongs there
        messages: u64,
        /// of these, those without file
        missing: u64,
        /// of these, those whose file is there and has no content
        empty: u64,
        /// expunged messages without file: no harm
        expunged_missing: u64,
    }
}

/// Looks at a folder that seems to lack files, and the pause between two: a message that moves is for a moment in neither.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);

/// A set of message numbers, by count and sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    count: u64,
    sum: u64,
}

impl Numbers {
    /// Adds a number.
    pub(super) fn add(&mut self, uid: u32) {
        // Sums of the numbers themselves would be the same for many sets (the finaliser of SplitMix64).
        let mut mixed = u64::from(uid).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.count += 1;
        self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 31));
    }
}

/// The number that a message file is called after.
pub(super) fn uid_of(name: &[u8]) -> Option<u32> {
    let number = name.strip_suffix(b".")?;
    let is_plain = number.iter().all(u8::is_ascii_digit) && !number.starts_with(b"0");
    is_plain.then(|| std::str::from_utf8(number).ok()?.parse().ok()).flatten()
}

/// Messages whose file belongs into a tree.
#[derive(Debug, Clone, Copy, Default)]
struct Due {
    numbers: Numbers,
    messages: u32,
    expunged: u32,
}

/// Messages of a folder whose files should be there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expected {
    data: Due,
    archive: Due,
}

impl Expected {
    /// Adds what a record says. A message is in the archive if there is one.
    pub(super) fn add(&mut self, record: &Record, has_archive: bool) {
        let flags = record.flags;
        if flags.is_unlinked() {
            return;
        }
        let due = if has_archive && flags.is_archived() { &mut self.archive } else { &mut self.data };
        due.numbers.add(record.uid);
        due.messages += u32::from(!flags.is_expunged());
        due.expunged += u32::from(flags.is_expunged());
    }

    fn of(&self, kind: Kind) -> &Due {
        if kind == Kind::Archive { &self.archive } else { &self.data }
    }
}

/// What is known of the files of one mailbox.
#[derive(Debug, Default)]
struct Known {
    expected: OnceLock<Box<Expected>>,
    /// Whether the data and the archive tree hold just what is expected.
    is_whole: [AtomicBool; 2],
}

/// The trees that hold messages.
const TREES: [Kind; 2] = [Kind::Data, Kind::Archive];

/// The files of all mailboxes of a list.
pub(super) struct Files<'a> {
    conf: &'a Conf,
    mailboxes: &'a [Mailbox],
    known: Vec<Known>,
    has_archive: bool,
}

/// Whether archived messages are files: Cyrus may put them into an object store instead.
fn has_archive(imapd: &ImapdConf) -> bool {
    imapd.switch("object_storage_enabled", false) != Ok(true)
}

impl<'a> Files<'a> {
    pub(super) fn of(conf: &'a Conf, mailboxes: &'a [Mailbox]) -> Self {
        let known = mailboxes.iter().map(|_| Known::default()).collect();
        Self { conf, mailboxes, known, has_archive: has_archive(&conf.imapd) }
    }

    /// Notes what the sound index of a mailbox knows.
    pub(super) fn expect(&self, number: usize, expected: Expected) {
        let due = |kind| expected.of(kind).numbers.count > 0;
        if TREES.into_iter().any(due) && !self.mailboxes[number].is_deleted(self.conf) {
            let _ = self.known[number].expected.set(Box::new(expected));
        }
    }

    /// Notes the files that lie where a mailbox of that partition would have them.
    pub(super) fn find(&self, number: usize, kind: Kind, partition: Option<&str>, found: Numbers) {
        let known = &self.known[number];
        let is_there = partition.is_some() && self.mailboxes[number].partition() == partition;
        if let (true, Some(expected)) = (is_there, known.expected.get())
            && expected.of(kind).numbers == found
        {
            known.is_whole[usize::from(kind == Kind::Archive)].store(true, Ordering::Relaxed);
        }
    }

    /// Where a mailbox has its files, if Cyrus puts any there.
    fn place<'d>(&self, directories: &'d Directories, kind: Kind) -> Option<&'d Path> {
        match kind {
            Kind::Archive => directories.archive.as_deref().filter(|_| self.has_archive),
            _ => Some(&directories.data),
        }
    }

    /// The folders that seem to lack files: a mailbox by its number, and the tree.
    fn doubtful(&self) -> Vec<(usize, Kind)> {
        let is_doubtful = |known: &Known, kind: Kind| {
            let is_whole = known.is_whole[usize::from(kind == Kind::Archive)].load(Ordering::Relaxed);
            !is_whole && known.expected.get().is_some_and(|expected| expected.of(kind).numbers.count > 0)
        };
        let of = |(number, known)| {
            TREES.into_iter().filter(move |kind| is_doubtful(known, *kind)).map(move |kind| (number, kind))
        };
        self.known.iter().enumerate().flat_map(of).collect()
    }

    /// Looks closer at what seems to lack files, and tells what does, and what could not be looked at.
    pub(super) fn settle(&self, root: &Root) -> FilesTold {
        let mut doubtful: Vec<(usize, Kind, Option<Lack>)> =
            self.doubtful().into_iter().map(|(number, kind)| (number, kind, None)).collect();
        let mut told = FilesTold::default();
        for look in 1..=LOOKS {
            let looked: Vec<_> = doubtful
                .par_iter()
                .map(|(number, kind, before)| (*number, *kind, self.lack(root, *number, *kind, before.as_ref())))
                .collect();
            doubtful.clear();
            for (number, kind, lack) in looked {
                match lack {
                    Ok(Some(lack)) if !lack.messages.is_empty() || !lack.expunged.is_empty() || lack.empty > 0 => {
                        doubtful.push((number, kind, Some(lack)))
                    }
                    Ok(_) => {}
                    Err(reason) if look == LOOKS => drop(told.gaps.insert(reason)),
                    // What is being written is whole in a moment.
                    Err(_) => doubtful.push((number, kind, None)),
                }
            }
            if doubtful.is_empty() || look == LOOKS {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        self.sum_up(&doubtful, &mut told);
        told
    }

    /// What a folder lacks now, and lacked before if it was looked at. Nothing where its index is gone: so is the folder.
    fn lack(&self, root: &Root, number: usize, kind: Kind, before: Option<&Lack>) -> Result<Option<Lack>, Reason> {
        let Some(directories) = self.mailboxes[number].directories(self.conf) else { return Ok(None) };
        let Some(place) = self.place(&directories, kind) else { return Ok(None) };
        let Some((index, _)) = root.find_own_file(&directories.index, directories.levels + 1)? else { return Ok(None) };
        let records = sound(Records::open(BufReader::new(index)));
        let records = records.map_err(|error| root.unreadable(&directories.index, &error))?;
        let there = Listed::of(root, place, directories.levels)?;
        let has_archive = self.place(&directories, Kind::Archive).is_some();
        let mut lack = Lack::default();
        for record in records.iter().filter(|record| !record.flags.is_unlinked()) {
            let belongs_to = if has_archive && record.flags.is_archived() { Kind::Archive } else { Kind::Data };
            if belongs_to != kind {
                continue;
            }
            match (there.uids.contains(&record.uid), record.flags.is_expunged()) {
                (false, true) => drop(lack.expunged.insert(record.uid)),
                (false, false) => drop(lack.messages.insert(record.uid)),
                (true, false) => lack.empty += u64::from(there.empty.contains(&record.uid) && record.size > 0),
                (true, true) => {}
            }
        }
        if let Some(before) = before {
            lack.messages.retain(|uid| before.messages.contains(uid));
            lack.expunged.retain(|uid| before.expunged.contains(uid));
        }
        Ok(Some(lack))
    }

    fn sum_up(&self, lacking: &[(usize, Kind, Option<Lack>)], told: &mut FilesTold) {
        let mut sums: BTreeMap<(&str, &str), PartitionFiles> = BTreeMap::new();
        for (number, known) in self.known.iter().enumerate() {
            let (mailbox, Some(expected)) = (&self.mailboxes[number], known.expected.get()) else { continue };
            let Some(partition) = mailbox.partition() else { continue };
            for kind in TREES {
                let due = expected.of(kind);
                if due.numbers.count == 0 {
                    continue;
                }
                let sum = sums.entry((partition, kind.word())).or_insert_with(|| self.nothing_of(partition, kind));
                sum.messages += u64::from(due.messages);
                sum.found += u64::from(due.messages);
                sum.expunged += u64::from(due.expunged);
                sum.expunged_found += u64::from(due.expunged);
            }
        }
        for (number, kind, lack) in lacking {
            let (mailbox, Some(lack)) = (&self.mailboxes[*number], lack) else { continue };
            let Some(partition) = mailbox.partition() else { continue };
            if let Some(sum) = sums.get_mut(&(partition, kind.word())) {
                sum.found = sum.found.saturating_sub(len(&lack.messages));
                sum.expunged_found = sum.expunged_found.saturating_sub(len(&lack.expunged));
            }
            told.mailboxes.extend(self.row(*number, *kind, partition, lack));
        }
        let is_lost = |row: &MailboxFiles| {
            let sum = sums.get(&(row.partition.as_str(), row.tree.word()));
            sum.is_some_and(|sum| sum.found + sum.expunged_found == 0)
        };
        told.mailboxes.retain(|row| !is_lost(row));
        told.partitions = sums.into_values().collect();
    }

    fn nothing_of(&self, partition: &str, kind: Kind) -> PartitionFiles {
        let roots = self.conf.imapd.roots(partition);
        let directory = roots.and_then(|roots| if kind == Kind::Archive { roots.archive } else { Some(roots.data) });
        PartitionFiles {
            partition: partition.to_owned(),
            tree: kind,
            directory: directory.unwrap_or_default().to_owned(),
            messages: 0,
            found: 0,
            expunged: 0,
            expunged_found: 0,
        }
    }

    fn row(&self, number: usize, kind: Kind, partition: &str, lack: &Lack) -> Option<MailboxFiles> {
        let mailbox = &self.mailboxes[number];
        let directories = mailbox.directories(self.conf)?;
        let place = self.place(&directories, kind)?;
        let messages = self.known[number].expected.get()?.of(kind).messages;
        (!lack.messages.is_empty() || lack.empty > 0).then(|| MailboxFiles {
            name: escaped(mailbox.name.as_bytes()),
            root_name: root_name(&mailbox.name, &self.conf.hashing.deleted_prefix),
            partition: partition.to_owned(),
            tree: kind,
            directory: shown(place),
            messages: u64::from(messages),
            missing: len(&lack.messages),
            empty: lack.empty,
            expunged_missing: len(&lack.expunged),
        })
    }
}

/// The records of an index; the error says why they are not those that were written.
fn sound<R: Read>(records: Result<Records<R>, IndexError>) -> Result<Vec<Record>, String> {
    let records = records.map_err(|error| error.to_string())?;
    let mut is_right = records.header().crc.is_right();
    let read: Vec<Record> = records.collect::<Result<_, _>>().map_err(|error: IndexError| error.to_string())?;
    is_right &= read.iter().all(|record| record.crc.is_right());
    is_right.then_some(read).ok_or_else(|| "wrong CRC".to_owned())
}

/// What holding indexes against files gave.
#[derive(Default)]
pub(super) struct FilesTold {
    pub(super) partitions: Vec<PartitionFiles>,
    pub(super) mailboxes: Vec<MailboxFiles>,
    gaps: BTreeSet<Reason>,
}

impl FilesTold {
    /// What could not be looked at.
    pub(super) fn gap(&self) -> Option<Reason> {
        let count = self.gaps.len();
        let gap = || Cyrus::SpoolUnread { count, first: Reason::places(self.gaps.clone()) }.into();
        (count > 0).then(gap)
    }
}

/// Numbers of messages without file.
#[derive(Default)]
struct Lack {
    messages: BTreeSet<u32>,
    expunged: BTreeSet<u32>,
    /// Messages whose file has no content.
    empty: u64,
}

fn len(numbers: &BTreeSet<u32>) -> u64 {
    u64::try_from(numbers.len()).unwrap_or(u64::MAX)
}

/// The message files of a folder.
#[derive(Default)]
struct Listed {
    uids: HashSet<u32>,
    empty: HashSet<u32>,
}

impl Listed {
    /// A folder that is not there holds none.
    fn of(root: &Root, place: &Path, levels: usize) -> Result<Self, Reason> {
        let mut listed = Self::default();
        let Some(entries) = root.find_own_folder(place, levels)? else { return Ok(listed) };
        let unreadable = |error: std::io::Error| root.unreadable(place, &error);
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            let Some(uid) = uid_of(entry.file_name().as_encoded_bytes()) else { continue };
            listed.uids.insert(uid);
            // What is gone by now is no empty file.
            if entry.metadata().is_ok_and(|data| data.is_file() && data.len() == 0) {
                listed.empty.insert(uid);
            }
        }
        Ok(listed)
    }
}

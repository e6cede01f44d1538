//! What a shard has by itself: its folders with the messages in them counted, and deleted mail that is kept.
//!
//! PostgreSQL would join records, items and bodies through files of gigabytes on its own disk. They are read as they are
//! instead, and joined here.

use std::collections::{BTreeMap, HashMap};

use super::folders::Groups;
use super::messages::spilling;
use super::shard::{BODIES, Bodies, Copied, FOLDERS, Held, ITEMS, RECORDS, RECORDS_OF_ITEMS, Replica};
use super::sorter::Sorter;
use crate::collect::reach::seen::{Open, Seen};
use crate::collect::reach::shard::Shard;
use crate::collect::reach::sink::Sink;
use crate::fact::{Record as _, Table, table};
use crate::model::Reason;
use crate::model::reason::Run;

table! {
    /// The mail folders that replication has created (`t_mailbox_replica`), with the messages counted in the shard.
    pub(in crate::collect) struct Folder: "folder", "a mail folder, deleted ones included", Shard {
        /// Cyrus' UNIQUEID: the folder's identity, also when it is renamed
        folder_uid: String as key,
        /// uid of the mailbox that owns it
        mailbox_uid: String as key,
        /// uid of the mailbox's domain
        domain_uid: Option<String>,
        /// full path, parts separated by `/`; 4.0 turns a `^` of Cyrus (a literal dot) into `/` here
        path: String,
        /// whether the item carries the deleted flag (2)
        is_deleted: bool,
        /// live records: not expunged
        messages: u64,
        /// live records whose message body has no row
        missing_bodies: u64,
    }
}

table! {
    /// The mailboxes in which mail is kept that was deleted and can still be brought back. Deleted folders are left out.
    pub(in crate::collect) struct DeletedMail: "deleted_mail", "a mailbox that has some", Shard {
        /// uid of the mailbox that owns it
        mailbox_uid: String as key,
        /// uid of the mailbox's domain
        domain_uid: Option<String>,
        /// expunged records: what is behind the trash
        expunged: u64,
        /// live records of folders called `Drafts` that are marked as draft and as deleted
        draft_versions: u64,
    }
}

/// What is counted in a shard.
pub(in crate::collect) const TABLES: &[&Table] = &[Folder::TABLE, DeletedMail::TABLE];

/// The tables that records are joined with for any of them, and that of bodies.
const NEEDED: &[&str] = &["t_mailbox_replica", "t_container_item", "t_container", "t_mailbox_record"];
const OF_BODIES: &[&str] = &["t_message_body"];

/// What a shard is asked for them; from 4.4 on no items.
pub(in crate::collect) fn statements(table: &str) -> &'static [&'static str] {
    match table {
        "folder" => &[FOLDERS, RECORDS_OF_ITEMS, ITEMS, RECORDS, BODIES],
        "deleted_mail" => &[FOLDERS, RECORDS_OF_ITEMS, ITEMS, RECORDS],
        _ => &[],
    }
}

/// Counts what is wanted of it in the shard of a server.
pub(in crate::collect) async fn count(
    shard: Result<Shard, Reason>,
    wanted: &[&'static Table],
    server: &str,
    sink: &Sink,
) {
    let Some(open) = Open::begin(sink, TABLES, wanted, server) else { return };
    let shown = shard.as_ref().map_or("none", |shard| shard.access.shown.as_str()).to_owned();
    let with_bodies = wanted.iter().any(|table| table.name == Folder::TABLE.name);
    let (folders, deleted) = match look(shard, with_bodies).await {
        Ok(Counted { folders, deleted }) => (folders, Ok(deleted)),
        Err(reason) => (Err(reason.clone()), Err(reason)),
    };
    open.end(Seen::at(shown).tell::<Folder>(folders).tell::<DeletedMail>(deleted));
}

async fn look(shard: Result<Shard, Reason>, with_bodies: bool) -> Result<Counted, Reason> {
    let shard = shard?;
    let snapshot = shard.open().await?;
    snapshot.has_tables(NEEDED).await?;
    let bodies = if with_bodies { snapshot.has_tables(OF_BODIES).await } else { Ok(()) };
    drop(snapshot);
    let held = Held::read(&shard, with_bodies && bodies.is_ok()).await?;
    let counted = tokio::task::spawn_blocking(move || Counted::of(held, bodies)).await;
    counted.unwrap_or_else(|error| Err(Run::Broken { error: error.to_string() }.into()))
}

/// Records of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    live: u64,
    /// Live ones of which there is no body.
    missing: u64,
    expunged: u64,
    /// Live ones that are marked as draft and as deleted.
    old_drafts: u64,
}

impl Count {
    fn of(records: &[Copied]) -> Self {
        let of = |is_one: fn(&Copied) -> bool| records.iter().filter(|record| is_one(record)).count() as u64;
        let live = of(|record| record.is_live);
        let old_drafts = of(|record| record.is_live && record.is_old_draft);
        Self { live, missing: 0, expunged: records.len() as u64 - live, old_drafts }
    }
}

/// What was counted; the folders are not known where there are no bodies to count.
struct Counted {
    folders: Result<Vec<Folder>, Reason>,
    deleted: Vec<DeletedMail>,
}

/// Messages that are held in memory to be found among the bodies: 17 MB.
const BUDGET: usize = 600_000;
/// Bytes of a live record: GUID and container. In that order they are sorted.
const LIVE: usize = 28;

impl Counted {
    fn of(held: Held, bodies: Result<(), Reason>) -> Result<Self, Reason> {
        let (mut counts, mut live) = (HashMap::new(), Sorter::new(BUDGET));
        let mut groups = Groups::of(held.records.sorted().map_err(|error| spilling(&error))?);
        while let Some((container, records)) = groups.next()? {
            counts.insert(container, Count::of(&records));
            for record in records.iter().filter(|record| record.is_live && held.bodies.is_some()) {
                live.push(bytes(record, container)).map_err(|error| spilling(&error))?;
            }
        }
        if let Some(bodies) = held.bodies {
            count_missing(live, bodies, &mut counts).map_err(|error| spilling(&error))?;
        }
        let count = |replica: &Replica| replica.container.and_then(|container| counts.get(&container).copied());
        let counted = || held.replicas.iter().map(|replica| (replica, count(replica).unwrap_or_default()));
        let folders = bodies.map(|()| counted().map(|(replica, count)| folder(replica, count)).collect());
        Ok(Self { folders, deleted: deleted(counted()) })
    }
}

fn bytes(record: &Copied, container: i64) -> [u8; LIVE] {
    let mut bytes = [0; LIVE];
    bytes[..20].copy_from_slice(&record.guid.0);
    bytes[20..].copy_from_slice(&container.to_be_bytes());
    bytes
}

/// Counts the live records without a body. Both come in the order of their GUIDs.
fn count_missing(live: Sorter<LIVE>, mut bodies: Bodies, counts: &mut HashMap<i64, Count>) -> std::io::Result<()> {
    let (mut live, mut body) = (live.sorted()?, bodies.guids.next()?);
    while let Some(record) = live.next()? {
        let (guid, container) = record.split_at(20);
        while body.is_some_and(|body| &body[..] < guid) {
            body = bodies.guids.next()?;
        }
        let container = container.first_chunk().copied().map(i64::from_be_bytes);
        if body.is_none_or(|body| &body[..] != guid)
            && let Some(count) = container.and_then(|container| counts.get_mut(&container))
        {
            count.missing += 1;
        }
    }
    Ok(())
}

fn folder(replica: &Replica, count: Count) -> Folder {
    let Replica { unique_id, mailbox_uid, domain_uid, path, is_deleted, .. } = replica.clone();
    let (messages, missing_bodies) = (count.live, count.missing);
    Folder { folder_uid: unique_id, mailbox_uid, domain_uid, path, is_deleted, messages, missing_bodies }
}

/// What is kept of deleted mail, mailbox by mailbox.
fn deleted<'r>(counted: impl Iterator<Item = (&'r Replica, Count)>) -> Vec<DeletedMail> {
    let mut mailboxes: BTreeMap<(Option<&str>, &str), (u64, u64)> = BTreeMap::new();
    for (replica, count) in counted.filter(|(replica, _)| !replica.is_deleted) {
        let is_drafts = replica.path.rsplit('/').next() == Some("Drafts");
        let old_drafts = if is_drafts { count.old_drafts } else { 0 };
        if count.expunged + old_drafts > 0 {
            let kept = mailboxes.entry((replica.domain_uid.as_deref(), &replica.mailbox_uid)).or_default();
            (kept.0, kept.1) = (kept.0 + count.expunged, kept.1 + old_drafts);
        }
    }
    let row = |((domain_uid, mailbox_uid), (expunged, draft_versions)): ((Option<&str>, &str), _)| DeletedMail {
        mailbox_uid: mailbox_uid.to_owned(),
        domain_uid: domain_uid.map(str::to_owned),
        expunged,
        draft_versions,
    };
    mailboxes.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cyrus_index::Guid;

    fn record(seed: u8) -> Copied {
        Copied { uid: 1, guid: Guid([seed; 20]), is_live: true, is_seen: false, is_old_draft: false }
    }

    fn replica(path: &str, mailbox_uid: &str, container: i64) -> Replica {
        let (unique_id, domain_uid) = (container.to_string(), Some("example.org".to_owned()));
        let (mailbox_uid, path, container) = (mailbox_uid.to_owned(), path.to_owned(), Some(container));
        Replica { unique_id, mailbox_uid, domain_uid, path, is_deleted: false, container }
    }

    #[test]
    fn live_records_without_a_body_are_counted_by_their_container_however_few_are_held() {
        for budget in [1, 2, 100] {
            let (mut live, mut bodies) = (Sorter::new(budget), Sorter::new(budget));
            // A message is in two folders, another one twice in one; two are larger than any body.
            let records = [(9, 7), (3, 7), (3, 3), (200, 3), (200, 7), (4, 3), (4, 3), (1, 3), (250, 7)];
            records.into_iter().for_each(|(seed, container)| live.push(bytes(&record(seed), container)).unwrap());
            [3, 1, 100, 9].into_iter().for_each(|seed| bodies.push([seed; 20]).unwrap());
            let mut counts = HashMap::from([(3, Count::default()), (7, Count::default())]);
            count_missing(live, Bodies { guids: bodies.sorted().unwrap(), rows: 4 }, &mut counts).unwrap();
            assert_eq!((counts[&3].missing, counts[&7].missing), (3, 2), "{budget}");
        }
    }

    #[test]
    fn records_are_counted_by_what_they_are() {
        let expunged = Copied { is_live: false, is_old_draft: true, ..record(1) };
        let old_draft = Copied { is_old_draft: true, ..record(2) };
        let count = Count { live: 2, missing: 0, expunged: 1, old_drafts: 1 };
        assert_eq!(Count::of(&[expunged, old_draft, record(3)]), count);
    }

    #[test]
    fn deleted_mail_is_told_of_each_mailbox_that_has_some() {
        let kept = |expunged, old_drafts| Count { expunged, old_drafts, ..Count::default() };
        let folders = [
            (replica("INBOX", "b", 1), kept(2, 9)),
            (replica("Drafts", "b", 2), kept(1, 3)),
            (replica("sales/Drafts", "a", 3), kept(0, 4)),
            (replica("Old Drafts", "c", 4), kept(0, 5)),
            (Replica { is_deleted: true, ..replica("Drafts", "d", 5) }, kept(6, 6)),
        ];
        let row = |mailbox_uid: &str, expunged, draft_versions| DeletedMail {
            mailbox_uid: mailbox_uid.to_owned(),
            domain_uid: Some("example.org".to_owned()),
            expunged,
            draft_versions,
        };
        let told = deleted(folders.iter().map(|(replica, count)| (replica, *count)));
        assert_eq!(told, [row("a", 0, 4), row("b", 3, 3)]);
    }
}

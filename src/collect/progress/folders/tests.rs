//! Folders of both sides: paired, compared, and looked at again.

use std::sync::Arc;

use super::super::messages::Messages;
use super::super::shard::{self, Copied};
use super::*;
use crate::collect::reach::mailbox::{Content, Gather as _, Owner};
use crate::format::cyrus_index::{Guid, Stamp};

const NOW: u32 = 1_000_000;
const RECENT: RangeInclusive<i64> = 999_401..=1_000_600;

fn owner(name: &str) -> Owner {
    Owner { name: name.to_owned(), root_name: "a.b!user.x".to_owned(), has_reader: true, deleted_at: None }
}

/// A folder of Cyrus that is old, with live messages of these UIDs.
fn content(id: &str, uids: &[u32]) -> Content {
    let record =
        |uid: &u32| Message { uid: *uid, guid: Guid([7; 20]), written_at: NOW - 9_000, is_live: true, is_seen: false };
    let (unique_id, records) = (Some(id.to_owned()), uids.iter().map(record).collect());
    Content { unique_id, records, made_at: NOW - 9_000, ..Content::default() }
}

/// Cyrus at the second look: folders by name, ids that it lists besides.
struct Later(Vec<(&'static str, Content)>, Vec<&'static str>);

impl Again for Later {
    fn content(&self, owner: &Owner, before: Option<Stamp>) -> Result<Since, Reason> {
        let Some((_, found)) = self.0.iter().find(|(name, _)| *name == owner.name) else { return Ok(Since::Gone) };
        if before.is_some() && found.stamp == before {
            return Ok(Since::Same);
        }
        let (records, made_at) = (found.records.clone(), found.made_at);
        Ok(Since::Changed(Content { records, made_at, ..Content::default() }))
    }

    fn lists(&self, unique_id: &str) -> bool {
        self.1.contains(&unique_id)
    }
}

fn replica(id: &str, container: i64) -> Replica {
    Replica {
        unique_id: id.to_owned(),
        mailbox_uid: "U-1".to_owned(),
        domain_uid: None,
        path: format!("path of {id}"),
        is_deleted: false,
        container: Some(container),
    }
}

fn compared(
    before: &[(&str, Content)],
    deleted: &[(&str, Option<u64>)],
    later: fn() -> Later,
    replicas: &[Replica],
    records: &[(i64, u32)],
) -> Folders {
    let messages = Arc::new(Messages::new());
    for (name, content) in before {
        messages.add(owner(name), content).unwrap();
    }
    for (id, deleted_at) in deleted {
        messages.add_deleted(Owner { deleted_at: *deleted_at, ..owner("gone") }, &content(id, &[]));
    }
    messages.end(Ok(()));
    let mut gathered = Arc::into_inner(messages).unwrap().into_gathered().unwrap();
    let mut sorter = Sorter::new(3);
    for (container, uid) in records {
        let copied = Copied { uid: *uid, guid: Guid([7; 20]), is_live: true, is_seen: false, is_old_draft: false };
        sorter.push(shard::bytes(*container, copied)).unwrap();
    }
    let look_again: LookAgain = Box::new(move || Ok(Box::new(later())));
    Comparison::new(&mut gathered, look_again, RECENT)
        .run(replicas, sorter.sorted().unwrap(), &mut |_, _| Ok(()))
        .unwrap()
}

/// Folders by id, each with its state, messages, records, missing and surplus ones.
fn told(folders: &Folders) -> Vec<(&str, &'static str, u64, u64, u64, u64)> {
    let row = |(_, row): &(_, FolderReplication)| {
        let id = row.unique_id.as_str();
        let id = folders.rows.iter().map(|(_, row)| row.unique_id.as_str()).find(|other| *other == id).unwrap();
        (id, row.state.word(), row.messages, row.records, row.missing, row.surplus)
    };
    let mut told: Vec<_> = folders.rows.iter().map(row).collect();
    told.sort_unstable();
    told
}

#[test]
fn folders_are_paired_by_their_id_and_their_records_compared() {
    let before = [
        ("a.b!user.x", content("inbox", &[1, 2, 3])),
        ("a.b!user.x.New", content("new", &[4])),
        ("a.b!user.x.E", content("empty", &[])),
    ];
    let later = || {
        Later(
            vec![("a.b!user.x", content("inbox", &[1, 2, 3])), ("a.b!user.x.New", content("new", &[4]))],
            vec!["inbox", "new", "empty"],
        )
    };
    let replicas = [
        replica("inbox", 30),
        replica("empty", 7),
        Replica { container: None, ..replica("old", 0) },
        replica("lost", 12),
    ];
    let records = [(30, 2), (30, 3), (30, 9), (12, 1), (12, 2), (99, 1)];
    let folders = compared(&before, &[], later, &replicas, &records);
    assert_eq!(
        told(&folders),
        [
            ("empty", "replicated", 0, 0, 0, 0),
            ("inbox", "replicated", 3, 3, 1, 1),
            ("lost", "unknown", 0, 2, 0, 0),
            ("new", "missing", 1, 0, 1, 0),
            ("old", "unknown", 0, 0, 0, 0),
        ]
    );
    let wrong: Vec<_> = folders.wrong.kept.iter().map(|wrong| (wrong.uid, wrong.wrong)).collect();
    assert_eq!(wrong, [(9, Wrong::Surplus)], "what is missing is told with its content");
    let mut entries = folders.entries.sorted().unwrap();
    let entries = std::iter::from_fn(|| entries.next().unwrap()).filter(|entry| entry[32] == 1).count();
    assert_eq!(entries, 2, "of the four messages two lack their record");
}

#[test]
fn a_deleted_copy_of_a_folder_does_not_stand_for_a_live_one() {
    let before = [("a.b!user.x", content("inbox", &[1]))];
    let later = || Later(vec![("a.b!user.x", content("inbox", &[1]))], vec!["inbox"]);
    let deleted = Replica { is_deleted: true, ..replica("inbox", 30) };
    let both = [deleted.clone(), Replica { path: "live".to_owned(), ..replica("inbox", 30) }];
    let folders = compared(&before, &[], later, &both, &[(30, 1)]);
    assert_eq!(told(&folders), [("inbox", "replicated", 1, 1, 0, 0)]);
    let folders = compared(&before, &[], later, &[deleted], &[(30, 1)]);
    assert_eq!(told(&folders), [("inbox", "deleted_in_shard", 1, 0, 1, 0)]);
}

#[test]
fn what_is_being_made_renamed_or_deleted_is_not_accused() {
    let young = || Content { made_at: NOW - 60, ..content("young", &[]) };
    let before = [("a.b!user.x.Young", young()), ("a.b!user.x.Old name", content("renamed", &[1]))];
    let later = || {
        let young = Content { made_at: NOW - 60, ..content("young", &[]) };
        Later(vec![("a.b!user.x.Young", young)], vec!["young", "renamed", "made since", "hanging"])
    };
    let deleted = [
        ("just now", Some(u64::from(NOW - 60))),
        ("long ago", Some(u64::from(NOW - 6_000))),
        ("going", None),
        ("hanging", None),
    ];
    let replicas = ["made since", "just now", "long ago", "going", "hanging"].map(|id| replica(id, 1));
    let folders = compared(&before, &deleted, later, &replicas, &[]);
    assert_eq!(
        told(&folders),
        [
            ("hanging", "deleted_in_cyrus", 0, 0, 0, 0),
            ("just now", "recent", 0, 0, 0, 0),
            ("long ago", "deleted_in_cyrus", 0, 0, 0, 0),
            ("young", "recent", 0, 0, 0, 0),
        ]
    );
}

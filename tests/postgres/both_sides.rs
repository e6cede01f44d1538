//! The Cyrus trees of the stories beside their shards: both are written from the same words, and hold the same.

use std::collections::{BTreeMap, BTreeSet};

use walkdir::WalkDir;

use crate::support::bluemind::{Installation, Story};
use crate::support::sides;

/// The stories in which the two sides are apart, folder by folder: that is what they tell, or what cannot be otherwise.
const APART: &[(&str, &[&str])] = &[
    ("cyrus_index_damaged", &["example.org!user.jdoe.Damaged: cannot be read"]),
    ("cyrus_mailbox_directory_missing", &["example.org!user.jdoe.Lost: cannot be read"]),
    ("cyrus_mailbox_missing", &["user-mmartin/INBOX: only in the shard"]),
    ("cyrus_mailbox_unknown", &["example.org!user.ghost: only in Cyrus"]),
    ("cyrus_partition_undefined", &["example.org!user.jdoe.Gone: cannot be read"]),
    (
        "demo",
        &[
            "lumiere.example!user.lucas^guerin: only in Cyrus",
            "lumiere.example!user.olivia^henry: 7 records only in Cyrus, 0 only in the shard",
            "lumiere.example!user.pierre^vasseur.Chantier Vaise: only in Cyrus",
            "lumiere.example!user.pierre^vasseur: only in Cyrus",
            "lumiere.example!user.rose^dumont: 6 records only in Cyrus, 0 only in the shard",
            "northgate.example!user.alice^barnes: 5 records only in Cyrus, 0 only in the shard",
            "northgate.example!user.brian^cole: 4 records only in Cyrus, 0 only in the shard",
            "northgate.example!user.julia^knight: 3 records only in Cyrus, 0 only in the shard",
        ],
    ),
    // The record whose content is another is the story.
    ("first_reference_broken", &["example.org!user.jdoe.Projects: 0 records only in Cyrus, 1 only in the shard"]),
    ("folder_not_replicated", &["example.org!user.mmartin.Contracts: only in Cyrus"]),
    ("folder_only_in_shard", &["user-jdoe/Closed: only in the shard", "user-jdoe/Forgotten: only in the shard"]),
    // A server that does not serve the domain has no partition for it.
    (
        "mailbox_backend_invalid",
        &[
            "user-stranger/Drafts: only in the shard",
            "user-stranger/INBOX: only in the shard",
            "user-stranger/Junk: only in the shard",
            "user-stranger/Outbox: only in the shard",
            "user-stranger/Sent: only in the shard",
            "user-stranger/Trash: only in the shard",
        ],
    ),
    ("mailbox_not_replicated", &["example.org!user.half: only in Cyrus", "example.org!user.new: only in Cyrus"]),
    // The shard that holds it is another server's.
    (
        "mailbox_replicated_elsewhere",
        &[
            "example.org!user.erin.Drafts: only in Cyrus",
            "example.org!user.erin.Junk: only in Cyrus",
            "example.org!user.erin.Outbox: only in Cyrus",
            "example.org!user.erin.Sent: only in Cyrus",
            "example.org!user.erin.Trash: only in Cyrus",
            "example.org!user.erin: only in Cyrus",
            "user-erin/Drafts: only in the shard",
            "user-erin/INBOX: only in the shard",
            "user-erin/Junk: only in the shard",
            "user-erin/Outbox: only in the shard",
            "user-erin/Sent: only in the shard",
            "user-erin/Trash: only in the shard",
        ],
    ),
    ("message_content_differs", &["example.org!user.jdoe.Projects: 1 records only in Cyrus, 1 only in the shard"]),
    ("message_not_replicated", &["example.org!user.jdoe.Projects: 4 records only in Cyrus, 1 only in the shard"]),
    ("record_without_message", &["example.org!user.jdoe.Projects: 1 records only in Cyrus, 3 only in the shard"]),
    ("replication_behind", &["example.org!user.jdoe.Clients: 2 records only in Cyrus, 0 only in the shard"]),
    (
        "replication_passive_mailboxes",
        &[
            "example.org!sales: 2 records only in Cyrus, 0 only in the shard",
            "example.org!user.bernard.Archives: 2 records only in Cyrus, 0 only in the shard",
        ],
    ),
    ("seen_state_differs", &["example.org!user.jdoe.Projects: 2 records only in Cyrus, 2 only in the shard"]),
    (
        "shard_without_records",
        &[
            "example.net!user.zoe: 4 records only in Cyrus, 0 only in the shard",
            "example.org!support: 6 records only in Cyrus, 0 only in the shard",
            "example.org!user.a^durand: 6 records only in Cyrus, 0 only in the shard",
            "example.org!user.jdoe.Projects.2024: 5 records only in Cyrus, 0 only in the shard",
            "example.org!user.jdoe: 12 records only in Cyrus, 0 only in the shard",
            "example.org!user.mmartin.D&AOk-placements: 5 records only in Cyrus, 0 only in the shard",
            "example.org!user.mmartin: 3 records only in Cyrus, 0 only in the shard",
            "example.org!user.ppetit: 2 records only in Cyrus, 0 only in the shard",
        ],
    ),
];

/// Stories whose folders cannot be held against the shard's: nobody can read the list, the ids are not each folder's own, or
/// there is no Cyrus any more.
const NOT_COMPARED: &[&str] =
    &["healthy_50", "cyrus_list_damaged", "cyrus_unique_id_missing", "cyrus_unique_id_shared"];

/// Whether the story itself says anything of mail, or keeps it in another way than its base.
fn is_about_mail(story: &Story) -> bool {
    let mut files = WalkDir::new(story.folder()).into_iter().map(|entry| entry.unwrap().path().display().to_string());
    story.schema.is_some()
        || files.any(|path| ["/bj-data.", "/var/lib/cyrus/mailboxes.db"].iter().any(|part| path.contains(part)))
}

/// Where Cyrus and the shards are apart in a story, and how many servers were compared.
fn apart(story: &Story) -> (BTreeSet<String>, usize) {
    let installation = Installation::build(&story.name);
    let (mut apart, mut compared) = (BTreeSet::new(), 0);
    for server in installation.shards() {
        let own = installation.path(&format!("root.{server}"));
        let root = if own.exists() { own } else { installation.path("root") };
        let (cyrus, shard) = (sides::cyrus(&root), sides::shard(&installation, server));
        assert!(cyrus.len() >= 8, "{}: {} folders on {server}", story.name, cyrus.len());
        apart.extend(sides::apart(&cyrus, &shard));
        compared += 1;
    }
    (apart, compared)
}

#[test]
fn cyrus_and_the_shard_of_a_story_hold_the_same() {
    let (mut got, mut compared) = (BTreeMap::new(), 0);
    let is_compared = |story: &Story| is_about_mail(story) && !NOT_COMPARED.contains(&story.name.as_str());
    for story in Story::all().into_iter().filter(is_compared) {
        let (apart, servers) = apart(&story);
        compared += servers;
        if !apart.is_empty() {
            got.insert(story.name, apart);
        }
    }
    let due =
        APART.iter().map(|(story, lines)| ((*story).to_owned(), lines.iter().map(|&line| line.to_owned()).collect()));
    assert_eq!(got, due.collect(), "{compared} servers");
    assert!(compared > 20, "{compared} servers");
}

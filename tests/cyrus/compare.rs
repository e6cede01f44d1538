//! What was collected, record by record, against what Cyrus' own tools say of a copy of the same files.

use std::collections::{BTreeMap, BTreeSet};

use bm_preflight::format::cyrus_index::Records;
use serde_json::Value;

use crate::support::cyrus::client::message;
use crate::support::cyrus::files::Tree;
use crate::support::cyrus::{DEFAULT_PARTITION, Lab};
use crate::world::{Facts, NET, ORG, World, healthy_lab};

/// Names of folders that users can choose over IMAP.
const ODD: &[&str] = &[
    "a.b.c",
    "&AMk-l&AOk-ments envoy&AOk-s",
    "&2D3eAA-",
    "&IC4-gpj.exe",
    "x&AIU-y",
    "&,xz,Hg-script",
    "My  Folder ",
    "Q&-A",
    "$(id)",
    "a*b",
    "a!b",
    "a~b",
    "#shared",
    "me@home",
    "l'avis",
    "-dash",
    "..",
    "d1/d2/d3/d4/d5",
    "INBOX/child",
    "DELETED.x.5D19F5C0",
    "(round) [square]",
];

/// The healthy Cyrus, odd names, and every broken state that the protocols let anyone make.
fn odd_lab() -> Lab {
    let lab = healthy_lab();
    let mut user = lab.login("mmartin@example.org");
    let long = "L".repeat(200);
    for name in ODD.iter().copied().chain([&long[..]]) {
        user.create(name);
        user.append(name, "", &message(name, 0));
    }
    let mut admin = lab.admin();
    for (name, partition) in [
        ("user/ghost@example.org", &Lab::partition(ORG)[..]),
        ("user/ghost/Sent@example.org", &Lab::partition(ORG)),
        ("user/lost@example.org", DEFAULT_PARTITION),
        ("user/alien@example.org", &Lab::partition(NET)),
        ("user/nodomain", DEFAULT_PARTITION),
        ("user/nobody@gone.example", &Lab::partition(ORG)),
        ("9lives@example.org", &Lab::partition(ORG)),
        ("9lives/Sent@example.org", &Lab::partition(ORG)),
        ("user/gone@example.org", &Lab::partition(ORG)),
        ("user/gone/Sent@example.org", &Lab::partition(ORG)),
        ("oldteam@example.org", &Lab::partition(ORG)),
    ] {
        admin.create_on(name, partition);
        admin.allow(name);
        admin.append(name, "", &message(name, if name.contains("lost") { 90_000 } else { 0 }));
    }
    admin.run("DELETE user/gone@example.org");
    admin.run("DELETE oldteam@example.org");
    lab
}

/// Everything that the tools say of a mailbox.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mailbox {
    partition: String,
    unique_id: String,
    acl: BTreeSet<String>,
    /// Data, meta, archive.
    directories: Option<[String; 3]>,
    messages: Option<(u64, u64)>,
}

/// Name of a mailbox as an administrator gives it to the tools; none where a tool cannot be given it.
fn admin_name(name: &str) -> Option<String> {
    let (domain, local) = name.split_once('!').map_or((None, name), |(domain, local)| (Some(domain), local));
    if local.starts_with("DELETED.") || local.contains(['*', '%', '@']) {
        return None;
    }
    let path = local.split('.').map(|level| level.replace('^', ".")).collect::<Vec<_>>().join("/");
    Some(domain.map_or(path.clone(), |domain| format!("{path}@{domain}")))
}

fn as_tools_say(lab: &Lab) -> BTreeMap<String, Mailbox> {
    let list: Value = serde_json::from_slice(&lab.tool("ctl_mboxlist", &["-d"])).expect("ctl_mboxlist writes JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut mailboxes = BTreeMap::new();
    for entry in list.as_object().expect("mailboxes by name").values() {
        if entry["mbtype"].as_str().is_some_and(|kind| kind.contains('d')) {
            continue;
        }
        let acl = entry["acl"].as_object().expect("rights by name");
        let mut mailbox = Mailbox {
            partition: text(&entry["partition"]),
            unique_id: text(&entry["uniqueid"]),
            acl: acl.iter().map(|(who, rights)| format!("{who} {}", text(rights))).collect(),
            ..Mailbox::default()
        };
        let name = text(&entry["name"]);
        if let Some(admin_name) = admin_name(&name) {
            mailbox.directories = Some(paths(lab, &admin_name));
            mailbox.messages = Some(messages(lab, &admin_name));
        }
        mailboxes.insert(name, mailbox);
    }
    mailboxes
}

fn paths(lab: &Lab, name: &str) -> [String; 3] {
    let output = String::from_utf8(lab.tool("mbpath", &["-a", name])).expect("text");
    let root = lab.root().display().to_string();
    ["Data: ", "Meta: ", "Archive: "].map(|label| {
        let path =
            output.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_else(|| panic!("{name}: {output}"));
        path.strip_prefix(&root).expect("below the root").to_owned()
    })
}

/// Messages and their bytes.
fn messages(lab: &Lab, name: &str) -> (u64, u64) {
    let output = lab.tool("mbexamine", &[name]);
    let output = String::from_utf8_lossy(&output);
    let sizes = output.lines().filter(|line| line.contains("> UID:")).map(|line| {
        let size = line.split_once(" SIZE:").expect("a size").1;
        size.split_whitespace().next().and_then(|size| size.parse::<u64>().ok()).expect("a number")
    });
    sizes.fold((0, 0), |(count, sum), size| (count + 1, sum + size))
}

fn as_collected(facts: &Facts, known: &BTreeMap<String, Mailbox>) -> BTreeMap<String, Mailbox> {
    let rows = facts.rows(
        "SELECT m.name, m.partition, m.unique_id, m.acl, m.data_directory, m.meta_directory,
                coalesce(m.archive_directory, m.data_directory), i.existing, i.existing_bytes,
                i.state, i.header_state, i.unique_id
         FROM cyrus_mailbox AS m LEFT JOIN cyrus_index AS i ON i.name = m.name",
    );
    let mut mailboxes = BTreeMap::new();
    for row in rows {
        let [name, partition, unique_id, acl, data, meta, archive, existing, bytes, state, header, id] =
            <[String; 12]>::try_from(row).expect("12 columns");
        assert_eq!((&state[..], &header[..], &id), ("sound", "sound", &unique_id), "{name}");
        let is_told = known.get(&name).is_some_and(|mailbox| mailbox.directories.is_some());
        let number = |text: String| text.parse::<u64>().expect("a number");
        let mailbox = Mailbox {
            partition,
            unique_id,
            acl: acl.split(", ").map(str::to_owned).collect(),
            directories: is_told.then_some([data, meta, archive]),
            messages: is_told.then(|| (number(existing), number(bytes))),
        };
        mailboxes.insert(name, mailbox);
    }
    mailboxes
}

fn compare(facts: &Facts, lab: &Lab) {
    let due = as_tools_say(lab);
    assert!(due.len() > 70, "{} mailboxes", due.len());
    let got = as_collected(facts, &due);
    assert_eq!(got.keys().collect::<Vec<_>>(), due.keys().collect::<Vec<_>>());
    for (name, mailbox) in &due {
        assert_eq!(&got[name], mailbox, "{name}");
    }
    assert_eq!(facts.gaps(), Vec::<Vec<String>>::new());
    assert_eq!(facts.rows("SELECT name, reason FROM cyrus_entry_unreadable"), Vec::<Vec<String>>::new());
}

/// How the indexes are written.
fn index_version(lab: &Lab) -> u32 {
    let folder = lab.mailbox_directory(Tree::Meta, "example.org!user.jdoe");
    let bytes = std::fs::read(folder.join("cyrus.index")).unwrap();
    Records::open(&bytes[..]).unwrap().header().minor
}

/// While Cyrus 3.6 runs, and after its files were made those of 3.0: both are what Cyrus itself says of them.
#[test]
fn mailboxes_are_what_cyrus_says_they_are() {
    let mut world = World::of(odd_lab());
    assert_eq!(index_version(&world.lab), 17);
    let facts = world.collect();
    world.lab.stop();
    compare(&facts, &world.lab.copy());

    world.lab.grow_older();
    assert_eq!(index_version(&world.lab), 13);
    let facts = world.collect();
    // The tools of 3.6 list nothing of a data base of 3.0 before it is upgraded.
    let upgraded = world.lab.copy();
    upgraded.tool("ctl_cyrusdb", &["-r"]);
    compare(&facts, &upgraded);
    spool(&facts, &world.lab);
    states(&facts);
}

/// Every directory with the files in it, as `find` would have them.
fn spool(facts: &Facts, lab: &Lab) {
    let mut due = BTreeSet::new();
    for tree in [Tree::Data, Tree::Meta, Tree::Archive] {
        for entry in walkdir::WalkDir::new(lab.path(tree.place())).min_depth(1) {
            let entry = entry.unwrap();
            if !entry.file_type().is_dir() {
                continue;
            }
            let names = std::fs::read_dir(entry.path()).unwrap().map(Result::unwrap);
            let files: Vec<String> = names
                .filter(|name| name.file_type().unwrap().is_file())
                .map(|name| name.file_name().to_string_lossy().into_owned())
                .collect();
            let cyrus = files.iter().filter(|name| name.starts_with("cyrus.")).count();
            let is_message = |name: &&String| name.strip_suffix('.').is_some_and(|uid| uid.parse::<u32>().is_ok());
            let messages = files.iter().filter(is_message).count();
            let path = entry.path().strip_prefix(lab.root()).unwrap();
            due.insert(vec![format!("/{}", path.display()), messages.to_string(), cyrus.to_string()]);
        }
    }
    let got = facts.rows("SELECT directory, messages, cyrus_files FROM spool_directory");
    assert_eq!(got.len(), due.len());
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), due);
}

/// What the names and the places say.
fn states(facts: &Facts) {
    let names = |condition: &str| facts.column(&format!("SELECT name FROM cyrus_mailbox WHERE {condition} ORDER BY 1"));
    assert_eq!(names("is_literal_inbox"), Vec::<String>::new(), "INBOX/child is below it");
    assert_eq!(names("domain IS NULL"), ["user.nodomain"]);
    assert_eq!(names("domain = 'gone.example'"), ["gone.example!user.nobody"]);
    assert_eq!(names("partition = 'default'"), ["example.org!user.lost", "user.nodomain"]);
    assert_eq!(names("partition = 'bm-master__example_net' AND domain = 'example.org'"), ["example.org!user.alien"]);
    let deleted = names("is_deleted");
    assert_eq!(deleted.len(), 4, "{deleted:?}");
    assert_eq!(names("owner = 'a.durand' AND folder IS NULL"), ["example.org!user.a^durand"]);
    let folders =
        facts.column("SELECT folder FROM cyrus_mailbox WHERE owner = 'mmartin' AND is_deleted = 0 ORDER BY 1");
    for folder in [
        "a.b.c",
        "Éléments envoyés",
        "$(id)",
        "My  Folder ",
        "Q&A",
        "a!b",
        "\u{202e}gpj.exe",
        "😀",
        "..",
        "d1/d2/d3/d4/d5",
    ] {
        assert!(folders.iter().any(|other| other == folder), "{folder:?} is not in {folders:?}");
    }
    // The directories of all mailboxes with messages are found, and those of no mailbox are none.
    let unknown = facts.column(
        "SELECT s.directory FROM spool_directory AS s WHERE s.messages + s.cyrus_files > 0 AND NOT EXISTS (
             SELECT 1 FROM cyrus_mailbox AS m
             WHERE s.directory IN (m.data_directory, m.meta_directory, m.archive_directory)
               AND m.name = s.mailbox_name AND m.root_name = s.root_name)",
    );
    assert_eq!(unknown, Vec::<String>::new());
}

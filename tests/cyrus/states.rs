//! Everything that goes wrong with a Cyrus, in one server: each state is named by the check that should name it, by no
//! other one, and a healthy server by none.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::{Run, run};
use crate::support::cyrus::client::message;
use crate::support::cyrus::damage::record;
use crate::support::cyrus::files::Tree;
use crate::support::cyrus::{DEFAULT_PARTITION, Lab};
use crate::world::{NET, ORG, World, healthy_files, healthy_lab};

/// Longer than Cyrus can look up any place for.
const LONG: &str = "bm-master__a-department-whose-name-is-longer-than-that-of-others_example";

/// Checks that ask of every index what came in, or whether the shard has it.
const NEED_EVERY_INDEX: &[&str] = &[
    "folder_name_differs",
    "folder_not_replicated",
    "folder_only_in_shard",
    "message_content_differs",
    "message_not_replicated",
    "new_mail_not_replicated",
    "record_without_message",
    "replication_behind",
    "replication_passive_groups",
    "replication_passive_mailboxes",
    "seen_state_differs",
    "shard_without_records",
];

/// Subjects by check.
pub(crate) type Findings = BTreeMap<String, BTreeSet<String>>;

/// What a run found.
pub(crate) fn findings(run: &Run) -> Findings {
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let mut findings = Findings::new();
    for check in run.report["checks"].as_array().expect("checks") {
        for finding in check["findings"].as_array().into_iter().flatten() {
            let is_new = findings.entry(text(&check["id"])).or_default().insert(text(&finding["subject"]));
            assert!(is_new, "{} names {} twice", check["id"], finding["subject"]);
        }
    }
    findings
}

/// Subjects by check, as they are due.
pub(crate) fn due(expected: &[(&str, &[&str])]) -> Findings {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    expected.iter().map(|(check, subjects)| ((*check).to_owned(), texts(subjects))).collect()
}

/// The commands that a check proposes for each of its findings that has any.
fn commands(run: &Run, check: &str) -> BTreeMap<String, Vec<String>> {
    let checks = run.report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|other| other["id"] == check).expect("the check was run");
    let texts = |texts: &serde_json::Value| serde_json::from_value::<Vec<String>>(texts.clone()).expect("texts");
    let findings = check["findings"].as_array().into_iter().flatten();
    let commands = findings.map(|finding| (finding["subject"].as_str().unwrap_or_default(), &finding["commands"]));
    commands.map(|(subject, all)| (subject.to_owned(), texts(all))).filter(|(_, all)| !all.is_empty()).collect()
}

/// Exactly these are found, and everything else is decided.
pub(crate) fn assert_findings(world: &World, expected: &Findings) -> Run {
    let run = run(&world.installation);
    assert_eq!(run.with_outcome("error"), BTreeSet::new(), "{}", run.digest());
    // Nobody can say of a damaged index that its messages were replicated, or when the last one came.
    let open = if expected.contains_key("cyrus_index_damaged") { NEED_EVERY_INDEX } else { &[] };
    let open: BTreeSet<String> = open.iter().map(|&check| check.to_owned()).collect();
    assert_eq!(run.with_outcome("unknown"), open, "{}", run.digest());
    let got = findings(&run);
    for check in expected.keys().chain(got.keys()).collect::<BTreeSet<_>>() {
        assert_eq!(got.get(check), expected.get(check), "{check}\n{}", run.digest());
    }
    run
}

#[test]
fn a_healthy_server_is_silent() {
    assert_findings(&World::of(healthy_files()), &Findings::new());
}

/// What imports as admin0 and clients do over IMAP.
fn by_protocol(lab: &Lab) {
    let mut admin = lab.admin();
    for (name, partition) in [
        ("user/ghost@example.org", &Lab::partition(ORG)[..]),
        ("user/ghost/Sent@example.org", &Lab::partition(ORG)),
        ("user/lost@example.org", DEFAULT_PARTITION),
        ("user/nodomain", DEFAULT_PARTITION),
        ("user/nobody@gone.example", &Lab::partition(ORG)),
        ("user/jdoe@example.com", &Lab::partition(ORG)),
        ("user/MMartin@example.org", &Lab::partition(ORG)),
        ("user/support@example.org", &Lab::partition(ORG)),
        ("user/mmartin/Imported@example.org", DEFAULT_PARTITION),
        ("user/zoe/Far away@example.net", &Lab::partition(ORG)),
        ("user/jdoe/INBOX@example.org", &Lab::partition(ORG)),
        ("user/jdoe/INBOX/Old@example.org", &Lab::partition(ORG)),
        ("user/jdoe/Inbox@example.org", &Lab::partition(ORG)),
        ("user/jdoe/Inbox/Old@example.org", &Lab::partition(ORG)),
    ] {
        admin.create_on(name, partition);
        admin.allow(name);
        admin.append(name, "", &message(name, 0));
    }
    // Names that hurt nobody in Cyrus.
    let mut user = lab.login("ppetit@example.org");
    for name in ["a.b", "$(id)", "&IC4-gpj.exe", "DELETED.x.5D19F5C0", "Sent/2019/July", "user"] {
        user.create(name);
        user.append(name, "", &message(name, 0));
    }
}

/// What crashes, restorations and copies leave behind.
fn on_disk(lab: &Lab) {
    let (org, net) = (Lab::partition(ORG), Lab::partition(NET));
    lab.leave_behind(&[Tree::Data, Tree::Meta], &org, "example.org!user.left");
    lab.leave_behind(&[Tree::Archive], &org, "example.org!user.left^archived");
    lab.leave_behind(&[Tree::Data], &net, "example.net!oldshare");
    lab.leave_behind(&[Tree::Meta], DEFAULT_PARTITION, "example.org!user.jdoe");
    for path in [
        "data/bm-master__example_org/domain/e/example.org/z/user/jdoe",
        "data/bm-master__example_org/domain/e/example.org/J/user/jdoe",
        "data/bm-master__example_org/domain/e/example.org/a/user/a.durand",
        "data/bm-master__example_org/domain/e/example.com/m/user/mmartin",
        "data/example_org/domain/e/example.org/j/user/jdoe",
    ] {
        lab.put_directory(Tree::Data, &format!("/var/spool/cyrus/{path}"));
    }
    // Deliveries under way, what Cyrus is about to rename: nothing of that is wrong.
    lab.put_directory(Tree::Data, "/var/spool/cyrus/data/bm-master__example_org/stage.");
    std::fs::write(lab.mailbox_directory(Tree::Meta, "example.org!user.jdoe").join("cyrus.index.NEW"), "half").unwrap();

    lab.change("example.org!user.jdoe.Projects.2024", "cyrus.index", |index| index[128 + 61] ^= 0xff);
    lab.change("example.org!user.jdoe.Projects", "cyrus.index", |index| index[21] ^= 1);
    lab.change("example.org!user.ppetit", "cyrus.index", |index| index.truncate(128 + 104 + 50));
    lab.change("example.org!user.ppetit.Sent", "cyrus.index", Vec::clear);
    lab.lose(Tree::Meta, "example.org!user.ppetit.Trash", Some("cyrus.index"));
    lab.change("example.org!user.ppetit.Junk", "cyrus.header", Vec::clear);
    lab.lose(Tree::Meta, "example.org!user.ppetit.Outbox", Some("cyrus.header"));
    let foreign = lab.mailboxes().into_iter().find(|(name, _)| name == "example.org!user.jdoe.Sent").unwrap();
    let foreign = foreign.1.unique_id.unwrap();
    lab.change("example.org!user.jdoe.Trash", "cyrus.header", |header| {
        let at = header.windows(24).position(|window| window.iter().all(u8::is_ascii_alphanumeric)).unwrap();
        header[at..at + 24].copy_from_slice(foreign.as_bytes());
    });
    // Longer than its header says: an append that is not yet counted.
    lab.change("example.org!user.jdoe", "cyrus.index", |index| index.extend([0; 104]));
    lab.lose(Tree::Meta, "example.org!user.mmartin.Junk", None);
    // No messages, no directory: no harm.
    let _ = std::fs::remove_dir_all(lab.mailbox_directory(Tree::Data, "example.org!sales"));

    let entry = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    lab.inject(&[
        entry("example.org!user.garbage", b"%(A %(broken"),
        entry("example.org!user.nothing", b""),
        entry("example.org!user.remote", b"%(A %() I 1 P bm-master__example_org S other.server T r M 1)"),
        entry("example.org!user.reserved", b"%(I 2 P bm-master__example_org T z M 1)"),
        entry("example.org!user.gone", b"%(I 3 T d V 1 F 6 M 1)"),
        entry("example.org!user.jdoe.Elsewhere", &record("nosuchpartition", 4)),
        entry("$RACL", b""),
        entry("$RACL$U$jdoe@example.org$example.org!user.jdoe", b""),
    ]);
    let partitions = lab.path("/etc/cyrus-partitions");
    let text = std::fs::read_to_string(&partitions).unwrap();
    let line = |kind: &str, place: &str| format!("{kind}partition-{LONG}:{place}/{LONG}\n");
    let more = line("", "/var/spool/cyrus/data") + &line("archive", "/var/spool/bm-hsm/cyrus-archives");
    std::fs::write(partitions, text + &more + &line("meta", "/var/spool/cyrus/meta")).unwrap();
}

/// The directories that no mailbox of BlueMind should have: those that were left behind, and those of the mailboxes that
/// BlueMind does not know or has elsewhere. 4.1 warns of both at each start.
const UNEXPECTED: &[&str] = &[
    "bm-master:archive/bm-master__example_org/domain/e/example.org/l/user/left^archived",
    "bm-master:data/bm-master__example_net/domain/e/example.net/o/oldshare",
    "bm-master:data/bm-master__example_org/domain/e/example.com",
    "bm-master:data/bm-master__example_org/domain/e/example.net",
    "bm-master:data/bm-master__example_org/domain/e/example.org/J",
    "bm-master:data/bm-master__example_org/domain/e/example.org/a/user/a.durand",
    "bm-master:data/bm-master__example_org/domain/e/example.org/g/user/ghost",
    "bm-master:data/bm-master__example_org/domain/e/example.org/l/user/left",
    "bm-master:data/bm-master__example_org/domain/e/example.org/m/user/MMartin",
    "bm-master:data/bm-master__example_org/domain/e/example.org/s/user/support",
    "bm-master:data/bm-master__example_org/domain/e/example.org/z/user/jdoe",
    "bm-master:data/bm-master__example_org/domain/g/gone.example",
    "bm-master:data/example_org",
    "bm-master:data/mail/domain/e/example.org/l/user/lost",
    "bm-master:data/mail/domain/e/example.org/m/user/mmartin",
    "bm-master:data/mail/n/user/nodomain",
    "bm-master:meta/bm-master__example_org/domain/e/example.com",
    "bm-master:meta/bm-master__example_org/domain/e/example.net",
    "bm-master:meta/bm-master__example_org/domain/e/example.org/g/user/ghost",
    "bm-master:meta/bm-master__example_org/domain/e/example.org/l/user/left",
    "bm-master:meta/bm-master__example_org/domain/e/example.org/m/user/MMartin",
    "bm-master:meta/bm-master__example_org/domain/e/example.org/s/user/support",
    "bm-master:meta/bm-master__example_org/domain/g/gone.example",
    "bm-master:meta/mail/domain/e/example.org/j/user/jdoe",
    "bm-master:meta/mail/domain/e/example.org/l/user/lost",
    "bm-master:meta/mail/domain/e/example.org/m/user/mmartin",
    "bm-master:meta/mail/n/user/nodomain",
];

#[test]
fn every_state_is_named_by_its_check() {
    let mut lab = healthy_lab();
    by_protocol(&lab);
    lab.stop();
    lab.grow_older();
    on_disk(&lab);
    let long = format!("bm-master:{LONG}");
    let expected = due(&[
        ("cyrus_default_partition_used", &["example.org!user.mmartin"]),
        ("cyrus_entry_unreadable", &["bm-master:example.org!user.garbage", "bm-master:example.org!user.nothing"]),
        ("cyrus_entry_unserved", &["bm-master:example.org!user.remote", "bm-master:example.org!user.reserved"]),
        (
            "cyrus_index_damaged",
            &[
                "bm-master:example.org!user.jdoe.Projects",
                "bm-master:example.org!user.jdoe.Projects.2024",
                "bm-master:example.org!user.ppetit",
                "bm-master:example.org!user.ppetit.Junk",
                "bm-master:example.org!user.ppetit.Outbox",
                "bm-master:example.org!user.ppetit.Sent",
                "bm-master:example.org!user.ppetit.Trash",
            ],
        ),
        (
            "cyrus_literal_inbox",
            &["example.org!user.jdoe.INBOX", "example.org!user.jdoe.Inbox", "example.org!user.jdoe.Inbox.Old"],
        ),
        ("cyrus_mailbox_directory_missing", &["bm-master:example.org!user.mmartin.Junk"]),
        (
            "cyrus_mailbox_unknown",
            &[
                "example.com!user.jdoe",
                "example.org!user.MMartin",
                "example.org!user.ghost",
                "example.org!user.lost",
                "example.org!user.support",
                "gone.example!user.nobody",
                "user.nodomain",
            ],
        ),
        ("cyrus_partition_name_too_long", &[&long]),
        ("cyrus_partition_undefined", &["example.org!user.jdoe"]),
        ("cyrus_partition_wrong", &["example.net!user.zoe"]),
        ("cyrus_unique_id_differs", &["bm-master:example.org!user.jdoe.Trash"]),
        ("folder_below_inbox", &["jdoe@example.org/INBOX/Old"]),
        ("folder_name_hazard", &["bm-master"]),
        // What BlueMind does not know came from elsewhere, and mail in it needs objects first.
        (
            "mailbox_imported_as_admin0",
            &[
                "example.com!user.jdoe",
                "example.org!user.MMartin",
                "example.org!user.ghost",
                "example.org!user.lost",
                "example.org!user.support",
                "user.nodomain",
            ],
        ),
        ("mailbox_objects_missing", &["(no domain)", "example.com", "example.org", "gone.example"]),
        ("spool_directory_unexpected", UNEXPECTED),
    ]);
    let run = assert_findings(&World::of(lab), &expected);
    // Only a domain of BlueMind can be repaired: no alias, and no domain that it does not have.
    let commands = commands(&run, "mailbox_imported_as_admin0");
    let due = ["MMartin", "ghost", "lost", "support"].map(|owner| format!("example.org!user.{owner}"));
    assert_eq!(commands.keys().cloned().collect::<Vec<_>>(), due);
    let repairs = [
        "bm-cli maintenance repair example.org --ops default.partition --dry",
        "bm-cli maintenance repair --ops replication.parentUid example.org",
    ];
    assert_eq!(commands["example.org!user.lost"], repairs);
}

/// BlueMind 4 never purges what was deleted.
#[test]
fn deleted_mailboxes_that_pile_up_are_counted() {
    let mut lab = healthy_lab();
    let mut user = lab.login("jdoe@example.org");
    for number in 0..60 {
        user.create(&format!("old {number}"));
        user.run(&format!("DELETE \"old {number}\""));
    }
    drop(user);
    lab.stop();
    lab.grow_older();
    // Nobody takes away the list of what changed.
    let expected =
        due(&[("cyrus_deleted_mailboxes_piled_up", &["bm-master"]), ("replication_backlog", &["bm-master"])]);
    assert_findings(&World::of(lab), &expected);
}

/// What logs tell of an import as admin0. The story's own lines, of BlueMind at its work, are no trace.
#[test]
fn logins_as_admin0_from_elsewhere_are_told() {
    let world = World::of(healthy_files());
    let append = |file: &str, lines: &str| {
        let path = world.lab.path(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        std::fs::write(&path, text + lines).unwrap();
    };
    append(
        "/var/log/mail.log",
        "2019-11-02T10:00:00.000000+00:00 mail cyrus/imap[900]: login: [198.51.100.7] admin0 plaintext User logged in \
         SESSIONID=<cyrus-900-1572688800-1-3>\n\
         2019-11-02T10:00:01.000000+00:00 mail cyrus/imap[900]: client id sessionid=<cyrus-900-1572688800-1-3>: \
         \"name\" \"imapsync\"\n\
         2019-11-02T10:05:00.000000+00:00 mail cyrus/imap[901]: login: mail [192.0.2.10] admin0 plaintext User logged in \
         SESSIONID=<cyrus-901-1572689100-1-4>\n",
    );
    append(
        "/var/log/bm/core.log",
        "2019-11-02 10:00:00,000 [vert.x-eventloop-2] TokenAuthProvider ERROR - Fail to validate token for admin0 from \
         [198.51.100.7]\n",
    );
    let run = assert_findings(&world, &due(&[("mailbox_imported_as_admin0", &["bm-master:cyrus 198.51.100.7"])]));
    // A log names no domain that a command could be given for.
    assert_eq!(commands(&run, "mailbox_imported_as_admin0"), BTreeMap::new());
}

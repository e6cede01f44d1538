//! Reading a Cyrus that works: nothing is written, nobody waits, and nothing is seen that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::run::run;
use crate::states::findings;
use crate::support::cyrus::Lab;
use crate::support::cyrus::client::{Imap, message};
use crate::world::{Facts, World, healthy_files, healthy_lab};

/// How long clients and collections get in each other's way.
const DURATION: Duration = Duration::from_secs(10);

/// How many looks it takes to prove anything, on however busy a machine.
const LOOKS: u32 = 5;

/// Everything about a file but when it was last read.
type Entry = (u32, u32, u64, u64, i64, i64, Vec<u8>);

fn picture(lab: &Lab) -> BTreeMap<PathBuf, Entry> {
    let entries = walkdir::WalkDir::new(lab.root()).into_iter().map(Result::unwrap).map(|entry| {
        let metadata = entry.path().symlink_metadata().unwrap();
        let content = match metadata.file_type() {
            kind if kind.is_file() => std::fs::read(entry.path()).unwrap(),
            kind if kind.is_symlink() => {
                std::fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes()
            }
            _ => Vec::new(),
        };
        let (changed, changed_nsec) = (metadata.ctime(), metadata.ctime_nsec());
        let is = (metadata.mode(), metadata.uid(), metadata.ino(), metadata.len(), changed, changed_nsec, content);
        (entry.into_path(), is)
    });
    entries.collect()
}

#[test]
fn a_collection_changes_nothing() {
    let world = World::of(healthy_files());
    let before = picture(&world.lab);
    assert!(before.len() > 150, "{} files", before.len());
    world.collect();
    let after = picture(&world.lab);
    let changed: Vec<_> =
        after.iter().filter(|(path, is)| before.get(*path) != Some(*is)).map(|(path, _)| path).collect();
    assert_eq!((changed, after.len()), (Vec::new(), before.len()));
}

/// The greetings are heard as they are, and the servers hear nothing.
#[test]
fn a_cyrus_greets_whoever_asks_for_its_services() {
    let mut world = World::of(healthy_lab());
    let (imap, lmtp) = world.lab.ports();
    world.installation.more_config.push_str(&format!(
        "[probe]\nconnect = {{ \"192.0.2.10:24\" = \"127.0.0.1:{lmtp}\", \"192.0.2.10:1143\" = \"127.0.0.1:{imap}\", \"192.0.2.10:2400\" = \"127.0.0.1:{lmtp}\", \
         \"192.0.2.10:2501\" = \"127.0.0.1:{lmtp}\", \"192.0.2.10:2502\" = \"127.0.0.1:{imap}\" }}\n"
    ));
    let facts = world.installation.path("greetings.db");
    let mut command = world.installation.command("run");
    command.args(["--check", "mail_service_unreachable", "--check", "cyrus_answers_without_role", "--facts"]);
    command.arg(&facts).assert().success();
    let rows = Facts::open(facts).rows(
        "SELECT port, state, greeting, coalesce(version, '') FROM service_banner WHERE port < 2500 ORDER BY port",
    );
    let [cyrus_lmtp, imap, lmtp] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((cyrus_lmtp[0].as_str(), &cyrus_lmtp[1..]), ("24", &lmtp[1..]));
    assert_eq!((imap[0].as_str(), imap[1].as_str()), ("1143", "open"));
    assert!(imap[2].starts_with("* OK [CAPABILITY ") && imap[2].contains("Cyrus IMAP"), "{imap:?}");
    assert_eq!((lmtp[0].as_str(), lmtp[1].as_str()), ("2400", "open"));
    assert!(lmtp[2].starts_with("220 ") && lmtp[2].contains("Cyrus LMTP"), "{lmtp:?}");
    assert!(imap[3].starts_with('3') && imap[3] == lmtp[3], "{rows:?}");
}

/// Clients create, rename, delete, append and expunge as fast as they can.
struct Clients<'a> {
    lab: &'a Lab,
    is_over: AtomicBool,
    writes: AtomicU32,
}

impl Clients<'_> {
    fn until_over(&self, login: &str, mut work: impl FnMut(&mut Imap, u32)) {
        let mut client = self.lab.login(login);
        for round in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            work(&mut client, round);
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn folders(&self, number: usize) {
        self.until_over("ppetit@example.org", |client, round| {
            // Cyrus refuses to delete a name twice within a second.
            let name = format!("churn{number}x{round}");
            client.create(&name);
            client.append(&name, "", &message(&name, 0));
            client.run(&format!("RENAME {name} {name}y"));
            client.run(&format!("DELETE {name}y"));
        });
    }

    fn messages(&self) {
        self.until_over("jdoe@example.org", |client, round| {
            client.append("INBOX", "", &message(&format!("round {round}"), 0));
            if round % 20 == 0 {
                client.expunge("INBOX", "1:5");
            }
        });
    }
}

#[test]
fn a_busy_server_is_read_right() {
    stress(|world, stable| wrong(world, stable, |name, state| name.contains(".churn") && state.starts_with("missing")));
}

/// A mailbox that was renamed or deleted while the indexes were read is not one that lost its files.
#[test]
fn a_mailbox_that_moves_away_is_not_missing() {
    stress(|world, stable| wrong(world, stable, |_, _| false));
}

/// Nor is its directory one that belongs to nobody.
#[test]
fn no_check_fires_because_a_server_is_busy() {
    stress(|world, _| {
        let found = findings(&run(&world.installation)).into_iter();
        // What the clients delete does pile up, and nobody replicates what they write, or takes the list of it away. This
        // Cyrus is newer than BlueMind's.
        let expected = [
            "cyrus_deleted_mailboxes_piled_up",
            "cyrus_index_of_another_version",
            "replication_backlog",
            "replication_behind",
        ];
        let found = found.filter(|(check, _)| !expected.contains(&&check[..]));
        found.map(|(check, subjects)| format!("{check}: {subjects:?}")).collect()
    });
}

/// Looks again and again beside busy clients; what `look` gives back is wrong.
fn stress(look: impl Fn(&World, &BTreeSet<String>) -> Vec<String>) {
    let world = World::of(healthy_lab());
    let stable: BTreeSet<String> =
        world.lab.mailboxes().into_iter().map(|(name, _)| name).filter(|name| !name.contains("DELETED")).collect();
    assert!(stable.len() > 40, "{}", stable.len());
    let clients = Clients { lab: &world.lab, is_over: AtomicBool::new(false), writes: AtomicU32::new(0) };
    let (mut looks, mut failures) = (0, Vec::new());
    std::thread::scope(|scope| {
        // Also when a look panics, the clients come to an end.
        let over = Over(&clients.is_over);
        for number in 0..3 {
            let clients = &clients;
            scope.spawn(move || clients.folders(number));
        }
        scope.spawn(|| clients.messages());
        let started = Instant::now();
        while (started.elapsed() < DURATION || looks < LOOKS) && failures.len() < 5 {
            failures.extend(look(&world, &stable));
            looks += 1;
        }
        drop(over);
    });
    assert!(failures.is_empty(), "{looks} looks:\n{}", failures.join("\n"));
    let writes = clients.writes.load(Ordering::Relaxed);
    assert!(writes >= 200, "{looks} looks beside {writes} writes prove little");
}

/// Ends the clients' work.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a collection told that was not so.
fn wrong(world: &World, stable: &BTreeSet<String>, is_let_pass: fn(&str, &str) -> bool) -> Vec<String> {
    let facts = world.collect();
    let mut wrong: Vec<String> = facts.gaps().into_iter().map(|gap| gap.join(": ")).collect();
    let names: BTreeSet<String> = facts.column("SELECT name FROM cyrus_mailbox").into_iter().collect();
    wrong.extend(stable.difference(&names).map(|name| format!("{name} is not there")));
    wrong.extend(facts.rows("SELECT name, reason FROM cyrus_entry_unreadable").into_iter().map(|row| row.join(": ")));
    let states = "SELECT name, state, header_state, coalesce(detail, '') FROM cyrus_index
                  WHERE state <> 'sound' OR header_state <> 'sound'";
    let states = facts.rows(states).into_iter().filter(|row| !is_let_pass(&row[0], &row[1]));
    wrong.extend(states.map(|row| row.join(": ")));
    wrong
}

//! A split installation that is collected on each of its servers, and judged from the snapshots together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{self, Run, judged};
use crate::support::bluemind::{ANY_DISK, DIRECTORY, Installation, bm_preflight};
use crate::support::network::Network;

/// The servers, and the trees that stand for their files.
const SERVERS: [(&str, &str); 3] = [("bm-master", "root"), ("mail-1", "root.mail-1"), ("mail-2", "root.mail-2")];

/// Writes the configuration of a server: the databases that it reaches, and the network around it.
pub(crate) fn configure(installation: &Installation<'_>, server: &str, directory: &str) -> PathBuf {
    let mut config = format!("[directory]\nurl = {directory:?}\n");
    for uid in ["mail-1", "mail-2"] {
        let _ = write!(config, "\n[shard.{uid}]\nurl = {:?}\n", installation.url(uid));
    }
    let place = installation.path(&format!("{server}.toml"));
    std::fs::write(&place, config + &Network::shared().config(&[])).unwrap();
    place
}

/// Collects on one server: its own files, and the databases that it reaches.
fn collect_on(installation: &Installation<'_>, server: &str, sees_directory: bool) -> PathBuf {
    let (_, root) = SERVERS.iter().find(|(uid, _)| *uid == server).expect("one of the servers");
    let directory = if sees_directory { installation.url(DIRECTORY) } else { "postgresql://bj@127.0.0.1:1/bj".into() };
    let place = configure(installation, server, &directory);
    let facts = installation.path(&format!("{server}.facts"));
    let mut command = bm_preflight();
    command.args(["collect", "--root"]).arg(installation.path(root)).arg("--config").arg(place);
    command.arg("--facts").arg(&facts).assert().success();
    facts
}

/// A snapshot of each server, all of which see the directory.
pub(crate) fn snapshots(installation: &Installation<'_>) -> Vec<PathBuf> {
    collect_everywhere(installation, true)
}

/// The core sees the directory; whether the mail servers do is the case.
fn collect_everywhere(installation: &Installation<'_>, all_see_directory: bool) -> Vec<PathBuf> {
    let sees = |server: &str| all_see_directory || server == "bm-master";
    SERVERS.iter().map(|(server, _)| collect_on(installation, server, sees(server))).collect()
}

/// Every server sees the directory, in which something may happen after each collection.
pub(crate) fn collect_everywhere_when(installation: &Installation<'_>, afterwards: impl Fn(&str)) -> Vec<PathBuf> {
    let collect = |(server, _): &(&str, &str)| {
        let facts = collect_on(installation, server, true);
        afterwards(server);
        facts
    };
    SERVERS.iter().map(collect).collect()
}

/// `run --from-facts A --from-facts B …`, the merged snapshot saved.
fn command(installation: &Installation<'_>, snapshots: &[&Path]) -> assert_cmd::Command {
    let mut command = bm_preflight();
    command
        .current_dir(installation.path(""))
        .args(["run", "--format", "html", "--format", "json", "--format", "junit"])
        .args(ANY_DISK);
    command.arg("--facts").arg(installation.path("merged.facts"));
    command.arg("--output-dir").arg(installation.path("reports"));
    snapshots.iter().for_each(|snapshot| {
        command.arg("--from-facts").arg(snapshot);
    });
    command
}

pub(crate) fn judge(installation: &Installation<'_>, snapshots: &[&Path]) -> Run {
    let output = command(installation, snapshots).output().unwrap();
    judged(&output, &installation.path("merged.facts"), &installation.path("reports"))
}

pub(crate) fn paths(snapshots: &[PathBuf]) -> Vec<&Path> {
    snapshots.iter().map(PathBuf::as_path).collect()
}

/// What must not depend on how the facts came together: the checks, and how much is known of every scope.
pub(crate) fn judgement(run: &Run) -> (Value, BTreeSet<String>) {
    let statement =
        |entry: &Value| ["table", "scope", "completeness", "rows"].map(|key| entry[key].to_string()).join(" ");
    (run.report["checks"].clone(), run.report["coverage"].as_array().unwrap().iter().map(statement).collect())
}

pub(crate) fn notices(run: &Run) -> Vec<&str> {
    run.report["run"]["notices"].as_array().unwrap().iter().map(|notice| notice.as_str().unwrap()).collect()
}

/// Tables of a mail server that need the directory as well: where 5 looks for a message depends on what it says of a mailbox.
const OF_BOTH: [&str; 3] = ["\"record_lookup\"", "\"unfound_folder\"", "\"unfound_message\""];

#[test]
fn collected_on_each_server_it_is_judged_as_if_collected_at_once() {
    let installation = Installation::build("healthy_split");
    // No core and maybe no ysnp logs on a mail server: that is no gap, whoever tells what kind of server it is.
    for log in ["root.mail-1/var/log/bm", "root.mail-2/var/log/bm", "root.mail-2/var/log/bm-ysnp"] {
        std::fs::remove_dir_all(installation.path(log)).unwrap();
    }
    run::collect(&installation);
    let at_once = run::replay(&installation);
    for all_see_directory in [true, false] {
        let snapshots = collect_everywhere(&installation, all_see_directory);
        let merged = judge(&installation, &paths(&snapshots));
        assert_eq!((merged.code, &merged.report["verdict"]), (0, &"not_judged".into()), "{}", merged.digest());
        let is_due =
            |statement: &String| all_see_directory || !OF_BOTH.iter().any(|table| statement.starts_with(table));
        let due = |run: &Run| {
            let (checks, coverage) = judgement(run);
            (checks, coverage.into_iter().filter(is_due).collect::<BTreeSet<_>>())
        };
        assert_eq!(due(&merged), due(&at_once), "mail servers see the directory: {all_see_directory}");
        // The file systems of a copy are not known.
        let is_whole = |statement: &String| {
            statement.contains("\"complete\"") || statement.contains("\"filesystem\"") || !is_due(statement)
        };
        assert!(judgement(&merged).1.iter().all(is_whole));
        assert_eq!(notices(&merged), [""; 0]);
        let mut question = bm_preflight();
        question.args(["facts", "query", "SELECT DISTINCT server_uid FROM package ORDER BY 1", "--json"]);
        snapshots.iter().for_each(|snapshot| {
            question.arg("--from-facts").arg(snapshot);
        });
        let answer = question.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout).lines().count(), 3, "{answer:?}");
        // The merged snapshot is one like any other.
        let again = judge(&installation, &[&installation.path("merged.facts")]);
        assert_eq!(judgement(&again), judgement(&merged));
    }
}

#[test]
fn the_order_of_the_files_changes_nothing_but_the_run() {
    let installation = Installation::build("healthy_split");
    let snapshots = collect_everywhere(&installation, false);
    let [core, first, second] = [&snapshots[0], &snapshots[1], &snapshots[2]].map(PathBuf::as_path);
    let mut reports = [[core, first, second], [second, core, first], [first, second, core]].map(|order| {
        let mut report = judge(&installation, &order).report;
        report["run"] = Value::Null;
        report
    });
    let one = reports[0].take();
    assert!(one["checks"].as_array().unwrap().len() > 5);
    assert!(reports[1..].iter().all(|other| *other == one));
}

#[test]
fn a_server_that_was_left_out_is_named_as_the_next_one() {
    let installation = Installation::build("healthy_split");
    let snapshots = collect_everywhere(&installation, true);
    let merged = judge(&installation, &[&snapshots[0], &snapshots[1]]);
    assert_eq!((merged.code, &merged.report["verdict"]), (30, &"inconclusive".into()));
    for table in ["package", "cyrus_mailbox"] {
        merged.assert_absent(table, "mail-2", "no snapshot of server mail-2 was given");
        merged.assert_complete(table, "mail-1");
    }
    merged.assert_complete("folder", "mail-2");
    let checks = merged.report["checks"].as_array().unwrap();
    let waits = |check: &&Value| check["missing"].as_array().unwrap().iter().any(|gap| gap["scope"] == "mail-2");
    let waiting = checks.iter().filter(waits).count();
    assert!(waiting > 3 && waiting == merged.with_outcome("unknown").len(), "{}", merged.digest());
    let next = format!("{waiting} checks need files from mail-2 (192.0.2.22): run the command below there");
    let way = format!(
        "on mail-2: bm-preflight collect --facts mail-2.facts; then, with that file here: bm-preflight run --from-facts \
         {} --from-facts {} --from-facts mail-2.facts",
        snapshots[0].display(),
        snapshots[1].display()
    );
    assert_eq!(notices(&merged), [next, way]);
    let kept = installation.path("merged.facts");
    let replayed = judge(&installation, &[&kept]);
    assert_eq!(notices(&replayed)[0], notices(&merged)[0]);
    assert!(notices(&replayed)[1].ends_with("to the snapshots that these facts were merged from"), "{replayed:?}");
    refused(&installation, &[&kept, &snapshots[2]], 2, &["merged.facts was merged", "give those instead"]);
    let french = command(&installation, &[&snapshots[0], &snapshots[1]]).args(["--lang", "fr"]).output().unwrap();
    let french = judged(&french, &installation.path("merged.facts"), &installation.path("reports"));
    assert!(
        notices(&french)[0].ends_with(
            "contrôles attendent les fichiers de mail-2 (192.0.2.22)\u{a0}: lancez-y la commande ci-dessous"
        ),
        "{french:?}"
    );
}

#[test]
fn a_run_on_the_core_alone_says_where_to_go_on() {
    let installation = Installation::build("healthy_split");
    collect_on(&installation, "bm-master", true);
    let output = bm_preflight()
        .current_dir(installation.path(""))
        .args(["run", "--format", "html", "--format", "json", "--format", "junit", "--root", "root"])
        .args(["--config", "bm-master.toml", "--output-dir", "reports"])
        .output()
        .unwrap();
    let alone = judged(&output, &installation.path("bm-master.facts"), &installation.path("reports"));
    assert_eq!(alone.code, 30, "{}", alone.digest());
    let notices = notices(&alone);
    assert!(notices[0].contains("files from mail-1 (192.0.2.21): "), "{notices:?}");
    let way = "on mail-1: bm-preflight collect --facts mail-1.facts; here: bm-preflight collect --root root --config \
               bm-master.toml --facts bm-master.facts; then, with that file here: bm-preflight run --from-facts \
               bm-master.facts --from-facts mail-1.facts";
    assert_eq!(notices[1], way);
    assert!(notices[2].starts_with("the files of other servers are missing too: mail-2 (192.0.2.22) ("), "{notices:?}");
    // The commands are those that work.
    collect_on(&installation, "mail-1", true);
    let (core, mail) = (Path::new("bm-master.facts"), Path::new("mail-1.facts"));
    assert!(self::notices(&judge(&installation, &[core, mail]))[0].contains("files from mail-2"));
}

#[test]
fn the_servers_that_only_the_directory_knows_are_not_made_up() {
    let installation = Installation::build("healthy_split");
    let snapshots = ["mail-1", "mail-2"].map(|server| collect_on(&installation, server, false));
    let blind = judge(&installation, &paths(&snapshots));
    assert_eq!(blind.code, 30);
    assert_eq!(blind.with_outcome("pass").len(), 0, "{}", blind.digest());
    blind.assert_complete("cyrus_mailbox", "mail-1");
    blind.assert_absent("cyrus_mailbox", "*", "the servers of the installation are not known");
    blind.assert_absent("domain", DIRECTORY, "127.0.0.1:1/bj");
    let notices = notices(&blind);
    assert!(
        notices[0].starts_with("the directory database could not be read from here: it is on 192.0.2.20"),
        "{notices:?}"
    );
    assert!(
        notices[1].starts_with("on 192.0.2.20: bm-preflight collect --facts 192.0.2.20.facts; then,"),
        "{notices:?}"
    );
    assert!(notices[1].ends_with("mail-2.facts --from-facts 192.0.2.20.facts"), "{notices:?}");
}

fn refused(installation: &Installation<'_>, snapshots: &[&Path], code: i32, reasons: &[&str]) {
    let output = command(installation, snapshots).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{said}");
    for reason in reasons {
        assert!(said.contains(reason), "{reason:?}: {said}");
    }
}

/// Changes what a copy of a snapshot says.
fn altered(snapshot: &Path, sql: &str) -> PathBuf {
    let copy = snapshot.with_extension("altered");
    std::fs::copy(snapshot, &copy).unwrap();
    rusqlite::Connection::open(&copy).unwrap().execute_batch(sql).unwrap();
    copy
}

#[test]
fn snapshots_that_do_not_fit_together_are_wrong_usage() {
    let installation = Installation::build("healthy_split");
    let snapshots = collect_everywhere(&installation, false);
    let [core, mail] = [&snapshots[0], &snapshots[1]].map(PathBuf::as_path);
    let set =
        |key: &str, value: &str| altered(mail, &format!("UPDATE snapshot SET value = {value} WHERE \"key\" = '{key}'"));
    let says = |snapshot: PathBuf, reasons: &[&str]| {
        let reasons = [reasons, &["mail-1.altered"]].concat();
        refused(&installation, &[core, &snapshot], 2, &reasons);
        refused(&installation, &[&snapshot, core], 2, &reasons);
    };
    says(set("tool_version", "'9.9.9'"), &["bm-master.facts", "9.9.9", env!("CARGO_PKG_VERSION")]);
    says(
        set("installation_id", "'bluemind-other'"),
        &["bluemind-other", "bluemind-C2A7F0E4-1B9D-4E63-8A35-90D4E8B7F102"],
    );
    says(set("server_uid", "'mail-9'"), &["server mail-9", "bm-master, mail-1, mail-2"]);
    says(set("server_uid", "'bm-master'"), &["bm-master.facts", "both tell of server bm-master"]);
    says(set("collected_at", "value - 90000"), &["more than 24 hours apart", "bm-master.facts"]);
    says(set("collected_at", "value + 3600"), &["later than this machine's clock", "server mail-1"]);
    let skewed = altered(core, "UPDATE snapshot SET value = value + 90 WHERE \"key\" = 'clock_ahead_s'");
    let seeing = collect_on(&installation, "mail-1", true);
    refused(&installation, &[&skewed, &seeing], 2, &["Set the clock of server bm-master", "the directory database's"]);
    refused(&installation, &[core, core], 2, &["bm-master.facts is given twice"]);
    let other = Installation::build("healthy_single");
    run::collect(&other);
    refused(
        &installation,
        &[mail, &other.path("collected.db")],
        2,
        &["two installations", "collected.db", "mail-1.facts"],
    );
}

#[test]
fn a_snapshot_that_cannot_be_read_is_named_among_the_others() {
    let installation = Installation::build("healthy_split");
    let core = collect_on(&installation, "bm-master", true);
    let mail = collect_on(&installation, "mail-1", false);
    let foreign = installation.path("root.mail-2/etc/bm/bm.ini");
    refused(&installation, &[&core, &foreign], 1, &["bm.ini: not a facts snapshot"]);
    let whole = std::fs::read(&mail).unwrap();
    std::fs::write(&mail, &whole[..whole.len() / 2]).unwrap();
    refused(&installation, &[&core, &mail], 1, &["mail-1.facts: damaged snapshot"]);
}

#[test]
fn a_directory_that_changed_in_between_is_a_gap_with_a_reason() {
    let installation = Installation::build("healthy_split");
    let core = collect_on(&installation, "bm-master", true);
    installation
        .sql(DIRECTORY, "UPDATE t_server SET tags = array_append(tags, 'mail/smtp-edge') WHERE name = 'mail-2'");
    let mail = collect_on(&installation, "mail-1", true);
    let torn = judge(&installation, &[&core, &mail]);
    assert_eq!(torn.code, 30);
    assert_eq!(torn.with_outcome("error").len(), 0, "{}", torn.digest());
    for file in ["bm-master.facts", "mail-1.facts", "collect again on both servers"] {
        torn.assert_absent("server_role", DIRECTORY, file);
    }
    torn.assert_complete("server", DIRECTORY);
}

/// What each machine's clock is compared with is written down while it is collected.
#[test]
fn a_snapshot_says_where_and_by_which_clock_it_was_collected() {
    let installation = Installation::build("healthy_split");
    let says = |snapshot: &Path| {
        let database = rusqlite::Connection::open(snapshot).unwrap();
        let mut statement = database.prepare("SELECT \"key\", value FROM snapshot").unwrap();
        let pairs = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        pairs.collect::<Result<BTreeMap<String, String>, _>>().unwrap()
    };
    let seeing = says(&collect_on(&installation, "mail-1", true));
    assert_eq!(seeing["server_uid"], "mail-1");
    assert_eq!(seeing["installation_id"], "bluemind-C2A7F0E4-1B9D-4E63-8A35-90D4E8B7F102");
    let ahead: i64 = seeing["clock_ahead_s"].parse().unwrap();
    assert!(ahead.abs() <= 5, "PostgreSQL runs on this machine: {ahead}");
    let blind = says(&collect_on(&installation, "mail-2", false));
    assert_eq!((blind["server_uid"].as_str(), blind.get("clock_ahead_s")), ("mail-2", None));
}

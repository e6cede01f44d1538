//! Figures of the program, each beside a named command of the same run: `cargo bench`, or `cargo bench -- NAME…`.
//!
//! No time passes or fails. `cargo test` does all of it with a handful of rows, so that it still works when somebody wants
//! figures. `collect` fills a PostgreSQL with ten million records and takes minutes;
//! `spool` and `replication` make a million files, `replication_memory` needs 4 GB of disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]
#![allow(dead_code, reason = "the tests' helpers serve more than the benchmark")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bm_preflight::app;
use bm_preflight::fact::store::{Origin, SnapshotTarget};
use bm_preflight::fact::{Row, Schema, Store, Value};
use bm_preflight::model::Coverage;
use bm_preflight::plan::Plan;
use bm_preflight::topology::Topology;

#[path = "autodiscover.rs"]
mod autodiscover;
#[path = "replication.rs"]
mod replication;
#[path = "replication_log.rs"]
mod replication_log;
#[path = "spool.rs"]
mod spool;
#[path = "../support/mod.rs"]
mod support;
#[path = "unfound.rs"]
mod unfound;

use support::bluemind::Installation;

const CHECKS: usize = 100;

/// Whether figures are wanted: `cargo bench` says so, `cargo test` does not.
static IS_MEASURED: LazyLock<bool> = LazyLock::new(|| std::env::args().any(|argument| argument == "--bench"));

/// So many where figures are wanted, else so few.
fn sized<T>(many: T, few: T) -> T {
    if *IS_MEASURED { many } else { few }
}

fn folders() -> i64 {
    sized(1_000_000, 300)
}

fn mailboxes() -> i64 {
    sized(200_000, 60)
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let benches: [(&str, fn()); 13] = [
        ("version", version),
        ("reports", reports),
        ("crowd", crowd),
        ("replay", replay),
        ("collect", collection),
        ("autodiscover", autodiscover::autodiscover),
        ("spool", spool::spool),
        ("mailboxes", spool::mailboxes),
        ("replication_log", replication_log::replication_log),
        ("replication", replication::million),
        ("replication_memory", replication::ten_million),
        ("unfound", unfound::million),
        ("unfound_memory", unfound::five_million),
    ];
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            bench();
        }
    }
}

/// Wall time and peak resident memory of a process.
struct Spent {
    wall: Duration,
    peak_kib: u64,
}

fn spend(command: &mut Command) -> Spent {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    // The kernel keeps the high-water mark: the last look before the end is close enough.
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(mark.unwrap_or(0));
        std::thread::sleep(Duration::from_micros(500));
    }
    Spent { wall: started.elapsed(), peak_kib }
}

/// The fastest of several runs.
fn best(times: usize, mut run: impl FnMut() -> Spent) -> Spent {
    (0..sized(times, 1)).map(|_| run()).min_by_key(|spent| spent.wall).unwrap()
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bm-preflight"))
}

fn tell(what: &str, spent: &Spent) {
    let wall = spent.wall.as_secs_f64() * 1e3;
    match spent.peak_kib {
        // Measured in this process, whose memory says nothing.
        0 => println!("{what}: {wall:.1} ms"),
        peak => println!("{what}: {wall:.1} ms, peak {:.0} MiB", peak as f64 / 1024.0),
    }
}

fn version() {
    tell("bm-preflight --version", &best(20, || spend(program().arg("--version"))));
    tell("  beside: true", &best(20, || spend(&mut Command::new("true"))));
}

fn reports() {
    let folder = tempfile::tempdir().unwrap();
    let checks = folder.path().join("checks");
    std::fs::create_dir(&checks).unwrap();
    for n in 0..CHECKS {
        let text = include_str!("light_check.toml").replace("NUMBER", &n.to_string());
        std::fs::write(checks.join(format!("light_{n}.toml")), text).unwrap();
    }
    let target = folder.path().join("out");
    let all = |quiet: &str| {
        let mut command = program();
        command
            .args([quiet, "demo", "--check", "light_*", "--checks-dir"])
            .arg(&checks)
            .arg("--output-dir")
            .arg(&target);
        command
    };
    tell("100 light checks → three reports", &best(10, || spend(&mut all("-q"))));
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 4);
    let demo = || spend(program().args(["-q", "demo", "--output-dir"]).arg(&target));
    tell("  beside: the built-in checks → three reports (demo)", &best(10, demo));
}

/// Findings of a crowd in every usual format.
fn crowd() {
    let folder = tempfile::tempdir().unwrap();
    let checks = folder.path().join("checks");
    std::fs::create_dir(&checks).unwrap();
    let target = folder.path().join("out");
    for (findings, name) in sized([("2025", "2 025"), ("50000", "50 000")], [("20", "20"), ("200", "200")]) {
        let text = include_str!("many_findings.toml").replace("FINDINGS", findings);
        std::fs::write(checks.join("many_findings.toml"), text).unwrap();
        let mut run = program();
        run.args(["-q", "demo", "--check", "many_findings", "--checks-dir"])
            .arg(&checks)
            .arg("--output-dir")
            .arg(&target);
        tell(&format!("{name} findings of 3 000 users → three reports and the table"), &best(5, || spend(&mut run)));
        let mut jq = Command::new("jq");
        jq.arg(".").arg(target.join("report.json")).stdout(std::process::Stdio::null());
        tell("  beside: jq, the JSON report read and written", &best(5, || spend(&mut jq)));
    }
}

fn replay() {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("facts.db");
    big_snapshot(&facts);
    let size = std::fs::metadata(&facts).unwrap().len() / 1024 / 1024;
    let target = folder.path().join("out");
    let run = || spend(program().args(["-q", "run", "--from-facts"]).arg(&facts).arg("--output-dir").arg(&target));
    let (folders, mailboxes) = (folders(), mailboxes());
    tell(&format!("replay of {folders} folders, {mailboxes} mailboxes ({size} MiB), all checks"), &best(5, run));
    let one = || {
        spend(
            program()
                .args(["-q", "run", "--check", "shard_missing", "--from-facts"])
                .arg(&facts)
                .arg("--output-dir")
                .arg(&target),
        )
    };
    tell("  one check on it", &best(5, one));
    let count = || spend(Command::new("sqlite3").arg(&facts).arg("SELECT sum(length(path)) FROM folder"));
    tell("  beside: sqlite3, one pass over the folders", &best(5, count));
}

/// A snapshot in which nothing is wrong, so that every check has to look at everything.
fn big_snapshot(path: &Path) {
    let schema = app::schema();
    let origin = Origin::new("bench", 1_700_000_000);
    let mut store = Store::create(&schema, &origin).unwrap();
    let mut put = |table: &str, scope: &str, rows: &mut dyn Iterator<Item = Row>| {
        let table = schema.table(table).unwrap();
        loop {
            let batch: Vec<Row> = rows.take(10_000).collect();
            if batch.is_empty() {
                break;
            }
            assert_eq!(store.insert(table, scope, &batch).unwrap(), None);
        }
    };
    let text = |t: &str| Value::from(t);
    let server = "bm-master";
    let names = [text("bluemind-x"), text("mail.example.org"), Value::Null, text("4.1.43922")];
    let installation = [&names[..], &[text("INTERNAL"), true.into()]].concat();
    put("installation", "directory", &mut [installation].into_iter());
    put("server", "directory", &mut [vec![text(server), text(server), text("10.0.0.1"), Value::Null]].into_iter());
    let roles = ["bm/core", "bm/pgsql", "bm/pgsql-data", "mail/imap"];
    put("server_role", "directory", &mut roles.iter().map(|role| vec![text(server), text(role)]));
    put("role_assignment", "directory", &mut [vec![text("example.org"), text(server), text("mail/imap")]].into_iter());
    put("domain", "directory", &mut [vec![text("example.org"), false.into()]].into_iter());
    put("component_version", "directory", &mut [vec![text("bm/core"), text("4.1.43922")]].into_iter());
    put("mailbox", "directory", &mut (0..mailboxes()).map(|n| mailbox(n, server)));
    put("mapi_replica", "directory", &mut (0..mailboxes()).map(|n| vec![uid(n).into(), format!("replica-{n}").into()]));
    put("subtree", server, &mut (0..mailboxes()).map(|n| vec![uid(n).into(), text("example.org")]));
    put("folder", server, &mut (0..folders()).map(folder));
    put("mapi_folder", server, &mut (0..mailboxes()).map(mapi_folder));
    let list = vec![text("/var/lib/cyrus/mailboxes.db"), text("sound"), Value::Null, 1_700_000_000.into()];
    put("cyrus_list", server, &mut [list].into_iter());
    let partition = vec![text("bm-master__example_org"), false.into(), Value::Null, Value::Null];
    put("cyrus_partition", server, &mut [partition].into_iter());
    put("cyrus_mailbox", server, &mut (0..mailboxes()).map(root));
    finish(&mut store, &schema);
    store.seal().unwrap().save(SnapshotTarget::open(path).unwrap()).unwrap();
}

fn finish(store: &mut Store, schema: &Schema) {
    let directory = ["server", "server_role"].map(|t| Coverage::complete(t, "directory"));
    let topology = Topology::of(&directory, |sql| store.texts(sql)).unwrap();
    for (table, scope) in Plan::everything(schema).expected(&topology).0 {
        store.finish(table, Coverage::complete(table.name, &scope)).unwrap();
    }
}

fn uid(n: i64) -> String {
    format!("6F9619FF-8B86-D011-B42D-{n:012}")
}

fn mailbox(n: i64, server: &str) -> Row {
    let text = |t: &str| Value::from(t);
    vec![
        uid(n).into(),
        text("example.org"),
        format!("user{n}").into(),
        text("user"),
        text("internal"),
        text(server),
        format!("user{n}@example.org").into(),
        false.into(),
        false.into(),
        Value::Null,
        text(server),
    ]
}

fn folder(n: i64) -> Row {
    let (mailbox, index) = (n % mailboxes(), n / mailboxes());
    let name = if index == 0 { "INBOX".to_owned() } else { format!("Projects/Customer {index}") };
    vec![
        format!("{n:016x}").into(),
        uid(mailbox).into(),
        "example.org".into(),
        name.into(),
        false.into(),
        120.into(),
        0.into(),
    ]
}

/// The root of a mailbox in Cyrus.
fn root(n: i64) -> Row {
    let name = format!("example.org!user.user{n}");
    let directory =
        |tree: &str| format!("/var/spool/cyrus/{tree}/bm-master__example_org/domain/e/example.org/u/user/user{n}");
    vec![
        name.clone().into(),
        name.into(),
        "user".into(),
        "example.org".into(),
        format!("user{n}").into(),
        Value::Null,
        false.into(),
        false.into(),
        "bm-master__example_org".into(),
        format!("{n:016x}").into(),
        format!("{}@example.org lrswipkxtecda, admin0 lrswipkxtecda", uid(n)).into(),
        directory("data").into(),
        directory("meta").into(),
        Value::Null,
    ]
}

fn mapi_folder(n: i64) -> Row {
    vec![
        format!("mapi:OUTLOOK-{n}:replica-{n}").into(),
        format!("replica-{n}").into(),
        format!("mapi:IPM_SUBTREE:replica-{n}").into(),
        "Notes".into(),
        "IPF.StickyNote".into(),
        uid(n).into(),
        "example.org".into(),
        true.into(),
        true.into(),
        3.into(),
    ]
}

fn collection() {
    let installation = Installation::build("healthy_single");
    let (shard, records, bodies) = ("bm-master", sized(10_000_000, 10_000), sized(2_000_000, 2_000));
    installation.fill(shard, include_str!("small_bodies.sql"), [bodies, records, 5_000]);
    installation.administer(shard, "ANALYZE");
    let facts = installation.path("bench.db");
    let command = |more: &[&str]| {
        let template = installation.command("collect");
        let mut command = Command::new(template.get_program());
        command.args(template.get_args()).args(more).arg("--facts").arg(&facts);
        command
    };
    let collected = best(3, || spend(&mut command(&[])));
    tell(&format!("collection of {records} records, {bodies} bodies"), &collected);
    replication::tell_server(&installation, &mut command(&[]));
    let gently = &["--low-priority"];
    tell("  the same with --low-priority", &best(1, || spend(&mut command(gently))));
    replication::tell_server(&installation, &mut command(gently));
    let script = installation.path("aggregates.sql");
    std::fs::write(&script, include_str!("aggregates.sql")).unwrap();
    let psql = best(3, || {
        spend(
            Command::new("psql").args(["-X", "-q", "-o", "/dev/null", "-f"]).arg(&script).arg(installation.url(shard)),
        )
    });
    tell("  beside: psql, the same aggregates", &psql);
    println!("  ratio: {:.2}", collected.wall.as_secs_f64() / psql.wall.as_secs_f64());
}

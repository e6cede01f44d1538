//! What the collector makes of a server's replication.log, through the command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::bare_server::{Server, gzip};

/// The core's token, as a session presents it.
const SECRET: &str = "AGFkbWluMABlNzA0ZjAyZC1jMGRlLTRmYWQtYmVlZi01Y2ExYWIxZTAwMDA=";

impl Server {
    fn with_log(text: &[u8]) -> Self {
        let server = Self::new();
        server.log("", text);
        server
    }

    /// Writes `replication.log` with an ending.
    fn log(&self, ending: &str, content: &[u8]) -> PathBuf {
        self.write(&format!("var/log/bm/replication.log{ending}"), content)
    }

    /// Each mailbox by name, with the second of the day in which it was last sent.
    fn mailboxes(&self) -> Vec<Value> {
        self.lists(
            "SELECT json_array(root_name, last_apply_at % 86400) AS row
             FROM replication_mailbox WHERE server_uid = 'bm-master' ORDER BY root_name",
        )
    }

    /// Each failure as cause, mailbox, number and sample.
    fn errors(&self) -> Vec<Value> {
        self.lists(
            "SELECT json_array(cause, mailbox, failures, sample) AS row FROM replication_error ORDER BY cause, mailbox",
        )
    }

    /// The log table is partial or absent, for a reason that has all the parts.
    fn is_incomplete(&self, completeness: &str, parts: &[&str]) {
        let (seen, reason) = self.coverage("replication_log");
        assert_eq!(seen, completeness, "{reason}");
        assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
    }
}

fn line(time: &str, message: &str) -> String {
    format!("2019-07-09 {time},720 [vert.x-eventloop-thread-3] n.b.b.c.r.s.ReplicationSession INFO - {message}\n")
}

fn apply(time: &str, name: &str, answer: &str) -> String {
    let command = format!(
        "REPL C: [frame-00000012]: APPLY MAILBOX %(UNIQUEID u MBOXNAME {name} PARTITION m__a_b RECORD (%(UID 1)))"
    );
    line(time, &command) + &line(time, &format!("REPL S: [frame-00000012]: {answer}"))
}

const OK: &str = "OK success";

#[test]
fn rotated_files_are_one_log() {
    let server = Server::new();
    server
        .log(".2019-07-08.gz", &gzip(apply("01:00:00", "a.b!user.x", "NO Owner x@a.b(a_b) does not exist").as_bytes()));
    let newest = apply("02:00:00", "a.b!user.x.Sent", OK)
        + &apply("02:00:01", "a.b!user.x", OK)
        + &apply("02:00:02", "a.b!probe_m__a-b", OK)
        + &line("02:00:03", "4 active replication connection(s)")
        + &line("02:00:13", "NO active replication connection, consider restarting cyrus ?")
        + &line("02:00:14", "[k] noticed error, errorCount: 1")
        + &line("02:00:15", "Merged token(s) in 1ms.");
    server.log("", newest.as_bytes());
    server.collect(&[]);
    for table in ["replication_log", "replication_mailbox", "replication_error"] {
        assert_eq!(server.coverage(table), ("complete".to_owned(), String::new()), "{table}");
    }
    assert_eq!(server.mailboxes(), [json!(["a.b!probe_m__a-b", 7_202]), json!(["a.b!user.x", 7_201]),]);
    assert_eq!(server.errors(), [json!(["owner_unknown", "a.b!user.x", 1, "Owner x@a.b(a_b) does not exist"])]);
    let error = &server.ask("SELECT recovered_at - last_at AS after FROM replication_error")[0];
    assert_eq!(error["after"], 3_601);
    let midnight = 1_562_630_400_i64;
    let row = &server.ask(&format!(
        "SELECT json_array(first_at - {midnight}, last_at - {midnight}, active_connections, active_connections_at - {midnight},
                active_connections_min, active_connections_max,
                last_apply_at - {midnight}, last_probe_at - {midnight}, throttles, last_throttle_at - {midnight}) AS row
         FROM replication_log"
    ))[0]["row"];
    let seen: Value = serde_json::from_str(row.as_str().unwrap()).unwrap();
    assert_eq!(seen, json!([3_600, 7_215, 0, 7_213, 0, 4, 7_201, 7_202, 1, 7_214]));
}

#[test]
fn no_secret_becomes_a_fact_or_a_message() {
    let cut = format!("REPL C: [frame-00000002]: {}AUTHENTICATE PLAIN {SECRET}", "x".repeat(64 * 1024 - 150));
    let lines = [
        format!("REPL C: [frame-00000001]: AUTHENTICATE PLAIN {SECRET}"),
        format!("REPL C: [frame-00000001]: authenticate plain {SECRET}"),
        format!("REPL C: [frame-00000001]: {SECRET}"),
        format!("REPL S: [frame-00000001]: NO AUTHENTICATE PLAIN {SECRET}"),
        format!("REPL S: [frame-00000001]: NO unexpected {SECRET} here"),
        format!("REPL S: [frame-00000001]: NO unexpected {} here", &SECRET[3..]),
        format!("NO unexpected {SECRET}"),
        format!("Unknown verb: '{SECRET}' in '{SECRET}'"),
        format!("Rejecting unsupported APPLY command {SECRET}"),
        format!("addMessage.create: {SECRET}"),
        format!("Failed to authenticate replication session. {SECRET}"),
        format!("[{SECRET}] noticed error, errorCount: 1"),
        "REPL S: [frame-00000001]: NO e704f02d-c0de-4fad-beef-5ca1ab1e0000".to_owned(),
        cut,
    ];
    let text: String = lines.iter().map(|message| line("01:00:00", message)).collect();
    let server = Server::with_log(format!("{text}{SECRET}\n").as_bytes());
    let told = server.collect(&[]);
    assert_eq!(server.coverage("replication_error").0, "complete");
    assert!(server.errors().len() >= 4, "{:?}", server.errors());
    let facts = std::fs::read(server.facts()).unwrap();
    for part in ["AGFkbWlu", "ZTcwNGYw", "NzA0ZjAyZC1jMGRl", "5ca1ab1e"] {
        assert!(!facts.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
        assert!(!told.contains(part), "{part}: {told}");
    }
}

#[test]
fn what_stands_before_a_hole_is_left_out() {
    let old: String = (0..20_000).map(|n| apply("00:10:00", &format!("a.b!user.old{}", n * 7_919), "NO old")).collect();
    let whole = gzip(old.as_bytes());
    let mut flipped = whole.clone();
    flipped[whole.len() - 6] ^= 1;
    for (damaged, reason) in [
        (&whole[..whole.len() / 2], "the compressed file ends early"),
        (&flipped[..], "corrupt gzip stream"),
        (&gzip(b"another layout\n")[..], "its lines are not those of BlueMind's layout"),
    ] {
        let server = Server::new();
        server.log(".2019-07-06.gz", &gzip(apply("00:00:00", "a.b!user.older", "NO older").as_bytes()));
        server.log(".2019-07-07.gz", damaged);
        server.log(".2019-07-08.gz", &gzip(apply("01:00:00", "a.b!user.kept", OK).as_bytes()));
        server.log("", apply("02:00:00", "a.b!user.new", OK).as_bytes());
        server.collect(&[]);
        server.is_incomplete("partial", &[reason, "what was logged before is left out"]);
        let names: Vec<_> = server.mailboxes().iter().map(|row| row[0].clone()).collect();
        assert_eq!(names, ["a.b!user.kept", "a.b!user.new"], "{reason}");
        assert_eq!(server.errors(), [Value::Null; 0]);
    }
}

#[test]
fn a_file_that_is_not_opened_leaves_the_log_itself() {
    let server = Server::new();
    server.log(".2019-07-07.gz", &gzip(apply("00:00:00", "a.b!user.older", OK).as_bytes()));
    server.log(".2019-07-08.xz", b"?");
    server.log("", apply("02:00:00", "a.b!user.new", OK).as_bytes());
    server.collect(&[]);
    server.is_incomplete("partial", &[".xz are not read"]);
    assert_eq!(server.mailboxes()[0][0], "a.b!user.new");
    assert_eq!(server.mailboxes().len(), 1);
}

#[test]
fn without_the_end_of_the_log_nothing_is_known() {
    let other: String = (0..3).map(|n| format!("{n} 16:27:16.720 INFO my own layout\n")).collect();
    let changed = apply("01:00:00", "a.b!user.x", OK) + &other.repeat(1_000);
    for (log, reason) in [
        (
            other.as_bytes(),
            "its lines are not those of BlueMind's layout `%d [%thread] %c{1} %p - %m`: see /etc/bm/local",
        ),
        (changed.as_bytes(), "its lines are not those of BlueMind's layout"),
        (b"\xff\xfe\x00\x01\n", "its lines are not those of BlueMind's layout"),
    ] {
        let server = Server::with_log(log);
        server.log(".2019-07-08.gz", &gzip(apply("01:00:00", "a.b!user.x", OK).as_bytes()));
        server.collect(&[]);
        for table in ["replication_log", "replication_mailbox", "replication_error"] {
            let (completeness, told) = server.coverage(table);
            assert_eq!(completeness, "absent", "{table}");
            assert!(told.contains(reason), "{told}");
        }
    }
    let server = Server::new();
    server.log(".2019-07-08.gz", &gzip(apply("01:00:00", "a.b!user.x", OK).as_bytes()));
    server.write("var/log/bm/replication.log/no", b"file");
    server.collect(&[]);
    server.is_incomplete("absent", &["var/log/bm/replication.log: not a regular file"]);
    let server = Server::new();
    server.log(".2019-07-08.gz", &gzip(apply("01:00:00", "a.b!user.x", OK).as_bytes()));
    server.collect(&[]);
    server.is_incomplete("absent", &["replication.log: only files that it was rotated to can be read"]);
    let server = Server::new();
    server.collect(&[]);
    server.is_incomplete("absent", &["var/log/bm: No such file"]);
    server.write("var/log/bm/core.log", b"");
    server.collect(&[]);
    server.is_incomplete("absent", &["var/log/bm/replication.log: no such log"]);
}

#[test]
fn where_nobody_knows_the_roles_the_packages_tell_who_logs() {
    let installed =
        |name: &str| format!("Package: {name}\nStatus: install ok installed\nVersion: 4.1.1\n\n").into_bytes();
    let server = Server::new();
    for (packages, completeness) in
        [(installed("bm-cyrus"), "complete"), (installed("bm-core"), "absent"), (Vec::new(), "absent")]
    {
        server.write("var/lib/dpkg/status", &packages);
        server.collect(&[]);
        assert_eq!(server.coverage("replication_log").0, completeness, "{}", String::from_utf8_lossy(&packages));
    }
}

#[test]
fn an_empty_log_is_a_log_and_stack_traces_are_part_of_it() {
    let server = Server::with_log(b"");
    server.collect(&[]);
    assert_eq!(server.coverage("replication_log").0, "complete");
    assert_eq!(
        server.ask("SELECT last_at, throttles FROM replication_log"),
        [json!({"last_at": null, "throttles": 0})]
    );
    let trace = "java.lang.RuntimeException: x\n".to_owned() + &"\tat net.bluemind.X.y(X.java:1)\n".repeat(1_500);
    let server = Server::with_log((apply("01:00:00", "a.b!user.x", "NO x") + &trace).as_bytes());
    server.collect(&[]);
    assert_eq!(server.coverage("replication_log").0, "complete");
}

#[test]
fn hostile_names_are_shown_and_bounded() {
    let mut text = Vec::new();
    for name in [
        &b"a.b!user.caf\xe9"[..],
        b"\"a.b!user.x'; DROP TABLE {{ x }} <b>\"",
        b"a.b!user.&AOk-",
        b"\"\x1b[31m\xe2\x80\xae\"",
        b"^",
        b"!",
    ] {
        let line = apply("01:00:00", "<mailbox>", OK);
        let (before, after) = line.split_once("<mailbox>").unwrap();
        text.extend([before.as_bytes(), name, after.as_bytes()].concat());
    }
    let server = Server::with_log(&text);
    server.collect(&[]);
    let names: Vec<_> = server.mailboxes().iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        names,
        ["\x1b[31m\u{202e}", "!", "^", "a.b!user.&AOk-", "a.b!user.caf\\xe9", "a.b!user.x'; DROP TABLE {{ x }} <b>"]
    );
    let long = Server::with_log(apply("01:00:00", &"x".repeat(5_000), OK).as_bytes());
    long.collect(&[]);
    assert_eq!(long.coverage("replication_log").0, "complete");
    let (completeness, reason) = long.coverage("replication_mailbox");
    assert_eq!(
        (completeness.as_str(), reason.as_str()),
        ("partial", "the name of the mailbox is not understood in 1 APPLY MAILBOX")
    );
}

#[test]
fn a_command_of_a_megabyte_is_read_as_far_as_its_names() {
    let records = "%(UID 12 MODSEQ 18 FLAGS (\\Seen) GUID 3d1fb37cb62ac969a51809d2b4e07059a7bdb9b9) ".repeat(13_000);
    let long = apply("01:00:00", "a.b!user.big", OK).replace("%(UID 1)", &records);
    assert!(long.len() > 1_000_000);
    let server = Server::with_log((long + &apply("01:00:01", "a.b!user.small", OK)).as_bytes());
    server.collect(&[]);
    assert_eq!(server.coverage("replication_mailbox").0, "complete");
    let names: Vec<_> = server.mailboxes().iter().map(|row| row[0].clone()).collect();
    assert_eq!(names, ["a.b!user.big", "a.b!user.small"]);
}

/// A small file that is large once it is decompressed does not take the memory of its text.
#[test]
fn a_compressed_file_is_not_held_in_memory() {
    const TEXT_MIB: u64 = 256;
    let server = Server::with_log(apply("01:00:00", "a.b!user.x", OK).as_bytes());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(apply("00:00:00", "a.b!user.x", OK).as_bytes()).unwrap();
    (0..TEXT_MIB).for_each(|_| encoder.write_all(&vec![b'x'; 1 << 20]).unwrap());
    encoder.write_all(b"\n").unwrap();
    server.log(".2019-07-08.gz", &encoder.finish().unwrap());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bm-preflight"));
    command.args(["-q", "collect", "--root"]).arg(server.path("")).arg("--facts").arg(server.facts());
    let mut child = command.spawn().unwrap();
    let (status, mut peak_kib) = (format!("/proc/{}/status", child.id()), 0_u64);
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(mark.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.coverage("replication_log").0, "complete");
    assert_eq!(server.ask("SELECT last_at - first_at AS told FROM replication_log")[0]["told"], 3_600);
    assert!((1..TEXT_MIB * 1024 / 2).contains(&peak_kib), "{peak_kib} KiB");
}

#[test]
fn a_log_without_end_does_not_hold_the_run() {
    let server = Server::new();
    let log = server.log("", apply("01:00:00", "a.b!user.x", OK).as_bytes());
    std::fs::OpenOptions::new().write(true).open(log).unwrap().set_len(1 << 42).unwrap();
    let begun = Instant::now();
    server.collect(&["--timeout", "700ms"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    server.is_incomplete("absent", &["time budget"]);
}

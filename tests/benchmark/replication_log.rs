//! A replication.log of a gigabyte in seven compressed days, beside `zcat | grep -c`.
//!
//! It lies below the folder for temporary files (`TMPDIR`), 0.3 GB.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::spool::{ask, elapsed_ms};
use super::{best, program, sized, spend, tell};

/// Bytes of it.
fn size() -> usize {
    sized(1_000_000_000, 14_000_000)
}

const DAYS: usize = 7;
const RUNS: usize = 3;

fn mailboxes() -> u64 {
    sized(20_000, 100)
}

/// Numbers that look like chance and are the same in each run (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

pub(super) fn replication_log() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for (path, content) in
        [("etc/bm/bm.ini", "[global]\nhost = 127.0.0.1\nport = 1\n"), ("etc/bm/server.uid", "core\n")]
    {
        write(&root.join(path), content.as_bytes());
    }
    let started = Instant::now();
    fill(&root.join("var/log/bm"));
    println!("replication.log of {} bytes in {DAYS} files, made in {:.0} s", size(), started.elapsed().as_secs_f64());

    let facts = folder.path().join("facts.db");
    let mut reading = u64::MAX;
    let collected = best(RUNS, || {
        let spent = spend(program().args(["-q", "collect", "--root"]).arg(&root).arg("--facts").arg(&facts));
        reading = reading.min(elapsed_ms(&facts, "replication_log", "core"));
        spent
    });
    tell("bm-preflight collect", &collected);
    println!("  of which replication_log: {reading} ms");
    let found = ask(&facts, "SELECT count(*) AS mailboxes FROM replication_mailbox");
    assert_eq!(found["mailboxes"].as_u64(), Some(mailboxes()));
    let line = "zcat replication.log.*.gz | grep -c 'APPLY MAILBOX'";
    let grep = best(RUNS, || spend(Command::new("sh").current_dir(root.join("var/log/bm")).args(["-c", line])));
    tell(&format!("  beside: {line}"), &grep);
    println!("  ratio of replication_log to it: {:.2}", reading as f64 / (grep.wall.as_secs_f64() * 1e3));
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Writes the files.
fn fill(folder: &Path) {
    write(&folder.join("replication.log"), b"");
    let (mut chance, mut text) = (Chance(0x9e37_79b9_7f4a_7c15), String::new());
    for day in 1..=DAYS {
        let file = File::create(folder.join(format!("replication.log.2019-07-{day:02}.gz"))).unwrap();
        let mut file = GzEncoder::new(BufWriter::new(file), Compression::default());
        let (mut written, mut number) = (0, 0);
        while written < size() / DAYS {
            text.clear();
            exchange(&mut text, day, number, &mut chance);
            file.write_all(text.as_bytes()).unwrap();
            written += text.len();
            number += 1;
        }
        file.finish().unwrap();
    }
}

/// What a change of a mailbox writes. Now and then a mailbox is sent as a whole.
fn exchange(text: &mut String, day: usize, number: u64, chance: &mut Chance) {
    let second = number / 4 % 86_400;
    let time = format!("2019-07-{day:02} {:02}:{:02}:{:02},720", second / 3_600, second / 60 % 60, second % 60);
    let mailbox = chance.next() % mailboxes();
    let records = match number % 2_000 {
        0 => 8_000,
        n if n % 20 == 0 => 100,
        _ => 1 + chance.next() % 3,
    };
    let frame = number * 3 % 1_000_000;
    let mut line = |logger: &str, message: &str| {
        let thread = mailbox % 4;
        let _ = writeln!(text, "{time} [vert.x-eventloop-thread-{thread}] n.b.b.c.r.s.{logger} INFO - {message}");
    };
    let name = format!("example.org!user.login{mailbox}^name.Sent");
    line("ReplicationSession", &format!("REPL C: [frame-{frame:08}]: GET MAILBOXES ({name})"));
    line(
        "ReplicationSession",
        &format!("REPL S: [frame-{frame:08}]: * MAILBOX %(UNIQUEID 6399ac9b MBOXNAME {name} SYNC_CRC 1)"),
    );
    line("ReplicationFrame", "Merged token(s) in 1ms.");
    let mut command = format!(
        "REPL C: [frame-{:08}]: APPLY MAILBOX %(UNIQUEID 6399ac9b-a1b7-4b44-a1ea-{mailbox:012} MBOXNAME {name} SYNC_CRC {} \
         SYNC_CRC_ANNOT 0 LAST_UID {number} HIGHESTMODSEQ 22 RECENTUID 0 RECENTTIME 0 LAST_APPENDDATE 1531761979 POP3_LAST_LOGIN 0 \
         UIDVALIDITY 1531392047 PARTITION bm-master__example_org ACL \"admin0\tlrswipkxtecda\t\" OPTIONS P RECORD (",
        frame + 1,
        chance.next() as u32
    );
    for record in 0..records {
        let (a, b, c) = (chance.next(), chance.next(), chance.next() as u32);
        let _ = write!(
            command,
            "%(UID {record} MODSEQ 18 LAST_UPDATED 1531761976 FLAGS (\\Seen) INTERNALDATE 1230571924 SIZE 6171 GUID {a:016x}{b:016x}{c:08x}) "
        );
    }
    line("ReplicationSession", &(command + "))"));
    line("ReplicationSession", &format!("REPL S: [frame-{:08}]: OK success", frame + 1));
    line("ReplicationState", &format!("[6399ac9b] Db CRUD op, cr: {records}, upd: 0, del: 0 in 3ms"));
    if number.is_multiple_of(40) {
        line("m.MetricVerticle", "4 active replication connection(s)");
    }
}

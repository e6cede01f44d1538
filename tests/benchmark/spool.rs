//! A mail backend's Cyrus: a million messages beside `find`, a list of a million mailboxes beside `cyr_dbtool` and `ctl_mboxlist`.
//!
//! The tree lies below the folder for temporary files (`TMPDIR`): a million empty files, 22 000 directories, 0.2 GB.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use bm_preflight::format::cyrus_db::CyrusDb;
use bm_preflight::format::cyrus_header;
use bm_preflight::format::mailbox_name::Naming;
use bm_preflight::format::mailbox_record::MailboxRecord;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::{Spent, best, program, sized, spend, tell};

pub(super) fn users() -> u32 {
    sized(500, 3)
}

pub(super) const FOLDERS: [&str; 10] =
    ["", "Sent", "Trash", "Drafts", "Junk", "Outbox", "Archives", "Archives/2018", "Archives/2019", "Clients"];
/// Messages of a folder.
pub(super) fn messages() -> u32 {
    sized(200, 30)
}

/// Messages of a folder that lie in the archive: those with the lowest UIDs.
const ARCHIVED: u32 = 20;

/// Users of the list of mailboxes alone, with ten folders each.
fn listed() -> u32 {
    sized(100_000, 30)
}

/// Runs of which the fastest counts: the first fills the caches.
const RUNS: usize = 5;

pub(super) const SERVER: &str = "bm-master";
const DOMAIN: &str = "bm.lan";
const PARTITION: &str = "bm-master__bm_lan";
const TREES: [&str; 3] = ["var/spool/cyrus/data", "var/spool/cyrus/meta", "var/spool/bm-hsm/cyrus-archives"];
/// Some time, in seconds since the epoch.
const THEN: u32 = 1_561_975_200;
const TOOLS: &str = "/usr/lib/cyrus/bin";

pub(super) fn spool() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    make(&root, messages(), true);
    let messages = u64::from(users() * messages()) * FOLDERS.len() as u64;

    let facts = folder.path().join("facts.db");
    let mut looked = u64::MAX;
    let collected = best(RUNS, || {
        let spent = spend(program().args(["-q", "collect", "--root"]).arg(&root).arg("--facts").arg(&facts));
        looked = looked.min(elapsed_ms(&facts, "spool_directory", SERVER));
        spent
    });
    tell("bm-preflight collect", &collected);
    println!("  of which mailboxes.db, indexes and spool: {looked} ms");
    for (table, due) in [("spool_directory", "sum(messages)"), ("cyrus_index", "sum(existing)")] {
        let sql = format!("SELECT {due} AS n, count(*) AS rows FROM {table}");
        let found = ask(&facts, &sql);
        println!("  {table}: {} messages in {} rows", found["n"], found["rows"]);
        assert_eq!(found["n"].as_u64(), Some(messages), "{table}");
    }
    let count = |trees: &str| {
        let line = format!("find {trees} -type f | wc -l");
        best(RUNS, || spend(Command::new("sh").current_dir(&root).args(["-c", &line])))
    };
    tell("  beside: find, messages alone", &count("var/spool/cyrus/data var/spool/bm-hsm"));
    let find = count("var/spool/cyrus var/spool/bm-hsm");
    tell("  beside: find, all three trees", &find);
    println!("  ratio of the former to the latter: {:.2}", looked as f64 / (find.wall.as_secs_f64() * 1e3));
}

/// A spool with so many messages in each folder, with or without their files.
pub(super) fn make(root: &Path, messages: u32, has_files: bool) {
    let started = Instant::now();
    configure(root);
    (0..users()).into_par_iter().for_each(|user| fill(root, user, messages, has_files));
    list_mailboxes(root, users());
    let total = u64::from(users() * messages) * FOLDERS.len() as u64;
    println!("spool of {total} messages, made in {:.0} s", started.elapsed().as_secs_f64());
}

/// What the GUIDs of a folder's messages begin with, and the GUIDs: words as Cyrus writes them.
pub(super) fn guids(user: u32, folder: &str, messages: u32) -> impl Iterator<Item = [u32; 5]> {
    let seed = cyrus_header::crc(&header(user, folder));
    // Spread like those of real messages.
    (1..=messages).map(move |uid| {
        let word = crc32fast::hash(&[seed.to_be_bytes(), uid.to_be_bytes()].concat());
        [word, seed, uid, uid, uid]
    })
}

pub(super) fn mailboxes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    configure(&root);
    list_mailboxes(&root, listed());
    let file = root.join("var/lib/cyrus/mailboxes.db");
    let records = listed() as usize * FOLDERS.len();
    assert_eq!(read_list(&file), records);
    tell(&format!("reading {records} entries of mailboxes.db, in process"), &timed(&file));
    // Two built-in checks: the first keeps no mailbox, the second keeps them all.
    for check in ["cyrus_entry_unreadable", "cyrus_deleted_mailboxes_piled_up"] {
        let mut command = program();
        command.args(["-q", "run", "--check", check, "--root"]).arg(&root);
        command.arg("--output-dir").arg(folder.path().join("out"));
        tell(&format!("bm-preflight run --check {check}"), &best(RUNS, || spend(&mut command)));
    }

    let Some(conf) = cyrus_conf(folder.path()) else { return println!("  no Cyrus here: nothing to stand beside") };
    let show = best(RUNS, || spend(cyrus("cyr_dbtool", &conf).arg(&file).args(["twoskip", "show"])));
    tell("  beside: cyr_dbtool, which shows the entries and keeps none", &show);
    // Cyrus 3.6 shows nothing of a list of 3.0 before it has converted it: each reads what its own version writes, and
    // both read the same.
    let converted = folder.path().join("config/mailboxes.db");
    std::fs::copy(&file, &converted).unwrap();
    tool("ctl_cyrusdb", &conf, &["-r"]);
    assert_eq!(read_list(&converted), records);
    let same = timed(&converted);
    tell("reading the same, converted by Cyrus 3.6, in process", &same);
    let list = best(RUNS, || spend(cyrus("ctl_mboxlist", &conf).arg("-d")));
    tell("  beside: ctl_mboxlist -d, of the converted file", &list);
    println!("  ratio: {:.2}", same.wall.as_secs_f64() / list.wall.as_secs_f64());
}

/// Time of reading a list as the program does it.
fn timed(file: &Path) -> Spent {
    best(RUNS, || {
        let started = Instant::now();
        read_list(file);
        Spent { wall: started.elapsed(), peak_kib: 0 }
    })
}

fn read_list(file: &Path) -> usize {
    let mut bytes = Vec::new();
    std::fs::File::open(file).unwrap().read_to_end(&mut bytes).unwrap();
    let db = CyrusDb::parse(&bytes).unwrap();
    let entries: Vec<_> = db.entries().collect::<Result<_, _>>().unwrap();
    let naming = Naming::detect(entries.iter().map(|(key, _)| key.as_ref()));
    let live = |(key, value): &(_, std::borrow::Cow<'_, [u8]>)| {
        let name = naming.mailbox(std::borrow::Cow::as_ref(key))?;
        let record = MailboxRecord::parse(value).unwrap();
        assert!(!name.parts("DELETED").owner.is_empty());
        record.is_live_and_local().then_some(())
    };
    entries.iter().filter_map(live).count()
}

/// How long a table of a server took, of which nothing may be missing.
pub(super) fn elapsed_ms(facts: &Path, table: &str, server: &str) -> u64 {
    let sql = format!("SELECT * FROM coverage WHERE \"table\" = '{table}' AND scope = '{server}'");
    let found = ask(facts, &sql);
    assert_eq!(found["completeness"], "complete", "{found}");
    found["elapsed_ms"].as_u64().unwrap()
}

/// The first row of an answer.
pub(super) fn ask(facts: &Path, sql: &str) -> serde_json::Value {
    let output = program().args(["facts", "query", "--json", "--from-facts"]).arg(facts).arg(sql).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = serde_json::Deserializer::from_slice(&output.stdout).into_iter().next().unwrap().unwrap();
    if let serde_json::Value::Array(rows) = rows { rows[0].clone() } else { rows }
}

/// Everything but mailboxes. The database of the directory is out of reach: the topology stays unknown.
fn configure(root: &Path) {
    let [data, meta, archive] = TREES;
    let files = [
        ("etc/bm/server.uid", SERVER.to_owned()),
        (
            "etc/bm/bm.ini",
            "[global]\ndbtype = PGSQL\nhost = 127.0.0.1\nport = 1\ndb = bj\nuser = bj\npassword = bj\n".to_owned(),
        ),
        ("etc/imapd.conf", include_str!("../../fixtures/installations/healthy_single/root/etc/imapd.conf").to_owned()),
        // Included by it.
        ("etc/cyrus-replication", String::new()),
        (
            "etc/cyrus-partitions",
            format!(
                "partition-{PARTITION}:/{data}/{PARTITION}\nmetapartition-{PARTITION}:/{meta}/{PARTITION}\n\
                 archivepartition-{PARTITION}:/{archive}/{PARTITION}\n"
            ),
        ),
    ];
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir_all(root.join("var/lib/cyrus")).unwrap();
    for tree in TREES {
        std::fs::create_dir_all(root.join(tree).join(PARTITION)).unwrap();
    }
}

/// Writes mailboxes.db: as Cyrus 3.0 does where its tools are, else as lines.
fn list_mailboxes(root: &Path, users: u32) {
    let file = root.join("var/lib/cyrus/mailboxes.db");
    let flat = root.join("mailboxes.flat");
    let mut lines: Vec<String> = (0..users).flat_map(|user| FOLDERS.map(|folder| line(user, folder))).collect();
    lines.sort();
    std::fs::write(&flat, lines.concat()).unwrap();
    match cyrus_conf(root) {
        None => std::fs::rename(flat, file).unwrap(),
        Some(conf) => {
            tool("cvt_cyrusdb", &conf, &[flat.to_str().unwrap(), "flat", file.to_str().unwrap(), "twoskip"]);
            assert!(file.exists(), "cvt_cyrusdb tells of no failure");
        }
    }
}

fn line(user: u32, folder: &str) -> String {
    let login = login(user);
    format!(
        "{}\t%(A %({login}@{DOMAIN} lrswipkxtecda admin0 lrswipkxtecda) I {} P {PARTITION} V {THEN} F 1 M {THEN})\n",
        mailbox_name(user, folder),
        unique_id(user, folder)
    )
}

/// Login of a user.
pub(super) fn login(user: u32) -> String {
    let letter = char::from(b'a' + u8::try_from(user % 26).unwrap());
    format!("{letter}user{user:05}")
}

fn mailbox_name(user: u32, folder: &str) -> String {
    let below = if folder.is_empty() { String::new() } else { format!(".{}", folder.replace('/', ".")) };
    format!("{DOMAIN}!user.{}{below}", login(user))
}

/// UNIQUEID of a folder.
pub(super) fn unique_id(user: u32, folder: &str) -> String {
    let number = FOLDERS.iter().position(|name| *name == folder).unwrap();
    format!("5d016149-58d2-4926-8000-{user:08}{number:04}")
}

/// The messages and the `cyrus.*` files of a user.
fn fill(root: &Path, user: u32, messages: u32, has_files: bool) {
    for folder in FOLDERS {
        let [data, meta, archive] = TREES.map(|tree| directory(root, tree, user, folder));
        for uid in (1..=messages).filter(|_| has_files) {
            let place = if uid <= ARCHIVED { &archive } else { &data };
            // As long as one byte, and without a block of its own.
            std::fs::File::create(place.join(format!("{uid}."))).unwrap().set_len(1).unwrap();
        }
        let header = header(user, folder);
        let guids: Vec<[u32; 5]> = guids(user, folder, messages).collect();
        std::fs::write(meta.join("cyrus.index"), index(cyrus_header::crc(&header), &guids)).unwrap();
        std::fs::write(meta.join("cyrus.header"), header).unwrap();
        std::fs::write(meta.join("cyrus.cache"), [0, 0, 0, 1]).unwrap();
    }
}

fn header(user: u32, folder: &str) -> Vec<u8> {
    let mut header = cyrus_header::MAGIC.to_vec();
    let acl = format!("{}@{DOMAIN}\tlrswipkxtecda\tadmin0\tlrswipkxtecda\t", login(user));
    write!(header, "\t{}\n\n{acl}\n", unique_id(user, folder)).unwrap();
    header
}

fn directory(root: &Path, tree: &str, user: u32, folder: &str) -> PathBuf {
    let (login, letter) = (login(user), &DOMAIN[..1]);
    let below = format!("{PARTITION}/domain/{letter}/{DOMAIN}/{}/user/{login}/{folder}", &login[..1]);
    let path = root.join(tree).join(below);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A cyrus.index of minor version 13, as Cyrus 2.5 and 3.0 write it.
fn index(header_crc: u32, guids: &[[u32; 5]]) -> Vec<u8> {
    const SIZE: u32 = 2_000;
    let messages = u32::try_from(guids.len()).unwrap();
    let quota = messages * SIZE;
    // A number of 64 bits is two words, the high one first.
    let header = [
        &[0, 0, 13, 128, 104, messages, THEN, messages, 0, quota, 0, THEN, 0, 0, 0, 1, 0][..],
        &[0, messages, 0, 0, messages, 0, 0, header_crc, 0, 0, 0, 0, 0, 0],
    ];
    let mut bytes = sealed(&header.concat());
    for (uid, guid) in (1..=messages).zip(guids) {
        let flags = if uid <= ARCHIVED { 1 << 29 } else { 0 };
        let record = [
            &[uid, THEN + uid, THEN, SIZE, 100, THEN, 4, THEN, flags][..],
            // User flags, lines, version of the cache.
            &[0, 0, 0, 0, 1, 6],
            guid,
            // Modification sequence, thread, CRC of the cache.
            &[0, uid, 0, 0, 0],
        ];
        bytes.extend(sealed(&record.concat()));
    }
    bytes
}

/// Words as Cyrus writes them, and their CRC.
fn sealed(words: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

/// The configuration under which Cyrus' tools work here; none without Cyrus.
fn cyrus_conf(folder: &Path) -> Option<PathBuf> {
    if !Path::new(TOOLS).join("cvt_cyrusdb").exists() {
        return None;
    }
    let (conf, config) = (folder.join("tools.conf"), folder.join("config"));
    std::fs::create_dir_all(&config).unwrap();
    let config = config.display();
    let text = format!(
        "configdirectory: {config}\nproc_path: {config}/proc\nmboxname_lockpath: {config}/lock\nvirtdomains: userid\n\
         defaultpartition: default\npartition-default: {config}/data\npartition-{PARTITION}: {config}/part\n\
         unixhierarchysep: yes\nmboxlist_db: twoskip\n"
    );
    std::fs::write(&conf, text).unwrap();
    Some(conf)
}

/// A tool of Cyrus, which would change to another user if it were not told that it already is the right one.
fn cyrus(name: &str, conf: &Path) -> Command {
    let of_self = |what: &str| {
        let output = Command::new("id").arg(what).arg("-n").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let mut command = Command::new(Path::new(TOOLS).join(name));
    command.envs([("CYRUS_USER", of_self("-u")), ("CYRUS_GROUP", of_self("-g"))]).arg("-C").arg(conf);
    command
}

fn tool(name: &str, conf: &Path, arguments: &[&str]) {
    let output = cyrus(name, conf).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

//! What replication has not brought to the shard, message by message, beside the two counts that say it about: `find` on
//! the spool and `count(*)` on the shard.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::spool::{FOLDERS, SERVER, ask, guids, make, messages, unique_id, users};
use super::support::bluemind::Installation;
use super::support::postgres::Cluster;
use super::{Spent, best, sized, spend, tell};

/// One message of so many is not replicated.
const MISSING: usize = 10;
/// Runs of which the fastest counts: the first fills the caches.
const RUNS: usize = 5;
/// A body as long as many: what is in it makes the table as large as a real one.
const FILLING: &str = "UPDATE t_message_body SET preview = repeat('x', 160), subject = 'subject ' || guid,
    structure = '{\"mime\": \"multipart/alternative\", \"children\": [{\"mime\": \"text/plain\"}, {\"mime\": \"text/html\"}]}',
    recipients = '[{\"kind\": \"Originator\", \"dn\": \"Somebody\", \"address\": \"somebody@example.org\"}]'";

pub(super) fn million() {
    let (folder, installation) = (tempfile::tempdir().unwrap(), prepare());
    let root = folder.path().join("root");
    make(&root, messages(), true);
    let (messages, missing) = replicate(&installation, folder.path(), messages(), MISSING);
    installation.administer(SERVER, FILLING);
    installation.administer(SERVER, "VACUUM (FULL, ANALYZE) t_message_body");
    let compared = collect(installation, &root, folder.path(), messages, missing);

    let trees = "var/spool/cyrus/data var/spool/bm-hsm/cyrus-archives";
    let line = format!("find {trees} -type f | wc -l");
    let find = best(RUNS, || spend(Command::new("sh").current_dir(&root).args(["-c", &line])));
    tell("  beside: find data archives -type f | wc -l", &find);
    let counts = count(&compared.1);
    let both = (find.wall + counts).as_secs_f64();
    println!("  ratio of the whole run to both: {:.2}", compared.0.wall.as_secs_f64() / both);
    let read = (find.wall + copy(&compared.1)).as_secs_f64();
    println!("  ratio of the whole run to find and psql's COPY: {:.2}", compared.0.wall.as_secs_f64() / read);
}

pub(super) fn ten_million() {
    let (folder, installation) = (tempfile::tempdir().unwrap(), prepare());
    let root = folder.path().join("root");
    let of_folder = sized(2_000, 40);
    make(&root, of_folder, false);
    let (messages, missing) = replicate(&installation, folder.path(), of_folder, MISSING);
    let compared = collect(installation, &root, folder.path(), messages, missing);
    count(&compared.1);
}

pub(super) fn prepare() -> Installation<'static> {
    let installation = Installation::build("healthy_single");
    installation
        .administer(SERVER, "TRUNCATE t_message_body, t_mailbox_record, t_mailbox_replica, t_container_item CASCADE");
    installation.administer(
        SERVER,
        // A shard without a tree of its server's mailboxes would be taken for another one's.
        "DELETE FROM t_container WHERE container_type = 'mailbox_records'
            OR (container_type = 'replicated_mailboxes' AND owner <> 'user-zoe')",
    );
    installation
}

/// Folders, records and bodies as replication writes them, from the staged messages.
const REPLICATED: &str = "
    CREATE TEMPORARY TABLE of_folder AS
    SELECT unique_id, owner, name, fixture.add_container('mbox_records_' || unique_id, 'mailbox_records', 'x', owner, 'bm.lan') AS records
    FROM (SELECT DISTINCT unique_id, owner, name FROM staged ORDER BY 1) AS folders;
    SELECT count(fixture.add_container('subtree_bm_lan!user.' || owner, 'replicated_mailboxes', 'x', owner, 'bm.lan'))
    FROM (SELECT DISTINCT owner FROM of_folder) AS owners;
    INSERT INTO t_mailbox_replica (short_name, name, last_uid, highest_mod_seq, recent_uid, recent_time, last_append_date,
                                   pop3_last_login, uid_validity, acls, options, sync_crc, item_id)
    SELECT 'x', name, 0, 1, 0, fixture.at(), fixture.at(), fixture.at(), 1, '[]', 'P', 0,
           fixture.add_item(fixture.container('subtree_bm_lan!user.' || owner), unique_id, 'x')
    FROM of_folder;
    INSERT INTO t_container_item (container_id, uid, version, displayname, createdby, updatedby, created, updated, flags)
    SELECT records, imap_uid || '.', 1, imap_uid || '.', 'system', 'system', fixture.at(), fixture.at(), 1
    FROM staged JOIN of_folder ON of_folder.unique_id = staged.unique_id ORDER BY guid;
    INSERT INTO t_mailbox_record (message_body_guid, imap_uid, mod_seq, last_updated, internal_date, system_flags, item_id)
    SELECT guid, imap_uid, imap_uid, fixture.at(), fixture.at(), 0, i.id
    FROM staged JOIN of_folder ON of_folder.unique_id = staged.unique_id
    JOIN t_container_item AS i ON i.container_id = records AND i.uid = imap_uid || '.' ORDER BY i.id;
    INSERT INTO t_message_body (guid, date_header, size) SELECT guid, '2019-07-01', 2000 FROM staged;
    DROP TABLE staged";

/// Fills the shard with the messages but for one of `lacking`. Returns how many there are, and how many are not in the shard.
pub(super) fn replicate(
    installation: &Installation<'_>,
    folder: &Path,
    messages: u32,
    lacking: usize,
) -> (usize, usize) {
    let path = folder.join("messages.tsv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let (mut all, mut missing) = (0, 0);
    for (user, name) in (0..users()).flat_map(|user| FOLDERS.map(|name| (user, name))) {
        for (uid, guid) in (1..).zip(guids(user, name, messages)) {
            all += 1;
            if all % lacking == 0 {
                missing += 1;
                continue;
            }
            let hex: String = guid.iter().map(|word| format!("{word:08x}")).collect();
            let path = if name.is_empty() { "INBOX" } else { name };
            writeln!(file, "U-{user}\t{}\t{uid}\t{hex}\t{path}", unique_id(user, name)).unwrap();
        }
    }
    file.into_inner().unwrap();
    installation.administer(
        SERVER,
        "CREATE UNLOGGED TABLE staged (owner text, unique_id text, imap_uid bigint, guid text, name text);
                                     GRANT ALL ON staged TO PUBLIC",
    );
    let copy = format!("\\copy staged FROM '{}'", path.display());
    let psql = Command::new("psql").args(["-X", "-q", "-c", &copy]).arg(installation.url(SERVER)).status().unwrap();
    assert!(psql.success());
    installation.administer(SERVER, REPLICATED);
    installation.administer(SERVER, "VACUUM ANALYZE");
    (all, missing)
}

fn collect(
    mut installation: Installation<'static>,
    root: &Path,
    folder: &Path,
    messages: usize,
    missing: usize,
) -> (Spent, Installation<'static>) {
    installation.more_config = format!("\n[server.{SERVER}]\nroot = {:?}\n", root.display().to_string());
    let command = || {
        let template = installation.command("run");
        let mut command = Command::new(template.get_program());
        command
            .args(template.get_args())
            .args(["--check", "replication_behind", "--output-dir"])
            .arg(folder.join("out"));
        command
    };
    // A snapshot has every fact: what is proven by it is not what is measured.
    let facts = folder.join("facts.db");
    spend(command().arg("--facts").arg(&facts));
    let sums = "(SELECT sum(messages) FROM message_replication) AS messages, (SELECT sum(missing) FROM folder_replication) AS records";
    let found = ask(&facts, &format!("SELECT {sums}, missing FROM replication_progress"));
    let due = [messages, missing, missing].map(|number| Some(number as u64));
    assert_eq!(["messages", "missing", "records"].map(|name| found[name].as_u64()), due);
    let spent = best(RUNS, || spend(&mut command()));
    tell(&format!("bm-preflight run --check replication_behind, {missing} of {messages} missing"), &spent);
    tell_server(&installation, &mut command());
    (spent, installation)
}

/// The largest tables of a shard, and how often one was scanned.
const BIG: [&str; 3] = ["t_mailbox_record", "t_container_item", "t_message_body"];
const SCANS: &str = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname";

/// What the database server does for a run: how many statements, the longest of them, and temporary files, as its log says.
pub(super) fn tell_server(installation: &Installation<'_>, command: &mut Command) {
    let set = |value: &str| {
        for setting in ["log_min_duration_statement", "log_temp_files"] {
            installation.administer(SERVER, &format!("ALTER SYSTEM SET {setting} = {value}"));
        }
        installation.administer(SERVER, "SELECT pg_reload_conf()");
    };
    set("0");
    let scans =
        || BIG.map(|table| installation.administer(SERVER, &format!("{SCANS} = '{table}'")).parse::<u64>().unwrap());
    let (before, earlier) = (Cluster::shared().read_log().len(), scans());
    spend(command);
    // What a session scanned is told once it has ended.
    std::thread::sleep(sized(Duration::from_secs(2), Duration::ZERO));
    let later = scans();
    let log = Cluster::shared().read_log();
    set("-1");
    let log = log.get(before..).unwrap_or_default();
    let after = |mark: &'static str| log.lines().filter_map(move |line| line.split_once(mark).map(|(_, rest)| rest));
    let number = |text: &str| text.split(' ').next().unwrap().parse::<f64>().unwrap();
    let durations: Vec<f64> = after("duration: ").map(number).collect();
    let files = after("size ").map(number).sum::<f64>().abs();
    assert!(!durations.is_empty(), "the server logs how long it takes");
    let (longest, all) = (durations.iter().copied().fold(0.0, f64::max) / 1e3, durations.len());
    println!(
        "  PostgreSQL: {all} statements, the longest {longest:.2} s, {:.0} MiB of temporary files",
        files / 1024.0 / 1024.0
    );
    let told = BIG
        .iter()
        .zip(later.iter().zip(earlier))
        .map(|(table, (later, earlier))| format!("{table} {}", later - earlier));
    println!("  scans: {}", told.collect::<Vec<_>>().join(", "));
}

/// What is compared of the shard, read by nobody.
const READ: [&str; 3] = [
    "SELECT item_id, imap_uid, message_body_guid, system_flags FROM t_mailbox_record",
    "SELECT id, container_id FROM t_container_item",
    "SELECT guid FROM t_message_body",
];

/// Reading it takes so long, one query after the other.
fn copy(installation: &Installation<'_>) -> std::time::Duration {
    let read = |query: &str| {
        let sql = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
        best(RUNS, || spend(Command::new("psql").args(["-X", "-q", "-c", &sql]).arg(installation.url(SERVER))))
    };
    let all = READ.map(|query| read(query).wall).iter().sum();
    tell("  beside: psql, COPY of records, items and bodies", &Spent { wall: all, peak_kib: 0 });
    all
}

/// Counting records and bodies takes so long.
pub(super) fn count(installation: &Installation<'_>) -> std::time::Duration {
    count_of(installation, &["t_mailbox_record", "t_message_body"])
}

/// Counting the rows of some tables takes so long.
pub(super) fn count_of(installation: &Installation<'_>, tables: &[&str]) -> std::time::Duration {
    let count = |table: &&str| {
        let sql = format!("SELECT count(*) FROM {table}");
        let spent =
            best(RUNS, || spend(Command::new("psql").args(["-X", "-q", "-c", &sql]).arg(installation.url(SERVER))));
        tell(&format!("  beside: psql, select count(*) from {table}"), &spent);
        spent.wall
    };
    tables.iter().map(count).sum()
}

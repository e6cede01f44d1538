//! What replication has not brought to the shard, message by message, beside the two counts that say it about: `find` on
//! the spool and `count(*)` on the shard.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::spool::{FOLDERS, MESSAGES, SERVER, USERS, ask, guids, make};
use super::support::bluemind::Installation;
use super::{Spent, best, spend, tell};

/// One message of so many is not replicated.
const MISSING: usize = 10;
/// Messages of each folder, for ten million.
const MANY: u32 = 2_000;
/// Runs of which the fastest counts: the first fills the caches.
const RUNS: usize = 5;
/// A body as long as many: what is in it makes the table as large as a real one.
const FILLING: &str = "UPDATE t_message_body SET preview = repeat('x', 160), subject = 'subject ' || guid,
    structure = '{\"mime\": \"multipart/alternative\", \"children\": [{\"mime\": \"text/plain\"}, {\"mime\": \"text/html\"}]}',
    recipients = '[{\"kind\": \"Originator\", \"dn\": \"Somebody\", \"address\": \"somebody@example.org\"}]'";

pub(super) fn million() {
    let (folder, installation) = (tempfile::tempdir().unwrap(), prepare());
    let root = folder.path().join("root");
    make(&root, MESSAGES, true);
    let (messages, missing) = replicate(&installation, folder.path(), MESSAGES);
    installation.administer(SERVER, FILLING);
    installation.administer(SERVER, "VACUUM (FULL, ANALYZE) t_message_body");
    let compared = collect(installation, &root, folder.path(), messages, missing);

    let trees = "var/spool/cyrus/data var/spool/bm-hsm/cyrus-archives";
    let line = format!("find {trees} -type f | wc -l");
    let find = best(RUNS, || spend(Command::new("sh").current_dir(&root).args(["-c", &line])));
    tell("  beside: find data archives -type f | wc -l", &find);
    let count = count(&compared.1);
    tell("  and: psql, select count(*) from t_message_body", &count);
    let both = (find.wall + count.wall).as_secs_f64();
    println!("  ratio of the whole run to both: {:.2}", compared.0.wall.as_secs_f64() / both);
}

pub(super) fn ten_million() {
    let (folder, installation) = (tempfile::tempdir().unwrap(), prepare());
    let root = folder.path().join("root");
    make(&root, MANY, false);
    let (messages, missing) = replicate(&installation, folder.path(), MANY);
    let compared = collect(installation, &root, folder.path(), messages, missing);
    tell("  beside: psql, select count(*) from t_message_body", &count(&compared.1));
}

fn prepare() -> Installation<'static> {
    let installation = Installation::build("healthy_single");
    installation.administer(SERVER, "TRUNCATE t_message_body CASCADE");
    installation
}

/// Fills the shard with most of the messages. Returns how many there are, and how many are not in the shard.
fn replicate(installation: &Installation<'_>, folder: &Path, messages: u32) -> (usize, usize) {
    let path = folder.join("bodies.tsv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let (mut all, mut missing) = (0, 0);
    for (user, name) in (0..USERS).flat_map(|user| FOLDERS.map(|name| (user, name))) {
        for guid in guids(user, name, messages) {
            all += 1;
            if all % MISSING == 0 {
                missing += 1;
                continue;
            }
            let hex: String = guid.iter().map(|word| format!("{word:08x}")).collect();
            writeln!(file, "{hex}\t2019-07-01\t2000").unwrap();
        }
    }
    file.into_inner().unwrap();
    let copy = format!("\\copy t_message_body (guid, date_header, size) FROM '{}'", path.display());
    let psql = Command::new("psql").args(["-X", "-q", "-c", &copy]).arg(installation.url(SERVER)).status().unwrap();
    assert!(psql.success());
    installation.administer(SERVER, "VACUUM ANALYZE t_message_body");
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
    let messages_of_all = "(SELECT sum(messages) FROM message_replication) AS messages";
    let found = ask(&facts, &format!("SELECT {messages_of_all}, missing FROM replication_progress"));
    assert_eq!((found["messages"].as_u64(), found["missing"].as_u64()), (Some(messages as u64), Some(missing as u64)));
    let spent = best(RUNS, || spend(&mut command()));
    tell(&format!("bm-preflight run --check replication_behind, {missing} of {messages} missing"), &spent);
    (spent, installation)
}

fn count(installation: &Installation<'_>) -> Spent {
    let sql = "SELECT count(*) FROM t_message_body";
    best(RUNS, || spend(Command::new("psql").args(["-X", "-q", "-c", sql]).arg(installation.url(SERVER))))
}

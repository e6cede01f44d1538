//! Every record of a shard beside the file where BlueMind 5 looks for it, beside the two counts that say it about: `find` on
//! the spool and `count(*)` of the records.

use std::process::Command;

use super::replication::{count_of, prepare, replicate, tell_server};
use super::spool::{SERVER, ask, login, make, messages, users};
use super::support::bluemind::DIRECTORY;
use super::{best, sized, spend, tell};

/// Runs of which the fastest counts: the first fills the caches.
const RUNS: usize = 3;

pub(super) fn million() {
    of(messages());
}

pub(super) fn five_million() {
    // Of each folder.
    of(sized(1_000, 40));
}

fn of(messages: u32) {
    let (folder, mut installation) = (tempfile::tempdir().unwrap(), prepare());
    let root = folder.path().join("root");
    make(&root, messages, true);
    let (all, _) = replicate(&installation, folder.path(), messages, usize::MAX);
    for upgrade in
        [include_str!("../support/bluemind/upgrade_45.sql"), include_str!("../support/bluemind/upgrade_48.sql")]
    {
        installation.administer(SERVER, upgrade);
    }
    installation.administer(SERVER, "VACUUM (FULL, ANALYZE) t_mailbox_record");
    let users: String = (0..users())
        .map(|user| format!("SELECT fixture.add_user('bm.lan', 'U-{user}', '{}', '{SERVER}');", login(user)))
        .collect();
    installation.administer(DIRECTORY, &format!("SELECT fixture.add_domain('bm.lan', '{{}}'); {users}"));
    installation.more_config = format!("\n[server.{SERVER}]\nroot = {:?}\n", root.display().to_string());
    let (facts, out) = (folder.path().join("facts.db"), folder.path().join("out"));
    let mut command = {
        let template = installation.command("run");
        let mut command = Command::new(template.get_program());
        command.args(template.get_args()).args(["--check", "record_file_missing", "--from", "4.9.1", "--to", "5.0"]);
        command.arg("--output-dir").arg(&out);
        command
    };
    let spent = best(RUNS, || spend(&mut command));
    tell(&format!("bm-preflight run --check record_file_missing, {all} records"), &spent);
    tell_server(&installation, &mut command);
    // Facts that are to be kept are all collected: that comes last.
    spend(command.arg("--facts").arg(&facts));
    let found = ask(&facts, "SELECT records, unfound FROM record_lookup");
    assert_eq!([found["records"].as_u64(), found["unfound"].as_u64()], [Some(all as u64), Some(0)]);
    let trees = "var/spool/cyrus/data var/spool/bm-hsm/cyrus-archives";
    let line = format!("find {trees} -type f | wc -l");
    let find = best(RUNS, || spend(Command::new("sh").current_dir(&root).args(["-c", &line])));
    tell("  beside: find data archives -type f | wc -l", &find);
    let both = (find.wall + count_of(&installation, &["t_mailbox_record"])).as_secs_f64();
    println!("  ratio of the whole run to both: {:.2}", spent.wall.as_secs_f64() / both);
}

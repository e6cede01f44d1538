//! What the program asks of the system, seen by strace: on an old kernel, and where somebody planted what is no file.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::dead_installation;

/// Calls that came after Linux 3.10, the oldest kernel of a BlueMind 4.
const NEWER: &str = "?openat2,?faccessat2,?statx,?getrandom,?copy_file_range,?memfd_create,?clone3,?rseq,?renameat2,\
                     ?pidfd_open,?pidfd_send_signal,?close_range,?preadv2,?pwritev2,?execveat,?membarrier,?mlock2,\
                     ?sched_setattr,?sched_getattr,?epoll_pwait2,?futex_waitv,?fchmodat2,?io_uring_setup,?cachestat";

const CONF: &str = "configdirectory: /var/lib/cyrus\ndefaultpartition: p\npartition-p: /var/spool/cyrus/data/p\n\
                    metapartition-p: /var/spool/cyrus/meta/p\nmetapartition_files: header index\nhashimapspool: yes\n";

/// A backend's files, as far as a program looks at them.
fn backend(folder: &Path) {
    dead_installation(folder);
    let put = |path: &str, bytes: &[u8]| {
        let place = folder.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes).unwrap();
    };
    let entry = |name: &str| format!("{name}\t%(A %(a lrs) I 1 P p M 1)\n");
    put("etc/imapd.conf", CONF.as_bytes());
    put("var/lib/cyrus/mailboxes.db", (entry("user.anna") + &entry("user.bert")).as_bytes());
    put("var/spool/cyrus/data/p/a/user/anna/1.", b"mail");
    put("var/log/mail.log", b"Oct  1 10:00:00 mail-1 cyrus/imaps[1]: accepted connection\n");
    put("var/lib/dpkg/status", b"Package: bm-core\nStatus: install ok installed\nVersion: 4.0.14\n");
    let cyrus = |name: &str| std::fs::read(format!("fixtures/formats/cyrus/{name}")).unwrap();
    for user in ["anna", "bert"] {
        let meta = format!("var/spool/cyrus/meta/p/{}/user/{user}", &user[..1]);
        put(&format!("{meta}/cyrus.index"), &cyrus("cyrus.index.v13"));
        put(&format!("{meta}/cyrus.header"), &cyrus("cyrus.header.36"));
    }
    // As a server has them: on another volume.
    std::fs::create_dir(folder.join("srv")).unwrap();
    std::fs::rename(folder.join("var/spool/cyrus"), folder.join("srv/cyrus")).unwrap();
    std::os::unix::fs::symlink("/srv/cyrus", folder.join("var/spool/cyrus")).unwrap();
}

/// The JSON report of a run below `folder` without what differs from run to run.
fn report(command: &mut Command, folder: &Path) -> Value {
    let place = folder.join("report.json");
    command.args(["run", "--offline", "--root"]).arg(folder).arg("--facts").arg(folder.join("facts.db"));
    let output = command.arg("--report").arg(format!("json={}", place.display())).output();
    let output = output.unwrap_or_else(|error| panic!("strace (Debian package strace) is needed: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(20 | 30)), "{}", said.chars().take(2_000).collect::<String>());
    let mut report: Value = serde_json::from_slice(&std::fs::read(place).unwrap()).unwrap();
    report["run"] = Value::Null;
    for list in ["checks", "coverage"] {
        report[list].as_array_mut().unwrap().iter_mut().for_each(|entry| entry["elapsed_ms"] = Value::Null);
    }
    report
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bm-preflight"))
}

/// The program under strace, which writes a file for each thread to `log`.
fn traced(log: &Path, options: &[&str]) -> Command {
    std::fs::create_dir(log).unwrap();
    let mut command = Command::new("strace");
    command.args(["-ff", "-o"]).arg(log.join("calls")).args(options).arg(env!("CARGO_BIN_EXE_bm-preflight"));
    command
}

/// What the report says of a table of the backend.
fn of_table<'r>(report: &'r Value, table: &str) -> &'r Value {
    let is_it = |entry: &&Value| entry["table"] == table && entry["scope"] == "bm-master";
    report["coverage"].as_array().unwrap().iter().find(is_it).unwrap()
}

/// What strace wrote.
fn calls(log: &Path) -> String {
    let files = std::fs::read_dir(log).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn an_old_kernel_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    backend(folder.path());
    let log = folder.path().join("strace");
    let old = report(&mut traced(&log, &["-e", &format!("inject={NEWER}:error=ENOSYS")]), folder.path());
    let refused = calls(&log).matches("(INJECTED)").count();
    assert!(refused > 0, "no call was refused");
    assert_eq!(old, report(&mut program(), folder.path()));
    let index = of_table(&old, "cyrus_index");
    assert_eq!((&index["completeness"], &index["rows"]), (&"complete".into(), &2.into()), "{index}");
}

/// A device may act on being opened, a pipe may wait: neither is, nor what a link leads to.
#[test]
fn nothing_that_is_planted_among_users_files_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    backend(folder.path());
    let place = |path: &str| folder.path().join("srv/cyrus").join(path);
    let stand_in = folder.path().join("stand-in");
    std::fs::write(&stand_in, "secret").unwrap();
    let planted = [
        "meta/p/a/user/anna/cyrus.header",
        "meta/p/a/user/anna/cyrus.index",
        "meta/p/b/user/bert/cyrus.header",
        "meta/p/b/user/bert/cyrus.index",
    ];
    planted.iter().for_each(|path| std::fs::remove_file(place(path)).unwrap());
    std::os::unix::fs::symlink("/stand-in", place(planted[0])).unwrap();
    assert!(
        Command::new("mkfifo").args([place(planted[1]), place("data/p/a/user/anna/2.")]).status().unwrap().success()
    );
    std::os::unix::fs::symlink("/stand-in", place(planted[2])).unwrap();
    std::os::unix::fs::symlink("/stand-in", place(planted[3])).unwrap();
    std::os::unix::fs::symlink("/stand-in", place("data/p/a/user/anna/3.")).unwrap();
    let log = folder.path().join("strace");
    let report = report(&mut traced(&log, &["-y", "-e", "trace=open,openat,openat2"]), folder.path());
    let calls = calls(&log);
    let met = |call: &&str| {
        ["stand-in", "cyrus.header", "cyrus.index", "anna/2.", "anna/3."].iter().any(|name| call.contains(name))
    };
    let met: Vec<&str> = calls.lines().filter(met).collect();
    assert!(met.len() >= planted.len(), "{calls}");
    let opened: Vec<&&str> = met.iter().filter(|call| !call.contains("O_PATH")).collect();
    assert!(opened.is_empty(), "{opened:#?}");
    let index = of_table(&report, "cyrus_index");
    assert_eq!((&index["completeness"], &index["rows"]), (&"partial".into(), &2.into()), "{index}");
    for reason in ["anna/cyrus.index: not a regular file", "bert/cyrus.index: a symbolic link, which is not followed"] {
        assert!(index["reason"].as_str().unwrap().contains(reason), "{index}");
    }
}

/// Bytes that the program read of what lies at `path`.
fn bytes_read(calls: &str, path: &str) -> u64 {
    let of_path = calls.lines().filter(|call| call.contains(path) && call.starts_with("read("));
    of_path.map(|call| call.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// A list of mailboxes that is none, of any size, is told without being read, and in little memory.
#[test]
fn a_list_of_mailboxes_that_is_none_is_not_read() {
    for (len, reason) in [(512 << 20, "offset 0: zeros, not a data base that can be read"), (4 << 30, "larger than")] {
        let folder = tempfile::tempdir().unwrap();
        backend(folder.path());
        let list = folder.path().join("var/lib/cyrus/mailboxes.db");
        std::fs::File::create(&list).unwrap().set_len(len).unwrap();
        let log = folder.path().join("strace");
        let strace = traced(&log, &["-y", "-e", "trace=read"]);
        // In KiB: a list that was held as a whole would not fit.
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -v 450000; exec \"$@\"", "sh"]).arg(strace.get_program()).args(strace.get_args());
        let report = report(&mut limited, folder.path());
        let told = of_table(&report, "cyrus_mailbox");
        assert!(told["reason"].as_str().unwrap().contains(reason), "{told}");
        assert!(bytes_read(&calls(&log), "mailboxes.db") < 1 << 20, "{len}");
    }
}

//! The set-up itself: that it is what Cyrus makes of it, and that nothing of it outlives the tests.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cyrus::Lab;
use crate::support::cyrus::client::message;
use crate::support::cyrus::files::Tree;

/// Tells a test process that it is the child of another one, and how it shall end.
const ROLE: &str = "BM_PREFLIGHT_TEST_ENDS_BY";

/// Runs only as the child of [`no_cyrus_survives`]: starts one, tells where it is, and ends.
#[test]
#[ignore = "a part of no_cyrus_survives"]
fn child_with_a_cyrus() {
    let Ok(end) = std::env::var(ROLE) else { return };
    let lab = Lab::start(&["a.test"]);
    println!("CYRUS {} {}", lab.master(), lab.dir().display());
    match end.as_str() {
        "return" => (),
        "panic" => panic!("as it was asked to"),
        _ => std::thread::sleep(Duration::from_secs(60)),
    }
}

/// Starts the child; gives it back with its Cyrus' process and directory.
fn child(end: &str) -> (Child, PathBuf, PathBuf) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lab::child_with_a_cyrus", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROLE, end)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find_map(|line| line.split_once("CYRUS ").map(|(_, told)| told.to_owned()));
    let told = told.expect("the child tells where its Cyrus is");
    let (pid, dir) = told.split_once(' ').expect("a process id and a directory");
    (child, Path::new("/proc").join(pid), PathBuf::from(dir))
}

#[test]
fn no_cyrus_survives() {
    for end in ["return", "panic", "kill"] {
        let (mut child, process, dir) = child(end);
        if end == "kill" {
            assert!(process.exists() && dir.exists(), "the server runs while the child does");
            child.kill().unwrap();
        }
        child.wait().unwrap();
        let ended = Instant::now();
        while process.exists() || dir.exists() {
            assert!(ended.elapsed() < Duration::from_secs(30), "{end}: {process:?} or {dir:?} is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn cyrus_does_not_run_as_root() {
    let lab = Lab::start(&["a.test"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", lab.master())).unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert!(uid.split_whitespace().all(|id| id != "0"), "{uid}");
}

/// The layout is that of BlueMind's Cyrus, before and after its files are turned into those of 3.0.
#[test]
fn mailboxes_lie_where_those_of_bluemind_lie() {
    let mut lab = Lab::start(&["a.test"]);
    lab.add_user("john.doe", "a.test");
    lab.add_share("sales", "a.test");
    lab.login("john.doe@a.test").append("INBOX", "", &message("recent", 0));
    lab.login("john.doe@a.test").append("Sent", "", &message("big", 100_000));
    lab.lmtp().deliver(&["john.doe@a.test"], &message("delivered", 0));
    lab.stop();
    for is_older in [false, true] {
        if is_older {
            lab.grow_older();
        }
        for (tree, partition, domain, names) in [
            (Tree::Data, "bm-master__a_test", "domain/a/a.test", &["j/user/john^doe/1.", "j/user/john^doe/2."][..]),
            (Tree::Archive, "bm-master__a_test", "domain/a/a.test", &["j/user/john^doe/Sent/1."]),
            (
                Tree::Meta,
                "bm-master__a_test",
                "domain/a/a.test",
                &["j/user/john^doe/Junk/cyrus.header", "s/sales/Sent/cyrus.index"],
            ),
        ] {
            for name in names {
                let path = lab.path(&format!("{}/{partition}/{domain}/{name}", tree.place()));
                assert!(path.is_file(), "{}", path.display());
            }
        }
        let names: Vec<String> = lab.mailboxes().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 8, "{names:?}");
        for name in &names {
            let header = std::fs::read(lab.mailbox_directory(Tree::Meta, name).join("cyrus.header")).unwrap();
            let index = std::fs::read(lab.mailbox_directory(Tree::Meta, name).join("cyrus.index")).unwrap();
            assert_eq!((index[11], header.contains(&b'%')), if is_older { (13, false) } else { (17, true) }, "{name}");
        }
    }
    // Cyrus itself works on with the files of 3.0.
    lab.serve();
    lab.login("john.doe@a.test").append("Trash", "", &message("later", 0));
}

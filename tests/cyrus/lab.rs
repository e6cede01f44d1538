//! The set-up itself: that it is what Cyrus makes of it, and that nothing of it outlives the tests.

use crate::support::cyrus::Lab;
use crate::support::cyrus::client::message;
use crate::support::cyrus::files::Tree;
use crate::support::lifetime;

/// Runs only as the child of [`no_cyrus_survives`].
#[test]
#[ignore = "a part of no_cyrus_survives"]
fn child_with_a_cyrus() {
    lifetime::end_with(|| Lab::start(&["a.test"]), |lab| (lab.master(), lab.dir()));
}

#[test]
fn no_cyrus_survives() {
    lifetime::nothing_survives("lab::child_with_a_cyrus");
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

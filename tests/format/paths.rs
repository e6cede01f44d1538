//! Where the files of mailboxes lie.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use bm_preflight::format::imapd_conf::ImapdConf;
use bm_preflight::format::mailbox_name::{MailboxName, NameDefect};
use bm_preflight::format::spool_path::{Directories, Hashing, Located, NotMailbox, Part, SpoolPathError, locate};
use proptest::prelude::any;

use crate::fixture;

fn hashing(hashimapspool: bool, fulldirhash: bool) -> Hashing {
    Hashing { hashimapspool, fulldirhash, default_domain: "internal".to_owned(), deleted_prefix: "DELETED".to_owned() }
}

/// Names, and their directories with `fulldirhash` off and on.
const PATHS: &[(&str, &str, &str)] = &[
    ("bm.lan!user.tom", "domain/b/bm.lan/t/user/tom", "domain/U/bm.lan/R/user/tom"),
    (
        "489daff7.internal!user.john^doe",
        "domain/q/489daff7.internal/j/user/john^doe",
        "domain/A/489daff7.internal/K/user/john^doe",
    ),
    ("bm.lan!user.0zero", "domain/b/bm.lan/q/user/0zero", "domain/U/bm.lan/Q/user/0zero"),
    ("bm.lan!social", "domain/b/bm.lan/s/social", "domain/U/bm.lan/C/social"),
    ("bm.lan!social.Sent.2019", "domain/b/bm.lan/s/social/Sent/2019", "domain/U/bm.lan/U/social/Sent/2019"),
    ("bm.lan!9lives.Sent", "domain/b/bm.lan/s/9lives/Sent", "domain/U/bm.lan/U/9lives/Sent"),
    (
        "bm.lan!DELETED.user.gone.Sent.6B04572E",
        "domain/b/bm.lan/u/DELETED/user/gone/Sent/6B04572E",
        "domain/U/bm.lan/C/DELETED/user/gone/Sent/6B04572E",
    ),
    (
        "bm.lan!DELETED.oldteam.6B04572E",
        "domain/b/bm.lan/o/DELETED/oldteam/6B04572E",
        "domain/U/bm.lan/N/DELETED/oldteam/6B04572E",
    ),
    ("user.nodomain", "n/user/nodomain", "D/user/nodomain"),
    ("bm.lan!user.tom.a!b", "domain/b/bm.lan/t/user/tom/a!b", "domain/U/bm.lan/R/user/tom/a!b"),
    ("bm.lan!user.tom.a^b^c", "domain/b/bm.lan/t/user/tom/a^b^c", "domain/U/bm.lan/R/user/tom/a^b^c"),
];

#[test]
fn directories_there_and_back() {
    for (name, short, full) in PATHS {
        let name = MailboxName::internal(*name);
        for (is_full, path) in [(false, short), (true, full)] {
            let hashing = hashing(true, is_full);
            assert_eq!(hashing.path(&name).as_deref(), Ok(Path::new(path)));
            let letter = path.trim_start_matches("domain/").split('/').rev().find(|part| part.len() == 1);
            let back = hashing.mailbox(Path::new(path)).unwrap();
            assert_eq!(back, (letter.and_then(|letter| letter.chars().next()), name.clone()));
        }
    }
    let plain = hashing(false, true);
    let name = MailboxName::internal("bm.lan!user.tom.a^b");
    assert_eq!(plain.path(&name).as_deref(), Ok(Path::new("domain/bm.lan/user/tom/a^b")));
    assert_eq!(plain.mailbox(Path::new("domain/bm.lan/user/tom/a^b/")), Ok((None, name)));
}

#[test]
fn what_is_written_otherwise() {
    let path = |name: &[u8]| hashing(true, false).path(&MailboxName::internal(name)).unwrap();
    assert_eq!(path(b"internal!user.tom"), Path::new("t/user/tom"), "the default domain has no directory");
    assert_eq!(path(b"BM.lan!user.Tom"), Path::new("domain/b/BM.lan/t/user/Tom"));
    assert_eq!(path(b"a!user.\xe9t\xe9"), Path::new(OsStr::from_bytes(b"domain/a/a/q/user/\xe9t\xe9")));
    assert_eq!(path(b"a!DELETED.user.x.0006b04572e"), Path::new("domain/a/a/u/DELETED/user/x/6B04572E"));
    assert_eq!(path(b"a!DELETED.user.x.never"), Path::new("domain/a/a/u/DELETED/user/x/never"));
}

#[test]
fn names_that_lead_elsewhere() {
    let error = |name: &[u8]| hashing(true, false).path(&MailboxName::internal(name)).unwrap_err();
    assert_eq!(error(b""), NameDefect::Empty.into());
    assert_eq!(error(b"!user.x"), NameDefect::EmptyDomain.into());
    assert_eq!(error(b"a!"), NameDefect::EmptyLevel { offset: 2 }.into());
    assert_eq!(error(b"a!user.x..y"), NameDefect::EmptyLevel { offset: 9 }.into());
    assert_eq!(error(b"a!user.\x1b.a/../../b"), NameDefect::Slash { offset: 10 }.into());
    assert_eq!(error(b"a!user.x\0y"), NameDefect::Byte { offset: 8, byte: 0 }.into());
    assert_eq!(error(b"..!user.x"), SpoolPathError::Dots);
}

#[test]
fn directories_of_no_mailbox() {
    let why = |path: &str| hashing(true, false).mailbox(Path::new(path)).unwrap_err();
    for above in [
        "",
        "domain",
        "domain/b",
        "domain/b/bm.lan",
        "domain/b/bm.lan/t",
        "domain/b/bm.lan/t/user",
        "t/user",
        "domain/b/bm.lan/u/DELETED/user",
        "domain/b/bm.lan/o/DELETED/oldteam",
        "domain/b/bm.lan/u/DELETED/user/gone",
    ] {
        assert_eq!(why(above), NotMailbox::Above, "{above}");
    }
    assert_eq!(why("stage."), NotMailbox::Stage);
    assert_eq!(why("uuid/a/b/abc"), NotMailbox::ById);
    assert_eq!(why("t/../x"), NotMailbox::Component { offset: 2 });
    assert_eq!(why("/t"), NotMailbox::Component { offset: 0 });
    assert_eq!(why("domain/bm.lan/t/user/tom"), NotMailbox::Component { offset: 7 });
    assert_eq!(why("domain/x/bm.lan/t/user/tom"), NotMailbox::Letter { offset: 7, due: 'b' });
    assert_eq!(why("domain/b/bm.lan/T/user/tom"), NotMailbox::Letter { offset: 16, due: 't' });
    assert_eq!(why("domain/b/bm.lan/s/9lives"), NotMailbox::Letter { offset: 16, due: 'q' });
    assert_eq!(why("t/user/to.m"), NotMailbox::Level { offset: 9, found: '.' });
    assert_eq!(why("t/user/to!m"), NotMailbox::Level { offset: 9, found: '!' });
    assert_eq!(why("domain/b/b!n/t/user/tom"), NotMailbox::Level { offset: 10, found: '!' });
    assert_eq!(why("domain/i/internal/t/user/tom"), NotMailbox::DefaultDomain { offset: 9 });
    assert_eq!(why("u/DELETED/user/x/6b04572e"), NotMailbox::Time { offset: 17 });
}

fn conf() -> ImapdConf {
    let text = "partition-default: /lab/spool/data/mail\nmetapartition-default: /lab/spool/meta/mail\n\
                partition-srv__acme_test: /lab/spool/data/srv__acme_test\nmetapartition-srv__acme_test: /lab/spool/meta/srv__acme_test/\n\
                archivepartition-srv__acme_test: /lab/hsm/srv__acme_test\nmetapartition_files: header index\nhashimapspool: on\n\
                partition-inner: /lab/spool/data/mail/inner\n";
    ImapdConf::parse("imapd.conf", text, |_| Err(String::new())).unwrap()
}

/// `mbpath -a` of five mailboxes: `Archive: /…` and so on, five lines each.
#[test]
fn directories_as_cyrus_says() {
    let (conf, text) = (conf(), String::from_utf8(fixture("mbpath.txt")).unwrap());
    let hashing = Hashing::of(&conf).unwrap();
    let names = ["user.john^doe", "user.john^doe.a^b^c", "team", "team.Sent", "user.lost"]
        .map(|name| MailboxName::internal(format!("acme.test!{name}")));
    let lines: Vec<_> = text.lines().map(|line| line.split_once(": ").unwrap()).collect();
    for (name, said) in names.iter().zip(lines.chunks(5)) {
        let partition = if said[1].1.contains("srv__") { "srv__acme_test" } else { "default" };
        let found = Directories::of(&conf, &hashing, partition, name).unwrap();
        let of = |kind: &str| PathBuf::from(said.iter().find(|(k, _)| *k == kind).unwrap().1);
        assert_eq!((&found.data, &found.meta), (&of("Data"), &of("Meta")));
        assert_eq!(found.archive.as_ref().unwrap_or(&found.data), &of("Archive"));
        assert_eq!((found.header, found.index), (of("Meta").join("cyrus.header"), of("Meta").join("cyrus.index")));
        for (part, directory) in [(Part::Data, found.data), (Part::Meta, found.meta)] {
            let located = locate(&conf, &hashing, &directory).unwrap();
            let letter = located.letter;
            assert_eq!(located, Located { partition, part, letter, name: name.clone() });
        }
    }
    let unknown = Directories::of(&conf, &hashing, "none", &names[0]).unwrap_err();
    assert_eq!(unknown, SpoolPathError::Partition("none".to_owned()));
    let inner = locate(&conf, &hashing, Path::new("/lab/spool/data/mail/inner/t/user/tom")).unwrap();
    assert_eq!(inner.partition, "inner");
    assert_eq!(locate(&conf, &hashing, Path::new("/lab/hsm/srv__acme_test/t/user/tom")).unwrap().part, Part::Archive);
    assert_eq!(locate(&conf, &hashing, Path::new("/var/spool")), Err(NotMailbox::Outside));
    assert_eq!(locate(&conf, &hashing, Path::new("/lab/spool/data/mail")), Err(NotMailbox::Above));
}

proptest::proptest! {
    #[test]
    fn a_directory_that_is_a_mailbox_is_its_mailbox(name in "([a-z.]{1,4}!)?(user\\.|DELETED\\.|DELETED\\.user\\.)?[a-zA-Z0-9^&]{1,4}(\\.[A-F0-9]{1,3}){0,3}", imap: bool, full: bool) {
        let hashing = hashing(imap, full);
        let name = MailboxName::internal(name);
        if let Ok(path) = hashing.path(&name)
            && let Ok((_, back)) = hashing.mailbox(&path)
        {
            proptest::prop_assert_eq!(hashing.path(&back).unwrap(), path);
        }
    }

    #[test]
    fn never_panics_and_never_leaves_the_root(bytes: Vec<u8>, parts in proptest::collection::vec("[a./!^A]{0,3}|domain|user|DELETED|internal|uuid|stage\\.|..", 0..7), imap: bool, full in any::<bool>()) {
        let hashing = hashing(imap, full);
        for bytes in [bytes, parts.join("/").into_bytes(), parts.join(".").into_bytes()] {
            let _ = hashing.mailbox(Path::new(OsStr::from_bytes(&bytes)));
            if let Ok(path) = hashing.path(&MailboxName::internal(bytes)) {
                proptest::prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}

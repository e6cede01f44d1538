//! What `mailboxes.db` says: values of every version, names, and the notation that they share.

use bm_preflight::format::dlist::{self, Data, DlistError};
use bm_preflight::format::mailbox_name::{MailboxName, NameDefect, Namespace, Naming};
use bm_preflight::format::mailbox_record::{AclEntry, Content, MailboxRecord, Notation, RecordError};
use bm_preflight::format::mutf7::{self, Mutf7Error};
use proptest::collection::vec;
use proptest::prelude::any;

use crate::{data_bases, fixture, mutated};

fn record(value: &str) -> MailboxRecord {
    MailboxRecord::parse(value.as_bytes()).unwrap()
}

fn acl(entries: &[(&str, &str)]) -> Vec<AclEntry> {
    entries.iter().map(|(who, rights)| AclEntry { who: (*who).to_owned(), rights: (*rights).to_owned() }).collect()
}

#[test]
fn text_of_24_and_25() {
    let old = record("0 acme_test a@acme.test\tlrs\tadmin0\tlrswipkxtecda\t");
    assert_eq!((old.notation, old.unique_id.as_deref()), (Notation::Text24, None));
    assert_eq!(old.partition.as_deref(), Some("acme_test"));
    assert_eq!(old.acl, acl(&[("a@acme.test", "lrs"), ("admin0", "lrswipkxtecda")]));
    assert!(old.is_live_and_local());
    let newer = record("(uniqueid 5d01614958d24926 specialuse \\Sent) 0 p1 x@y\tlrs\t");
    assert_eq!((newer.notation, newer.unique_id.as_deref()), (Notation::Text25, Some("5d01614958d24926")));
    assert_eq!((newer.partition.as_deref(), newer.acl), (Some("p1"), acl(&[("x@y", "lrs")])));
    assert_eq!(record("(specialuse \\Sent) 0 p1 ").unique_id, None);
    assert_eq!(record("0 p1").acl, []);
    assert_eq!(record("0 p1 who").acl, acl(&[("who", "")]), "an ACL that ends early");
    let remote = record("1 other.server!p1 ");
    assert_eq!((remote.server.as_deref(), remote.partition.as_deref()), (Some("other.server"), Some("p1")));
    assert!(remote.flags.is_remote && !remote.is_live_and_local());
    let flags = ["2 p", "8 p", "16 p"].map(|value| record(value).flags);
    assert!(flags[0].is_reserved && flags[1].is_moving && flags[2].is_deleted);
    let content = ["4 p", "32 p", "64 p", "128 p"].map(|value| record(value).content);
    assert_eq!(content, [Content::Netnews, Content::Calendar, Content::AddressBook, Content::Other]);
}

#[test]
fn dlists_of_30() {
    let new = record(
        "%(A %(new@acme.test lrswipkxtecdan admin0 lrs) I 110ce7d9-68ab-4800-8e46-22dfef02b589 P srv__acme_test V 1534167008 F 1 M 1534167110)",
    );
    assert_eq!((new.notation, new.content), (Notation::Dlist, Content::Email));
    assert_eq!(new.unique_id.as_deref(), Some("110ce7d9-68ab-4800-8e46-22dfef02b589"));
    assert_eq!(new.acl, acl(&[("new@acme.test", "lrswipkxtecdan"), ("admin0", "lrs")]));
    assert_eq!((new.uid_validity, new.folder_modseq, new.mtime), (Some(1_534_167_008), Some(1), Some(1_534_167_110)));
    assert!(new.is_live_and_local());
    let tombstone = record("%(I 637ec061-fc51-48a1-b486-9281847c2d12 T d V 1795446575 F 6 M 1795446574)");
    assert!(tombstone.flags.is_deleted && !tombstone.is_live_and_local());
    assert_eq!((tombstone.partition, tombstone.acl), (None, Vec::new()));
    let quoted = record(r#"%(A %("space (user)" lrs "q\"u\\x" lrs) P p1 M 1)"#);
    assert_eq!(quoted.acl, acl(&[("space (user)", "lrs"), (r#"q"u\x"#, "lrs")]));
    let literal = record("%(A %({5}\r\nJ\u{fc}rg \"\") P {2+}\r\np1 M 1)");
    assert_eq!((literal.acl, literal.partition.as_deref()), (acl(&[("J\u{fc}rg", ""),]), Some("p1")));
}

#[test]
fn dlists_of_later_versions() {
    let el =
        record("%(T el I znb1lh54i8grmeq6skv2narh P p1 V 1795446473 C 1 F 2 M 1795446472 A %(john@acme.test lrs))");
    assert!(el.flags.is_legacy && el.is_live_and_local());
    let history =
        record("%(T el N \"acme.test\u{1d}user\u{1f}jane\" P p1 M 2 A %(j lrs) H (%(N x M 1 V 2 C 1 F 3 T edl)))");
    assert!(history.is_live_and_local(), "the flags of a former name are not those of the mailbox");
    assert!(record("%(T i M 1)").flags.is_intermediate && record("%(T z P p M 1)").flags.is_reserved);
    assert!(record("%(T r S other P p M 1)").flags.is_remote && !record("%(T r P p M 1)").is_live_and_local());
    assert!(record("%(S other P p M 1)").is_live_and_local(), "Cyrus goes by the type");
    assert!(record("%(T m P p M 1)").flags.is_moving);
    assert_eq!(
        ["c", "a", "n", "b"].map(|t| record(&format!("%(T {t} P p M 1)")).content),
        [Content::Calendar, Content::AddressBook, Content::Netnews, Content::Other]
    );
}

#[test]
fn damaged_values() {
    let error = |value: &str| MailboxRecord::parse(value.as_bytes()).unwrap_err();
    assert_eq!(error(""), RecordError::Empty);
    assert_eq!(error("x p1 "), RecordError::Type { offset: 0 });
    assert_eq!(error("(uniqueid x) y"), RecordError::Type { offset: 13 });
    assert_eq!(error("0"), RecordError::Partition { offset: 2 });
    assert_eq!(error("(uniqueid x"), RecordError::OpenList);
    assert_eq!(error("%x"), RecordError::NotPairs { offset: 0 });
    assert_eq!(error("%(A (a b) M 1)"), RecordError::NotPairs { offset: 4 });
    assert_eq!(error("%(P (a) M 1)"), RecordError::Kind { offset: 4, key: "P".to_owned() });
    assert_eq!(error("%(P p M x)"), RecordError::Number { offset: 8, key: "M".to_owned() });
    assert_eq!(error("%(A %(broken"), DlistError::OpenList { offset: 4 }.into());
}

#[test]
fn damaged_dlists() {
    let error = |text: &str| dlist::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error(""), DlistError::NoValue { offset: 0 });
    assert_eq!(error("(a  b)"), DlistError::NoValue { offset: 3 });
    assert_eq!(error("%(k )"), DlistError::NoValue { offset: 4 });
    assert_eq!(error("(a b"), DlistError::OpenList { offset: 0 });
    assert_eq!(error("%(a"), DlistError::OpenList { offset: 0 });
    assert_eq!(error("%(a)"), DlistError::Separator { offset: 3 });
    assert_eq!(error("(\"a\"b)"), DlistError::Separator { offset: 4 });
    assert_eq!(error("(\"a\\\")"), DlistError::OpenString { offset: 1 });
    for literal in ["({x}\r\na)", "({3}\r\nab", "({1}\na)", "({99999999999999999999}\r\na)", "({"] {
        assert_eq!(error(literal), DlistError::Literal { offset: 1 }, "{literal:?}");
    }
    assert_eq!(error("%((a) b)"), DlistError::Key { offset: 2 });
    assert_eq!(error(&"(".repeat(100)), DlistError::TooDeep { offset: 32 });
    assert_eq!(error("a b"), DlistError::More { offset: 1 });
    assert_eq!(dlist::parse(b"NIL").unwrap().data, Data::Nil);
}

#[test]
fn a_mailboxes_db_of_36_is_read_as_cyrus_lists_it() {
    let entries = data_bases::entries(&fixture("mailboxes-3.6.db")).unwrap();
    let naming = Naming::detect(entries.iter().map(|(key, _)| key.as_slice()));
    assert_eq!(naming, Naming::Dbname);
    let listed: serde_json::Value = serde_json::from_slice(&fixture("mailboxes-3.6.json")).unwrap();
    let mut found = 0;
    for (key, value) in &entries {
        let Some(name) = naming.mailbox(key) else { continue };
        let record = MailboxRecord::parse(value).unwrap();
        let due = &listed[name.to_string()];
        assert_eq!(record.partition.as_deref(), due["partition"].as_str(), "{name}");
        assert_eq!(record.unique_id.as_deref(), due["uniqueid"].as_str(), "{name}");
        assert_eq!(record.mtime.map(|mtime| mtime.to_string()).as_deref(), due["mtime"].as_str(), "{name}");
        let rights = record.acl.iter().map(|entry| (entry.who.clone(), entry.rights.clone().into())).collect();
        assert_eq!(serde_json::Value::Object(rights), due["acl"], "{name}");
        found += 1;
    }
    assert_eq!(found, listed.as_object().unwrap().len());
}

#[test]
fn keys_of_older_versions() {
    let keys = data_bases::entries(&fixture("records.twoskip")).unwrap();
    let naming = Naming::detect(keys.iter().map(|(key, _)| key.as_slice()));
    assert_eq!(naming, Naming::Internal);
    assert_eq!(
        keys.iter().filter(|(key, _)| naming.mailbox(key).is_some()).count(),
        7,
        "two are of the index of rights"
    );
    assert_eq!(naming.mailbox(b"$RUNQ$id$x"), None);
    let odd = [&b"bm.lan!user.tom"[..], b"bm.lan!user.tom.a\x1fb", b"bm.lan!user.ann"];
    assert_eq!(Naming::detect(odd), Naming::Internal, "one odd name does not change the others");
    for (keys, expected) in [
        (&[&b"\x1fVER\x1f"[..], b"Nsupport"][..], &[&b"support"[..]][..]),
        (&[&b"Nsupport"[..], b"bm.lan!user.tom"], &[b"Nsupport", b"bm.lan!user.tom"]),
    ] {
        let naming = Naming::of_subscriptions(keys.iter().copied());
        let names: Vec<_> = keys.iter().filter_map(|key| naming.mailbox(key)).collect();
        assert!(names.iter().map(MailboxName::as_bytes).eq(expected.iter().copied()), "{names:?}");
    }
    let name = Naming::Dbname.mailbox(b"Nbm.lan\x1duser\x1fjohn.doe\x1fa.b.c").unwrap();
    assert_eq!(name, MailboxName::internal("bm.lan!user.john^doe.a^b^c"));
    assert_eq!(Naming::Dbname.mailbox(b"Iznb1lh54i8grmeq6skv2narh"), None);
}

#[test]
fn names_of_users_and_of_nobody() {
    let name = MailboxName::internal("bm.lan!user.john^doe.T&AOk-l.a^b");
    let parts = name.parts("DELETED");
    assert_eq!(
        (parts.domain, parts.namespace, parts.owner.as_slice()),
        (Some(&b"bm.lan"[..]), Namespace::User, &b"john.doe"[..])
    );
    assert_eq!((parts.folder_path().as_str(), parts.is_root(), parts.is_deleted), ("T\u{e9}l/a.b", false, false));
    assert_eq!(parts.admin_path(), "user/john.doe/T\u{e9}l/a.b@bm.lan");
    let path = |name: &str| {
        let name = MailboxName::internal(name);
        let parts = name.parts("DELETED");
        (parts.admin_path(), parts.namespace, parts.is_literal_inbox(), parts.deleted_at)
    };
    assert_eq!(path("bm.lan!user.tom"), ("user/tom@bm.lan".to_owned(), Namespace::User, false, None));
    assert_eq!(path("bm.lan!social.Sent"), ("social/Sent@bm.lan".to_owned(), Namespace::Shared, false, None));
    assert_eq!(path("bm.lan!user"), ("user@bm.lan".to_owned(), Namespace::Shared, false, None));
    assert_eq!(path("user.nodomain"), ("user/nodomain".to_owned(), Namespace::User, false, None));
    for (name, expected) in [
        ("bm.lan!user.tom.INBOX", true),
        ("bm.lan!user.tom.Inbox", true),
        ("bm.lan!user.tom.inbox.child", true),
        ("bm.lan!user.tom.INBOX.child", false),
        ("bm.lan!user.tom.INBOX^child", false),
        ("bm.lan!user.tom.Old.INBOX", false),
        ("bm.lan!social.INBOX", false),
        ("bm.lan!user.tom", false),
    ] {
        assert_eq!(path(name).2, expected, "{name}");
    }
    assert_eq!(path("bm.lan!user.tom.a!b").0, "user/tom/a!b@bm.lan", "the first ! ends the domain");
    assert_eq!(
        path("bm.lan!DELETED.user.gone.Sent.6B04572E"),
        ("user/gone/Sent@bm.lan".to_owned(), Namespace::User, false, Some(0x6b04_572e))
    );
    assert_eq!(path("bm.lan!DELETED.team.6B04572E").3, Some(0x6b04_572e));
    assert!(!MailboxName::internal("DELETED.team").parts("DELETED").is_deleted);
    let no_time = MailboxName::internal("DELETED.user.x.+1");
    assert_eq!((no_time.parts("DELETED").is_deleted, no_time.parts("DELETED").deleted_at), (true, None));
    assert!(!MailboxName::internal("DELETED.user.x.1").parts("GONE").is_deleted);
}

#[test]
fn defects_of_names() {
    let defect = |name: &[u8]| MailboxName::internal(name).defect();
    assert_eq!(defect(b"bm.lan!user.tom.T&AOk-l"), None);
    assert_eq!(defect(b""), Some(NameDefect::Empty));
    assert_eq!(defect(b"!user.x"), Some(NameDefect::EmptyDomain));
    assert_eq!(defect(b"bm.lan!"), Some(NameDefect::EmptyLevel { offset: 7 }));
    assert_eq!(defect(b"bm.lan!user.x..y"), Some(NameDefect::EmptyLevel { offset: 14 }));
    assert_eq!(defect(b"bm.lan!user.x."), Some(NameDefect::EmptyLevel { offset: 14 }));
    assert_eq!(defect(b"a!user.a/b"), Some(NameDefect::Slash { offset: 8 }));
    assert_eq!(defect(b"a!user.a\x1b"), Some(NameDefect::Byte { offset: 8, byte: 0x1b }));
    assert_eq!(defect(b"a!user.x.a&b"), Some(NameDefect::Utf7 { offset: 9 }));
    assert_eq!(defect(&[b'x'; 491]), Some(NameDefect::Long { len: 491 }));
}

#[test]
fn modified_utf7() {
    for (name, text) in [
        ("&AMk-l&AOk-ments", "\u{c9}l\u{e9}ments"),
        ("a&-b", "a&b"),
        ("&2D3eAA-", "\u{1f600}"),
        ("&-&-", "&&"),
        ("", ""),
    ] {
        assert_eq!(mutf7::decode(name.as_bytes()).as_deref(), Ok(text), "{name}");
        assert_eq!(mutf7::encode(text), name);
    }
    let error = |name: &[u8]| mutf7::decode(name).unwrap_err();
    assert_eq!(error(b"a\xe9"), Mutf7Error::Byte { offset: 1, byte: 0xe9 });
    assert_eq!(error(b"ab&AOk"), Mutf7Error::OpenShift { offset: 2 });
    assert_eq!(error(b"&A/k-"), Mutf7Error::Digit { offset: 2, byte: b'/' });
    assert_eq!(error(b"x&AO-"), Mutf7Error::Length { offset: 1 });
    assert_eq!(error(b"&AOl-"), Mutf7Error::Length { offset: 0 });
    assert_eq!(error(b"&2D0-"), Mutf7Error::Surrogate { offset: 0 });
    assert_eq!(error(b"a&AC8-b"), Mutf7Error::Ascii { offset: 1, found: '/' });
    assert_eq!(mutf7::display(b"a&AC8-b\xff"), "a&AC8-b\u{fffd}");
}

/// A dlist as Cyrus writes texts: quoted where an atom will not do, a literal beyond ASCII.
fn written(text: &[u8]) -> Vec<u8> {
    let is_plain = |byte: &u8| (0x1f..0x7f).contains(byte) && !b" (){\"%*\\".contains(byte);
    match text {
        _ if text.iter().any(|byte| *byte >= 0x80 || matches!(byte, b'\r' | b'\n' | 0)) => {
            [format!("{{{}}}\r\n", text.len()).as_bytes(), text].concat()
        }
        b"NIL" | b"" => [b"\"", text, b"\""].concat(),
        _ if text.iter().all(is_plain) => text.to_vec(),
        _ => {
            let escape = |byte: &u8| if b"\"\\".contains(byte) { vec![b'\\', *byte] } else { vec![*byte] };
            [b"\"".to_vec(), text.iter().flat_map(escape).collect(), b"\"".to_vec()].concat()
        }
    }
}

proptest::proptest! {
    #[test]
    fn texts_that_are_written_are_read(texts in vec(vec(any::<u8>(), 0..12), 0..6)) {
        let list = [b"(", texts.iter().map(|text| written(text)).collect::<Vec<_>>().join(&b' ').as_slice(), b")"].concat();
        let value = dlist::parse(&list).unwrap();
        let Data::List(values) = value.data else { panic!("no list") };
        let read: Vec<_> = values.into_iter().map(|value| match value.data {
            Data::Text(text) => text.into_owned(),
            other => panic!("{other:?}"),
        }).collect();
        proptest::prop_assert_eq!(read, texts);
    }

    #[test]
    fn texts_that_are_encoded_are_decoded(text: String) {
        proptest::prop_assert_eq!(mutf7::decode(mutf7::encode(&text).as_bytes()), Ok(text));
    }

    #[test]
    fn values_never_panic(bytes: Vec<u8>, changes in vec((any::<usize>(), any::<u8>()), 0..6), cut: usize) {
        let value = b"%(A %(\"a (b)\" lrs {2}\r\nxy lrs) I x P p1 V 1 H (%(N x) %(N y)) M 1)".to_vec();
        let text = b"(uniqueid 5d0 specialuse \\Sent) 0 s!p1 x@y\tlrs\t".to_vec();
        for value in [bytes, mutated(value, &changes, cut), mutated(text, &changes, cut)] {
            let _ = MailboxRecord::parse(&value);
        }
    }

    #[test]
    fn names_never_panic(bytes: Vec<u8>, changes in vec((any::<usize>(), any::<u8>()), 0..6), cut: usize) {
        for bytes in [bytes, mutated(b"bm.lan!DELETED.user.a^b.T&AOk-l.6B04572E".to_vec(), &changes, cut)] {
            for name in [MailboxName::internal(bytes.clone()), MailboxName::from_dbname(&bytes)] {
                let _ = (name.defect(), name.parts("DELETED").admin_path(), name.to_string(), mutf7::decode(&bytes));
            }
        }
    }
}

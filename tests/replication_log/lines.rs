//! Lines of replication.log, as the core's sources write them.

use std::borrow::Cow;

use bm_preflight::format::replication_log::{Answer, Apply, Cause, Line, Told, line};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::Strategy as _;

const HEAD: &str = "2019-07-09 16:27:16,720 [vert.x-eventloop-thread-3] n.b.b.c.r.s.ReplicationSession INFO - ";
const APPLY: &str = "REPL C: [frame-00000012]: APPLY MAILBOX ";

/// A command as the test server of BlueMind writes it, its mailbox to be filled in.
const ARGUMENTS: &str = "%(UNIQUEID 6399ac9b-a1b7-4b44-a1ea-41700c5c6355 MBOXNAME <mailbox> SYNC_CRC 2018734627 UIDVALIDITY 1531392047 \
    PARTITION bm-master__example_org ACL \"admin0\tlrswipkxtecda\t(\t\" OPTIONS P RECORD (%(UID 12 FLAGS (\\Seen) GUID 3d1f)))";

fn told(message: &str) -> Option<String> {
    let text = format!("{HEAD}{message}");
    line(text.as_bytes()).map(|line| format!("{:?}", line.told))
}

/// The mailbox and the partition that a command's arguments tell.
fn names(arguments: &[u8]) -> (Option<String>, Option<String>) {
    let text = [HEAD.as_bytes(), APPLY.as_bytes(), arguments].concat();
    let Some(Line { told: Told::Command { frame: 12, apply: Some(apply) }, .. }) = line(&text) else { panic!() };
    let text = |name: Option<Cow<'_, [u8]>>| name.map(|name| String::from_utf8_lossy(&name).into_owned());
    (text(apply.mailbox), text(apply.partition))
}

#[test]
fn every_line_tells_what_it_is() {
    let mailbox = Some(Cow::Borrowed(&b"a.b!user.x"[..]));
    let apply = Apply { mailbox, partition: None };
    for (message, expected) in [
        (format!("{APPLY}%(MBOXNAME a.b!user.x)"), Told::Command { frame: 12, apply: Some(apply) }),
        ("REPL C: [frame-00000001]: GET MAILBOXES (a.b!user.x)".to_owned(), Told::Command { frame: 1, apply: None }),
        ("REPL S: [frame-00000012]: OK success".to_owned(), Told::Answer { frame: 12, answer: Answer::Ok }),
        ("REPL S: [frame-00000012]: OKAY".to_owned(), Told::Answer { frame: 12, answer: Answer::Other }),
        ("REPL S: [frame-00000012]: NO why".to_owned(), Told::Answer { frame: 12, answer: Answer::No(b"why") }),
        ("REPL S: [frame-00000012]: BAD invalid".to_owned(), Told::Answer { frame: 12, answer: Answer::Bad }),
        ("REPL S: [frame-00000012]: * MAILBOX %(".to_owned(), Told::Answer { frame: 12, answer: Answer::Other }),
        ("REPL X: [frame-00000012]: OK".to_owned(), Told::Other),
        ("REPL S: [frame-99999999999999999999]: OK".to_owned(), Told::Other),
        ("REPL ".to_owned(), Told::Other),
        ("4 active replication connection(s)".to_owned(), Told::Active(4)),
        ("NO active replication connection, consider restarting cyrus ?".to_owned(), Told::Active(0)),
        ("4 bodies missing out of 9".to_owned(), Told::Other),
        ("NO Owner x@a.b(a_b) does not exist".to_owned(), Told::Refused(b"Owner x@a.b(a_b) does not exist")),
        ("Socket closed (active: 3) after 12ms.".to_owned(), Told::Other),
        ("Replication session authenticated as 'admin0@global.virt'.".to_owned(), Told::Authenticated),
        ("Failed to authenticate replication session.".to_owned(), Told::Trouble(Cause::Authentication)),
        ("Credentials extraction failed for replication session.".to_owned(), Told::Trouble(Cause::Authentication)),
        ("[a_b] noticed error, errorCount: 7".to_owned(), Told::Throttled),
        ("Adding a 1200ms delay to error-prone operation".to_owned(), Told::Throttled),
        ("[uid] Update with 3 record(s)".to_owned(), Told::Other),
        ("Skip ApplyMailbox on 'default' partition".to_owned(), Told::Trouble(Cause::DefaultPartition)),
        ("Rejecting unsupported APPLY command FOO".to_owned(), Told::Trouble(Cause::RejectedVerb)),
        ("Unknown verb: 'FOO' in 'FOO BAR'".to_owned(), Told::Trouble(Cause::RejectedVerb)),
        ("addMessage.create: full".to_owned(), Told::Trouble(Cause::MessageNotStored)),
        ("Merged token(s) in 1ms.".to_owned(), Told::Other),
    ] {
        let text = format!("{HEAD}{message}");
        let seen = line(text.as_bytes()).unwrap();
        assert_eq!((seen.at, seen.thread, &seen.told), (1_562_689_636, &b"vert.x-eventloop-thread-3"[..], &expected));
    }
}

#[test]
fn the_names_of_an_apply_are_found_wherever_they_stand() {
    let (name, partition) = ("example.org!user.john^doe", "bm-master__example_org");
    let both = (Some(name.to_owned()), Some(partition.to_owned()));
    assert_eq!(names(ARGUMENTS.replace("<mailbox>", name).as_bytes()), both);
    for arguments in [
        format!("%(PARTITION {partition} MBOXNAME {name})"),
        format!("%(RECORD (%(UID 1 MBOXNAME wrong) \")\" (a)) PARTITION {partition} MBOXNAME {name} X Y)"),
        format!(
            "%(ANNOTATIONS %(MBOXNAME wrong) ACL \"x MBOXNAME \\\" wrong\" MBOXNAME {name} PARTITION {partition} RECORD (%(UID"
        ),
        format!("%(MBOXNAME \"{name}\" PARTITION \"{partition}\")"),
    ] {
        assert_eq!(names(arguments.as_bytes()), both, "{arguments}");
    }
}

#[test]
fn odd_names_are_kept_as_they_are_and_half_ones_are_none() {
    let name = |arguments: &[u8]| names(arguments).0;
    for (arguments, expected) in [
        (&b"%(MBOXNAME \"a.b!user.x.Sent \\\"Items\\\" \\\\\" PARTITION p)"[..], Some("a.b!user.x.Sent \"Items\" \\")),
        (b"%(MBOXNAME a.b!user.x.caf\xe9 PARTITION p)", Some("a.b!user.x.caf\u{fffd}")),
        (b"%(MBOXNAME a.b!user.x.&AOk- PARTITION p)", Some("a.b!user.x.&AOk-")),
        (b"%(MBOXNAME \"\" PARTITION p)", Some("")),
        (b"%(UNIQUEID u MBOXNAME a.b!user.jo", None),
        (b"%(UNIQUEID u MBOXNAME \"a.b!user.jo", None),
        (b"%(UNIQUEID u MBOXNAME a.b!user.jo... [truncated]", None),
        (b"%(UNIQUEID u MBOXNAME (a.b!user.x) PARTITION p)", None),
        (b"%(UNIQUEID u", None),
        (b"(MBOXNAME a)", None),
        (b"", None),
    ] {
        assert_eq!(name(arguments).as_deref(), expected, "{}", String::from_utf8_lossy(arguments));
    }
}

#[test]
fn causes_are_told_by_the_message() {
    for (message, expected) in [
        ("Owner john@example.org(example_org) does not exist", Cause::OwnerUnknown),
        ("net.bluemind.X: domain example.com not found", Cause::DomainUnknown),
        ("datasource must not be null", Cause::NoDatasource),
        ("'a.b!x' does not match a known mailbox pattern", Cause::NameNotUnderstood),
        ("", Cause::OtherNo),
        ("Owner of nothing", Cause::OtherNo),
    ] {
        assert_eq!(Cause::of_no(message.as_bytes()), expected, "{message}");
    }
}

#[test]
fn what_has_another_layout_is_not_read() {
    for text in [
        "",
        "\tat net.bluemind.X.y(X.java:95)",
        "2019-07-09 16:27:16,720 INFO something",
        "2019-07-09 16:27:16,720 [thread] no message",
        "2019-07-09 16:27:16,720 [thread",
        "2019-13-09 16:27:16,720 [t] X INFO - 1 active replication connection(s)",
        "09/07/2019 16:27:16,720 [t] X INFO - 1 active replication connection(s)",
        "16:27:16.720 [t] INFO X - 1 active replication connection(s)",
        "{\"at\":\"2019-07-09 16:27:16\"} [t] X INFO - x",
    ] {
        assert_eq!(line(text.as_bytes()), None, "{text}");
    }
}

/// Nothing of a command but two names, whatever else it is made to look like.
#[test]
fn nothing_of_a_command_that_authenticates_is_handed_on() {
    for command in
        ["AUTHENTICATE PLAIN c2VjcmV0", "authenticate plain c2VjcmV0", "AUTHENTICATE MBOXNAME c2VjcmV0", "c2VjcmV0"]
    {
        let seen = told(&format!("REPL C: [frame-00000001]: {command}")).unwrap();
        assert_eq!(seen, "Command { frame: 1, apply: None }");
    }
    assert_eq!(told("Unknown verb: 'c2VjcmV0' in 'c2VjcmV0'").unwrap(), "Trouble(RejectedVerb)");
}

#[test]
fn no_line_makes_the_reader_panic() {
    let word = proptest::sample::select(
        &[
            "REPL ",
            "C: [frame-",
            "S: [frame-",
            "1",
            "]: ",
            "APPLY MAILBOX ",
            "%(",
            "(",
            ")",
            "MBOXNAME ",
            "PARTITION ",
            "\"",
            "\\",
            " ",
            "a.b!user.x",
            "OK",
            "NO ",
            " active replication connection",
            " [truncated]",
            "Adding a ",
            "\u{e9}",
        ][..],
    );
    let config = proptest::test_runner::Config { failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let messages = vec(word.prop_map(str::to_owned), 0..12).prop_map(|words| words.concat());
    let head = proptest::sample::select(&[HEAD, "2019-07-09 16:27:16,720 [t] X - ", ""][..]);
    runner
        .run(&(head, messages, vec(any::<u8>(), 0..9)), |(head, message, bytes)| {
            let text = [head.as_bytes(), message.as_bytes(), &bytes].concat();
            let _ = line(&text);
            Ok(())
        })
        .unwrap();
}

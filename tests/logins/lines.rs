//! Lines of the three logs, as their writers' sources have them.

use std::net::IpAddr;

use bm_preflight::format::login_log::{Core, Cyrus, Java, Ysnp, core, cyrus, ysnp};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::strategy::Strategy;

const AT: &str = "Nov 23 18:08:58 bm-master ";

/// A message of imapd, as a whole line, tells what is expected of it.
fn is_told(message: &str, expected: &Cyrus<'_>) {
    let line = format!("{AT}cyrus/imap[2912]: {message}");
    let (stamp, told) = cyrus(&line).unwrap();
    assert_eq!(&told, expected, "{line}");
    assert_eq!(stamp.is_some(), *expected != Cyrus::Other, "{line}");
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn logins_of_cyrus() {
    let id = "cyrus-2912-1574532538-1-1234567890123456789";
    for (message, login, address, session) in [
        (
            format!("login: mua.lan [10.0.0.7] john@bm.lan plaintext User logged in SESSIONID=<{id}>"),
            "john@bm.lan",
            ip("10.0.0.7"),
            Some(id),
        ),
        (
            format!("login: [10.0.0.7] admin0 PLAIN+TLS User logged in SESSIONID=<{id}>"),
            "admin0",
            ip("10.0.0.7"),
            Some(id),
        ),
        (
            format!("login: [::ffff:10.0.0.7] a b plaintext User logged in SESSIONID=<{id}>"),
            "a b",
            ip("10.0.0.7"),
            Some(id),
        ),
        (format!("login: h [fe80::1%eth0] u nopassword User logged in SESSIONID=<{id}>"), "u", ip("fe80::1"), Some(id)),
        ("login: h [10.0.0.7] u plaintext User logged in".to_owned(), "u", ip("10.0.0.7"), None),
        ("login: [UNIX socket] u plaintext User logged in".to_owned(), "u", None, None),
        ("login: h [10.0.0.7] anonymous s3cr3t plaintext User logged in".to_owned(), "anonymous", ip("10.0.0.7"), None),
    ] {
        is_told(&message, &Cyrus::Login { login, address, session });
    }
}

#[test]
fn what_clients_call_themselves() {
    // imapsync 1.678 to 2.290 tell the side.
    for (pairs, name, side) in [
        (r#" "name" "imapsync" "version" "1.945""#, Some("imapsync"), None),
        (r#" "name" "imapsync" "version" "1.983" "os" "linux" "side" "host2""#, Some("imapsync"), Some("host2")),
        (r#" "side" "host1" "name" "imapsync""#, Some("imapsync"), Some("host1")),
        (r#" "version" NIL "NAME" "Thunder bird" "side" NIL"#, Some("Thunder bird"), None),
        (r#" "vendor" "a" "name" NIL"#, None, None),
        (r#" "name" """#, None, None),
        (r#" "version" "1""#, None, None),
        ("", None, None),
    ] {
        let line = format!("client id sessionid=<cyrus-1-2-3-4>:{pairs}");
        let expected = name.map_or(Cyrus::Other, |name| Cyrus::ClientId { session: "cyrus-1-2-3-4", name, side });
        is_told(&line, &expected);
    }
}

#[test]
fn only_lines_of_imapd_count() {
    let login = "login: h [10.0.0.7] u plaintext User logged in SESSIONID=<x>";
    for ident in ["cyrus/imap[12]", "cyrus/imaps[12]", "imap[12]", "imapd", "cyrus/imap"] {
        let line = format!("{AT}{ident}: {login}");
        assert!(matches!(cyrus(&line), Some((Some(_), Cyrus::Login { login: "u", .. }))), "{line}");
    }
    for ident in ["cyrus/pop3[12]", "cyrus/lmtp[12]", "postfix/smtpd[12]", "dovecot", "my imap"] {
        assert_eq!(cyrus(&format!("{AT}{ident}: {login}")), None, "{ident}");
    }
    let refused = "cyrus/imap[12]: badlogin: h [10.0.0.7] plaintext admin0 SASL(-13): authentication failure";
    for other in ["cyrus/imap[12]: open: user admin0 opened INBOX", refused] {
        assert_eq!(cyrus(&format!("{AT}{other}")), Some((None, Cyrus::Other)));
        assert_eq!(cyrus(&format!("2019-11-23T18:08:58.1+01:00 h {other}")), Some((None, Cyrus::Other)));
    }
}

#[test]
fn stamps_of_syslog() {
    let second = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    let modified = second("2020-02-10T00:00:00Z");
    for (written, expected) in [
        ("Nov 23 18:08:58", Some("2019-11-23T17:08:58Z")),
        ("Feb  9 23:59:60", Some("2020-02-09T22:59:59Z")),
        ("Feb 10 20:00:00", Some("2020-02-10T19:00:00Z")),
        ("Feb 12 00:00:00", Some("2019-02-11T23:00:00Z")),
        ("Feb 29 00:00:00", Some("2016-02-28T23:00:00Z")),
        ("Feb 30 00:00:00", None),
        ("anF 10 00:00:00", None),
        ("2019-11-23T18:08:58.250+01:00", Some("2019-11-23T17:08:58Z")),
        ("2019-11-23T18:08:58Z", Some("2019-11-23T18:08:58Z")),
        ("2019-11-23T28:08:58Z", None),
    ] {
        let line = format!("{written} h imap[1]: login: [10.0.0.7] u plaintext User logged in");
        let (stamp, told) = cyrus(&line).unwrap();
        assert!(matches!(told, Cyrus::Login { .. }), "{line}");
        let at = stamp.and_then(|stamp| stamp.resolve(&zone, modified));
        assert_eq!(at, expected.map(second), "{written}");
    }
}

#[test]
fn lines_of_ysnp() {
    for (message, told) in [
        (
            "Attempting login: john service: imap realm: example.org",
            Ysnp::Attempt { login: "john", service: "imap", realm: "example.org" },
        ),
        (
            "Attempting login: admin0 service: imap realm: ",
            Ysnp::Attempt { login: "admin0", service: "imap", realm: "" },
        ),
        (
            "Attempting login: admin0 service: imap realm:",
            Ysnp::Attempt { login: "admin0", service: "imap", realm: "" },
        ),
        (
            "Access to service imap granted to admin0 with 'bm-core' validator in 3ms.",
            Ysnp::Granted { login: "admin0", service: "imap" },
        ),
        (
            "Access to imap granted from token cache for john@example.org",
            Ysnp::Cached { login: "john@example.org", service: "imap" },
        ),
        ("Access to smtp granted from pw cache for admin0@", Ysnp::Cached { login: "admin0", service: "smtp" }),
        ("all 2 validator(s) rejected john in 12ms.", Ysnp::Rejected { login: "john" }),
    ] {
        let line = format!("2019-10-14 12:00:01,123 [pool-1-thread-2] n.b.y.i.ValidationPolicy INFO - {message}");
        assert_eq!(ysnp(&line), Some(Java { at: Some(1_571_054_401), thread: "pool-1-thread-2", told }), "{line}");
    }
    assert_eq!(ysnp("2019-10-14 12:00:01,123 [t] V INFO - tokens CacheStats{}"), None);
    assert_eq!(ysnp("\tat java.lang.Thread.run(Thread.java:748) [na:1.8]"), None);
}

#[test]
fn lines_of_the_core() {
    let john = "john@example.org";
    for (message, told) in [
        (
            "[10.0.0.7][imap][john@example.org] will use cyrus backend 10.0.0.2 using login [john@example.org], done in 9ms.",
            Some(Core { login: john, address: ip("10.0.0.7") }),
        ),
        (
            "[10.0.0.7][pop3][john@example.org] will use cyrus backend 10.0.0.2 using login [john@example.org], done in 9ms.",
            None,
        ),
        ("[admin0] Denied auth from 10.0.0.7", None),
        ("Fail to validate token for admin0 from [127.0.0.1, 10.0.0.7]", None),
        ("found user admin0, domain global.virt for login admin0@global.virt", None),
    ] {
        let line = format!("2019-11-22 10:51:07,079 [vert.x-worker-thread-7] n.b.a.h.Nginx ERROR - {message}");
        assert_eq!(
            core(&line).map(|java| (java.at, java.told)),
            told.map(|told| (Some(1_574_419_867), told)),
            "{line}"
        );
    }
    let undated = "2019-13-22 10:51:07,079 [t] n.b.a.h.Nginx INFO - [10.0.0.7][imap][u] will use cyrus backend x";
    assert_eq!(core(undated).map(|java| java.at), Some(None));
}

/// Beginnings of lines, and what may stand behind them.
const BEGINNINGS: [&str; 4] =
    ["", "Nov 23 18:08:58 h cyrus/imap[1]: ", "2019-11-23T18:08:58Z h imap: ", "2019-10-14 12:00:01,123 [t] L INFO - "];
const WORDS: &str = "login: |badlogin: |client id sessionid=<x>:|message repeated 2 times: [ |anonymous |h [10.0.0.7] |plaintext \
    |(|) [| SASL(| User logged in| \"name\" |\"|NIL|]|[| |Attempting login: | service: | realm:|all | validator(s) rejected \
    | in |Access to |service | granted to | with '|][imap][|] will use cyrus backend |] Denied auth from \
    |Fail to validate token for admin0 from |\u{e9}|\0";

/// Lines that are nearly right.
fn nearly() -> impl Strategy<Value = String> {
    let begin = proptest::sample::select(BEGINNINGS.as_slice());
    let word = proptest::sample::select(WORDS.split('|').collect::<Vec<_>>());
    (begin, proptest::collection::vec(word, 0..12)).prop_map(|(begin, words)| begin.to_owned() + &words.concat())
}

proptest::proptest! {
    #[test]
    fn never_panics(nearly in nearly(), text: String, modified: i64) {
        for line in [nearly.clone(), text, format!("Nov 23 18:08:58 h imap: {nearly}"), nearly.replace("18", "\u{e9}")] {
            if let Some((Some(stamp), _)) = cyrus(&line) {
                let _ = stamp.resolve(&TimeZone::UTC, modified);
            }
            let _ = (ysnp(&line), core(&line));
        }
    }
}

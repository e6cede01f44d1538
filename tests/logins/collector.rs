//! What the collector makes of a server's logs, through the command line.

use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bare_server::{Server, gzip};

impl Server {
    /// With logs of ysnp and of the core that tell nothing.
    fn with_silent_services() -> Self {
        let server = Self::new();
        server.write("var/log/bm-ysnp/ysnp.log", b"");
        server.write("var/log/bm/core.log", b"");
        server
    }

    /// A log, written for the last time at `modified`.
    fn log(&self, path: &str, modified: &str, content: &[u8]) {
        let file = self.write(path, content);
        let at = Duration::from_secs(second(modified).try_into().unwrap());
        std::fs::File::open(file).unwrap().set_modified(SystemTime::UNIX_EPOCH + at).unwrap();
    }

    /// Each trace as source, login, address, client and how often.
    fn traces(&self) -> Vec<Value> {
        self.lists(
            "SELECT json_array(source, login, client_address, client_id, logins) AS row
             FROM login_trace WHERE server_uid = 'bm-master' ORDER BY source, login, client_address, client_id",
        )
    }
}

fn second(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// A zone file (RFC 8536) that has a rule and nothing else.
fn zone_file(rule: &str) -> Vec<u8> {
    let mut block = b"TZif2".to_vec();
    block.extend([0; 15]);
    for count in [0_u32, 0, 0, 0, 1, 4] {
        block.extend(count.to_be_bytes());
    }
    block.extend([0, 0, 0x0e, 0x10, 0, 0]);
    block.extend(b"CET\0");
    [&block[..], &block[..], b"\n", rule.as_bytes(), b"\n"].concat()
}

const LOGIN: &str =
    "Nov 23 18:08:58 bm cyrus/imap[7]: login: h [10.0.0.7] admin0 plaintext User logged in SESSIONID=<s-1>\n";

/// A backend in Paris that is the core, too: each log, rotated and not, with logins of a winter, a new year and a summer.
fn busy_server() -> Server {
    let server = Server::new();
    server.write("etc/localtime", &zone_file("CET-1CEST,M3.5.0,M10.5.0/3"));
    let oldest = "Dec 31 23:59:58 bm cyrus/imap[7]: login: mua [10.0.0.7] admin0 plaintext User logged in SESSIONID=<s-1>\n\
                  Dec 31 23:59:59 bm cyrus/lmtp[7]: login: mua [10.0.0.8] admin0 plaintext User logged in SESSIONID=<s-2>\n";
    server.log("var/log/mail.log.2.gz", "2020-01-01T00:10:00Z", &gzip(oldest.as_bytes()));
    let middle = "Jan  1 00:00:00 bm cyrus/imap[7]: client id sessionid=<s-1>: \"name\" \"imapsync\" \"version\" \"1.945\"\n\
                  Jan  1 09:00:00 bm cyrus/imap[8]: client id sessionid=<s-3>: \"name\" \"Thunderbird\"\n\
                  Jan  1 09:00:01 bm cyrus/imap[8]: login: [10.0.0.9] john@bm.lan PLAIN+TLS User logged in SESSIONID=<s-3>\n\
                  Jan  1 09:00:02 bm cyrus/imap[9]: badlogin: [10.0.0.9] plaintext john@bm.lan SASL(-13): authentication failure\n";
    server.log("var/log/mail.log.1", "2020-01-02T00:00:00Z", middle.as_bytes());
    let newest = "Jul  1 12:00:00 bm cyrus/imap[9]: login: [10.0.0.9] jane@bm.lan PLAIN+TLS User logged in SESSIONID=<s-5>\n\
                  2020-07-01T10:00:09+00:00 bm cyrus/imap[9]: login: mua [10.0.0.7] admin0 plaintext User logged in SESSIONID=<s-4>\n";
    server.log("var/log/mail.log", "2020-07-02T00:00:00Z", newest.as_bytes());
    // What syslog holds as well is counted once.
    server.log("var/log/syslog", "2020-07-02T00:00:00Z", newest.as_bytes());
    let ysnp = "2020-01-01 08:00:01,123 [t] n.b.y.i.SaslauthdProtocol INFO - Attempting login: john service: imap realm: bm.lan\n\
                2020-01-01 08:00:01,126 [t] n.b.y.i.ValidationPolicy INFO - Access to service imap granted to john with 'bm-core' validator in 3ms.\n";
    server.write("var/log/bm-ysnp/ysnp.log.1.gz", &gzip(ysnp.as_bytes()));
    let core = "2020-01-01 08:00:01,124 [w] n.b.a.h.Nginx INFO - [192.0.2.1][imap][john@bm.lan] will use cyrus backend 10.0.0.2 using login [john@bm.lan], done in 9ms.\n\
                2020-01-01 08:00:01,125 [w] n.b.a.p.TokenAuthProvider ERROR - Fail to validate token for admin0 from [192.0.2.1]\n\
                2020-01-01 08:00:01,126 [w] n.b.a.h.Nginx ERROR - [admin0] Denied auth from 192.0.2.1\n";
    server.write("var/log/bm/core.log", core.as_bytes());
    server
}

#[test]
fn the_logs_of_a_server_are_counted_by_who_and_from_where() {
    let server = busy_server();
    server.collect(&[]);
    assert_eq!(server.coverage("login_trace"), ("complete".to_owned(), String::new()));
    assert_eq!(
        server.traces(),
        [
            json!(["core", "john@bm.lan", "192.0.2.1", null, 1]),
            json!(["cyrus", "admin0", "10.0.0.7", null, 1]),
            json!(["cyrus", "admin0", "10.0.0.7", "imapsync", 1]),
            json!(["cyrus", "jane@bm.lan", "10.0.0.9", null, 1]),
            json!(["cyrus", "john@bm.lan", "10.0.0.9", "Thunderbird", 1]),
            json!(["ysnp", "john@bm.lan", null, null, 1]),
        ]
    );
}

#[test]
fn each_trace_has_its_time() {
    let server = busy_server();
    server.collect(&[]);
    let times = |condition: &str| {
        let rows = server.ask(&format!("SELECT first_at, last_at FROM login_trace WHERE {condition}"));
        (rows[0]["first_at"].as_i64().unwrap(), rows[0]["last_at"].as_i64().unwrap())
    };
    for (condition, at) in [
        ("client_id = 'imapsync'", "2019-12-31T22:59:58Z"),
        ("client_id = 'Thunderbird'", "2020-01-01T08:00:01Z"),
        ("source = 'cyrus' AND login = 'jane@bm.lan'", "2020-07-01T10:00:00Z"),
        ("source = 'cyrus' AND login = 'admin0' AND client_id IS NULL", "2020-07-01T10:00:09Z"),
        ("source = 'ysnp'", "2020-01-01T08:00:01Z"),
    ] {
        assert_eq!(times(condition), (second(at), second(at)), "{condition}");
    }
}

#[test]
fn a_server_without_any_log_is_unknown() {
    let server = Server::new();
    server.collect(&[]);
    let (completeness, reason) = server.coverage("login_trace");
    assert_eq!(completeness, "absent");
    for part in
        ["var/log: No such file", "no line of Cyrus' imapd", "var/log/bm-ysnp: No such file", "var/log/bm: No such"]
    {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(reason.matches("var/log: No such").count(), 1, "{reason}");
}

#[test]
fn a_time_zone_behind_a_link_that_leads_nowhere_is_not_taken_for_utc() {
    let server = Server::with_silent_services();
    server.write("var/log/mail.log", LOGIN.as_bytes());
    std::os::unix::fs::symlink("/usr/share/zoneinfo/Europe/Paris", server.path("etc/localtime")).unwrap();
    server.collect(&[]);
    let (completeness, reason) = server.coverage("login_trace");
    assert_eq!((completeness.as_str(), server.traces().len()), ("partial", 1));
    assert!(reason.contains("etc/localtime: it leads to /usr/share/zoneinfo/Europe/Paris, which is not"), "{reason}");
}

#[test]
fn a_time_zone_that_was_lost_is_not_taken_for_utc() {
    for (name, completeness) in [("Europe/Paris\n", "partial"), ("Etc/UTC\n", "complete"), ("", "complete")] {
        let server = Server::with_silent_services();
        server.write("var/log/mail.log", LOGIN.as_bytes());
        server.write("etc/timezone", name.as_bytes());
        server.collect(&[]);
        let (told, reason) = server.coverage("login_trace");
        assert_eq!((told.as_str(), server.traces().len()), (completeness, 1), "{name}: {reason}");
        assert_eq!(reason.contains("etc/localtime: No such file"), completeness == "partial", "{reason}");
    }
}

/// A file of a log that is not read, or holds nothing that could be, tells of no login.
#[test]
fn logs_that_tell_nothing_are_named() {
    for (path, content, part) in [
        ("var/log/mail.log.2.lzma", &b"]"[..], "files compressed as .lzma are not read"),
        ("var/log/mail-20191123.log.xz", b"7zXZ", "files compressed as .xz are not read"),
        ("var/log/mail.log-2019W47.bz2", b"BZ", "files compressed as .bz2 are not read"),
        ("var/log/mail.log.1", &[0; 9000], "it holds zeros where lines should be"),
        ("var/log/bm/core.log", &[0; 9000], "it holds zeros where lines should be"),
    ] {
        let server = Server::with_silent_services();
        server.write("var/log/mail.log", LOGIN.as_bytes());
        server.collect(&[]);
        assert_eq!(server.coverage("login_trace"), ("complete".to_owned(), String::new()));
        server.write(path, content);
        server.collect(&[]);
        let (completeness, reason) = server.coverage("login_trace");
        assert_eq!(completeness, "partial", "{path}");
        assert!(reason.contains(path) && reason.contains(part), "{reason}");
    }
    // Those of another name are read.
    let server = Server::with_silent_services();
    for path in ["var/log/mail.log", "var/log/mail-20191123.log", "var/log/mail.log-2019W47"] {
        server.write(path, LOGIN.as_bytes());
    }
    server.collect(&[]);
    assert_eq!(server.traces(), [json!(["cyrus", "admin0", "10.0.0.7", null, 3])]);
}

#[test]
fn a_log_that_nobody_understands_is_not_one_without_logins() {
    for (path, healthy) in [("var/log/bm/core.log", false), ("var/log/bm-ysnp/ysnp.log", false), ("", true)] {
        let server = Server::with_silent_services();
        server.write("var/log/syslog", LOGIN.as_bytes());
        // Lines that tell of no login are understood all the same.
        server.write("var/log/bm/core.log", b"2019-11-01 09:20:00,100 [main] Core INFO - started\n\tat some.Class\n");
        if !healthy {
            server.write(path, b"INFO started at 09:20\nINFO login of admin0\n");
        }
        server.collect(&[]);
        let (completeness, reason) = server.coverage("login_trace");
        assert_eq!(completeness, if healthy { "complete" } else { "partial" }, "{path}: {reason}");
        assert!(
            healthy || reason.contains(&format!("{path}: its lines are not those of BlueMind's layout")),
            "{reason}"
        );
    }
}

#[test]
fn a_log_that_is_missing_is_named_and_the_others_are_kept() {
    let server = Server::new();
    server.write("var/log/mail.log", b"Nov 23 18:08:58 bm postfix/smtpd[7]: connect from unknown\n");
    server.write("var/log/syslog", LOGIN.as_bytes());
    server.write("var/log/bm/other.log", b"");
    server.collect(&[]);
    assert_eq!(server.traces(), [json!(["cyrus", "admin0", "10.0.0.7", null, 1])]);
    let (completeness, reason) = server.coverage("login_trace");
    assert_eq!(completeness, "partial");
    for part in ["bm-ysnp: No such file", "var/log/bm/core.log: no such log"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(!reason.contains("imapd"), "{reason}");

    let core = Server::with_silent_services();
    core.write("var/log/mail.log", b"Nov 23 18:08:58 bm postfix/smtpd[7]: connect from unknown\n");
    core.collect(&[]);
    assert_eq!(core.traces(), [Value::Null; 0]);
    let (completeness, reason) = core.coverage("login_trace");
    assert_eq!(completeness, "partial");
    assert!(reason.contains("no line of Cyrus' imapd in ") && !reason.contains("ysnp"), "{reason}");
}

/// Nobody has used it yet: its logs cannot tell of an import that left no message.
#[test]
fn a_cyrus_without_any_message_needs_no_line_in_the_logs() {
    let server = Server::with_silent_services();
    server.write(
        "etc/imapd.conf",
        b"configdirectory: /var/lib/cyrus\npartition-p: /srv/data\narchivepartition-p: /srv/archive\n",
    );
    server.write("var/log/mail.log", b"Nov 23 18:08:58 bm postfix/smtpd[7]: connect from unknown\n");
    let ends = |server: &Server| {
        server.collect(&[]);
        server.coverage("login_trace").0
    };
    assert_eq!(ends(&server), "partial", "a partition that is not there may hold anything");
    server.write("srv/data/domain/e/example.org/j/user/jdoe/cyrus.header", b"");
    assert_eq!(ends(&server), "complete");
    server.write("srv/archive/domain/e/example.org/j/user/jdoe/1.", b"mail");
    assert_eq!(ends(&server), "partial");
    std::fs::remove_dir_all(server.path("srv/archive")).unwrap();
    std::os::unix::fs::symlink("/elsewhere", server.path("srv/data/domain/link")).unwrap();
    assert_eq!(ends(&server), "partial", "a link may lead to mail");
}

#[test]
fn what_a_damaged_log_still_tells_is_kept() {
    let server = Server::with_silent_services();
    let text: String = (0..50_000).map(|n| LOGIN.replace("s-1", &format!("cyrus-{}-{n}", n * 7919))).collect();
    let whole = gzip(text.as_bytes());
    server.write("var/log/mail.log.2.gz", &whole[..whole.len() / 2]);
    server.write("var/log/mail.log", LOGIN.as_bytes());
    server.collect(&[]);
    let (completeness, reason) = server.coverage("login_trace");
    assert_eq!(completeness, "partial");
    assert!(reason.contains("mail.log.2.gz: the compressed file ends early, after "), "{reason}");
    let logins = server.traces()[0][4].as_u64().unwrap();
    assert!((10_000..50_000).contains(&logins), "{logins}");
}

#[test]
fn no_secret_of_a_log_becomes_a_fact() {
    let server = Server::with_silent_services();
    let cyrus = "Nov 23 18:08:58 bm imap[7]: login: h [10.0.0.7] u plaintext User logged in SESSIONID=<s3cr3t-session>\n\
                 Nov 23 18:08:58 bm imap[7]: login: h [10.0.0.7] anonymous s3cr3t-anonymous\n\
                 Nov 23 18:08:58 bm imap[7]: client id sessionid=<s3cr3t-session>: \"name\" \"mua\" \"token\" \"s3cr3t-field\"\n\
                 Nov 23 18:08:58 bm imap[7]: badlogin: h [10.0.0.7] plaintext u SASL(-13): s3cr3t-detail\n";
    server.write("var/log/mail.log", cyrus.as_bytes());
    server.write("var/log/bm/core.log", b"2020-01-01 08:00:01,124 [w] X INFO - sid s3cr3t-sid\n");
    server.collect(&[]);
    assert_eq!(server.traces().len(), 2, "{:?}", server.traces());
    let facts = std::fs::read(server.facts()).unwrap();
    assert!(!facts.windows(6).any(|window| window == b"s3cr3t"));
}

#[test]
fn a_log_without_end_does_not_hold_the_run() {
    let server = Server::with_silent_services();
    let log = server.write("var/log/mail.log", LOGIN.as_bytes());
    std::fs::OpenOptions::new().write(true).open(log).unwrap().set_len(1 << 42).unwrap();
    let begun = Instant::now();
    server.collect(&["--timeout", "700ms"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let (completeness, reason) = server.coverage("login_trace");
    assert_eq!(completeness, "absent");
    assert!(reason.contains("time budget"), "{reason}");
}

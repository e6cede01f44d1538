#![no_main]

use bm_preflight_fuzz::format::login_log::{Core, Cyrus, Stamp, Ysnp, core, cyrus, ysnp};
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

const SYSLOG: &str = "Nov 23 18:08:58 mail cyrus/imap[1]: ";
const JAVA: &str = "2019-07-09 16:27:16,720 [t] X INFO - ";
const A_DAY: i64 = 24 * 60 * 60;

fn read(line: &str, modified: i64) {
    if let Some((Some(stamp), _)) = cyrus(line)
        && let (Stamp::Yearless { .. }, Some(at)) = (stamp, stamp.resolve(&TimeZone::UTC, modified))
    {
        assert!(at <= modified.saturating_add(A_DAY), "{stamp:?} is later than its file");
    }
    let _ = (ysnp(line), core(line));
}

fn told_by_cyrus(message: &str) -> Cyrus<'_> {
    match message.strip_prefix(SYSLOG).and_then(|_| cyrus(message)) {
        Some((Some(_), told)) => told,
        other => panic!("{other:?}"),
    }
}

/// Whoever logs in is found under the name that he chose, whatever he chose.
fn found(login: &str) {
    let line = format!("{SYSLOG}login: host [192.0.2.1] {login} plaintext+TLS User logged in SESSIONID=<s>");
    if !login.is_empty() && !login.starts_with("anonymous") {
        let Cyrus::Login { login: seen, address, session } = told_by_cyrus(&line) else { panic!("{line}") };
        assert_eq!((seen, address.is_some(), session), (login, true, Some("s")));
    }
    let line = format!("{JAVA}Attempting login: {login} service: imap realm: example.org");
    let attempt = Ysnp::Attempt { login, service: "imap", realm: "example.org" };
    assert_eq!(ysnp(&line).map(|line| line.told), Some(attempt));
    if !login.contains("] will use cyrus backend ") && !login.contains("][imap][") {
        let line =
            format!("{JAVA}[192.0.2.1][imap][{login}] will use cyrus backend mail using login [{login}], done in 9ms.");
        let Some(Core { login: seen, address: Some(_) }) = core(&line).map(|line| line.told) else { panic!("{line}") };
        assert_eq!(seen, login);
    }
}

fuzz_target!(|data: (&str, i64)| {
    let (text, modified) = data;
    read(text, modified);
    for start in
        [SYSLOG, JAVA, "Nov 23 18:08:58 mail imap: login: ", "Nov 23 18:08:58 mail imap: client id sessionid=<s>: "]
    {
        read(&format!("{start}{text}"), modified);
    }
    found(text);
});

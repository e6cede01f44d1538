//! Lines that tell of IMAP logins, in the three logs that have them:
//!
//! * syslog's mail log, written by Cyrus' imapd (imap/imapd.c of Cyrus 3.0: `cmd_login`, `cmd_authenticate`, `cmd_id`;
//!   of 3.6 where it differs);
//! * ysnp.log, BlueMind's saslauthd (net.bluemind.ysnp.impl: `SaslauthdProtocol`, `ValidationPolicy`);
//! * core.log, where nginx asks for each login (net.bluemind.authentication.handler: `Nginx`).
//!
//! BlueMind's own build of Cyrus is not public: that it writes what Cyrus writes is inferred. What clients type is in
//! these lines: a text that is made to look like another line cannot be told from it.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// When a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Seconds since the epoch, UTC.
    Exact(i64),
    /// Traditional syslog, `Nov 23 18:08:58`: in the server's time zone, without year.
    Yearless {
        /// Month, 1 to 12.
        month: i8,
        /// Day of the month.
        day: i8,
        /// Time of the day.
        time: Time,
    },
}

impl Stamp {
    /// Seconds since the epoch, UTC. `zone` is the server's; `modified` is when the file was last written, in seconds
    /// since the epoch: the year is the last one in which the line is not later than that. `None`: no such day.
    pub fn resolve(self, zone: &TimeZone, modified: i64) -> Option<i64> {
        /// A copy of a file, or a clock that was set back, may put a line a little later than its file.
        const SLACK: i64 = 24 * 60 * 60;
        /// From one 29 February to the one before, at most.
        const YEARS: i16 = 8;
        let (month, day, time) = match self {
            Self::Exact(second) => return Some(second),
            Self::Yearless { month, day, time } => (month, day, time),
        };
        let last = Timestamp::from_second(modified.saturating_add(SLACK)).ok()?;
        let year = zone.to_datetime(last).year();
        (0..=YEARS).find_map(|back| {
            let date = Date::new(year - back, month, day).ok()?;
            let at = zone.to_timestamp(date.to_datetime(time)).ok()?;
            (at <= last).then(|| at.as_second())
        })
    }
}

/// A line of Cyrus' imapd in syslog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cyrus<'a> {
    /// `login: <host> [<ip>] <user> <mechanism>[+TLS] User logged in SESSIONID=<…>`. With SASL proxying the user is the
    /// one that is acted for.
    Login {
        /// Login.
        login: &'a str,
        /// Address of the client.
        address: Option<IpAddr>,
        /// Cyrus' name of the connection.
        session: Option<&'a str>,
    },
    /// `client id sessionid=<…>: "name" "imapsync" …`: what a client said of itself with the command ID, before or after
    /// it logged in.
    ClientId {
        /// Cyrus' name of the connection.
        session: &'a str,
        /// Value of `name`.
        name: &'a str,
        /// Value of `side`: imapsync tells whether it reads there (`host1`) or writes (`host2`).
        side: Option<&'a str>,
    },
    /// Any other line.
    Other,
}

/// Reads a line of syslog; `None` when imapd did not write it. The stamp is `None` where it cannot be read.
pub fn cyrus(line: &str) -> Option<(Option<Stamp>, Cyrus<'_>)> {
    let (stamp, rest) = match line.as_bytes() {
        [_, _, _, b' ', _, _, b' ', _, _, b':', _, _, b':', ..] => {
            (line.get(..15)?, line.get(15..)?.strip_prefix(' ')?)
        }
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T', ..] => line.split_once(' ')?,
        _ => return None,
    };
    let (_host, rest) = rest.split_once(' ')?;
    let (ident, message) = rest.split_once(": ")?;
    let program = ident.split('[').next()?.rsplit('/').next()?;
    if !program.starts_with("imap") || program.contains(' ') {
        return None;
    }
    Some(match cyrus_message(message) {
        Some(told) => (syslog_stamp(stamp), told),
        None => (None, Cyrus::Other),
    })
}

fn cyrus_message(message: &str) -> Option<Cyrus<'_>> {
    if let Some(rest) = message.strip_prefix("login: ") {
        return login(rest);
    }
    let (session, pairs) = message.strip_prefix("client id sessionid=<")?.split_once(">:")?;
    Some(Cyrus::ClientId { session, name: id_value(pairs, "name")?, side: id_value(pairs, "side") })
}

fn login(rest: &str) -> Option<Cyrus<'_>> {
    let (address, rest) = client(rest)?;
    // The rest of this line is what the anonymous client gave for a password.
    if rest.starts_with("anonymous ") {
        return Some(Cyrus::Login { login: "anonymous", address, session: None });
    }
    let (who, ended) = rest.rsplit_once(" User logged in")?;
    let (login, _mechanism) = who.rsplit_once(' ')?;
    let session = ended.trim().strip_prefix("SESSIONID=<").and_then(|id| id.strip_suffix('>'));
    (!login.is_empty()).then_some(Cyrus::Login { login, address, session })
}

/// The client's address, and what follows: `get_clienthost` of Cyrus writes `<host> [<ip>]`, or `[<ip>]` alone.
fn client(rest: &str) -> Option<(Option<IpAddr>, &str)> {
    let (host, rest) = rest.split_once('[')?;
    if host.trim_end().contains(' ') {
        return None;
    }
    let (written, rest) = rest.split_once("] ")?;
    Some((address(written), rest))
}

fn address(written: &str) -> Option<IpAddr> {
    let written = written.trim().trim_start_matches('/');
    Some(written.split('%').next()?.parse::<IpAddr>().ok()?.to_canonical())
}

/// The value of a key among ` "key" "value"` and ` "key" NIL` pairs.
fn id_value<'a>(mut pairs: &'a str, wanted: &str) -> Option<&'a str> {
    loop {
        let (key, rest) = pairs.trim_start().strip_prefix('"')?.split_once("\" ")?;
        let (value, next) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once("\" ").or_else(|| Some((quoted.strip_suffix('"')?, "")))?,
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        if key.eq_ignore_ascii_case(wanted) {
            return Some(value).filter(|value| !value.is_empty() && rest.starts_with('"'));
        }
        pairs = next;
    }
}

fn syslog_stamp(text: &str) -> Option<Stamp> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if text.len() != 15 {
        return Some(Stamp::Exact(text.parse::<Timestamp>().ok()?.as_second()));
    }
    let month = MONTHS.find(text.get(..3)?).filter(|at| at % 3 == 0)? / 3 + 1;
    let day = text.get(4..6)?.trim_start().parse().ok()?;
    Some(Stamp::Yearless { month: i8::try_from(month).ok()?, day, time: time_of_day(text.get(7..)?)? })
}

/// `18:08:58`; the first letters count.
fn time_of_day(text: &str) -> Option<Time> {
    let part = |from: usize| text.get(from..from + 2)?.parse::<i8>().ok();
    // A leap second is the second before it.
    Time::new(part(0)?, part(3)?, part(6)?.min(59), 0).ok()
}

/// A line of a BlueMind service, `%d [%thread] %c{1} %p - %m` (packaging/*/logback.xml). Its time is GMT: so the packaged
/// services run until 4.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Java<'a, T> {
    /// Seconds since the epoch, UTC; `None` where it cannot be read.
    pub at: Option<i64>,
    /// Thread that wrote it.
    pub thread: &'a str,
    /// What it tells.
    pub told: T,
}

fn java<'a, T>(line: &'a str, told: impl Fn(&'a str) -> Option<T>) -> Option<Java<'a, T>> {
    let (date, rest) = line.split_once(" [")?;
    let (thread, rest) = rest.split_once("] ")?;
    let (_logger_and_level, message) = rest.split_once(" - ")?;
    Some(Java { told: told(message)?, at: java_stamp(date), thread })
}

/// Whether a line of a log of BlueMind's Java services begins as their layout has it, whatever it tells.
pub fn is_java(line: &str) -> bool {
    line.split_once(" [").is_some_and(|(date, _)| java_stamp(date).is_some())
}

/// `2019-07-09 16:27:16,720`, taken to be in GMT, in seconds since the epoch; the first 19 letters count.
pub(super) fn java_stamp(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let part = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    let date = Date::new(number(0, 4)?, part(5)?, part(8)?).ok()?;
    let at = DateTime::from_parts(date, time_of_day(text.get(11..)?)?);
    Some(TimeZone::UTC.to_timestamp(at).ok()?.as_second())
}

/// A line of ysnp.log. An attempt and its outcome are written by the same thread, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ysnp<'a> {
    /// `Attempting login: <login> service: <service> realm: <realm>`.
    Attempt {
        /// Login without realm.
        login: &'a str,
        /// Who asks: `imap` for Cyrus' imapd.
        service: &'a str,
        /// Domain; empty for admin0.
        realm: &'a str,
    },
    /// `Access to service <service> granted to <login> with '<validator>' validator in <n>ms.`
    Granted {
        /// Login without realm.
        login: &'a str,
        /// Who asks.
        service: &'a str,
    },
    /// `Access to <service> granted from token cache for <login>@<realm>`; newer: `from pw cache`.
    Cached {
        /// Login with realm; `admin0` stands without `@`.
        login: &'a str,
        /// Who asks.
        service: &'a str,
    },
    /// `all <n> validator(s) rejected <login> in <n>ms.`
    Rejected {
        /// Login without realm.
        login: &'a str,
    },
}

/// Reads a line of ysnp.log; `None` when it tells nothing of a login.
pub fn ysnp(line: &str) -> Option<Java<'_, Ysnp<'_>>> {
    java(line, ysnp_message)
}

fn ysnp_message(message: &str) -> Option<Ysnp<'_>> {
    if let Some(rest) = message.strip_prefix("Attempting login: ") {
        let (rest, realm) = rest.rsplit_once(" realm: ").or_else(|| Some((rest.strip_suffix(" realm:")?, "")))?;
        let (login, service) = rest.rsplit_once(" service: ")?;
        return Some(Ysnp::Attempt { login, service, realm: realm.trim_end() });
    }
    if let Some(rest) = message.strip_prefix("all ") {
        let (_count, rest) = rest.split_once(" validator(s) rejected ")?;
        return Some(Ysnp::Rejected { login: rest.rsplit_once(" in ")?.0 });
    }
    let rest = message.strip_prefix("Access to ")?;
    if let Some((service, login)) = rest.split_once(" cache for ") {
        let service =
            service.strip_suffix(" granted from token").or_else(|| service.strip_suffix(" granted from pw"))?;
        return Some(Ysnp::Cached { login: login.strip_suffix('@').unwrap_or(login), service });
    }
    let (service, rest) = rest.strip_prefix("service ")?.split_once(" granted to ")?;
    Some(Ysnp::Granted { login: rest.rsplit_once(" with '")?.0, service })
}

/// A line of core.log that tells of an IMAP login: `[<ip>][imap][<login>] will use cyrus backend <server> using login
/// [<login>], done in <n>ms.`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Core<'a> {
    /// Login as nginx asked for it, the default domain added.
    pub login: &'a str,
    /// Address of nginx's client.
    pub address: Option<IpAddr>,
}

/// Reads a line of core.log; `None` when it tells nothing of an IMAP login.
pub fn core(line: &str) -> Option<Java<'_, Core<'_>>> {
    java(line, core_message)
}

fn core_message(message: &str) -> Option<Core<'_>> {
    let (who, _) = message.strip_prefix('[')?.split_once("] will use cyrus backend ")?;
    let (ip, login) = who.split_once("][imap][")?;
    Some(Core { login, address: address(ip) })
}

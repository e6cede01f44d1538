//! Traces of logins as they come, counted by who, from where and with what, in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{LoginTrace, Source};
use crate::format::login_log::{self, Cyrus, Ysnp};
use crate::model::reason::Server;

/// Longest login or name of a program that is kept, in bytes.
const MAX_TEXT: usize = 255;
/// Connections of Cyrus that are remembered twice over, for a login and an ID to find each other.
const SESSIONS: usize = 16_384;
/// Threads of ysnp whose last attempt is remembered.
const THREADS: usize = 4_096;

/// A row's identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Trace {
    source: Source,
    login: String,
    address: Option<IpAddr>,
    client: Option<Client>,
}

/// What a client said of itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Client {
    name: String,
    side: Option<String>,
}

impl Trace {
    fn new(source: Source, login: &str, address: Option<IpAddr>) -> Self {
        Self { source, login: bounded(login), address, client: None }
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// What a row counts.
#[derive(Debug, Default)]
struct Count {
    logins: u64,
    first_at: Option<i64>,
    last_at: Option<i64>,
}

/// Every trace so far, aggregated and bounded.
pub(super) struct Traces {
    counts: HashMap<Trace, Count>,
    max_rows: usize,
    /// Logins that count nowhere for want of room.
    dropped: u64,
}

impl Traces {
    /// None yet, and at most `max_rows` of them.
    pub(super) fn new(max_rows: usize) -> Self {
        Self { counts: HashMap::new(), max_rows, dropped: 0 }
    }

    /// What is left out for want of room, if anything is.
    pub(super) fn left_out(&self) -> Option<Server> {
        let left_out = Server::LoginsLeftOut { logins: self.dropped, rows: self.counts.len() };
        (self.dropped > 0).then_some(left_out)
    }

    fn add(&mut self, trace: Trace, at: Option<i64>) {
        if self.counts.len() >= self.max_rows && !self.counts.contains_key(&trace) {
            self.dropped += 1;
            return;
        }
        let count = self.counts.entry(trace).or_default();
        count.logins += 1;
        if at.is_some() {
            count.first_at = count.first_at.min(at).or(at);
            count.last_at = count.last_at.max(at);
        }
    }

    /// The rows, sorted.
    pub(super) fn into_rows(self) -> Vec<LoginTrace> {
        let row = |(trace, count): (Trace, Count)| LoginTrace {
            source: trace.source,
            login: trace.login,
            client_address: trace.address,
            client_side: trace.client.as_ref().and_then(|client| client.side.clone()),
            client_id: trace.client.map(|client| client.name),
            logins: count.logins,
            first_at: count.first_at,
            last_at: count.last_at,
        };
        let mut rows: Vec<_> = self.counts.into_iter().map(row).collect();
        rows.sort();
        rows
    }
}

/// Joins Cyrus' logins and what clients call themselves: either comes first, on the same connection. A login waits for
/// its ID until many others have come.
#[derive(Default)]
pub(super) struct Sessions {
    recent: HashMap<String, Half>,
    older: HashMap<String, Half>,
}

/// The half of a connection that was seen.
enum Half {
    Login(Trace, Option<i64>),
    Client(Client),
}

impl Sessions {
    /// Takes a line; `at` is only asked for where it matters.
    pub(super) fn take(&mut self, told: Cyrus<'_>, at: impl FnOnce() -> Option<i64>, traces: &mut Traces) {
        match told {
            Cyrus::Other => {}
            Cyrus::Login { login, address, session } => {
                let trace = Trace::new(Source::Cyrus, login, address);
                match session {
                    Some(session) => self.join(session, Half::Login(trace, at()), traces),
                    None => traces.add(trace, at()),
                }
            }
            Cyrus::ClientId { session, name, side } => {
                let client = Client { name: bounded(name), side: side.map(bounded) };
                self.join(session, Half::Client(client), traces);
            }
        }
    }

    fn join(&mut self, session: &str, half: Half, traces: &mut Traces) {
        let session = bounded(session);
        let other = self.recent.remove(&session).or_else(|| self.older.remove(&session));
        match (other, half) {
            (Some(Half::Client(client)), Half::Login(trace, at))
            | (Some(Half::Login(trace, at)), Half::Client(client)) => {
                traces.add(Trace { client: Some(client), ..trace }, at);
            }
            (Some(Half::Login(trace, at)), again @ Half::Login(..)) => {
                traces.add(trace, at);
                self.remember(session, again, traces);
            }
            // A client that presents itself again is who it was first.
            (Some(first @ Half::Client(_)), Half::Client(_)) => self.remember(session, first, traces),
            (None, half) => self.remember(session, half, traces),
        }
    }

    fn remember(&mut self, session: String, half: Half, traces: &mut Traces) {
        if self.recent.len() >= SESSIONS {
            let older = std::mem::replace(&mut self.older, std::mem::take(&mut self.recent));
            Self::settle(older, traces);
        }
        self.recent.insert(session, half);
    }

    /// Counts the logins whose ID never came.
    pub(super) fn end(self, traces: &mut Traces) {
        Self::settle(self.older, traces);
        Self::settle(self.recent, traces);
    }

    fn settle(halves: HashMap<String, Half>, traces: &mut Traces) {
        for half in halves.into_values() {
            if let Half::Login(trace, at) = half {
                traces.add(trace, at);
            }
        }
    }
}

/// A log of a BlueMind service.
pub(super) trait JavaLog {
    /// Takes a line.
    fn take(&mut self, line: &str, traces: &mut Traces);
}

/// Joins the attempts of ysnp.log with their outcome: only an attempt tells the realm, and both are of one thread. Outcomes
/// of other services than `imap` are left out.
#[derive(Default)]
pub(super) struct Attempts(HashMap<String, Attempt>);

/// Who asked last on a thread.
struct Attempt {
    login: String,
    full: String,
}

impl JavaLog for Attempts {
    fn take(&mut self, line: &str, traces: &mut Traces) {
        let Some(line) = login_log::ysnp(line) else { return };
        let (login, service) = match line.told {
            Ysnp::Attempt { login, realm, .. } => return self.begin(line.thread, login, realm),
            Ysnp::Granted { login, service } | Ysnp::Cached { login, service } => (login, Some(service)),
            Ysnp::Rejected { login } => (login, None),
        };
        let attempt = self.0.remove(line.thread).filter(|attempt| attempt.login == login || attempt.full == login);
        if service == Some("imap") {
            let full = attempt.as_ref().map_or(login, |attempt| &attempt.full);
            traces.add(Trace::new(Source::Ysnp, full, None), line.at);
        }
    }
}

impl Attempts {
    fn begin(&mut self, thread: &str, login: &str, realm: &str) {
        if self.0.len() >= THREADS {
            self.0.clear();
        }
        let full = if realm.is_empty() { login.to_owned() } else { format!("{login}@{realm}") };
        self.0.insert(thread.to_owned(), Attempt { login: login.to_owned(), full });
    }
}

/// core.log: each line tells all.
pub(super) struct CoreLog;

impl JavaLog for CoreLog {
    fn take(&mut self, line: &str, traces: &mut Traces) {
        let Some(line) = login_log::core(line) else { return };
        traces.add(Trace::new(Source::Core, line.told.login, line.told.address), line.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    fn login<'a>(who: &'a str, session: &'a str) -> Cyrus<'a> {
        Cyrus::Login { login: who, address: None, session: Some(session) }
    }

    fn seen(traces: Traces) -> Vec<(String, Option<String>, u64)> {
        traces.into_rows().into_iter().map(|row| (row.login, row.client_id, row.logins)).collect()
    }

    #[test]
    fn what_there_is_no_room_for_is_told() {
        let mut traces = Traces::new(2);
        for n in [0, 1, 2, 0, 3] {
            traces.add(Trace::new(Source::Cyrus, &format!("user{n}"), None), None);
        }
        assert_eq!(
            traces.left_out().map(Reason::from).unwrap().to_string(),
            "2 logins are left out: there are already 2 combinations of login and client"
        );
        assert_eq!(seen(traces), [("user0".to_owned(), None, 2), ("user1".to_owned(), None, 1)]);
    }

    #[test]
    fn first_and_last_do_not_depend_on_the_order() {
        let mut traces = Traces::new(9);
        let trace = Trace::new(Source::Core, "john", None);
        for at in [None, Some(50), Some(20), None, Some(70), Some(60)] {
            traces.add(trace.clone(), at);
        }
        let count = &traces.counts[&trace];
        assert_eq!((count.logins, count.first_at, count.last_at), (6, Some(20), Some(70)));
    }

    #[test]
    fn an_id_finds_its_login_on_the_same_connection() {
        let (mut sessions, mut traces) = (Sessions::default(), Traces::new(100));
        let id = |session, name| Cyrus::ClientId { session, name, side: None };
        for told in [
            login("after", "1"),
            id("2", "before"),
            id("2", "again"),
            id("1", "imapsync"),
            login("before", "2"),
            login("never", "3"),
            login("twice", "4"),
            login("twice", "4"),
            id("5", "nobody"),
        ] {
            sessions.take(told, || None, &mut traces);
        }
        sessions.end(&mut traces);
        let some = |name: &str| Some(name.to_owned());
        let expected =
            [("after", some("imapsync"), 1), ("before", some("before"), 1), ("never", None, 1), ("twice", None, 2)];
        assert_eq!(seen(traces), expected.map(|(login, client, logins)| (login.to_owned(), client, logins)));
    }

    #[test]
    fn a_login_does_not_wait_for_ever_and_none_is_lost() {
        let (mut sessions, mut traces) = (Sessions::default(), Traces::new(100));
        sessions.take(login("first", "first"), || None, &mut traces);
        for n in 0..2 * SESSIONS {
            assert!(sessions.recent.len() + sessions.older.len() <= 2 * SESSIONS);
            sessions.take(login("other", &n.to_string()), || None, &mut traces);
        }
        assert!(traces.counts.contains_key(&Trace::new(Source::Cyrus, "first", None)));
        sessions.end(&mut traces);
        assert_eq!(seen(traces), [("first".to_owned(), None, 1), ("other".to_owned(), None, 2 * SESSIONS as u64)]);
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        let long = format!("a{}", "\u{e9}".repeat(MAX_TEXT));
        assert_eq!(bounded(&long), format!("a{}…", "\u{e9}".repeat(127)));
        let just = "x".repeat(MAX_TEXT);
        assert_eq!(bounded(&just), just);
    }

    #[test]
    fn ysnp_tells_the_realm_by_the_attempt_of_the_same_thread() {
        let (mut log, mut traces) = (Attempts::default(), Traces::new(100));
        for (thread, message) in [
            ("t1", "Attempting login: john service: imap realm: bm.lan"),
            ("t2", "Attempting login: jane service: smtp realm: bm.lan"),
            ("t2", "all 1 validator(s) rejected jane in 3ms."),
            ("t1", "Access to service imap granted to john with 'bm-core' validator in 3ms."),
            ("t1", "all 1 validator(s) rejected john in 3ms."),
            ("t3", "Attempting login: jane service: imap realm: bm.lan"),
            ("t3", "all 1 validator(s) rejected jane in 3ms."),
            ("t3", "Access to service smtp granted to jane with 'bm-core' validator in 3ms."),
            ("t4", "Access to service imap granted to rotated with 'bm-core' validator in 3ms."),
            ("t5", "Attempting login: other service: imap realm: bm.lan"),
            ("t5", "Access to imap granted from token cache for admin0@"),
        ] {
            log.take(&format!("2019-10-14 12:00:01,123 [{thread}] n.b.y.i.X INFO - {message}"), &mut traces);
        }
        let expected = [("admin0", 1), ("john@bm.lan", 1), ("rotated", 1)];
        assert_eq!(seen(traces), expected.map(|(login, logins)| (login.to_owned(), None, logins)));
    }
}

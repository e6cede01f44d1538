//! Failures that replication.log tells, counted by cause and mailbox, and what of their messages may be shown.

use std::collections::{BTreeMap, HashMap};

use super::mailboxes::{Id, Mailboxes};
use super::tables::ReplicationError;
use crate::format::replication_log::Cause;
use crate::model::reason::Server;
use crate::model::text::{escaped, visible};

/// Bytes of a message that are looked at, and letters of it that are kept.
const EXAMINED: usize = 2_048;
const SAMPLE: usize = 200;
/// Letters of a word from which it may be a token, if there is a digit in it.
const TOKEN: usize = 12;
/// How `\0admin0\0<token>` begins in base 64, and `admin0` in the two other places of a group of three bytes.
const ADMIN0: [&str; 3] = ["AGFkbWlu", "YWRtaW4w", "hZG1pbj"];
/// Commands and mechanisms that secrets follow.
const SECRETIVE: [&str; 4] = ["authenticate", "plain ", "password", "token"];

/// How often something failed.
struct Failure {
    count: u64,
    last_at: i64,
    sample: Option<String>,
}

/// Every failure so far.
pub(super) struct Failures {
    by_mailbox: HashMap<(Cause, Option<Id>), Failure>,
    /// Refusals that stand alone, by cause: answers tell the same again, where they are logged.
    alone: BTreeMap<Cause, Failure>,
    /// When a connection was authenticated, if none was refused since.
    pub(super) authenticated_at: Option<i64>,
    max_rows: usize,
    left_out: u64,
}

impl Failures {
    /// None yet, and at most `max_rows` mailboxes.
    pub(super) fn new(max_rows: usize) -> Self {
        Self { by_mailbox: HashMap::new(), alone: BTreeMap::new(), authenticated_at: None, max_rows, left_out: 0 }
    }

    /// Counts a failure. A `message` is that of a refusal.
    pub(super) fn add(&mut self, cause: Cause, mailbox: Option<Id>, at: i64, message: Option<&[u8]>) {
        if cause == Cause::Authentication {
            self.authenticated_at = None;
        }
        let key = (cause, mailbox);
        if self.by_mailbox.len() >= self.max_rows && !self.by_mailbox.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        Failure::count(self.by_mailbox.entry(key).or_insert(Failure::NONE), at, message);
    }

    /// Counts a refusal that does not say what it answers.
    pub(super) fn add_alone(&mut self, at: i64, message: &[u8]) {
        Failure::count(self.alone.entry(Cause::of_no(message)).or_insert(Failure::NONE), at, Some(message));
    }

    /// What is left out, if anything is.
    pub(super) fn gap(&self) -> Option<Server> {
        let left_out = Server::FailuresLeftOut { failures: self.left_out, rows: self.by_mailbox.len() };
        (self.left_out > 0).then_some(left_out)
    }

    /// The failures, sorted.
    pub(super) fn rows(&self, mailboxes: &Mailboxes) -> Vec<ReplicationError> {
        let is_told = |cause: &Cause| self.by_mailbox.keys().any(|(other, _)| other == cause);
        let alone =
            self.alone.iter().filter(|(cause, _)| !is_told(cause)).map(|(cause, failure)| (*cause, None, failure));
        let named = self.by_mailbox.iter().map(|((cause, mailbox), failure)| (*cause, *mailbox, failure));
        let row = |(cause, mailbox, failure): (Cause, Option<Id>, &Failure)| {
            let recovered_at = match cause {
                Cause::Authentication => self.authenticated_at,
                Cause::DefaultPartition => mailbox.and_then(|id| mailboxes.left_default_at(id)),
                _ => mailbox.and_then(|id| mailboxes.recovered_at(id)),
            };
            ReplicationError {
                cause,
                mailbox: mailbox.and_then(|id| mailboxes.name(id)),
                failures: failure.count,
                last_at: failure.last_at,
                recovered_at,
                sample: failure.sample.clone(),
            }
        };
        let mut rows: Vec<_> = named.chain(alone).map(row).collect();
        rows.sort();
        rows
    }
}

impl Failure {
    const NONE: Self = Self { count: 0, last_at: i64::MIN, sample: None };

    fn count(&mut self, at: i64, message: Option<&[u8]>) {
        self.count += 1;
        self.last_at = self.last_at.max(at);
        self.sample = message.map_or_else(|| self.sample.take(), sample);
    }
}

/// What of a message may be shown: its beginning, without what looks like a token; nothing of one that speaks of secrets.
fn sample(message: &[u8]) -> Option<String> {
    let text = escaped(message.get(..EXAMINED).unwrap_or(message));
    let lower = text.to_lowercase();
    if SECRETIVE.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let mut shown = String::new();
    // Words with what stands between them: `example.org` are two.
    for word in text.split_inclusive(|c: char| !is_of_token(c)) {
        let (letters, end) = word.split_at(word.trim_end_matches(|c| !is_of_token(c)).len());
        shown.push_str(if is_like_token(letters) { "…" } else { letters });
        shown.push_str(end);
    }
    let mut shown: String = visible(&shown, false).chars().take(SAMPLE + 1).collect();
    if shown.chars().count() > SAMPLE {
        shown.pop();
        shown.push('…');
    }
    Some(shown).filter(|shown| !shown.is_empty())
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_')
}

fn is_like_token(word: &str) -> bool {
    ADMIN0.iter().any(|begin| word.contains(begin))
        || (word.len() >= TOKEN && word.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reason;

    #[test]
    fn messages_are_shown_without_what_may_be_secret() {
        for (message, shown) in [
            (
                "Owner john.doe@example.org(example.org) does not exist",
                Some("Owner john.doe@example.org(example.org) does not exist"),
            ),
            ("java.lang.NullPointerException at frame-12", Some("java.lang.NullPointerException at frame-12")),
            ("Owner 83C21B7E-F4FE-4CF7-9197-4512A7FAFC4C@a.b(c) does not exist", Some("Owner …@a.b(c) does not exist")),
            ("bad AGFkbWluMABzZWNyZXQ= here", Some("bad … here")),
            ("bad xYWRtaW4w", Some("bad …")),
            ("Unknown: Authenticate PLAIN abc", None),
            ("AUTHENTICATE", None),
            ("SASL plain AGFk", None),
            ("the Token x", None),
            ("a\u{1b}[31m\u{202e}b", Some("a\\u{1b}[31m\\u{202e}b")),
            ("", None),
        ] {
            assert_eq!(sample(message.as_bytes()).as_deref(), shown, "{message}");
        }
        assert_eq!(sample(b"caf\xe9").unwrap(), "caf\\xe9");
        let long = sample("né ".repeat(1_000).as_bytes()).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (SAMPLE + 1, true));
    }

    #[test]
    fn a_token_is_hidden_wherever_the_cut_is() {
        let token = "AGFkbWluMAAwMDZlMjE4MC05YzVkLTQxYjItYTFjMS1mM2YwNzYxZTNhMmI=";
        for before in 0..EXAMINED + 20 {
            let message = format!("{} {token}", "x".repeat(before));
            let shown = sample(message.as_bytes()).unwrap_or_default();
            assert!(!shown.contains("MDZlMjE4") && !shown.contains("AGFkbWlu"), "{before}: {shown}");
        }
    }

    #[test]
    fn a_refusal_by_itself_counts_where_no_answer_tells_it() {
        let mailboxes = Mailboxes::new(1_000);
        let mut failures = Failures::new(10);
        let owner = b"Owner a@b(c) does not exist";
        failures.add_alone(5, owner);
        failures.add_alone(9, b"something else");
        failures.add(Cause::of_no(owner), None, 6, Some(owner));
        let rows = failures.rows(&mailboxes);
        let seen: Vec<_> = rows.iter().map(|row| (row.cause, row.failures, row.last_at)).collect();
        assert_eq!(seen, [(Cause::OwnerUnknown, 1, 6), (Cause::OtherNo, 1, 9)]);
    }

    #[test]
    fn failures_of_too_many_mailboxes_are_told() {
        let mut failures = Failures::new(2);
        for id in [1, 2, 3, 1] {
            failures.add(Cause::OtherNo, Some(id), 1, None);
        }
        let gap = failures.gap().map(Reason::from).unwrap().to_string();
        assert_eq!(gap, "1 failures are left out: there are already 2 causes and mailboxes");
    }

    #[test]
    fn an_authentication_recovers_by_the_next_one_only() {
        let mailboxes = Mailboxes::new(1_000);
        let mut failures = Failures::new(10);
        failures.authenticated_at = Some(5);
        failures.add(Cause::Authentication, None, 6, None);
        assert_eq!(failures.rows(&mailboxes)[0].recovered_at, None);
        failures.authenticated_at = Some(6);
        assert_eq!(failures.rows(&mailboxes)[0].recovered_at, Some(6));
    }
}

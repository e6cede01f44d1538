//! Lines of replication.log, which bm-core writes (packaging/bm-core/logback.xml: `%d [%thread] %c{1} %p - %m`, times in
//! GMT until 4.7; net.bluemind.backend.cyrus.replication.server: `ReplicationSession`, `MetricVerticle` and the commands).
//!
//! What Cyrus sends and the core answers is in these lines: a message that is made to look like another cannot be told
//! from it. The command AUTHENTICATE carries the core's token: of a command nothing is handed on but the names of an
//! `APPLY MAILBOX`.

use std::borrow::Cow;

use memchr::{memchr2, memchr3, memmem};

use super::login_log::java_stamp;

/// A line that the layout fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// Seconds since the epoch, the time taken to be GMT.
    pub at: i64,
    /// Thread that wrote it.
    pub thread: &'a [u8],
    /// What it tells.
    pub told: Told<'a>,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<'a> {
    /// `REPL C: [frame-<n>]: <command>`.
    Command {
        /// Number of the frame; it starts anew with each connection.
        frame: u64,
        /// The mailbox, if the command is `APPLY MAILBOX`.
        apply: Option<Apply<'a>>,
    },
    /// `REPL S: [frame-<n>]: <answer>`, to the command of the same number on the same connection.
    Answer {
        /// Number of the frame.
        frame: u64,
        /// What was answered.
        answer: Answer<'a>,
    },
    /// `<n> active replication connection(s)`, or that there is none.
    Active(u32),
    /// `Replication session authenticated as '<login>'.`
    Authenticated,
    /// `NO <message>` by itself: a refusal, which an answer may tell as well.
    Refused(&'a [u8]),
    /// Something that went wrong, other than by an answer.
    Trouble(Cause),
    /// The core slows itself down, for what it was asked to do failed before.
    Throttled,
    /// Any other line.
    Other,
}

/// The mailbox of an `APPLY MAILBOX`, as far as the line has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply<'a> {
    /// Internal name.
    pub mailbox: Option<Cow<'a, [u8]>>,
    /// Partition of Cyrus.
    pub partition: Option<Cow<'a, [u8]>>,
}

/// What the core answers to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// `OK …`.
    Ok,
    /// `NO <message>`.
    No(&'a [u8]),
    /// `BAD …`.
    Bad,
    /// The beginning of more than one line, or something else.
    Other,
}

/// Why replication fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// `Owner <login>@<domain>(…) does not exist`.
    OwnerUnknown,
    /// `domain <domain> not found`.
    DomainUnknown,
    /// `datasource must not be null`: the partition names no server that has a shard.
    NoDatasource,
    /// `'<name>' does not match a known mailbox pattern`.
    NameNotUnderstood,
    /// `Skip ApplyMailbox on 'default' partition`: answered with OK, and not done.
    DefaultPartition,
    /// A command that the core does not know.
    RejectedVerb,
    /// A session that is not let in.
    Authentication,
    /// `addMessage.create: …`: a message that is not stored.
    MessageNotStored,
    /// `BAD …`.
    Malformed,
    /// Any other `NO …`.
    OtherNo,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 10] = [
        Self::OwnerUnknown,
        Self::DomainUnknown,
        Self::NoDatasource,
        Self::NameNotUnderstood,
        Self::DefaultPartition,
        Self::RejectedVerb,
        Self::Authentication,
        Self::MessageNotStored,
        Self::Malformed,
        Self::OtherNo,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnerUnknown => "owner_unknown",
            Self::DomainUnknown => "domain_unknown",
            Self::NoDatasource => "no_datasource",
            Self::NameNotUnderstood => "name_not_understood",
            Self::DefaultPartition => "default_partition",
            Self::RejectedVerb => "rejected_verb",
            Self::Authentication => "authentication",
            Self::MessageNotStored => "message_not_stored",
            Self::Malformed => "malformed",
            Self::OtherNo => "other_no",
        }
    }

    /// The cause that the message of a `NO` tells.
    pub fn of_no(message: &[u8]) -> Self {
        let has = |part: &str| memmem::find(message, part.as_bytes()).is_some();
        match () {
            () if has("Owner ") && has("does not exist") => Self::OwnerUnknown,
            () if has("domain ") && has(" not found") => Self::DomainUnknown,
            () if has("datasource must not be null") => Self::NoDatasource,
            () if has("does not match a known mailbox pattern") => Self::NameNotUnderstood,
            () => Self::OtherNo,
        }
    }
}

/// Reads a line; `None` when the layout does not fit: the rest of a longer message, or another layout.
pub fn line(line: &[u8]) -> Option<Line<'_>> {
    let at = java_stamp(std::str::from_utf8(line.get(..19)?).ok()?)?;
    let (_millis, rest) = split_once(line.get(19..)?, b" [")?;
    let (thread, rest) = split_once(rest, b"] ")?;
    let (_logger_and_level, message) = split_once(rest, b" - ")?;
    Some(Line { at, thread, told: told(message) })
}

fn told(message: &[u8]) -> Told<'_> {
    if let Some(rest) = message.strip_prefix(b"REPL ") {
        return frame(rest).unwrap_or(Told::Other);
    }
    let begins = |text: &str| message.starts_with(text.as_bytes());
    match message {
        [b'0'..=b'9', ..] => active(message).map_or(Told::Other, Told::Active),
        [b'[', ..] if memmem::find(message, b"] noticed error, errorCount: ").is_some() => Told::Throttled,
        _ if begins("NO active replication connection") => Told::Active(0),
        [b'N', b'O', b' ', refusal @ ..] => Told::Refused(refusal),
        _ if begins("Replication session authenticated") => Told::Authenticated,
        _ if begins("Adding a ") && memmem::find(message, b"ms delay to error-prone operation").is_some() => {
            Told::Throttled
        }
        _ if begins("Skip ApplyMailbox on 'default' partition") => Told::Trouble(Cause::DefaultPartition),
        _ if begins("Failed to authenticate replication session") => Told::Trouble(Cause::Authentication),
        _ if begins("Credentials extraction failed for replication session") => Told::Trouble(Cause::Authentication),
        _ if begins("Rejecting unsupported APPLY command") => Told::Trouble(Cause::RejectedVerb),
        _ if begins("Unknown verb: ") => Told::Trouble(Cause::RejectedVerb),
        _ if begins("addMessage.create: ") => Told::Trouble(Cause::MessageNotStored),
        _ => Told::Other,
    }
}

/// `C: [frame-<n>]: <command>` or `S: [frame-<n>]: <answer>`.
fn frame(rest: &[u8]) -> Option<Told<'_>> {
    let (side, rest) = rest.split_at_checked(b"C: [frame-".len())?;
    let (frame, rest) = number(rest)?;
    let rest = rest.strip_prefix(b"]: ")?;
    match side {
        b"C: [frame-" => {
            Some(Told::Command { frame, apply: rest.strip_prefix(b"APPLY MAILBOX ").map(Apply::of_arguments) })
        }
        b"S: [frame-" => {
            let answer = match rest {
                [b'O', b'K'] | [b'O', b'K', b' ', ..] => Answer::Ok,
                [b'N', b'O'] => Answer::No(b""),
                [b'N', b'O', b' ', message @ ..] => Answer::No(message),
                [b'B', b'A', b'D'] | [b'B', b'A', b'D', b' ', ..] => Answer::Bad,
                _ => Answer::Other,
            };
            Some(Told::Answer { frame, answer })
        }
        _ => None,
    }
}

fn active(message: &[u8]) -> Option<u32> {
    let (active, rest) = number(message)?;
    rest.starts_with(b" active replication connection").then_some(active)
}

/// The number that a text begins with, and what follows.
fn number<N: std::str::FromStr>(text: &[u8]) -> Option<(N, &[u8])> {
    let (digits, rest) = text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count());
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

fn split_once<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::find(text, separator)?;
    Some((&text[..at], &text[at + separator.len()..]))
}

impl<'a> Apply<'a> {
    /// Looks for the two names among the keys of `%(KEY value KEY value …)`; those of lists inside are other things'. The
    /// list may end early: a long line is cut.
    fn of_arguments(arguments: &'a [u8]) -> Self {
        let mut apply = Self { mailbox: None, partition: None };
        let Some(mut rest) = arguments.strip_prefix(b"%(") else { return apply };
        while apply.mailbox.is_none() || apply.partition.is_none() {
            let Some((key, after)) = split_once(rest, b" ") else { break };
            let Some((value, after)) = value(after) else { break };
            match key {
                b"MBOXNAME" => apply.mailbox = value,
                b"PARTITION" => apply.partition = value,
                _ => {}
            }
            rest = after.strip_prefix(b" ").unwrap_or_default();
        }
        apply
    }
}

/// A value, if it is a name that is there as a whole, and what follows.
type Value<'a> = (Option<Cow<'a, [u8]>>, &'a [u8]);

fn value(text: &[u8]) -> Option<Value<'_>> {
    match text {
        [b'"', quoted @ ..] => quoted_string(quoted).map(|(value, rest)| (Some(value), rest)),
        [b'%', b'(', ..] => Some((None, after_list(&text[1..])?)),
        [b'(', ..] => Some((None, after_list(text)?)),
        _ => {
            let end = memchr2(b' ', b')', text)?;
            // Where the core itself cut a long command, `...` is no part of the name.
            let is_whole = !text[end..].starts_with(b" [truncated]");
            Some((Some(Cow::Borrowed(&text[..end])).filter(|_| is_whole), &text[end..]))
        }
    }
}

/// What stands before the closing quote, and what follows.
fn quoted_string(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut value = Cow::Borrowed(&text[..0]);
    let mut rest = text;
    loop {
        let at = memchr2(b'"', b'\\', rest)?;
        let part = &rest[..at];
        match &rest[at..] {
            [b'\\', escaped, after @ ..] => {
                let owned = value.to_mut();
                owned.extend(part);
                owned.push(*escaped);
                rest = after;
            }
            [b'"', after @ ..] if value.is_empty() => return Some((Cow::Borrowed(part), after)),
            [b'"', after @ ..] => {
                value.to_mut().extend(part);
                return Some((value, after));
            }
            _ => return None,
        }
    }
}

/// What follows the list that begins here.
fn after_list(text: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let at = memchr3(b'(', b')', b'"', rest)?;
        let after = &rest[at + 1..];
        match rest[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {
                rest = quoted_string(after)?.1;
                continue;
            }
        }
        if depth == 0 {
            return Some(after);
        }
        rest = after;
    }
}

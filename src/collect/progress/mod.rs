//! How far replication is: the messages in a backend's Cyrus that its shard does not have, one by one.
//!
//! Both sides may be larger than memory. Each is sorted by the messages' GUIDs, in runs on disk beyond a budget, and
//! both are then read beside each other once. The shard is asked after the indexes were read, so that what arrives and
//! is replicated meanwhile is not missing.

mod compare;
mod roll;
mod sorter;
mod tables;

use tokio_postgres::types::Type;

use self::compare::{Compared, Count, Missing, compare};
use self::roll::spilling;
use self::sorter::Sorter;
use crate::collect::reach::mailbox::Owner;
use crate::collect::reach::postgres::{Access, Sessions};
use crate::collect::reach::sink::{Scope, Sink};
use crate::fact::{Row, Table, Value};

pub(super) use roll::Roll;
pub(super) use tables::TABLES;

/// Messages and bodies that are held in memory: 112 and 80 MB.
const BUDGET: usize = 4_000_000;
/// What is younger than this, in seconds, replication may still be at work on.
const RECENT: i64 = 600;

/// The scopes of the wanted tables.
pub(super) struct Progress<'a> {
    scopes: Vec<(&'static Table, Scope<'a>)>,
}

impl<'a> Progress<'a> {
    /// Begins the wanted tables of this room; none when no check asks for one.
    pub(super) fn begin(wanted: &[&'static Table], server: &'a str, source: &str, sink: &'a Sink) -> Option<Self> {
        let begin = |table: &&'static Table| (*table, Scope::begin(sink, table, server, source));
        let scopes: Vec<_> = wanted.iter().filter(|table| TABLES.contains(table)).map(begin).collect();
        (!scopes.is_empty()).then_some(Self { scopes })
    }

    /// Where the messages are to be gathered.
    pub(super) fn roll() -> Roll {
        Roll::new(BUDGET)
    }

    /// Ends the scopes without anything.
    pub(super) fn give_up(self, reason: &str) {
        self.scopes.into_iter().for_each(|(_, scope)| scope.end(Err(reason.to_owned())));
    }

    /// Compares the messages that were gathered with the bodies of the shard.
    pub(super) async fn conclude(self, roll: Roll, sessions: &Sessions, access: &Access, now: i64) {
        let bodies = match Bodies::read(sessions, access).await {
            Ok(bodies) => bodies,
            Err(reason) => return self.give_up(&reason),
        };
        let found = tokio::task::spawn_blocking(move || Found::of(roll, bodies, now)).await;
        let found = found.map_err(|error| format!("comparing messages: {error}")).and_then(|found| found);
        match found {
            Err(reason) => self.give_up(&reason),
            Ok(found) => self.scopes.into_iter().for_each(|(table, scope)| found.fill(table, scope)),
        }
    }
}

/// The bodies that a shard has.
struct Bodies {
    guids: Sorter<20>,
    rows: u64,
    malformed: u64,
}

impl Bodies {
    async fn read(sessions: &Sessions, access: &Access) -> Result<Self, String> {
        let mut bodies = Self { guids: Sorter::new(BUDGET), rows: 0, malformed: 0 };
        let take = |kind: &Type, raw: &[u8]| bodies.take(kind, raw);
        sessions.column(access, "SELECT guid FROM t_message_body", take).await?;
        Ok(bodies)
    }

    /// A GUID is text in 4.0 and bytes from 4.1 on.
    fn take(&mut self, kind: &Type, raw: &[u8]) -> Result<(), String> {
        self.rows += 1;
        let guid = if *kind == Type::BYTEA { raw.try_into().ok() } else { hexadecimal(raw) };
        match guid {
            Some(guid) => self.guids.push(guid).map_err(spilling),
            None => {
                self.malformed += 1;
                Ok(())
            }
        }
    }
}

fn hexadecimal(text: &[u8]) -> Option<[u8; 20]> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

/// What comparing gave.
struct Found {
    mailboxes: Vec<(Owner, u32, Count)>,
    total: Count,
    missing: Missing,
    files: u64,
    bodies: u64,
    malformed: u64,
    gap: Option<String>,
}

impl Found {
    fn of(roll: Roll, bodies: Bodies, now: i64) -> Result<Self, String> {
        let mut gathered = roll.into_gathered();
        let (gap, files) = (gathered.gap(), gathered.files);
        let (owners, entries) = gathered.sorted()?;
        let guids = bodies.guids.sorted().map_err(spilling)?;
        // A record that bears a time to come was written by a wrong clock, at whatever time.
        let recent = now - RECENT + 1..=now + RECENT;
        let Compared { counts, total, missing } = compare(entries, guids, owners.len(), &recent).map_err(spilling)?;
        let mailboxes = owners.into_iter().zip(counts).map(|((owner, at), count)| (owner, at, count)).collect();
        Ok(Self { mailboxes, total, missing, files, bodies: bodies.rows, malformed: bodies.malformed, gap })
    }

    fn fill(&self, table: &'static Table, scope: Scope<'_>) {
        let outcome = match table.name {
            "message_replication" => scope.add_all(self.mailboxes.iter().map(mailbox_row)),
            "message_missing" => {
                scope.add_all(self.missing.kept.iter().filter_map(|missing| self.missing_row(missing)))
            }
            _ => scope.add(&[self.server_row()]),
        };
        let left_out = self.missing.left_out;
        let rest = (table.name == "message_missing" && left_out > 0)
            .then(|| format!("{left_out} more messages are left out: message_replication counts them all"));
        let gaps: Vec<String> = self.gap.iter().cloned().chain(rest).collect();
        scope.end_with(outcome.map(|()| (!gaps.is_empty()).then(|| gaps.join("; "))));
    }

    fn missing_row(&self, (mailbox, guid): &(u32, [u8; 20])) -> Option<Row> {
        let (owner, ..) = self.mailboxes.get(usize::try_from(*mailbox).ok()?)?;
        let guid: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(vec![Value::from(owner.name.as_str()), Value::from(guid)])
    }

    fn server_row(&self) -> Row {
        let mailboxes = u64::try_from(self.mailboxes.len()).unwrap_or(u64::MAX);
        let Count { messages, distinct, missing, missing_recent, .. } = self.total;
        let numbers = [mailboxes, messages, distinct, missing, missing_recent, self.bodies, self.malformed, self.files];
        numbers.map(number).to_vec()
    }
}

fn mailbox_row((owner, last_append_at, count): &(Owner, u32, Count)) -> Row {
    let time = |at: u32| Value::Integer(at.into());
    vec![
        Value::from(owner.name.as_str()),
        Value::from(owner.root_name.as_str()),
        Value::from(owner.domain.clone()),
        number(count.messages),
        number(count.distinct),
        number(count.missing),
        number(count.missing_recent),
        Value::from((*last_append_at > 0).then(|| time(*last_append_at))),
        Value::from(count.missing_at.map(|(first, _)| time(first))),
        Value::from(count.missing_at.map(|(_, last)| time(last))),
    ]
}

fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_text_or_bytes_and_anything_else_is_counted() {
        let mut bodies = Bodies { guids: Sorter::new(10), rows: 0, malformed: 0 };
        let text = b"00ff0a1b2c3d4e5f60718293a4b5c6d7e8f90102";
        let bytes: [u8; 20] = hexadecimal(text).unwrap();
        assert_eq!(bytes[..4], [0, 0xff, 0x0a, 0x1b]);
        bodies.take(&Type::TEXT, text).unwrap();
        bodies.take(&Type::VARCHAR, &text.to_ascii_uppercase()).unwrap();
        bodies.take(&Type::BYTEA, &bytes).unwrap();
        for malformed in [&b""[..], b"00ff", &text[1..], &[&text[..], b"00"].concat(), &[b'g'; 40], &bytes] {
            bodies.take(&Type::TEXT, malformed).unwrap();
        }
        bodies.take(&Type::BYTEA, text).unwrap();
        assert_eq!((bodies.rows, bodies.malformed), (10, 7));
        let mut sorted = bodies.guids.sorted().unwrap();
        for _ in 0..3 {
            assert_eq!(sorted.next().unwrap(), Some(bytes));
        }
        assert_eq!(sorted.next().unwrap(), None);
    }
}

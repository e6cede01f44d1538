//! The records of a folder on both sides, held against each other.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use super::shard::Copied;
use crate::collect::reach::mailbox::Message;
use crate::format::cyrus_index::Guid;

/// How the two sides differ in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The shard has no record of it.
    Missing,
    /// The shard has expunged it.
    ExpungedInShard,
    /// The shard has another message under its UID.
    OtherContent,
    /// The shard has a record that Cyrus has not.
    Surplus,
    /// Cyrus has expunged it.
    ExpungedInCyrus,
    /// Its owner has read it on one side.
    Seen,
}

/// A message in which the two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) uid: u32,
    pub(super) kind: Kind,
    /// Cyrus' GUID; the shard's where Cyrus has none.
    pub(super) guid: Guid,
    /// When Cyrus last wrote its record.
    pub(super) written_at: Option<u32>,
    /// What the shard has.
    record: Option<Copied>,
}

/// How two lists in the order of their UIDs differ. Only where there is one reader, what was read is compared.
pub(super) fn differences(cyrus: &[Message], shard: &[Copied], has_reader: bool) -> Vec<Difference> {
    let mut found = Vec::new();
    let (mut cyrus, mut shard) = (cyrus.iter().peekable(), shard.iter().peekable());
    let mut last = None;
    loop {
        let order = match (cyrus.peek(), shard.peek()) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(message), Some(record)) => message.uid.cmp(&record.uid),
        };
        let message = if order == Ordering::Greater { None } else { cyrus.next() };
        let record = if order == Ordering::Less { None } else { shard.next() };
        let uid = message.map(|message| message.uid).or(record.map(|record| record.uid));
        // A second record of a UID is the shard's own affair.
        if message.is_none() && last == uid {
            continue;
        }
        last = uid;
        let guid = message.map(|message| message.guid).or(record.map(|record| record.guid));
        if let Some(kind) = kind(message, record, has_reader)
            && let (Some(uid), Some(guid)) = (uid, guid)
        {
            let written_at = message.map(|message| message.written_at);
            found.push(Difference { uid, kind, guid, written_at, record: record.copied() });
        }
    }
}

fn kind(message: Option<&Message>, record: Option<&Copied>, has_reader: bool) -> Option<Kind> {
    match (message, record) {
        (Some(message), None) => message.is_live.then_some(Kind::Missing),
        (None, Some(record)) => record.is_live.then_some(Kind::Surplus),
        (Some(message), Some(record)) => match (message.is_live, record.is_live) {
            (true, false) => Some(Kind::ExpungedInShard),
            (false, true) => Some(Kind::ExpungedInCyrus),
            (false, false) => None,
            (true, true) if !message.guid.is_unknown() && message.guid != record.guid => Some(Kind::OtherContent),
            (true, true) => (has_reader && message.is_seen != record.is_seen).then_some(Kind::Seen),
        },
        (None, None) => None,
    }
}

/// Differences that stay, and how many are too young to say so.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) stay: Vec<Difference>,
    pub(super) recent: u64,
}

/// What of the `first` differences is one still, now that the shard was read between two looks at Cyrus: what only one of
/// them shows was being replicated. A change of Cyrus within `recent` may still be on its way; of what it has no record of
/// any more, it took out the records then.
pub(super) fn settle(
    first: &[Difference],
    now: &[Message],
    repacked_at: u32,
    has_reader: bool,
    recent: &RangeInclusive<i64>,
) -> Settled {
    let mut settled = Settled::default();
    for difference in first {
        let found = now.binary_search_by_key(&difference.uid, |message| message.uid);
        let message = found.ok().and_then(|place| now.get(place));
        if kind(message, difference.record.as_ref(), has_reader) != Some(difference.kind) {
            continue;
        }
        let written_at = message.map(|message| message.written_at);
        if recent.contains(&i64::from(written_at.unwrap_or(repacked_at))) {
            settled.recent += 1;
        } else {
            settled.stay.push(Difference { written_at, ..*difference });
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u32 = 1_000_000;
    const RECENT: RangeInclusive<i64> = 999_401..=1_000_600;

    fn message(uid: u32, is_live: bool) -> Message {
        Message { uid, guid: Guid([7; 20]), written_at: NOW - 5_000, is_live, is_seen: false }
    }

    fn copied(uid: u32, is_live: bool) -> Copied {
        Copied { uid, guid: Guid([7; 20]), is_live, is_seen: false, is_old_draft: false }
    }

    fn found(cyrus: &[Message], shard: &[Copied]) -> Vec<(u32, Kind)> {
        differences(cyrus, shard, true).iter().map(|difference| (difference.uid, difference.kind)).collect()
    }

    #[test]
    fn every_way_in_which_a_message_can_differ_is_told() {
        let (live, gone) = (|uid| message(uid, true), |uid| message(uid, false));
        let (copy, expunged) = (|uid| copied(uid, true), |uid| copied(uid, false));
        let other = Copied { guid: Guid([8; 20]), ..copy(4) };
        let read = Copied { is_seen: true, ..copy(5) };
        let cyrus = [live(1), live(2), gone(3), live(4), live(5), gone(6), live(7), gone(9)];
        let shard =
            [copy(1), expunged(2), copy(3), other, read, expunged(6), expunged(8), copy(9), expunged(9), copy(10)];
        let due = [
            (2, Kind::ExpungedInShard),
            (3, Kind::ExpungedInCyrus),
            (4, Kind::OtherContent),
            (5, Kind::Seen),
            (7, Kind::Missing),
            (9, Kind::ExpungedInCyrus),
            (10, Kind::Surplus),
        ];
        assert_eq!(found(&cyrus, &shard), due);
        assert_eq!(found(&cyrus, &[]), [1, 2, 4, 5, 7].map(|uid| (uid, Kind::Missing)));
        assert_eq!(found(&[], &[copy(3), expunged(4)]), [(3, Kind::Surplus)]);
        assert_eq!(found(&[], &[]), []);
    }

    #[test]
    fn what_nobody_is_known_to_have_read_is_not_compared_nor_a_guid_that_was_never_computed() {
        let read = Copied { is_seen: true, ..copied(1, true) };
        assert_eq!(differences(&[message(1, true)], &[read], false), []);
        let unknown = Message { guid: Guid([0; 20]), ..message(1, true) };
        assert_eq!(found(&[unknown], &[copied(1, true)]), []);
    }

    fn settled(before: &[Message], shard: &[Copied], now: &[Message]) -> Settled {
        settle(&differences(before, shard, true), now, 0, true, &RECENT)
    }

    #[test]
    fn what_only_one_of_two_looks_shows_was_under_way() {
        let none = Settled::default();
        // It came in and was replicated after the first look; it was expunged in between; it was read in between.
        assert_eq!(settled(&[], &[copied(1, true)], &[message(1, true)]), none);
        assert_eq!(settled(&[message(1, true)], &[copied(1, false)], &[message(1, false)]), none);
        assert_eq!(settled(&[message(1, true)], &[], &[message(1, false)]), none);
        let read = Message { is_seen: true, ..message(1, true) };
        let shard = [Copied { is_seen: true, ..copied(1, true) }];
        assert_eq!(settled(&[message(1, true)], &shard, &[read]), none);
        // Both looks show it.
        let stays = settled(&[message(1, true)], &[], &[message(1, true), message(2, true)]);
        assert_eq!(stays.stay.iter().map(|difference| difference.uid).collect::<Vec<_>>(), [1]);
        assert_eq!(stays.recent, 0);
    }

    #[test]
    fn what_cyrus_changed_within_ten_minutes_is_recent() {
        let recent = |records: &[Message], repacked_at, shard: &[Copied]| {
            let settled = settle(&differences(records, shard, true), records, repacked_at, true, &RECENT);
            (settled.stay.len(), settled.recent)
        };
        for (written_at, due) in [(NOW - 600, (1, 0)), (NOW - 599, (0, 1)), (NOW + 600, (0, 1)), (NOW + 601, (1, 0))] {
            let message = Message { written_at, ..message(1, true) };
            assert_eq!(recent(&[message], 0, &[]), due, "{written_at}");
        }
        // Cyrus forgets an expunged message when it rewrites its index.
        assert_eq!(recent(&[], NOW - 60, &[copied(1, true)]), (0, 1));
        assert_eq!(recent(&[], NOW - 6_000, &[copied(1, true)]), (1, 0));
    }
}

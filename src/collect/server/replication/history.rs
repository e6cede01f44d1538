//! What the lines of replication.log come to, in bounded memory.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::failures::Failures;
use super::mailboxes::{Id, Mailboxes, is_probe};
use super::tables::ReplicationLog;
use crate::format::replication_log::{Answer, Apply, Cause, Line, Told};

/// Memory for the names of mailboxes, in bytes: about a million of them.
const ROOM: usize = 288 * 1024 * 1024;
/// Causes and mailboxes of failures.
const MAX_FAILURES: usize = 20_000;
/// Commands that wait for their answer.
const MAX_PENDING: usize = 16_384;
/// A command without answer is that of a connection that is gone after this time, in seconds.
const ANSWERED: i64 = 60;
/// For how long before the last number of connections the others count, in seconds, and how many at most.
const HOUR: i64 = 3_600;
const MAX_GAUGES: usize = 4_096;

/// Replication as the log tells of it.
pub(super) struct History {
    first_at: Option<i64>,
    last_at: Option<i64>,
    /// Numbers of connections in the last hour, with their times.
    gauges: VecDeque<(i64, u32)>,
    last_apply_at: Option<i64>,
    last_probe_at: Option<i64>,
    throttles: u64,
    last_throttle_at: Option<i64>,
    pending: HashMap<(u64, u64), Pending>,
    /// The mailbox that was last applied on a thread.
    on_thread: HashMap<u64, Id>,
    hasher: RandomState,
    pub(super) mailboxes: Mailboxes,
    pub(super) failures: Failures,
}

/// A command that waits for its answer.
struct Pending {
    at: i64,
    /// None where it is not known whose it is.
    mailbox: Option<Id>,
}

impl History {
    /// Before the first line.
    pub(super) fn new() -> Self {
        Self {
            first_at: None,
            last_at: None,
            gauges: VecDeque::new(),
            last_apply_at: None,
            last_probe_at: None,
            throttles: 0,
            last_throttle_at: None,
            pending: HashMap::new(),
            on_thread: HashMap::new(),
            hasher: RandomState::new(),
            mailboxes: Mailboxes::new(ROOM),
            failures: Failures::new(MAX_FAILURES),
        }
    }

    /// Takes a line.
    pub(super) fn take(&mut self, line: &Line<'_>) {
        let at = line.at;
        self.first_at = self.first_at.min(Some(at)).or(Some(at));
        self.last_at = self.last_at.max(Some(at));
        match &line.told {
            Told::Command { frame, apply } => {
                self.command(self.hasher.hash_one(line.thread), *frame, at, apply.as_ref())
            }
            Told::Answer { frame, answer } => self.answer(self.hasher.hash_one(line.thread), *frame, at, *answer),
            Told::Active(connections) => self.gauge(at, *connections),
            Told::Authenticated => self.failures.authenticated_at = Some(at),
            Told::Refused(message) => self.failures.add_alone(at, message),
            Told::Trouble(cause) => {
                let skipped = || self.on_thread.get(&self.hasher.hash_one(line.thread)).copied();
                // Only this trouble is told by the thread that applies.
                let mailbox = if *cause == Cause::DefaultPartition { skipped() } else { None };
                let is_skipped = |id: &Id| self.mailboxes.left_default_at(*id).is_none();
                self.failures.add(*cause, mailbox.filter(is_skipped), at, None);
            }
            Told::Throttled => {
                self.throttles += 1;
                self.last_throttle_at = self.last_throttle_at.max(Some(at));
            }
            Told::Other => {}
        }
    }

    fn command(&mut self, thread: u64, frame: u64, at: i64, apply: Option<&Apply<'_>>) {
        let mailbox = apply.and_then(|apply| self.apply(apply, at));
        if let Some(id) = mailbox {
            if self.on_thread.len() >= MAX_PENDING {
                self.on_thread.clear();
            }
            self.on_thread.insert(thread, id);
        }
        if self.pending.len() >= MAX_PENDING {
            self.pending.clear();
        }
        let new = Pending { at, mailbox };
        if let Some(old) = self.pending.insert((thread, frame), new)
            && at - old.at < ANSWERED
            && let Some(both) = self.pending.get_mut(&(thread, frame))
        {
            both.mailbox = None;
        }
    }

    fn apply(&mut self, apply: &Apply<'_>, at: i64) -> Option<Id> {
        let is_probed = apply.mailbox.as_deref().is_some_and(is_probe);
        let last_at = if is_probed { &mut self.last_probe_at } else { &mut self.last_apply_at };
        *last_at = (*last_at).max(Some(at));
        self.mailboxes.apply(apply, at)
    }

    fn answer(&mut self, thread: u64, frame: u64, at: i64, answer: Answer<'_>) {
        let mailbox = self.pending.remove(&(thread, frame)).and_then(|pending| pending.mailbox);
        if let (Some(id), true) = (mailbox, answer != Answer::Other) {
            self.mailboxes.answer(id, at, answer == Answer::Ok);
        }
        match answer {
            Answer::No(message) => self.failures.add(Cause::of_no(message), mailbox, at, Some(message)),
            Answer::Bad => self.failures.add(Cause::Malformed, mailbox, at, None),
            Answer::Ok | Answer::Other => {}
        }
    }

    fn gauge(&mut self, at: i64, connections: u32) {
        while self.gauges.len() >= MAX_GAUGES || self.gauges.front().is_some_and(|(old, _)| *old < at - HOUR) {
            self.gauges.pop_front();
        }
        self.gauges.push_back((at, connections));
    }

    /// The log as a whole.
    pub(super) fn row(&self, modified_at: i64) -> ReplicationLog {
        let numbers = || self.gauges.iter().map(|(_, connections)| *connections);
        let last = self.gauges.back();
        ReplicationLog {
            modified_at,
            first_at: self.first_at,
            last_at: self.last_at,
            active_connections: last.map(|(_, connections)| *connections),
            active_connections_at: last.map(|(at, _)| *at),
            active_connections_min: numbers().min(),
            active_connections_max: numbers().max(),
            last_apply_at: self.last_apply_at,
            last_probe_at: self.last_probe_at,
            throttles: self.throttles,
            last_throttle_at: self.last_throttle_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::replication_log;

    fn history(lines: &[(&str, &str)]) -> History {
        let mut history = History::new();
        for (second, (thread, message)) in lines.iter().enumerate() {
            let line = format!("2019-07-09 16:00:{second:02},720 [{thread}] n.b.b.c.r.s.X INFO - {message}");
            history.take(&replication_log::line(line.as_bytes()).unwrap());
        }
        history
    }

    fn apply(name: &str) -> String {
        format!("REPL C: [frame-00000001]: APPLY MAILBOX %(UNIQUEID u MBOXNAME {name} PARTITION default RECORD ())")
    }

    /// Cause, mailbox, count and whether it recovered.
    fn failures(history: &History) -> Vec<(Cause, Option<String>, u64, bool)> {
        let rows = history.failures.rows(&history.mailboxes);
        rows.into_iter().map(|row| (row.cause, row.mailbox, row.failures, row.recovered_at.is_some())).collect()
    }

    fn failure(cause: Cause, mailbox: &str, is_recovered: bool) -> (Cause, Option<String>, u64, bool) {
        (cause, Some(mailbox).filter(|name| !name.is_empty()).map(str::to_owned), 1, is_recovered)
    }

    const NO: &str = "REPL S: [frame-00000001]: NO Owner x@a.b(a_b) does not exist";
    const OK: &str = "REPL S: [frame-00000001]: OK success";

    #[test]
    fn a_refusal_is_that_of_the_command_of_its_thread_and_frame() {
        let (one, two) = (apply("a.b!user.one"), apply("a.b!user.two"));
        let seen = history(&[("t1", &one), ("t2", &two), ("t2", OK), ("t1", NO), ("t1", NO)]);
        assert_eq!(
            failures(&seen),
            [failure(Cause::OwnerUnknown, "", false), failure(Cause::OwnerUnknown, "a.b!user.one", false)]
        );
        let (one, two) = (0, 1);
        assert_eq!(seen.mailboxes.recovered_at(one), None);
        assert_eq!(seen.mailboxes.recovered_at(two), seen.first_at.map(|at| at + 2));
    }

    #[test]
    fn two_commands_of_the_same_frame_at_once_are_not_told_apart() {
        let (one, two) = (apply("a.b!user.one"), apply("a.b!user.two"));
        let seen = history(&[("t", &one), ("t", &two), ("t", NO)]);
        assert_eq!(failures(&seen), [failure(Cause::OwnerUnknown, "", false)]);
    }

    #[test]
    fn what_was_repaired_is_seen_to_be() {
        let (one, two) = (apply("a.b!user.one"), apply("a.b!user.two"));
        let seen = history(&[("t", &one), ("t", NO), ("t", &two), ("t", NO), ("t", &one), ("t", OK)]);
        assert_eq!(
            failures(&seen),
            [failure(Cause::OwnerUnknown, "a.b!user.one", true), failure(Cause::OwnerUnknown, "a.b!user.two", false)]
        );
    }

    #[test]
    fn what_is_skipped_is_no_success_until_the_partition_changes() {
        let skip = "Skip ApplyMailbox on 'default' partition";
        let one = apply("a.b!user.one");
        let moved = one.replace("PARTITION default", "PARTITION m__a_b");
        let mut lines = vec![("t", one.as_str()), ("t", skip), ("t", OK)];
        let expected = |recovered| [failure(Cause::DefaultPartition, "a.b!user.one", recovered)];
        assert_eq!(failures(&history(&lines)), expected(false));
        lines.extend([("t", moved.as_str()), ("t", OK)]);
        assert_eq!(failures(&history(&lines)), expected(true));
        lines.extend([("t", skip)]);
        assert_eq!(failures(&history(&lines))[0].1, None, "the thread applies something else");
    }

    #[test]
    fn the_hour_before_the_last_number_counts() {
        let mut history = History::new();
        for (at, connections) in [(0, 9), (1_000, 0), (3_700, 4), (4_600, 2)] {
            history.gauge(at, connections);
        }
        let row = history.row(1);
        assert_eq!((row.active_connections, row.active_connections_at), (Some(2), Some(4_600)));
        assert_eq!((row.active_connections_min, row.active_connections_max), (Some(0), Some(4)));
        (0..3 * MAX_GAUGES).for_each(|_| history.gauge(5_000, 1));
        assert_eq!(history.gauges.len(), MAX_GAUGES);
    }

    #[test]
    fn commands_without_answer_do_not_pile_up() {
        let mut history = History::new();
        let apply = Apply { mailbox: Some(b"x"[..].into()), partition: None };
        for n in 0..3 * MAX_PENDING as u64 {
            history.command(n, n, 1, Some(&apply));
            assert!(history.pending.len() <= MAX_PENDING && history.on_thread.len() <= MAX_PENDING);
        }
    }
}

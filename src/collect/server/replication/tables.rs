//! The tables that bm-core's replication.log fills.

use crate::fact::table::Kind;
use crate::fact::{Cell, Value, table};
use crate::format::replication_log::Cause;

table! {
    /// What /var/log/bm/replication.log and its rotated files tell of replication as a whole. Only bm-core writes it: another
    /// server without such a log has no row. Times in the log are taken to be in GMT, as they are until 4.7: compare them
    /// with each other, and `modified_at` with the time of collection. Where a file cannot be read, what was logged before
    /// is left out.
    pub(super) struct ReplicationLog: "replication_log", "the replication.log of a server", Server {
        /// when the log was last written, in seconds since the epoch, as the file system tells
        modified_at: i64,
        /// first line, in seconds since the epoch; null where the log is empty
        first_at: Option<i64>,
        /// last line, in seconds since the epoch
        last_at: Option<i64>,
        /// active replication connections, as bm-core last told (every 10 s); null where it did not tell
        active_connections: Option<u32>,
        /// when it last told them, in seconds since the epoch
        active_connections_at: Option<i64>,
        /// the fewest of the hour before that
        active_connections_min: Option<u32>,
        /// the most of the hour before that
        active_connections_max: Option<u32>,
        /// last APPLY MAILBOX command, those of latency probes left out, in seconds since the epoch
        last_apply_at: Option<i64>,
        /// last APPLY MAILBOX of a latency probe's mailbox (4.1: every 10 s), in seconds since the epoch
        last_probe_at: Option<i64>,
        /// lines that tell that the core slows itself down after errors
        throttles: u64,
        /// the last of them, in seconds since the epoch
        last_throttle_at: Option<i64>,
    }
}

table! {
    /// The mailboxes of which Cyrus has sent something to bm-core (APPLY MAILBOX) since replication.log begins: at least
    /// those in which something changed. Names from Cyrus are bytes: what is no UTF-8 is written `\\xNN`.
    pub(super) struct ReplicationMailbox: "replication_mailbox",
        "a mailbox with its folders that a server's replication.log names", Server
    {
        /// internal name of the mailbox, as in `cyrus_mailbox`
        root_name: String as key,
        /// when it, or one of its folders, was last sent, in seconds since the epoch
        last_apply_at: i64,
    }
}

table! {
    /// What went wrong in a server's replication.log, by cause and mailbox. A refusal is that of the command with the same
    /// frame and thread; where several connections use both at once, the mailbox is not told. No text of a command becomes a
    /// fact: one of them carries the core's token.
    pub(super) struct ReplicationError: "replication_error", "a cause and a mailbox in a server's replication.log", Server {
        /// what the message says
        cause: Cause as key,
        /// internal name of the mailbox that was refused; null where the log does not tell
        mailbox: Option<String> as key,
        /// how often
        failures: u64,
        /// last time, in seconds since the epoch
        last_at: i64,
        /// when it went well again after the last failure: the mailbox was applied, or a connection authenticated; in
        /// seconds since the epoch; null: not seen
        recovered_at: Option<i64>,
        /// the last message of a refusal, shortened, what looks like a secret replaced by `…`
        sample: Option<String> as prose,
    }
}

/// The words for the causes of failures.
const CAUSES: [&str; Cause::ALL.len()] = {
    let mut words = [""; Cause::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = Cause::ALL[at].as_str();
        at += 1;
    }
    words
};

impl Cell for Cause {
    const KIND: Kind = Kind::Text;
    const ONE_OF: &'static [&'static str] = &CAUSES;
    fn value(self) -> Value {
        Value::from(self.as_str())
    }
}

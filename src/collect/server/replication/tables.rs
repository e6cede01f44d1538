//! The tables that bm-core's replication.log fills.

use crate::fact::{Column, ScopeKind, Table};
use crate::format::replication_log::Cause;

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

/// The log as a whole.
pub(super) const REPLICATION_LOG: Table = Table {
    name: "replication_log",
    doc: "What /var/log/bm/replication.log and its rotated files tell of replication as a whole. Only bm-core writes it: another server without such a log has no row. Times in the log are taken to be in GMT, as they are until 4.7: compare them with each other, and `modified_at` with the time of collection. Where a file cannot be read, what was logged before is left out.",
    grain: "the replication.log of a server",
    scope: ScopeKind::Server,
    columns: &[
        Column::integer(
            "modified_at",
            "when the log was last written, in seconds since the epoch, as the file system tells",
        ),
        Column::integer("first_at", "first line, in seconds since the epoch; null where the log is empty").nullable(),
        Column::integer("last_at", "last line, in seconds since the epoch").nullable(),
        Column::integer(
            "active_connections",
            "active replication connections, as bm-core last told (every 10 s); null where it did not tell",
        )
        .nullable(),
        Column::integer("active_connections_at", "when it last told them, in seconds since the epoch").nullable(),
        Column::integer("active_connections_min", "the fewest of the hour before that").nullable(),
        Column::integer("active_connections_max", "the most of the hour before that").nullable(),
        Column::integer("socket_closed_at", "when a connection was last closed, in seconds since the epoch").nullable(),
        Column::integer("socket_closed_left", "connections that were left then").nullable(),
        Column::integer("authenticated_at", "when a connection was last authenticated, in seconds since the epoch")
            .nullable(),
        Column::integer("applies", "APPLY MAILBOX commands, those of latency probes left out"),
        Column::integer("last_apply_at", "the last of them, in seconds since the epoch").nullable(),
        Column::integer(
            "last_probe_at",
            "last APPLY MAILBOX of a latency probe's mailbox (4.1: every 10 s), in seconds since the epoch",
        )
        .nullable(),
        Column::integer("last_ok_at", "last APPLY MAILBOX that was answered with OK, in seconds since the epoch")
            .nullable(),
        Column::integer("throttles", "lines that tell that the core slows itself down after errors"),
        Column::integer("last_throttle_at", "the last of them, in seconds since the epoch").nullable(),
        Column::integer(
            "cut_lines",
            "lines longer than 64 KiB, of which the beginning was read: command, names and partition stand there",
        ),
    ],
};

/// Mailboxes that were replicated.
pub(super) const REPLICATION_MAILBOX: Table = Table {
    name: "replication_mailbox",
    doc: "The mailboxes that Cyrus has sent to bm-core (APPLY MAILBOX) since replication.log begins: at least those in which something changed. Names from Cyrus are bytes: what is no UTF-8 is written `\\xNN`.",
    grain: "a mailbox of Cyrus that a server's replication.log names",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("name", "internal name, such as `example.org!user.john^doe.Sent`").key(),
        Column::text("root_name", "internal name of the root that it belongs to, as in `cyrus_mailbox`").key(),
        Column::boolean("is_probe", "whether it is the shared mailbox of a latency probe: nobody's mail"),
        Column::text("partition", "Cyrus' partition, as last sent; null where the line does not tell").nullable(),
        Column::integer("applies", "how often it was sent"),
        Column::integer("last_apply_at", "when last, in seconds since the epoch"),
        Column::integer("last_ok_at", "when last answered with OK, in seconds since the epoch; null: never seen")
            .nullable(),
        Column::integer("last_no_at", "when last refused, in seconds since the epoch; null: never seen").nullable(),
    ],
};

/// Failures.
pub(super) const REPLICATION_ERROR: Table = Table {
    name: "replication_error",
    doc: "What went wrong in a server's replication.log, by cause and mailbox. A refusal is that of the command with the same frame and thread; where several connections use both at once, the mailbox is not told. No text of a command becomes a fact: one of them carries the core's token.",
    grain: "a cause and a mailbox in a server's replication.log",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("cause", "what the message says").key().one_of(&CAUSES),
        Column::text("mailbox", "internal name of the mailbox that was refused; null where the log does not tell")
            .nullable()
            .key(),
        Column::integer("failures", "how often"),
        Column::integer("first_at", "first time, in seconds since the epoch"),
        Column::integer("last_at", "last time, in seconds since the epoch"),
        Column::integer(
            "recovered_at",
            "when it went well again after the last failure: the mailbox was applied, or a connection authenticated; in seconds since the epoch; null: not seen",
        )
        .nullable(),
        Column::text("sample", "the last message of a refusal, shortened, what looks like a secret replaced by `…`")
            .nullable(),
    ],
};

//! Login traces in the logs of Cyrus, ysnp and the core, aggregated: never one row per line.

use crate::fact::{Column, ScopeKind, Table};

/// Logins by who, from where and with what.
pub(super) const LOGIN_TRACE: Table = Table {
    name: "login_trace",
    doc: "IMAP logins seen in the logs of a server (syslog's mail log, ysnp.log, core.log; rotated and compressed ones too), aggregated.",
    grain: "a log, login, client address and client program",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("source", "which log: Cyrus' own lines in syslog, ysnp.log, or core.log").one_of(&["cyrus", "ysnp", "core"]),
        Column::text("login", "login as the client gave it").key(),
        Column::text("client_address", "IP address of the client; null where the log does not tell it").nullable().key(),
        Column::text("client_id", "name that the client gave with the IMAP command ID, such as `imapsync`").nullable(),
        Column::integer("logins", "successful logins"),
        Column::integer("failures", "refused logins"),
        Column::integer("first_at", "first trace, in seconds since the epoch, UTC").nullable(),
        Column::integer("last_at", "last trace, in seconds since the epoch, UTC").nullable(),
    ],
};

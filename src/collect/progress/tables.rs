//! The tables that tell how far replication is.

use crate::fact::{Column, ScopeKind, Table};

/// Every table of this room.
pub(in crate::collect) const TABLES: &[&Table] = &[&MESSAGE_REPLICATION, &MESSAGE_MISSING, &REPLICATION_PROGRESS];

/// What a mailbox has that its shard does not.
pub(super) const MESSAGE_REPLICATION: Table = Table {
    name: "message_replication",
    doc: "The messages in the cyrus.index of every live mailbox beside `t_message_body` of the shard of the same server, compared message by message: a message is known by its GUID, the SHA-1 of its file. Only messages count that users have: neither expunged nor unlinked ones, and no mailbox that waits for its purge. The indexes are read first, the shard after them.",
    grain: "a live mailbox or folder in Cyrus that holds messages",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("name", "internal name, such as `bm.lan!user.john^doe.Sent`").key(),
        Column::text("root_name", "internal name of the mailbox it belongs to: `bm.lan!user.john^doe`").key(),
        Column::text("domain", "what stands before the first `!`; null when there is none").nullable(),
        Column::integer("messages", "messages in it"),
        Column::integer("distinct_messages", "the same, one that is in it several times counted once"),
        Column::integer("missing", "distinct messages that the shard has no body of"),
        Column::integer(
            "missing_recent",
            "of these, those whose record was written less than ten minutes before the collection",
        ),
        Column::integer("last_append_at", "when a message last came in; null when the index does not say").nullable(),
        Column::integer(
            "oldest_missing_at",
            "when the record of a missing message was first written; null without one",
        )
        .nullable(),
        Column::integer("newest_missing_at", "the same of the last one").nullable(),
    ],
};

/// The messages themselves.
pub(super) const MESSAGE_MISSING: Table = Table {
    name: "message_missing",
    doc: "The messages that `message_replication` counts as missing, one by one; of more than 100 000 of a server, as many. A message is known by its GUID in Cyrus (`mbexamine`), in `t_message_body`, and as the SHA-1 of its file in the spool.",
    grain: "a message of a live mailbox or folder that the shard has no body of",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("name", "internal name of the mailbox or folder, as in `message_replication`").key(),
        Column::text("guid", "the GUID, 40 hexadecimal digits in lower case").key(),
    ],
};

/// What a server has that its shard does not.
pub(super) const REPLICATION_PROGRESS: Table = Table {
    name: "replication_progress",
    doc: "The same as `message_replication`, of a mail backend as a whole: a message that is in several mailboxes counts once, as in the shard.",
    grain: "a mail backend",
    scope: ScopeKind::Backend,
    columns: &[
        Column::integer("mailboxes", "live mailboxes and folders that hold messages"),
        Column::integer("messages", "messages in them"),
        Column::integer("distinct_messages", "the same, each counted once"),
        Column::integer("missing", "distinct messages that the shard has no body of"),
        Column::integer(
            "missing_recent",
            "of these, those all of whose records were written less than ten minutes before the collection",
        ),
        Column::integer("bodies", "rows of `t_message_body`"),
        Column::integer("malformed_guids", "of these, those whose GUID is none"),
        Column::integer(
            "spool_files",
            "message files that the indexes account for, expunged messages and mailboxes that wait for their purge included: what counting the files of the data and archive trees gives, give or take what belongs to nobody",
        ),
    ],
};

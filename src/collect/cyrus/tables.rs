//! The tables that a mail backend's Cyrus fills: its configuration, mailboxes.db, the spool and the indexes.
//!
//! Names from Cyrus are bytes: what is no UTF-8 is written `\xNN`.

use super::settings::{CYRUS_CONF_ENTRY, IMAPD_SETTING};
use crate::fact::{Column, ScopeKind, Table};

/// Every table of this room.
pub(in crate::collect) const TABLES: &[&Table] = &[
    &CYRUS_CONF_ENTRY,
    &IMAPD_SETTING,
    &CYRUS_PARTITION,
    &CYRUS_DATABASE,
    &CYRUS_ENTRY_UNREADABLE,
    &CYRUS_MAILBOX,
    &CYRUS_INDEX,
    &SPOOL_DIRECTORY,
    &SYNC_LOG,
];

/// Partitions of imapd.conf.
pub(super) const CYRUS_PARTITION: Table = Table {
    name: "cyrus_partition",
    doc: "The partitions that imapd.conf and its includes define.",
    grain: "a partition of a backend's Cyrus",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("name", "as Cyrus knows it: in lower case").key(),
        Column::boolean("is_default", "whether it is `defaultpartition`"),
        Column::text("data_path", "folder of the message files").nullable(),
        Column::text("meta_path", "folder of the `cyrus.*` files; null when they lie with the messages").nullable(),
        Column::text("archive_path", "folder of archived messages; null when there is none").nullable(),
    ],
};

/// mailboxes.db as a whole.
pub(super) const CYRUS_DATABASE: Table = Table {
    name: "cyrus_database",
    doc: "Cyrus' list of mailboxes (`mailboxes.db`) as a whole, read without locks and without Cyrus' tools.",
    grain: "the mailboxes.db of a backend",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("path", "the file"),
        Column::text("format", "how it is written").one_of(&["twoskip", "skiplist", "flat"]),
        Column::integer("size_bytes", "size, in bytes"),
        Column::integer("entries", "entries, tombstones included"),
        Column::integer("tombstones", "names that were deleted or renamed"),
        Column::boolean("is_open", "whether a transaction was open or left over: the last committed state was read"),
    ],
};

/// Entries of mailboxes.db that cannot be read.
pub(super) const CYRUS_ENTRY_UNREADABLE: Table = Table {
    name: "cyrus_entry_unreadable",
    doc: "The entries of mailboxes.db whose name or value cannot be read; Cyrus passes over them.",
    grain: "an unreadable entry",
    scope: ScopeKind::Backend,
    columns: &[Column::text("name", "the key").key(), Column::text("reason", "what is wrong, with its place")],
};

/// Mailboxes in mailboxes.db.
pub(super) const CYRUS_MAILBOX: Table = Table {
    name: "cyrus_mailbox",
    doc: "The mailboxes of mailboxes.db: live ones, and those that wait for their purge under `DELETED`. Tombstones, reserved, remote and intermediate entries are left out.",
    grain: "a mailbox or folder in Cyrus",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("name", "internal name, such as `bm.lan!user.john^doe.Sent`").key(),
        Column::text(
            "root_name",
            "internal name of the mailbox it belongs to, without `DELETED`: `bm.lan!user.john^doe`",
        )
        .key(),
        Column::text("namespace", "whose it is").one_of(&["user", "shared"]),
        Column::text("domain", "what stands before the first `!`; null when there is none").nullable().key(),
        Column::text("owner", "login or name of the mailbox, `^` turned back into a dot").key(),
        Column::text("folder", "decoded path below the root, parts separated by `/`; null for the root itself")
            .nullable(),
        Column::boolean("is_deleted", "whether it waits for its purge (`DELETED.….<time>`)"),
        Column::boolean("is_literal_inbox", "whether it is a real folder called INBOX below a user's root"),
        Column::text("partition", "partition of its entry").nullable().key(),
        Column::text("unique_id", "Cyrus' UNIQUEID; null in entries of 2.4").nullable(),
        Column::text("notation", "version of Cyrus that writes entries in this way")
            .one_of(&["2.4", "2.5", "3.0", "3.6"]),
        Column::text("acl", "who has which rights, as `who rights` pairs separated by `, `"),
        Column::text("data_directory", "where its messages belong; null when its partition is not defined")
            .nullable()
            .key(),
        Column::text("meta_directory", "where its `cyrus.*` files belong").nullable().key(),
        Column::text("archive_directory", "where its archived messages belong").nullable().key(),
    ],
};

/// Indexes of live mailboxes.
pub(super) const CYRUS_INDEX: Table = Table {
    name: "cyrus_index",
    doc: "The cyrus.index and cyrus.header of every live mailbox of mailboxes.db. Where the system refuses to read one of them its state is `unreadable`, nothing is known of what is in it, and the table is partial.",
    grain: "a live mailbox in Cyrus",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("name", "internal name of the mailbox").key(),
        Column::text("directory", "folder that holds the two files"),
        Column::text("state", "what the index is: `missing_directory` when not even its folder exists").one_of(&[
            "sound",
            "missing_directory",
            "missing",
            "empty",
            "truncated",
            "header_damaged",
            "record_damaged",
            "unreadable",
        ]),
        Column::text("header_state", "what cyrus.header is").one_of(&[
            "sound",
            "missing",
            "empty",
            "damaged",
            "unreadable",
        ]),
        Column::text("detail", "what is wrong, with its place; null when nothing is").nullable(),
        Column::integer("minor_version", "version of the index; 13 in BlueMind 4").nullable(),
        Column::integer("existing", "messages: records neither expunged nor unlinked").nullable(),
        Column::integer("expunged", "records that were expunged and whose file is still there").nullable(),
        Column::integer("unlinked", "records whose file is gone").nullable(),
        Column::integer("existing_bytes", "size of the messages, in bytes").nullable(),
        Column::text("unique_id", "UNIQUEID in cyrus.header").nullable(),
    ],
};

/// Directories of the spool.
pub(super) const SPOOL_DIRECTORY: Table = Table {
    name: "spool_directory",
    doc: "Every directory of the data, meta and archive trees, once, with the number of files directly in it. A tree's root is the folder that holds its partitions' folders. What lies behind a symbolic link is looked at where that stands for a partition; any other, and one that leads nowhere, makes the table partial, as does a partition with mailboxes that has no folder for messages or indexes.",
    grain: "a directory of the spool",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("directory", "absolute path on the server").key(),
        Column::text("tree", "which tree").one_of(&["data", "meta", "archive"]),
        Column::text("path", "path below the tree's root, such as `bm-master__bm_lan/domain/b/bm.lan/j/user/john`"),
        Column::integer("depth", "parts of the path"),
        Column::text("partition", "partition whose folder it lies in; null when that is none").nullable().key(),
        Column::text("domain", "domain part of the path").nullable().key(),
        Column::text("domain_letter", "hash letter before the domain").nullable(),
        Column::text("letter", "hash letter before the mailbox").nullable(),
        Column::text(
            "mailbox_name",
            "internal name of the mailbox that would live here; null when the path is none of a mailbox",
        )
        .nullable()
        .key(),
        Column::text("root_name", "internal name of the mailbox that it would belong to, without `DELETED`")
            .nullable()
            .key(),
        Column::text("misfit", "why the path is none of a mailbox; null when it is one, or a level above one")
            .nullable(),
        Column::boolean("is_deleted", "whether it lies in a tree of mailboxes that wait for their purge"),
        Column::boolean("is_stage", "whether it is `stage.`, where deliveries are in progress"),
        Column::boolean("is_link", "whether it is a symbolic link that was not followed"),
        Column::integer("messages", "files called `<number>.`"),
        Column::integer("cyrus_files", "files called `cyrus.*`"),
        Column::integer("other_files", "files of any other name"),
        Column::integer("subdirectories", "directories directly in it"),
    ],
};

/// What waits for replication.
pub(super) const SYNC_LOG: Table = Table {
    name: "sync_log",
    doc: "The files below `sync/core` of Cyrus' `configdirectory`: what changed and was not yet sent to bm-core. Cyrus makes the folder and its files as it needs them: without changes there is none.",
    grain: "a file of a backend's sync log",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("name", "path below `sync/core`, such as `log`").key(),
        Column::integer("size_bytes", "size, in bytes"),
        Column::integer("modified_at", "when it was last written, in seconds since the epoch"),
        Column::integer(
            "begun_at",
            "since when it is there at least, in seconds since the epoch: when it was made, or last written if that was before; null where the file system does not tell",
        )
        .nullable(),
        Column::boolean("is_log", "whether it lists changes, by its name `log…`: other files are flags and locks"),
        Column::boolean(
            "is_run",
            "whether a sender was working on it, by its name `log…-run`; the last one may have died over it",
        ),
    ],
};

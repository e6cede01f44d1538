//! The tables of a mail shard's database `bj-data`, and of any BlueMind database; the query that fills each.
//!
//! All tables exist in `bj` too, where a migration from 3.5 may have left stale copies: folders and messages are read
//! from the shards alone.

use crate::collect::reach::source::{Query, Source};
use crate::fact::{Column, ScopeKind, Table};

/// What is read from each `bj-data`.
pub(in crate::collect) const SHARD_SOURCES: &[Source] = &[SHARD, SUBTREE, MAPI_FOLDER];

/// What is read from `bj` and from each `bj-data`.
pub(in crate::collect) const DATABASE_SOURCES: &[Source] = &[DATABASE, RELATION];

const SHARD: Source = Source {
    table: &Table {
        name: "shard",
        doc: "A mail shard: the message index of one server's mailboxes.",
        grain: "a `bj-data` database",
        scope: ScopeKind::Shard,
        columns: &[Column::text("guid_type", "type of the message GUIDs: text in 4.0, bytea from 4.1 on")
            .one_of(&["text", "bytea"])],
    },
    queries: &[Query {
        needs: &["t_message_body", "t_mailbox_record"],
        sql: "SELECT (SELECT a.atttypid::regtype::text FROM pg_attribute a
                      WHERE a.attrelid = to_regclass('t_message_body') AND a.attname = 'guid' AND NOT a.attisdropped)",
    }],
};

const SUBTREE: Source = Source {
    table: &Table {
        name: "subtree",
        doc: "The folder trees that replication has created (containers of type `replicated_mailboxes`).",
        grain: "the folder tree of a mailbox",
        scope: ScopeKind::Shard,
        columns: &[
            Column::text("mailbox_uid", "uid of the mailbox that owns it").key(),
            Column::text("domain_uid", "uid of the mailbox's domain").nullable(),
        ],
    },
    queries: &[Query {
        needs: &["t_container"],
        sql: "SELECT owner, domain_uid FROM t_container WHERE container_type = 'replicated_mailboxes' ORDER BY uid",
    }],
};

const MAPI_FOLDER: Source = Source {
    table: &Table {
        name: "mapi_folder",
        doc: "The folders that exist for Outlook only (`t_mapi_folders` and containers of type `mapi_folder`). Their messages are neither in Cyrus nor among the records.",
        grain: "a MAPI folder",
        scope: ScopeKind::Shard,
        columns: &[
            Column::text("container_uid", "`mapi:<kind>:<replica GUID>`; Outlook's own kinds begin with `OUTLOOK-`").key(),
            Column::text("replica_guid", "local replica GUID of the mailbox").nullable().key(),
            Column::text("parent_container_uid", "container of the parent: another MAPI folder, or `mbox_records_<folder uid>`").nullable().key(),
            Column::text("display_name", "name shown by Outlook").nullable(),
            Column::text("container_class", "MAPI class, such as `IPF.Note` for mail").nullable().vocabulary(),
            Column::text("mailbox_uid", "uid of the mailbox that owns the container; null when the container is missing").nullable().key(),
            Column::text("domain_uid", "uid of the mailbox's domain").nullable(),
            Column::boolean("has_container", "whether the container exists"),
            Column::boolean("is_registered", "whether `t_mapi_folders` has a row for it"),
            Column::integer("messages", "messages in it that are not deleted"),
        ],
    },
    queries: &[Query {
        needs: &["t_mapi_folders", "t_container", "t_container_item", "t_mapi_raw_message"],
        sql: "WITH content AS (
                  SELECT i.container_id, count(*) AS messages
                  FROM t_mapi_raw_message m JOIN t_container_item i ON i.id = m.item_id
                  WHERE (i.flags & 2) = 0 GROUP BY i.container_id
              )
              SELECT f.container_uid, f.replica_guid, f.parent_container_uid, f.display_name, nullif(f.container_class, ''),
                     c.owner, c.domain_uid, c.id IS NOT NULL, true, coalesce(n.messages, 0)
              FROM t_mapi_folders f
              LEFT JOIN t_container c ON c.uid = f.container_uid AND c.container_type = 'mapi_folder'
              LEFT JOIN content n ON n.container_id = c.id
              UNION ALL
              SELECT c.uid, nullif(split_part(c.uid, ':', 3), ''), NULL, c.name, NULL,
                     c.owner, c.domain_uid, true, false, coalesce(n.messages, 0)
              FROM t_container c LEFT JOIN content n ON n.container_id = c.id
              WHERE c.container_type = 'mapi_folder' AND c.uid LIKE 'mapi:OUTLOOK-%'
                AND NOT EXISTS (SELECT 1 FROM t_mapi_folders f WHERE f.container_uid = c.uid)",
    }],
};

const DATABASE: Source = Source {
    table: &Table {
        name: "database",
        doc: "A PostgreSQL database of the installation.",
        grain: "a database",
        scope: ScopeKind::Database,
        columns: &[
            Column::text(
                "data_directory",
                "PostgreSQL's data directory on its server; null when the user may not see it",
            )
            .nullable(),
            Column::integer("size_bytes", "size on disk of the whole database, in bytes"),
            Column::integer("server_version", "PostgreSQL's version as a number: 140004 is 14.4"),
        ],
    },
    queries: &[Query {
        needs: &[],
        sql: "SELECT (SELECT setting FROM pg_settings WHERE name = 'data_directory'), pg_database_size(current_database()),
                     current_setting('server_version_num')::integer",
    }],
};

const RELATION: Source = Source {
    table: &Table {
        name: "relation",
        doc: "The big tables of a database, those that the upgrade rewrites among them.",
        grain: "a table of a database",
        scope: ScopeKind::Database,
        columns: &[
            Column::text("name", "name of the table").key().vocabulary(),
            Column::integer("total_bytes", "size on disk with its indexes, TOAST and partitions, in bytes"),
        ],
    },
    queries: &[Query {
        needs: &[],
        // A partitioned table has no size of its own: its partitions have it.
        sql: "SELECT c.relname::text, sum(pg_total_relation_size(p.oid))::bigint
              FROM pg_class AS c
              JOIN pg_class AS p ON p.oid = c.oid OR p.oid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = c.oid)
              WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND pg_table_is_visible(c.oid)
                AND c.relname IN ('t_message_body', 't_mailbox_record', 't_container_item', 't_container_changelog',
                                  't_container_changeset', 't_changeset')
              GROUP BY c.relname ORDER BY 1",
    }],
};

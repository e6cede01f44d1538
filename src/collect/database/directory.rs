//! The tables of the directory database `bj`, and the query that fills each.
//!
//! Column names and value meanings follow BlueMind's SQL schemas of 4.0.7 and 4.2. `global.virt` is BlueMind's
//! management domain; it is collected and marked, never left out silently.

use crate::collect::reach::source::{Query, Source};
use crate::fact::{Column, ScopeKind, Table};

/// What is read from `bj`.
pub(in crate::collect) const SOURCES: &[Source] = &[
    INSTALLATION,
    SERVER,
    SERVER_ROLE,
    ROLE_ASSIGNMENT,
    DOMAIN,
    DOMAIN_ALIAS,
    MAILBOX,
    MAPI_REPLICA,
    COMPONENT_VERSION,
    UPGRADER,
    HOT_UPGRADE,
    BACKUP_SKIPPED_TAG,
];

const INSTALLATION: Source = Source {
    table: &Table {
        name: "installation",
        doc: "The installation as its directory database describes itself (`t_systemconf` and the `installation` container).",
        grain: "the installation",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("installation_id", "`bluemind-` and the content of /etc/bm/mcast.id").nullable(),
            Column::text("external_url", "public host name, without scheme").nullable(),
            Column::text("other_urls", "further public host names, separated by blanks").nullable(),
            Column::text("db_version", "`db_version` of the system configuration, such as `4.1.43922`")
                .nullable()
                .vocabulary(),
            Column::text("authentication", "how users are authenticated, such as `INTERNAL`, `CAS` or `KERBEROS` (`auth_type`)")
                .nullable()
                .vocabulary(),
            Column::boolean("has_contact", "whether somebody is named whom BlueMind writes to about the subscription (`subscription_contacts`); null where the configuration has no `db`, as BlueMind does not ask then").nullable(),
        ],
    },
    queries: &[Query {
        needs: &["t_systemconf", "t_container"],
        sql: "SELECT (SELECT c.uid FROM t_container c WHERE c.container_type = 'installation' ORDER BY c.id LIMIT 1),
                     s.configuration->'external-url', s.configuration->'other-urls', s.configuration->'db_version',
                     nullif(s.configuration->'auth_type', ''),
                     CASE WHEN exist(s.configuration, 'db') THEN coalesce(trim(s.configuration->'subscription_contacts'), '') <> '' END
              FROM (SELECT 1) one LEFT JOIN t_systemconf s ON true LIMIT 1",
    }],
};

const SERVER: Source = Source {
    table: &Table {
        name: "server",
        doc: "The servers of the installation (`t_server`).",
        grain: "a server",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("server_uid", "uid, as in /etc/bm/server.uid on the server itself").key(),
            Column::text("name", "display name").nullable(),
            Column::text("ip", "IP address that BlueMind connects to").nullable(),
            Column::text("fqdn", "fully qualified host name").nullable(),
        ],
    },
    queries: &[Query {
        needs: &["t_server"],
        sql: "SELECT i.uid, s.name, nullif(s.ip, ''), nullif(s.fqdn, '')
              FROM t_server s
              JOIN t_container_item i ON i.id = s.item_id
              JOIN t_container c ON c.id = i.container_id AND c.container_type = 'installation'
              ORDER BY i.uid",
    }],
};

const SERVER_ROLE: Source = Source {
    table: &Table {
        name: "server_role",
        doc: "The roles (BlueMind's server tags) that each server holds.",
        grain: "a role of a server",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("server_uid", "uid of the server").key(),
            Column::text("role", "tag, such as `mail/imap` or `bm/pgsql-data`").key().vocabulary(),
        ],
    },
    queries: &[Query {
        needs: &["t_server"],
        sql: "SELECT i.uid, tag
              FROM t_server s
              JOIN t_container_item i ON i.id = s.item_id
              JOIN t_container c ON c.id = i.container_id AND c.container_type = 'installation'
              CROSS JOIN LATERAL unnest(s.tags) AS tag
              WHERE tag IS NOT NULL
              ORDER BY i.uid, tag",
    }],
};

const ROLE_ASSIGNMENT: Source = Source {
    table: &Table {
        name: "role_assignment",
        doc: "Which server serves a domain in a role (`t_server_assignment`).",
        grain: "a domain, server and role",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("domain_uid", "uid of the domain").key(),
            Column::text("server_uid", "uid of the server").key(),
            Column::text("role", "tag, such as `mail/imap`").vocabulary(),
        ],
    },
    queries: &[Query {
        needs: &["t_server_assignment"],
        sql: "SELECT domain_uid, server_uid, tag FROM t_server_assignment ORDER BY 1, 2, 3",
    }],
};

const DOMAIN: Source = Source {
    table: &Table {
        name: "domain",
        doc: "The domains (`t_domain`), the management domain `global.virt` included.",
        grain: "a domain",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("domain_uid", "uid; in 4.0 also the domain's name").key(),
            Column::boolean("is_global", "whether it is the management domain `global.virt`"),
        ],
    },
    queries: &[Query { needs: &["t_domain"], sql: "SELECT name, global FROM t_domain ORDER BY name" }],
};

const DOMAIN_ALIAS: Source = Source {
    table: &Table {
        name: "domain_alias",
        doc: "The aliases of each domain, its own name left out.",
        grain: "an alias of a domain",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("domain_uid", "uid of the domain").key(),
            Column::text("alias", "the alias, as it was written").key(),
        ],
    },
    queries: &[Query {
        needs: &["t_domain"],
        sql: "SELECT d.name, alias FROM t_domain d CROSS JOIN LATERAL unnest(d.aliases) AS alias
              WHERE alias IS NOT NULL AND alias <> d.name ORDER BY 1, 2",
    }],
};

const MAILBOX: Source = Source {
    table: &Table {
        name: "mailbox",
        doc: "The mailboxes of every directory entry that has one (`t_mailbox`, `t_directory_entry`, `t_mailbox_email`).",
        grain: "a mailbox",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("mailbox_uid", "uid of the directory entry").key(),
            Column::text("domain_uid", "uid of the domain").key(),
            Column::text("name", "mailbox name; a user's login. Cyrus writes its dots as `^`"),
            Column::text("type", "what it belongs to").one_of(&["user", "mailshare", "resource", "group"]),
            Column::text("routing", "where its mail goes").one_of(&["internal", "external", "none"]),
            Column::text("backend_uid", "uid of the mail server that stores it (`datalocation`)").nullable().key(),
            Column::text("address", "its default address, with the domain's name where BlueMind leaves it open").nullable(),
            Column::boolean("is_archived", "suspended in the directory"),
            Column::boolean("is_system", "BlueMind's own, such as `bmhiddensysadmin`"),
            Column::integer("made_at", "when its directory entry was made, in seconds since the epoch, as far as the database's time zone is that of bm-core").nullable(),
            Column::text("tree_location", "uid of the server in whose shard BlueMind looks for its folders (`t_container_location`); null where it looks in `bj`").nullable(),
        ],
    },
    queries: &[Query {
        needs: &["t_mailbox", "t_directory_entry", "t_mailbox_email", "t_container_location"],
        sql: "SELECT i.uid, c.uid, m.name, m.type::text, m.routing::text, nullif(e.datalocation, ''),
                     (SELECT a.left_address || '@' || coalesce(nullif(a.right_address, ''), c.uid) FROM t_mailbox_email a
                      WHERE a.item_id = m.item_id AND a.is_default ORDER BY 1 LIMIT 1),
                     coalesce(m.archived, false) OR coalesce(e.flag_archived, false),
                     coalesce(m.system, false) OR coalesce(e.flag_system, false),
                     extract(epoch FROM i.created::timestamptz)::bigint, nullif(l.location, '')
              FROM t_mailbox m
              JOIN t_container_item i ON i.id = m.item_id
              JOIN t_container c ON c.id = i.container_id AND c.container_type = 'dir'
              LEFT JOIN t_directory_entry e ON e.item_id = m.item_id
              LEFT JOIN t_container_location l ON l.container_uid = 'subtree_' || replace(c.uid, '.', '_') || '!'
                                               || CASE WHEN m.type::text = 'user' THEN 'user.' ELSE '' END || i.uid
              ORDER BY 2, 1",
    }],
};

/// What is read from `bj` once more when all else was read, and the table that it is held against.
pub(in crate::collect) const AGAIN: &Source = &MAILBOX_CHANGE;
pub(in crate::collect) const FIRST: &Table = MAILBOX.table;

const MAILBOX_CHANGE: Source = Source {
    table: &Table {
        name: "mailbox_change",
        doc: "The mailboxes that came, went or were changed while the facts were collected: every form of one that the directory told at \
              one time and not at another. It is read when the run begins and when it ends, and of several snapshots with each.",
        grain: "a form of a mailbox that changed",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("mailbox_uid", "uid of the directory entry").key(),
            Column::text("domain_uid", "uid of the domain").key(),
            Column::text("name", "mailbox name, as in `mailbox`"),
            Column::text("type", "what it belongs to").one_of(&["user", "mailshare", "resource", "group"]),
            Column::text("routing", "where its mail goes").one_of(&["internal", "external", "none"]),
            Column::text("backend_uid", "uid of the mail server that stores it").nullable(),
            Column::boolean("is_archived", "suspended in the directory"),
        ],
    },
    queries: &[Query {
        needs: &["t_mailbox", "t_directory_entry"],
        sql: "SELECT i.uid, c.uid, m.name, m.type::text, m.routing::text, nullif(e.datalocation, ''),
                     coalesce(m.archived, false) OR coalesce(e.flag_archived, false)
              FROM t_mailbox m
              JOIN t_container_item i ON i.id = m.item_id
              JOIN t_container c ON c.id = i.container_id AND c.container_type = 'dir'
              LEFT JOIN t_directory_entry e ON e.item_id = m.item_id",
    }],
};

const MAPI_REPLICA: Source = Source {
    table: &Table {
        name: "mapi_replica",
        doc: "The mailboxes that were opened by MAPI at least once (`t_mapi_replica`).",
        grain: "a mailbox used through MAPI",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("mailbox_uid", "uid of the mailbox").key(),
            Column::text("replica_guid", "local replica GUID, the link to `mapi_folder`").nullable().key(),
        ],
    },
    queries: &[Query {
        needs: &["t_mapi_replica"],
        sql: "SELECT mailbox_uid, local_replica_guid FROM t_mapi_replica ORDER BY 1",
    }],
};

const COMPONENT_VERSION: Source = Source {
    table: &Table {
        name: "component_version",
        doc: "The version of each component as its last upgrade left it (`t_component_version`).",
        grain: "a component",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("component", "such as `bm/core`").key().vocabulary(),
            Column::text("version", "technical version, such as `4.1.43922`").vocabulary(),
        ],
    },
    queries: &[Query {
        needs: &["t_component_version"],
        sql: "SELECT component, version FROM t_component_version ORDER BY 1",
    }],
};

const UPGRADER: Source = Source {
    table: &Table {
        name: "upgrader",
        doc: "The upgraders that were run (`t_upgraders` up to 4.2, `t_bm_upgraders` from 4.3 on).",
        grain: "a run of an upgrader",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("name", "component and build of the upgrader, or its id from 4.3 on").vocabulary(),
            Column::text("phase", "such as `SCHEMA_UPGRADE`").nullable().vocabulary(),
            Column::boolean("is_success", "whether it ended well"),
        ],
    },
    queries: &[
        Query {
            needs: &["t_upgraders"],
            sql: "SELECT coalesce(component, '?') || ' ' || coalesce((schemaversion / 1000000000)::text || '.' || (schemaversion % 1000000000)::text, '?'),
                         phase::text, coalesce(success, false)
                  FROM t_upgraders ORDER BY id",
        },
        Query {
            needs: &["t_bm_upgraders"],
            sql: "SELECT upgrader_id::text || ' on ' || server || ' (' || database_name::text || ')', phase::text, coalesce(success, false)
                  FROM t_bm_upgraders ORDER BY 1, 2",
        },
    ],
};

const HOT_UPGRADE: Source = Source {
    table: &Table {
        name: "hot_upgrade",
        doc: "The conversions that go on while BlueMind runs after an upgrade, and that have not come to their end (`t_hot_upgrade_task`, from 4.5 on).",
        grain: "a hot upgrade that has not ended well",
        scope: ScopeKind::Directory,
        columns: &[
            Column::text("operation", "what it converts"),
            Column::text("status", "`PLANNED`, or `FAILURE` after a try, also before the next one"),
            Column::integer("failures", "tries that failed"),
            Column::integer("tries", "tries that it has, 0 is without end; null before 4.8").nullable(),
            Column::boolean("is_mandatory", "whether the next upgrade insists on it, as from 5.0 on some do"),
        ],
    },
    // Columns came one by one.
    queries: &[
        Query {
            needs: &["t_hot_upgrade_task"],
            sql: "SELECT operation::text, status::text, coalesce(failure, 0), (to_jsonb(t)->>'retry_count')::integer,
                         coalesce((to_jsonb(t)->>'mandatory')::boolean, false)
                  FROM t_hot_upgrade_task AS t
                  WHERE status::text <> 'SUCCESS' ORDER BY operation, id",
        },
        Query { needs: &[], sql: "SELECT ''::text, ''::text, 0, 0, false WHERE false" },
    ],
};

const BACKUP_SKIPPED_TAG: Source = Source {
    table: &Table {
        name: "backup_skipped_tag",
        doc: "The roles whose data BlueMind's backups leave out, as it is set in the administration console (`dpBackupSkipTags` of the system configuration).",
        grain: "a role that is not backed up",
        scope: ScopeKind::Directory,
        columns: &[Column::text("tag", "such as `mail/imap`").key().vocabulary()],
    },
    queries: &[Query {
        needs: &["t_systemconf"],
        sql: "SELECT DISTINCT trim(tag)
              FROM t_systemconf s CROSS JOIN LATERAL unnest(string_to_array(s.configuration->'dpBackupSkipTags', ',')) AS tag
              WHERE trim(tag) <> '' ORDER BY 1",
    }],
};

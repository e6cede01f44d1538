-- The tables of BlueMind 4.0 that matter to an upgrade, and a few of their neighbours.
--
-- BlueMind creates every table in `bj` and in each `bj-data`; only the rows differ. The extension hstore exists already:
-- only a superuser may create it on older servers.

CREATE TYPE t_domain_routing AS ENUM ('internal', 'external', 'none');
CREATE TYPE enum_mailbox_type AS ENUM ('user', 'mailshare', 'resource', 'group');
CREATE TYPE enum_mailbox_routing AS ENUM ('internal', 'external', 'none');
CREATE TYPE t_directory_entry_account_type AS ENUM ('FULL', 'SIMPLE');
CREATE TYPE enum_upgrader_phase AS ENUM ('SCHEMA_UPGRADE', 'POST_SCHEMA_UPGRADE');

-- Containers: a container owns items, and nearly every other row hangs on an item.

CREATE TABLE t_container (
    id serial PRIMARY KEY,
    uid text NOT NULL UNIQUE,
    container_type varchar NOT NULL,
    name text NOT NULL,
    owner text NOT NULL,
    createdby text NOT NULL,
    updatedby text NOT NULL,
    created timestamp NOT NULL,
    updated timestamp NOT NULL,
    defaultcontainer boolean DEFAULT false,
    domain_uid text,
    readonly boolean DEFAULT false
);
CREATE INDEX ON t_container (container_type);
CREATE INDEX ON t_container (owner);

CREATE TABLE t_container_item (
    id serial PRIMARY KEY,
    container_id integer REFERENCES t_container,
    uid text NOT NULL,
    version integer NOT NULL,
    external_id text,
    displayname text,
    createdby text NOT NULL,
    updatedby text NOT NULL,
    created timestamp NOT NULL,
    updated timestamp NOT NULL,
    flags integer NOT NULL,
    UNIQUE (container_id, uid)
);

CREATE TABLE t_container_location (container_uid text PRIMARY KEY, location text);
CREATE TABLE t_container_acl (
    container_id integer REFERENCES t_container,
    subject text NOT NULL,
    verb text NOT NULL,
    position smallint NOT NULL
);
CREATE TABLE t_container_sub (
    container_uid text NOT NULL,
    container_type text,
    user_id integer NOT NULL,
    offline_sync boolean DEFAULT true
);
CREATE TABLE t_container_hierarchy (
    name text NOT NULL,
    container_type text NOT NULL,
    container_uid text NOT NULL,
    item_id integer NOT NULL
);
CREATE TABLE t_container_changelog (
    version integer NOT NULL,
    container_id integer NOT NULL,
    item_uid text NOT NULL,
    item_external_id text,
    type smallint NOT NULL,
    author text NOT NULL,
    date timestamp NOT NULL,
    origin text,
    item_id integer,
    weight_seed bigint DEFAULT 0,
    PRIMARY KEY (version, container_id, item_uid)
);
CREATE TABLE t_container_changeset (
    version integer NOT NULL,
    container_id integer NOT NULL,
    item_uid text NOT NULL,
    item_external_id text,
    type smallint NOT NULL,
    author text NOT NULL,
    date timestamp NOT NULL,
    origin text,
    item_id integer,
    weight_seed bigint
);

-- The installation: servers, domains, settings, versions.

CREATE TABLE t_server (
    item_id integer PRIMARY KEY REFERENCES t_container_item,
    ip varchar,
    fqdn text,
    name varchar NOT NULL,
    tags text[]
);
CREATE TABLE t_server_assignment (server_uid text NOT NULL, domain_uid text NOT NULL, tag text NOT NULL);
CREATE TABLE t_domain (
    item_id integer PRIMARY KEY REFERENCES t_container_item,
    label text NOT NULL,
    name text NOT NULL UNIQUE,
    description text,
    global boolean NOT NULL,
    aliases text[] NOT NULL,
    properties hstore
);
CREATE TABLE t_settings_domain (item_id integer PRIMARY KEY REFERENCES t_container_item, settings hstore);
CREATE TABLE t_settings_user (item_id integer PRIMARY KEY REFERENCES t_container_item, settings hstore);
CREATE TABLE t_settings_global (settings hstore);
CREATE TABLE t_systemconf (configuration hstore);
INSERT INTO t_systemconf VALUES ('');
CREATE TABLE t_component_version (component text PRIMARY KEY, version text NOT NULL);
CREATE TABLE schema_version (name text NOT NULL, version text NOT NULL);
CREATE TABLE t_upgraders (
    id serial PRIMARY KEY,
    schemaversion bigint,
    phase enum_upgrader_phase,
    component text,
    success boolean
);

-- The directory: entries, their mailboxes and addresses. All rows of one entry share its item.

CREATE TABLE t_directory_entry (
    kind text NOT NULL,
    account_type t_directory_entry_account_type,
    entry_uid text NOT NULL,
    displayname text NOT NULL,
    email text,
    flag_hidden boolean DEFAULT false,
    flag_system boolean DEFAULT false,
    flag_archived boolean DEFAULT false,
    orgunit_item_id integer,
    datalocation text,
    item_id integer UNIQUE REFERENCES t_container_item
);
CREATE TABLE t_domain_user (
    item_id integer PRIMARY KEY REFERENCES t_container_item,
    login varchar NOT NULL,
    password varchar,
    archived boolean DEFAULT false,
    system boolean DEFAULT false,
    hidden boolean DEFAULT false,
    routing t_domain_routing,
    server_id text,
    properties hstore,
    password_algorithm varchar
);
CREATE TABLE t_group (
    item_id integer PRIMARY KEY REFERENCES t_container_item,
    container_id integer,
    name text NOT NULL,
    description text,
    hidden boolean DEFAULT false,
    hiddenmembers boolean DEFAULT true,
    mailarchived boolean,
    server_id text,
    properties hstore
);
CREATE TABLE t_group_usermember (group_id integer NOT NULL, user_id integer NOT NULL);
CREATE TABLE t_resource (
    item_id integer PRIMARY KEY REFERENCES t_container_item,
    label text NOT NULL,
    type_id varchar,
    description text,
    mailbox_location varchar NOT NULL,
    "values" hstore
);
CREATE TABLE t_mailbox (
    item_id integer PRIMARY KEY REFERENCES t_container_item,
    name text NOT NULL,
    type enum_mailbox_type NOT NULL,
    system boolean DEFAULT false,
    hidden boolean DEFAULT false,
    archived boolean DEFAULT false,
    routing enum_mailbox_routing NOT NULL,
    quota integer
);
CREATE TABLE t_mailbox_email (
    item_id integer REFERENCES t_container_item,
    left_address text,
    right_address text,
    all_aliases boolean DEFAULT false,
    is_default boolean DEFAULT false
);

-- Mail, as replication from Cyrus writes it.

CREATE TABLE t_mailbox_replica (
    short_name text NOT NULL,
    parent_uid text,
    name text NOT NULL,
    last_uid bigint NOT NULL,
    highest_mod_seq bigint NOT NULL,
    recent_uid bigint NOT NULL,
    recent_time timestamp NOT NULL,
    last_append_date timestamp NOT NULL,
    pop3_last_login timestamp NOT NULL,
    uid_validity bigint NOT NULL,
    acls jsonb NOT NULL,
    options varchar NOT NULL,
    sync_crc bigint NOT NULL,
    quotaroot text,
    item_id integer UNIQUE REFERENCES t_container_item
);
CREATE TABLE t_mailbox_record (
    message_body_guid text NOT NULL,
    imap_uid bigint NOT NULL,
    mod_seq bigint NOT NULL,
    last_updated timestamp NOT NULL,
    internal_date timestamp NOT NULL,
    system_flags integer NOT NULL,
    other_flags text[],
    item_id integer REFERENCES t_container_item
);
CREATE INDEX ON t_mailbox_record (imap_uid);
CREATE INDEX ON t_mailbox_record (message_body_guid);
CREATE INDEX ON t_mailbox_record (item_id);
CREATE TABLE t_message_body (
    guid text PRIMARY KEY,
    subject text,
    structure jsonb,
    headers jsonb,
    recipients jsonb,
    message_id text,
    references_header text[],
    date_header timestamp NOT NULL,
    size integer NOT NULL,
    preview varchar,
    body_version integer NOT NULL DEFAULT 0,
    created timestamp NOT NULL DEFAULT now()
);
CREATE TABLE t_seen_overlay (
    user_id text NOT NULL,
    unique_id text NOT NULL,
    last_read bigint NOT NULL,
    last_uid bigint NOT NULL,
    last_change bigint NOT NULL,
    seen_uids text NOT NULL
);
CREATE TABLE t_quota_root (root text NOT NULL, limit_kb integer NOT NULL);
CREATE TABLE t_mailbox_sub (user_id text NOT NULL, mbox text NOT NULL);

-- Outlook.

CREATE TABLE t_mapi_replica (
    local_replica_guid varchar,
    mailbox_guid varchar,
    logon_replica_guid varchar,
    message_objects_guid varchar,
    mailbox_uid text PRIMARY KEY
);
CREATE TABLE t_mapi_folders (
    replica_guid varchar NOT NULL,
    container_uid text NOT NULL,
    parent_container_uid text,
    display_name text,
    container_class text,
    PRIMARY KEY (replica_guid, container_uid)
);
CREATE TABLE t_mapi_raw_message (content jsonb, item_id integer REFERENCES t_container_item);
CREATE TABLE t_mapi_fai (folder_id text, fai jsonb, item_id integer REFERENCES t_container_item);

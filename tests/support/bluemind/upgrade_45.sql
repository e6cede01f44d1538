-- A shard of 4.2 after the upgrades to 4.5, as far as mail goes: records and folders say themselves where they are.

ALTER TABLE t_mailbox_record ADD COLUMN container_id integer;
UPDATE t_mailbox_record AS r SET container_id = i.container_id FROM t_container_item AS i WHERE i.id = r.item_id;
ALTER TABLE t_mailbox_record ALTER COLUMN container_id SET NOT NULL;

ALTER TABLE t_mailbox_replica ADD COLUMN unique_id text, ADD COLUMN container_id integer;
UPDATE t_mailbox_replica AS r SET unique_id = i.uid, container_id = i.container_id FROM t_container_item AS i WHERE i.id = r.item_id;
ALTER TABLE t_mailbox_replica ALTER COLUMN unique_id SET NOT NULL, ALTER COLUMN container_id SET NOT NULL;

CREATE TABLE t_message_body_purge_queue (message_body_guid bytea NOT NULL, created timestamp NOT NULL DEFAULT now());

CREATE TABLE IF NOT EXISTS t_hot_upgrade_task (
    id serial PRIMARY KEY,
    operation text NOT NULL,
    parameters jsonb,
    status text NOT NULL DEFAULT 'PLANNED',
    failure smallint NOT NULL DEFAULT 0,
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now()
);

-- The upgraders that the 4.3 took for done, and its own.
CREATE TYPE enum_database_name AS ENUM ('DIRECTORY', 'SHARD', 'ALL');
CREATE TABLE t_bm_upgraders (
    server text NOT NULL,
    phase enum_upgrader_phase,
    database_name enum_database_name NOT NULL,
    upgrader_id text NOT NULL,
    success boolean NOT NULL,
    PRIMARY KEY (server, database_name, upgrader_id)
);
INSERT INTO t_bm_upgraders VALUES
    ('bm-master', 'SCHEMA_UPGRADE', 'ALL', '2020-04-280000000430', true),
    ('bm-master', 'POST_SCHEMA_UPGRADE', 'DIRECTORY', '2020-10-060000000001', true);

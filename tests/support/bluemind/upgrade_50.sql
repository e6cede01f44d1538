-- A shard of 4.8 after the upgrade to 5.0, as far as mail goes: records lie in 256 partitions by the container of their
-- mailbox's tree, and what has changed in one table, in 256 by its container.

ALTER TABLE t_mailbox_record RENAME TO t_record_before;
CREATE TABLE t_mailbox_record (
    item_id bigint NOT NULL,
    subtree_id integer NOT NULL,
    container_id integer NOT NULL,
    imap_uid bigint NOT NULL,
    conversation_id bigint,
    last_updated timestamp NOT NULL,
    internal_date timestamp NOT NULL,
    system_flags integer NOT NULL,
    message_body_guid bytea NOT NULL,
    other_flags text[],
    PRIMARY KEY (subtree_id, item_id)
) PARTITION BY HASH (subtree_id);

CREATE TABLE t_changeset (
    type smallint NOT NULL,
    version integer NOT NULL,
    container_id integer NOT NULL,
    item_id bigint NOT NULL,
    weight_seed bigint DEFAULT 0,
    date timestamp NOT NULL,
    item_uid text NOT NULL
) PARTITION BY HASH (container_id);

DO $$
BEGIN
    FOR part IN 0..255 LOOP
        EXECUTE format('CREATE TABLE t_mailbox_record_%s PARTITION OF t_mailbox_record FOR VALUES WITH (MODULUS 256, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE t_changeset_%s PARTITION OF t_changeset FOR VALUES WITH (MODULUS 256, REMAINDER %s)', part, part);
    END LOOP;
END $$;

INSERT INTO t_mailbox_record
SELECT o.item_id, f.container_id, o.container_id, o.imap_uid, o.conversation_id, o.last_updated, o.internal_date, o.system_flags,
       o.message_body_guid, o.other_flags
FROM t_record_before AS o
JOIN t_container AS c ON c.id = o.container_id
JOIN t_mailbox_replica AS f ON 'mbox_records_' || f.unique_id = c.uid;

CREATE INDEX ON t_mailbox_record (message_body_guid);
DROP TABLE t_record_before, t_container_changelog, t_container_changeset;

ALTER TABLE t_hot_upgrade_task ADD COLUMN eventlog jsonb, ADD COLUMN mandatory boolean NOT NULL DEFAULT false;

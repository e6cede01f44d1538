-- A shard of 4.5 after the upgrades to 4.8, as far as mail goes: items have numbers of 64 bits, shared folders their full name.

ALTER TABLE t_container_item ALTER COLUMN id TYPE bigint;
ALTER TABLE t_mailbox_record ALTER COLUMN item_id TYPE bigint;
ALTER TABLE t_mailbox_replica ALTER COLUMN item_id TYPE bigint;
ALTER TABLE t_mailbox_record ADD COLUMN conversation_id bigint;
ALTER TABLE t_mailbox_replica ADD COLUMN xconv_mod_seq bigint;

UPDATE t_mailbox_replica AS r SET name = substr(c.name, length('shared/') + 1) || '/' || r.name
FROM t_container AS c
WHERE c.id = r.container_id AND c.name LIKE 'shared/%' AND r.name <> substr(c.name, length('shared/') + 1);

ALTER TABLE t_hot_upgrade_task
    ADD COLUMN execution_mode text NOT NULL DEFAULT 'DIRECT',
    ADD COLUMN retry_count integer NOT NULL DEFAULT 3,
    ADD COLUMN retry_delay integer NOT NULL DEFAULT 0,
    ADD COLUMN report_failure boolean NOT NULL DEFAULT true;

-- A shard of 4.2 after the upgrades to 4.5, as far as mail goes: records and folders say themselves where they are.

ALTER TABLE t_mailbox_record ADD COLUMN container_id integer;
UPDATE t_mailbox_record AS r SET container_id = i.container_id FROM t_container_item AS i WHERE i.id = r.item_id;
ALTER TABLE t_mailbox_record ALTER COLUMN container_id SET NOT NULL;

ALTER TABLE t_mailbox_replica ADD COLUMN unique_id text, ADD COLUMN container_id integer;
UPDATE t_mailbox_replica AS r SET unique_id = i.uid, container_id = i.container_id FROM t_container_item AS i WHERE i.id = r.item_id;
ALTER TABLE t_mailbox_replica ALTER COLUMN unique_id SET NOT NULL, ALTER COLUMN container_id SET NOT NULL;

CREATE TABLE t_message_body_purge_queue (message_body_guid bytea NOT NULL, created timestamp NOT NULL DEFAULT now());

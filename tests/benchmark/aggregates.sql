-- What a shard has to compute for the facts, as psql would ask for it.
SET jit = off;
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT count(*) FROM t_message_body;
SELECT count(*), count(*) FILTER (WHERE system_flags >= 0) FROM t_mailbox_record;
SELECT i.container_id, count(*), count(*) FILTER (WHERE b.guid IS NULL)
FROM t_mailbox_record m
JOIN t_container_item i ON i.id = m.item_id
LEFT JOIN t_message_body b ON b.guid = m.message_body_guid
WHERE m.system_flags >= 0
GROUP BY i.container_id;
COMMIT;

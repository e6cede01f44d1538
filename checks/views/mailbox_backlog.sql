-- A mailbox in Cyrus some of whose messages are not in the shard of its server, with what BlueMind knows of it:
-- `known`, or why replication does not follow it.
WITH
backlog AS MATERIALIZED (
  SELECT r.server_uid, r.root_name, sum(r.messages) AS messages, sum(r.distinct_messages) AS distinct_messages,
         sum(r.missing) AS missing, sum(r.missing_recent) AS missing_recent, sum(r.missing > 0) AS folders,
         max(r.last_append_at) AS last_append_at, max(r.newest_missing_at) AS newest_missing_at
  FROM message_replication AS r
  GROUP BY r.server_uid, r.root_name
  HAVING sum(r.missing) > 0
)
SELECT b.server_uid, b.root_name, b.messages, b.distinct_messages, b.missing, b.missing_recent, b.folders,
       b.last_append_at, b.newest_missing_at, k.mailbox_uid, k.domain_uid, k.type, k.routing,
       coalesce(k.mailbox, b.root_name) AS mailbox,
       -- A message that others have received as well is there without this mailbox's doing.
       b.missing * 10 > b.distinct_messages * 9 AS is_hardly_there,
       CASE WHEN k.root_name IS NULL THEN 'unknown'
            WHEN k.backend_uid <> b.server_uid THEN 'of_another_server'
            ELSE k.state
       END AS state
FROM backlog AS b
LEFT JOIN mailbox_root AS k ON k.root_name = b.root_name

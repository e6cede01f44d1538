-- One row: the root that a mailbox of BlueMind has in Cyrus, by its internal name (`root_name`). `state`: `known`, or why
-- replication does not follow it, wherever it is.
-- As text: SQLite makes no index for a comparison of a column with an expression of no type.
SELECT
  CAST(m.domain_uid || '!' || iif(m.type = 'user', 'user.', '') || replace(m.name, '.', '^') AS TEXT) AS root_name,
  min(m.mailbox_uid) AS mailbox_uid, min(m.domain_uid) AS domain_uid, min(m.type) AS type, min(m.name) AS name,
  min(m.name || '@' || m.domain_uid) AS mailbox, min(coalesce(m.address, m.name || '@' || m.domain_uid)) AS address,
  max(nullif(m.backend_uid, '')) AS backend_uid, min(m.routing) AS routing,
  CASE WHEN min(m.is_archived) THEN 'suspended'
       WHEN min(m.is_system) OR min(m.routing) = 'external' THEN 'not_replicated'
       ELSE 'known'
  END AS state
FROM mailbox AS m
GROUP BY 1

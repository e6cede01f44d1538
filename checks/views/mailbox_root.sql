-- One row: the root that a mailbox of BlueMind has in Cyrus, by its internal name (`root_name`).
-- As text: SQLite makes no index for a comparison of a column with an expression of no type.
SELECT
  CAST(m.domain_uid || '!' || iif(m.type = 'user', 'user.', '') || replace(m.name, '.', '^') AS TEXT) AS root_name,
  min(m.mailbox_uid) AS mailbox_uid, min(m.domain_uid) AS domain_uid, min(m.type) AS type,
  min(m.name || '@' || m.domain_uid) AS mailbox, max(nullif(m.backend_uid, '')) AS backend_uid,
  min(m.is_archived) AS is_archived, min(m.is_system) AS is_system, min(m.routing) AS routing
FROM mailbox AS m
GROUP BY 1

-- One row: the root that a mailbox of BlueMind has in Cyrus, by its internal name (`root_name`). `state`: `known`, or why
-- replication does not follow it, wherever it is; `changed` where the directory told it in several ways meanwhile: each of its
-- names is one of BlueMind's, and more cannot be said.
-- As text: SQLite makes no index for a comparison of a column with an expression of no type.
WITH form AS (
  SELECT m.mailbox_uid, m.domain_uid, m.type, m.name, m.address, m.backend_uid, m.routing, m.is_archived, m.is_system,
         EXISTS (SELECT 1 FROM mailbox_change AS h WHERE h.mailbox_uid = m.mailbox_uid AND +h.domain_uid = m.domain_uid) AS is_changed
  FROM mailbox AS m
  UNION ALL
  SELECT h.mailbox_uid, h.domain_uid, h.type, h.name, NULL, h.backend_uid, h.routing, h.is_archived, 0, 1
  FROM mailbox_change AS h
)
SELECT
  CAST(cyrus_root(m.domain_uid, m.type, m.name) AS TEXT) AS root_name,
  min(m.mailbox_uid) AS mailbox_uid, min(m.domain_uid) AS domain_uid, min(m.type) AS type, min(m.name) AS name,
  min(m.name || '@' || m.domain_uid) AS mailbox, min(coalesce(m.address, m.name || '@' || m.domain_uid)) AS address,
  max(nullif(m.backend_uid, '')) AS backend_uid, min(m.routing) AS routing,
  CASE WHEN max(m.is_changed) THEN 'changed'
       WHEN min(m.is_archived) THEN 'suspended'
       WHEN min(m.is_system) OR min(m.routing) = 'external' THEN 'not_replicated'
       ELSE 'known'
  END AS state
FROM form AS m
GROUP BY 1

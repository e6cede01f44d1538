-- One row: a mail server and its replication connections to bm-core, the fewest (`least`) and the most (`most`) that were
-- seen. `seen_at`: whose sockets count: those of bm-core (core), those of the mail server (backend) where bm-core's are not
-- known, or where a stranger's connection may be that of the mail server; null if nobody can tell. `is_missed`: bm-core
-- has no connection from it, and it may yet be the one behind a stranger's address.
WITH
backend AS MATERIALIZED (SELECT DISTINCT server_uid FROM server_role WHERE role = 'mail/imap'),
core AS MATERIALIZED (SELECT DISTINCT server_uid FROM server_role WHERE role = 'bm/core'),
at_core AS MATERIALIZED (
  SELECT p.peer_uid, sum(p.least) AS least, sum(p.most) AS most
  FROM core AS c JOIN replication_peer AS p ON p.server_uid = c.server_uid
  WHERE p.direction = 'incoming' AND p.most > 0
  GROUP BY p.peer_uid
),
at_backend AS MATERIALIZED (
  SELECT
    b.server_uid,
    -- Connections to another server than bm-core's are none.
    coalesce(sum(CASE WHEN p.peer_uid IS NULL OR c.server_uid IS NOT NULL THEN p.least END), 0) AS least,
    coalesce(sum(CASE WHEN p.peer_uid IS NULL OR c.server_uid IS NOT NULL THEN p.most END), 0) AS most
  FROM backend AS b
  JOIN (SELECT DISTINCT server_uid FROM replication_connection) AS r ON r.server_uid = b.server_uid
  LEFT JOIN replication_peer AS p ON p.server_uid = b.server_uid AND p.direction = 'outgoing'
  LEFT JOIN core AS c ON c.server_uid = p.peer_uid
  GROUP BY b.server_uid
)
SELECT
  b.server_uid,
  CASE WHEN k.is_read AND (c.most > 0 OR k.strangers IS NULL) THEN 'core'
       WHEN o.server_uid IS NOT NULL THEN 'backend'
  END AS seen_at,
  CASE WHEN k.is_read AND (c.most > 0 OR k.strangers IS NULL) THEN coalesce(c.least, 0) ELSE o.least END AS least,
  CASE WHEN k.is_read AND (c.most > 0 OR k.strangers IS NULL) THEN coalesce(c.most, 0) ELSE o.most END AS most,
  c.most IS NULL AND coalesce(o.most > 0, 1) AS is_missed
FROM backend AS b
CROSS JOIN replication_core AS k
LEFT JOIN at_core AS c ON c.peer_uid = b.server_uid
LEFT JOIN at_backend AS o ON o.server_uid = b.server_uid

-- One row: bm-core as far as replications go, on however many servers. `is_read`: whether the sockets of all of them are
-- known; `is_listening`: whether one takes replications; `strangers`: the addresses of nobody known that are connected.
WITH
core AS MATERIALIZED (
  SELECT r.server_uid, max(c.direction IS NOT NULL) AS is_read, coalesce(max(c.direction = 'incoming'), 0) AS is_listening
  FROM server_role AS r LEFT JOIN replication_connection AS c ON c.server_uid = r.server_uid AND +c.peer IS NULL
  WHERE r.role = 'bm/core'
  GROUP BY r.server_uid
),
stranger AS (
  SELECT DISTINCT p.peer
  FROM core AS c JOIN replication_peer AS p ON p.server_uid = c.server_uid
  WHERE p.direction = 'incoming' AND p.peer_uid IS NULL
  ORDER BY p.peer
)
SELECT
  coalesce(min(is_read), 0) AS is_read, coalesce(max(is_listening), 0) AS is_listening,
  (SELECT group_concat(peer, ', ') FROM stranger) AS strangers
FROM core

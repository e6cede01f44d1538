-- One row: the replication connections that a server has with an address, and the server behind that address (`peer_uid`),
-- null if it is none that is known. Known are the addresses in the directory, and those that a server itself uses: another
-- network card, or a name in the directory.
WITH
address AS MATERIALIZED (
  SELECT a.address, min(a.server_uid) AS server_uid
  FROM (
    SELECT lower(ip) AS address, server_uid FROM server WHERE ip IS NOT NULL
    UNION
    SELECT address, server_uid FROM replication_connection WHERE address IS NOT NULL
  ) AS a
  GROUP BY a.address
)
SELECT
  c.server_uid, c.direction, c.peer, sum(c.sessions_min) AS least, sum(c.sessions_max) AS most,
  CASE WHEN c.peer LIKE '127.%' OR c.peer = '::1' THEN c.server_uid ELSE max(a.server_uid) END AS peer_uid
FROM replication_connection AS c
LEFT JOIN address AS a ON a.address = c.peer
WHERE c.peer IS NOT NULL
GROUP BY c.server_uid, c.direction, c.peer

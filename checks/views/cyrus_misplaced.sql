-- One row: a live folder of a mailbox that BlueMind stores on this server, in another partition than BlueMind's. What lies in
-- the default partition is left out: it has a repair of its own.
SELECT
  c.server_uid, c.name, c.root_name, c.folder, c.partition, p.name IS NOT NULL AS is_defined, k.mailbox, k.domain_uid,
  iif(k.type = 'user', k.address, NULL) AS owner,
  replace(k.backend_uid, '.', '_') || '__' || replace(k.domain_uid, '.', '_') AS expected, i.existing AS messages
FROM cyrus_mailbox AS c
JOIN mailbox_root AS k ON k.root_name = c.root_name AND k.backend_uid = c.server_uid
LEFT JOIN cyrus_partition AS p ON p.name = c.partition AND +p.server_uid = c.server_uid
LEFT JOIN cyrus_index AS i ON i.name = c.name AND +i.server_uid = c.server_uid
WHERE c.is_deleted = 0 AND k.state <> 'changed'
  AND c.partition IS NOT replace(k.backend_uid, '.', '_') || '__' || replace(k.domain_uid, '.', '_')
  AND c.partition IS NOT 'default' AND coalesce(p.is_default, 0) = 0

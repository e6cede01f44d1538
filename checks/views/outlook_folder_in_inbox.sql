-- One row: a folder of Outlook's own below the inbox of a mailbox. `place` is how a reader knows it: mailbox and path.
WITH RECURSIVE
-- From the inbox downwards: a folder has one parent, so what is reached from the inbox is no loop.
below AS (
  SELECT f.server_uid, f.replica_guid, f.container_uid, f.container_class, f.mailbox_uid, f.domain_uid, f.messages,
         coalesce(nullif(f.display_name, ''), f.container_uid) AS path, 1 AS depth,
         f.container_uid AS topmost_uid, coalesce(nullif(f.display_name, ''), f.container_uid) AS topmost_folder
  FROM mapi_folder AS f
  WHERE f.parent_container_uid GLOB 'mapi:INBOX:*'
     OR (f.parent_container_uid GLOB 'mbox_records_*' AND EXISTS (
           SELECT 1 FROM folder AS i
           WHERE i.folder_uid = substr(f.parent_container_uid, length('mbox_records_') + 1)
             AND +i.server_uid = f.server_uid AND i.path = 'INBOX' AND i.is_deleted = 0))
  UNION ALL
  SELECT f.server_uid, f.replica_guid, f.container_uid, f.container_class, f.mailbox_uid, f.domain_uid, f.messages,
         b.path || '/' || coalesce(nullif(f.display_name, ''), f.container_uid), b.depth + 1,
         b.topmost_uid, b.topmost_folder
  FROM below AS b
  JOIN mapi_folder AS f ON f.parent_container_uid = b.container_uid
                       AND +f.server_uid = b.server_uid AND +f.replica_guid = b.replica_guid
  WHERE b.depth < 64
)
SELECT coalesce(m.name || '@' || m.domain_uid, b.replica_guid, '?') || '/INBOX/' || b.path AS place,
       coalesce(m.address, m.name || '@' || m.domain_uid) AS address, m.is_archived,
       b.path, b.container_class, b.messages, b.topmost_uid, b.topmost_folder,
       coalesce(b.mailbox_uid, r.mailbox_uid) AS mailbox_uid, b.container_uid, b.server_uid,
       coalesce(b.container_class, '') = '' OR b.container_class LIKE 'IPF.Note%' AS is_mail
FROM below AS b
LEFT JOIN mapi_replica AS r ON b.mailbox_uid IS NULL AND r.replica_guid = b.replica_guid
LEFT JOIN mailbox AS m ON m.mailbox_uid = coalesce(b.mailbox_uid, r.mailbox_uid)
                      AND m.domain_uid = coalesce(b.domain_uid, m.domain_uid)
WHERE b.container_uid GLOB 'mapi:OUTLOOK-*'
  -- A row in another shard than the mailbox's own is what a move left behind.
  AND (m.backend_uid IS NULL OR m.backend_uid = b.server_uid
       OR NOT EXISTS (SELECT 1 FROM server_role AS s WHERE s.server_uid = m.backend_uid AND +s.role = 'bm/pgsql-data'))

-- One row: a folder of Outlook's own below the inbox of a mailbox. `place` is how a reader knows it: mailbox and path.
WITH RECURSIVE
-- From the inbox downwards: a folder has one parent, so what is reached from the inbox is no loop.
below AS (
  SELECT f.server_uid, f.replica_guid, f.container_uid, coalesce(nullif(f.display_name, ''), f.container_uid) AS path, 1 AS depth
  FROM mapi_folder AS f
  WHERE f.parent_container_uid GLOB 'mapi:INBOX:*'
     OR (f.parent_container_uid GLOB 'mbox_records_*' AND EXISTS (
           SELECT 1 FROM folder AS i
           WHERE i.folder_uid = substr(f.parent_container_uid, length('mbox_records_') + 1)
             AND +i.server_uid = f.server_uid AND i.path = 'INBOX' AND i.is_deleted = 0))
  UNION ALL
  SELECT f.server_uid, f.replica_guid, f.container_uid,
         b.path || '/' || coalesce(nullif(f.display_name, ''), f.container_uid), b.depth + 1
  FROM below AS b
  JOIN mapi_folder AS f ON f.parent_container_uid = b.container_uid
                       AND +f.server_uid = b.server_uid AND +f.replica_guid = b.replica_guid
  WHERE b.depth < 64
)
SELECT f.owner || '/INBOX/' || b.path AS place, b.path, f.owner, f.address, f.is_archived, f.mailbox_uid,
       f.container_class, coalesce(f.container_class, '') = '' OR f.container_class LIKE 'IPF.Note%' AS is_mail,
       f.messages, f.container_uid, f.server_uid
FROM below AS b
JOIN outlook_folder AS f ON f.container_uid = b.container_uid AND f.server_uid = b.server_uid AND f.replica_guid IS b.replica_guid

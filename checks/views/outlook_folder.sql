-- One row: a folder of Outlook's own, mail or not, with its owner: the mailbox of its uid and domain, or that of its
-- replica. `owner`: login and domain, or the replica where no mailbox is known; `address`: whom to write to. What a move
-- left behind in another shard than the mailbox's own is no row.
SELECT
  f.server_uid, f.replica_guid, f.container_uid, f.parent_container_uid, f.container_class, f.has_container, f.is_registered,
  coalesce(nullif(f.display_name, ''), f.container_uid) AS name, f.messages,
  coalesce(f.mailbox_uid, r.mailbox_uid) AS mailbox_uid,
  coalesce(m.name || '@' || m.domain_uid, f.replica_guid, '?') AS owner,
  coalesce(m.address, m.name || '@' || m.domain_uid) AS address, m.is_archived
FROM mapi_folder AS f
LEFT JOIN mapi_replica AS r ON f.mailbox_uid IS NULL AND r.replica_guid = f.replica_guid
LEFT JOIN mailbox AS m ON m.mailbox_uid = coalesce(f.mailbox_uid, r.mailbox_uid)
                      AND m.domain_uid = coalesce(f.domain_uid, m.domain_uid)
WHERE f.container_uid GLOB 'mapi:OUTLOOK-*'
  AND (m.backend_uid IS NULL OR m.backend_uid = f.server_uid
       OR NOT EXISTS (SELECT 1 FROM server_role AS s WHERE s.server_uid = m.backend_uid AND +s.role = 'bm/pgsql-data'))

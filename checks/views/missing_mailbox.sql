-- A mailbox that mail is routed into and whose root the Cyrus of its server does not serve: its list has no such entry, or one of
-- another kind. `problem`: what the list has instead. `lacks_all`: so it is with every mailbox of the server. Groups and resources
-- get theirs with their first message, and one that was made within ten minutes may be on its way.
WITH
due AS MATERIALIZED (
  SELECT CAST(cyrus_root(m.domain_uid, m.type, m.name) AS TEXT) AS root_name,
         min(m.name || '@' || m.domain_uid) AS mailbox, min(coalesce(m.address, m.name || '@' || m.domain_uid)) AS address,
         min(m.type) AS type, m.backend_uid AS server_uid, max(m.made_at) AS made_at
  FROM mailbox AS m
  LEFT JOIN domain AS d ON d.domain_uid = m.domain_uid
  WHERE m.type IN ('user', 'mailshare') AND m.routing = 'internal' AND m.is_archived = 0 AND m.is_system = 0
    AND coalesce(d.is_global, 0) = 0 AND m.domain_uid <> 'global.virt'
    AND NOT EXISTS (SELECT 1 FROM mailbox_change AS h WHERE h.mailbox_uid = m.mailbox_uid AND +h.domain_uid = m.domain_uid)
    -- Where the server itself is wrong, the checks on servers say so.
    AND EXISTS (SELECT 1 FROM server_role AS r WHERE r.server_uid = m.backend_uid AND +r.role = 'mail/imap')
  GROUP BY 1, m.backend_uid
),
seen AS MATERIALIZED (
  SELECT d.*, u.state AS entry, u.host,
         EXISTS (SELECT 1 FROM cyrus_mailbox AS c WHERE c.name = d.root_name AND +c.server_uid = d.server_uid) AS is_listed,
         coalesce(abs(d.made_at - n.read_at) <= 600, 0) AS is_new
  FROM due AS d
  LEFT JOIN cyrus_entry_unserved AS u ON u.name = d.root_name AND +u.server_uid = d.server_uid
  LEFT JOIN cyrus_list AS n ON n.server_uid = d.server_uid
),
counted AS MATERIALIZED (
  SELECT s.server_uid, count(*) AS mailboxes, sum(s.is_listed = 0 OR s.entry IS NOT NULL) AS missing
  FROM seen AS s
  WHERE s.is_new = 0 OR (s.is_listed = 1 AND s.entry IS NULL)
  GROUP BY s.server_uid
),
told AS (
  SELECT s.*, n.mailboxes, n.missing = n.mailboxes AS lacks_all,
         (SELECT count(*) FROM cyrus_mailbox AS c
          WHERE c.root_name = s.root_name AND +c.server_uid = s.server_uid AND +c.is_deleted = 0) AS folders,
         (SELECT max(c.name) FROM cyrus_mailbox AS c
          WHERE c.root_name = s.root_name AND +c.server_uid = s.server_uid AND +c.is_deleted = 1 AND +c.folder IS NULL) AS deleted_name,
         (SELECT min(c.server_uid) FROM cyrus_mailbox AS c WHERE c.name = s.root_name AND +c.server_uid <> s.server_uid) AS other_server_uid,
         EXISTS (SELECT 1 FROM cyrus_entry_unreadable AS e
                 WHERE e.name = s.root_name AND +e.server_uid = s.server_uid) AS is_unreadable
  FROM seen AS s
  JOIN counted AS n ON n.server_uid = s.server_uid
  WHERE (s.is_listed = 0 AND s.is_new = 0) OR s.entry IS NOT NULL
)
SELECT t.root_name, t.mailbox, t.address, t.type, t.server_uid, t.mailboxes, t.lacks_all, t.folders, t.deleted_name,
       t.other_server_uid, t.entry, t.host,
       CASE WHEN t.entry = 'remote' THEN 'entry_of_another_host'
            WHEN t.entry = 'reserved' THEN 'entry_reserved'
            WHEN t.entry = 'moving' THEN 'entry_moving'
            WHEN t.entry = 'not_mail' THEN 'entry_not_mail'
            WHEN t.is_unreadable THEN 'entry_unreadable'
            WHEN t.folders > 0 THEN 'root_not_listed'
            WHEN t.other_server_uid IS NOT NULL THEN 'on_another_server'
            WHEN t.deleted_name IS NOT NULL THEN 'deleted'
            ELSE 'not_listed'
       END AS problem
FROM told AS t

-- A mailbox that has to be replicated and was not: the shard of its server holds no tree of folders for it, or one without
-- the folder in which everything begins. `other_server_uid`: another server whose shard holds a tree for it. `made_at`: one
-- that was just made is on its way.
WITH
live AS MATERIALIZED (
  SELECT m.mailbox_uid, m.domain_uid, m.name, m.type, m.backend_uid, m.made_at, coalesce(m.address, m.name || '@' || m.domain_uid) AS address
  FROM mailbox AS m
  LEFT JOIN domain AS d ON d.domain_uid = m.domain_uid
  WHERE m.type IN ('user', 'mailshare') AND m.routing = 'internal' AND m.is_archived = 0 AND m.is_system = 0
    AND coalesce(d.is_global, 0) = 0 AND m.domain_uid <> 'global.virt'
    AND NOT EXISTS (SELECT 1 FROM mailbox_change AS h WHERE h.mailbox_uid = m.mailbox_uid AND +h.domain_uid = m.domain_uid)
    -- Where the server itself is wrong, the checks on servers say so.
    AND EXISTS (SELECT 1 FROM server_role AS r WHERE r.server_uid = m.backend_uid AND +r.role = 'mail/imap')
    AND EXISTS (SELECT 1 FROM server_role AS r WHERE r.server_uid = m.backend_uid AND +r.role = 'bm/pgsql-data')
    AND EXISTS (
      SELECT 1 FROM role_assignment AS a
      WHERE a.domain_uid = m.domain_uid AND +a.server_uid = m.backend_uid AND a.role = 'mail/imap')
),
judged AS (
  SELECT l.*,
         (SELECT min(s.server_uid) FROM subtree AS s
          WHERE s.mailbox_uid = l.mailbox_uid AND +s.server_uid <> l.backend_uid
            AND coalesce(s.domain_uid, l.domain_uid) = l.domain_uid) AS other_server_uid,
         CASE WHEN NOT EXISTS (
                SELECT 1 FROM subtree AS s
                WHERE s.mailbox_uid = l.mailbox_uid AND +s.server_uid = l.backend_uid
                  AND coalesce(s.domain_uid, l.domain_uid) = l.domain_uid)
              THEN 'no_tree'
              WHEN NOT EXISTS (
                SELECT 1 FROM folder AS f
                WHERE f.mailbox_uid = l.mailbox_uid AND +f.server_uid = l.backend_uid AND f.is_deleted = 0
                  AND coalesce(f.domain_uid, l.domain_uid) = l.domain_uid
                  AND (l.type = 'mailshare' OR f.path = 'INBOX'))
              THEN iif(l.type = 'user', 'no_inbox', 'no_folder')
         END AS problem
  FROM live AS l
)
SELECT j.name || '@' || j.domain_uid AS mailbox, j.problem, j.type, j.address, j.backend_uid AS server_uid, j.other_server_uid, j.made_at
FROM judged AS j
WHERE j.problem IS NOT NULL

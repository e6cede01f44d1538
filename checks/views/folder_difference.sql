-- A live folder of Cyrus that the shard does not have, or of which it shows something else, of a mailbox that replication has
-- to follow. A server whose shard has no record at all is left out: it is one finding, if there is anything to be replicated.
-- `path`: as its user sees it, that of the root being INBOX or the name of the shared mailbox. `owner`: address of the user.
-- `has_other_files`: its own id is not the one that its files have, and by which it was looked for.
-- `address`: by which BlueMind's repair is started, null where it passes over the mailbox.
SELECT r.server_uid, r.unique_id, r.state, k.mailbox, k.mailbox_uid, k.domain_uid, k.name AS mailbox_name, k.type, k.routing,
       coalesce(c.folder, iif(k.type = 'user', 'INBOX', k.name)) AS path, c.is_literal_inbox AND c.folder = 'INBOX' AS is_second_inbox,
       coalesce(c.unique_id <> r.unique_id, 0) AS has_other_files,
       iif(k.type = 'user', k.address, NULL) AS owner, iif(k.type IN ('user', 'mailshare'), k.address, NULL) AS address,
       r.messages, r.missing, r.missing_with_body, r.expunged_in_shard, r.other_content, r.surplus, r.expunged_in_cyrus,
       r.seen_differs, r.recent, r.newest_missing_at
FROM folder_replication AS r
JOIN mailbox_root AS k ON k.root_name = r.root_name AND coalesce(k.backend_uid, r.server_uid) = r.server_uid
JOIN cyrus_mailbox AS c ON c.name = r.name AND +c.server_uid = r.server_uid
JOIN compared_shard AS s ON s.server_uid = r.server_uid
WHERE k.state = 'known' AND s.records > 0
  AND (r.state IN ('missing', 'deleted_in_shard')
       OR r.state = 'replicated'
          AND r.missing + r.expunged_in_shard + r.other_content + r.surplus + r.expunged_in_cyrus + coalesce(r.seen_differs, 0) > 0)

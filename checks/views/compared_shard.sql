-- A mail server whose Cyrus was held against its shard, and how much of it. `records`: live ones in the whole shard.
-- All else is about Cyrus' folders: `other_` is what replication does not follow, the rest what it has to follow; `paired_`
-- are folders that the shard has as well; `missing` are messages that the shard does not show and that did not come in just now.
SELECT r.server_uid, sum(r.records) AS records,
       count(DISTINCT k.root_name) FILTER (WHERE r.messages > 0) AS mailboxes,
       count(k.root_name) FILTER (WHERE r.messages > 0) AS filled_folders,
       count(k.root_name) AS folders, count(k.root_name) FILTER (WHERE r.state = 'replicated') AS paired_folders,
       count(r.name) - count(k.root_name) AS other_folders,
       coalesce(sum(r.messages) FILTER (WHERE k.root_name IS NOT NULL), 0) AS messages,
       coalesce(sum(r.messages) FILTER (WHERE k.root_name IS NOT NULL AND r.state = 'replicated'), 0) AS paired_messages,
       coalesce(sum(r.records) FILTER (WHERE k.root_name IS NOT NULL AND r.state = 'replicated'), 0) AS paired_records,
       coalesce(sum(r.messages) FILTER (WHERE k.root_name IS NULL), 0) AS other_messages,
       coalesce(sum(r.missing + r.expunged_in_shard) FILTER (WHERE k.root_name IS NOT NULL), 0) AS missing,
       coalesce(sum(r.recent) FILTER (WHERE k.root_name IS NOT NULL), 0) AS recent
FROM folder_replication AS r
LEFT JOIN mailbox_root AS k
  ON k.root_name = r.root_name AND coalesce(k.backend_uid, r.server_uid) = r.server_uid AND k.state = 'known'
GROUP BY r.server_uid

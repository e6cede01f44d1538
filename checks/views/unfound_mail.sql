-- A folder some of whose messages BlueMind 5 would not show, for want of a file where it looks. `cause`: `partition` where
-- Cyrus keeps its files in another partition, `path` where in another directory of that one, or where no path follows from its
-- name; `file` where they are in neither. `owner`: address of the user. `shown`: the folder as its user sees it.
WITH listed AS MATERIALIZED (
  -- Of two that share an id the first by name is the one.
  SELECT c.server_uid, c.unique_id, min(c.name) AS name
  FROM cyrus_mailbox AS c
  WHERE c.is_deleted = 0 AND EXISTS (SELECT 1 FROM unfound_folder AS u WHERE u.unique_id = c.unique_id)
  GROUP BY c.server_uid, c.unique_id
)
SELECT u.server_uid, u.unique_id, m.name || '@' || m.domain_uid AS mailbox, coalesce(u.path, '?') AS shown,
       iif(m.type = 'user', coalesce(m.address, m.name || '@' || m.domain_uid), NULL) AS owner,
       u.place, u.partition, u.directory, c.partition AS used_partition, c.data_directory AS used_directory,
       u.records, u.without_file,
       CASE WHEN u.place = 'no_folder' THEN 'file'
            WHEN u.place = 'no_path' THEN 'path'
            WHEN c.data_directory IS NULL THEN 'file'
            WHEN substr(c.data_directory, 1, length(u.partition) + 23) <> '/var/spool/cyrus/data/' || u.partition || '/' THEN 'partition'
            WHEN c.data_directory <> u.directory THEN 'path'
            ELSE 'file'
       END AS cause
FROM unfound_folder AS u
JOIN mailbox AS m ON m.mailbox_uid = u.mailbox_uid AND +m.domain_uid = coalesce(u.domain_uid, m.domain_uid)
LEFT JOIN listed AS l ON l.unique_id = u.unique_id AND l.server_uid = u.server_uid
LEFT JOIN cyrus_mailbox AS c ON c.name = l.name AND +c.server_uid = l.server_uid
WHERE u.without_file > 0

-- A cause for which bm-core refused what Cyrus replicates, within the last day of its log and without success since, and one
-- mailbox, the last one that is known. `is_mailbox`: whether somebody's mailbox suffers; of causes that explain nothing, only
-- those refusals tell so that name one, and both sorts have a row. `is_only`: no other one was refused for it.
WITH
failing AS (
  SELECT e.server_uid, e.cause, e.mailbox, e.failures, e.last_at, e.sample, l.last_at - e.last_at AS ago,
         e.mailbox IS NOT NULL AND e.cause <> 'rejected_verb' OR e.cause NOT IN ('rejected_verb', 'malformed', 'other_no') AS is_mailbox
  FROM replication_error AS e
  JOIN replication_log AS l ON l.server_uid = e.server_uid
  -- Compared with the end of the log: both are of the same clock.
  WHERE e.recovered_at IS NULL AND l.last_at - e.last_at <= 86400
    AND EXISTS (SELECT 1 FROM server_role AS r WHERE r.server_uid = e.server_uid AND +r.role = 'bm/core')
),
-- The last one of each cause, if possible with the name of its mailbox.
ranked AS (
  SELECT f.*, row_number() OVER (
           PARTITION BY f.server_uid, f.cause, f.is_mailbox ORDER BY f.mailbox IS NULL, f.last_at DESC, f.mailbox) AS place,
         count(*) OVER (PARTITION BY f.server_uid, f.cause, f.is_mailbox) AS rows,
         count(f.mailbox) OVER (PARTITION BY f.server_uid, f.cause, f.is_mailbox) AS mailboxes,
         sum(f.failures) OVER (PARTITION BY f.server_uid, f.cause, f.is_mailbox) AS all_failures,
         min(f.ago) OVER (PARTITION BY f.server_uid, f.cause, f.is_mailbox) AS last_ago
  FROM failing AS f
)
SELECT r.server_uid, r.cause, r.is_mailbox, r.rows = 1 AS is_only, r.mailboxes, r.all_failures AS failures, r.mailbox,
       CAST(r.last_ago / 60 AS INTEGER) AS minutes, r.sample
FROM ranked AS r
WHERE r.place = 1

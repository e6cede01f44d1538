-- A mail server, and what starts the sync_client that replicates to bm-core there: a line of cyrus.conf (`command`), or
-- units (`units` that start with it or run, `unit` that is installed at least). `is_known`: whether both were read.
WITH
line AS MATERIALIZED (
  SELECT server_uid, max(CASE WHEN section IN ('START', 'DAEMON') AND command GLOB '*sync_client*'
                    -- One of another channel replicates to somebody else.
                    AND (command NOT GLOB '* -n*' OR command GLOB '* -n core*' OR command GLOB '* -ncore*') THEN command END) AS command
  FROM cyrus_conf_entry
  GROUP BY server_uid
),
installed AS MATERIALIZED (
  SELECT server_uid, max(CASE WHEN name GLOB 'bm-cyrus-syncclient*' THEN name END) AS unit FROM service_unit GROUP BY server_uid
)
-- A master that starts nothing, and a server without a unit: neither is one that was read.
SELECT r.server_uid, l.command, coalesce(n.units, 0) AS units, i.unit, l.server_uid IS NOT NULL AND i.server_uid IS NOT NULL AS is_known
FROM (SELECT DISTINCT server_uid FROM server_role WHERE role = 'mail/imap') AS r
LEFT JOIN line AS l ON l.server_uid = r.server_uid
LEFT JOIN installed AS i ON i.server_uid = r.server_uid
LEFT JOIN replication_sender AS n ON n.server_uid = r.server_uid

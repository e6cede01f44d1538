-- A mail server, and what the settings of its Cyrus say of replication, those of the channel `core` before the general ones.
-- `is_known`: whether they were read, as a Cyrus has some in any case.
SELECT r.server_uid,
       max(iif(i.key = 'sync_log', i.value, NULL)) AS log,
       ' ' || replace(coalesce(max(iif(i.key = 'sync_log_channels', i.value, NULL)), ''), char(9), ' ') || ' ' AS channels,
       lower(coalesce(max(iif(i.key = 'core_sync_host', i.value, NULL)), max(iif(i.key = 'sync_host', i.value, NULL)))) AS host,
       coalesce(max(iif(i.key = 'core_sync_port', i.value, NULL)), max(iif(i.key = 'sync_port', i.value, NULL))) AS port,
       count(i.key) > 0 AS is_known
FROM (SELECT DISTINCT server_uid FROM server_role WHERE role = 'mail/imap') AS r
LEFT JOIN imapd_setting AS i ON i.server_uid = r.server_uid
GROUP BY r.server_uid

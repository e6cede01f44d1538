-- One row: a server, with what it can fetch packages by. `is_known`: its files were read; a server has files in /etc/bm, and
-- some file of package sources. `disabled_file`: one that names BlueMind's repository and does not use it. `other_file`: one that
-- names none and is not the system's own.
SELECT s.server_uid, s.server_uid || coalesce(' (' || coalesce(s.ip, s.fqdn) || ')', '') AS server,
       EXISTS (SELECT 1 FROM server_role AS r WHERE r.server_uid = s.server_uid AND +r.role = 'bm/core') AS is_core,
       EXISTS (SELECT 1 FROM marker_file AS k WHERE k.server_uid = s.server_uid AND +k.name = 'subscription.bmz') AS has_subscription,
       EXISTS (SELECT 1 FROM package_source AS p WHERE p.server_uid = s.server_uid AND p.bluemind = 'enabled') AS has_repository,
       (SELECT min(p.path) FROM package_source AS p WHERE p.server_uid = s.server_uid AND p.bluemind = 'disabled') AS disabled_file,
       -- Who mirrors the packages may call the file as they like.
       (SELECT min(p.path) FROM package_source AS p
        WHERE p.server_uid = s.server_uid AND p.bluemind = 'none' AND p.path GLOB '/etc/apt/sources.list.d/*') AS other_file,
       EXISTS (SELECT 1 FROM marker_file AS k WHERE k.server_uid = s.server_uid)
         AND EXISTS (SELECT 1 FROM package_source AS p WHERE p.server_uid = s.server_uid) AS is_known
FROM server AS s

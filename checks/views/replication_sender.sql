-- A server whose Cyrus sends to bm-core by units of its own, as from 4.1 on: how many start with it or run, how many of them
-- are instances, and what they are called.
SELECT u.server_uid, count(*) AS units, sum(u.name GLOB 'bm-cyrus-syncclient@?*') AS instances,
       iif(max(u.name LIKE '%@%'), 'bm-cyrus-syncclient@*', 'bm-cyrus-syncclient') AS unit
FROM service_unit AS u
WHERE u.name GLOB 'bm-cyrus-syncclient*' AND (u.enabled IN ('enabled', 'static') OR coalesce(u.active, '') = 'active')
GROUP BY u.server_uid

-- One row: the partition that BlueMind has for a domain on a server. It cannot be split again: a _ may be one of a name.
SELECT s.server_uid, d.domain_uid, d.is_global,
       CAST(replace(s.server_uid, '.', '_') || '__' || replace(d.domain_uid, '.', '_') AS TEXT) AS partition
FROM server AS s CROSS JOIN domain AS d

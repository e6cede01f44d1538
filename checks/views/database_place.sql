-- A database of the installation, and the file systems that it writes to: `part` is `data` for its tables, `log` for the
-- write-ahead log, which may be mounted apart. Of symbolic links nothing is known. Null where no file system is known.
WITH held AS (
  SELECT s.server_uid AS scope, s.server_uid FROM shard AS s
  UNION
  SELECT r.server_uid, r.server_uid FROM server_role AS r WHERE r.role = 'bm/pgsql-data'
  UNION
  SELECT 'directory', r.server_uid FROM server_role AS r WHERE r.role = 'bm/pgsql'
),
part (part, below) AS (VALUES ('data', ''), ('log', 'pg_wal/')),
placed AS (
  SELECT h.scope, h.server_uid, p.part,
         rtrim(coalesce(nullif(d.data_directory, ''), '/var/lib/postgresql'), '/') || '/' || p.below AS directory
  FROM held AS h
  CROSS JOIN part AS p
  LEFT JOIN database AS d ON d.scope = h.scope
),
-- The file system of a directory is the one with the longest mount point above it.
mounted AS (
  SELECT p.scope, p.server_uid, p.part, f.mount_point, f.available_bytes,
         row_number() OVER (PARTITION BY p.scope, p.server_uid, p.part
                            ORDER BY length(f.mount_point) DESC, f.available_bytes) AS place
  FROM placed AS p
  LEFT JOIN filesystem AS f ON f.server_uid = p.server_uid
                           AND substr(p.directory, 1, length(rtrim(f.mount_point, '/')) + 1) = rtrim(f.mount_point, '/') || '/'
)
SELECT m.scope, m.server_uid, m.part, m.mount_point, m.available_bytes FROM mounted AS m WHERE m.place = 1

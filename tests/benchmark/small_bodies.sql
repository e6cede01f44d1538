-- BODIES small bodies, with GUIDs in order.
SET synchronous_commit = off;
CREATE FUNCTION pg_temp.guid(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(to_hex(n), 40, '0') $$;
INSERT INTO t_message_body (guid, subject, date_header, size)
SELECT pg_temp.guid(n), 'subject ' || n, now(), 1000 FROM generate_series(1, BODIES) n;

-- BODIES bodies as replication writes them.
CREATE FUNCTION pg_temp.guid(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT md5('m' || n) || left(md5('n' || n), 8) $$;
INSERT INTO t_message_body (guid, subject, structure, headers, recipients, message_id, references_header, date_header, size, preview)
SELECT pg_temp.guid(n), 'Re: subject number ' || n || ' of a mail',
 '{"mime": "multipart/alternative", "children": [{"mime": "text/plain", "size": 1200}, {"mime": "text/html", "size": 4200}]}',
 '[{"name": "X-Mailer", "values": ["BlueMind"]}, {"name": "References", "values": ["<a@example.org>"]}]',
 '[{"kind": "Originator", "dn": "Somebody Else", "address": "somebody@example.org"}, {"kind": "Primary", "dn": "Another One", "address": "another@example.org"}]',
 '<' || md5('i' || n) || '@example.org>', ARRAY['<' || md5('r' || n) || '@example.org>'], now(), 2000, repeat('Lorem ipsum dolor ', 9)
FROM generate_series(1, BODIES) n;

-- BODIES messages as replication writes them, and RECORDS records in 500 folders of one mailbox tree.
INSERT INTO t_container (uid, container_type, name, owner, createdby, updatedby, created, updated, domain_uid)
SELECT 'subtree_bench', 'replicated_mailboxes', 'bench', 'BENCH', 'system', 'system', now(), now(), 'bench.example';
INSERT INTO t_container_item (container_id, uid, version, createdby, updatedby, created, updated, flags)
SELECT c.id, 'bench-' || n, 1, 'system', 'system', now(), now(), 0
FROM t_container c, generate_series(0, 499) n WHERE c.uid = 'subtree_bench';
INSERT INTO t_mailbox_replica (short_name, name, last_uid, highest_mod_seq, recent_uid, recent_time, last_append_date, pop3_last_login, uid_validity, acls, options, sync_crc, item_id)
SELECT 'F' || i.id, 'F' || i.id, 1, 1, 0, now(), now(), now(), 1, '[]', 'P', 0, i.id
FROM t_container_item i WHERE i.uid LIKE 'bench-%';
INSERT INTO t_container (uid, container_type, name, owner, createdby, updatedby, created, updated, domain_uid)
SELECT 'mbox_records_bench-' || n, 'mailbox_records', 'F', 'BENCH', 'system', 'system', now(), now(), 'bench.example'
FROM generate_series(0, 499) n;
INSERT INTO t_message_body (guid, subject, structure, headers, recipients, message_id, references_header, date_header, size, preview)
SELECT md5('m' || n) || left(md5('n' || n), 8), 'Re: subject number ' || n || ' of a mail',
 '{"mime": "multipart/alternative", "children": [{"mime": "text/plain", "size": 1200}, {"mime": "text/html", "size": 4200}]}',
 '[{"name": "X-Mailer", "values": ["BlueMind"]}, {"name": "References", "values": ["<a@example.org>"]}]',
 '[{"kind": "Originator", "dn": "Somebody Else", "address": "somebody@example.org"}, {"kind": "Primary", "dn": "Another One", "address": "another@example.org"}]',
 '<' || md5('i' || n) || '@example.org>', ARRAY['<' || md5('r' || n) || '@example.org>'], now(), 2000, repeat('Lorem ipsum dolor ', 9)
FROM generate_series(1, BODIES) n;
CREATE TEMP TABLE place AS
SELECT row_number() OVER () - 1 AS n, id FROM t_container WHERE uid LIKE 'mbox\_records\_bench-%';
INSERT INTO t_container_item (id, container_id, uid, version, createdby, updatedby, created, updated, flags)
SELECT 100000000 + m, p.id, m || '.', 1, 'system', 'system', now(), now(), 0
FROM generate_series(1, RECORDS) m JOIN place p ON p.n = m % 500;
INSERT INTO t_mailbox_record (message_body_guid, imap_uid, mod_seq, last_updated, internal_date, system_flags, item_id)
SELECT md5('m' || 1 + n % BODIES) || left(md5('n' || 1 + n % BODIES), 8), n, 1, now(), now(), 16, 100000000 + n
FROM generate_series(1, RECORDS) n;

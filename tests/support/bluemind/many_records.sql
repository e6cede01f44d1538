-- RECORDS records in FOLDERS folders of one mailbox tree, of BODIES bodies that are made elsewhere. `pg_temp.guid(n)` is the
-- GUID of the n-th.
INSERT INTO t_container (uid, container_type, name, owner, createdby, updatedby, created, updated, domain_uid)
SELECT 'subtree_bench', 'replicated_mailboxes', 'bench', 'BENCH', 'system', 'system', now(), now(), 'bench.example';
INSERT INTO t_container_item (container_id, uid, version, createdby, updatedby, created, updated, flags)
SELECT c.id, 'bench-' || n, 1, 'system', 'system', now(), now(), 0
FROM t_container c, generate_series(0, FOLDERS - 1) n WHERE c.uid = 'subtree_bench';
INSERT INTO t_mailbox_replica (short_name, name, last_uid, highest_mod_seq, recent_uid, recent_time, last_append_date, pop3_last_login, uid_validity, acls, options, sync_crc, item_id)
SELECT 'F' || i.id, 'F' || i.id, 1, 1, 0, now(), now(), now(), 1, '[]', 'P', 0, i.id
FROM t_container_item i WHERE i.uid LIKE 'bench-%';
INSERT INTO t_container (uid, container_type, name, owner, createdby, updatedby, created, updated, domain_uid)
SELECT 'mbox_records_bench-' || n, 'mailbox_records', 'F', 'BENCH', 'system', 'system', now(), now(), 'bench.example'
FROM generate_series(0, FOLDERS - 1) n;
CREATE TEMP TABLE place AS
SELECT row_number() OVER () - 1 AS n, id FROM t_container WHERE uid LIKE 'mbox\_records\_bench-%';
INSERT INTO t_container_item (id, container_id, uid, version, createdby, updatedby, created, updated, flags)
SELECT 100000000 + m, p.id, m || '.', 1, 'system', 'system', now(), now(), 0
FROM generate_series(1, RECORDS) m JOIN place p ON p.n = m % FOLDERS;
INSERT INTO t_mailbox_record (message_body_guid, imap_uid, mod_seq, last_updated, internal_date, system_flags, item_id)
SELECT pg_temp.guid(1 + n % BODIES), n, 1, now(), now(), 16, 100000000 + n
FROM generate_series(1, RECORDS) n;

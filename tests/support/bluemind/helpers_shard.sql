-- The words in which the stories describe a shard `bj-data`, and stale copies of one in `bj`.

-- The UNIQUEID of a folder: Cyrus would draw it at random, a story derives it from the folder's first path.
CREATE FUNCTION fixture.folder_uid(mailbox text, path text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(md5(mailbox || '/' || path), 16)
$$;

CREATE FUNCTION fixture.records_of(mailbox text, path text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'mbox_records_' || fixture.folder_uid(mailbox, path)
$$;

-- A SHA-1 as this release stores it, and one like that of a message.
DO $$
DECLARE type text := (SELECT atttypid::regtype::text FROM pg_attribute
                      WHERE attrelid = 't_message_body'::regclass AND attname = 'guid');
BEGIN
    EXECUTE format('CREATE FUNCTION fixture.guid_of(sha1 text) RETURNS %s LANGUAGE sql IMMUTABLE AS %L', type,
        CASE type WHEN 'bytea' THEN 'SELECT decode(sha1, ''hex'')' ELSE 'SELECT sha1' END);
    EXECUTE format('CREATE FUNCTION fixture.guid(seed text) RETURNS %s LANGUAGE sql IMMUTABLE AS %L', type,
        'SELECT fixture.guid_of(md5(seed) || left(md5(''more '' || seed), 8))');
END $$;

-- The folder tree of a user, with the folders that BlueMind creates.
CREATE FUNCTION fixture.add_mailbox_tree(domain text, mailbox text, login text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE subtree text := 'subtree_' || replace(domain, '.', '_') || '!user.' || mailbox;
BEGIN
    PERFORM fixture.add_container(subtree, 'replicated_mailboxes', 'users/' || login, mailbox, domain);
    PERFORM fixture.add_folder(mailbox, path)
    FROM unnest(ARRAY['INBOX', 'Drafts', 'Junk', 'Outbox', 'Sent', 'Trash']) AS path;
    PERFORM fixture.add_container('calendar:Default:' || mailbox, 'calendar', login, mailbox, domain);
    PERFORM fixture.add_container('container_flat_hierarchy_' || mailbox || '_at_' || domain,
                                  'container_flat_hierarchy', 'hierarchy', mailbox, domain);
END $$;

-- The folder tree of a mailshare: its root bears the share's name, the other folders are below it.
CREATE FUNCTION fixture.add_mailshare_tree(domain text, mailbox text, name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fixture.add_container('subtree_' || replace(domain, '.', '_') || '!' || mailbox,
                                  'replicated_mailboxes', 'shared/' || name, mailbox, domain);
    PERFORM fixture.add_folder(mailbox, name);
    PERFORM fixture.add_folder(mailbox, 'Sent', name);
END $$;

-- A mail folder. Its parent is the folder of the path before the last `/`, or the one that is named.
CREATE FUNCTION fixture.add_folder(mailbox text, path text, below text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE uid text := fixture.folder_uid(mailbox, path);
        short text := regexp_replace(path, '^.*/', '');
        parent text := coalesce(below, substring(path FROM '^(.*)/[^/]*$'));
        subtree t_container;
BEGIN
    SELECT * INTO STRICT subtree FROM t_container WHERE owner = mailbox AND container_type = 'replicated_mailboxes';
    INSERT INTO t_mailbox_replica (short_name, parent_uid, name, last_uid, highest_mod_seq, recent_uid, recent_time,
        last_append_date, pop3_last_login, uid_validity, acls, options, sync_crc, item_id)
    VALUES (short, fixture.folder_uid(mailbox, parent), path, 0, 1, 0, fixture.at(), fixture.at(), to_timestamp(0),
        extract(epoch FROM fixture.at()), jsonb_build_array(
            jsonb_build_object('subject', mailbox || '@' || subtree.domain_uid, 'rights', 'lrswipkxtecda'),
            jsonb_build_object('subject', 'admin0', 'rights', 'lrswipkxtecda')),
        'P', 0, fixture.add_item(subtree.id, uid, short));
    PERFORM fixture.add_container('mbox_records_' || uid, 'mailbox_records', short, mailbox, subtree.domain_uid);
END $$;

CREATE FUNCTION fixture.folder_item(mailbox text, path text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE found integer := (SELECT i.id FROM t_container_item i JOIN t_container c ON c.id = i.container_id
    WHERE c.container_type = 'replicated_mailboxes' AND c.owner = mailbox AND i.uid = fixture.folder_uid(mailbox, path));
BEGIN
    IF found IS NULL THEN RAISE 'the story speaks of a folder % that % does not have', path, mailbox; END IF;
    RETURN found;
END $$;

-- A folder keeps its UNIQUEID when it is renamed: the story goes on calling it by its first path.
CREATE FUNCTION fixture.rename_folder(mailbox text, path text, new_path text) RETURNS void LANGUAGE sql AS $$
    UPDATE t_mailbox_replica SET name = new_path, short_name = regexp_replace(new_path, '^.*/', '')
    WHERE item_id = fixture.folder_item(mailbox, path)
$$;

-- Cyrus deletes with a delay: the folder stays under a name with the time in hexadecimal, its item flagged with 2.
CREATE FUNCTION fixture.delete_folder(mailbox text, path text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE item integer := fixture.folder_item(mailbox, path);
BEGIN
    UPDATE t_container_item SET flags = flags | 2 WHERE id = item;
    UPDATE t_mailbox_replica SET name = name || '/5CF24DD0', short_name = name || '/5CF24DD0' WHERE item_id = item;
END $$;

-- Live messages with bodies of their own, after those that the folder has.
CREATE FUNCTION fixture.add_messages(mailbox text, path text, messages integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE records integer := fixture.container(fixture.records_of(mailbox, path));
        folder integer := fixture.folder_item(mailbox, path);
        first bigint := (SELECT last_uid FROM t_mailbox_replica WHERE item_id = folder);
BEGIN
    INSERT INTO t_message_body (guid, subject, date_header, size, body_version)
    SELECT fixture.guid(mailbox || '/' || path || '/' || n), 'message ' || n, fixture.at(), 2048 + n, 3
    FROM generate_series(first + 1, first + messages) AS n;
    INSERT INTO t_mailbox_record (message_body_guid, imap_uid, mod_seq, last_updated, internal_date, system_flags, item_id)
    SELECT fixture.guid(mailbox || '/' || path || '/' || n), n, n, fixture.at(), fixture.at(), 16,
           fixture.add_item(records, n || '.', n || '.', 1)
    FROM generate_series(first + 1, first + messages) AS n;
    UPDATE t_mailbox_replica SET last_uid = first + messages WHERE item_id = folder;
END $$;

-- The body of a message whose file has this SHA-1.
CREATE FUNCTION fixture.add_body(sha1 text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO t_message_body (guid, subject, date_header, size, body_version)
    VALUES (fixture.guid_of(sha1), 'replicated', fixture.at(), 2048, 3) ON CONFLICT DO NOTHING
$$;

-- A record of a folder: `flags` as Cyrus has them, 16 when it was seen, negative when it is expunged. Its body is another thing.
CREATE FUNCTION fixture.add_record(unique_id text, uid bigint, sha1 text, flags integer DEFAULT 0,
                                   updated timestamp DEFAULT fixture.at()) RETURNS void LANGUAGE sql AS $$
    INSERT INTO t_mailbox_record (message_body_guid, imap_uid, mod_seq, last_updated, internal_date, system_flags, item_id)
    VALUES (fixture.guid_of(sha1), uid, uid, updated, updated, flags,
            fixture.add_item(fixture.container('mbox_records_' || unique_id), uid || '.', uid || '.', flags >> 4 & 1));
    UPDATE t_mailbox_replica SET last_uid = greatest(last_uid, uid)
    WHERE item_id = (SELECT id FROM t_container_item WHERE t_container_item.uid = unique_id)
$$;

-- What replication makes of a folder of Cyrus, as yet without its records. A folder of the story that has this path becomes
-- that of Cyrus, wherever the shard speaks of it. `share` is the mailbox's name when it is no user's.
CREATE FUNCTION fixture.replicate_folder(domain text, mailbox text, share text, path text, short text, unique_id text, last bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE before text := fixture.folder_uid(mailbox, path);
        item integer;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM t_container WHERE owner = mailbox AND container_type = 'replicated_mailboxes') THEN
        PERFORM fixture.add_container(
            'subtree_' || replace(domain, '.', '_') || '!' || CASE WHEN share IS NULL THEN 'user.' ELSE '' END || mailbox,
            'replicated_mailboxes', coalesce('shared/' || share, 'users/' || mailbox), mailbox, domain);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM t_container WHERE uid = 'mbox_records_' || unique_id) THEN
        IF NOT EXISTS (SELECT 1 FROM t_container WHERE uid = 'mbox_records_' || before) THEN
            PERFORM fixture.add_folder(mailbox, path);
        END IF;
        item := fixture.folder_item(mailbox, path);
        UPDATE t_container_item SET uid = unique_id WHERE id = item;
        UPDATE t_container SET uid = 'mbox_records_' || unique_id WHERE uid = 'mbox_records_' || before;
        UPDATE t_mailbox_replica SET parent_uid = unique_id WHERE parent_uid = before;
        UPDATE t_mapi_folders SET parent_container_uid = 'mbox_records_' || unique_id
        WHERE parent_container_uid = 'mbox_records_' || before;
    END IF;
    SELECT i.id INTO STRICT item FROM t_container_item i JOIN t_mailbox_replica r ON r.item_id = i.id WHERE i.uid = unique_id;
    UPDATE t_container_item SET flags = flags & ~2 WHERE id = item;
    UPDATE t_mailbox_replica SET name = path, short_name = short, last_uid = last,
        parent_uid = (SELECT i.uid FROM t_mailbox_replica r JOIN t_container_item i ON i.id = r.item_id
                      JOIN t_container c ON c.id = i.container_id AND c.owner = mailbox
                      WHERE r.name = coalesce(substring(path FROM '^(.*)/[^/]*$'), nullif(share, path)) LIMIT 1)
    WHERE item_id = item;
    DELETE FROM t_mailbox_record r USING t_container_item i
    WHERE i.id = r.item_id AND i.container_id = fixture.container('mbox_records_' || unique_id);
    DELETE FROM t_container_item WHERE container_id = fixture.container('mbox_records_' || unique_id);
END $$;

-- A message, wherever it is, is one whose file has this SHA-1: such as that in the Cyrus trees of the stories.
CREATE FUNCTION fixture.be_file(mailbox text, path text, uid bigint, sha1 text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE t_message_body SET guid = fixture.guid_of(sha1) WHERE guid = fixture.guid(mailbox || '/' || path || '/' || uid);
    UPDATE t_mailbox_record SET message_body_guid = fixture.guid_of(sha1)
    WHERE message_body_guid = fixture.guid(mailbox || '/' || path || '/' || uid);
END $$;

-- Every message of a folder once more in another one: Cyrus and BlueMind keep the body once.
CREATE FUNCTION fixture.copy_messages(mailbox text, path text, to_mailbox text, to_path text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE source integer := fixture.container(fixture.records_of(mailbox, path));
        target integer := fixture.container(fixture.records_of(to_mailbox, to_path));
        folder integer := fixture.folder_item(to_mailbox, to_path);
        first bigint := (SELECT last_uid FROM t_mailbox_replica WHERE item_id = folder);
BEGIN
    INSERT INTO t_mailbox_record (message_body_guid, imap_uid, mod_seq, last_updated, internal_date, system_flags, item_id)
    SELECT message_body_guid, first + n, first + n, fixture.at(), fixture.at(), 0,
           fixture.add_item(target, (first + n) || '.', (first + n) || '.')
    FROM (SELECT r.message_body_guid, row_number() OVER (ORDER BY r.imap_uid) AS n
          FROM t_mailbox_record r JOIN t_container_item i ON i.id = r.item_id
          WHERE i.container_id = source AND r.system_flags >= 0) AS copied;
    UPDATE t_mailbox_replica
    SET last_uid = (SELECT max(r.imap_uid) FROM t_mailbox_record r JOIN t_container_item i ON i.id = r.item_id
                    WHERE i.container_id = target)
    WHERE item_id = folder;
END $$;

-- Expunged messages keep their record until Cyrus forgets them; bit 31 makes the number negative.
CREATE FUNCTION fixture.expunge(mailbox text, path text, uids bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE t_mailbox_record r SET system_flags = system_flags | (1 << 31)
    FROM t_container_item i
    WHERE i.id = r.item_id AND i.container_id = fixture.container(fixture.records_of(mailbox, path))
      AND r.imap_uid = ANY(uids)
$$;

-- The bodies of these messages are gone, in every folder that has the message.
CREATE FUNCTION fixture.lose_bodies(mailbox text, path text, uids bigint[]) RETURNS void LANGUAGE sql AS $$
    DELETE FROM t_message_body WHERE guid IN (
        SELECT r.message_body_guid FROM t_mailbox_record r JOIN t_container_item i ON i.id = r.item_id
        WHERE i.container_id = fixture.container(fixture.records_of(mailbox, path)) AND r.imap_uid = ANY(uids))
$$;

CREATE FUNCTION fixture.mapi_uid(mailbox text, kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'mapi:' || kind || ':' || fixture.replica_guid(mailbox)
$$;

-- A folder that only Outlook sees, with messages that only BlueMind's database holds. `parent` is the uid of a
-- container: `fixture.mapi_uid(…)` of another such folder, or `fixture.records_of(…)` of a mail folder.
CREATE FUNCTION fixture.add_mapi_folder(mailbox text, kind text, parent text, name text,
                                        class text DEFAULT 'IPF.Note', messages integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE uid text := fixture.mapi_uid(mailbox, kind);
        domain text := (SELECT domain_uid FROM t_container
                        WHERE owner = mailbox AND container_type = 'replicated_mailboxes' LIMIT 1);
        content integer := fixture.add_container(uid, 'mapi_folder', name, mailbox, domain);
BEGIN
    INSERT INTO t_mapi_folders VALUES (fixture.replica_guid(mailbox), uid, parent, name, class);
    INSERT INTO t_mapi_raw_message
    SELECT '{"setProperties":{}}', fixture.add_item(content, 'mapi-raw-msg:' || n, 'message ' || n)
    FROM generate_series(1, messages) AS n;
END $$;

-- The folders that BlueMind itself gives Outlook: a root that is its own parent, and a class that is no mail.
CREATE FUNCTION fixture.add_mapi_roots(mailbox text) RETURNS void LANGUAGE sql AS $$
    SELECT fixture.add_mapi_folder(mailbox, 'IPM_SUBTREE', fixture.mapi_uid(mailbox, 'IPM_SUBTREE'), 'IPM_SUBTREE', NULL);
    SELECT fixture.add_mapi_folder(mailbox, 'NOTES', fixture.mapi_uid(mailbox, 'IPM_SUBTREE'), 'Notes', 'IPF.StickyNote');
$$;

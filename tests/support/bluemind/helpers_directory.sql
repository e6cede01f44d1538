-- The words in which the stories describe a directory database `bj`.

CREATE SCHEMA IF NOT EXISTS fixture;

-- All rows of the stories bear the same time, that of the files of Cyrus: a long while ago, whenever tests are run.
CREATE FUNCTION fixture.at() RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$ SELECT timestamp '2019-11-01 09:20' $$;

CREATE FUNCTION fixture.add_container(uid text, type text, name text, owner text, domain text DEFAULT NULL)
RETURNS integer LANGUAGE sql AS $$
    INSERT INTO t_container (uid, container_type, name, owner, createdby, updatedby, created, updated,
                             defaultcontainer, domain_uid)
    VALUES (uid, type, name, owner, 'system', 'system', fixture.at(), fixture.at(), true, domain)
    RETURNING id
$$;

CREATE FUNCTION fixture.container(of_uid text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE found integer := (SELECT id FROM t_container WHERE uid = of_uid);
BEGIN
    IF found IS NULL THEN RAISE 'the story speaks of a container % that does not exist', of_uid; END IF;
    RETURN found;
END $$;

CREATE FUNCTION fixture.add_item(container integer, uid text, name text, flags integer DEFAULT 0)
RETURNS integer LANGUAGE sql AS $$
    INSERT INTO t_container_item (container_id, uid, version, displayname, createdby, updatedby, created, updated, flags)
    VALUES (container, uid, 1, name, 'system', 'system', fixture.at(), fixture.at(), flags)
    RETURNING id
$$;

-- An installation of one build: its containers, system configuration, components, and the management domain.
CREATE FUNCTION fixture.install(mcast_id text, build text, external_url text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fixture.add_container('bluemind-' || mcast_id, 'installation', 'installation', 'system');
    PERFORM fixture.add_container('domains_bluemind-' || mcast_id, 'domains', 'domains', 'system');
    UPDATE t_systemconf SET configuration = hstore(ARRAY[
        'db', 'bj', 'db_version', build, 'external-url', external_url, 'archive_enabled', 'true', 'archive_days', '30',
        'subscription_contacts', '["postmaster@example.org"]', 'sw_password', 'not-to-be-read']);
    INSERT INTO t_component_version VALUES ('bm/core', build);
    PERFORM fixture.add_domain('global.virt', '{}', 'global.virt');
    UPDATE t_domain SET global = true WHERE name = 'global.virt';
    PERFORM fixture.add_entry('global.virt', 'admin0_global.virt', 'USER', 'admin0', NULL, 'none');
    UPDATE t_mailbox SET system = true WHERE name = 'admin0';
    UPDATE t_directory_entry SET flag_system = true WHERE entry_uid = 'admin0_global.virt';
END $$;

CREATE FUNCTION fixture.add_server(uid text, ip text, tags text[], name text DEFAULT NULL, fqdn text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO t_server (item_id, ip, fqdn, name, tags)
    SELECT fixture.add_item(c.id, add_server.uid, coalesce(add_server.name, add_server.uid)),
           ip, fqdn, coalesce(add_server.name, add_server.uid), tags
    FROM t_container c WHERE c.container_type = 'installation'
$$;

CREATE FUNCTION fixture.add_domain(uid text, aliases text[], label text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE item integer;
BEGIN
    SELECT fixture.add_item(c.id, add_domain.uid, add_domain.uid) INTO item
    FROM t_container c WHERE c.container_type = 'domains';
    INSERT INTO t_domain (item_id, label, name, global, aliases, properties)
    VALUES (item, coalesce(label, uid), uid, false, aliases, '');
    INSERT INTO t_settings_domain VALUES (item, '"lang"=>"fr","domain_max_users"=>"100"');
    PERFORM fixture.add_container(uid, 'dir', 'directory of ' || uid, uid, uid);
    INSERT INTO t_directory_entry (kind, entry_uid, displayname, item_id)
    VALUES ('DOMAIN', uid, uid, fixture.add_item(fixture.container(uid), uid, uid));
END $$;

CREATE FUNCTION fixture.assign(domain text, server text, tag text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO t_server_assignment (server_uid, domain_uid, tag) VALUES (server, domain, tag)
$$;

-- A domain's mail on a server: the assignment, and the hidden user as which BlueMind administers its mailboxes.
CREATE FUNCTION fixture.serve_mail(domain text, server text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE admin text := 'bmhiddensysadmin_' || domain;
BEGIN
    PERFORM fixture.assign(domain, server, 'mail/imap');
    IF EXISTS (SELECT 1 FROM t_directory_entry WHERE entry_uid = admin) THEN RETURN; END IF;
    PERFORM fixture.add_entry(domain, admin, 'USER', 'bmhiddensysadmin', server, 'none');
    UPDATE t_mailbox SET system = true, hidden = true WHERE item_id = fixture.entry(domain, admin);
    UPDATE t_directory_entry SET flag_system = true, flag_hidden = true WHERE entry_uid = admin;
END $$;

-- A directory entry with its mailbox and its default address.
CREATE FUNCTION fixture.add_entry(domain text, uid text, kind text, name text, server text, routing text DEFAULT 'internal')
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE item integer := fixture.add_item(fixture.container(domain), uid, name);
        is_user boolean := kind = 'USER';
BEGIN
    INSERT INTO t_directory_entry (kind, account_type, entry_uid, displayname, email, datalocation, item_id)
    VALUES (kind, CASE WHEN is_user THEN 'FULL'::t_directory_entry_account_type END, uid, name,
            name || '@' || domain, server, item);
    INSERT INTO t_mailbox (item_id, name, type, routing, quota)
    VALUES (item, name, lower(kind)::enum_mailbox_type, routing::enum_mailbox_routing, 0);
    INSERT INTO t_mailbox_email VALUES (item, name, CASE WHEN is_user THEN NULL ELSE domain END, is_user, true);
    IF is_user THEN
        INSERT INTO t_domain_user (item_id, login, password, routing, server_id)
        VALUES (item, name, 'not-to-be-read', routing::t_domain_routing, server);
    END IF;
    IF server IS NOT NULL THEN
        INSERT INTO t_container_location VALUES (
            'subtree_' || replace(domain, '.', '_') || '!' || CASE WHEN is_user THEN 'user.' ELSE '' END || uid, server)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN item;
END $$;

CREATE FUNCTION fixture.entry(domain text, of_uid text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE found integer := (SELECT id FROM t_container_item
                          WHERE container_id = fixture.container(domain) AND uid = of_uid);
BEGIN
    IF found IS NULL THEN RAISE 'the story speaks of an entry % that does not exist in %', of_uid, domain; END IF;
    RETURN found;
END $$;

CREATE FUNCTION fixture.add_user(domain text, uid text, login text, server text, quota_kib integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE item integer := fixture.add_entry(domain, uid, 'USER', login, server);
BEGIN
    UPDATE t_mailbox SET quota = quota_kib WHERE item_id = item;
END $$;

CREATE FUNCTION fixture.add_mailshare(domain text, uid text, name text, server text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fixture.add_entry(domain, uid, 'MAILSHARE', name, server);
END $$;

-- A group; without a server it has addresses but stores nothing.
CREATE FUNCTION fixture.add_group(domain text, uid text, name text, server text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t_group (item_id, container_id, name, server_id)
    VALUES (fixture.add_entry(domain, uid, 'GROUP', name, server), fixture.container(domain), name, server);
END $$;

CREATE FUNCTION fixture.add_resource(domain text, uid text, label text, server text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t_resource (item_id, label, mailbox_location)
    VALUES (fixture.add_entry(domain, uid, 'RESOURCE', label, server, 'none'), label, server);
END $$;

-- What an administrator does when somebody leaves: the account is suspended, its mail kept.
CREATE FUNCTION fixture.suspend(domain text, uid text) RETURNS void LANGUAGE sql AS $$
    UPDATE t_mailbox SET archived = true WHERE item_id = fixture.entry(domain, uid);
    UPDATE t_directory_entry SET flag_archived = true WHERE item_id = fixture.entry(domain, uid);
    UPDATE t_domain_user SET archived = true WHERE item_id = fixture.entry(domain, uid);
$$;

-- The mail of this user is kept by another mail system.
CREATE FUNCTION fixture.route_externally(domain text, uid text) RETURNS void LANGUAGE sql AS $$
    UPDATE t_mailbox SET routing = 'external' WHERE item_id = fixture.entry(domain, uid);
    UPDATE t_directory_entry SET datalocation = NULL WHERE item_id = fixture.entry(domain, uid);
    UPDATE t_domain_user SET routing = 'external', server_id = NULL WHERE item_id = fixture.entry(domain, uid);
$$;

-- A uid as BlueMind draws it, the same wherever the story speaks of this address.
CREATE FUNCTION fixture.uid_of(address text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT upper(md5(address)::uuid::text)
$$;

-- What `local_replica_guid` of a mailbox is in every story.
CREATE FUNCTION fixture.replica_guid(mailbox text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT md5('replica of ' || mailbox)::uuid::text
$$;

-- The mailbox was opened by Outlook.
CREATE FUNCTION fixture.use_outlook(mailbox text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO t_mapi_replica VALUES (fixture.replica_guid(mailbox), md5('mailbox of ' || mailbox)::uuid::text,
        md5('logon of ' || mailbox)::uuid::text, md5('objects of ' || mailbox)::uuid::text, mailbox)
$$;

-- An upgrader ran; `major` 5 is that of the line 4.x with builds from 42217 on.
CREATE FUNCTION fixture.run_upgrader(build bigint, component text, phase text DEFAULT 'SCHEMA_UPGRADE',
                                     success boolean DEFAULT true, major bigint DEFAULT 5)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO t_upgraders (schemaversion, phase, component, success)
    VALUES (major * 1000000000 + build, phase::enum_upgrader_phase, component, success)
$$;

//! What real sites have, one by one.

use std::fs;
use std::path::Path;

use crate::support::bluemind::DIRECTORY;
use crate::variants::{log, remove, write};
use crate::variants_together::{
    FOLDERS, Kind, LIST, SHARD, acl_of, add_folder, add_share, add_to_cyrus, add_user, change, directory, files_of,
    gzip, read, shard, unlist,
};

const JDOE: (&str, &str) = ("user-jdoe", "example.org!user.jdoe");
const GENERATION: &str = "var/backups/bluemind/generation-42.json";
const UNITS: &str = "lib/systemd/system";

/// Domains and who is in them.
pub(crate) const PEOPLE: &[Kind] = &[
    Kind {
        healthy: |it| directory(it, "SELECT fixture.add_domain('northgate.example', '{}')"),
        sick: |it| directory(it, "UPDATE t_domain SET aliases = '{example.com}' WHERE name = 'northgate.example'"),
        speaks: ("domain_name_conflict", "example.com"),
    },
    Kind {
        healthy: |it| {
            directory(
                it,
                "UPDATE t_domain SET aliases = '{Example.com,EXEMPLE.fr,example.org}' WHERE name = 'example.org'",
            )
        },
        sick: |it| directory(it, "UPDATE t_domain SET aliases = '{exemple.FR}' WHERE name = 'example.net'"),
        speaks: ("domain_name_conflict", "exemple.fr"),
    },
    Kind {
        healthy: |it| {
            directory(it, "UPDATE t_domain SET aliases = '{}' WHERE name = 'example.net'");
            directory(it, "SELECT fixture.add_domain('489daff7.internal', '{corp.example.net}')");
            directory(it, "SELECT fixture.serve_mail('489daff7.internal', 'bm-master')");
            let own = read(it, "etc/cyrus-partitions").replace("example_net", "489daff7_internal");
            let added: String =
                own.lines().filter(|line| line.contains("489daff7")).map(|line| format!("{line}\n")).collect();
            write(it, "etc/cyrus-partitions", &(read(it, "etc/cyrus-partitions") + &added));
            write(it, "var/spool/cyrus/data/bm-master__489daff7_internal/stage./1", "");
            add_user(it, "489daff7.internal", "user-prof", "prof");
        },
        sick: |it| unlist(it, "489daff7.internal!user.prof\t"),
        speaks: ("cyrus_mailbox_missing", "489daff7.internal!user.prof"),
    },
    Kind {
        healthy: |it| {
            directory(it, "SELECT fixture.add_user('example.org', 'user-left', 'left.long-ago', 'bm-master')");
            directory(it, "SELECT fixture.suspend('example.org', 'user-left')");
        },
        sick: |it| {
            directory(
                it,
                "UPDATE t_mailbox SET archived = false WHERE name = 'left.long-ago'; \
                                 UPDATE t_directory_entry SET flag_archived = false WHERE entry_uid = 'user-left'",
            )
        },
        speaks: ("cyrus_mailbox_missing", "left^long-ago"),
    },
    Kind {
        healthy: |it| {
            directory(it, "SELECT fixture.add_user('example.org', 'user-elsewhere', 'elsewhere', 'bm-master')");
            directory(it, "SELECT fixture.route_externally('example.org', 'user-elsewhere')");
        },
        sick: |it| directory(it, "UPDATE t_mailbox SET routing = 'internal' WHERE name = 'elsewhere'"),
        speaks: ("mailbox_backend_invalid", "elsewhere@example.org"),
    },
    Kind {
        healthy: |it| {
            directory(it, "SELECT fixture.add_group('example.org', 'group-list', 'Équipe n°2 (liste)')");
            directory(it, "SELECT fixture.add_resource('example.org', 'room-x', 'Salle d''eau & vélo', 'bm-master')");
        },
        sick: |it| directory(it, "UPDATE t_directory_entry SET datalocation = 'gone' WHERE entry_uid = 'room-x'"),
        speaks: ("mailbox_backend_invalid", "Salle d'eau & vélo@example.org"),
    },
    Kind {
        healthy: |it| {
            add_share(it, "share-team", "L'équipe R&D", "L'&AOk-quipe R&-D");
            add_share(it, "share-paris", "Comptabilité (Paris)", "Comptabilit&AOk- (Paris)");
        },
        sick: |it| unlist(it, "example.org!L'&AOk-quipe R&-D"),
        speaks: ("cyrus_mailbox_missing", "L'&AOk-quipe R&-D"),
    },
    Kind {
        healthy: |it| {
            ["3com-sales_2", "j.-m.o"]
                .iter()
                .for_each(|login| add_user(it, "example.org", &format!("user-{login}"), login))
        },
        sick: |it| change(it, LIST, "%(A %(user-3com-sales_2@example.org lrswipkxtecda ", "%(A %("),
        speaks: ("mailbox_imported_as_admin0", "user.3com-sales_2"),
    },
    Kind {
        healthy: |it| {
            let minutes_ago = jiff::Timestamp::now().as_second() - 120;
            add_to_cyrus(
                it,
                &format!("example.org!DELETED.user.fired.{minutes_ago:X}"),
                "feedfeedfeedfeed",
                &acl_of("user-fired", "example.org"),
            );
        },
        sick: |it| add_to_cyrus(it, "example.org!user.fired", "fadefadefadefade", &acl_of("user-fired", "example.org")),
        speaks: ("cyrus_mailbox_unknown", "user.fired"),
    },
    Kind {
        healthy: |it| {
            for (level, path) in FOLDERS {
                add_folder(it, JDOE, level, path);
            }
        },
        sick: |it| shard(it, "SELECT fixture.delete_folder('user-jdoe', '50% remise')"),
        speaks: ("folder_name_hazard", "jdoe@example.org/50% remise"),
    },
    Kind {
        healthy: |it| {
            shard(
                it,
                "SELECT fixture.add_mapi_folder('user-jdoe', 'OUTLOOK-k', fixture.mapi_uid('user-jdoe', 'IPM_SUBTREE'), 'Clés & \"mots\"', 'IPF.Contact', 0)",
            )
        },
        sick: |it| {
            shard(
                it,
                "SELECT fixture.add_mapi_folder('user-jdoe', 'OUTLOOK-l', fixture.records_of('user-jdoe', 'INBOX'), 'Clés & \"mots\"', 'IPF.Note', 2)",
            )
        },
        speaks: ("inbox_virtual_folder", "Clés & \"mots\""),
    },
];

/// Servers, their files, and what else is in their databases.
pub(crate) const MACHINES: &[Kind] = &[
    Kind {
        healthy: |it| {
            directory(
                it,
                "SELECT fixture.add_server('mail-edge-01', '2001:db8::25', ARRAY['mail/smtp-edge'], 'mail-edge-01', 'mail-edge-01.example.org')",
            );
            files_of(it, "mail-edge-01");
        },
        sick: |it| directory(it, "SELECT fixture.add_user('example.org', 'user-edgy', 'edgy', 'mail-edge-01')"),
        speaks: ("mailbox_backend_invalid", "edgy@example.org"),
    },
    Kind {
        healthy: |it| {
            for scope in [DIRECTORY, SHARD] {
                it.sql(scope, "CREATE SCHEMA attic; CREATE TABLE attic.t_mailbox AS SELECT * FROM t_mailbox; CREATE TABLE attic.t_server AS SELECT * FROM t_server; \
                               CREATE TABLE attic.t_mailbox_replica AS SELECT * FROM t_mailbox_replica; CREATE TABLE attic.t_message_body (guid text); \
                               CREATE TABLE public.spatial_ref_sys (srid integer); CREATE VIEW public.pg_stat_statements AS SELECT 1 AS calls; \
                               ALTER TABLE t_mailbox ADD COLUMN hotfix_4711 text; ALTER TABLE t_mailbox_replica ADD COLUMN hotfix_4712 jsonb; \
                               CREATE TABLE t_hotfix (applied timestamp)");
            }
        },
        sick: |it| directory(it, "UPDATE t_directory_entry SET datalocation = 'gone' WHERE entry_uid = 'user-zoe'"),
        speaks: ("mailbox_backend_invalid", "zoe@example.net"),
    },
    Kind {
        healthy: |it| {
            remove(it, "etc/apt/sources.list.d/bm.list");
            let source = "# BlueMind\nTypes: deb\nURIs: https://customer:secret@pkg.bluemind.net/4.0/debian\nSuites: buster\nComponents: main\n\
                          Signed-By: /usr/share/keyrings/bluemind.gpg\n";
            write(it, "etc/apt/sources.list.d/bluemind.sources", source);
            write(
                it,
                "etc/apt/sources.list.d/bm.list.save",
                "# deb https://customer:secret@pkg.bluemind.net/4.0/debian buster main\n",
            );
            write(
                it,
                "etc/bm/bm.ini",
                &format!(
                    "; by the installer\n# {{ host }}\n\n{}\n[local]\nhost = 203.0.113.1\n",
                    read(it, "etc/bm/bm.ini")
                ),
            );
        },
        sick: |it| change(it, "etc/apt/sources.list.d/bluemind.sources", "Types", "Enabled: no\nTypes"),
        speaks: ("package_repository_missing", "bm-master"),
    },
    Kind {
        healthy: |it| {
            let status = read(it, "var/lib/dpkg/status");
            let package = |name, state, version| {
                format!("Package: {name}\nStatus: {state}\nArchitecture: amd64\nVersion: {version}\n\n")
            };
            let more = package("bm-old-plugin", "deinstall ok config-files", "4.1.39021-buster")
                + &package("bm-plugin-core-acme-crm", "install ok installed", "1.2.3");
            write(it, "var/lib/dpkg/status", &(status + &more));
        },
        sick: |it| change(it, "var/lib/dpkg/status", "deinstall ok config-files", "install ok installed"),
        speaks: ("server_versions_differ", "bm-master"),
    },
    Kind {
        healthy: |it| {
            directory(
                it,
                "UPDATE t_systemconf SET configuration = configuration || hstore('dpBackupSkipTags', 'bm/es, filehosting/data')",
            );
            let kept: Vec<String> =
                read(it, GENERATION).lines().filter(|line| !line.contains("bm/es")).map(str::to_owned).collect();
            write(it, GENERATION, &kept.join("\n").replace("\"server\": \"bm-master\"", "\"server\": \"192.0.2.10\""));
        },
        sick: |it| {
            change(
                it,
                GENERATION,
                "\"valid\": \"VALID\", \"datatype\": \"imap\"",
                "\"valid\": \"INVALID\", \"datatype\": \"imap\"",
            )
        },
        speaks: ("backup_missing_or_old", "bm-master/mail/imap"),
    },
];

/// Cyrus, its logs, and who asks after it.
pub(crate) const MAIL: &[Kind] = &[
    Kind {
        healthy: |it| {
            write(it, "var/log/mail.log.1", &read(it, "var/log/mail.log"));
            write(it, "var/log/mail.log", "");
            gzip(
                it,
                "var/log/mail.log-20191031.gz",
                "Oct 31 09:20:00 mail cyrus/imap[812]: login: localhost [127.0.0.1] admin0 plaintext User logged in SESSIONID=<d>\n",
            );
            gzip(
                it,
                "var/log/bm/core.log-20191031.gz",
                "2019-10-31 09:21:00,000 [vert.x-eventloop-1] Nginx INFO - started\n",
            );
        },
        sick: |it| {
            gzip(
                it,
                "var/log/mail.log-20191030.gz",
                "Oct 30 09:20:00 mail cyrus/imap[812]: login: old [203.0.113.9] admin0 plaintext User logged in SESSIONID=<e>\n",
            )
        },
        speaks: ("mailbox_imported_as_admin0", "cyrus 203.0.113.9"),
    },
    Kind {
        healthy: |it| {
            for minute in 0..60 {
                log(
                    it,
                    &format!(
                        "2019-11-01T10:{minute:02}:00.000000+00:00 mail cyrus/imap[{minute}]: login: nagios [192.0.2.77] nagios@example.org plaintext User logged in SESSIONID=<n{minute}>\n\
                              2019-11-01T10:{minute:02}:01.000000+00:00 mail cyrus/imap[{minute}]: badlogin: nagios [192.0.2.77] plaintext admin0 SASL(-13): authentication failure: checkpass failed"
                    ),
                );
            }
        },
        sick: |it| {
            log(
                it,
                "2019-11-01T11:00:00.000000+00:00 mail cyrus/imap[9]: login: nagios [192.0.2.77] admin0 plaintext User logged in SESSIONID=<n>",
            )
        },
        speaks: ("mailbox_imported_as_admin0", "cyrus 192.0.2.77"),
    },
    Kind {
        healthy: |it| {
            let line = |text: &str| {
                format!(
                    "{} [vert.x-eventloop-thread-7] n.b.b.c.r.s.{text}\n",
                    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S,000")
                )
            };
            let more = [
                "SyncServerConnection INFO - Connected 192.0.2.77",
                "ReplicationSession INFO - Starting session with 192.0.2.77:40001 (2)",
                "ReplicationSession INFO - Stopped session",
            ];
            let told: String = more.iter().map(|text| line(text)).collect();
            write(it, "var/log/bm/replication.log", &(read(it, "var/log/bm/replication.log") + &told));
            let gone = "  15: 0A0200C0:09C5 4D0200C0:9C41 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000\n";
            write(it, "proc/net/tcp", &(read(it, "proc/net/tcp") + gone));
        },
        sick: |it| change(it, "proc/net/tcp", "4D0200C0:9C41 06", "4D0200C0:9C41 01"),
        speaks: ("replication_peer_unknown", "bm-master"),
    },
    Kind {
        healthy: |it| {
            for path in [
                "quota/j/user.jdoe",
                "domain/e/example.org/quota/j/user.jdoe",
                "domain/e/example.org/sieve/j/jdoe/bluemind.script.bc",
                "sieve/global/default.bc",
                "domain/e/example.org/user/j/jdoe.seen",
                "domain/e/example.org/user/j/jdoe.sub",
                "backup/mailboxes.db.1",
                "mailboxes.db.OLD",
                "deliver.db",
                "tls_sessions.db",
            ] {
                write(it, &format!("var/lib/cyrus/{path}"), "0 0\n");
            }
        },
        sick: |it| {
            write(
                it,
                "var/lib/cyrus/user/a/admin0.seen",
                &(read(it, "var/lib/cyrus/user/a/admin0.seen") + "1960c83c8cd70cd8\t1 1572000000 6 1572000000 1:6\n"),
            )
        },
        speaks: ("messages_read_by_admin0", "user.a^durand"),
    },
    Kind {
        healthy: |it| {
            for file in ["cyrus.squat", "cyrus.annotations", ".nfs00000017", "12.NEW", "1.bak"] {
                write(
                    it,
                    &format!("var/spool/cyrus/data/bm-master__example_org/domain/e/example.org/j/user/jdoe/{file}"),
                    "x",
                );
                write(
                    it,
                    &format!("var/spool/cyrus/meta/bm-master__example_org/domain/e/example.org/j/user/jdoe/{file}"),
                    "x",
                );
            }
        },
        sick: |it| remove(it, "var/spool/cyrus/data/bm-master__example_org/domain/e/example.org/j/user/jdoe/7."),
        speaks: ("message_file_missing", "user.jdoe"),
    },
    Kind {
        healthy: |it| {
            change(
                it,
                "etc/cyrus.conf",
                "SERVICES {",
                "SERVICES {\n\t# for an old telephone system\n\tpabx\tcmd=\"imapd -C /etc/pabx.conf\"\tlisten=\"127.0.0.1:1144\" prefork=0",
            );
            change(it, "etc/cyrus.conf", "EVENTS {", "EVENTS {\n    squatter  cmd=\"squatter -i\" at=0230");
            let disabled =
                "[Service]\nExecStart=/usr/sbin/sync_client -n core -r\n[Install]\nWantedBy=multi-user.target\n";
            write(it, &format!("{UNITS}/bm-cyrus-syncclient.service"), disabled);
        },
        sick: |it| {
            let wants = it.path("root").join("etc/systemd/system/multi-user.target.wants");
            fs::create_dir_all(&wants).unwrap();
            let unit = Path::new("/").join(UNITS).join("bm-cyrus-syncclient.service");
            std::os::unix::fs::symlink(unit, wants.join("bm-cyrus-syncclient.service")).unwrap();
        },
        speaks: ("sync_client_duplicated", "bm-master"),
    },
    Kind {
        healthy: |it| {
            change(
                it,
                "etc/cyrus-replication",
                "sync_log_channels: core",
                "sync_log_channels: core\tstandby\nstandby_sync_host: 192.0.2.200\nstandby_sync_port: 2005\nstandby_sync_authname: sync",
            );
            write(it, "var/lib/cyrus/sync/standby/log", "APPEND example.org!user.jdoe\n");
        },
        sick: |it| change(it, "etc/cyrus-replication", "core_sync_port: 2501", "core_sync_port: 2005"),
        speaks: ("stale_sync_configuration", "bm-master wrong_port"),
    },
    // No archive in one domain, and that of the other on a volume.
    Kind {
        healthy: |it| {
            let archive =
                "archivepartition-bm-master__example_net:/var/spool/bm-hsm/cyrus-archives/bm-master__example_net\n";
            change(it, "etc/cyrus-partitions", archive, "");
            let root = it.path("root");
            fs::create_dir_all(root.join("volume")).unwrap();
            fs::rename(root.join("var/spool/bm-hsm"), root.join("volume/hsm")).unwrap();
            std::os::unix::fs::symlink("/volume/hsm", root.join("var/spool/bm-hsm")).unwrap();
            fs::remove_dir_all(root.join("volume/hsm/cyrus-archives/bm-master__example_net")).unwrap();
        },
        sick: |it| {
            let meta = "metapartition-bm-master__example_net:/var/spool/cyrus/meta/bm-master__example_net\n";
            change(it, "etc/cyrus-partitions", meta, "");
        },
        speaks: ("cyrus_mailbox_directory_missing", "example.net"),
    },
];

//! Healthy installations that are not like the others, each beside its sick twin: the one is silent, or tells a word at most,
//! the other speaks.

use std::fs;

use crate::run::{self, Run};
use crate::support::bluemind::{DIRECTORY, Installation};

/// A variant of `healthy_single`.
struct Variant {
    /// Makes the healthy one.
    healthy: fn(&Installation<'_>),
    /// Makes the sick twin of that.
    sick: fn(&Installation<'_>),
    /// The check that then speaks.
    speaks: &'static str,
}

pub(crate) fn write(installation: &Installation<'_>, path: &str, text: &str) {
    let path = installation.path("root").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) fn remove(installation: &Installation<'_>, path: &str) {
    fs::remove_file(installation.path("root").join(path)).unwrap();
}

pub(crate) fn log(installation: &Installation<'_>, lines: &str) {
    let path = "var/log/mail.log";
    let before = fs::read_to_string(installation.path("root").join(path)).unwrap();
    write(installation, path, &format!("{before}{lines}\n"));
}

/// Checks with findings that are more than a word.
pub(crate) fn alarms(run: &Run) -> Vec<String> {
    let checks = run.report["checks"].as_array().unwrap();
    let is_alarm = |check: &&serde_json::Value| {
        check["findings"].as_array().unwrap().iter().any(|finding| finding["severity"] != "info")
    };
    checks.iter().filter(is_alarm).map(|check| check["id"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn judged(installation: &Installation<'_>) -> Run {
    run::collect(installation);
    run::replay(installation)
}

fn walk(variant: &Variant) {
    let installation = Installation::build("healthy_single");
    (variant.healthy)(&installation);
    let healthy = judged(&installation);
    assert!(alarms(&healthy).is_empty(), "{}", healthy.digest());
    (variant.sick)(&installation);
    let sick = judged(&installation);
    assert!(alarms(&sick).contains(&variant.speaks.to_owned()), "{}", sick.digest());
}

/// A test for each variant: they wait for databases more than they work.
macro_rules! variants {
    ($($name:ident: $speaks:literal, $healthy:expr, $sick:expr;)*) => {
        $(#[test] fn $name() { walk(&Variant { healthy: $healthy, sick: $sick, speaks: $speaks }); })*
    };
}

const USER: &str = "domain/e/example.org/x/user/x/1.";

variants! {
    folders_of_file_systems_beside_partitions: "spool_directory_unexpected",
        |it| {
            for folder in ["lost+found/#17", "bm-master__example_org/lost+found/#17", ".snapshot/hourly.0/old/domain", "#recycle", "@eaDir"] {
                write(it, &format!("var/spool/cyrus/data/{folder}/1."), "mail");
            }
        },
        |it| write(it, &format!("var/spool/cyrus/data/old__example_org/{USER}"), "mail");
    services_that_were_switched_off_on_purpose: "service_disabled_with_role",
        |it| ["bm-milter", "bm-tika", "bm-mapi"].iter().for_each(|unit| write(it, &format!("etc/bm/{unit}.disabled"), "")),
        |it| write(it, "etc/bm/bm-lmtpd.disabled", "");
    a_component_of_a_partner: "component_version_mismatch",
        |it| drop(it.sql(DIRECTORY, "INSERT INTO t_component_version VALUES ('acme/crm', '1.2.3')")),
        |it| drop(it.sql(DIRECTORY, "INSERT INTO t_component_version VALUES ('bm/other', '4.1.1')"));
    a_mirror_of_the_packages_under_another_name: "package_repository_missing",
        |it| {
            remove(it, "etc/apt/sources.list.d/bm.list");
            write(it, "etc/apt/sources.list.d/nexus.list", "deb https://nexus.example.org/groupware buster main\n");
        },
        |it| remove(it, "etc/apt/sources.list.d/nexus.list");
    admin0_from_another_network_card_of_the_server: "mailbox_imported_as_admin0",
        |it| {
            log(it, "2019-11-02T02:00:00.000000+00:00 mail cyrus/imap[900]: login: mail [203.0.113.50] admin0 plaintext User logged in SESSIONID=<a>");
            write(it, "proc/net/fib_trie", "Local:\n  |-- 203.0.113.50\n     /32 host LOCAL\n");
        },
        |it| remove(it, "proc/net/fib_trie");
    imapsync_that_reads_as_admin0: "mailbox_imported_as_admin0",
        |it| log(it, "2019-11-02T02:00:00.000000+00:00 mail cyrus/imap[900]: login: mail [127.0.0.1] admin0 plaintext User logged in SESSIONID=<a>\n\
                      2019-11-02T02:00:00.100000+00:00 mail cyrus/imap[900]: client id sessionid=<a>: \"name\" \"imapsync\" \"side\" \"host1\""),
        |it| log(it, "2019-11-02T02:00:00.000000+00:00 mail cyrus/imap[901]: login: mail [127.0.0.1] admin0 plaintext User logged in SESSIONID=<b>\n\
                      2019-11-02T02:00:00.100000+00:00 mail cyrus/imap[901]: client id sessionid=<b>: \"name\" \"imapsync\" \"side\" \"host2\"");
    a_user_made_a_minute_ago: "cyrus_mailbox_missing",
        |it| {
            it.sql(DIRECTORY, "SELECT fixture.add_user('example.org', 'user-new', 'new', 'bm-master')");
            it.sql(DIRECTORY, "UPDATE t_container_item SET created = localtimestamp - interval '1 minute' WHERE uid = 'user-new'");
        },
        |it| drop(it.sql(DIRECTORY, "UPDATE t_container_item SET created = localtimestamp - interval '1 hour' WHERE uid = 'user-new'"));
}

/// bm-mapi belongs to the core: what other servers have is of no matter.
#[test]
fn servers_that_were_not_collected_do_not_make_autodiscover_unknown() {
    let installation = Installation::build("healthy_single");
    let path = "var/lib/dpkg/status";
    let status = fs::read_to_string(installation.path("root").join(path)).unwrap();
    let without: Vec<&str> =
        status.split("\n\n").filter(|package| !package.trim_start().starts_with("Package: bm-mapi\n")).collect();
    assert_ne!(without.join("\n\n"), status);
    write(&installation, path, &without.join("\n\n"));
    installation.sql(DIRECTORY, "SELECT fixture.add_server('edge', '192.0.2.30', ARRAY['mail/smtp-edge'])");
    let outcomes = |run: &Run| {
        let checks = run.report["checks"].as_array().unwrap().iter();
        // Browsers and mobiles use the URLs all the same.
        let is_asked = |check: &&serde_json::Value| !check["id"].as_str().unwrap().starts_with("external_url_");
        let of_autodiscover = checks.filter(|check| check["category"] == "autodiscover").filter(is_asked);
        of_autodiscover
            .map(|check| check["outcome"].as_str().unwrap().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(outcomes(&judged(&installation)), ["not_applicable".to_owned()].into());
    write(&installation, path, &status);
    assert!(!outcomes(&judged(&installation)).contains("not_applicable"));
}

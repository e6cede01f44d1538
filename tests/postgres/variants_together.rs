//! What real sites have beside the usual: all of it on one installation, which stays silent, and beside each thing its sick twin,
//! of which the check speaks that is meant for it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::run::Run;
use crate::support::bluemind::{DIRECTORY, Installation, copy_tree};
use crate::support::network::Network;
use crate::variants::{alarms, judged, write};
use crate::variants_kinds::{MACHINES, MAIL, PEOPLE};

pub(crate) const SHARD: &str = "bm-master";

/// Folders as people call them: as Cyrus keeps the name below the root, and as the shard does.
pub(crate) const FOLDERS: &[(&str, &str)] = &[
    ("1^ Clients", "1. Clients"),
    ("Projets (archives)", "Projets (archives)"),
    ("50% remise", "50% remise"),
    ("R&-D", "R&D"),
    ("&2D3cwQ- Dossier", "📁 Dossier"),
    ("De&AwE-compos&AOk-", "Décomposé"),
    ("Deux  espaces ", "Deux  espaces "),
    ("#urgent", "#urgent"),
    ("-tiret", "-tiret"),
    ("Archives.INBOX", "Archives/INBOX"),
    ("SENT", "SENT"),
    ("sent", "sent"),
    ("Grenier.2018", "Grenier/2018"),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ),
    ("Bo&AO4-te d&IBk-envoi", "Boîte d’envoi"),
    ("~brouillon", "~brouillon"),
    ("a@b", "a@b"),
    ("[Gmail].Tous les messages", "[Gmail]/Tous les messages"),
    ("d'&AOk-t&AOk-", "d'été"),
    ("100 &IKw-", "100 €"),
    ("Mes documents;v2", "Mes documents;v2"),
    ("INBOX^Clients", "INBOX.Clients"),
];

/// Something that a site has.
pub(crate) struct Kind {
    /// Makes it.
    pub(crate) healthy: fn(&Installation<'_>),
    /// Makes its sick twin.
    pub(crate) sick: fn(&Installation<'_>),
    /// The check that then speaks, and what stands in the subject of its finding.
    pub(crate) speaks: (&'static str, &'static str),
}

pub(crate) fn read(it: &Installation<'_>, path: &str) -> String {
    fs::read_to_string(it.path("root").join(path)).unwrap()
}

/// Changes a file by what is replaced in it.
pub(crate) fn change(it: &Installation<'_>, path: &str, from: &str, to: &str) {
    let before = read(it, path);
    assert!(before.contains(from), "{path}: {from}");
    write(it, path, &before.replace(from, to));
}

pub(crate) fn gzip(it: &Installation<'_>, path: &str, text: &str) {
    write(it, path, "");
    let file = fs::File::create(it.path("root").join(path)).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

pub(crate) fn directory(it: &Installation<'_>, sql: &str) {
    it.sql(DIRECTORY, sql);
}

pub(crate) fn shard(it: &Installation<'_>, sql: &str) {
    it.sql(SHARD, sql);
}

pub(crate) const LIST: &str = "var/lib/cyrus/mailboxes.db";
const EMPTY_FOLDER: &str = "var/spool/cyrus/meta/bm-master__example_org/domain/e/example.org/j/user/jdoe/Projects";

const EMPTY_ID: &str = "b227285451586b4a";

/// Adds a folder without messages to Cyrus: its entry and its files.
pub(crate) fn add_to_cyrus(it: &Installation<'_>, name: &str, unique_id: &str, acl: &str) {
    let (domain, local) = name.split_once('!').unwrap();
    let levels: Vec<&str> = local.split('.').collect();
    let letter = |name: &str| match name.chars().next().unwrap().to_ascii_lowercase() {
        c @ 'a'..='z' => c,
        _ => 'q',
    };
    let partition = format!("bm-master__{}", domain.replace('.', "_"));
    let place = format!(
        "var/spool/cyrus/meta/{partition}/domain/{}/{domain}/{}/{}",
        letter(domain),
        letter(levels.get(1).unwrap_or(&levels[0])),
        levels.join("/")
    );
    let root = it.path("root");
    fs::create_dir_all(root.join(&place)).unwrap();
    fs::copy(root.join(EMPTY_FOLDER).join("cyrus.index"), root.join(&place).join("cyrus.index")).unwrap();
    let mut header = fs::read(root.join(EMPTY_FOLDER).join("cyrus.header")).unwrap();
    let at = header.windows(EMPTY_ID.len()).position(|bytes| bytes == EMPTY_ID.as_bytes()).unwrap();
    header[at..at + EMPTY_ID.len()].copy_from_slice(unique_id.as_bytes());
    fs::write(root.join(&place).join("cyrus.header"), header).unwrap();
    let entry = format!("{name}\t%(A %({acl}) I {unique_id} P {partition} V 1572600000 F 1 M 1572600000)\n");
    write(it, LIST, &(read(it, LIST) + &entry));
}

pub(crate) fn acl_of(mailbox: &str, domain: &str) -> String {
    format!("{mailbox}@{domain} lrswipkxtecda admin0 lrswipkxtecda")
}

fn folder_uid(it: &Installation<'_>, mailbox: &str, path: &str) -> String {
    it.sql(SHARD, &format!("SELECT fixture.folder_uid($${mailbox}$$, $${path}$$)")).trim().to_owned()
}

/// A folder of a user on both sides: its name in Cyrus below the root, and in the shard.
pub(crate) fn add_folder(it: &Installation<'_>, (mailbox, root): (&str, &str), level: &str, path: &str) {
    shard(it, &format!("SELECT fixture.add_folder($${mailbox}$$, $${path}$$)"));
    let acl = acl_of(mailbox, root.split_once('!').unwrap().0);
    add_to_cyrus(it, &format!("{root}.{level}"), &folder_uid(it, mailbox, path), &acl);
}

/// A user with a mailbox on both sides.
pub(crate) fn add_user(it: &Installation<'_>, domain: &str, mailbox: &str, login: &str) {
    directory(it, &format!("SELECT fixture.add_user($${domain}$$, $${mailbox}$$, $${login}$$, 'bm-master')"));
    shard(it, &format!("SELECT fixture.add_mailbox_tree($${domain}$$, $${mailbox}$$, $${login}$$)"));
    let root = format!("{domain}!user.{}", login.replace('.', "^"));
    for path in ["INBOX", "Drafts", "Junk", "Outbox", "Sent", "Trash"] {
        let name = if path == "INBOX" { root.clone() } else { format!("{root}.{path}") };
        add_to_cyrus(it, &name, &folder_uid(it, mailbox, path), &acl_of(mailbox, domain));
    }
}

/// A shared mailbox on both sides: its name, and as Cyrus keeps that.
pub(crate) fn add_share(it: &Installation<'_>, mailbox: &str, name: &str, level: &str) {
    directory(it, &format!("SELECT fixture.add_mailshare('example.org', $${mailbox}$$, $${name}$$, 'bm-master')"));
    shard(it, &format!("SELECT fixture.add_mailshare_tree('example.org', $${mailbox}$$, $${name}$$)"));
    for (below, path) in [("", name), (".Sent", "Sent")] {
        add_to_cyrus(
            it,
            &format!("example.org!{level}{below}"),
            &folder_uid(it, mailbox, path),
            "admin0 lrswipkxtecda anyone p",
        );
    }
}

/// Takes the lines out of mailboxes.db that begin so.
pub(crate) fn unlist(it: &Installation<'_>, name: &str) {
    let lines = read(it, LIST);
    let kept: String = lines.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n")).collect();
    assert_ne!(kept, lines);
    write(it, LIST, &kept);
}

/// The files of a server that has a role of its own, and no mailboxes.
pub(crate) fn files_of(it: &Installation<'_>, uid: &str) {
    let root = it.path(&format!("root.{uid}"));
    let places = ["etc/apt", "etc/bm", "etc/systemd", "lib", "proc"].map(Path::new);
    let is_common = |path: &Path| {
        let is_place = places.iter().any(|place| path.starts_with(place) || place.starts_with(path));
        is_place && !path.ends_with("bm-cyrus-imapd.service")
    };
    copy_tree(&it.path("root"), &root, is_common);
    let package = |name| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4.1.43922-buster\n\n")
    };
    let status: String = ["bm-conf", "bm-milter", "bm-node", "bm-ysnp"].into_iter().map(package).collect();
    for (path, text) in [("etc/bm/server.uid", uid), ("etc/hostname", uid), ("var/lib/dpkg/status", &status)] {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    }
}

/// Whether a check has a finding that is more than a word, of such a subject.
fn is_told(run: &Run, (id, subject): (&str, &str)) -> bool {
    let checks = run.report["checks"].as_array().unwrap().iter();
    let mut findings = checks.filter(|check| check["id"] == id).flat_map(|check| check["findings"].as_array().unwrap());
    findings.any(|finding| finding["severity"] != "info" && finding["subject"].as_str().unwrap().contains(subject))
}

#[test]
fn a_site_with_all_of_it_is_silent_and_each_sick_twin_is_told() {
    let installation = Installation::build("healthy_single");
    let kinds: Vec<&Kind> = [PEOPLE, MACHINES, MAIL].into_iter().flatten().collect();
    kinds.iter().for_each(|kind| (kind.healthy)(&installation));
    let healthy = judged(&installation);
    assert!(alarms(&healthy).is_empty(), "{}", healthy.digest());
    // Nobody answers at the address of the other server.
    healthy.assert_unknown(&["cyrus_answers_without_role"], "port 1143 of 2001:db8::25 did not answer");
    kinds.iter().for_each(|kind| (kind.sick)(&installation));
    let sick = judged(&installation);
    let silent: Vec<_> = kinds.iter().map(|kind| kind.speaks).filter(|speaks| !is_told(&sick, *speaks)).collect();
    assert!(silent.is_empty(), "{silent:#?}\n{}", sick.digest());
}

/// An address of version 6, as the kernel and BlueMind write it.
const HEX: &str = "B80D0120000000000000000010000000";
const SIX: &str = "2001:db8::10";

#[test]
fn a_server_that_has_addresses_of_version_6_alone_is_known_by_them() {
    let mut installation = Installation::build("healthy_single");
    let config = Network::shared().config_with(&[], None);
    installation.more_config = config.replace("192.0.2.10:", &format!("[{SIX}]:"));
    let it = &installation;
    directory(it, &format!("UPDATE t_server SET ip = '{SIX}'"));
    for path in ["etc/cyrus-replication", "etc/bm/bm.ini", "var/log/bm/replication.log"] {
        change(it, path, "192.0.2.10", SIX);
    }
    let (of_four, of_six): (Vec<String>, Vec<String>) =
        read(it, "proc/net/tcp").lines().map(str::to_owned).partition(|line| !line.contains("0A0200C0"));
    write(it, "proc/net/tcp", &(of_four.join("\n") + "\n"));
    write(it, "proc/net/tcp6", &format!("{}\n{}\n", of_four[0], of_six.join("\n").replace("0A0200C0", HEX)));
    let healthy = judged(it);
    assert!(alarms(&healthy).is_empty(), "{}", healthy.digest());
    healthy.assert_unknown(&[], "");

    change(it, "etc/cyrus-replication", SIX, "2001:db8::11");
    let sick = judged(it);
    assert!(is_told(&sick, ("stale_sync_configuration", "bm-master wrong_host")), "{}", sick.digest());
}

#[test]
fn backups_that_another_server_keeps_are_found() {
    let installation = Installation::build("healthy_split");
    let it = &installation;
    let (from, to) = ("root/var/backups", "root.mail-1/var/backups");
    fs::create_dir_all(it.path("root.mail-1/var")).unwrap();
    fs::rename(it.path(from), it.path(to)).unwrap();
    fs::create_dir_all(it.path("root/var/backups/bluemind")).unwrap();
    let healthy = judged(it);
    assert!(alarms(&healthy).is_empty(), "{}", healthy.digest());
    healthy.assert_unknown(&[], "");

    for generation in ["41", "42"] {
        fs::remove_file(it.path(to).join(format!("bluemind/generation-{generation}.json"))).unwrap();
    }
    let sick = judged(it);
    assert!(is_told(&sick, ("backup_missing_or_old", "installation")), "{}", sick.digest());
}

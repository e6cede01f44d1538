//! The tables that a server's own files fill: bm.ini, marker files, packages, file systems.

use std::collections::BTreeSet;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use crate::collect::reach::root::Root;
use crate::collect::reach::sink::{Scope, Sink};
use crate::collect::reach::{command, identity};
use crate::fact::{Column, Row, ScopeKind, Table, Value};
use crate::format::{dpkg_status, mounts, package_source, start_check};

/// When a server was looked at.
const COLLECTION: Table = Table {
    name: "collection",
    doc: "When the files of a server were collected: those of several servers are collected one after the other, and `:now` is the last time of all.",
    grain: "a server whose files were collected",
    scope: ScopeKind::Server,
    columns: &[Column::integer("collected_at", "when its collection began, in seconds since the epoch")],
};

/// Keys of bm.ini that describe the installation; the password is none of them.
const BM_INI: Table = Table {
    name: "bm_ini",
    doc: "The keys of /etc/bm/bm.ini that describe the installation. The database password is never collected.",
    grain: "a key of a server's bm.ini",
    scope: ScopeKind::Server,
    columns: &[Column::text("key", "such as `host`").key(), Column::text("value", "its value, quotes stripped")],
};

/// Files in /etc/bm whose existence changes what BlueMind does.
const MARKER_FILE: Table = Table {
    name: "marker_file",
    doc: "The files in /etc/bm whose mere existence changes what BlueMind does: `*.disabled`, `non.blocking.checks` and their like.",
    grain: "a marker file of a server",
    scope: ScopeKind::Server,
    columns: &[Column::text("name", "file name, such as `bm-cyrus-imapd.disabled`").key()],
};

/// Installed packages of BlueMind.
const PACKAGE: Table = Table {
    name: "package",
    doc: "The installed packages whose name begins with `bm-` or `postgresql`, as dpkg's status file or rpm knows them.",
    grain: "an installed package of a server",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("name", "name of the package").key(),
        Column::text("version", "version as the packager writes it, such as `4.1.43922-buster`"),
    ],
};

/// Where packages come from.
const PACKAGE_SOURCE: Table = Table {
    name: "package_source",
    doc: "The files in which apt or yum are told where packages come from: /etc/apt/sources.list, those of /etc/apt/sources.list.d and of /etc/yum.repos.d. Their content is never collected: the address of BlueMind's repository may hold the subscription's password.",
    grain: "a file of a server that names package repositories",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("path", "such as `/etc/apt/sources.list.d/bm.list`").key(),
        Column::text("bluemind", "whether it names a repository of BlueMind, and whether that is in use")
            .one_of(&["enabled", "disabled", "none"]),
    ],
};

/// Mounted file systems.
const FILESYSTEM: Table = Table {
    name: "filesystem",
    doc: "The file systems that can hold BlueMind's data (/proc/self/mounts), without pseudo file systems.",
    grain: "a mount point of a server",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("mount_point", "absolute path").key(),
        Column::text("type", "such as `ext4`"),
        Column::integer("size_bytes", "size, in bytes"),
        Column::integer("available_bytes", "free for unprivileged users, in bytes"),
    ],
};

/// Results of a product's own start checks.
const START_CHECK: Table = Table {
    name: "start_check",
    doc: "What the validators of bm-mapi said when it started last, as its log tells (4.1 and later); none when there is no such log.",
    grain: "a validator of a server's bm-mapi",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("validator", "name of the validator").key(),
        Column::boolean("is_valid", "whether it was content"),
        Column::text("message", "what it said").nullable(),
    ],
};

/// What is read of each server.
pub(in crate::collect) const TABLES: &[&Table] =
    &[&COLLECTION, &BM_INI, &MARKER_FILE, &PACKAGE, &PACKAGE_SOURCE, &FILESYSTEM, &START_CHECK];

/// Where bm-mapi logs, and how much of the end is read: the last start is what counts.
const MAPI_LOG: &str = "/var/log/bm-mapi/mapi.log";
const MAPI_LOG_END: u64 = 16 * 1024 * 1024;

/// Keys of bm.ini that are collected.
const BM_INI_KEYS: &[&str] = &[
    "db",
    "dbtype",
    "default-domain",
    "external-protocol",
    "external-url",
    "host",
    "hz-member-address",
    "locator",
    "port",
    "user",
];

/// Names, and one ending, of the files in /etc/bm that are markers.
const MARKERS: &[&str] = &[
    "non.blocking.checks",
    "no.mail.indexing",
    "no.workdir.purge",
    "skip.restart",
    "mcast.id",
    "server.uid",
    "subscription.bmz",
];
const DISABLED: &str = ".disabled";

/// Folders of files with package repositories, and how the names of those end that are read.
const PACKAGE_SOURCES: [(&str, &[&str]); 3] = [
    ("/etc/apt", &["sources.list"]),
    ("/etc/apt/sources.list.d", &[".list", ".sources"]),
    ("/etc/yum.repos.d", &[".repo"]),
];

/// Where BlueMind puts the repository that comes with the subscription.
const SUBSCRIPTION_FILES: &[&str] = &["/etc/apt/sources.list.d/bm.list", "/etc/yum.repos.d/bm.repo"];

/// Limits of the files read, in bytes.
const SMALL_FILE: u64 = 1024 * 1024;
const DPKG_STATUS: u64 = 256 * 1024 * 1024;

/// Time that rpm may take.
const RPM_LIMIT: Duration = Duration::from_secs(60);

/// Rows, and what is missing of them.
type Read = Result<(Vec<Row>, Option<String>), String>;

/// Fills the wanted tables of one server from the files below `root`; `now` is the run's clock.
pub(in crate::collect) async fn collect(server: &str, root: &Root, wanted: &[&'static Table], now: i64, sink: &Sink) {
    let whole = |rows: Result<Vec<Row>, String>| rows.map(|rows| (rows, None));
    for table in wanted {
        let (source, read) = match table.name {
            "collection" => (root.shown("/"), whole(Ok(vec![vec![Value::Integer(now)]]))),
            "bm_ini" => (root.shown("/etc/bm/bm.ini"), whole(bm_ini(root))),
            "marker_file" => (root.shown("/etc/bm"), whole(marker_files(root))),
            "package" => {
                let (source, rows) = packages(root).await;
                (source, whole(rows))
            }
            "package_source" => (root.shown("/etc/apt"), whole(package_sources(root))),
            "start_check" => (root.shown(MAPI_LOG), whole(start_checks(root))),
            "filesystem" => (root.shown("/proc/self/mounts"), file_systems(root).await),
            _ => continue,
        };
        let scope = Scope::begin(sink, table, server, source);
        let outcome = read.and_then(|(rows, gap)| scope.add(&rows).map(|()| gap));
        scope.end_with(outcome);
    }
}

fn bm_ini(root: &Root) -> Result<Vec<Row>, String> {
    let ini = identity::bm_ini(root)?;
    Ok(BM_INI_KEYS.iter().filter_map(|key| Some(vec![Value::from(*key), Value::from(ini.get(key)?)])).collect())
}

fn marker_files(root: &Root) -> Result<Vec<Row>, String> {
    let is_marker = |name: &String| MARKERS.contains(&name.as_str()) || name.ends_with(DISABLED);
    Ok(root.names("/etc/bm")?.into_iter().filter(is_marker).map(|name| vec![Value::from(name)]).collect())
}

/// The end of bm-mapi's log. A log that is not there tells of no start.
fn start_checks(root: &Root) -> Result<Vec<Row>, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", root.shown(MAPI_LOG));
    let (mut file, metadata) = match root.regular(MAPI_LOG) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return root.dangling(MAPI_LOG).map_or_else(|| Ok(Vec::new()), Err);
        }
        opened => opened.map_err(fail)?,
    };
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(MAPI_LOG_END))).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(MAPI_LOG_END).read_to_end(&mut bytes).map_err(fail)?;
    let checks = start_check::parse(&String::from_utf8_lossy(&bytes));
    Ok(checks.into_iter().map(|c| vec![c.validator.into(), c.is_valid.into(), c.message.into()]).collect())
}

/// Names of the installed packages of BlueMind; `None` when they are not known.
pub(super) async fn installed(root: &Root) -> Option<BTreeSet<String>> {
    let (_, rows) = packages(root).await;
    let name = |row: Row| match row.into_iter().next() {
        Some(Value::Text(name)) => Some(name),
        _ => None,
    };
    Some(rows.ok()?.into_iter().filter_map(name).collect())
}

/// dpkg's status file, or else rpm.
async fn packages(root: &Root) -> (String, Result<Vec<Row>, String>) {
    let path = "/var/lib/dpkg/status";
    let dpkg = root.text(path, DPKG_STATUS);
    let has_rpm = root.names("/var/lib/rpm").is_ok_and(|names| !names.is_empty());
    let (source, rows) = match dpkg {
        Ok(text) => {
            let installed = dpkg_status::parse(&text).into_iter().filter(|package| package.is_installed);
            (root.shown(path), Ok(installed.filter_map(|p| package_row(&p.name, &p.version)).collect()))
        }
        Err(_) if has_rpm => ("rpm".to_owned(), rpm_packages(root).await),
        Err(reason) => (root.shown(path), Err(reason)),
    };
    // Every server of BlueMind has some: a list without any is another one, or not whole.
    let rows = rows.and_then(|rows: Vec<Row>| match rows.is_empty() {
        true => Err(format!("{source}: no package of BlueMind is listed")),
        false => Ok(rows),
    });
    (source, rows)
}

async fn rpm_packages(root: &Root) -> Result<Vec<Row>, String> {
    let path = std::path::absolute(root.path()).map_err(|error| error.to_string())?.display().to_string();
    let format = "%{NAME}\\t%{VERSION}-%{RELEASE}\\n";
    let listed = command::output("rpm", &["--root", &path, "-q", "-a", "--qf", format], RPM_LIMIT).await?;
    let mut rows: Vec<Row> =
        listed.lines().filter_map(|line| line.split_once('\t')).filter_map(|(n, v)| package_row(n, v)).collect();
    rows.sort();
    Ok(rows)
}

fn package_row(name: &str, version: &str) -> Option<Row> {
    (name.starts_with("bm-") || name.starts_with("postgresql")).then(|| vec![Value::from(name), Value::from(version)])
}

/// Every file that apt or yum reads repositories from. A server has one of the two.
fn package_sources(root: &Root) -> Result<Vec<Row>, String> {
    let is_missing = |path: &str| root.folder(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let mut paths = Vec::new();
    for (folder, endings) in PACKAGE_SOURCES.iter().filter(|(folder, _)| !is_missing(folder)) {
        let is_read = |name: &&String| endings.iter().any(|ending| name.ends_with(ending));
        paths.extend(root.names(folder)?.iter().filter(is_read).map(|name| format!("{folder}/{name}")));
    }
    if PACKAGE_SOURCES.iter().all(|(folder, _)| is_missing(folder)) {
        let folders = PACKAGE_SOURCES.map(|(folder, _)| root.shown(folder));
        return Err(format!("there is none of the folders {}", folders.join(", ")));
    }
    let row = |path: String| {
        let text = root.text(&path, SMALL_FILE)?;
        let state = match package_source::bluemind(&text, SUBSCRIPTION_FILES.contains(&path.as_str())) {
            Some(true) => "enabled",
            Some(false) => "disabled",
            None => "none",
        };
        Ok(vec![Value::from(path), Value::from(state)])
    };
    paths.into_iter().map(row).collect()
}

/// A file system behind a dead server can block for ever: each is asked for its space on a thread of its own. One that
/// does not answer is told; the others are known all the same.
async fn file_systems(root: &Root) -> Read {
    let text = root.text("/proc/self/mounts", SMALL_FILE)?;
    let (mut rows, mut silent) = (Vec::new(), Vec::new());
    for mount in mounts::parse(&text) {
        let bytes = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        match space(root, &mount.mount_point).await {
            Ok((size, available)) => {
                rows.push(vec![Value::from(mount.mount_point), Value::from(mount.kind), bytes(size), bytes(available)]);
            }
            Err(reason) => silent.push(reason),
        }
    }
    match silent.first() {
        // A running system has a root file system at least.
        None if rows.is_empty() => Err(format!("{}: no file system is mounted", root.shown("/proc/self/mounts"))),
        Some(reason) if rows.is_empty() => Err(reason.clone()),
        Some(_) => Ok((rows, Some(silent.join("; ")))),
        None => Ok((rows, None)),
    }
}

async fn space(root: &Root, mount_point: &str) -> Result<(u64, u64), String> {
    const LIMIT: Duration = Duration::from_secs(10);
    let (place, point) = (root.clone(), mount_point.to_owned());
    let asked = tokio::task::spawn_blocking(move || place.space(&point));
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(answer) => answer.unwrap_or_else(|error| Err(error.to_string())),
        Err(_) => Err(format!("{mount_point}: no answer within {} s", LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_behind_a_link_that_leads_nowhere_is_not_one_that_was_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        assert_eq!(start_checks(&root), Ok(Vec::new()));
        std::fs::create_dir_all(folder.path().join("var/log")).unwrap();
        std::os::unix::fs::symlink("/mnt/logs", folder.path().join("var/log/bm-mapi")).unwrap();
        let reason = start_checks(&root).unwrap_err();
        assert!(reason.ends_with("var/log/bm-mapi: it leads to /mnt/logs, which is not there"), "{reason}");
    }

    #[tokio::test]
    async fn no_server_is_without_packages_and_file_systems() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        for path in ["var/lib/dpkg/status", "proc/self/mounts"] {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let reason = packages(&root).await.1.unwrap_err();
        assert!(reason.ends_with("var/lib/dpkg/status: no package of BlueMind is listed"), "{reason}");
        assert_eq!(installed(&root).await, None);
        let reason = file_systems(&root).await.unwrap_err();
        assert!(reason.ends_with("proc/self/mounts: no file system is mounted"), "{reason}");
    }
}

//! The tables that a server's own files fill: bm.ini, marker files, file systems, the last start of bm-mapi.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use crate::collect::reach::identity;
use crate::collect::reach::place::{File, Look, OfServer, Place};
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::{Record, table};
use crate::format::os_release::{self, OsRelease};
use crate::format::{mounts, start_check};
use crate::model::Reason;
use crate::model::reason::{Files, Server};

table! {
    /// When the files of a server were collected: those of several servers are collected one after the other, and `:now` is
    /// the last time of all.
    struct Collection: "collection", "a server whose files were collected", Server {
        /// when its collection began, in seconds since the epoch
        collected_at: i64,
    }
}

table! {
    /// The keys of /etc/bm/bm.ini that describe the installation. The database password is never collected.
    struct BmIniKey: "bm_ini", "a key of a server's bm.ini", Server {
        /// such as `host`
        key: String as key and vocabulary,
        /// its value, quotes stripped
        value: String,
    }
}

table! {
    /// The files in /etc/bm whose mere existence changes what BlueMind does: `*.disabled`, `non.blocking.checks` and their
    /// like.
    struct MarkerFile: "marker_file", "a marker file of a server", Server {
        /// file name, such as `bm-cyrus-imapd.disabled`
        name: String as key and vocabulary,
    }
}

table! {
    /// The file systems that can hold BlueMind's data (/proc/self/mounts), without pseudo file systems.
    struct FileSystem: "filesystem", "a mount point of a server", Server {
        /// absolute path
        mount_point: String as key,
        /// size, in bytes
        size_bytes: u64,
        /// free for unprivileged users, in bytes
        available_bytes: u64,
    }
}

table! {
    /// What the validators of bm-mapi said when it started last, as its log tells (4.1 and later); none when there is no
    /// such log.
    struct StartCheck: "start_check", "a validator of a server's bm-mapi", Server {
        /// name of the validator
        validator: String as key and vocabulary,
        /// whether it was content
        is_valid: bool,
        /// what it said
        message: Option<String> as prose,
    }
}

table! {
    /// What the system of a server calls itself (`/etc/os-release`).
    struct OperatingSystem: "operating_system", "a server", Server {
        /// such as `debian`; null where it does not say
        id: Option<String>,
        /// such as `12` or `22.04`; null where it does not say
        version: Option<String>,
    }
}

pub(super) const ALL: &[&dyn OfServer] = &[
    &File { path: "/", read: |place| Ok(vec![Collection { collected_at: place.now }]) },
    &File { path: "/etc/bm/bm.ini", read: bm_ini },
    &File { path: MARKERS_FOLDER, read: marker_files },
    &File { path: MAPI_LOG, read: start_checks },
    &File { path: OS_RELEASE, read: operating_system },
    &Look { tables: FileSystem::ALONE, look: |place| Box::pin(file_systems(place)) },
];

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
    "other-urls",
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
const MARKERS_FOLDER: &str = "/etc/bm";

/// The mounted file systems.
const MOUNTS: &str = "/proc/self/mounts";

/// Limit of the files read, in bytes.
const SMALL_FILE: u64 = 1024 * 1024;

fn bm_ini(place: &Place) -> Result<Vec<BmIniKey>, Reason> {
    let ini = identity::bm_ini(&place.root)?;
    let key = |key: &&str| Some(BmIniKey { key: (*key).to_owned(), value: ini.get(key)?.to_owned() });
    Ok(BM_INI_KEYS.iter().filter_map(key).collect())
}

/// Where a system says what it is, and how much of that is read.
const OS_RELEASE: &str = "/etc/os-release";
const OS_RELEASE_SIZE: u64 = 64 * 1024;

fn operating_system(place: &Place) -> Result<Vec<OperatingSystem>, Reason> {
    let OsRelease { id, version_id } = os_release::parse(&place.root.text(OS_RELEASE, OS_RELEASE_SIZE)?);
    Ok(vec![OperatingSystem { id, version: version_id }])
}

fn marker_files(place: &Place) -> Result<Vec<MarkerFile>, Reason> {
    let is_marker = |name: &String| MARKERS.contains(&name.as_str()) || name.ends_with(DISABLED);
    let names = place.root.names(MARKERS_FOLDER)?.into_iter().filter(is_marker);
    Ok(names.map(|name| MarkerFile { name }).collect())
}

/// The end of bm-mapi's log. A log that is not there tells of no start.
fn start_checks(place: &Place) -> Result<Vec<StartCheck>, Reason> {
    let fail = |error: std::io::Error| place.root.unreadable(MAPI_LOG, &error);
    let Some((mut file, metadata)) = place.root.find_file(MAPI_LOG)? else { return Ok(Vec::new()) };
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(MAPI_LOG_END))).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(MAPI_LOG_END).read_to_end(&mut bytes).map_err(fail)?;
    let checks = start_check::parse(&String::from_utf8_lossy(&bytes)).into_iter();
    let row = |check: start_check::StartCheck| StartCheck {
        validator: check.validator,
        is_valid: check.is_valid,
        message: check.message,
    };
    Ok(checks.map(row).collect())
}

async fn file_systems(place: &Place) -> Seen {
    Seen::at(place.root.shown(MOUNTS)).tell::<FileSystem>(mounted(place).await)
}

/// A file system behind a dead server can block for ever: each is asked for its space on a thread of its own. One that
/// does not answer is told; the others are known all the same.
async fn mounted(place: &Place) -> Result<Rows<FileSystem>, Reason> {
    let text = place.root.text(MOUNTS, SMALL_FILE)?;
    let (mut rows, mut silent) = (Vec::new(), Vec::new());
    for mount_point in mounts::parse(&text) {
        match space(place, &mount_point).await {
            Ok((size_bytes, available_bytes)) => {
                rows.push(FileSystem { mount_point, size_bytes, available_bytes });
            }
            Err(reason) => silent.push(reason),
        }
    }
    match silent.first() {
        // A running system has a root file system at least.
        None if rows.is_empty() => Err(Server::NothingMounted { path: place.root.shown(MOUNTS) }.into()),
        Some(reason) if rows.is_empty() => Err(reason.clone()),
        _ => Ok(Rows::from(rows).but(Reason::all(silent))),
    }
}

async fn space(place: &Place, mount_point: &str) -> Result<(u64, u64), Reason> {
    const LIMIT: Duration = Duration::from_secs(10);
    let point = mount_point.to_owned();
    let asked = place.aside(move |root| root.space(&point));
    let silent = || Files::Silent { path: mount_point.to_owned(), seconds: LIMIT.as_secs() };
    tokio::time::timeout(LIMIT, asked).await.unwrap_or_else(|_| Err(silent().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_behind_a_link_that_leads_nowhere_is_not_one_that_was_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(folder.path());
        assert_eq!(start_checks(&place), Ok(Vec::new()));
        std::fs::create_dir_all(folder.path().join("var/log")).unwrap();
        std::os::unix::fs::symlink("/mnt/logs", folder.path().join("var/log/bm-mapi")).unwrap();
        let reason = start_checks(&place).unwrap_err().to_string();
        assert!(reason.ends_with("var/log/bm-mapi: it leads to /mnt/logs, which is not there"), "{reason}");
    }

    #[tokio::test]
    async fn no_server_is_without_file_systems() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("proc/self")).unwrap();
        std::fs::write(folder.path().join("proc/self/mounts"), "").unwrap();
        let reason = mounted(&Place::of(folder.path())).await.err().unwrap().to_string();
        assert!(reason.ends_with("proc/self/mounts: no file system is mounted"), "{reason}");
    }
}

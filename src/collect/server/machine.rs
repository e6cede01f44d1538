//! What BlueMind asks of the machine itself before an upgrade: memory, processors, locales, the name of the host.

use std::io::Read as _;

use crate::collect::reach::place::{File, OfServer, Place};
use crate::collect::reach::root::Root;
use crate::fact::table;
use crate::format::{hosts, locale_archive, proc_machine};
use crate::model::Reason;
use crate::model::reason::Server;

table! {
    /// What a server has to work with, as its kernel tells it; a copy of its files does not.
    struct Machine: "machine", "a server", Server {
        /// memory, in KiB (`MemTotal` of /proc/meminfo)
        memory_kib: u64,
        /// processors at work (/proc/cpuinfo)
        processors: u64,
    }
}

table! {
    /// The locales that a server has, as `locale -a` lists them: those of glibc's archive and the folders of /usr/lib/locale.
    struct Locale: "locale", "a locale of a server", Server {
        /// such as `en_US.utf8`
        name: String as key and vocabulary,
    }
}

table! {
    /// How a server calls itself, and how /etc/hosts does.
    struct HostName: "host_name", "a server", Server {
        /// name of the host (/proc/sys/kernel/hostname, of a copy /etc/hostname)
        name: String,
        /// what /etc/hosts makes of it: the name with its domain, else the first name of its line; null where it has no such
        /// line, so that DNS decides
        full_name: Option<String>,
    }
}

pub(super) const ALL: &[&dyn OfServer] = &[
    &File { path: MEMINFO, read: machine },
    &File { path: LOCALES, read: locales },
    &File { path: HOSTNAME, read: host_name },
];

const MEMINFO: &str = "/proc/meminfo";
const CPUINFO: &str = "/proc/cpuinfo";
const HOSTNAME: &str = "/etc/hostname";
const KERNEL_HOSTNAME: &str = "/proc/sys/kernel/hostname";
const HOSTS: &str = "/etc/hosts";

/// Where locales are, the archive of them, and what a folder of one has.
const LOCALES: &str = "/usr/lib/locale";
const ARCHIVE: &str = "/usr/lib/locale/locale-archive";
const IDENTIFICATION: &str = "LC_IDENTIFICATION";

/// Limits of the files read, in bytes. The names are at the beginning of the archive; those of all locales that there are
/// take less than a hundredth of it.
const SMALL_FILE: u64 = 1024 * 1024;
const OF_ALL_PROCESSORS: u64 = 16 * 1024 * 1024;
const OF_ARCHIVE: u64 = 8 * 1024 * 1024;

fn machine(place: &Place) -> Result<Vec<Machine>, Reason> {
    let root = &place.root;
    let processors = proc_machine::processors(&root.text(CPUINFO, OF_ALL_PROCESSORS)?);
    match (proc_machine::memory_kib(&root.text(MEMINFO, SMALL_FILE)?), processors) {
        (Some(memory_kib), 1..) => Ok(vec![Machine { memory_kib, processors }]),
        (None, _) => Err(Server::NotTold { path: root.shown(MEMINFO) }.into()),
        (_, 0) => Err(Server::NotTold { path: root.shown(CPUINFO) }.into()),
    }
}

fn locales(place: &Place) -> Result<Vec<Locale>, Reason> {
    let root = &place.root;
    let mut names = archived(root)?;
    for folder in root.names(LOCALES)? {
        let is_folder = root.find(format!("{LOCALES}/{folder}"))?.is_some_and(|found| found.is_dir());
        if is_folder && root.find(format!("{LOCALES}/{folder}/{IDENTIFICATION}"))?.is_some() {
            names.push(folder);
        }
    }
    names.sort();
    names.dedup();
    Ok(names.into_iter().map(|name| Locale { name }).collect())
}

/// The locales of the archive; none where there is no archive.
fn archived(root: &Root) -> Result<Vec<String>, Reason> {
    let Some((file, _)) = root.find_file(ARCHIVE)? else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    file.take(OF_ARCHIVE).read_to_end(&mut bytes).map_err(|error| root.unreadable(ARCHIVE, &error))?;
    locale_archive::names(&bytes).map_err(|error| root.unreadable(ARCHIVE, &error))
}

fn host_name(place: &Place) -> Result<Vec<HostName>, Reason> {
    let root = &place.root;
    let path = if root.find(KERNEL_HOSTNAME)?.is_some() { KERNEL_HOSTNAME } else { HOSTNAME };
    let name = root.text(path, SMALL_FILE)?.trim().to_owned();
    if name.is_empty() || name.contains(char::is_control) {
        return Err(Server::NotTold { path: root.shown(path) }.into());
    }
    let text = if root.find(HOSTS)?.is_some() { root.text(HOSTS, SMALL_FILE)? } else { String::new() };
    let full_name = hosts::full_name(&text, &name).map(str::to_owned);
    Ok(vec![HostName { name, full_name }])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place with these files.
    fn with(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let place = Place::of(folder.path());
        (folder, place)
    }

    #[test]
    fn a_machine_without_memory_or_processors_is_not_told() {
        let (_folder, place) = with(&[("proc/meminfo", b"MemTotal: 5 kB\n"), ("proc/cpuinfo", b"processor : 0\n")]);
        assert_eq!(machine(&place), Ok(vec![Machine { memory_kib: 5, processors: 1 }]));
        for (meminfo, cpuinfo, told) in
            [("", "processor : 0\n", "proc/meminfo"), ("MemTotal: 5 kB\n", "", "proc/cpuinfo")]
        {
            let files: [(&str, &[u8]); 2] =
                [("proc/meminfo", meminfo.as_bytes()), ("proc/cpuinfo", cpuinfo.as_bytes())];
            let (_folder, place) = with(&files);
            let reason = machine(&place).unwrap_err().to_string();
            assert!(reason.ends_with(&format!("{told}: nothing that could be understood")), "{reason}");
        }
    }

    #[test]
    fn locales_are_those_of_the_folders_and_of_the_archive() {
        let named =
            |place: &Place| locales(place).map(|all| all.into_iter().map(|locale| locale.name).collect::<Vec<_>>());
        let (folder, place) =
            with(&[("usr/lib/locale/C.utf8/LC_IDENTIFICATION", b""), ("usr/lib/locale/x/other", b"")]);
        assert_eq!(named(&place), Ok(vec!["C.utf8".to_owned()]));
        std::fs::write(folder.path().join("usr/lib/locale/locale-archive"), b"nonsense").unwrap();
        let reason = named(&place).unwrap_err().to_string();
        assert!(reason.ends_with("locale-archive: no archive of locales"), "{reason}");
        let (_folder, place) = with(&[]);
        assert!(named(&place).is_err(), "a system without that folder is not one without locales");
    }

    #[test]
    fn a_host_is_called_as_the_kernel_says() {
        let hosts: (&str, &[u8]) = ("etc/hosts", b"127.0.1.1 mail.example.org mail\n127.0.1.1 old.example.org old\n");
        let (folder, place) = with(&[hosts, ("etc/hostname", b"old\n")]);
        let told = |name: &str, full_name: Option<&str>| {
            Ok(vec![HostName { name: name.to_owned(), full_name: full_name.map(str::to_owned) }])
        };
        assert_eq!(host_name(&place), told("old", Some("old.example.org")));
        std::fs::create_dir_all(folder.path().join("proc/sys/kernel")).unwrap();
        std::fs::write(folder.path().join("proc/sys/kernel/hostname"), "mail\n").unwrap();
        assert_eq!(host_name(&place), told("mail", Some("mail.example.org")));
        std::fs::remove_file(folder.path().join("etc/hosts")).unwrap();
        assert_eq!(host_name(&place), told("mail", None));
        std::fs::write(folder.path().join("proc/sys/kernel/hostname"), "\n").unwrap();
        assert!(host_name(&place).is_err());
    }
}

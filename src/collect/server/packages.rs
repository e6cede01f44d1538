//! The packages of a server, and where they come from.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::collect::reach::command;
use crate::collect::reach::place::{File, Look, OfServer, Place};
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::{Record, enumeration, table};
use crate::format::{dpkg_status, package_source};
use crate::model::Reason;
use crate::model::reason::Server;

table! {
    /// The installed packages whose name begins with `bm-` or `postgresql`, as dpkg's status file or rpm knows them.
    struct Package: "package", "an installed package of a server", Server {
        /// name of the package
        name: String as key and vocabulary,
        /// version as the packager writes it, such as `4.1.43922-buster`
        version: String as vocabulary,
    }
}

table! {
    /// The files in which apt or yum are told where packages come from: /etc/apt/sources.list, those of
    /// /etc/apt/sources.list.d and of /etc/yum.repos.d. Their content is never collected: the address of BlueMind's
    /// repository may hold the subscription's password.
    struct PackageSource: "package_source", "a file of a server that names package repositories", Server {
        /// such as `/etc/apt/sources.list.d/bm.list`
        path: String as key,
        /// whether it names a repository of BlueMind, and whether that is in use
        bluemind: Repository,
    }
}

enumeration! {
    /// What a file says of BlueMind's repository.
    enum Repository { Enabled = "enabled", Disabled = "disabled", None = "none" }
}

pub(super) const ALL: &[&dyn OfServer] =
    &[&Look { tables: Package::ALONE, look: |place| Box::pin(look(place)) }, &File { path: "/etc/apt", read: sources }];

/// Where apt finds files with repositories beside its own.
const APT_LISTS: &str = "/etc/apt/sources.list.d";

/// Folders of files with package repositories, and how the names of those end that are read.
const PACKAGE_SOURCES: [(&str, &[&str]); 3] =
    [("/etc/apt", &["sources.list"]), (APT_LISTS, &[".list", ".sources"]), ("/etc/yum.repos.d", &[".repo"])];

/// Where BlueMind puts the repository that comes with the subscription.
const SUBSCRIPTION_FILES: &[&str] = &["/etc/apt/sources.list.d/bm.list", "/etc/yum.repos.d/bm.repo"];

/// Limits of the files read, in bytes.
const SMALL_FILE: u64 = 1024 * 1024;
const DPKG_STATUS: u64 = 256 * 1024 * 1024;

/// Where dpkg keeps what belongs to each package.
const DPKG_LISTS: &str = "/var/lib/dpkg/info";

/// Time that rpm may take.
const RPM_LIMIT: Duration = Duration::from_secs(60);

async fn look(place: &Place) -> Seen {
    let (source, packages) = packages(&place.root).await;
    let rows = packages.map(|packages| {
        let gap = lacks_core(place, &packages).then(|| Server::NoCore { source: source.clone() }.into());
        Rows::from(packages).but(gap)
    });
    Seen::at(source).tell::<Package>(rows)
}

/// Whether the directory calls it the core, and the packages contradict: one of the two is not whole, or another's.
fn lacks_core(place: &Place, packages: &[Package]) -> bool {
    let is_core = place.roles.as_ref().is_some_and(|roles| roles.contains("bm/core"));
    is_core && !packages.iter().any(|package| package.name == "bm-core")
}

/// Names of the installed packages of BlueMind; `None` when they are not known.
pub(super) async fn installed(root: &Root) -> Option<BTreeSet<String>> {
    let (_, packages) = packages(root).await;
    Some(packages.ok()?.into_iter().map(|package| package.name).collect())
}

/// dpkg's status file, or else rpm.
async fn packages(root: &Root) -> (String, Result<Vec<Package>, Reason>) {
    let path = "/var/lib/dpkg/status";
    let dpkg = root.text(path, DPKG_STATUS);
    let has_rpm = root.names("/var/lib/rpm").is_ok_and(|names| !names.is_empty());
    let (source, packages) = match dpkg {
        Ok(text) => (root.shown(path), dpkg_packages(root, path, &text)),
        Err(_) if has_rpm => ("rpm".to_owned(), rpm_packages(root).await),
        Err(reason) => (root.shown(path), Err(reason)),
    };
    // Every server of BlueMind has some: a list without any is another one, or not whole.
    let packages = packages.and_then(|packages: Vec<Package>| match packages.is_empty() {
        true => Err(Server::NoPackage { source: source.clone() }.into()),
        false => Ok(packages),
    });
    (source, packages)
}

/// What dpkg's status file calls installed. It has an entry for every package of which dpkg keeps a list of files: where
/// one is missing the file was cut between two entries.
fn dpkg_packages(root: &Root, path: &str, text: &str) -> Result<Vec<Package>, Reason> {
    let known = dpkg_status::parse(text).map_err(|error| root.unreadable(path, &error))?;
    let lists = if root.find(DPKG_LISTS)?.is_some() { root.names(DPKG_LISTS)? } else { Vec::new() };
    // `bm-core.list`, or `libx:amd64.list`.
    let listed = lists.iter().filter_map(|name| name.strip_suffix(".list")?.split(':').next());
    let mut ours = listed.filter(|name| is_ours(name));
    if let Some(name) = ours.find(|name| !known.iter().any(|package| package.name == *name)) {
        let (path, package) = (root.shown(path), name.to_owned());
        return Err(Server::PackageUntold { path, package }.into());
    }
    let installed = known.iter().filter(|package| package.is_installed);
    Ok(installed.filter_map(|p| package(&p.name, &p.version)).collect())
}

async fn rpm_packages(root: &Root) -> Result<Vec<Package>, Reason> {
    let path = std::path::absolute(root.path()).map_err(|error| root.unreadable("/", &error))?.display().to_string();
    let format = "%{NAME}\\t%{VERSION}-%{RELEASE}\\n";
    let listed = command::output("rpm", &["--root", &path, "-q", "-a", "--qf", format], RPM_LIMIT).await?;
    let lines = listed.lines().filter_map(|line| line.split_once('\t'));
    let mut packages: Vec<Package> = lines.filter_map(|(name, version)| package(name, version)).collect();
    packages.sort();
    Ok(packages)
}

fn is_ours(name: &str) -> bool {
    name.starts_with("bm-") || name.starts_with("postgresql")
}

fn package(name: &str, version: &str) -> Option<Package> {
    is_ours(name).then(|| Package { name: name.to_owned(), version: version.to_owned() })
}

/// Every file that apt or yum reads repositories from. A server has one of the two.
fn sources(place: &Place) -> Result<Vec<PackageSource>, Reason> {
    let root = &place.root;
    let (mut has_folder, mut paths) = (false, Vec::new());
    for (folder, endings) in PACKAGE_SOURCES {
        if root.find(folder)?.is_none() {
            // The packages of apt bring it: where it is not there, something is missing.
            if folder == APT_LISTS && has_folder {
                return Err(root.missing(folder));
            }
            continue;
        }
        has_folder = true;
        let is_read = |name: &&String| endings.iter().any(|ending| name.ends_with(ending));
        paths.extend(root.names(folder)?.iter().filter(is_read).map(|name| format!("{folder}/{name}")));
    }
    if !has_folder {
        let folders = PACKAGE_SOURCES.iter().map(|(folder, _)| root.shown(folder)).collect();
        return Err(Server::NoPackageSource { folders }.into());
    }
    paths.into_iter().map(|path| source(root, path)).collect()
}

fn source(root: &Root, path: String) -> Result<PackageSource, Reason> {
    let text = root.text(&path, SMALL_FILE)?;
    let bluemind = match package_source::bluemind(&text, SUBSCRIPTION_FILES.contains(&path.as_str())) {
        Some(true) => Repository::Enabled,
        Some(false) => Repository::Disabled,
        None => Repository::None,
    };
    Ok(PackageSource { path, bluemind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_server_is_without_packages() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path());
        std::fs::create_dir_all(folder.path().join("var/lib/dpkg")).unwrap();
        std::fs::write(folder.path().join("var/lib/dpkg/status"), "").unwrap();
        let reason = packages(&root).await.1.unwrap_err().to_string();
        assert!(reason.ends_with("var/lib/dpkg/status: no package of BlueMind is listed"), "{reason}");
        assert_eq!(installed(&root).await, None);
    }

    #[tokio::test]
    async fn a_list_of_packages_that_was_cut_anywhere_is_not_a_shorter_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { roles: Some(BTreeSet::from(["bm/core".to_owned()])), ..Place::of(folder.path()) };
        let info = folder.path().join("var/lib/dpkg/info");
        std::fs::create_dir_all(&info).unwrap();
        let names = ["bm-core", "bm-mapi", "postgresql-11", "vim"];
        let entry = |name: &&str| format!("Package: {name}\nStatus: install ok installed\nVersion: 4.1.1\n\n");
        for name in names {
            std::fs::write(info.join(format!("{name}:amd64.list")), "").unwrap();
        }
        let text: String = names.iter().map(entry).collect();
        let ours = text.find("Package: vim").unwrap();
        for end in 0..=text.len() {
            std::fs::write(folder.path().join("var/lib/dpkg/status"), &text[..end]).unwrap();
            let told = packages(&place.root).await.1;
            let is_whole = end == ours || end == text.len();
            assert_eq!(told.as_ref().map(Vec::len).ok(), is_whole.then_some(3), "{end}: {told:?}");
        }
    }

    #[test]
    fn the_core_without_its_package_is_a_contradiction() {
        let packages = |names: &[&str]| names.iter().filter_map(|name| package(name, "4.1.1")).collect::<Vec<_>>();
        let place = |roles: &[&str]| {
            let roles = Some(roles.iter().map(|role| (*role).to_owned()).collect());
            Place { roles, ..Place::of("/nowhere") }
        };
        let core = ["bm/core", "mail/imap"];
        assert!(lacks_core(&place(&core), &packages(&["bm-cyrus", "bm-core-common"])));
        assert!(!lacks_core(&place(&core), &packages(&["bm-cyrus", "bm-core"])));
        assert!(!lacks_core(&place(&["mail/imap"]), &packages(&["bm-cyrus"])));
        assert!(!lacks_core(&Place::of("/nowhere"), &packages(&["bm-cyrus"])));
    }

    #[test]
    fn sources_behind_a_link_that_leads_nowhere_are_not_none() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(folder.path());
        let told = || sources(&place).unwrap_err().to_string();
        assert!(told().starts_with("there is none of the folders "), "{}", told());
        std::fs::create_dir_all(folder.path().join("etc/apt")).unwrap();
        assert!(told().ends_with("etc/apt/sources.list.d: No such file or directory (os error 2)"), "{}", told());
        std::fs::create_dir(folder.path().join("etc/apt/sources.list.d")).unwrap();
        assert_eq!(sources(&place), Ok(Vec::new()));
        std::fs::remove_dir(folder.path().join("etc/apt/sources.list.d")).unwrap();
        std::os::unix::fs::symlink("/mnt/lists", folder.path().join("etc/apt/sources.list.d")).unwrap();
        assert!(told().ends_with("sources.list.d: it leads to /mnt/lists, which is not there"), "{}", told());
    }
}

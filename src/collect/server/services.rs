//! The services of a server: which units systemd knows there, whether they start with it, and whether they run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::collect::reach::command;
use crate::collect::reach::place::{Look, OfServer, Place};
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::{Record, enumeration, table};
use crate::format::systemctl_show;
use crate::format::unit_file::{self, Installation};
use crate::model::Reason;
use crate::model::reason::Server;

table! {
    /// The services of BlueMind (`bm-*`), of Cyrus, Postfix and PostgreSQL that systemd knows on a server, by its unit files
    /// and, where there is none, by init scripts. A unit that is not listed is not installed.
    struct ServiceUnit: "service_unit", "a service of a server; of a template each enabled instance, never the template", Server {
        /// name without `.service`, such as `bm-cyrus-imapd`
        name: String as key and vocabulary,
        /// whether it starts with the server: `static` if it cannot be enabled, `masked` if it cannot be started
        enabled: Enablement,
        /// whether it runs, as systemd says; `unknown` while it starts or stops; null where the files are not those of the
        /// running system
        active: Option<Activity>,
        /// when it came into that state, in seconds since the epoch; null where that is not known, or before its first start
        changed_at: Option<i64>,
        /// whether it was not started the last time because a condition of its file was not met, such as that
        /// /etc/bm/*.disabled is not there; null where the files are not those of the running system
        has_failed_condition: Option<bool>,
    }
}

enumeration! {
    /// Whether a service starts with the server.
    enum Enablement { Enabled = "enabled", Disabled = "disabled", Masked = "masked", Static = "static" }
}

enumeration! {
    /// Whether a service runs.
    enum Activity { Active = "active", Inactive = "inactive", Failed = "failed", Unknown = "unknown" }
}

pub(super) const ALL: &[&dyn OfServer] = &[&Look { tables: ServiceUnit::ALONE, look: |place| Box::pin(look(place)) }];

/// Where unit files are, those first that prevail (systemd.unit(5)). The last two are the distribution's.
const UNIT_FOLDERS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
const PACKAGED: &[&str] = &["/usr/lib/systemd/system", "/lib/systemd/system"];

/// Init scripts, and the folders of the runlevels that start them: systemd makes units of those without a unit file
/// (systemd-sysv-generator(8)).
const INIT_SCRIPTS: &str = "/etc/init.d";
const RUNLEVELS: &[&str] = &["/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d"];

const SUFFIX: &str = ".service";
const SMALL_FILE: u64 = 1024 * 1024;

/// Time that systemctl may take.
const SYSTEMCTL_LIMIT: Duration = Duration::from_secs(20);

async fn look(place: &Place) -> Seen {
    let rows = match place.aside(units).await {
        Ok(units) => {
            let source = place.root.shown(PACKAGED[1]);
            let core = lacks_core(place, &units).then(|| Server::NoCoreUnit { source }.into());
            let (rows, gap) = service_units(units, place.root.is_system()).await;
            Ok(Rows::from(rows).but(Reason::all(gap.into_iter().chain(core))))
        }
        Err(reason) => Err(reason),
    };
    Seen::at(place.root.shown(PACKAGED[1])).tell::<ServiceUnit>(rows)
}

/// Whether the directory calls it the core, and no unit would start one: some file is not there, or another server's.
fn lacks_core(place: &Place, units: &BTreeMap<String, Enablement>) -> bool {
    let is_core = place.roles.as_ref().is_some_and(|roles| roles.contains("bm/core"));
    is_core && !units.contains_key("bm-core")
}

/// The rows, and what could not be told of them.
async fn service_units(units: BTreeMap<String, Enablement>, is_system: bool) -> (Vec<ServiceUnit>, Option<Reason>) {
    let (states, gap) = match is_system && !units.is_empty() {
        false => (None, None),
        true => match states(units.keys()).await {
            Ok(states) => (Some(states), None),
            Err(reason) => (Some(BTreeMap::new()), Some(reason)),
        },
    };
    let row = |(name, enabled): (String, Enablement)| {
        let state = states.as_ref().and_then(|states| states.get(&name));
        ServiceUnit {
            enabled,
            active: states.as_ref().map(|_| state.map_or(Activity::Unknown, |state| activity(&state.active_state))),
            changed_at: state.and_then(|state| state.changed_at),
            has_failed_condition: state.and_then(|state| state.has_failed_condition),
            name,
        }
    };
    (units.into_iter().map(row).collect(), gap)
}

/// The units by name, as the running systemd tells.
async fn states(names: impl Iterator<Item = &String>) -> Result<BTreeMap<String, systemctl_show::Unit>, Reason> {
    let units: Vec<String> = names.map(|name| format!("{name}{SUFFIX}")).collect();
    let properties = format!("--property={}", systemctl_show::PROPERTIES);
    let mut arguments = vec!["show", "--no-pager", &properties, "--"];
    arguments.extend(units.iter().map(String::as_str));
    let shown = command::output("systemctl", &arguments, SYSTEMCTL_LIMIT).await?;
    let name = |id: &str| id.strip_suffix(SUFFIX).map(str::to_owned);
    Ok(systemctl_show::parse(&shown).into_iter().filter_map(|u| Some((name(&u.id)?, u))).collect())
}

/// The states of a unit (systemctl(1)) as far as they matter. A service that fails and is started again and again is
/// mostly `activating`: neither is it sure to run, nor that it does not.
fn activity(state: &str) -> Activity {
    match state {
        "active" | "reloading" | "refreshing" => Activity::Active,
        "inactive" => Activity::Inactive,
        "failed" => Activity::Failed,
        _ => Activity::Unknown,
    }
}

/// The links of what the system starts.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// The units of a server with whether each is enabled. The error says what of them could not be read.
fn units(root: &Root) -> Result<BTreeMap<String, Enablement>, Reason> {
    let is_missing = |folder: &&str| matches!(root.find(folder), Ok(None));
    if PACKAGED.iter().all(is_missing) {
        return Err(Server::NoUnitFolder { path: root.shown(PACKAGED[1]) }.into());
    }
    let mut wanted = BTreeSet::new();
    let mut files = BTreeMap::new();
    for folder in UNIT_FOLDERS {
        for entry in names(root, folder)? {
            if entry.ends_with(".wants") || entry.ends_with(".requires") {
                wanted.extend(names(root, &format!("{folder}/{entry}"))?.iter().filter_map(|name| service(name)));
            } else if let Some(name) = service(&entry) {
                files.entry(name).or_insert(*folder);
            }
        }
    }
    // Without it no unit of a target is enabled, and the system would start next to nothing.
    if !files.is_empty() && root.find(WANTS)?.is_none() {
        return Err(root.missing(WANTS));
    }
    let mut units = BTreeMap::new();
    for (name, folder) in files.iter().filter(|(name, _)| !name.ends_with('@')) {
        if let Some(enabled) = enablement(root, folder, name, wanted.contains(name))? {
            units.insert(name.clone(), enabled);
        }
    }
    // An instance has no file of its own.
    let has_template = |name: &&String| name.split_once('@').is_some_and(|(t, _)| files.contains_key(&format!("{t}@")));
    for name in wanted.iter().filter(has_template) {
        units.entry(name.clone()).or_insert(Enablement::Enabled);
    }
    add_init_scripts(root, &mut units, &files)?;
    Ok(units)
}

/// Whether the unit of a file is enabled; none when the file is another name of another unit.
fn enablement(root: &Root, folder: &str, name: &str, is_wanted: bool) -> Result<Option<Enablement>, Reason> {
    let path = format!("{folder}/{name}{SUFFIX}");
    let link = root.link(&path).map_err(|error| root.unreadable(&path, &error))?;
    if let Some(target) = link {
        if target == Path::new("/dev/null") {
            return Ok(Some(Enablement::Masked));
        }
        if target.file_name().is_none_or(|file| file.to_string_lossy() != format!("{name}{SUFFIX}")) {
            return Ok(None);
        }
    }
    Ok(Some(match (unit_file::installation(&root.text(&path, SMALL_FILE)?), is_wanted) {
        (Installation::Masked, _) => Enablement::Masked,
        (_, true) => Enablement::Enabled,
        (Installation::Possible, false) => Enablement::Disabled,
        (Installation::None, false) => Enablement::Static,
    }))
}

/// Adds the services that have an init script and no unit file.
fn add_init_scripts(
    root: &Root,
    units: &mut BTreeMap<String, Enablement>,
    files: &BTreeMap<String, &str>,
) -> Result<(), Reason> {
    let scripts = names(root, INIT_SCRIPTS)?.into_iter().filter(|name| is_ours(name) && !files.contains_key(name));
    let mut started = BTreeSet::new();
    for folder in RUNLEVELS {
        // `S20bm-core`: started in the twentieth place.
        let names = names(root, folder)?.into_iter().filter_map(|link| Some(link.strip_prefix('S')?.to_owned()));
        started.extend(names.map(|link| link.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned()));
    }
    for name in scripts {
        let enabled = if started.contains(&name) { Enablement::Enabled } else { Enablement::Disabled };
        units.entry(name).or_insert(enabled);
    }
    Ok(())
}

/// The name of one of the services that are listed, from that of its file.
fn service(file: &str) -> Option<String> {
    file.strip_suffix(SUFFIX).filter(|name| is_ours(name)).map(str::to_owned)
}

fn is_ours(name: &str) -> bool {
    ["bm-", "cyrus", "postfix", "postgresql"].iter().any(|beginning| name.starts_with(beginning))
}

/// Names of the entries of a folder; a folder that is not there has none.
fn names(root: &Root, folder: &str) -> Result<Vec<String>, Reason> {
    Ok(if root.find(folder)?.is_none() { Vec::new() } else { root.names(folder)? })
}

#[cfg(test)]
mod tests {
    use super::Enablement::{Disabled, Enabled, Masked, Static};
    use super::*;

    const PLAIN: &str = "[Service]\nExecStart=/bin/true\n";
    const INSTALLABLE: &str = "[Install]\nWantedBy=multi-user.target\n";
    const WANTS_FOLDER: &str = "etc/systemd/system/multi-user.target.wants";

    /// A server's files: a path that ends in `->` is a link to the text.
    fn server(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("lib/systemd/system")).unwrap();
        if !files.iter().any(|(path, _)| path.trim_end_matches("->") == WANTS_FOLDER) {
            std::fs::create_dir_all(folder.path().join(WANTS_FOLDER)).unwrap();
        }
        for (path, text) in files {
            let place = folder.path().join(path.trim_end_matches("->"));
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            if path.ends_with("->") {
                std::os::unix::fs::symlink(text, place).unwrap();
            } else {
                std::fs::write(place, text).unwrap();
            }
        }
        let root = Root::new(folder.path());
        (folder, root)
    }

    #[test]
    fn units_without_the_folder_that_enables_them_are_not_disabled() {
        let (folder, root) = server(&[("lib/systemd/system/bm-core.service", INSTALLABLE)]);
        assert_eq!(units(&root).unwrap(), BTreeMap::from([("bm-core".to_owned(), Disabled)]));
        std::fs::remove_dir(folder.path().join(WANTS_FOLDER)).unwrap();
        let reason = units(&root).unwrap_err().to_string();
        assert!(reason.ends_with("multi-user.target.wants: No such file or directory (os error 2)"), "{reason}");
    }

    #[test]
    fn the_core_without_its_unit_is_a_contradiction() {
        let (place, enabled) = (
            |roles: &[&str]| {
                let roles = Some(roles.iter().map(|role| (*role).to_owned()).collect());
                Place { roles, ..Place::of("/nowhere") }
            },
            |name: &str| BTreeMap::from([(name.to_owned(), Enabled)]),
        );
        assert!(lacks_core(&place(&["bm/core", "mail/imap"]), &enabled("bm-lmtpd")));
        assert!(!lacks_core(&place(&["bm/core"]), &enabled("bm-core")));
        assert!(!lacks_core(&place(&["mail/imap"]), &enabled("bm-lmtpd")));
        assert!(
            !lacks_core(&Place::of("/nowhere"), &enabled("bm-lmtpd")),
            "roles that are not known contradict nothing"
        );
    }

    fn seen(files: &[(&str, &str)]) -> Vec<(String, Enablement)> {
        let (_folder, root) = server(files);
        units(&root).unwrap().into_iter().collect()
    }

    fn expected(units: &[(&str, Enablement)]) -> Vec<(String, Enablement)> {
        units.iter().map(|(name, enabled)| ((*name).to_owned(), *enabled)).collect()
    }

    #[test]
    fn a_unit_is_enabled_by_a_link_of_a_target() {
        let units = seen(&[
            ("lib/systemd/system/bm-core.service", INSTALLABLE),
            ("lib/systemd/system/bm-eas.service", INSTALLABLE),
            ("lib/systemd/system/bm-iptables.service", PLAIN),
            ("lib/systemd/system/ssh.service", INSTALLABLE),
            ("lib/systemd/system/bm.target", PLAIN),
            (&format!("{WANTS_FOLDER}/bm-core.service->"), "/lib/systemd/system/bm-core.service"),
            (&format!("{WANTS_FOLDER}/bm-gone.service->"), "/lib/systemd/system/bm-gone.service"),
            (&format!("{WANTS_FOLDER}/ssh.service->"), "/lib/systemd/system/ssh.service"),
        ]);
        assert_eq!(units, expected(&[("bm-core", Enabled), ("bm-eas", Disabled), ("bm-iptables", Static)]));
    }

    #[test]
    fn a_link_to_nowhere_and_an_empty_file_mask_a_unit_even_if_a_target_wants_it() {
        let units = seen(&[
            ("lib/systemd/system/bm-cyrus-imapd.service", INSTALLABLE),
            ("etc/systemd/system/bm-cyrus-imapd.service->", "/dev/null"),
            (&format!("{WANTS_FOLDER}/bm-cyrus-imapd.service->"), "/lib/systemd/system/bm-cyrus-imapd.service"),
            ("lib/systemd/system/bm-lmtpd.service", INSTALLABLE),
            ("run/systemd/system/bm-lmtpd.service", ""),
        ]);
        assert_eq!(units, expected(&[("bm-cyrus-imapd", Masked), ("bm-lmtpd", Masked)]));
    }

    #[test]
    fn another_name_of_a_unit_is_none_and_a_file_elsewhere_is_one() {
        let units = seen(&[
            ("opt/bm/bm-tika.service", INSTALLABLE),
            ("etc/systemd/system/bm-tika.service->", "/opt/bm/bm-tika.service"),
            ("lib/systemd/system/postfix.service", INSTALLABLE),
            ("etc/systemd/system/postfix-mta.service->", "/lib/systemd/system/postfix.service"),
        ]);
        assert_eq!(units, expected(&[("bm-tika", Disabled), ("postfix", Disabled)]));
    }

    #[test]
    fn instances_are_units_and_their_template_is_none() {
        let units = seen(&[
            ("lib/systemd/system/bm-cyrus-syncclient@.service", INSTALLABLE),
            (
                &format!("{WANTS_FOLDER}/bm-cyrus-syncclient@0.service->"),
                "/lib/systemd/system/bm-cyrus-syncclient@.service",
            ),
            (&format!("{WANTS_FOLDER}/bm-other@0.service->"), "/lib/systemd/system/bm-other@.service"),
        ]);
        assert_eq!(units, expected(&[("bm-cyrus-syncclient@0", Enabled)]));
    }

    #[test]
    fn an_init_script_is_a_unit_unless_a_unit_file_prevails() {
        let units = seen(&[
            ("etc/init.d/bm-cyrus-imapd", "#!/bin/sh\n"),
            ("etc/rc3.d/S20bm-cyrus-imapd->", "../init.d/bm-cyrus-imapd"),
            ("etc/init.d/bm-ips", "#!/bin/sh\n"),
            ("etc/rc3.d/K80bm-ips->", "../init.d/bm-ips"),
            ("etc/init.d/postfix", "#!/bin/sh\n"),
            ("etc/rc2.d/S20postfix->", "../init.d/postfix"),
            ("lib/systemd/system/postfix.service", INSTALLABLE),
        ]);
        assert_eq!(units, expected(&[("bm-cyrus-imapd", Enabled), ("bm-ips", Disabled), ("postfix", Disabled)]));
    }

    #[test]
    fn a_server_without_systemd_and_an_unreadable_unit_are_told() {
        let empty = tempfile::tempdir().unwrap();
        let reason = units(&Root::new(empty.path())).unwrap_err().to_string();
        assert!(reason.contains("/lib/systemd/system: there is no such folder"), "{reason}");
        let (_folder, root) = server(&[("etc/systemd/system/bm-core.service->", "/opt/gone/bm-core.service")]);
        assert!(units(&root).unwrap_err().to_string().contains("bm-core.service: No such file"));
    }

    #[test]
    fn a_folder_of_units_behind_a_link_that_leads_nowhere_is_not_an_empty_one() {
        let wants = format!("{WANTS_FOLDER}->");
        for folder in ["run/systemd/system->", "etc/rc3.d->", &wants] {
            let (_folder, root) = server(&[(folder, "/mnt/units")]);
            let reason = units(&root).unwrap_err().to_string();
            assert!(reason.ends_with("it leads to /mnt/units, which is not there"), "{reason}");
        }
    }

    #[tokio::test]
    async fn nothing_is_said_of_what_runs_on_a_system_that_does_not() {
        let units = BTreeMap::from([("bm-core".to_owned(), Enabled)]);
        let (rows, gap) = service_units(units, false).await;
        let (name, enabled) = ("bm-core".to_owned(), Enabled);
        let row = ServiceUnit { name, enabled, active: None, changed_at: None, has_failed_condition: None };
        assert_eq!((rows, gap), (vec![row], None));
    }

    #[test]
    fn only_what_is_sure_is_said_to_run_or_to_fail() {
        let states = ["active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", ""];
        let seen = states.map(|state| activity(state).word());
        assert_eq!(seen, ["active", "active", "inactive", "failed", "unknown", "unknown", "unknown", "unknown"]);
    }
}

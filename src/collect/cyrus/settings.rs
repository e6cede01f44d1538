//! What cyrus.conf starts, and the settings of imapd.conf that replication rests on.

use super::conf::Conf;
use crate::collect::reach::place::Place;
use crate::fact::{enumeration, table};
use crate::format::cyrus_conf;
use crate::model::Reason;

table! {
    /// What Cyrus' master starts, by /etc/cyrus.conf.
    pub(super) struct CyrusConfEntry: "cyrus_conf_entry", "an entry of a backend's cyrus.conf", Backend {
        /// when it is started
        section: Section,
        /// the program with its arguments; null when it is missing
        command: Option<String>,
    }
}

enumeration! {
    /// When Cyrus' master starts something.
    pub(super) enum Section { Start = "START", Services = "SERVICES", Events = "EVENTS", Daemon = "DAEMON" }
}

table! {
    /// The settings of /etc/imapd.conf and its includes (BlueMind's /etc/cyrus-replication among them) that say what is
    /// replicated where: `sync_log`, `sync_log_channels`, `sync_host`, `sync_port`, and the last two for the channel
    /// `core`. A setting that is not there has no row; `configdirectory` always is, as Cyrus does not start without it.
    pub(super) struct ImapdSetting: "imapd_setting", "a setting of a backend's Cyrus", Backend {
        /// name of the setting
        key: String as key,
        /// as written
        value: String,
    }
}

/// Where Cyrus' master looks for its configuration.
pub(super) const PATH: &str = "/etc/cyrus.conf";
/// More than any configuration has, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Keys that say what is replicated, and where to. Never one that holds a password.
const KEYS: &[&str] =
    &["configdirectory", "core_sync_host", "core_sync_port", "sync_host", "sync_log", "sync_log_channels", "sync_port"];

/// What cyrus.conf starts.
pub(super) fn entries(place: &Place) -> Result<Vec<CyrusConfEntry>, Reason> {
    let text = place.root.text(PATH, LIMIT)?;
    let entries = cyrus_conf::parse(&text).map_err(|error| place.root.unreadable(PATH, &error))?;
    let row = |entry: &cyrus_conf::Entry| CyrusConfEntry {
        section: match entry.section {
            cyrus_conf::Section::Start => Section::Start,
            cyrus_conf::Section::Services => Section::Services,
            cyrus_conf::Section::Events => Section::Events,
            cyrus_conf::Section::Daemon => Section::Daemon,
        },
        command: entry.get("cmd").map(str::to_owned),
    };
    Ok(entries.iter().map(row).collect())
}

/// The settings that are there.
pub(super) fn settings(place: &Place) -> Result<Vec<ImapdSetting>, Reason> {
    let conf = Conf::read(&place.root)?;
    let row = |key: &&str| Some(ImapdSetting { key: (*key).to_owned(), value: conf.imapd.get(key)?.to_owned() });
    Ok(KEYS.iter().filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(files: &[(&str, &str)]) -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("etc").join(name), text).unwrap();
        }
        let place = Place::of(folder.path());
        (folder, place)
    }

    #[test]
    fn the_settings_of_the_include_are_read_and_the_password_is_not() {
        let replication = "sync_log: 1\nsync_log_channels: core\n\ncore_sync_authname: admin0\n\
                           core_sync_password: s3cr3t\ncore_sync_host: 192.0.2.20\ncore_sync_port: 2501\n";
        let imapd = "configdirectory: /var/lib/cyrus\n@include: /etc/cyrus-replication\n";
        let (_folder, place) = server(&[("imapd.conf", imapd), ("cyrus-replication", replication)]);
        let rows = settings(&place).unwrap();
        let expected = [
            ("configdirectory", "/var/lib/cyrus"),
            ("core_sync_host", "192.0.2.20"),
            ("core_sync_port", "2501"),
            ("sync_log", "1"),
            ("sync_log_channels", "core"),
        ];
        let row = |(key, value): (&str, &str)| ImapdSetting { key: key.to_owned(), value: value.to_owned() };
        assert_eq!(rows, expected.map(row));
    }

    #[test]
    fn entries_are_rows_and_a_broken_file_is_named() {
        let (_folder, place) = server(&[("cyrus.conf", "SERVICES {\nimap cmd=\"imapd\" listen=1143\n}\n")]);
        let row = CyrusConfEntry { section: Section::Services, command: Some("imapd".to_owned()) };
        assert_eq!(entries(&place), Ok(vec![row]));
        let (_folder, place) = server(&[("cyrus.conf", "START {\na b\n}\n")]);
        let reason = entries(&place).unwrap_err().to_string();
        assert!(reason.ends_with("/etc/cyrus.conf: line 2: an argument is not `key=value`"), "{reason}");
        let (_folder, place) = server(&[]);
        assert!(entries(&place).unwrap_err().to_string().contains("/etc/cyrus.conf: No such file"));
    }
}

//! What cyrus.conf starts, and the settings of imapd.conf that replication rests on.

use super::conf::Conf;
use crate::collect::reach::root::Root;
use crate::fact::{Column, Row, ScopeKind, Table, Value};
use crate::format::cyrus_conf;

/// Where Cyrus' master looks for its configuration.
pub(super) const PATH: &str = "/etc/cyrus.conf";
/// More than any configuration has, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Keys that say what is replicated, and where to. Never one that holds a password.
const KEYS: &[&str] =
    &["configdirectory", "core_sync_host", "core_sync_port", "sync_host", "sync_log", "sync_log_channels", "sync_port"];

/// Entries of cyrus.conf.
pub(super) const CYRUS_CONF_ENTRY: Table = Table {
    name: "cyrus_conf_entry",
    doc: "What Cyrus' master starts, by /etc/cyrus.conf.",
    grain: "an entry of a backend's cyrus.conf",
    scope: ScopeKind::Backend,
    columns: &[
        Column::text("section", "when it is started").one_of(&["START", "SERVICES", "EVENTS", "DAEMON"]),
        Column::text("name", "its name, such as `imap`"),
        Column::text("command", "the program with its arguments; null when it is missing").nullable(),
        Column::text("listen", "port or socket that it serves; null for what serves none").nullable(),
    ],
};

/// Settings of imapd.conf.
pub(super) const IMAPD_SETTING: Table = Table {
    name: "imapd_setting",
    doc: "The settings of /etc/imapd.conf and its includes (BlueMind's /etc/cyrus-replication among them) that say what is replicated where: `sync_log`, `sync_log_channels`, `sync_host`, `sync_port`, and the last two for the channel `core`. A setting that is not there has no row; `configdirectory` always is, as Cyrus does not start without it.",
    grain: "a setting of a backend's Cyrus",
    scope: ScopeKind::Backend,
    columns: &[Column::text("key", "name of the setting").key(), Column::text("value", "as written")],
};

/// Rows of `cyrus_conf_entry`. The error names the file.
pub(super) fn entries(root: &Root) -> Result<Vec<Row>, String> {
    let entries = cyrus_conf::parse(&root.text(PATH, LIMIT)?);
    let entries = entries.map_err(|error| format!("{}: {error}", root.shown(PATH)))?;
    let row = |entry: &cyrus_conf::Entry| {
        let argument = |key: &str| Value::from(entry.get(key));
        vec![entry.section.as_str().into(), entry.name.as_str().into(), argument("cmd"), argument("listen")]
    };
    Ok(entries.iter().map(row).collect())
}

/// Rows of `imapd_setting`.
pub(super) fn settings(conf: &Conf) -> Vec<Row> {
    KEYS.iter().filter_map(|key| Some(vec![Value::from(*key), conf.imapd.get(key)?.into()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("etc").join(name), text).unwrap();
        }
        let root = Root::new(folder.path());
        (folder, root)
    }

    #[test]
    fn the_settings_of_the_include_are_read_and_the_password_is_not() {
        let replication = "sync_log: 1\nsync_log_channels: core\n\ncore_sync_authname: admin0\n\
                           core_sync_password: s3cr3t\ncore_sync_host: 192.0.2.20\ncore_sync_port: 2501\n";
        let imapd = "configdirectory: /var/lib/cyrus\n@include: /etc/cyrus-replication\n";
        let (_folder, root) = server(&[("imapd.conf", imapd), ("cyrus-replication", replication)]);
        let rows = settings(&Conf::read(&root).unwrap());
        let expected = [
            ("configdirectory", "/var/lib/cyrus"),
            ("core_sync_host", "192.0.2.20"),
            ("core_sync_port", "2501"),
            ("sync_log", "1"),
            ("sync_log_channels", "core"),
        ];
        assert_eq!(rows, expected.map(|(key, value)| vec![Value::from(key), Value::from(value)]));
    }

    #[test]
    fn entries_are_rows_and_a_broken_file_is_named() {
        let (_folder, root) = server(&[("cyrus.conf", "SERVICES {\nimap cmd=\"imapd\" listen=1143\n}\n")]);
        let row = ["SERVICES", "imap", "imapd", "1143"].map(Value::from);
        assert_eq!(entries(&root), Ok(vec![row.to_vec()]));
        let (_folder, root) = server(&[("cyrus.conf", "START {\na b\n}\n")]);
        let reason = entries(&root).unwrap_err();
        assert!(reason.ends_with("/etc/cyrus.conf: line 2: an argument is not `key=value`"), "{reason}");
        let (_folder, root) = server(&[]);
        assert!(entries(&root).unwrap_err().contains("/etc/cyrus.conf: No such file"));
    }
}

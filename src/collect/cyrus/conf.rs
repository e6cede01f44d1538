//! What imapd.conf says, read below the root.

use crate::collect::reach::root::Root;
use crate::fact::{Row, Value};
use crate::format::imapd_conf::ImapdConf;
use crate::format::spool_path::Hashing;

/// Where Cyrus looks for its configuration.
pub(super) const PATH: &str = "/etc/imapd.conf";
/// More than any configuration has, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// The configuration, and how directories follow from names.
pub(super) struct Conf {
    pub(super) source: String,
    pub(super) imapd: ImapdConf,
    pub(super) hashing: Hashing,
}

impl Conf {
    /// Reads the configuration: nothing is assumed of a server that has none. The error names the file, never a value:
    /// one of them is a password.
    pub(super) fn read(root: &Root) -> Result<Self, String> {
        let text = root.text(PATH, LIMIT)?;
        let source = root.shown(PATH);
        let imapd = ImapdConf::parse(PATH, &text, |path| root.text(path, LIMIT))
            .map_err(|error| format!("{source}: {error}"))?;
        let hashing = Hashing::of(&imapd).map_err(|error| format!("{source}: {error}"))?;
        Ok(Self { source, imapd, hashing })
    }

    /// Rows of `cyrus_partition`: those too that Cyrus does not find, because their name is too long.
    pub(super) fn partitions(&self) -> Vec<Row> {
        let default = self.imapd.default_partition();
        let row = |(name, data): (&str, &str)| {
            let path = |kind: &str| self.imapd.get(&format!("{kind}-{name}"));
            vec![
                Value::from(name),
                Value::from(default.as_deref() == Some(name)),
                Value::from(data),
                Value::from(path("metapartition").filter(|meta| *meta != data)),
                Value::from(path("archivepartition")),
            ]
        };
        self.imapd.defined_partitions().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("etc").join(name), text).unwrap();
        }
        let reason = Conf::read(&Root::new(folder.path())).err().unwrap();
        reason.replace(folder.path().to_str().unwrap(), "ROOT")
    }

    #[test]
    fn the_file_that_is_missing_is_named_and_the_one_that_includes_it() {
        assert_eq!(
            reason(&[("cyrus-partitions", "partition-default: /srv\n")]),
            "ROOT/etc/imapd.conf: No such file or directory (os error 2)"
        );
        let imapd = ("imapd.conf", "configdirectory: /var/lib/cyrus\n@include: /etc/cyrus-partitions\n");
        assert_eq!(
            reason(&[imapd]),
            "ROOT/etc/imapd.conf: /etc/imapd.conf, line 2: cannot include \"/etc/cyrus-partitions\": \
             ROOT/etc/cyrus-partitions: No such file or directory (os error 2)"
        );
        assert_eq!(
            reason(&[imapd, ("cyrus-partitions", "# none yet\n\n@include: /etc/more\n")]),
            "ROOT/etc/imapd.conf: /etc/cyrus-partitions, line 3: cannot include \"/etc/more\": ROOT/etc/more: No such \
             file or directory (os error 2)"
        );
    }
}

//! What imapd.conf says, read below the root.

use crate::collect::reach::imapd_conf;
pub(super) use crate::collect::reach::imapd_conf::PATH;
use crate::collect::reach::place::Place;
use crate::collect::reach::root::Root;
use crate::fact::table;
use crate::format::imapd_conf::ImapdConf;
use crate::format::spool_path::Hashing;
use crate::model::Reason;
use crate::model::reason::Cyrus;

table! {
    /// The partitions that imapd.conf and its includes define.
    pub(super) struct CyrusPartition: "cyrus_partition", "a partition of a backend's Cyrus", Backend {
        /// as Cyrus knows it: in lower case
        name: String as key,
        /// whether it is `defaultpartition`
        is_default: bool,
        /// folder of the `cyrus.*` files; null when they lie with the messages
        meta_path: Option<String>,
        /// folder of archived messages; null when there is none
        archive_path: Option<String>,
    }
}

/// The configuration, and how directories follow from names.
pub(super) struct Conf {
    pub(super) source: String,
    pub(super) imapd: ImapdConf,
    pub(super) hashing: Hashing,
}

impl Conf {
    /// Reads the configuration: nothing is assumed of a server that has none.
    pub(super) fn read(root: &Root) -> Result<Self, Reason> {
        let imapd = imapd_conf::read(root)?;
        let hashing = Hashing::of(&imapd).map_err(|error| root.unreadable(PATH, &error))?;
        Ok(Self { source: root.shown(PATH), imapd, hashing })
    }

    /// Where Cyrus keeps its own files.
    pub(super) fn directory(&self) -> Result<&str, Reason> {
        let missing = || Cyrus::NoConfigDirectory { path: self.source.clone() };
        Ok(self.imapd.config_directory().ok_or_else(missing)?)
    }
}

/// The partitions, those too that Cyrus does not find, because their name is too long. A backend has one at least.
pub(super) fn partitions(place: &Place) -> Result<Vec<CyrusPartition>, Reason> {
    let imapd = Conf::read(&place.root)?.imapd;
    let default = imapd.default_partition();
    let row = |(name, data): (&str, &str)| {
        let path = |kind: &str| imapd.get(&format!("{kind}-{name}")).map(str::to_owned);
        CyrusPartition {
            name: name.to_owned(),
            is_default: default.as_deref() == Some(name),
            meta_path: path("metapartition").filter(|meta| meta != data),
            archive_path: path("archivepartition"),
        }
    };
    let partitions: Vec<CyrusPartition> = imapd.defined_partitions().map(row).collect();
    match partitions.is_empty() {
        true => Err(Cyrus::NoPartitions { path: place.root.shown(PATH) }.into()),
        false => Ok(partitions),
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
        let reason = Conf::read(&Root::new(folder.path())).err().unwrap().to_string();
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

//! What imapd.conf says, read below the root.

use crate::collect::root::Root;
use crate::fact::{Row, Value};
use crate::format::imapd_conf::ImapdConf;
use crate::format::spool_path::Hashing;

/// Where Cyrus looks for its configuration.
const PATH: &str = "/etc/imapd.conf";
/// More than any configuration has, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;
/// What BlueMind's package sets, for a server without imapd.conf (a saved tree). The file itself is not public: these
/// are the settings that BlueMind's own path code and its partitions file rest on.
const BLUEMIND: &str = "configdirectory: /var/lib/cyrus
defaultpartition: default
partition-default: /var/spool/cyrus/data/mail
metapartition-default: /var/spool/cyrus/meta/mail
metapartition_files: header index cache expunge squat annotations lock dav archivecache
hashimapspool: yes
fulldirhash: no
unixhierarchysep: yes
virtdomains: userid
@include: /etc/cyrus-partitions
";

/// The configuration, and how directories follow from names.
pub(super) struct Conf {
    pub(super) source: String,
    /// There is no imapd.conf: what BlueMind's package sets is taken for it.
    pub(super) is_assumed: bool,
    pub(super) imapd: ImapdConf,
    pub(super) hashing: Hashing,
}

impl Conf {
    /// Reads the configuration. The error names the file, never a value: one of them is a password.
    pub(super) fn read(root: &Root) -> Result<Self, String> {
        let is_assumed = root.regular(PATH).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        let text = if is_assumed { BLUEMIND.to_owned() } else { root.text(PATH, LIMIT)? };
        let source = root.shown(PATH);
        let imapd = ImapdConf::parse(PATH, &text, |path| root.text(path, LIMIT))
            .map_err(|error| format!("{source}: {error}"))?;
        let hashing = Hashing::of(&imapd).map_err(|error| format!("{source}: {error}"))?;
        Ok(Self { source, is_assumed, imapd, hashing })
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

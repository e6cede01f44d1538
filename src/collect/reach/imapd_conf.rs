//! imapd.conf of a server, its includes taken in.

use super::root::Root;
use crate::format::imapd_conf::ImapdConf;
use crate::model::Reason;

/// Where Cyrus looks for its configuration.
pub(in crate::collect) const PATH: &str = "/etc/imapd.conf";
/// More than any configuration has, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Reads it. The error names the file, never a value: one of them is a password.
pub(in crate::collect) fn read(root: &Root) -> Result<ImapdConf, Reason> {
    let text = root.text(PATH, LIMIT)?;
    let imapd = ImapdConf::parse(PATH, &text, |path| root.text(path, LIMIT));
    imapd.map_err(|error| root.unreadable(PATH, &error))
}

//! Whose files are below a root: which server's, of which installation.

use std::net::{IpAddr, UdpSocket};

use super::root::Root;
use crate::format::bm_ini::BmIni;
use crate::model::Reason;
use crate::model::reason::Run;
use crate::topology::Server;

/// Largest of the files that tell it, in bytes.
const SMALL_FILE: u64 = 1024 * 1024;

/// Reads bm.ini. The error names the file, never its content.
pub(in crate::collect) fn bm_ini(root: &Root) -> Result<BmIni, Reason> {
    let path = "/etc/bm/bm.ini";
    let bytes = root.bytes(path, SMALL_FILE)?;
    BmIni::parse(&bytes).map_err(|error| root.unreadable(path, &error))
}

/// Which server of the installation the files below `root` belong to: by /etc/bm/server.uid, else by the addresses of
/// this machine. The error says why it cannot be told.
pub(in crate::collect) fn identify(root: &Root, servers: &[Server]) -> Result<String, Reason> {
    let path = "/etc/bm/server.uid";
    let file = root.text(path, SMALL_FILE);
    if let Ok(text) = &file
        && let uid = text.trim()
        && !uid.is_empty()
    {
        return Ok(uid.to_owned());
    }
    let local: Vec<_> = servers
        .iter()
        .filter(|server| root.is_system() && server.address.as_deref().is_some_and(is_local_address))
        .collect();
    match (local.as_slice(), file) {
        ([server], _) => Ok(server.uid.clone()),
        ([], Err(why)) => Err(Run::NoOwnAddress { why: Box::new(why) }.into()),
        ([], Ok(_)) => Err(Run::EmptyUid { path: root.shown(path) }.into()),
        (several, _) => {
            let servers = several.iter().map(|server| server.uid.clone()).collect();
            Err(Run::SeveralAddresses { servers }.into())
        }
    }
}

/// The installation that the files below `root` say they belong to; none when they do not say.
pub(in crate::collect) fn installation_id(root: &Root) -> Option<String> {
    let id = root.text("/etc/bm/mcast.id", SMALL_FILE).ok()?;
    (!id.trim().is_empty()).then(|| format!("bluemind-{}", id.trim()))
}

/// A socket can be bound to an address of this machine only. Loopback says nothing: every machine has it.
pub(in crate::collect) fn is_local_address(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback() && UdpSocket::bind((ip, 0)).is_ok())
}

//! IP addresses: the prefix says what kind of network it is and stays, the rest is replaced byte by byte, so that addresses
//! of one network stay in one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

use super::word::Way;
use crate::model::address::leads_home;

/// Turns an address. Those that mean the same everywhere stay.
pub(super) fn turn(key: &[u8], address: IpAddr, way: Way) -> IpAddr {
    match address {
        IpAddr::V4(address) => v4(key, address, way).into(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => v4(key, inner, way).to_ipv6_mapped().into(),
            None => v6(key, address, way).into(),
        },
    }
}

fn v4(key: &[u8], address: Ipv4Addr, way: Way) -> Ipv4Addr {
    let is_fixed = |a: Ipv4Addr| {
        a.is_loopback() || a.is_unspecified() || a.is_broadcast() || a.is_link_local() || a.is_multicast()
    };
    let class = |a: Ipv4Addr| (is_fixed(a), a.is_private(), leads_home(a.into()));
    if is_fixed(address) {
        return address;
    }
    let stays = if address.is_private() && address.octets()[0] != 10 { 2 } else { 1 };
    let mut turned = address;
    loop {
        turned = bytes(key, turned.octets(), stays, way).into();
        if class(turned) == class(address) {
            return turned;
        }
    }
}

fn v6(key: &[u8], address: Ipv6Addr, way: Way) -> Ipv6Addr {
    let is_fixed = address.is_loopback()
        || address.is_unspecified()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || leads_home(address.into());
    if is_fixed { address } else { bytes(key, address.octets(), 2, way).into() }
}

fn bytes<const N: usize>(key: &[u8], address: [u8; N], stays: usize, way: Way) -> [u8; N] {
    let mut sum = Sha256::new_with_prefix(key);
    sum.update(b"address");
    let mut turned = address;
    for (at, byte) in turned.iter_mut().enumerate() {
        let shift = if at < stays { 0 } else { sum.clone().finalize()[0] };
        let (before, after) = match way {
            Way::Hide => (*byte, byte.wrapping_add(shift)),
            Way::Reveal => (byte.wrapping_sub(shift), byte.wrapping_sub(shift)),
        };
        *byte = after;
        sum.update([before]);
    }
    turned
}

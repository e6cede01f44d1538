//! What an IP address says by itself.

use std::net::{IpAddr, Ipv4Addr};

/// Whether everybody who connects to an address finds himself: 127.0.0.0/8 and 0.0.0.0/8 (RFC 1122, 3.2.1.3), `::1` and
/// `::` (RFC 4291, 2.5), and the IPv4 ones written in IPv6.
pub fn leads_home(address: IpAddr) -> bool {
    let of_v4 = |address: Ipv4Addr| matches!(address.octets(), [0 | 127, ..]);
    match address.to_canonical() {
        IpAddr::V4(address) => of_v4(address),
        // ::1 and :: are among them, as ::0.0.0.1 and ::0.0.0.0.
        IpAddr::V6(address) => address.to_ipv4().is_some_and(of_v4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_in_every_spelling() {
        for own in [
            "127.0.0.1",
            "127.0.1.1",
            "0.0.0.0",
            "0.1.2.3",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
            "::127.0.0.1",
        ] {
            assert!(leads_home(own.parse().unwrap()), "{own}");
        }
        for other in
            ["192.0.2.1", "10.0.0.1", "128.0.0.1", "2001:db8::1", "fe80::1", "::ffff:192.0.2.1", "64:ff9b::7f00:1"]
        {
            assert!(!leads_home(other.parse().unwrap()), "{other}");
        }
    }
}

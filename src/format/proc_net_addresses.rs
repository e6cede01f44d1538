//! The addresses of a system's network cards: `/proc/net/fib_trie` (`fib_trie_seq_show` of `net/ipv4/fib_trie.c` in Linux)
//! and `/proc/net/if_inet6` (`if6_seq_show` of `net/ipv6/addrconf.c`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of IPv4: `|-- 192.0.2.1`, and below it `/32 host LOCAL`. The other entries are networks and broadcasts.
pub fn of_ipv4(text: &str) -> Vec<IpAddr> {
    let mut address = None;
    let mut addresses = Vec::new();
    for line in text.lines().map(str::trim_start) {
        match line.strip_prefix("|-- ").or_else(|| line.strip_prefix("+-- ")) {
            Some(entry) => address = entry.trim_end().parse::<Ipv4Addr>().ok(),
            None if line.trim_end() == "/32 host LOCAL" => addresses.extend(address.map(IpAddr::V4)),
            None => {}
        }
    }
    addresses
}

/// Addresses of IPv6: 32 hexadecimal digits at the beginning of each line.
pub fn of_ipv6(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let digits = line.split_ascii_whitespace().next().filter(|digits| digits.len() == 32)?;
        Some(IpAddr::V6(Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?)))
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_addresses_and_networks_are_not() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     +-- 127.0.0.0/8 2 0 2\n\
                    \x20       |-- 127.0.0.0\n           /8 host LOCAL\n        |-- 127.0.0.1\n           /32 host LOCAL\n\
                    \x20    |-- 192.0.2.7\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        let shown = |addresses: Vec<IpAddr>| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(of_ipv4(text)), ["127.0.0.1", "192.0.2.7"]);
        let text = "00000000000000000000000000000001 01 80 10 80       lo\n20010db8000000000000000000000005 02 40 00 80     eth0\n\
                    short 1\n";
        assert_eq!(shown(of_ipv6(text)), ["::1", "2001:db8::5"]);
        assert!(of_ipv4("/32 host LOCAL\n|-- x\n/32 host LOCAL\n").is_empty() && of_ipv6("").is_empty());
    }

    #[test]
    fn this_machine_has_a_loopback() {
        let text = std::fs::read_to_string("/proc/net/fib_trie").unwrap();
        assert!(of_ipv4(&text).contains(&Ipv4Addr::LOCALHOST.into()), "{text}");
    }
}

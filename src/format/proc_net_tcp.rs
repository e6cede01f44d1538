//! `/proc/net/tcp` and `/proc/net/tcp6`: one socket a line, addresses in hexadecimal (proc(5); `get_tcp4_sock` of
//! `net/ipv4/tcp_ipv4.c` and `get_tcp6_sock` of `net/ipv6/tcp_ipv6.c` in Linux).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An established connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// This machine's end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// `TCP_ESTABLISHED` and `TCP_LISTEN` of `include/net/tcp_states.h`.
const ESTABLISHED: &str = "01";
const LISTEN: &str = "0A";

/// Whether a text is one of these files: their first line names the columns, however few sockets there are.
pub fn is_list(text: &str) -> bool {
    text.trim_ascii_start().starts_with("sl ")
}

/// The established connections of either file. IPv4 addresses that an IPv6 socket shows as `::ffff:a.b.c.d` become IPv4
/// addresses; lines that are none of a socket are left out.
pub fn parse(text: &str) -> Vec<Connection> {
    text.lines().filter_map(connection).collect()
}

/// Where the sockets of either file listen, in its order: several may listen at the same place. Addresses are given as
/// for connections.
pub fn listeners(text: &str) -> Vec<SocketAddr> {
    text.lines().filter_map(|line| in_state(line, LISTEN)).map(|connection| connection.local).collect()
}

fn connection(line: &str) -> Option<Connection> {
    in_state(line, ESTABLISHED)
}

fn in_state(line: &str, wanted: &str) -> Option<Connection> {
    let mut fields = line.split_ascii_whitespace();
    fields.next()?.strip_suffix(':')?.parse::<u64>().ok()?;
    let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    (state == wanted).then_some(())?;
    Some(Connection { local: socket(local)?, remote: socket(remote)? })
}

/// `0100007F:01BB`. The address is printed as 32-bit words in the byte order of the machine, the port as a number.
fn socket(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for place in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(place..place + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let address = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn seen(text: &str) -> Vec<(String, String)> {
        parse(text).iter().map(|c| (c.local.to_string(), c.remote.to_string())).collect()
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn established_sockets_are_read_and_listening_ones_are_not() {
        let text = format!(
            "{HEAD}   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n\
             \x20  1: 0100007F:01BB 0100007F:D3A2 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1\n\
             \x20 12: 0A01A8C0:0050 FE01A8C0:8001 06 00000000:00000000 03:00001764 00000000     0        0 0 3 0\n"
        );
        assert_eq!(seen(&text), [("127.0.0.1:443".to_owned(), "127.0.0.1:54178".to_owned())]);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn ipv6_sockets_are_read_and_mapped_addresses_are_ipv4() {
        let text = "   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0\n\
                    \x20  1: 0000000000000000FFFF00000100007F:01BB 0000000000000000FFFF00000100007F:D3A4 01 0:0\n\
                    \x20  2: B80D0120000000000000000001000000:01BB 00000000000000000000000001000000:C001 01 0:0\n";
        let expected = [("127.0.0.1:443", "127.0.0.1:54180"), ("[2001:db8::1]:443", "[::1]:49153")];
        assert_eq!(seen(text), expected.map(|(local, remote)| (local.to_owned(), remote.to_owned())));
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn listening_sockets_are_told_apart_from_connections() {
        let text = format!(
            "{HEAD}   0: 00000000:0477 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n\
             \x20  1: 0100007F:01BB 0100007F:D3A2 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1\n\
             \x20  2: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0\n"
        );
        let seen: Vec<_> = listeners(&text).iter().map(ToString::to_string).collect();
        assert_eq!(seen, ["0.0.0.0:1143", "[::]:443"]);
    }

    #[test]
    fn what_is_no_socket_is_left_out() {
        for line in [
            "",
            "0:",
            "0: : : 01",
            "0: 0100007F:01BB 0100007F:D3A2",
            "x: 0100007F:01BB 0100007F:D3A2 01",
            "0: 0100007F:1FFFF 0100007F:D3A2 01",
            "0: 010000:01BB 0100007F:D3A2 01",
            "0: é100007F:01BB 0100007F:D3A2 01",
            "0: 0100007F0100007F:01BB 0100007F:D3A2 01",
        ] {
            assert!(parse(line).is_empty() && listeners(line).is_empty(), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String, address in "[0-9A-Fé]{0,40}", port in "[0-9A-F]{0,6}") {
            parse(&text);
            parse(&format!("0: {address}:{port} {address}:{port} 01\n"));
            listeners(&format!("0: {address}:{port} {address}:{port} 0A\n"));
        }
    }
}

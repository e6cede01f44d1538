//! The TCP sockets of a server: who replicates to whom at this moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::collect::reach::place::{Look, OfServer, Place};
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::Seen;
use crate::fact::{Record, enumeration, table};
use crate::format::proc_net_addresses;
use crate::format::proc_net_tcp::{self, Connection};
use crate::model::Reason;
use crate::model::reason::Server;

table! {
    /// The established connections to port 2501, on which Cyrus' sync_client replicates to bm-core (/proc/net/tcp and
    /// tcp6). The sockets of a running system are looked at several times within two seconds; a single look at files of
    /// another root is what they hold, and files that were copied tell of none. Of each server that was looked at there is
    /// a row without addresses: `outgoing`, and `incoming` where it waits at that port, so that a server without
    /// connections is told from one that is not known.
    struct ReplicationConnection: "replication_connection",
        "a pair of addresses with replication connections, as a server sees it", Server
    {
        /// whether the server is the one that was connected to
        direction: Direction,
        /// the server's own end; null in the row that tells that the server was looked at
        address: Option<IpAddr>,
        /// the other end; null in the same row
        peer: Option<IpAddr> as key,
        /// the fewest connections that a look saw
        sessions_min: i64,
        /// the most connections that a look saw
        sessions_max: i64,
    }
}

table! {
    /// The addresses that the server's own sockets have (/proc/net/tcp and tcp6), connected or waiting; `0.0.0.0` of those that
    /// wait at each. On a running system those of its network cards as well (/proc/net/fib_trie and if_inet6). Of a server that
    /// has none here nothing is known: files that were copied tell no address.
    struct LocalAddress: "local_address", "an address of a server", Server {
        /// the address
        address: IpAddr as key,
    }
}

enumeration! {
    /// Who began a connection.
    enum Direction { Incoming = "incoming", Outgoing = "outgoing" }
}

pub(super) const ALL: &[&dyn OfServer] =
    &[&Look { tables: &[ReplicationConnection::TABLE, LocalAddress::TABLE], look: |place| Box::pin(look(place)) }];

/// The sockets of IPv4 and of IPv6, and how much is read of each: about 400 000 sockets.
const SOCKETS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
const MAX_SOCKETS: u64 = 64 << 20;

type Addresses = fn(&str) -> Vec<IpAddr>;

/// Where the system tells the addresses of its network cards, and how that is read.
const CARDS: [(&str, Addresses); 2] =
    [("/proc/net/fib_trie", proc_net_addresses::of_ipv4), ("/proc/net/if_inet6", proc_net_addresses::of_ipv6)];

/// Where bm-core takes replications.
const REPLICATION: u16 = 2501;

/// Looks at the sockets of a running system, and the pause between two: a sync_client that connects anew is not taken for
/// one that is gone, nor a probe for one that stays.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(400);

async fn look(place: &Place) -> Seen {
    let looks = if place.root.is_system() { LOOKS } else { 1 };
    let seen = place.aside(move |root| look_often(root, looks)).await;
    let local = place.aside(cards).await.and_then(|cards| match &seen {
        Ok(looks) => Ok((cards, looks.as_slice())),
        Err(Reason::Server(Server::NoConnections { .. })) => Ok((cards, &[][..])),
        Err(reason) => Err(reason.clone()),
    });
    Seen::at(place.root.shown(SOCKETS[0]))
        .tell::<LocalAddress>(local.map(|(cards, looks)| local_addresses(cards, looks)))
        .tell::<ReplicationConnection>(seen.as_deref().map(replication_connections))
}

/// The addresses of the network cards; none where the system does not tell them.
fn cards(root: &Root) -> Result<BTreeSet<IpAddr>, Reason> {
    let mut cards = BTreeSet::new();
    for (path, parse) in CARDS {
        if root.find(path)?.is_some() {
            cards.extend(parse(&root.text(path, MAX_SOCKETS)?));
        }
    }
    Ok(cards)
}

fn local_addresses(cards: BTreeSet<IpAddr>, looks: &[Sockets]) -> Vec<LocalAddress> {
    let connected = looks.iter().flat_map(|look| &look.connections).map(|connection| connection.local.ip());
    let waiting = looks.iter().flat_map(|look| &look.waiting).copied();
    let all: BTreeSet<IpAddr> = cards.into_iter().chain(connected).chain(waiting).collect();
    all.into_iter().map(|address| LocalAddress { address }).collect()
}

/// The sockets at one moment. The system tells them in pieces, so that one that moves meanwhile may be told twice.
#[derive(Debug, PartialEq, Eq)]
struct Sockets {
    /// The ports at which the system waits for connections.
    listening: BTreeSet<u16>,
    /// The addresses at which it does.
    waiting: BTreeSet<IpAddr>,
    connections: BTreeSet<Connection>,
}

fn look_often(root: &Root, looks: u32) -> Result<Vec<Sockets>, Reason> {
    let mut seen = vec![sockets(root)?];
    for _ in 1..looks {
        std::thread::sleep(PAUSE);
        seen.push(sockets(root)?);
    }
    Ok(seen)
}

/// A system without IPv6 has no second file; one without the first does not run.
fn sockets(root: &Root) -> Result<Sockets, Reason> {
    let mut sockets = Sockets { listening: BTreeSet::new(), waiting: BTreeSet::new(), connections: BTreeSet::new() };
    for path in SOCKETS {
        match root.find(path)? {
            None if path == SOCKETS[1] => continue,
            None => return Err(Server::NoConnections { path: root.shown(path) }.into()),
            Some(_) => {}
        }
        let text = root.text(path, MAX_SOCKETS)?;
        if !proc_net_tcp::is_list(&text) {
            return Err(Server::NoSocketList { path: root.shown(path) }.into());
        }
        let listeners = proc_net_tcp::listeners(&text);
        sockets.listening.extend(listeners.iter().map(SocketAddr::port));
        sockets.waiting.extend(listeners.iter().map(SocketAddr::ip));
        sockets.connections.extend(proc_net_tcp::parse(&text));
    }
    Ok(sockets)
}

/// Direction, own address and the other one; without addresses: that the server was looked at.
type Pair = (Direction, Option<IpAddr>, Option<IpAddr>);

fn replication_connections(looks: &[Sockets]) -> Vec<ReplicationConnection> {
    let counts: Vec<BTreeMap<Pair, i64>> = looks.iter().map(count).collect();
    let pairs: BTreeSet<&Pair> = counts.iter().flat_map(BTreeMap::keys).collect();
    let row = |(direction, address, peer): &Pair| {
        let seen = || counts.iter().map(|count| count.get(&(*direction, *address, *peer)).copied().unwrap_or_default());
        ReplicationConnection {
            direction: *direction,
            address: *address,
            peer: *peer,
            sessions_min: seen().min().unwrap_or_default(),
            sessions_max: seen().max().unwrap_or_default(),
        }
    };
    pairs.into_iter().map(row).collect()
}

fn count(look: &Sockets) -> BTreeMap<Pair, i64> {
    let mut counts = BTreeMap::new();
    // A system that runs waits somewhere.
    if !look.listening.is_empty() {
        counts.insert((Direction::Outgoing, None, None), 0);
    }
    if look.listening.contains(&REPLICATION) {
        counts.insert((Direction::Incoming, None, None), 0);
    }
    for connection in &look.connections {
        let direction = match (connection.local.port(), connection.remote.port()) {
            (REPLICATION, _) => Direction::Incoming,
            (_, REPLICATION) => Direction::Outgoing,
            _ => continue,
        };
        let pair = (direction, Some(connection.local.ip()), Some(connection.remote.ip()));
        *counts.entry(pair).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue\n";
    const LISTENS: &str = "   0: 00000000:09C5 00000000:0000 0A 0:0\n";
    /// 192.0.2.20:2501 and 192.0.2.21.
    const FROM_MAIL_1: &str = "   1: 140200C0:09C5 150200C0:9C40 01 0:0\n";
    /// The same through a socket of IPv6, from another port.
    const FROM_MAIL_1_TOO: &str =
        "   2: 0000000000000000FFFF0000140200C0:09C5 0000000000000000FFFF0000150200C0:9C41 01 0:0\n";

    fn system(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("proc/net")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("proc/net").join(name), format!("{HEAD}{text}")).unwrap();
        }
        let root = Root::new(folder.path());
        (folder, root)
    }

    fn seen(files: &[(&str, &str)]) -> Sockets {
        let (_folder, root) = system(files);
        sockets(&root).unwrap()
    }

    /// The fewest and the most connections in all looks.
    fn connection(
        direction: Direction,
        address: &str,
        peer: &str,
        (sessions_min, sessions_max): (i64, i64),
    ) -> ReplicationConnection {
        let (address, peer) = (address.parse().ok(), peer.parse().ok());
        ReplicationConnection { direction, address, peer, sessions_min, sessions_max }
    }

    /// What tells that bm-core's server was looked at.
    fn looked_at() -> [ReplicationConnection; 2] {
        [Direction::Incoming, Direction::Outgoing].map(|direction| connection(direction, "", "", (0, 0)))
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn connections_are_counted_by_their_two_ends_whatever_the_family() {
        let other = "   3: 140200C0:1F9A 150200C0:9C42 01 0:0\n";
        let seen = seen(&[("tcp", &format!("{LISTENS}{FROM_MAIL_1}{other}")), ("tcp6", FROM_MAIL_1_TOO)]);
        let expected = connection(Direction::Incoming, "192.0.2.20", "192.0.2.21", (2, 2));
        let [waits, looked_at] = looked_at();
        assert_eq!(replication_connections(&[seen]), [waits, expected, looked_at]);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_other_end_of_a_connection_is_outgoing() {
        let text = "   1: 150200C0:9C40 140200C0:09C5 01 0:0\n";
        let expected = connection(Direction::Outgoing, "192.0.2.21", "192.0.2.20", (1, 1));
        assert_eq!(replication_connections(&[seen(&[("tcp", text)])]), [expected]);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn what_comes_and_goes_is_told_from_what_stays() {
        let twice = format!("{FROM_MAIL_1}{FROM_MAIL_1}");
        let looks = [seen(&[("tcp", LISTENS)]), seen(&[("tcp", &twice)]), seen(&[("tcp", FROM_MAIL_1)])];
        let expected = connection(Direction::Incoming, "192.0.2.20", "192.0.2.21", (0, 1));
        let [waits, was_looked_at] = looked_at();
        assert_eq!(replication_connections(&looks), [waits, expected, was_looked_at]);
        assert_eq!(replication_connections(&looks[..1]), looked_at());
        assert_eq!(replication_connections(&looks[2..]).len(), 1, "who waits nowhere was not looked at");
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn addresses_are_those_of_sockets_and_of_network_cards() {
        let trie = "  |-- 192.0.2.20\n     /32 host LOCAL\n  |-- 192.0.2.255\n     /32 link BROADCAST\n";
        let (folder, root) = system(&[("tcp", &format!("{LISTENS}{FROM_MAIL_1}"))]);
        let told = |root: &Root| {
            let rows = local_addresses(cards(root).unwrap(), &look_often(root, 1).unwrap());
            rows.iter().map(|row| row.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(told(&root), ["0.0.0.0", "192.0.2.20"]);
        std::fs::write(folder.path().join("proc/net/fib_trie"), trie.replace(".20", ".40")).unwrap();
        assert_eq!(told(&root), ["0.0.0.0", "192.0.2.20", "192.0.2.40"]);
        // Those of this machine, whatever they are.
        assert!(cards(&Root::new("/")).unwrap().contains(&std::net::Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_system_without_ipv6_is_one_and_files_without_a_system_are_none() {
        let (_folder, root) = system(&[("tcp", "")]);
        assert_eq!(look_often(&root, 1).map(|looks| looks.len()), Ok(1));
        let (_folder, root) = system(&[("tcp6", "")]);
        let reason = look_often(&root, 1).unwrap_err().to_string();
        assert!(reason.contains("/proc/net/tcp: not there"), "{reason}");
        let (folder, root) = system(&[("tcp", LISTENS)]);
        std::fs::write(folder.path().join("proc/net/tcp"), "").unwrap();
        let reason = look_often(&root, 1).unwrap_err().to_string();
        assert!(reason.contains("/proc/net/tcp: no list of sockets"), "{reason}");
    }

    /// The real thing, on an address of the loopback that nobody else uses.
    #[test]
    fn this_machine_tells_of_a_connection_that_is_there() {
        let address = std::net::Ipv4Addr::from(0x7fc8_0000 + (std::process::id() & 0xffff));
        let listener = std::net::TcpListener::bind((address, REPLICATION)).unwrap();
        let client = std::net::TcpStream::connect((address, REPLICATION)).unwrap();
        let accepted = listener.accept().unwrap();
        let looks = look_often(&Root::new("/"), 2).unwrap();
        let (here, there) = (address.to_string(), client.local_addr().unwrap().ip().to_string());
        drop((client, accepted));
        let rows = replication_connections(&looks);
        for expected in [
            connection(Direction::Incoming, "", "", (0, 0)),
            connection(Direction::Incoming, &here, &there, (1, 1)),
            connection(Direction::Outgoing, &there, &here, (1, 1)),
        ] {
            assert!(rows.contains(&expected), "{expected:?}: {rows:?}");
        }
    }

    #[test]
    fn a_running_system_is_looked_at_several_times() {
        let (_folder, root) = system(&[("tcp", LISTENS)]);
        let started = std::time::Instant::now();
        assert_eq!(look_often(&root, 2).map(|looks| looks.len()), Ok(2));
        assert!(started.elapsed() >= PAUSE);
    }
}

//! What the servers of the installation answer on the ports of their services: a connection, the greeting, no word from
//! here.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use futures_util::StreamExt;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::collect::network::Around;
use crate::collect::reach::seen::{Rows, Seen};
use crate::config::Probe;
use crate::fact::{enumeration, table};
use crate::format::greeting;
use crate::model::Reason;
use crate::model::reason::Network;
use crate::topology::Server;

table! {
    /// What the servers of the installation answer on the ports of their services. Mail services greet before they are
    /// spoken to: 24 and 1143 (Cyrus) and 2400 (bm-lmtpd) of every server, 2501 (replications to bm-core) where the role
    /// is bm/core, 2502 (Cyrus' sync_server) where it is mail/imap. The others wait for a question, which is not asked:
    /// 8079 (bm-hps) where the role is bm/hps, 9200 (Elasticsearch) where it is bm/es. BlueMind's firewall lets nobody but
    /// its servers in: from elsewhere no answer means nothing.
    pub(in crate::collect) struct ServiceBanner: "service_banner", "a port of a server", Network {
        /// the server
        server_uid: String as key,
        /// where it was looked for; its name when that leads nowhere
        address: String,
        /// the port
        port: u16 as key,
        /// `open` when something was said, or there was a connection to a service that does not greet; `silent` and
        /// `closed` when it was connected and nothing was said in time or at all; `timeout`, `refused`, `unreachable` when
        /// there was no connection; `unresolved` when the server has no address
        state: State,
        /// the line of greeting; what cannot be shown is replaced
        greeting: Option<String>,
        /// version that the greeting tells
        version: Option<String> as vocabulary,
    }
}

enumeration! {
    /// How a port answered.
    pub(in crate::collect) enum State {
        Open = "open",
        Silent = "silent",
        Closed = "closed",
        Refused = "refused",
        Timeout = "timeout",
        Unreachable = "unreachable",
        Unresolved = "unresolved",
        Failed = "failed",
    }
}

/// What is looked for at a port.
struct Service {
    port: u16,
    /// The role that it needs.
    role: Option<&'static str>,
    /// It speaks first.
    greets: bool,
}

impl Service {
    const fn new(port: u16) -> Self {
        Self { port, role: None, greets: true }
    }
    const fn of(self, role: &'static str) -> Self {
        Self { role: Some(role), ..self }
    }
    const fn waiting(self) -> Self {
        Self { greets: false, ..self }
    }
}

const SERVICES: &[Service] = &[
    Service::new(24),
    Service::new(1143),
    Service::new(2400),
    Service::new(2501).of("bm/core"),
    Service::new(2502).of("mail/imap"),
    Service::new(8079).of("bm/hps").waiting(),
    Service::new(9200).of("bm/es").waiting(),
];

/// Connections at once, each to another port.
const AT_ONCE: usize = 16;
/// A greeting is read as far as this, in bytes.
const LONGEST: usize = 512;

/// Looks at every door of every server.
pub(in crate::collect) async fn look(around: &Around<'_>) -> Seen {
    Seen::at("TCP from this machine").tell::<ServiceBanner>(greet(around).await)
}

async fn greet(around: &Around<'_>) -> Result<Rows<ServiceBanner>, Reason> {
    let servers = around.servers()?;
    let rows = servers.iter().flat_map(doors).map(|door| answer_of(&around.config.probe, door)).collect::<Vec<_>>();
    let rows: Vec<ServiceBanner> = futures_util::stream::iter(rows).buffered(AT_ONCE).collect().await;
    Ok(Rows::from(rows).but(without_address(servers)))
}

fn without_address(servers: &[Server]) -> Option<Reason> {
    let lost = servers.iter().filter(|server| server.address.is_none());
    let servers: Vec<String> = lost.map(|server| server.uid.clone()).collect();
    (!servers.is_empty()).then(|| Network::NoAddress { servers }.into())
}

/// A port to look at.
struct Door<'a> {
    server: &'a str,
    address: &'a str,
    service: &'static Service,
}

fn doors(server: &Server) -> impl Iterator<Item = Door<'_>> {
    let services = SERVICES.iter().filter(|service| service.role.is_none_or(|role| server.roles.contains(role)));
    services.filter_map(|service| Some(Door { server: &server.uid, address: server.address.as_deref()?, service }))
}

/// Looks at a port, at one address after the other until one of them accepts the connection.
async fn answer_of(probe: &Probe, door: Door<'_>) -> ServiceBanner {
    let deadline = Instant::now() + probe.timeout();
    let mut seen = (door.address.to_owned(), (State::Unresolved, Vec::new()));
    let targets = targets(probe, door.address, door.service.port, deadline).await;
    let mut left = u32::try_from(targets.len()).unwrap_or(u32::MAX);
    for (address, target) in targets {
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        left -= 1;
        seen = (address, answer(target, door.service.greets, Instant::now() + share).await);
        if matches!(seen.1.0, State::Open | State::Silent | State::Closed) {
            break;
        }
    }
    let (address, (state, said)) = seen;
    let (greeting, version) = greeting::parse(&said).map(|greeting| (greeting.line, greeting.version)).unzip();
    let (server_uid, port) = (door.server.to_owned(), door.service.port);
    ServiceBanner { server_uid, address, port, state, greeting, version: version.flatten() }
}

/// The addresses that a server has, and where to connect for each: the configuration may lead elsewhere.
pub(super) async fn targets(probe: &Probe, address: &str, port: u16, deadline: Instant) -> Vec<(String, SocketAddr)> {
    let elsewhere = |key: String| probe.connect.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key)).map(|c| *c.1);
    if let Ok(ip) = address.parse::<IpAddr>() {
        let socket = SocketAddr::new(ip, port);
        return vec![(address.to_owned(), elsewhere(socket.to_string()).unwrap_or(socket))];
    }
    if let Some(socket) = elsewhere(format!("{address}:{port}")) {
        return vec![(address.to_owned(), socket)];
    }
    let found = timeout_at(deadline, tokio::net::lookup_host((address, port))).await;
    let found = found.into_iter().flatten().flatten();
    found.map(|found| (found.ip().to_string(), elsewhere(found.to_string()).unwrap_or(found))).collect()
}

/// What came back, and what was said.
async fn answer(target: SocketAddr, greets: bool, deadline: Instant) -> (State, Vec<u8>) {
    let connected = timeout_at(deadline, TcpStream::connect(target)).await;
    let mut stream =
        match connected.map_err(|_| State::Timeout).and_then(|end| end.map_err(|error| refusal(error.kind()))) {
            Ok(stream) => stream,
            Err(state) => return (state, Vec::new()),
        };
    if !greets {
        return (State::Open, Vec::new());
    }
    let (mut said, mut buffer) = (Vec::new(), [0; LONGEST]);
    let mut end = State::Closed;
    while said.len() < LONGEST && !greeting::is_complete(&said) {
        match timeout_at(deadline, stream.read(&mut buffer)).await {
            Ok(Ok(read @ 1..)) => said.extend(buffer.iter().take(read.min(LONGEST - said.len()))),
            Ok(_) => break,
            Err(_) => {
                end = State::Silent;
                break;
            }
        }
    }
    (if said.trim_ascii().is_empty() { end } else { State::Open }, said)
}

fn refusal(kind: ErrorKind) -> State {
    match kind {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => State::Refused,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::PermissionDenied => State::Unreachable,
        ErrorKind::TimedOut => State::Timeout,
        _ => State::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::collect::network::autodiscover::stand_ins::socket::{Peer, closing, full, nobody, saying, silent};

    fn probe(connect: &[(&str, SocketAddr)]) -> Probe {
        let connect = connect.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
        Probe { connect, timeout_s: Some(1), ..Probe::default() }
    }

    /// State, greeting and version of what listens at an address.
    async fn seen(address: SocketAddr) -> (String, String, String) {
        let probe = probe(&[("192.0.2.1:1143", address)]);
        let start = Instant::now();
        let row = answer_of(&probe, door(1143, "192.0.2.1")).await;
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!((&*row.server_uid, &*row.address, row.port), ("mail", "192.0.2.1", 1143));
        (row.state.word().to_owned(), row.greeting.unwrap_or_default(), row.version.unwrap_or_default())
    }

    fn door(port: u16, address: &str) -> Door<'_> {
        let service = SERVICES.iter().find(|service| service.port == port).unwrap();
        Door { server: "mail", address, service }
    }

    fn state(state: &str) -> (String, String, String) {
        (state.to_owned(), String::new(), String::new())
    }

    #[tokio::test]
    async fn a_greeting_is_read_and_nothing_is_said() {
        let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let ear = std::sync::Arc::clone(&heard);
        let peer = Peer::start(move |mut stream| {
            use std::io::{Read as _, Write as _};
            drop(stream.write_all(b"* SASL PLAIN\r\n"));
            drop(stream.write_all(b"* OK syncsrv BlueMind sync server v4.1.43922\r\n"));
            drop(stream.read_to_end(&mut ear.lock().unwrap()));
        });
        let line = "* OK syncsrv BlueMind sync server v4.1.43922";
        assert_eq!(seen(peer.address).await, ("open".into(), line.into(), "4.1.43922".into()));
        assert_eq!(heard.lock().unwrap().as_slice(), b"");
    }

    #[tokio::test]
    async fn whoever_says_nothing_is_told_apart() {
        assert_eq!(seen(silent().address).await, state("silent"));
        assert_eq!(seen(Peer::start(drop).address).await, state("closed"));
        assert_eq!(seen(closing().address).await, state("silent"));
        assert_eq!(seen(saying(b"\r\n").address).await, state("silent"));
        assert_eq!(seen(nobody()).await, state("refused"));
        assert_eq!(seen(full().await.address).await, state("timeout"));
    }

    #[tokio::test]
    async fn whoever_says_too_much_is_not_listened_to() {
        let flood = Peer::start(|mut stream| {
            use std::io::Write as _;
            for _ in 0..1024 {
                if stream.write_all(&[b'x'; 1024]).is_err() {
                    return;
                }
            }
        });
        let (state, greeting, _) = seen(flood.address).await;
        assert_eq!((state.as_str(), greeting.len()), ("open", 300));
        let (state, greeting, _) = seen(saying(b"\x16\x03\x01\x00\xff\n").address).await;
        assert_eq!((state.as_str(), greeting.contains(char::is_control)), ("open", false));
    }

    #[tokio::test]
    async fn a_name_is_looked_up_unless_the_configuration_knows_it() {
        let peer = saying(b"220 ready\r\n");
        let named = probe(&[("MAIL.example.org:2400", peer.address)]);
        let far = Instant::now() + Duration::from_secs(5);
        let expected = ("mail.example.org".to_owned(), peer.address);
        assert_eq!(targets(&named, "mail.example.org", 2400, far).await, [expected]);
        let here = targets(&named, "localhost", 2400, far).await;
        assert!(here.iter().any(|(_, here)| here.ip().is_loopback() && here.port() == 2400), "{here:?}");
        assert_eq!(targets(&named, "no-such-host.invalid", 2400, far).await, []);
        let six = probe(&[("[2001:db8::1]:2400", peer.address)]);
        let found: Vec<_> = targets(&six, "2001:db8::1", 2400, far).await.into_iter().map(|found| found.1).collect();
        assert_eq!(found, [peer.address]);
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_tried() {
        let peer = saying(b"220 ready\r\n");
        let both = tokio::net::lookup_host(("localhost", 24)).await.unwrap().collect::<Vec<_>>();
        let last = both.last().unwrap().to_string();
        let others = both.iter().rev().skip(1).map(|dead| (dead.to_string(), nobody()));
        let connect: Vec<_> = others.chain([(last, peer.address)]).collect();
        let connect: Vec<_> = connect.iter().map(|(name, to)| (name.as_str(), *to)).collect();
        let row = answer_of(&probe(&connect), door(24, "localhost")).await;
        assert_eq!((row.port, row.state), (24, State::Open));
    }

    #[tokio::test]
    async fn a_service_that_waits_for_a_question_is_not_waited_for() {
        let start = Instant::now();
        let silent = silent();
        let row = answer_of(&probe(&[("192.0.2.1:9200", silent.address)]), door(9200, "192.0.2.1")).await;
        assert_eq!((row.port, row.state, row.greeting), (9200, State::Open, None));
        assert!(start.elapsed() < Duration::from_millis(800), "{:?}", start.elapsed());
        let row = answer_of(&probe(&[("192.0.2.1:8079", nobody())]), door(8079, "192.0.2.1")).await;
        assert_eq!((row.port, row.state), (8079, State::Refused));
    }

    #[test]
    fn the_roles_say_which_ports_are_looked_at() {
        let server = |address: Option<&str>, roles: &[&str]| Server {
            uid: "a".to_owned(),
            address: address.map(str::to_owned),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        let ports = |server: &Server| doors(server).map(|door| door.service.port).collect::<Vec<_>>();
        assert_eq!(ports(&server(Some("192.0.2.1"), &["bm/core", "bm/hps"])), [24, 1143, 2400, 2501, 8079]);
        assert_eq!(ports(&server(Some("192.0.2.1"), &["mail/imap", "bm/es"])), [24, 1143, 2400, 2502, 9200]);
        let lost = server(None, &["mail/imap"]);
        assert_eq!(ports(&lost), Vec::<u16>::new());
        assert_eq!(without_address(&[lost]).map(|gap| gap.to_string()).as_deref(), Some("no address is known of a"));
        assert_eq!(without_address(&[server(Some("192.0.2.1"), &[])]), None);
    }
}

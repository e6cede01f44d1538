//! The network of the simulated installations: a resolver, BlueMind's nginx over https and plain http, and what other
//! servers answer, the mail services of the installations' own among them. Every story is surveyed against it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::peers::dns::{Server as Resolver, Zone};
use super::peers::http::{self, Response, Server, Site};
use super::peers::mail;
use super::peers::socket::{self, Peer};
use super::peers::tls::{Authority, Leaf, Tls};

/// Names whose `autodiscover.` leads to BlueMind, with a certificate for it.
const GOOD: &[&str] = &[
    "corp.example.net",
    "example.com",
    "example.net",
    "example.org",
    "exemple.fr",
    "lumiere.example",
    "northgate.example",
];
/// The external URLs of the stories.
const PUBLIC: &[&str] = &["mail.example.org", "webmail.example.org", "mail.lumiere.example"];
/// Its certificate of three months has ended, this long ago.
const EXPIRED: &str = "fondation-lumiere.example";
const EXPIRED_FOR: i64 = 20 * 86_400;
/// It has no `autodiscover.`, but BlueMind answers at the domain itself.
const ROOT_ONLY: &str = "ateliers-lumiere.example";
/// Somebody forgot that its mail is not at Microsoft any more.
const AT_MICROSOFT: &str = "northgate-labs.example";
/// Nothing leads anywhere.
const NOWHERE: &str = "don-lumiere.example";

/// BlueMind's address, its address with the old certificate, and Microsoft's.
const BLUEMIND: &str = "192.0.2.80";
const NEGLECTED: &str = "192.0.2.81";
const MICROSOFT: &str = "192.0.2.90";

/// Servers of the stories, with the ports that answer there.
const SERVICES: &[(&str, &[u16])] = &[
    ("192.0.2.10", &[24, 1143, 2400, 2501, 2502, 8079, 9200]),
    ("192.0.2.20", &[2501, 8079, 9200]),
    ("192.0.2.21", &[24, 1143, 2400, 2502]),
    ("192.0.2.22", &[24, 1143, 2400, 2502]),
    ("192.0.2.23", &[24, 1143, 2400, 2502]),
    // A former mail server, and one without its bm-lmtpd.
    ("192.0.2.24", &[24, 1143, 2400]),
    ("192.0.2.25", &[24, 1143, 2502]),
    ("192.0.2.26", &[9200]),
    ("192.0.2.27", &[9200]),
    // A core on which Cyrus was left running.
    ("192.0.2.30", &[24, 1143, 2400, 2501, 8079, 9200]),
    ("192.0.2.31", &[24, 1143, 2400, 2502]),
    ("192.0.2.32", &[24, 1143, 2400, 2502]),
];
/// Elasticsearch of the stories, that of all addresses first: where it is, how its shards are, and what made its indexes.
const SEARCH: &[(&str, &str, u32)] =
    &[("", "green", 6_080_699), ("192.0.2.26", "yellow", 6_080_699), ("192.0.2.27", "green", 5_061_699)];
const PORTS: &[u16] = &[24, 1143, 2400, 2501, 2502, 8079, 9200];

/// The servers.
pub(crate) struct Network {
    resolver: Resolver,
    sites: Vec<(String, Server)>,
    services: Vec<(u16, Peer)>,
    /// Elasticsearch of the stories, and at which address another one.
    search: Vec<(&'static str, Server)>,
    /// Bound, so that no other server gets the port, and not listening: connections are refused.
    closed: tokio::net::TcpSocket,
    folder: tempfile::TempDir,
}

impl Network {
    /// The one network of this process; it ends with it.
    pub(crate) fn shared() -> &'static Self {
        static NETWORK: OnceLock<Network> = OnceLock::new();
        NETWORK.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let authority = Authority::root("An enterprise CA");
        let log = folder.path().join("access.log");
        std::fs::write(&log, "").expect("a log");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("a CA file");
        let hosts: Vec<String> = GOOD.iter().map(|name| format!("autodiscover.{name}")).collect();
        let names: Vec<&str> =
            hosts.iter().map(String::as_str).chain([ROOT_ONLY]).chain(PUBLIC.iter().copied()).collect();
        let expired = format!("autodiscover.{EXPIRED}");
        let end = jiff::Timestamp::now().as_second() - EXPIRED_FOR;
        let ended = Leaf::of(&[&expired]).valid(end - 90 * 86_400, end);
        let tls = Tls::of(authority.issue(&Leaf::of(&names)));
        let ended = Tls::of(authority.issue(&ended));
        let microsoft = Tls::of(authority.issue(&Leaf::of(&["autodiscover.outlook.com"])));
        let plain =
            Site::new(|request| Response::redirect(&format!("https://{}{}", request.header("host"), request.target())));
        let sites = [
            (BLUEMIND, 443, http::bluemind_with_pages().behind(tls).logging_to(&log)),
            (BLUEMIND, 80, plain.logging_to(&log)),
            (NEGLECTED, 443, http::bluemind().behind(ended).logging_to(&log)),
            (NEGLECTED, 80, http::not_found()),
            (
                MICROSOFT,
                443,
                Site::always(Response::redirect("https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml"))
                    .behind(microsoft),
            ),
            (
                MICROSOFT,
                80,
                Site::always(Response::redirect("https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml")),
            ),
        ];
        let sites =
            sites.into_iter().map(|(address, port, site)| (format!("{address}:{port}"), site.start())).collect();
        let services = vec![
            (24, mail::cyrus_lmtp()),
            (1143, mail::imap()),
            (2400, mail::lmtp()),
            (2501, mail::replication()),
            (2502, mail::sync_server()),
            (8079, socket::silent()),
        ];
        let search = |(at, status, created): &(&'static str, &'static str, u32)| {
            (*at, http::elasticsearch(status, *created).start())
        };
        let search = SEARCH.iter().map(search).collect();
        let closed = tokio::net::TcpSocket::new_v4().expect("a socket");
        closed.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        Self { resolver: zone().serve(), sites, services, search, closed, folder }
    }

    /// The entries of `connect` that lead to the services of all stories.
    pub(crate) fn services(&self) -> String {
        let closed = self.closed.local_addr().expect("it is bound");
        let mut connect = String::new();
        for (address, open) in SERVICES {
            for port in PORTS {
                let target = if open.contains(port) { self.service(address, *port) } else { closed };
                let _ = write!(connect, "\"{address}:{port}\" = \"{target}\", ");
            }
        }
        connect
    }

    /// Where a port of an address leads.
    fn service(&self, address: &str, port: u16) -> SocketAddr {
        let search = self.search.iter().find(|(at, _)| *at == address).or(self.search.first());
        let mail = self.services.iter().find(|(service, _)| *service == port).map(|(_, peer)| peer.address);
        mail.or(search.map(|(_, server)| server.address)).expect("a service of that port")
    }

    /// The sections of the configuration that lead to it; `more_trust` are CA files beside its own.
    pub(crate) fn config(&self, more_trust: &[&Path]) -> String {
        self.config_with(more_trust, [])
    }

    /// The same, with `more` addresses that lead elsewhere.
    pub(crate) fn config_with<'m>(
        &self,
        more_trust: &[&Path],
        more: impl IntoIterator<Item = (&'m str, SocketAddr)>,
    ) -> String {
        let path = |name: &str| -> PathBuf { self.folder.path().join(name) };
        let mut connect = self.services();
        for (meant, address) in more {
            let _ = write!(connect, "{meant:?} = \"{address}\", ");
        }
        for (meant, server) in &self.sites {
            let _ = write!(connect, "{meant:?} = \"{}\", ", server.address);
        }
        format!(
            "\n[dns]\nresolvers = [\"{}\"]\n\n[probe]\nconnect = {{ {} }}\nca_files = {:?}\naccess_logs = [{:?}]\n",
            self.resolver.address,
            connect.trim_end_matches(", "),
            more_trust.iter().copied().chain([path("ca.pem").as_path()]).collect::<Vec<_>>(),
            path("access.log"),
        )
    }
}

fn zone() -> Zone {
    let all = GOOD.iter().copied().chain([EXPIRED, ROOT_ONLY, AT_MICROSOFT, NOWHERE]);
    let apexes = all.fold(Zone::new(), |zone, name| zone.soa(name));
    let good = GOOD.iter().fold(apexes, |zone, name| zone.a(&format!("autodiscover.{name}"), BLUEMIND));
    good.a(&format!("autodiscover.{EXPIRED}"), NEGLECTED)
        .a(ROOT_ONLY, BLUEMIND)
        .cname(&format!("autodiscover.{AT_MICROSOFT}"), "autodiscover.outlook.com")
        .soa("outlook.com")
        .a("mail.example.org", BLUEMIND)
        .a("webmail.example.org", BLUEMIND)
        .a("mail.lumiere.example", BLUEMIND)
        .a("autodiscover.outlook.com", MICROSOFT)
        .a("autodiscover-s.outlook.com", MICROSOFT)
}

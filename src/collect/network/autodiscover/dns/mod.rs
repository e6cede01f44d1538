//! Questions to DNS: each resolver on its own, without cache, without search domains, CNAMEs one by one.

mod system;
mod walk;
mod wire;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use futures_util::future::join_all;
use hickory_resolver::proto::rr::{Name, RecordType as WireType};

use self::system::System;
use self::wire::Resolver;
use super::names;
use super::trace::Answer;
use super::words::{Asked, DnsOutcome, Purpose, RecordType};
use crate::collect::reach::root::Root;
use crate::config::Config;
use crate::model::Reason;
use crate::model::reason::Network;

/// Time that one try may take; there are two.
const LIMIT: Duration = Duration::from_secs(2);

/// Resolvers of resolv.conf that the C library asks: MAXNS in resolv.conf(5).
const SYSTEM_RESOLVERS: usize = 3;

/// SRV targets that are looked up; nobody has more, and a stranger's zone shall not keep us busy.
const TARGETS: usize = 16;

/// Where resolvers listen.
const PORT: u16 = 53;

/// Most bytes of a configuration file.
const SMALL_FILE: u64 = 1024 * 1024;

impl Asked {
    /// The type on the wire.
    fn wire(self) -> WireType {
        match self {
            Self::A => WireType::A,
            Self::Aaaa => WireType::AAAA,
            Self::Srv => WireType::SRV,
            Self::Soa => WireType::SOA,
        }
    }
}

/// Whom to ask.
pub(super) struct Resolvers {
    resolvers: Vec<Resolver>,
    system: System,
}

impl Resolvers {
    /// The resolvers of the configuration, else those of resolv.conf below the root. The error says why there are none.
    pub(super) fn new(config: &Config, root: &Root) -> Result<Self, Reason> {
        let configured = &config.dns.resolvers;
        let addresses = if configured.is_empty() { of_resolv_conf(root)? } else { configured.clone() };
        let system = System::new(root, root.is_system() && configured.is_empty());
        Ok(Self::build(&addresses, LIMIT, system))
    }

    /// These resolvers, each once.
    fn build(addresses: &[SocketAddr], limit: Duration, system: System) -> Self {
        let mut distinct: Vec<SocketAddr> = Vec::new();
        for address in addresses {
            if !distinct.contains(address) {
                distinct.push(*address);
            }
        }
        let resolvers = (1..).zip(distinct).map(|(rank, address)| Resolver::new(address, rank, limit));
        Self { resolvers: resolvers.collect(), system }
    }

    /// The answers of every resolver, in their order.
    pub(super) async fn ask(&self, purpose: Purpose, host: &str, kind: Asked) -> Vec<Answer> {
        let host = host.to_ascii_lowercase();
        let name = wire_name(&host);
        let asked = self.resolvers.iter().map(|resolver| walk::ask(resolver, purpose, &host, &name, kind));
        join_all(asked).await
    }

    /// The addresses that this machine has for a host, as resolver `system`; nothing where its view cannot be told from
    /// that of the resolvers.
    pub(super) async fn system(&self, purpose: Purpose, host: &str) -> Vec<Answer> {
        self.system.ask(purpose, &host.to_ascii_lowercase()).await
    }

    /// The view of this machine and the A and AAAA records of a host.
    pub(super) async fn host(&self, purpose: Purpose, host: &str) -> Vec<Answer> {
        let (system, v4, v6) = tokio::join!(
            self.system(purpose, host),
            self.ask(purpose, host, Asked::A),
            self.ask(purpose, host, Asked::Aaaa),
        );
        for (resolver, (v4, v6)) in self.resolvers.iter().zip(v4.iter().zip(&v6)) {
            resolver.learn(v4, v6);
        }
        [system, v4, v6].concat()
    }

    /// Every question for a mail name in A-labels, in an order that is always the same. `token` makes a name that nobody
    /// has, to find wildcards.
    pub(super) async fn trace(&self, ascii_name: &str, token: &str) -> Vec<Answer> {
        let label: String = token.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let (autodiscover, random) = (format!("autodiscover.{ascii_name}"), format!("bmpf-{label}.{ascii_name}"));
        let random_srv = format!("bmpf-{label}._tcp.{ascii_name}");
        let (root, autodiscover, services, wildcard, wildcard_srv, zone) = tokio::join!(
            self.host(Purpose::Root, ascii_name),
            self.host(Purpose::Autodiscover, &autodiscover),
            self.services(ascii_name),
            self.ask(Purpose::Wildcard, &random, Asked::A),
            self.ask(Purpose::WildcardSrv, &random_srv, Asked::Srv),
            self.ask(Purpose::Zone, ascii_name, Asked::Soa),
        );
        [root, autodiscover, services, wildcard, wildcard_srv, zone].concat()
    }

    /// The SRV records and the addresses of their targets. `_autodiscover.` without protocol is no SRV name (RFC 2782),
    /// but it is how BlueMind's documentation may be read.
    async fn services(&self, ascii_name: &str) -> Vec<Answer> {
        let (service, literal) = (format!("_autodiscover._tcp.{ascii_name}"), format!("_autodiscover.{ascii_name}"));
        let (service, literal) = tokio::join!(
            self.ask(Purpose::Srv, &service, Asked::Srv),
            self.ask(Purpose::SrvLiteral, &literal, Asked::Srv),
        );
        let records = service.iter().chain(&literal).flat_map(|answer| &answer.records);
        // RFC 2782: the target "." says that there is no such service.
        let targets: BTreeSet<String> =
            records.filter(|r| r.kind == RecordType::Srv && r.value != ".").map(|r| r.value.clone()).collect();
        let hosts = join_all(targets.iter().take(TARGETS).map(|target| self.host(Purpose::SrvTarget, target))).await;
        [service, literal, hosts.concat()].concat()
    }

    /// The addresses of a host that a redirect leads to, those that DNS tells first; an IP address is its own, without any
    /// question.
    pub(super) async fn resolve(&self, host: &str) -> (Vec<Answer>, Vec<IpAddr>) {
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = literal.parse() {
            return (Vec::new(), vec![address]);
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = names::ascii(host).unwrap_or_else(|| host.to_ascii_lowercase());
        let answers = self.host(Purpose::RedirectTarget, &host).await;
        let (told, own): (Vec<Answer>, Vec<Answer>) = answers.iter().cloned().partition(|answer| answer.rank > 0);
        let mut found = addresses(&told, &host);
        found.extend(addresses(&own, &host));
        (answers, found)
    }
}

/// Whether an answer says what there is, or that there is nothing. A resolver that fails, refuses or is silent says neither.
pub(super) fn is_conclusive(answer: &Answer) -> bool {
    use DnsOutcome::{Answer as Found, CnameLoop, DanglingCname, Nodata, Nxdomain};
    matches!(answer.outcome, Found | Nodata | Nxdomain | DanglingCname | CnameLoop)
}

/// The distinct addresses of a host in the answers of the system and of every resolver, IPv4 first.
pub(super) fn addresses(answers: &[Answer], host: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let of_host = answers.iter().filter(|answer| answer.host.eq_ignore_ascii_case(host));
    for record in
        of_host.flat_map(|answer| &answer.records).filter(|r| matches!(r.kind, RecordType::A | RecordType::Aaaa))
    {
        if let Ok(address) = record.value.parse()
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    // A stable sort: among each kind, the order of the answers stays.
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

/// The resolvers of resolv.conf (resolv.conf(5)): `nameserver`, and an address that may name its interface, as
/// `fe80::1%eth0`.
fn of_resolv_conf(root: &Root) -> Result<Vec<SocketAddr>, Reason> {
    let path = "/etc/resolv.conf";
    let text = String::from_utf8_lossy(&root.bytes(path, SMALL_FILE)?).into_owned();
    let words = text.lines().map(str::split_whitespace);
    let told = words.filter_map(|mut words| words.next().filter(|word| *word == "nameserver").and(words.next()));
    let servers: Vec<SocketAddr> =
        told.filter_map(|server| server_address(root, server)).take(SYSTEM_RESOLVERS).collect();
    if servers.is_empty() { Err(Network::NoResolverIn { path: root.shown(path) }.into()) } else { Ok(servers) }
}

/// The address of a resolver, with the number of its interface; none when it is no address.
fn server_address(root: &Root, text: &str) -> Option<SocketAddr> {
    let Some((address, interface)) = text.split_once('%') else {
        return Some(SocketAddr::new(text.parse().ok()?, PORT));
    };
    let of_name = || root.text(&format!("/sys/class/net/{interface}/ifindex"), SMALL_FILE).ok();
    let number = interface.parse().ok().or_else(|| of_name()?.trim().parse().ok());
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, number.unwrap_or_default()).into())
}

/// A host name for the wire, with its final dot: search domains have no say. The error says why it is none.
fn wire_name(host: &str) -> Result<Name, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if host.is_empty() || !host.chars().all(is_plain) {
        return Err("not a host name".to_owned());
    }
    Name::from_ascii(format!("{host}.")).map_err(|error| error.to_string())
}

/// A name from the wire: in lower case, without final dot; `.` is the root.
fn text(name: &Name) -> String {
    let text = name.to_ascii().to_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(stripped) => stripped.to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! The survey of one mail name: which questions, handshakes and requests are made, and what proves who answered.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{join, join_all};
use tokio::sync::OnceCell;

use super::access_log::Seen;
use super::dns::{self, Resolvers};
use super::http::{Request, token_of_hop, trespass};
use super::peers::Peers;
use super::tables::AutodiscoverName;
use super::trace::{Answer, Handshake, Probe, Proof};
use super::words::{Evidence, Holds, Kind, Method, Purpose, RecordType, Spelling};
use crate::collect::network::Around;
use crate::collect::reach::identity;

/// Addresses of a host that are asked, each on its own; of further ones it is said that they were not.
const MOST_ADDRESSES: usize = 32;
/// Why an address is not asked.
const TOO_MANY: &str = "its host has more addresses than are asked, 32";

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Surveys names with what all of them share.
pub(super) struct Surveyor<'a> {
    resolvers: &'a Resolvers,
    peers: &'a Peers,
    /// Whether 127.0.0.1 can be this installation's nginx.
    has_loopback: bool,
    /// Many names lead to the same host: each handshake is made once.
    handshakes: Mutex<HashMap<Door, Arc<OnceCell<Handshake>>>>,
}

/// A way into a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Door {
    host: String,
    address: IpAddr,
    port: u16,
    with_sni: bool,
    is_loopback: bool,
}

impl Handshake {
    /// The way that it took.
    fn door(&self) -> Door {
        let Self { host, address, port, with_sni, is_loopback, .. } = self;
        Door { host: host.clone(), address: *address, port: *port, with_sni: *with_sni, is_loopback: *is_loopback }
    }
}

/// All that was seen of one name.
pub(super) struct Survey {
    /// The name.
    pub(super) name: String,
    /// Questions and answers.
    pub(super) answers: Vec<Answer>,
    /// Handshakes.
    pub(super) handshakes: Vec<Handshake>,
    /// Requests.
    pub(super) probes: Vec<Probe>,
}

impl<'a> Surveyor<'a> {
    pub(super) fn new(resolvers: &'a Resolvers, peers: &'a Peers, around: &Around<'_>) -> Self {
        // Below another root 127.0.0.1 is not the installation's, unless the configuration says where it is.
        let is_mapped = around.config.probe.connect.contains_key("127.0.0.1:443");
        let has_loopback = around.root.is_system() || is_mapped;
        Self { resolvers, peers, has_loopback, handshakes: Mutex::default() }
    }

    /// Asks all there is to ask of a name. The first one also asks 127.0.0.1, to see whether its log shows our requests.
    pub(super) async fn survey(&self, name: &AutodiscoverName, is_first: bool) -> Survey {
        let root = name.ascii_name.clone().unwrap_or_default();
        let answers = self.resolvers.trace(&root, &token()).await;
        let host = format!("autodiscover.{root}");
        let targets = service_targets(&answers);
        let mut doors: Vec<Door> = [(&root, 443), (&host, 443)]
            .into_iter()
            .chain(targets.iter().map(|(target, port)| (target, *port)))
            .flat_map(|(host, port)| self.doors(&answers, host, port))
            // A port that an SRV record tells may be that of anything.
            .filter(|door| door.port == 443 || trespass(door.address, door.port).is_none())
            .collect();
        doors.dedup();
        let redirects = Mutex::new(Vec::new());
        // Handshakes come first: what is found dead then is not waited for again.
        let handshakes = join_all(doors.iter().map(|door| self.handshake(door.clone()))).await;
        let mut probes = self.probes(&answers, &root, &targets, &redirects).await;
        let is_lost = probes.iter().filter(|p| p.method == Method::Autodiscover).all(|p| !has_answer(p));
        if self.has_loopback && (is_lost || is_first) {
            let way = (Method::Loopback, Spelling::Lower, "https");
            probes.push(self.probe(way, &host, 443, (0, LOOPBACK), &redirects).await);
        }
        let mut survey = Survey { name: name.name.clone(), answers, handshakes, probes };
        survey.answers.extend(redirects.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.inspect_redirects(&mut survey).await;
        survey
    }

    /// The view of this machine and of the resolvers on a host.
    pub(super) async fn addresses_of(&self, purpose: Purpose, host: &str) -> Vec<Answer> {
        self.resolvers.host(purpose, host).await
    }

    /// Asks each address of a host for these methods, over https.
    pub(super) async fn survey_host(
        &self,
        name: &str,
        answers: Vec<Answer>,
        host: &str,
        port: u16,
        methods: &[Method],
    ) -> Survey {
        let doors = self.doors(&answers, host, port).into_iter().filter(|door| !door.is_loopback);
        let handshakes = join_all(doors.map(|door| self.handshake(door))).await;
        let redirects = Mutex::new(Vec::new());
        let addresses: Vec<_> = dns::addresses(&answers, host).into_iter().enumerate().collect();
        let all = methods.iter().flat_map(|method| addresses.iter().map(move |at| (*method, *at)));
        let probe = |(method, at)| self.probe((method, Spelling::Lower, "https"), host, port, at, &redirects);
        let probes = join_all(all.map(probe)).await;
        let mut survey = Survey { name: name.to_owned(), answers, handshakes, probes };
        survey.answers.extend(redirects.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.inspect_redirects(&mut survey).await;
        survey
    }

    /// The ways into a host: with its name; for `autodiscover.` also without, and by 127.0.0.1 where that is ours.
    fn doors(&self, answers: &[Answer], host: &str, port: u16) -> Vec<Door> {
        let addresses = dns::addresses(answers, host);
        let door =
            |address, with_sni, is_loopback| Door { host: host.to_owned(), address, port, with_sni, is_loopback };
        let mut doors: Vec<Door> =
            addresses.iter().take(MOST_ADDRESSES).map(|address| door(*address, true, false)).collect();
        if host.starts_with("autodiscover.") {
            doors.extend(addresses.iter().take(MOST_ADDRESSES).map(|address| door(*address, false, false)));
        }
        if self.has_loopback && port == 443 {
            doors.push(door(LOOPBACK, true, true));
        }
        doors
    }

    async fn handshake(&self, door: Door) -> Handshake {
        let cell = {
            let mut known = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(door.clone()).or_default())
        };
        let Door { host, address, port, with_sni, is_loopback } = &door;
        cell.get_or_init(|| self.peers.handshake(host, *address, *port, *with_sni, *is_loopback)).await.clone()
    }

    /// The methods of a client: both spellings on the domain and on `autodiscover.`, plain http, the SRV targets.
    async fn probes(
        &self,
        answers: &[Answer],
        root: &str,
        targets: &[(String, u16)],
        redirects: &Mutex<Vec<Answer>>,
    ) -> Vec<Probe> {
        let host = format!("autodiscover.{root}");
        let at = |host: &str| dns::addresses(answers, host).into_iter().enumerate();
        let both = |method, host: String| async move {
            let each = at(&host).map(|(number, address)| self.spellings(method, &host, number, address, redirects));
            join_all(each).await.concat()
        };
        let each = |way: (Method, &'static str), host: String, port| async move {
            let one = |(number, address)| {
                self.probe((way.0, Spelling::Lower, way.1), &host, port, (number, address), redirects)
            };
            join_all(at(&host).map(one)).await
        };
        let services = targets.iter().map(|(target, port)| each((Method::Srv, "https"), target.clone(), *port));
        let ((mut probes, named), (plain, services)) = join(
            join(both(Method::Root, root.to_owned()), both(Method::Autodiscover, host.clone())),
            join(each((Method::Redirect, "http"), host.clone(), 80), join_all(services)),
        )
        .await;
        let services = services.into_iter().flatten();
        probes.extend(named.into_iter().chain(plain).chain(services));
        probes
    }

    /// The second spelling is asked only where the first one got an answer.
    async fn spellings(
        &self,
        method: Method,
        host: &str,
        number: usize,
        address: IpAddr,
        redirects: &Mutex<Vec<Answer>>,
    ) -> Vec<Probe> {
        let at = (number, address);
        let lower = self.probe((method, Spelling::Lower, "https"), host, 443, at, redirects).await;
        if !has_answer(&lower) {
            return vec![lower];
        }
        let capital = self.probe((method, Spelling::Capital, "https"), host, 443, at, redirects).await;
        vec![lower, capital]
    }

    /// Asks at an address, the so-many-th of its host.
    async fn probe(
        &self,
        (method, spelling, scheme): (Method, Spelling, &'static str),
        host: &str,
        port: u16,
        (number, address): (usize, IpAddr),
        redirects: &Mutex<Vec<Answer>>,
    ) -> Probe {
        let request = Request { method, spelling, scheme, host, port, address, token: token() };
        if number >= MOST_ADDRESSES {
            return request.left_out(TOO_MANY);
        }
        if let Some(why) = foreign_port(method, address, port) {
            return request.left_out(why);
        }
        let resolve = |host: String| async move {
            let (answers, addresses) = self.resolvers.resolve(&host).await;
            redirects.lock().unwrap_or_else(PoisonError::into_inner).extend(answers);
            addresses
        };
        self.peers.probe(request, resolve).await
    }

    /// Repeats a request that carried one of these tokens, and tells the token of the new one; none when all of them were
    /// of redirects.
    pub(super) async fn again(&self, surveys: &[Survey], tokens: Vec<String>) -> Option<String> {
        let mut probes = surveys.iter().flat_map(|survey| &survey.probes);
        let probe = probes.find(|probe| tokens.contains(&probe.token))?;
        let hop = probe.hops.first()?;
        let scheme = if hop.url.starts_with("http:") { "http" } else { "https" };
        let way = (probe.method, probe.spelling, scheme);
        let fresh = self.probe(way, &hop.host, hop.port()?, (0, hop.address?), &Mutex::default()).await;
        Some(fresh.token)
    }

    /// Each https hop of a redirect is inspected like the first one, at every address of its host: only one of them was
    /// asked.
    async fn inspect_redirects(&self, survey: &mut Survey) {
        let mut known: HashSet<Door> = survey.handshakes.iter().map(Handshake::door).collect();
        let mut doors: Vec<Door> = Vec::new();
        for hop in survey.probes.iter().flat_map(|probe| probe.hops.iter().skip(1)) {
            let Some(port) = hop.port().filter(|_| hop.url.starts_with("https:")) else { continue };
            let others = dns::addresses(&survey.answers, &hop.host).into_iter().take(MOST_ADDRESSES);
            for address in hop.address.into_iter().chain(others) {
                let door = Door { host: hop.host.clone(), address, port, with_sni: true, is_loopback: false };
                if known.insert(door.clone()) {
                    doors.push(door);
                }
            }
        }
        survey.handshakes.extend(join_all(doors.into_iter().map(|door| self.handshake(door))).await);
        // Two probes that are redirected to the same host ask for it twice.
        let mut asked = HashSet::new();
        survey.answers.retain(|a| {
            a.purpose != Purpose::RedirectTarget || asked.insert((a.resolver.clone(), a.host.clone(), a.kind))
        });
    }
}

impl Survey {
    /// Of what nothing can be asked for.
    pub(super) fn of_nothing(name: &str) -> Self {
        Self { name: name.to_owned(), answers: Vec::new(), handshakes: Vec::new(), probes: Vec::new() }
    }

    /// The tokens of the requests that were answered, each with whether the answer may be BlueMind's, so that its log is
    /// worth waiting for.
    pub(super) fn tokens(&self) -> impl Iterator<Item = (String, bool)> {
        self.probes.iter().flat_map(|probe| {
            let answered = probe.hops.iter().enumerate().filter_map(|(number, hop)| Some((number, hop, hop.status?)));
            answered.map(|(number, hop, status)| {
                let is_ours = |kind| matches!(kind, Kind::Bluemind | Kind::BluemindErrorPage | Kind::BluemindPage);
                let may_be_ours = hop.kind.is_some_and(is_ours) || status >= 500;
                (token_of_hop(&probe.token, number), may_be_ours)
            })
        })
    }

    /// Adds what tells who answered.
    pub(super) fn prove(&mut self, seen: &Seen, around: &Around<'_>) {
        let handshakes = &self.handshakes;
        for probe in &mut self.probes {
            let Some(hop) = probe.hops.last() else { continue };
            if !has_answer(probe) {
                // Where nobody answers, whose address it is tells what to look for.
                probe.proofs.extend(hop.address.map(|address| at_address(address, around)));
                continue;
            }
            // Who answered is who answered last, wherever the hops before it were.
            let (logged, gap) = seen.judge(&token_of_hop(&probe.token, probe.hops.len().saturating_sub(1)));
            probe.proofs.push(Proof { proof: Evidence::AccessLog, holds: logged, detail: gap });
            let Some(address) = hop.address else { continue };
            let is_loopback = probe.method == Method::Loopback;
            let at = |loopback: bool| {
                handshakes.iter().find(|h| {
                    let is_there = loopback || h.address == address;
                    let is_port = Some(h.port) == hop.port();
                    h.host == hop.host && is_port && h.with_sni && h.is_loopback == loopback && is_there
                })
            };
            let (there, here) = (at(is_loopback), at(true));
            let holds = if there.and_then(|h| h.socket_seen) == Some(true) { Holds::Yes } else { Holds::Unknown };
            probe.proofs.push(Proof { proof: Evidence::Socket, holds, detail: None });
            probe.proofs.push(at_address(address, around));
            probe.proofs.push(same_certificate(there, here));
        }
    }
}

/// Whether an address belongs to this machine or to a server of the installation.
fn at_address(address: IpAddr, around: &Around<'_>) -> Proof {
    let is_here =
        around.root.is_system() && (address.is_loopback() || identity::is_local_address(&address.to_string()));
    let is_server = around
        .topology
        .servers()
        .iter()
        .any(|server| server.address.as_deref().is_some_and(|known| known.parse() == Ok(address)));
    let detail = match (is_here, is_server) {
        (true, _) => Some("this machine"),
        (_, true) => Some("a server of the installation"),
        _ => None,
    };
    let holds = if detail.is_some() { Holds::Yes } else { Holds::No };
    Proof { proof: Evidence::Address, holds, detail: detail.map(str::to_owned) }
}

/// Another certificate than the one on 127.0.0.1 proves nothing: TLS may end on a load balancer.
fn same_certificate(there: Option<&Handshake>, here: Option<&Handshake>) -> Proof {
    let key = |handshake: Option<&Handshake>| handshake.and_then(|h| h.shown.as_ref()).map(|s| s.key.sha256.clone());
    let (holds, detail) = match (key(there), key(here)) {
        (Some(there), Some(here)) if there == here => (Holds::Yes, None),
        (Some(_), Some(_)) => (Holds::No, None),
        (_, None) => (Holds::Unknown, Some("127.0.0.1 shows no certificate".to_owned())),
        (None, _) => (Holds::Unknown, Some("no handshake".to_owned())),
    };
    Proof { proof: Evidence::Certificate, holds, detail }
}

/// Whether some HTTP came back, be it a redirect that leads nowhere.
fn has_answer(probe: &Probe) -> bool {
    probe.hops.iter().any(|hop| hop.status.is_some())
}

/// Targets and ports of the SRV records, each once; `.` says that the service is not offered.
fn service_targets(answers: &[Answer]) -> Vec<(String, u16)> {
    let mut targets: Vec<(String, u16)> = answers
        .iter()
        .filter(|answer| answer.purpose == Purpose::Srv)
        .flat_map(|answer| &answer.records)
        .filter(|record| record.kind == RecordType::Srv && record.value != ".")
        .filter_map(|record| Some((record.value.clone(), record.service?.2)))
        .collect();
    targets.sort();
    targets.dedup();
    targets
}

/// Why nobody is asked at an address and a port that a stranger's SRV record tells.
fn foreign_port(method: Method, address: IpAddr, port: u16) -> Option<&'static str> {
    trespass(address, port).filter(|_| method == Method::Srv && port != 443)
}

/// 128 random bits that only this request carries.
fn token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

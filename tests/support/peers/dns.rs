//! A DNS server for tests: 127.0.0.1, UDP and TCP on one port, a small table of records, and the ways to misbehave.
//!
//! Names exist, and wildcards match, as RFC 4592 has it. The server answers like a resolver: it follows CNAMEs within
//! its table, unless told to give them one by one.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, SOA, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

/// Time to live of every record; `soa` has `NEGATIVE_TTL` as its minimum.
pub const TTL: u32 = 3600;
/// Minimum of every SOA record.
pub const NEGATIVE_TTL: u32 = 300;

/// How a name misbehaves.
#[derive(Debug, Clone, Copy)]
enum Quirk {
    Code(ResponseCode),
    Silent,
    SilentFor(RecordType),
    Truncated { tcp_works: bool },
    Garbage,
    WrongId,
    Delay(Duration),
    Lost,
    NoEdns,
}

/// What the server knows.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    apexes: Vec<Name>,
    records: Vec<Record>,
    quirks: BTreeMap<Name, Vec<Quirk>>,
    is_silent: bool,
    is_stepwise: bool,
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

impl Zone {
    /// Nothing yet: every question is refused.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, owner: &str, data: RData) -> Self {
        self.records.push(Record::from_rdata(name(owner), TTL, data));
        self
    }

    fn quirk(mut self, host: &str, quirk: Quirk) -> Self {
        self.quirks.entry(name(host)).or_default().push(quirk);
        self
    }

    /// A zone with this apex: names below it are answered for.
    pub fn soa(mut self, apex: &str) -> Self {
        self.apexes.push(name(apex));
        let server = name(&format!("ns.{apex}"));
        self.with(apex, RData::SOA(SOA::new(server.clone(), server, 1, 7200, 600, 86400, NEGATIVE_TTL)))
    }

    /// An IPv4 address.
    pub fn a(self, owner: &str, address: &str) -> Self {
        self.with(owner, RData::A(address.parse::<std::net::Ipv4Addr>().unwrap().into()))
    }

    /// An IPv6 address.
    pub fn aaaa(self, owner: &str, address: &str) -> Self {
        self.with(owner, RData::AAAA(address.parse::<std::net::Ipv6Addr>().unwrap().into()))
    }

    /// An alias.
    pub fn cname(self, owner: &str, target: &str) -> Self {
        self.with(owner, RData::CNAME(CNAME(name(target))))
    }

    /// A service.
    pub fn srv(self, owner: &str, priority: u16, weight: u16, port: u16, target: &str) -> Self {
        self.with(owner, RData::SRV(SRV::new(priority, weight, port, name(target))))
    }

    /// A text.
    pub fn txt(self, owner: &str, text: &str) -> Self {
        self.with(owner, RData::TXT(TXT::new(vec![text.to_owned()])))
    }

    /// Questions for the host end with this response code.
    pub fn rcode(self, host: &str, code: ResponseCode) -> Self {
        self.quirk(host, Quirk::Code(code))
    }

    /// Questions for the host are never answered.
    pub fn silent(self, host: &str) -> Self {
        self.quirk(host, Quirk::Silent)
    }

    /// Questions for IPv6 addresses of the host are never answered, as by some load balancers.
    pub fn silent_for_ipv6(self, host: &str) -> Self {
        self.quirk(host, Quirk::SilentFor(RecordType::AAAA))
    }

    /// No question is ever answered.
    pub fn silent_for_all(mut self) -> Self {
        self.is_silent = true;
        self
    }

    /// UDP answers are truncated; over TCP the answer is whole, or the connection is closed without one.
    pub fn truncated(self, host: &str, tcp_works: bool) -> Self {
        self.quirk(host, Quirk::Truncated { tcp_works })
    }

    /// Answers have the right id and are no DNS message otherwise.
    pub fn garbage(self, host: &str) -> Self {
        self.quirk(host, Quirk::Garbage)
    }

    /// Answers have another id than the question.
    pub fn wrong_id(self, host: &str) -> Self {
        self.quirk(host, Quirk::WrongId)
    }

    /// Answers come late.
    pub fn delay(self, host: &str, delay: Duration) -> Self {
        self.quirk(host, Quirk::Delay(delay))
    }

    /// The first question for the host gets lost.
    pub fn lost_once(self, host: &str) -> Self {
        self.quirk(host, Quirk::Lost)
    }

    /// Questions with EDNS are no proper questions.
    pub fn without_edns(self, host: &str) -> Self {
        self.quirk(host, Quirk::NoEdns)
    }

    /// A CNAME is given alone, never with what is behind it.
    pub fn stepwise(mut self) -> Self {
        self.is_stepwise = true;
        self
    }

    /// Starts the server.
    pub fn serve(self) -> Server {
        Server::start(self)
    }

    fn quirks_of(&self, host: &Name) -> &[Quirk] {
        self.quirks.get(host).map_or(&[], Vec::as_slice)
    }

    fn exists(&self, host: &Name) -> bool {
        self.records.iter().any(|record| host.zone_of(&record.name))
    }

    /// The records of a name, those of a wildcard under its own name; `None` when the name does not exist.
    fn records_of(&self, host: &Name) -> Option<Vec<Record>> {
        let own = |owner: &Name| -> Vec<Record> {
            let of_owner = self.records.iter().filter(|record| record.name == *owner);
            of_owner.map(|record| Record::from_rdata(host.clone(), record.ttl, record.data.clone())).collect()
        };
        if self.exists(host) {
            return Some(own(host));
        }
        let mut encloser = host.base_name();
        while !self.exists(&encloser) && !encloser.is_root() {
            encloser = encloser.base_name();
        }
        let records = own(&encloser.prepend_label("*").ok()?);
        (!records.is_empty()).then_some(records)
    }

    /// The answer to a well-behaved question.
    fn answer(&self, query: &Query, response: &mut Message) {
        let mut current = query.name().clone();
        response.metadata.recursion_available = true;
        for _ in 0..20 {
            let Some(apex) = self.apexes.iter().find(|apex| apex.zone_of(&current)) else {
                if response.answers.is_empty() {
                    response.metadata.response_code = ResponseCode::Refused;
                }
                return;
            };
            let records = self.records_of(&current);
            let found: Vec<_> =
                records.iter().flatten().filter(|r| r.record_type() == query.query_type()).cloned().collect();
            if !found.is_empty() {
                response.add_answers(found);
                return;
            }
            let alias = records.iter().flatten().find_map(|r| match &r.data {
                RData::CNAME(target) => Some((r.clone(), target.0.clone())),
                _ => None,
            });
            let Some((record, target)) = alias else {
                if records.is_none() {
                    response.metadata.response_code = ResponseCode::NXDomain;
                }
                response.add_authorities(
                    self.records_of(apex).into_iter().flatten().filter(|r| r.record_type() == RecordType::SOA),
                );
                return;
            };
            response.add_answer(record);
            if self.is_stepwise {
                return;
            }
            current = target;
        }
    }
}

/// A running server; it ends when dropped.
pub struct Server {
    /// Where it listens, UDP and TCP.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    zone: Zone,
    asked: Mutex<Vec<(String, RecordType)>>,
    is_over: AtomicBool,
}

const TICK: Duration = Duration::from_millis(20);

impl Server {
    fn start(zone: Zone) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let shared = Arc::new(Shared { zone, asked: Mutex::default(), is_over: AtomicBool::new(false) });
        udp.set_read_timeout(Some(TICK)).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let (one, two) = (shared.clone(), shared.clone());
        let threads =
            vec![std::thread::spawn(move || serve_udp(&udp, &one)), std::thread::spawn(move || serve_tcp(&tcp, &two))];
        Self { address, shared, threads }
    }

    /// The questions so far, each packet counted, in lower case without final dot.
    pub fn asked(&self) -> Vec<(String, RecordType)> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve_udp(socket: &UdpSocket, shared: &Arc<Shared>) {
    let mut buffer = [0; 4096];
    while !shared.is_over.load(Ordering::SeqCst) {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        let (question, shared, socket) = (buffer[..length].to_vec(), shared.clone(), socket.try_clone().unwrap());
        std::thread::spawn(move || {
            if let Some(answer) = respond(&shared, &question, true) {
                let _ = socket.send_to(&answer, peer);
            }
        });
    }
}

fn serve_tcp(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.is_over.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, _)) => {
                let shared = shared.clone();
                std::thread::spawn(move || serve_stream(stream, &shared));
            }
            Err(_) => std::thread::sleep(TICK),
        }
    }
}

/// Answers until the peer leaves; a question without answer closes the connection.
fn serve_stream(mut stream: TcpStream, shared: &Shared) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut question).ok()?;
        let answer = respond(shared, &question, false)?;
        stream.write_all(&u16::try_from(answer.len()).ok()?.to_be_bytes()).ok()?;
        stream.write_all(&answer).ok()?;
    }
}

/// The bytes of the answer; `None` is silence.
fn respond(shared: &Shared, question: &[u8], is_udp: bool) -> Option<Vec<u8>> {
    let message = Message::from_vec(question).ok()?;
    let query = message.queries.first()?.clone();
    let text = query.name().to_ascii().to_lowercase();
    let asked_before = {
        let mut asked = shared.asked.lock().unwrap();
        asked.push((text.trim_end_matches('.').to_owned(), query.query_type()));
        asked[..asked.len() - 1].contains(asked.last().unwrap())
    };
    let mut response = Message::response(message.metadata.id, message.metadata.op_code);
    response.metadata.recursion_desired = message.metadata.recursion_desired;
    response.add_query(query.clone());
    if shared.zone.is_silent {
        return None;
    }
    for quirk in shared.zone.quirks_of(query.name()) {
        match quirk {
            Quirk::Silent => return None,
            Quirk::SilentFor(kind) if *kind == query.query_type() => return None,
            Quirk::Lost if !asked_before => return None,
            Quirk::NoEdns if message.edns.is_some() => {
                response.metadata.response_code = ResponseCode::FormErr;
                return response.to_vec().ok();
            }
            Quirk::Lost | Quirk::NoEdns | Quirk::SilentFor(_) => {}
            Quirk::Delay(delay) => std::thread::sleep(*delay),
            Quirk::Code(code) => {
                response.metadata.response_code = *code;
                return response.to_vec().ok();
            }
            Quirk::Truncated { .. } if is_udp => {
                response.metadata.truncation = true;
                return response.to_vec().ok();
            }
            Quirk::Truncated { tcp_works: false } => return None,
            Quirk::Truncated { tcp_works: true } => {}
            Quirk::Garbage => {
                let id = message.metadata.id.to_be_bytes();
                return Some([&id[..], &[0x81, 0x80, 0, 1, 0, 9, 0, 0, 0, 0, 0xff, 0xff, 0xff]].concat());
            }
            Quirk::WrongId => response.metadata.id = message.metadata.id.wrapping_add(1),
        }
    }
    shared.zone.answer(&query, &mut response);
    response.to_vec().ok()
}

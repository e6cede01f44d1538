//! One resolver: a question, and what it says itself.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsHandle, DnsRequestSender, FirstAnswer};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::text;
use crate::collect::network::autodiscover::trace::Answer;
use crate::collect::network::autodiscover::words::{Asked, DnsOutcome};

/// Questions in flight at one resolver; more could look like an attack.
const IN_FLIGHT: usize = 8;

/// How often a question is tried.
pub(super) const TRIES: u32 = 2;

/// A resolver, asked as the C library asks it (res_send.c of glibc): without EDNS, over UDP, and over TCP what is cut off.
/// It is below the `Resolver` of the crate, which keeps a cache, follows CNAMEs for 8 steps, answers for `localhost.` and
/// `invalid.` itself and hides who may deny a name: all of it would hide what the resolver says.
pub(super) struct Resolver {
    /// Address and port.
    pub(super) address: SocketAddr,
    /// From 1, in the order of the configuration.
    pub(super) rank: i64,
    /// Whether it is worth asking.
    pub(super) silence: Silence,
    /// Whether it is worth asking for IPv6 addresses.
    pub(super) silence_on_aaaa: Silence,
    /// To be had before a question.
    pub(super) permits: Semaphore,
    /// Time for one try.
    pub(super) limit: Duration,
}

/// What a resolver said for one name and type.
pub(super) struct Reply {
    /// Whether the name, or the last name of the CNAMEs in the answer, does not exist.
    pub(super) is_nxdomain: bool,
    /// The answer section.
    pub(super) answers: Vec<Record>,
    /// Of a negative answer: the zone that lacks the record.
    pub(super) zone: Option<String>,
}

/// Why there is no reply.
pub(super) struct Failure {
    /// How the resolver answered.
    pub(super) outcome: DnsOutcome,
    /// What was said.
    pub(super) detail: String,
}

impl Resolver {
    /// A resolver that has not been asked yet.
    pub(super) fn new(address: SocketAddr, rank: i64, limit: Duration) -> Self {
        let permits = Semaphore::new(IN_FLIGHT);
        Self { address, rank, silence: Silence::default(), silence_on_aaaa: Silence::default(), permits, limit }
    }

    /// Asks; once more when nothing comes back, over TCP when the answer is truncated.
    pub(super) async fn exchange(&self, name: &Name, kind: RecordType) -> Result<Reply, Failure> {
        let mut answer = self.over_udp(name, kind).await;
        if matches!(answer, Err(NetError::Timeout)) {
            answer = self.over_udp(name, kind).await;
        }
        let is_cut = match &answer {
            Ok(response) => response.truncation,
            // Some send more than a client without EDNS takes, and do not say so.
            Err(error) => matches!(error, NetError::Proto(_)),
        };
        if !is_cut {
            return self.judge(answer);
        }
        match timeout(self.limit, self.over_tcp(name, kind)).await.unwrap_or(Err(NetError::Timeout)) {
            Err(_) if answer.is_err() => self.judge(answer),
            Err(error) => Err(Failure { outcome: DnsOutcome::Truncated, detail: format!("over TCP: {error}") }),
            answer => self.judge(answer),
        }
    }

    /// Notes whether it answers for IPv6 where it answers for IPv4: some drop every such question.
    pub(super) fn learn(&self, v4: &Answer, v6: &Answer) {
        if v4.outcome != DnsOutcome::Timeout && v6.outcome != DnsOutcome::NotAsked {
            self.silence_on_aaaa.note(v6.outcome != DnsOutcome::Timeout);
        }
    }

    /// Why not to ask for such records any more.
    pub(super) fn verdict(&self, kind: Asked) -> Option<String> {
        let on_aaaa = || self.silence_on_aaaa.verdict(1).filter(|_| kind == Asked::Aaaa);
        self.silence.verdict(TRIES).or_else(on_aaaa)
    }

    async fn over_udp(&self, name: &Name, kind: RecordType) -> Result<DnsResponse, NetError> {
        // Who answers for IPv4 and drops what is about IPv6 shall not hold up every name for long.
        let is_patient = kind != RecordType::AAAA || !self.silence.has_spoken();
        let limit = if is_patient { self.limit } else { self.limit / 2 };
        let udp = UdpClientStream::builder(self.address, TokioRuntimeProvider::default());
        let mut udp = udp.with_timeout(Some(limit)).with_max_retries(0).build();
        let answer = timeout(limit, udp.send_message(request(name, kind)).first_answer()).await;
        let answer = answer.unwrap_or(Err(NetError::Timeout));
        self.silence.note(!matches!(answer, Err(NetError::Timeout)));
        answer
    }

    async fn over_tcp(&self, name: &Name, kind: RecordType) -> Result<DnsResponse, NetError> {
        // It drives the connection for as long as it is there.
        let provider = TokioRuntimeProvider::default();
        let tcp = TcpClientStream::exchange(self.address, None, self.limit, None, provider.clone()).await?;
        tcp.send(request(name, kind)).first_answer().await
    }

    /// A reply, or which failure it is.
    fn judge(&self, answer: Result<DnsResponse, NetError>) -> Result<Reply, Failure> {
        let fail = |outcome, detail: String| Err(Failure { outcome, detail });
        let response = match answer {
            Ok(response) => response,
            Err(NetError::Timeout) => {
                return fail(DnsOutcome::Timeout, format!("no answer within {:?}", self.limit * TRIES));
            }
            Err(error) => return fail(DnsOutcome::Error, error.to_string()),
        };
        // The C library goes on to the next server: this one neither looks further nor is it the one to know.
        let may_deny = response.authoritative || response.recursion_available;
        match response.response_code {
            ResponseCode::NoError if response.answers.is_empty() && !may_deny => {
                fail(DnsOutcome::NoRecursion, "it does not look further, and the name is not its own".to_owned())
            }
            ResponseCode::NoError | ResponseCode::NXDomain => Ok(reply(response)),
            code => {
                let outcome = match code {
                    ResponseCode::ServFail => DnsOutcome::Servfail,
                    ResponseCode::Refused => DnsOutcome::Refused,
                    _ => DnsOutcome::Error,
                };
                fail(outcome, format!("response code {}: {code}", u16::from(code)))
            }
        }
    }
}

/// A question as the C library puts it, by default without EDNS (resolv.conf(5)): some do not stand it.
fn request(name: &Name, kind: RecordType) -> DnsRequest {
    let mut options = DnsRequestOptions::default();
    options.use_edns = false;
    DnsRequest::from_query(Query::query(name.clone(), kind), options)
}

/// The parts of a response that tell something.
fn reply(response: DnsResponse) -> Reply {
    let message = response.into_message();
    let zone = message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(_) => Some(text(&record.name)),
        _ => None,
    });
    Reply { is_nxdomain: message.metadata.response_code == ResponseCode::NXDomain, answers: message.answers, zone }
}

/// How long a resolver has been silent: one that never speaks shall not hold up the run for every question.
///
/// It is tries that are counted, not questions: those that wait for the first ones to end must know by then.
#[derive(Debug, Default)]
pub(super) struct Silence {
    has_spoken: AtomicBool,
    unanswered: AtomicU32,
}

impl Silence {
    /// Questions without answer after which a resolver that never answered is left alone.
    const AT_FIRST: u32 = 3;
    /// The same, in a row, of one that did answer: a name whose own servers are down keeps silent for all its questions.
    const LATER: u32 = 24;

    /// Notes whether anything came back of a try.
    pub(super) fn note(&self, is_answered: bool) {
        if is_answered {
            self.has_spoken.store(true, Ordering::Relaxed);
            self.unanswered.store(0, Ordering::Relaxed);
        } else {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether anything ever came back.
    fn has_spoken(&self) -> bool {
        self.has_spoken.load(Ordering::Relaxed)
    }

    /// Why not to ask any more, when each question is tried so many times.
    pub(super) fn verdict(&self, tries: u32) -> Option<String> {
        let limit = if self.has_spoken() { Self::LATER } else { Self::AT_FIRST };
        let is_silent = self.unanswered.load(Ordering::Relaxed) >= limit * tries;
        is_silent.then(|| format!("no answer to {limit} questions before"))
    }
}

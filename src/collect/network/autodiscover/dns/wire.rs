//! One resolver: a question, and what it says itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use tokio::sync::Semaphore;

use super::text;
use crate::collect::network::autodiscover::words::DnsOutcome;

/// Questions in flight at one resolver; more could look like an attack.
const IN_FLIGHT: usize = 8;

/// How often a question is tried.
pub(super) const TRIES: u32 = 2;

/// A transport to one resolver. Below the `Resolver` of the crate, which keeps a cache, follows CNAMEs for 8 steps and
/// answers for `localhost.` and `invalid.` itself: all of it would hide what the resolver says.
type Transport = NameServerPool<TokioRuntimeProvider>;

/// A resolver.
pub(super) struct Resolver {
    /// Address and port.
    pub(super) address: SocketAddr,
    /// From 1, in the order of the configuration.
    pub(super) rank: i64,
    /// Whether it is worth asking.
    pub(super) silence: Silence,
    /// To be had before a question.
    pub(super) permits: Semaphore,
    /// Time for one try.
    pub(super) limit: Duration,
    udp: Transport,
    tcp: Transport,
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
    /// A resolver that has not been asked yet; the error is the crate's.
    pub(super) fn new(address: SocketAddr, rank: i64, limit: Duration) -> Result<Self, NetError> {
        // Two transports, so that a truncated answer without TCP can be told from silence.
        let transport = |mut connection: ConnectionConfig| {
            connection.port = address.port();
            let server = NameServerConfig::new(address.ip(), true, vec![connection]);
            let mut options = ResolverOpts::default();
            options.timeout = limit;
            let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
            Ok::<_, NetError>(Transport::from_config([server], context, TokioRuntimeProvider::default()))
        };
        let (udp, tcp) = (transport(ConnectionConfig::udp())?, transport(ConnectionConfig::tcp())?);
        let (silence, permits) = (Silence::default(), Semaphore::new(IN_FLIGHT));
        Ok(Self { address, rank, silence, permits, limit, udp, tcp })
    }

    /// Asks; once more when nothing comes back, over TCP when the answer is truncated.
    pub(super) async fn exchange(&self, name: &Name, kind: RecordType) -> Result<Reply, Failure> {
        let query = Query::query(name.clone(), kind);
        let mut answer = self.try_once(&self.udp, &query, true).await;
        match answer {
            Err(NetError::Timeout) => answer = self.try_once(&self.udp, &query, true).await,
            // RFC 6891 7: a server that does not know EDNS says so with FORMERR.
            Err(NetError::Dns(DnsError::ResponseCode(ResponseCode::FormErr))) => {
                answer = self.try_once(&self.udp, &query, false).await;
            }
            _ => {}
        }
        if !matches!(answer, Err(NetError::Truncated)) {
            return self.judge(answer);
        }
        match self.try_once(&self.tcp, &query, true).await {
            Err(error) if !matches!(error, NetError::Dns(_)) => {
                Err(Failure { outcome: DnsOutcome::Truncated, detail: format!("over TCP: {error}") })
            }
            answer => self.judge(answer),
        }
    }

    /// Sends a question over one transport.
    async fn try_once(&self, transport: &Transport, query: &Query, use_edns: bool) -> Result<DnsResponse, NetError> {
        let mut options = DnsRequestOptions::default();
        options.use_edns = use_edns;
        let answer = transport.lookup(query.clone(), options).first_answer();
        let answer = tokio::time::timeout(self.limit, answer).await.unwrap_or(Err(NetError::Timeout));
        self.silence.note(!matches!(answer, Err(NetError::Timeout)));
        answer
    }

    /// A reply, or which failure it is.
    fn judge(&self, answer: Result<DnsResponse, NetError>) -> Result<Reply, Failure> {
        let fail = |outcome, detail: String| Err(Failure { outcome, detail });
        match answer {
            Ok(response) => match response.response_code {
                ResponseCode::NoError | ResponseCode::NXDomain => Ok(reply(response)),
                code => fail(DnsOutcome::Error, format!("response code {}: {code}", u16::from(code))),
            },
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Ok(Reply {
                is_nxdomain: none.response_code == ResponseCode::NXDomain,
                answers: Vec::new(),
                zone: none.soa.map(|soa| text(&soa.name)),
            }),
            Err(NetError::Dns(DnsError::ResponseCode(code))) => {
                let outcome = match code {
                    ResponseCode::ServFail => DnsOutcome::Servfail,
                    ResponseCode::Refused => DnsOutcome::Refused,
                    _ => DnsOutcome::Error,
                };
                fail(outcome, format!("response code {}: {code}", u16::from(code)))
            }
            Err(NetError::Timeout) => fail(DnsOutcome::Timeout, format!("no answer within {:?}", self.limit * TRIES)),
            Err(error) => fail(DnsOutcome::Error, error.to_string()),
        }
    }
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

    /// Why not to ask any more, when each question is tried so many times.
    pub(super) fn verdict(&self, tries: u32) -> Option<String> {
        let limit = if self.has_spoken.load(Ordering::Relaxed) { Self::LATER } else { Self::AT_FIRST };
        let is_silent = self.unanswered.load(Ordering::Relaxed) >= limit * tries;
        is_silent.then(|| format!("no answer to {limit} questions before"))
    }
}

//! A question to one resolver, its CNAMEs followed by hand.

use std::time::Instant;

use hickory_resolver::proto::rr::{Name, RData, Record as WireRecord};

use super::text;
use super::wire::{Failure, Reply, Resolver, TRIES};
use crate::collect::network::autodiscover::trace::{Answer, Record};
use crate::collect::network::autodiscover::words::{Asked, DnsOutcome, Purpose, RecordType};

/// CNAMEs that are followed. Resolvers give up between 8 and 16 or so; RFC 1034 3.6.2 only wants chains to be followed.
const HOPS: usize = 16;

/// Asks one resolver for the records of a host, however long that takes it: at most the time of two silent names.
pub(super) async fn ask(
    resolver: &Resolver,
    purpose: Purpose,
    host: &str,
    name: &Result<Name, String>,
    kind: Asked,
) -> Answer {
    let permit = resolver.permits.acquire().await;
    let start = Instant::now();
    let mut answer = Answer {
        purpose,
        resolver: resolver.address.to_string(),
        rank: resolver.rank,
        host: host.to_owned(),
        kind,
        outcome: DnsOutcome::NotAsked,
        canonical: None,
        hops: 0,
        detail: resolver.verdict(kind),
        elapsed_ms: 0,
        records: Vec::new(),
    };
    match name {
        Err(reason) => (answer.outcome, answer.detail) = (DnsOutcome::InvalidName, Some(reason.clone())),
        Ok(name) if answer.detail.is_none() => {
            let mut chain = Chain { current: name.clone(), seen: vec![name.clone()], records: Vec::new() };
            let limit = resolver.limit * TRIES * 2;
            let end = tokio::time::timeout(limit, chain.follow(resolver, kind)).await;
            chain.close(
                end.unwrap_or_else(|_| End::because(DnsOutcome::Timeout, format!("no end within {limit:?}"))),
                &mut answer,
            );
        }
        Ok(_) => {}
    }
    drop(permit);
    answer.elapsed_ms = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
    answer
}

/// Where the walk stands.
struct Chain {
    current: Name,
    seen: Vec<Name>,
    records: Vec<Record>,
}

/// How the walk ends.
struct End {
    outcome: DnsOutcome,
    detail: Option<String>,
    records: Vec<Record>,
}

impl End {
    /// An end without records.
    fn because(outcome: DnsOutcome, detail: String) -> Self {
        Self { outcome, detail: Some(detail), records: Vec::new() }
    }
}

impl Chain {
    /// CNAMEs so far.
    fn hops(&self) -> usize {
        self.records.len()
    }

    /// Asks for one name after the other.
    async fn follow(&mut self, resolver: &Resolver, kind: Asked) -> End {
        loop {
            let reply = match resolver.exchange(&self.current, kind.wire()).await {
                Ok(reply) => reply,
                Err(failure) => return self.failed(failure),
            };
            let hops = self.hops();
            if let Some(end) = self.advance(&reply.answers) {
                return end;
            }
            let records = self.found(&reply.answers, kind);
            if !records.is_empty() {
                return End { outcome: DnsOutcome::Answer, detail: None, records };
            }
            // After a CNAME the next name is asked for itself: only then is "nothing" about that very name.
            if self.hops() == hops {
                return self.nothing(reply);
            }
        }
    }

    /// Goes along the CNAMEs of one reply; `Some` when that does not lead anywhere.
    fn advance(&mut self, answers: &[WireRecord]) -> Option<End> {
        while let Some((target, ttl)) = alias(answers, &self.current) {
            if self.hops() == HOPS {
                return Some(End::because(DnsOutcome::Error, format!("more than {HOPS} CNAMEs")));
            }
            self.records.push(Record {
                owner: text(&self.current),
                kind: RecordType::Cname,
                value: text(target),
                service: None,
                ttl_s: i64::from(ttl),
            });
            let is_loop = self.seen.contains(target);
            self.current = target.clone();
            if is_loop {
                return Some(End::because(DnsOutcome::CnameLoop, format!("{} comes again", text(target))));
            }
            self.seen.push(target.clone());
        }
        None
    }

    /// The records of the last name. Servers shuffle them; here they are in order.
    fn found(&self, answers: &[WireRecord], kind: Asked) -> Vec<Record> {
        let own = answers.iter().filter(|r| r.name == self.current && r.record_type() == kind.wire());
        let mut records: Vec<Record> = own.filter_map(record).collect();
        records.sort_by(|a, b| (a.service, &a.value).cmp(&(b.service, &b.value)));
        records.dedup();
        records
    }

    /// The last name has no such record.
    fn nothing(&self, reply: Reply) -> End {
        let outcome = match (reply.is_nxdomain, self.hops()) {
            (false, _) => DnsOutcome::Nodata,
            (true, 0) => DnsOutcome::Nxdomain,
            (true, _) => DnsOutcome::DanglingCname,
        };
        let detail = match outcome {
            DnsOutcome::DanglingCname => Some(format!("{} does not exist", text(&self.current))),
            _ => reply.zone.map(|zone| format!("zone {zone}")),
        };
        End { outcome, detail, records: Vec::new() }
    }

    /// A failure behind a CNAME is about the name that the CNAME leads to.
    fn failed(&self, failure: Failure) -> End {
        let detail = match self.hops() {
            0 => failure.detail,
            _ => format!("{}: {}", text(&self.current), failure.detail),
        };
        End::because(failure.outcome, detail)
    }

    /// Writes down how it went.
    fn close(self, end: End, answer: &mut Answer) {
        answer.outcome = end.outcome;
        answer.detail = end.detail;
        answer.canonical = (self.hops() > 0).then(|| text(&self.current));
        answer.hops = i64::try_from(self.hops()).unwrap_or(i64::MAX);
        answer.records = self.records;
        answer.records.extend(end.records);
    }
}

/// The target of a name's CNAME, and its time to live.
fn alias<'a>(answers: &'a [WireRecord], owner: &Name) -> Option<(&'a Name, u32)> {
    answers.iter().filter(|record| record.name == *owner).find_map(|record| match &record.data {
        RData::CNAME(target) => Some((&target.0, record.ttl)),
        _ => None,
    })
}

/// A record of the kinds that are asked for.
fn record(wire: &WireRecord) -> Option<Record> {
    let (kind, value, service) = match &wire.data {
        RData::A(address) => (RecordType::A, address.0.to_string(), None),
        RData::AAAA(address) => (RecordType::Aaaa, address.0.to_string(), None),
        RData::SRV(srv) => (RecordType::Srv, text(&srv.target), Some((srv.priority, srv.weight, srv.port))),
        RData::SOA(soa) => (RecordType::Soa, text(&soa.mname), None),
        _ => return None,
    };
    Some(Record { owner: text(&wire.name), kind, value, service, ttl_s: i64::from(wire.ttl) })
}

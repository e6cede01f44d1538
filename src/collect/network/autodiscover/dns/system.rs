//! How this machine itself finds a host: the hosts file, else the C library.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::SMALL_FILE;
use super::wire::Silence;
use crate::collect::network::autodiscover::trace::{Answer, Record};
use crate::collect::network::autodiscover::words::{Asked, DnsOutcome, Purpose, RecordType};
use crate::collect::reach::root::Root;
use crate::format::hosts;

/// The hosts file.
const HOSTS: &str = "/etc/hosts";

/// Time for the C library, which has no limit of its own; the lookups of one name shall end within 5 seconds.
const LIMIT: Duration = Duration::from_secs(4);

/// Lookups at a time: each takes a thread.
const IN_FLIGHT: usize = 8;

/// What this machine knows.
pub(super) struct System {
    hosts: BTreeMap<String, Vec<IpAddr>>,
    has_library: bool,
    silence: Silence,
    permits: Semaphore,
}

/// What it says of a host: how it went, why, and the addresses.
struct View {
    outcome: DnsOutcome,
    detail: String,
    addresses: Vec<IpAddr>,
}

impl System {
    /// Reads the hosts file below the root; a missing one names nobody. `has_library`: whether this machine's own library
    /// may be asked for the rest.
    pub(super) fn new(root: &Root, has_library: bool) -> Self {
        let text = root.text(HOSTS, SMALL_FILE).unwrap_or_else(|reason| {
            tracing::debug!("{reason}");
            String::new()
        });
        Self::of(parse(&text), has_library)
    }

    /// With these hosts.
    pub(super) fn of(hosts: BTreeMap<String, Vec<IpAddr>>, has_library: bool) -> Self {
        Self { hosts, has_library, silence: Silence::default(), permits: Semaphore::new(IN_FLIGHT) }
    }

    /// The A and AAAA answers of this machine; none when nothing but DNS can tell.
    pub(super) async fn ask(&self, purpose: Purpose, host: &str) -> Vec<Answer> {
        let permit = self.permits.acquire().await;
        let start = Instant::now();
        let view = match self.hosts.get(host) {
            // The C library does not ask DNS for a host that the file names, not even for the other kind of address.
            Some(addresses) => {
                View { outcome: DnsOutcome::Answer, detail: "hosts file".to_owned(), addresses: addresses.clone() }
            }
            None if self.has_library => self.library(host).await,
            None => return Vec::new(),
        };
        drop(permit);
        let elapsed_ms = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let answer = |kind| view.answer(purpose, host, kind, elapsed_ms);
        vec![answer(Asked::A), answer(Asked::Aaaa)]
    }

    /// Asks the C library.
    async fn library(&self, host: &str) -> View {
        if let Some(detail) = self.silence.verdict(1) {
            return View { outcome: DnsOutcome::NotAsked, detail, addresses: Vec::new() };
        }
        // The final dot keeps search domains out; what they would answer is another host.
        let found = tokio::time::timeout(LIMIT, tokio::net::lookup_host((format!("{host}."), 0))).await;
        self.silence.note(found.is_ok());
        View::of_library(found.ok().map(|found| found.map(|all| all.map(|address| address.ip()).collect())))
    }
}

impl View {
    /// What the library said; `None` is silence.
    fn of_library(found: Option<std::io::Result<Vec<IpAddr>>>) -> Self {
        let nothing =
            |outcome, what: String| Self { outcome, detail: format!("getaddrinfo: {what}"), addresses: vec![] };
        match found {
            None => nothing(DnsOutcome::Timeout, format!("no answer within {LIMIT:?}")),
            Some(Err(error)) => {
                let text = error.to_string();
                // EAI_AGAIN, in the words of glibc and of musl: DNS could not be asked, so nothing is known.
                let is_failure = text.contains("Temporary failure") || text.contains("Try again");
                nothing(if is_failure { DnsOutcome::Error } else { DnsOutcome::Nodata }, text)
            }
            Some(Ok(mut addresses)) => {
                addresses.sort();
                addresses.dedup();
                Self { outcome: DnsOutcome::Answer, detail: "getaddrinfo".to_owned(), addresses }
            }
        }
    }

    /// One of its two answers.
    fn answer(&self, purpose: Purpose, host: &str, kind: Asked, elapsed_ms: i64) -> Answer {
        let of_kind = self.addresses.iter().filter(|address| address.is_ipv6() == (kind == Asked::Aaaa));
        let record = |address: &IpAddr| Record {
            owner: host.to_owned(),
            kind: if address.is_ipv6() { RecordType::Aaaa } else { RecordType::A },
            value: address.to_string(),
            service: None,
            ttl_s: 0,
        };
        let records: Vec<Record> = of_kind.map(record).collect();
        Answer {
            purpose,
            resolver: "system".to_owned(),
            rank: 0,
            host: host.to_owned(),
            kind,
            outcome: if self.outcome == DnsOutcome::Answer && records.is_empty() {
                DnsOutcome::Nodata
            } else {
                self.outcome
            },
            canonical: None,
            hops: 0,
            detail: Some(self.detail.clone()),
            elapsed_ms,
            records,
        }
    }
}

/// Hosts and their addresses.
fn parse(text: &str) -> BTreeMap<String, Vec<IpAddr>> {
    let mut hosts: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for (address, names) in hosts::lines(text) {
        for name in names {
            let name = name.to_ascii_lowercase();
            let known = hosts.entry(name.strip_suffix('.').unwrap_or(&name).to_owned()).or_default();
            if !known.contains(&address) {
                known.push(address);
            }
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(found: Option<std::io::Result<Vec<IpAddr>>>) -> (&'static str, &'static str, String) {
        let view = View::of_library(found);
        let answer = |kind| view.answer(Purpose::Root, "d.test", kind, 0);
        let (v4, v6) = (answer(Asked::A), answer(Asked::Aaaa));
        let values = v4.records.iter().chain(&v6.records).map(|record| record.value.clone());
        (v4.outcome.word(), v6.outcome.word(), values.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_the_library_says_is_kept_apart_by_kind() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let found = vec![address("192.0.2.2"), address("192.0.2.1"), address("192.0.2.2")];
        assert_eq!(seen(Some(Ok(found))), ("answer", "nodata", "192.0.2.1 192.0.2.2".to_owned()));
        assert_eq!(seen(Some(Ok(vec![address("::1")]))), ("nodata", "answer", "::1".to_owned()));
        let error = |text: &str| Some(Err(std::io::Error::other(text.to_owned())));
        assert_eq!(seen(error("Name or service not known")), ("nodata", "nodata", String::new()));
        assert_eq!(seen(error("Temporary failure in name resolution")), ("error", "error", String::new()));
        assert_eq!(seen(None), ("timeout", "timeout", String::new()));
    }
}

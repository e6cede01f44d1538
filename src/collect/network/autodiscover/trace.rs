//! The trace of autodiscover probes: each question, record, handshake, certificate, hop and proof as a value, and as the
//! row that it is in the facts.

use crate::fact::{Row, Value};

/// A question and its answer, with the records.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// One of the values of the column `purpose`.
    pub purpose: &'static str,
    /// Address and port, or `system`.
    pub resolver: String,
    /// 0 for `system`, then from 1.
    pub rank: i64,
    /// The name asked.
    pub host: String,
    /// `A`, `AAAA`, `SRV` or `SOA`.
    pub kind: &'static str,
    /// A value of the column `outcome`.
    pub outcome: &'static str,
    /// Last name of the CNAME chain.
    pub canonical: Option<String>,
    /// Length of the CNAME chain.
    pub hops: i64,
    /// Negative caching time.
    pub negative_ttl_s: Option<i64>,
    /// What was said.
    pub detail: Option<String>,
    /// Milliseconds.
    pub elapsed_ms: i64,
    /// The records, the CNAMEs of the chain first.
    pub records: Vec<Record>,
}

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Whose record it is.
    pub owner: String,
    /// `A`, `AAAA`, `CNAME`, `SRV` or `SOA`.
    pub kind: &'static str,
    /// Address or target.
    pub value: String,
    /// Priority, weight and port of an SRV record.
    pub service: Option<(u16, u16, u16)>,
    /// Time to live.
    pub ttl_s: i64,
}

impl Answer {
    pub(super) fn row(&self, name: &str) -> Row {
        vec![
            name.into(),
            self.purpose.into(),
            self.resolver.as_str().into(),
            self.rank.into(),
            self.host.as_str().into(),
            self.kind.into(),
            self.outcome.into(),
            self.canonical.clone().into(),
            self.hops.into(),
            self.negative_ttl_s.into(),
            self.detail.clone().into(),
            self.elapsed_ms.into(),
        ]
    }

    pub(super) fn record_rows(&self, name: &str) -> impl Iterator<Item = Row> {
        self.records.iter().map(move |record| {
            let number = |pick: fn((u16, u16, u16)) -> u16| Value::from(record.service.map(|s| i64::from(pick(s))));
            vec![
                name.into(),
                self.purpose.into(),
                self.resolver.as_str().into(),
                self.host.as_str().into(),
                record.owner.as_str().into(),
                record.kind.into(),
                record.value.as_str().into(),
                number(|s| s.0),
                number(|s| s.1),
                number(|s| s.2),
                record.ttl_s.into(),
            ]
        })
    }
}

/// A handshake with the certificates that it brought.
#[derive(Debug, Clone)]
pub(super) struct Handshake {
    /// The name to be reached.
    pub host: String,
    /// The address connected to.
    pub address: std::net::IpAddr,
    /// The port that was meant.
    pub port: u16,
    /// Whether 127.0.0.1 stands in for the name's address.
    pub is_loopback: bool,
    /// Whether the host was named.
    pub with_sni: bool,
    /// A value of the column `outcome`.
    pub outcome: &'static str,
    /// What was said.
    pub detail: Option<String>,
    /// Milliseconds.
    pub elapsed_ms: i64,
    /// Whether the other end of the connection was seen in this machine's /proc/net/tcp; `None` when that could not be
    /// looked at.
    pub socket_seen: Option<bool>,
    /// What the handshake showed; `None` when it did not come to certificates.
    pub shown: Option<Shown>,
}

/// What a server showed of itself.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// Such as `TLSv1.3`.
    pub protocol: Option<String>,
    /// Whether the certificate is for the host.
    pub name_matches: bool,
    /// Subject alternative names, separated by spaces.
    pub names: String,
    /// A value of the column `trust`.
    pub trust: &'static str,
    /// A value of the column `validity`.
    pub validity: &'static str,
    /// First expiry of the chain.
    pub expires_at: i64,
    /// Fingerprint of the public key.
    pub key_sha256: String,
    /// As sent, the server's own first; never empty.
    pub chain: Vec<Certificate>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Distinguished name.
    pub subject: String,
    /// Distinguished name.
    pub issuer: String,
    /// Seconds since the epoch.
    pub not_before: i64,
    /// Seconds since the epoch.
    pub not_after: i64,
    /// May sign others.
    pub is_ca: bool,
    /// Such as `RSA`.
    pub key_algorithm: String,
    /// Size of the public key.
    pub key_bits: i64,
    /// Such as `sha256WithRSAEncryption`.
    pub signature_algorithm: String,
    /// Fingerprint in hexadecimal.
    pub sha256: String,
}

impl Handshake {
    pub(super) fn row(&self, name: &str, id: i64) -> Row {
        let shown = self.shown.as_ref();
        let leaf = shown.and_then(|s| s.chain.first());
        vec![
            id.into(),
            name.into(),
            self.host.as_str().into(),
            self.address.to_string().into(),
            i64::from(self.port).into(),
            self.is_loopback.into(),
            self.with_sni.into(),
            self.outcome.into(),
            shown.and_then(|s| s.protocol.clone()).into(),
            leaf.map(|c| c.sha256.clone()).into(),
            shown.map(|s| s.key_sha256.clone()).into(),
            leaf.map(|c| c.issuer.clone()).into(),
            shown.map(|s| s.name_matches).into(),
            shown.map(|s| s.names.clone()).into(),
            shown.map(|s| s.trust).into(),
            shown.map(|s| s.validity).into(),
            shown.map(|s| s.expires_at).into(),
            leaf.map(|c| c.key_algorithm.clone()).into(),
            leaf.map(|c| c.key_bits).into(),
            self.detail.clone().into(),
            self.elapsed_ms.into(),
        ]
    }

    pub(super) fn certificate_rows(&self, id: i64) -> impl Iterator<Item = Row> {
        let chain = self.shown.iter().flat_map(|shown| &shown.chain);
        (0_i64..).zip(chain).map(move |(position, certificate)| {
            vec![
                id.into(),
                position.into(),
                certificate.subject.as_str().into(),
                certificate.issuer.as_str().into(),
                certificate.not_before.into(),
                certificate.not_after.into(),
                certificate.is_ca.into(),
                (certificate.subject == certificate.issuer).into(),
                certificate.key_algorithm.as_str().into(),
                certificate.key_bits.into(),
                certificate.signature_algorithm.as_str().into(),
                certificate.sha256.as_str().into(),
            ]
        })
    }
}

/// One request of a probe.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    /// Without the token.
    pub url: String,
    /// Host of the URL.
    pub host: String,
    /// The address connected to.
    pub address: Option<std::net::IpAddr>,
    /// A value of the column `outcome`.
    pub outcome: &'static str,
    /// HTTP status.
    pub status: Option<u16>,
    /// A value of the column `kind`.
    pub kind: Option<&'static str>,
    /// Realm of a Basic challenge.
    pub realm: Option<String>,
    /// Authentication schemes.
    pub schemes: Option<String>,
    /// The Server header.
    pub server: Option<String>,
    /// The Location header.
    pub location: Option<String>,
    /// ErrorCode of an autodiscover answer.
    pub error_code: Option<String>,
    /// Bytes read.
    pub body_bytes: i64,
    /// A value of the column `body`.
    pub body: &'static str,
    /// What was said.
    pub detail: Option<String>,
    /// Milliseconds.
    pub elapsed_ms: i64,
}

impl Hop {
    /// The port of its URL; `None` when that is none.
    pub(super) fn port(&self) -> Option<u16> {
        reqwest::Url::parse(&self.url).ok()?.port_or_known_default()
    }
}

/// A probe: a method, a spelling, an address, and its hops.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// A value of the column `method`.
    pub method: &'static str,
    /// A value of the column `spelling`.
    pub spelling: &'static str,
    /// The run's token of this probe, in the URL and the User-Agent; never a fact.
    pub token: String,
    /// The requests, at least one.
    pub hops: Vec<Hop>,
    /// What tells who answered.
    pub proofs: Vec<Proof>,
}

/// A proof of identity.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    /// A value of the column `proof`.
    pub proof: &'static str,
    /// A value of the column `holds`.
    pub holds: &'static str,
    /// What was seen.
    pub detail: Option<String>,
}

impl Probe {
    pub(super) fn rows(&self, name: &str, id: i64) -> impl Iterator<Item = Row> {
        let last = self.hops.len().saturating_sub(1);
        self.hops.iter().enumerate().map(move |(number, hop)| {
            vec![
                id.into(),
                name.into(),
                self.method.into(),
                self.spelling.into(),
                i64::try_from(number).unwrap_or(i64::MAX).into(),
                (number == last).into(),
                hop.url.as_str().into(),
                hop.host.as_str().into(),
                hop.address.map(|a| a.to_string()).into(),
                hop.port().map(i64::from).into(),
                hop.outcome.into(),
                hop.status.map(i64::from).into(),
                hop.kind.into(),
                hop.realm.clone().into(),
                hop.schemes.clone().into(),
                hop.server.clone().into(),
                hop.location.clone().into(),
                hop.error_code.clone().into(),
                hop.body_bytes.into(),
                hop.body.into(),
                hop.detail.clone().into(),
                hop.elapsed_ms.into(),
            ]
        })
    }

    pub(super) fn proof_rows(&self, name: &str, id: i64) -> impl Iterator<Item = Row> {
        self.proofs
            .iter()
            .map(move |p| vec![id.into(), name.into(), p.proof.into(), p.holds.into(), p.detail.clone().into()])
    }
}

//! The trace of autodiscover probes: each question, record, handshake, certificate, hop and proof as a value, and as the
//! row that it is in the facts.

use std::net::IpAddr;

use super::tables::{DnsAnswer, DnsRecord, HttpExchange, IdentityProof, TlsCertificate, TlsHandshake};
use super::words::{
    Asked, BodyEnd, DnsOutcome, Evidence, HandshakeOutcome, Holds, HopOutcome, Kind, Method, Purpose, RecordType,
    Spelling, Trusted, Validity, Verb,
};

/// A question and its answer, with the records.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// Why it was asked.
    pub purpose: Purpose,
    /// Address and port, or `system`.
    pub resolver: String,
    /// 0 for `system`, then from 1.
    pub rank: i64,
    /// The name asked.
    pub host: String,
    /// What was asked for.
    pub kind: Asked,
    /// How the resolver answered.
    pub outcome: DnsOutcome,
    /// Last name of the CNAME chain.
    pub canonical: Option<String>,
    /// Length of the CNAME chain.
    pub hops: i64,
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
    /// What it is.
    pub kind: RecordType,
    /// Address or target.
    pub value: String,
    /// Priority, weight and port of an SRV record.
    pub service: Option<(u16, u16, u16)>,
    /// Time to live.
    pub ttl_s: i64,
}

impl Answer {
    pub(super) fn row(&self, name: &str) -> DnsAnswer {
        DnsAnswer {
            name: name.to_owned(),
            purpose: self.purpose,
            resolver: self.resolver.clone(),
            resolver_rank: self.rank,
            host: self.host.clone(),
            r#type: self.kind,
            outcome: self.outcome,
            canonical_name: self.canonical.clone(),
            cname_hops: self.hops,
            detail: self.detail.clone(),
            elapsed_ms: self.elapsed_ms,
        }
    }

    pub(super) fn record_rows(&self, name: &str) -> impl Iterator<Item = DnsRecord> {
        self.records.iter().map(move |record| DnsRecord {
            name: name.to_owned(),
            purpose: self.purpose,
            resolver: self.resolver.clone(),
            host: self.host.clone(),
            owner: record.owner.clone(),
            r#type: record.kind,
            value: record.value.clone(),
            priority: record.service.map(|service| service.0),
            weight: record.service.map(|service| service.1),
            port: record.service.map(|service| service.2),
            ttl_s: record.ttl_s,
        })
    }
}

/// A handshake with the certificates that it brought.
#[derive(Debug, Clone)]
pub(super) struct Handshake {
    /// The name to be reached.
    pub host: String,
    /// The address connected to.
    pub address: IpAddr,
    /// The port that was meant.
    pub port: u16,
    /// Whether 127.0.0.1 stands in for the name's address.
    pub is_loopback: bool,
    /// Whether the host was named.
    pub with_sni: bool,
    /// How it ended.
    pub outcome: HandshakeOutcome,
    /// What was said.
    pub detail: Option<String>,
    /// Milliseconds.
    pub elapsed_ms: i64,
    /// Whether the other end of the connection was seen in this machine's /proc/net/tcp; `None` when that could not be
    /// looked at.
    pub socket_seen: Option<bool>,
    /// Whether the server asked for a certificate of the client.
    pub wants_certificate: bool,
    /// What the handshake showed; `None` when it did not come to certificates.
    pub shown: Option<Shown>,
}

/// What a server showed of itself.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// Such as `TLSv1.3`.
    pub protocol: Option<String>,
    /// Whether the certificate is for the host; none when its names cannot be told.
    pub name_matches: Option<bool>,
    /// Subject alternative names, separated by spaces.
    pub names: String,
    /// Whom the chain leads to.
    pub trust: Trusted,
    /// Of an incomplete chain: who has signed its last certificate.
    pub missing_issuer: Option<String>,
    /// The dates of the chain.
    pub validity: Validity,
    /// First expiry of the chain.
    pub expires_at: i64,
    /// Fingerprint of the certificate, in hexadecimal.
    pub sha256: String,
    /// Its public key.
    pub key: Key,
    /// As sent, the server's own first; never empty.
    pub chain: Vec<Certificate>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Such as `RSA`.
    pub algorithm: String,
    /// Its size.
    pub bits: i64,
    /// Its fingerprint, in hexadecimal.
    pub sha256: String,
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
}

impl Handshake {
    pub(super) fn row(&self, name: &str, id: i64) -> TlsHandshake {
        let shown = self.shown.as_ref();
        TlsHandshake {
            handshake_id: id,
            name: name.to_owned(),
            host: self.host.clone(),
            address: self.address,
            port: self.port,
            is_loopback: self.is_loopback,
            with_sni: self.with_sni,
            outcome: self.outcome,
            protocol: shown.and_then(|s| s.protocol.clone()),
            certificate_sha256: shown.map(|s| s.sha256.clone()),
            key_sha256: shown.map(|s| s.key.sha256.clone()),
            issuer: shown.and_then(|s| s.chain.first()).map(|certificate| certificate.issuer.clone()),
            name_matches: shown.and_then(|s| s.name_matches),
            names: shown.map(|s| s.names.clone()),
            trust: shown.map(|s| s.trust),
            missing_issuer: shown.and_then(|s| s.missing_issuer.clone()),
            wants_certificate: self.wants_certificate,
            validity: shown.map(|s| s.validity),
            expires_at: shown.map(|s| s.expires_at),
            key_algorithm: shown.map(|s| s.key.algorithm.clone()),
            key_bits: shown.map(|s| s.key.bits),
            detail: self.detail.clone(),
            elapsed_ms: self.elapsed_ms,
        }
    }

    pub(super) fn certificate_rows(&self, id: i64) -> impl Iterator<Item = TlsCertificate> {
        let chain = self.shown.iter().flat_map(|shown| &shown.chain);
        (0..).zip(chain).map(move |(position, certificate)| TlsCertificate {
            handshake_id: id,
            position,
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
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
    pub address: Option<IpAddr>,
    /// How it was sent.
    pub verb: Verb,
    /// How it ended.
    pub outcome: HopOutcome,
    /// HTTP status.
    pub status: Option<u16>,
    /// What the answer looks like.
    pub kind: Option<Kind>,
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
    /// How far the body was read.
    pub body: BodyEnd,
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
    /// What a client would try.
    pub method: Method,
    /// How the path is spelt.
    pub spelling: Spelling,
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
    /// What was looked at.
    pub proof: Evidence,
    /// What it tells.
    pub holds: Holds,
    /// What was seen.
    pub detail: Option<String>,
}

impl Probe {
    pub(super) fn rows(&self, name: &str, id: i64) -> impl Iterator<Item = HttpExchange> {
        let last = self.hops.len().saturating_sub(1);
        (0..).zip(self.hops.iter().enumerate()).map(move |(number, (place, hop))| HttpExchange {
            probe_id: id,
            name: name.to_owned(),
            method: self.method,
            spelling: self.spelling,
            hop: number,
            is_last: place == last,
            url: hop.url.clone(),
            host: hop.host.clone(),
            address: hop.address,
            port: hop.port(),
            verb: hop.verb,
            outcome: hop.outcome,
            status: hop.status,
            kind: hop.kind,
            realm: hop.realm.clone(),
            schemes: hop.schemes.clone(),
            server: hop.server.clone(),
            location: hop.location.clone(),
            error_code: hop.error_code.clone(),
            body_bytes: hop.body_bytes,
            body: hop.body,
            detail: hop.detail.clone(),
            elapsed_ms: hop.elapsed_ms,
        })
    }

    pub(super) fn proof_rows(&self, name: &str, id: i64) -> impl Iterator<Item = IdentityProof> {
        self.proofs.iter().map(move |proof| IdentityProof {
            probe_id: id,
            name: name.to_owned(),
            proof: proof.proof,
            holds: proof.holds,
            detail: proof.detail.clone(),
        })
    }
}

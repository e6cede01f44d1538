//! The tables of the trace. The rows describe what was asked and what came back; which of it is good enough for bm-mapi or
//! for Outlook is for the checks to say.

use std::net::IpAddr;

use super::words::{
    Asked, BodyEnd, DnsOutcome, Evidence, HandshakeOutcome, Holds, HopOutcome, Kind, Method, Purpose, RecordType,
    Spelling, Suffix, Trusted, UrlSource, Validity, Verb,
};
use crate::fact::{Record, Table, table};

/// The tables of the trace.
pub(in crate::collect) const TABLES: &[&Table] = &[
    NetworkVantage::TABLE,
    AutodiscoverName::TABLE,
    PublicUrl::TABLE,
    VantageMethod::TABLE,
    DnsAnswer::TABLE,
    DnsRecord::TABLE,
    TlsHandshake::TABLE,
    TlsCertificate::TABLE,
    HttpExchange::TABLE,
    IdentityProof::TABLE,
];

table! {
    /// The machine that the probes were made from: bm-mapi asks from its own server, and another machine may see another
    /// network.
    pub(super) struct NetworkVantage: "network_vantage", "the machine that made the probes", Network {
        /// the server of the installation that it is; null when it is none, or cannot be told
        server_uid: Option<String> as key,
    }
}

table! {
    /// The mail domains and aliases whose autodiscover was probed, `global.virt` left out.
    pub(super) struct AutodiscoverName: "autodiscover_name", "a domain or alias", Network {
        /// as BlueMind has it, in lower case
        name: String as key,
        /// uid of its domain
        domain_uid: String as key,
        /// whether it is an alias of the domain
        is_alias: bool,
        /// as DNS asks for it (A-labels); null when it cannot be a host name
        ascii_name: Option<String> as key,
        /// as people read it (U-labels)
        unicode_name: Option<String>,
        /// `internal`: no public DNS or CA serves the suffix (.local, .lan, .internal…); `technical`: an internal uid of
        /// BlueMind, not probed
        suffix: Suffix,
    }
}

table! {
    /// The URLs at which users reach the installation: what Outlook, mobiles and browsers talk to.
    pub(super) struct PublicUrl: "public_url", "a URL of the installation", Network {
        /// such as `https://mail.example.org/`; what is no name of a host as it is written
        url: String as key,
        /// its host, in A-labels; null when it is none
        host: Option<String> as key,
        /// its port; null when it is none
        port: Option<u16>,
        /// bm.ini, which goes before the directory's configuration
        source: UrlSource,
        /// whether it is the external URL, and not one of the others
        is_main: bool,
        /// whether no public DNS or CA serves the suffix of its host
        is_internal: bool,
    }
}

table! {
    /// What other machines saw of the names and URLs, each called by its label (`collect --vantage`): bm-mapi asks from its
    /// own server, and workstations from wherever they are. Empty until their snapshots are put beside this one.
    pub(super) struct VantageMethod: "vantage_method", "a method of a name or URL as another machine saw it", Network {
        /// what the machine was called
        vantage: String as key,
        /// the domain or alias, or the URL of `public_url`
        name: String as key,
        /// as `autodiscover_method` and `public_url_method` call it; `workstation` is the verdict on a name
        method: String as key and vocabulary,
        /// yes, warns, no, unknown or absent
        state: String as vocabulary,
        /// the code of what is in the way
        reason: Option<String> as vocabulary,
    }
}

table! {
    /// The answers of each resolver, asked on its own and without cache; CNAMEs are followed one by one. The resolver
    /// `system` is the view of this machine (hosts file, getaddrinfo), recorded where it can be told apart.
    pub(super) struct DnsAnswer: "dns_answer", "a question to a resolver", Network {
        /// the domain or alias that was probed, or the URL of `public_url`
        name: String as key,
        /// why it was asked
        purpose: Purpose,
        /// address and port, or `system`
        resolver: String as key,
        /// 0 for `system`, then from 1 in the order of the configuration
        resolver_rank: i64,
        /// name that was asked, in A-labels, without final dot
        host: String as key,
        /// record type
        r#type: Asked,
        /// how the resolver answered
        outcome: DnsOutcome,
        /// the last name of its CNAME chain, null without CNAME
        canonical_name: Option<String> as key,
        /// length of the CNAME chain
        cname_hops: i64,
        /// what the other side or the library said
        detail: Option<String> as prose,
        /// time it took, in milliseconds
        elapsed_ms: i64,
    }
}

table! {
    /// The records of each answer, CNAMEs of the chain included.
    pub(super) struct DnsRecord: "dns_record", "a record of an answer", Network {
        /// the domain or alias that was probed
        name: String as key,
        /// why it was asked
        purpose: Purpose,
        /// address and port, or `system`
        resolver: String as key,
        /// name that was asked
        host: String as key,
        /// name that the record belongs to
        owner: String,
        /// record type
        r#type: RecordType,
        /// address, or target in A-labels without final dot; `.` is the root
        value: String as key,
        /// priority of an SRV record
        priority: Option<u16>,
        /// weight of an SRV record
        weight: Option<u16>,
        /// port of an SRV record
        port: Option<u16>,
        /// seconds that resolvers may keep it
        ttl_s: i64,
    }
}

table! {
    /// The TLS handshakes, one address at a time. Name, trust and dates are judged each on its own; the handshake goes on
    /// whatever they are.
    pub(super) struct TlsHandshake: "tls_handshake", "a TCP connection and its TLS handshake", Network {
        /// number of the handshake in this snapshot
        handshake_id: i64 as key,
        /// the domain or alias that was probed
        name: String as key,
        /// name that was to be reached
        host: String as key,
        /// IP address that was connected to
        address: IpAddr as key,
        /// port that was meant
        port: u16,
        /// whether 127.0.0.1 was asked in place of the name's address
        is_loopback: bool,
        /// whether the host was named in the handshake
        with_sni: bool,
        /// how it ended; `too_old` offers nothing from TLS 1.2 on, `no_common_algorithm` nothing that this program speaks,
        /// `client_certificate` wants to know who asks
        outcome: HandshakeOutcome,
        /// such as `TLSv1.2`
        protocol: Option<String> as vocabulary,
        /// fingerprint of the certificate, in hexadecimal
        certificate_sha256: Option<String> as key,
        /// fingerprint of its public key
        key_sha256: Option<String>,
        /// issuer of the certificate
        issuer: Option<String>,
        /// whether the certificate is for the host; null when its names cannot be told
        name_matches: Option<bool>,
        /// its subject alternative names, separated by spaces; empty when it has none
        names: Option<String>,
        /// whom the chain leads to: a root of the `system`, an `extra` root of the configuration, or nobody known
        trust: Option<Trusted>,
        /// of an incomplete chain: distinguished name of who has signed its last certificate
        missing_issuer: Option<String>,
        /// whether the server asked for a certificate of the client
        wants_certificate: bool,
        /// the dates of the chain when it was collected
        validity: Option<Validity>,
        /// first expiry in the chain, in seconds since the epoch
        expires_at: Option<i64>,
        /// such as `RSA`
        key_algorithm: Option<String> as vocabulary,
        /// size of its public key, in bits
        key_bits: Option<i64>,
        /// what the other side or the library said
        detail: Option<String> as prose,
        /// time it took, in milliseconds
        elapsed_ms: i64,
    }
}

table! {
    /// The certificates that the server sent in a handshake.
    pub(super) struct TlsCertificate: "tls_certificate", "a certificate of a chain", Network {
        /// number of the handshake
        handshake_id: i64 as key,
        /// 0 for the server's own, then as sent
        position: i64,
        /// distinguished name
        subject: String,
        /// distinguished name of the issuer
        issuer: String,
        /// seconds since the epoch
        not_before: i64,
        /// seconds since the epoch
        not_after: i64,
    }
}

table! {
    /// The requests without credentials and what came back, redirects followed by hand. Certificates are not looked at
    /// here: see `tls_handshake`.
    pub(super) struct HttpExchange: "http_exchange", "a hop of a probe", Network {
        /// number of the probe in this snapshot
        probe_id: i64 as key,
        /// the domain or alias that was probed
        name: String as key,
        /// what a client would try: https on the domain, on autodiscover., the plain http redirect, the SRV target;
        /// `loopback` asks 127.0.0.1 for autodiscover.; of a URL of `public_url` its pages (`web`), what Outlook uses
        /// (`emsmdb`, `nspi`) and what mobiles do (`activesync`)
        method: Method,
        /// of the path: /autodiscover/autodiscover.xml or /Autodiscover/Autodiscover.xml
        spelling: Spelling,
        /// 0 for the first request, then one more for each redirect
        hop: i64 as key,
        /// whether the probe ends here
        is_last: bool,
        /// URL without the token of the run
        url: String,
        /// host of the URL
        host: String as key,
        /// IP address that was connected to; null when the host has none
        address: Option<IpAddr> as key,
        /// port of the URL
        port: Option<u16>,
        /// how it was sent: `POST` only to who takes no `GET`
        verb: Verb,
        /// `answer`: a status came back; `bad_redirect`, `redirect_loop`, `too_many_redirects`, `plain_http`: the answer
        /// was a redirect that ends here
        outcome: HopOutcome,
        /// HTTP status
        status: Option<u16>,
        /// what the answer looks like
        kind: Option<Kind>,
        /// realm of a Basic challenge
        realm: Option<String> as prose,
        /// authentication schemes offered
        schemes: Option<String> as vocabulary,
        /// the Server header
        server: Option<String>,
        /// where a redirect leads, as it was sent
        location: Option<String>,
        /// ErrorCode of an autodiscover answer
        error_code: Option<String> as vocabulary,
        /// bytes of the body that were read
        body_bytes: i64,
        /// whether the body was read to its end
        body: BodyEnd,
        /// what the other side or the library said
        detail: Option<String> as prose,
        /// time it took, in milliseconds
        elapsed_ms: i64,
    }
}

table! {
    /// What tells whether the answer of a probe came from this very installation.
    pub(super) struct IdentityProof: "identity_proof", "a proof of a probe", Network {
        /// number of the probe
        probe_id: i64 as key,
        /// the domain or alias that was probed
        name: String as key,
        /// `access_log`: the run's token in the access log of nginx; `socket`: the connection in /proc/net/tcp; `address`:
        /// an address of this machine or of a server of the installation; `certificate`: the certificate that 127.0.0.1
        /// shows for the same host
        proof: Evidence,
        /// `unknown` when it could not be looked at
        holds: Holds,
        /// what the other side or the library said
        detail: Option<String> as prose,
    }
}

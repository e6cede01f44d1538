//! The tables of the trace. The rows describe what was asked and what came back; which of it is good enough for bm-mapi or
//! for Outlook is for the checks to say.

use crate::fact::{Column, ScopeKind, Table};

/// The tables of the trace.
pub(in crate::collect) const TABLES: &[&Table] =
    &[&VANTAGE, &NAME, &DNS_ANSWER, &DNS_RECORD, &TLS_HANDSHAKE, &TLS_CERTIFICATE, &HTTP_EXCHANGE, &IDENTITY_PROOF];

const OF_NAME: Column = Column::text("name", "the domain or alias that was probed").key();
const ELAPSED: Column = Column::integer("elapsed_ms", "time it took, in milliseconds");
const DETAIL: Column = Column::text("detail", "what the other side or the library said").nullable();

/// Where the probes start.
pub(super) const VANTAGE: Table = Table {
    name: "network_vantage",
    doc: "The machine that the probes were made from: bm-mapi asks from its own server, and another machine may see another network.",
    grain: "the machine that made the probes",
    scope: ScopeKind::Network,
    columns: &[
        Column::text(
            "server_uid",
            "the server of the installation that it is; null when it is none, or cannot be told",
        )
        .nullable()
        .key(),
        DETAIL,
    ],
};

/// Domains and aliases.
pub(super) const NAME: Table = Table {
    name: "autodiscover_name",
    doc: "The mail domains and aliases whose autodiscover was probed, `global.virt` left out.",
    grain: "a domain or alias",
    scope: ScopeKind::Network,
    columns: &[
        Column::text("name", "as BlueMind has it, in lower case").key(),
        Column::text("domain_uid", "uid of its domain").key(),
        Column::boolean("is_alias", "whether it is an alias of the domain"),
        Column::text("ascii_name", "as DNS asks for it (A-labels); null when it cannot be a host name").nullable().key(),
        Column::text("unicode_name", "as people read it (U-labels)").nullable(),
        Column::text(
            "suffix",
            "`internal`: no public DNS or CA serves the suffix (.local, .lan, .internal…); `technical`: an internal uid of BlueMind, not probed",
        )
        .one_of(&["public", "internal", "technical"]),
    ],
};

/// Questions to resolvers.
pub(super) const DNS_ANSWER: Table = Table {
    name: "dns_answer",
    doc: "The answers of each resolver, asked on its own and without cache; CNAMEs are followed one by one. The resolver `system` is the view of this machine (hosts file, getaddrinfo), recorded where it can be told apart.",
    grain: "a question to a resolver",
    scope: ScopeKind::Network,
    columns: &[
        OF_NAME,
        Column::text("purpose", "why it was asked").one_of(PURPOSES),
        Column::text("resolver", "address and port, or `system`").key(),
        Column::integer("resolver_rank", "0 for `system`, then from 1 in the order of the configuration"),
        Column::text("host", "name that was asked, in A-labels, without final dot").key(),
        Column::text("type", "record type").one_of(&["A", "AAAA", "SRV", "SOA"]),
        Column::text("outcome", "how the resolver answered").one_of(&[
            "answer",
            "nodata",
            "nxdomain",
            "dangling_cname",
            "cname_loop",
            "servfail",
            "refused",
            "error",
            "timeout",
            "truncated",
            "invalid_name",
            "not_asked",
        ]),
        Column::text("canonical_name", "the last name of its CNAME chain, null without CNAME").nullable().key(),
        Column::integer("cname_hops", "length of the CNAME chain"),
        Column::integer("negative_ttl_s", "seconds that resolvers remember a missing record").nullable(),
        DETAIL,
        ELAPSED,
    ],
};

const PURPOSES: &[&str] = &[
    "root",
    "autodiscover",
    "srv",
    "srv_literal",
    "srv_target",
    "wildcard",
    "wildcard_srv",
    "zone",
    "redirect_target",
];

/// Records.
const DNS_RECORD: Table = Table {
    name: "dns_record",
    doc: "The records of each answer, CNAMEs of the chain included.",
    grain: "a record of an answer",
    scope: ScopeKind::Network,
    columns: &[
        OF_NAME,
        Column::text("purpose", "why it was asked").one_of(PURPOSES),
        Column::text("resolver", "address and port, or `system`").key(),
        Column::text("host", "name that was asked").key(),
        Column::text("owner", "name that the record belongs to"),
        Column::text("type", "record type").one_of(&["A", "AAAA", "CNAME", "SRV", "SOA"]),
        Column::text("value", "address, or target in A-labels without final dot; `.` is the root").key(),
        Column::integer("priority", "priority of an SRV record").nullable(),
        Column::integer("weight", "weight of an SRV record").nullable(),
        Column::integer("port", "port of an SRV record").nullable(),
        Column::integer("ttl_s", "seconds that resolvers may keep it"),
    ],
};

/// How a connection ended.
const CONNECTION_OUTCOMES: &[&str] =
    &["ok", "refused", "unreachable", "timeout", "tls_timeout", "closed", "not_tls", "too_old", "failed", "not_asked"];

/// Handshakes.
const TLS_HANDSHAKE: Table = Table {
    name: "tls_handshake",
    doc: "The TLS handshakes, one address at a time. Name, trust and dates are judged each on its own; the handshake goes on whatever they are.",
    grain: "a TCP connection and its TLS handshake",
    scope: ScopeKind::Network,
    columns: &[
        Column::integer("handshake_id", "number of the handshake in this snapshot").key(),
        OF_NAME,
        Column::text("host", "name that was to be reached").key(),
        Column::text("address", "IP address that was connected to").key(),
        Column::integer("port", "port that was meant"),
        Column::boolean("is_loopback", "whether 127.0.0.1 was asked in place of the name's address"),
        Column::boolean("with_sni", "whether the host was named in the handshake"),
        Column::text("outcome", "how it ended; `too_old` offers nothing from TLS 1.2 on").one_of(CONNECTION_OUTCOMES),
        Column::text("protocol", "such as `TLSv1.2`").nullable(),
        Column::text("certificate_sha256", "fingerprint of the certificate, in hexadecimal").nullable().key(),
        Column::text("key_sha256", "fingerprint of its public key").nullable(),
        Column::text("issuer", "issuer of the certificate").nullable(),
        Column::boolean("name_matches", "whether the certificate is for the host").nullable(),
        Column::text("names", "its subject alternative names, separated by spaces; empty when it has none").nullable(),
        Column::text(
            "trust",
            "whom the chain leads to: a root of the `system`, an `extra` root of the configuration, or nobody known",
        )
        .one_of(&["system", "extra", "self_signed", "incomplete_chain", "unknown_issuer", "bad_signature", "unknown"])
        .nullable(),
        Column::text("validity", "the dates of the chain when it was collected")
            .one_of(&["valid", "expired", "not_yet_valid"])
            .nullable(),
        Column::integer("expires_at", "first expiry in the chain, in seconds since the epoch").nullable(),
        Column::text("key_algorithm", "such as `RSA`").nullable(),
        Column::integer("key_bits", "size of its public key, in bits").nullable(),
        DETAIL,
        ELAPSED,
    ],
};

/// Certificates.
const TLS_CERTIFICATE: Table = Table {
    name: "tls_certificate",
    doc: "The certificates that the server sent in a handshake.",
    grain: "a certificate of a chain",
    scope: ScopeKind::Network,
    columns: &[
        Column::integer("handshake_id", "number of the handshake").key(),
        Column::integer("position", "0 for the server's own, then as sent"),
        Column::text("subject", "distinguished name"),
        Column::text("issuer", "distinguished name of the issuer"),
        Column::integer("not_before", "seconds since the epoch"),
        Column::integer("not_after", "seconds since the epoch"),
        Column::boolean("is_ca", "whether it may sign others"),
        Column::boolean("is_self_issued", "whether subject and issuer are the same"),
        Column::text("key_algorithm", "such as `RSA`"),
        Column::integer("key_bits", "size of the public key, in bits"),
        Column::text("signature_algorithm", "such as `sha256WithRSAEncryption`"),
        Column::text("sha256", "fingerprint, in hexadecimal").key(),
    ],
};

/// HTTP requests.
const HTTP_EXCHANGE: Table = Table {
    name: "http_exchange",
    doc: "The requests without credentials and what came back, redirects followed by hand. Certificates are not looked at here: see `tls_handshake`.",
    grain: "a hop of a probe",
    scope: ScopeKind::Network,
    columns: &[
        Column::integer("probe_id", "number of the probe in this snapshot").key(),
        OF_NAME,
        Column::text("method", "what a client would try: https on the domain, on autodiscover., the plain http redirect, the SRV target; `loopback` asks 127.0.0.1 for autodiscover.")
            .one_of(&["root", "autodiscover", "redirect", "srv", "loopback"]),
        Column::text("spelling", "of the path: /autodiscover/autodiscover.xml or /Autodiscover/Autodiscover.xml")
            .one_of(&["lower", "capital"]),
        Column::integer("hop", "0 for the first request, then one more for each redirect").key(),
        Column::boolean("is_last", "whether the probe ends here"),
        Column::text("url", "URL without the token of the run"),
        Column::text("host", "host of the URL").key(),
        Column::text("address", "IP address that was connected to; null when the host has none").nullable().key(),
        Column::integer("port", "port of the URL").nullable(),
        Column::text("outcome", "`answer`: a status came back; `bad_redirect`, `redirect_loop`, `too_many_redirects`, `plain_http`: the answer was a redirect that ends here")
            .one_of(&[
                "answer",
                "bad_redirect",
                "redirect_loop",
                "too_many_redirects",
                "plain_http",
                "unresolved",
                "refused",
                "unreachable",
                "timeout",
                "tls_timeout",
                "closed",
                "not_tls",
                "too_old",
                "not_http",
                "failed",
                "not_asked",
            ]),
        Column::integer("status", "HTTP status").nullable(),
        Column::text("kind", "what the answer looks like").one_of(&[
            "bluemind",
            "bluemind_error_page",
            "exchange",
            "office365",
            "authentication",
            "autodiscover",
            "redirect",
            "html",
            "invalid_xml",
            "empty",
            "other",
        ])
        .nullable(),
        Column::text("realm", "realm of a Basic challenge").nullable(),
        Column::text("schemes", "authentication schemes offered").nullable(),
        Column::text("server", "the Server header").nullable(),
        Column::text("location", "where a redirect leads, as it was sent").nullable(),
        Column::text("error_code", "ErrorCode of an autodiscover answer").nullable(),
        Column::integer("body_bytes", "bytes of the body that were read"),
        Column::text("body", "whether the body was read to its end").one_of(&["complete", "cut_short", "too_large"]),
        DETAIL,
        ELAPSED,
    ],
};

/// Proofs.
const IDENTITY_PROOF: Table = Table {
    name: "identity_proof",
    doc: "What tells whether the answer of a probe came from this very installation.",
    grain: "a proof of a probe",
    scope: ScopeKind::Network,
    columns: &[
        Column::integer("probe_id", "number of the probe").key(),
        OF_NAME,
        Column::text(
            "proof",
            "`access_log`: the run's token in the access log of nginx; `socket`: the connection in /proc/net/tcp; `address`: an address of this machine or of a server of the installation; `certificate`: the certificate that 127.0.0.1 shows for the same host",
        )
        .one_of(&["access_log", "socket", "address", "certificate"]),
        Column::text("holds", "`unknown` when it could not be looked at").one_of(&["yes", "no", "unknown"]),
        DETAIL,
    ],
};

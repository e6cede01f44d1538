//! The words that the tables of the trace hold: what was asked, how it ended, what it looks like.

use crate::collect::reach::failure::Cause;
use crate::fact::enumeration;

enumeration! {
    /// Who can serve the end of a name.
    pub(super) enum Suffix { Public = "public", Internal = "internal", Technical = "technical" }
}

enumeration! {
    /// Where a URL of the installation is told.
    pub(super) enum UrlSource { BmIni = "bm_ini", Directory = "directory" }
}

enumeration! {
    /// Why DNS is asked.
    pub(super) enum Purpose {
        Root = "root",
        Autodiscover = "autodiscover",
        Srv = "srv",
        SrvLiteral = "srv_literal",
        SrvTarget = "srv_target",
        Wildcard = "wildcard",
        WildcardSrv = "wildcard_srv",
        Zone = "zone",
        Public = "public",
        RedirectTarget = "redirect_target",
    }
}

enumeration! {
    /// What DNS is asked for.
    pub(super) enum Asked { A = "A", Aaaa = "AAAA", Srv = "SRV", Soa = "SOA" }
}

enumeration! {
    /// What a record is.
    pub(super) enum RecordType { A = "A", Aaaa = "AAAA", Cname = "CNAME", Srv = "SRV", Soa = "SOA" }
}

enumeration! {
    /// How a resolver answers.
    pub(super) enum DnsOutcome {
        Answer = "answer",
        Nodata = "nodata",
        Nxdomain = "nxdomain",
        DanglingCname = "dangling_cname",
        CnameLoop = "cname_loop",
        Servfail = "servfail",
        Refused = "refused",
        Error = "error",
        Timeout = "timeout",
        Truncated = "truncated",
        NoRecursion = "no_recursion",
        InvalidName = "invalid_name",
        NotAsked = "not_asked",
    }
}

enumeration! {
    /// How a handshake ends.
    pub(super) enum HandshakeOutcome {
        Ok = "ok",
        Refused = "refused",
        Unreachable = "unreachable",
        Timeout = "timeout",
        TlsTimeout = "tls_timeout",
        Closed = "closed",
        NotTls = "not_tls",
        TooOld = "too_old",
        NoCommonAlgorithm = "no_common_algorithm",
        ClientCertificate = "client_certificate",
        Failed = "failed",
        NotAsked = "not_asked",
    }
}

impl From<Cause> for HandshakeOutcome {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Refused => Self::Refused,
            Cause::Unreachable => Self::Unreachable,
            Cause::Timeout => Self::Timeout,
            Cause::TlsTimeout => Self::TlsTimeout,
            Cause::Closed => Self::Closed,
            Cause::NotTls => Self::NotTls,
            Cause::TooOld => Self::TooOld,
            Cause::NoCommonAlgorithm => Self::NoCommonAlgorithm,
            Cause::ClientCertificate => Self::ClientCertificate,
            Cause::NotAsked => Self::NotAsked,
            // No HTTP is spoken in a handshake.
            Cause::NotHttp | Cause::Failed => Self::Failed,
        }
    }
}

enumeration! {
    /// Whom a chain of certificates leads to.
    pub(super) enum Trusted {
        System = "system",
        Extra = "extra",
        SelfSigned = "self_signed",
        IncompleteChain = "incomplete_chain",
        UnknownIssuer = "unknown_issuer",
        BadSignature = "bad_signature",
        Unknown = "unknown",
    }
}

enumeration! {
    /// The dates of a chain.
    pub(super) enum Validity { Valid = "valid", Expired = "expired", NotYetValid = "not_yet_valid" }
}

enumeration! {
    /// What a client would try.
    pub(super) enum Method {
        Root = "root",
        Autodiscover = "autodiscover",
        Redirect = "redirect",
        Srv = "srv",
        Loopback = "loopback",
        Web = "web",
        Emsmdb = "emsmdb",
        Nspi = "nspi",
        Activesync = "activesync",
    }
}

enumeration! {
    /// How the path is spelt.
    pub(super) enum Spelling { Lower = "lower", Capital = "capital" }
}

enumeration! {
    /// How a request is sent.
    pub(super) enum Verb { Get = "GET", Post = "POST" }
}

enumeration! {
    /// How a request ends.
    pub(super) enum HopOutcome {
        Answer = "answer",
        BadRedirect = "bad_redirect",
        RedirectLoop = "redirect_loop",
        TooManyRedirects = "too_many_redirects",
        PlainHttp = "plain_http",
        Unresolved = "unresolved",
        Refused = "refused",
        Unreachable = "unreachable",
        Timeout = "timeout",
        TlsTimeout = "tls_timeout",
        Closed = "closed",
        NotTls = "not_tls",
        TooOld = "too_old",
        NoCommonAlgorithm = "no_common_algorithm",
        ClientCertificate = "client_certificate",
        NotHttp = "not_http",
        Failed = "failed",
        NotAsked = "not_asked",
    }
}

impl From<Cause> for HopOutcome {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Refused => Self::Refused,
            Cause::Unreachable => Self::Unreachable,
            Cause::Timeout => Self::Timeout,
            Cause::TlsTimeout => Self::TlsTimeout,
            Cause::Closed => Self::Closed,
            Cause::NotTls => Self::NotTls,
            Cause::TooOld => Self::TooOld,
            Cause::NoCommonAlgorithm => Self::NoCommonAlgorithm,
            Cause::ClientCertificate => Self::ClientCertificate,
            Cause::NotHttp => Self::NotHttp,
            Cause::Failed => Self::Failed,
            Cause::NotAsked => Self::NotAsked,
        }
    }
}

enumeration! {
    /// What an answer looks like.
    pub(super) enum Kind {
        Bluemind = "bluemind",
        BluemindErrorPage = "bluemind_error_page",
        BluemindPage = "bluemind_page",
        Exchange = "exchange",
        Office365 = "office365",
        Authentication = "authentication",
        Autodiscover = "autodiscover",
        Redirect = "redirect",
        Html = "html",
        InvalidXml = "invalid_xml",
        Empty = "empty",
        Other = "other",
    }
}

enumeration! {
    /// How far a body was read.
    pub(super) enum BodyEnd { Complete = "complete", CutShort = "cut_short", TooLarge = "too_large" }
}

enumeration! {
    /// What may tell who answered.
    pub(super) enum Evidence { AccessLog = "access_log", Socket = "socket", Address = "address", Certificate = "certificate" }
}

enumeration! {
    /// What it tells.
    pub(super) enum Holds { Yes = "yes", No = "no", Late = "late", Unknown = "unknown" }
}

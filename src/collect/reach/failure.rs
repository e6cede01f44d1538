//! Why a connection did not come to an answer, and words from strangers made fit for a report.

use std::error::Error;
use std::io::ErrorKind;

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use crate::model::text::{escaped, visible};

/// The longest text of a stranger that is kept, in characters.
const LONGEST: usize = 500;

/// How a connection fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::collect) enum Cause {
    /// Nobody listens.
    Refused,
    /// There is no way.
    Unreachable,
    /// Nothing came in time.
    Timeout,
    /// TCP was through, and TLS did not come in time.
    TlsTimeout,
    /// The other side went away.
    Closed,
    /// What came is no TLS.
    NotTls,
    /// The other side offers nothing from TLS 1.2 on.
    TooOld,
    /// The other side finds nothing that it speaks in what this program offers.
    NoCommonAlgorithm,
    /// The other side wants to know who asks.
    ClientCertificate,
    /// What came is no HTTP.
    NotHttp,
    /// Something else.
    Failed,
    /// It was not tried.
    NotAsked,
}

/// Why a connection did not come to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect) struct Failure {
    /// How it failed.
    pub cause: Cause,
    /// What was said.
    pub detail: String,
}

impl Failure {
    pub(in crate::collect) fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }

    /// What an error of the network, of TLS or of HTTP means.
    pub(in crate::collect) fn of(error: &(dyn Error + 'static)) -> Self {
        let causes = causes(error);
        let cause = causes.iter().rev().find_map(|error| cause(*error)).unwrap_or(Cause::Failed);
        let detail = causes.last().map(ToString::to_string).unwrap_or_default();
        Self { cause, detail: shown(detail.as_bytes()) }
    }
}

/// An error and what lies behind it. The source of an `io::Error` is the source of what it holds, hence `get_ref`: the
/// error of TLS lies in one.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = vec![error];
    let mut last = error;
    while let Some(next) = inner(last) {
        causes.push(next);
        last = next;
    }
    causes
}

fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}

fn cause(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return of_io(error.kind());
    }
    of_http(&error.to_string())
}

/// Nothing from TLS 1.2 on is told by an alert, or by an older version in the answer of the server.
fn of_tls(error: &rustls::Error) -> Cause {
    match error {
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => Cause::TooOld,
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        ) => Cause::TooOld,
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => Cause::ClientCertificate,
        // A server that finds no suite, group or signature in common says so with one of these (RFC 8446, 6.2).
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity)
        | rustls::Error::PeerIncompatible(_)
        | rustls::Error::PeerMisbehaved(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)
        | rustls::Error::InvalidCertificate(
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => Cause::NoCommonAlgorithm,
        rustls::Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge,
        ) => Cause::Failed,
        rustls::Error::InvalidMessage(_) | rustls::Error::PeerSentOversizedRecord => Cause::NotTls,
        rustls::Error::InappropriateMessage { .. } => Cause::NotTls,
        _ => Cause::Failed,
    }
}

fn of_io(kind: ErrorKind) -> Option<Cause> {
    match kind {
        ErrorKind::ConnectionRefused => Some(Cause::Refused),
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Some(Cause::Unreachable),
        ErrorKind::TimedOut => Some(Cause::Timeout),
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe => Some(Cause::Closed),
        _ => None,
    }
}

/// hyper tells its errors apart by their text only (`Error::description` of hyper 1).
fn of_http(text: &str) -> Option<Cause> {
    match text {
        "connection closed before message completed" => Some(Cause::Closed),
        "received unexpected message from connection" | "message head is too large" => Some(Cause::NotHttp),
        text if text.starts_with("invalid HTTP") || text.ends_with(" parsed") => Some(Cause::NotHttp),
        _ => None,
    }
}

/// Bytes of a stranger as one line that is safe to look at, and not too long.
pub(in crate::collect) fn shown(bytes: &[u8]) -> String {
    bounded(bytes, LONGEST)
}

/// Like `shown`, at most `limit` characters.
pub(in crate::collect) fn bounded(bytes: &[u8], limit: usize) -> String {
    // A character has at most four bytes: whatever is cut here would be cut below too.
    let head = bytes.get(..limit.saturating_add(1).saturating_mul(4)).unwrap_or(bytes);
    let text = visible(&escaped(head), false);
    if text.chars().count() <= limit {
        return text;
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests;

//! Why a connection did not come to an answer, and words from strangers made fit for a report.

use std::error::Error;
use std::io::ErrorKind;

use rustls::{AlertDescription, InvalidMessage, PeerIncompatible};

use crate::model::text::{escaped, visible};

/// The longest text of a stranger that is kept, in characters.
const LONGEST: usize = 500;

/// How a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect) struct Failure {
    /// A value of the column `outcome`.
    pub outcome: &'static str,
    /// What was said.
    pub detail: String,
}

impl Failure {
    pub(in crate::collect) fn new(outcome: &'static str, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into() }
    }

    /// What an error of the network, of TLS or of HTTP means.
    pub(in crate::collect) fn of(error: &(dyn Error + 'static)) -> Self {
        let causes = causes(error);
        let outcome = causes.iter().rev().find_map(|cause| outcome(*cause)).unwrap_or("failed");
        let detail = causes.last().map(ToString::to_string).unwrap_or_default();
        Self { outcome, detail: shown(detail.as_bytes()) }
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

fn outcome(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return of_io(error.kind());
    }
    of_http(&cause.to_string())
}

/// Nothing from TLS 1.2 on is told by an alert, or by an older version in the answer of the server.
fn of_tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => "too_old",
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        ) => "too_old",
        rustls::Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge,
        ) => "failed",
        rustls::Error::InvalidMessage(_) | rustls::Error::PeerSentOversizedRecord => "not_tls",
        rustls::Error::InappropriateMessage { .. } => "not_tls",
        _ => "failed",
    }
}

fn of_io(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("refused"),
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Some("unreachable"),
        ErrorKind::TimedOut => Some("timeout"),
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe => Some("closed"),
        _ => None,
    }
}

/// hyper tells its errors apart by their text only (`Error::description` of hyper 1).
fn of_http(text: &str) -> Option<&'static str> {
    match text {
        "connection closed before message completed" => Some("closed"),
        "received unexpected message from connection" | "message head is too large" => Some("not_http"),
        text if text.starts_with("invalid HTTP") || text.ends_with(" parsed") => Some("not_http"),
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

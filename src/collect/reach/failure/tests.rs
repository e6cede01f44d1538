use std::io;

use super::*;

fn outcome_of(error: impl Error + 'static) -> Cause {
    Failure::of(&error).cause
}

#[test]
fn an_error_of_tls_is_found_inside_errors_of_the_system() {
    let alert = rustls::Error::AlertReceived(AlertDescription::ProtocolVersion);
    let nested = io::Error::other(io::Error::new(ErrorKind::InvalidData, alert));
    assert_eq!(Failure::of(&nested).cause, Cause::TooOld);
    assert_eq!(outcome_of(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)), Cause::NoCommonAlgorithm);
    assert_eq!(
        outcome_of(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)),
        Cause::ClientCertificate
    );
    assert_eq!(outcome_of(rustls::Error::AlertReceived(AlertDescription::InternalError)), Cause::Failed);
    assert_eq!(outcome_of(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)), Cause::NotTls);
    assert_eq!(outcome_of(rustls::Error::from(PeerIncompatible::ServerDoesNotSupportTls12Or13)), Cause::TooOld);
}

#[test]
fn errors_of_the_system_say_how_the_connection_ended() {
    for (kind, expected) in [
        (ErrorKind::ConnectionRefused, Cause::Refused),
        (ErrorKind::HostUnreachable, Cause::Unreachable),
        (ErrorKind::NetworkUnreachable, Cause::Unreachable),
        (ErrorKind::AddrNotAvailable, Cause::Unreachable),
        (ErrorKind::TimedOut, Cause::Timeout),
        (ErrorKind::ConnectionReset, Cause::Closed),
        (ErrorKind::UnexpectedEof, Cause::Closed),
        (ErrorKind::PermissionDenied, Cause::Failed),
    ] {
        assert_eq!(outcome_of(io::Error::from(kind)), expected, "{kind:?}");
    }
}

#[test]
fn words_of_strangers_are_short_and_visible() {
    assert_eq!(shown(b"a\x1b[31mb\xff\n"), "a\\u{1b}[31mb\\xff\\u{a}");
    assert_eq!(shown("é".repeat(500).as_bytes()), "é".repeat(500));
    let long = shown("é".repeat(501).as_bytes());
    assert_eq!(long.chars().count(), 500);
    assert!(long.ends_with('…'));
    assert_eq!(bounded(b"", 10), "");
}

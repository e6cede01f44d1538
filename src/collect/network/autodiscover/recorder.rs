//! What a server shows in a handshake is written down, and its certificate never refused: a preflight has to look at the
//! bad ones. No credentials may ever be sent over such a connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, ResolvesClientCert, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::collect::reach::failure::{Cause, Failure};

/// Writes down one handshake.
#[derive(Debug)]
pub(super) struct Recorder {
    algorithms: WebPkiSupportedAlgorithms,
    seen: Mutex<Seen>,
}

/// What was written down.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// TCP is through: the handshake began.
    pub started: bool,
    /// The certificates as sent.
    pub chain: Vec<CertificateDer<'static>>,
    /// Such as `TLSv1.3`.
    pub protocol: Option<&'static str>,
    /// Whether the server proved that the key of its certificate is its own.
    pub signature: Signature,
    /// The server asked for a certificate of the client.
    pub wants_certificate: bool,
}

impl Seen {
    /// Why a connection failed, by what was seen of it: nothing is shown to a server that wants a certificate, and it may
    /// say so in many ways.
    pub(super) fn explained(&self, failure: Failure) -> Failure {
        match failure.cause {
            Cause::NoCommonAlgorithm | Cause::Closed | Cause::Failed if self.wants_certificate => {
                Failure { cause: Cause::ClientCertificate, ..failure }
            }
            _ => failure,
        }
    }
}

/// How a server proves that the key of its certificate is its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Signature {
    /// It did, or was not asked to yet.
    #[default]
    Held,
    /// It did not.
    Refused,
    /// It may have: the signature is of a kind that is not verified here.
    Unverified(String),
}

impl Recorder {
    /// A recorder for one connection, and the configuration that uses it.
    pub(super) fn new(
        provider: &Arc<CryptoProvider>,
        with_sni: bool,
    ) -> Result<(Arc<Self>, ClientConfig), rustls::Error> {
        let algorithms = provider.signature_verification_algorithms;
        let recorder = Arc::new(Self { algorithms, seen: Mutex::default() });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>)
            .with_client_cert_resolver(Arc::clone(&recorder) as Arc<dyn ResolvesClientCert>);
        config.enable_sni = with_sni;
        config.resumption = Resumption::store(Arc::clone(&recorder) as Arc<dyn ClientSessionStore>);
        Ok((recorder, config))
    }

    /// What was written down until now.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signed(
        &self,
        protocol: &'static str,
        verdict: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let mut seen = self.lock();
        seen.protocol = Some(protocol);
        seen.signature = match &verdict {
            Ok(_) => Signature::Held,
            Err(error) if is_unverified(error) => {
                Signature::Unverified("the handshake is signed in a way that is not verified here".to_owned())
            }
            Err(_) => Signature::Refused,
        };
        verdict
    }
}

/// Whether it is only that nothing here can judge a signature.
fn is_unverified(error: &rustls::Error) -> bool {
    use rustls::CertificateError::{
        UnsupportedSignatureAlgorithmContext, UnsupportedSignatureAlgorithmForPublicKeyContext,
    };
    use rustls::{Error, PeerIncompatible, PeerMisbehaved};
    matches!(
        error,
        Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon)
            | Error::PeerMisbehaved(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)
            | Error::InvalidCertificate(
                UnsupportedSignatureAlgorithmContext { .. } | UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
            )
    )
}

/// Nothing is ever shown to a server; that it asks is written down.
impl ResolvesClientCert for Recorder {
    fn resolve(&self, _authorities: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.lock().wants_certificate = true;
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(end_entity).chain(intermediates);
        self.lock().chain = all.map(|certificate| certificate.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed("TLSv1.2", verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed("TLSv1.3", verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Sessions are never kept, so that each handshake is a whole one. Being asked for one is how a connection below an HTTP
/// client tells that TCP is through.
impl ClientSessionStore for Recorder {
    fn set_kx_hint(&self, _server_name: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.lock().started = true;
        None
    }

    fn set_tls12_session(&self, _server_name: ServerName<'static>, _value: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.lock().started = true;
        None
    }

    fn remove_tls12_session(&self, _server_name: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _server_name: ServerName<'static>, _value: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.lock().started = true;
        None
    }
}

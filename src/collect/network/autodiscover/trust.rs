//! Name, trust and dates of a chain, each judged on its own: a verifier stops at the first trouble, and a certificate may
//! have several.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::{self, Parsed};
use super::recorder::Seen;
use super::trace::Shown;
use super::words::{Trusted, Validity};
use crate::collect::reach::tls;
use crate::model::Reason;

/// Whom we trust.
#[derive(Debug)]
pub(super) struct Trust {
    system: RootCertStore,
    extra: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// The roots of the system, and those of the files. The error names a file that cannot be read.
    pub(super) fn new(ca_files: &[PathBuf]) -> Result<Self, Reason> {
        Ok(Self::of(tls::system_roots(), tls::extra_roots(ca_files)?))
    }

    pub(super) fn of(system: RootCertStore, extra: RootCertStore) -> Self {
        Self { system, extra, provider: tls::provider() }
    }

    /// The cryptography to connect with.
    pub(super) fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// What a handshake showed; `None` when it did not come to a certificate that can be read. Also what the verifier
    /// said when it came to no verdict.
    pub(super) fn judge(&self, seen: &Seen, host: &str, now: i64) -> Option<(Shown, Option<String>)> {
        let leaf = certificate::parse(seen.chain.first()?)?;
        let parsed: Vec<Option<Parsed>> = seen.chain.iter().map(|der| certificate::parse(der)).collect();
        let dates = self.dates(&seen.chain, &parsed);
        let (mut trust, mut detail) = self.trust(&seen.chain, &leaf, &dates, now);
        if seen.signature_refused {
            (trust, detail) = (Trusted::BadSignature, None);
        }
        let chain = parsed.into_iter().map(|parsed| parsed.map_or_else(certificate::unreadable, |p| p.certificate));
        let shown = Shown {
            protocol: seen.protocol.map(str::to_owned),
            name_matches: name_matches(seen.chain.first()?, host),
            names: leaf.names,
            trust,
            validity: validity(&dates, now),
            expires_at: dates.iter().map(|(_, not_after)| *not_after).min().unwrap_or_default(),
            sha256: leaf.sha256,
            key: leaf.key,
            chain: chain.collect(),
        };
        Some((shown, detail))
    }

    /// The dates that count: of the server's own certificate, and of those above it. A root is left out, and so is what
    /// stands for a root that the system has itself (a cross-signed one): its dates matter to nobody.
    fn dates(&self, chain: &[CertificateDer<'_>], parsed: &[Option<Parsed>]) -> Vec<(i64, i64)> {
        let counts = |position: usize, parsed: &Parsed| {
            position == 0
                || !(parsed.is_self_issued
                    || chain
                        .get(position)
                        .is_some_and(|der| is_anchor(&self.system, der) || is_anchor(&self.extra, der)))
        };
        let all = parsed.iter().enumerate().filter_map(|(position, parsed)| Some((position, parsed.as_ref()?)));
        all.filter(|(position, parsed)| counts(*position, parsed))
            .map(|(_, parsed)| (parsed.certificate.not_before, parsed.certificate.not_after))
            .collect()
    }

    fn trust(
        &self,
        chain: &[CertificateDer<'_>],
        leaf: &Parsed,
        dates: &[(i64, i64)],
        now: i64,
    ) -> (Trusted, Option<String>) {
        let moments = moments(dates, now);
        let Some(first) = chain.first() else { return (Trusted::Unknown, None) };
        let mut refusal = None;
        for (roots, trust) in [(&self.system, Trusted::System), (&self.extra, Trusted::Extra)] {
            if is_anchor(roots, first) {
                return (trust, None);
            }
            match self.verify(chain, roots, &moments) {
                Ok(()) => return (trust, None),
                // What the system's roots say is as good, unless it is only that they do not know the issuer.
                Err(error) if refusal.is_none() || !is_unknown_issuer(&error) => refusal = Some(error),
                Err(_) => {}
            }
        }
        if leaf.is_self_issued {
            return (Trusted::SelfSigned, None);
        }
        match refusal {
            Some(error) if is_signature(&error) => (Trusted::BadSignature, None),
            Some(error) if is_unknown_issuer(&error) => {
                let is_alone = chain.iter().all(|other| other == first);
                let trust =
                    if is_alone && leaf.has_issuer_address { Trusted::IncompleteChain } else { Trusted::UnknownIssuer };
                (trust, None)
            }
            refusal => (Trusted::Unknown, refusal.map(|error| error.to_string())),
        }
    }

    /// Whether the chain leads to one of the roots, at one of the moments. An error that is not about dates goes first:
    /// at a wrong moment only dates are seen.
    fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        roots: &RootCertStore,
        moments: &[i64],
    ) -> Result<(), rustls::Error> {
        let Some((first, rest)) = chain.split_first() else { return Err(rustls::Error::NoCertificatesPresented) };
        let parsed = ParsedCertificate::try_from(first)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let mut refusal = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let mut is_about_dates = true;
        for moment in moments {
            let seconds = u64::try_from(*moment).unwrap_or_default();
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            match verify_server_cert_signed_by_trust_anchor(&parsed, roots, rest, time, algorithms) {
                Ok(()) => return Ok(()),
                Err(error) if is_about_dates => {
                    is_about_dates = is_date(&error);
                    refusal = error;
                }
                Err(_) => {}
            }
        }
        Err(refusal)
    }
}

/// When to judge the trust of a chain that may be out of date: now; then the last moment of the certificate itself; then
/// the last and the first moment at which all of the chain was valid, for an intermediate may be younger or older.
fn moments(dates: &[(i64, i64)], now: i64) -> Vec<i64> {
    let own = dates.first().map(|(_, not_after)| not_after - 1);
    let last = dates.iter().map(|(_, not_after)| not_after - 1).min();
    let first = dates.iter().map(|(not_before, _)| not_before + 1).max();
    let mut moments = vec![now];
    for moment in [own, last, first].into_iter().flatten() {
        if !moments.contains(&moment) {
            moments.push(moment);
        }
    }
    moments
}

/// The worst of the dates: what is over is worse than what has not begun.
fn validity(dates: &[(i64, i64)], now: i64) -> Validity {
    if dates.iter().any(|(_, not_after)| now > *not_after) {
        Validity::Expired
    } else if dates.iter().any(|(not_before, _)| now < *not_before) {
        Validity::NotYetValid
    } else {
        Validity::Valid
    }
}

/// Whether the certificate is for the host: by its subject alternative names alone, as browsers do (RFC 9525).
fn name_matches(der: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(der), ServerName::try_from(host)) else { return false };
    verify_server_name(&parsed, &name).is_ok()
}

/// Whether the certificate is one of the roots: same subject, same key.
fn is_anchor(roots: &RootCertStore, der: &CertificateDer<'_>) -> bool {
    let mut own = RootCertStore::empty();
    if own.add(der.clone()).is_err() {
        return false;
    }
    own.roots.iter().any(|own| {
        let is_same = |root: &rustls_pki_types::TrustAnchor<'_>| {
            root.subject == own.subject && root.subject_public_key_info == own.subject_public_key_info
        };
        roots.roots.iter().any(is_same)
    })
}

fn is_date(error: &rustls::Error) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(
        error,
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
    )
}

fn is_unknown_issuer(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
}

/// A signature that does not fit, or whose algorithm nobody accepts any more (SHA-1, short RSA keys).
fn is_signature(error: &rustls::Error) -> bool {
    use CertificateError::{
        BadSignature, UnsupportedSignatureAlgorithmContext, UnsupportedSignatureAlgorithmForPublicKeyContext,
    };
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            BadSignature
                | UnsupportedSignatureAlgorithmContext { .. }
                | UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        )
    )
}

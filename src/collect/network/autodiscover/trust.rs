//! Name, trust and dates of a chain, each judged on its own: a verifier stops at the first trouble, and a certificate may
//! have several.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate::{self, Parsed};
use super::recorder::{Seen, Signature};
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

    /// What a handshake showed; `None` when it did not come to a certificate that can be read. Also what is to be said
    /// where there is no verdict.
    pub(super) fn judge(&self, seen: &Seen, host: &str, now: i64) -> Option<(Shown, Option<String>)> {
        let leaf = certificate::parse(seen.chain.first()?)?;
        let parsed: Vec<Option<Parsed>> = seen.chain.iter().map(|der| certificate::parse(der)).collect();
        let verdict = match &seen.signature {
            Signature::Held => self.trust(&seen.chain, &leaf, &parsed, now),
            Signature::Refused => Verdict::of(Trusted::BadSignature),
            Signature::Unverified(why) => Verdict::unknown(why.clone()),
        };
        let dates = self.dates(&seen.chain, &parsed, verdict.path.as_deref());
        let chain = parsed.into_iter().map(|parsed| parsed.map_or_else(certificate::unreadable, |p| p.certificate));
        let shown = Shown {
            protocol: seen.protocol.map(str::to_owned),
            name_matches: name_matches(seen.chain.first()?, host),
            names: leaf.names,
            trust: verdict.trust,
            missing_issuer: verdict.missing_issuer,
            validity: validity(&dates, now),
            expires_at: dates.iter().map(|(_, not_after)| *not_after).min().unwrap_or_default(),
            sha256: leaf.sha256,
            key: leaf.key,
            chain: chain.collect(),
        };
        Some((shown, verdict.detail))
    }

    /// The dates that count: of the server's own certificate, and of those above it that its path goes through. Without a
    /// path all of them count but the roots, and what stands for a root that the system has itself (a cross-signed one).
    fn dates(
        &self,
        chain: &[CertificateDer<'_>],
        parsed: &[Option<Parsed>],
        path: Option<&[CertificateDer<'_>]>,
    ) -> Vec<(i64, i64)> {
        let counts = |position: usize, der: &CertificateDer<'_>, parsed: &Parsed| match path {
            _ if position == 0 => true,
            Some(path) => path.contains(der),
            None => !(parsed.is_self_issued || is_anchor(&self.system, der) || is_anchor(&self.extra, der)),
        };
        let all = chain.iter().zip(parsed).enumerate();
        all.filter_map(|(position, (der, parsed))| Some((position, der, parsed.as_ref()?)))
            .filter(|(position, der, parsed)| counts(*position, der, parsed))
            .map(|(_, _, parsed)| (parsed.certificate.not_before, parsed.certificate.not_after))
            .collect()
    }

    fn trust(&self, chain: &[CertificateDer<'_>], leaf: &Parsed, parsed: &[Option<Parsed>], now: i64) -> Verdict {
        let moments = moments(&self.dates(chain, parsed, None), now);
        let mut refusal = webpki::Error::UnknownIssuer;
        for (roots, trust) in [(&self.system, Trusted::System), (&self.extra, Trusted::Extra)] {
            if chain.first().is_some_and(|first| is_anchor(roots, first)) {
                return Verdict { path: Some(Vec::new()), ..Verdict::of(trust) };
            }
            match self.verify(chain, roots, &moments) {
                Ok(path) => return Verdict { path: Some(path), ..Verdict::of(trust) },
                // What the system's roots say is as good, unless it is only that they do not know the issuer.
                Err(error) if !matches!(error, webpki::Error::UnknownIssuer) => refusal = error,
                Err(_) => {}
            }
        }
        match refusal {
            _ if leaf.is_self_issued => Verdict::of(Trusted::SelfSigned),
            webpki::Error::UnknownIssuer => self.unknown_issuer(chain, parsed),
            webpki::Error::InvalidSignatureForPublicKey | webpki::Error::SignatureAlgorithmMismatch => {
                Verdict::of(Trusted::BadSignature)
            }
            error => Verdict::unknown(doubt(&error, parsed)),
        }
    }

    /// Nobody who is trusted has signed the chain: a certificate is missing in it, or nobody knows its authority. It is
    /// missing where it could be fetched, or where another one of a known authority was sent in its place.
    fn unknown_issuer(&self, chain: &[CertificateDer<'_>], parsed: &[Option<Parsed>]) -> Verdict {
        let Some(last) = last_linked(parsed) else { return Verdict::of(Trusted::UnknownIssuer) };
        let is_signed_by = |roots: &RootCertStore, der: &CertificateDer<'_>| {
            webpki::EndEntityCert::try_from(der)
                .is_ok_and(|other| roots.roots.iter().any(|root| root.subject.as_ref() == other.issuer()))
        };
        let leads_to_root = |der: &CertificateDer<'_>| {
            [&self.system, &self.extra].into_iter().any(|roots| is_anchor(roots, der) || is_signed_by(roots, der))
        };
        if last.has_issuer_address || chain.iter().skip(1).any(leads_to_root) {
            let missing_issuer = Some(last.certificate.issuer.clone());
            return Verdict { missing_issuer, ..Verdict::of(Trusted::IncompleteChain) };
        }
        Verdict::of(Trusted::UnknownIssuer)
    }

    /// The certificates through which the chain leads to one of the roots, at one of the moments. An error that is not
    /// about dates goes first: at a wrong moment only dates are seen.
    fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        roots: &RootCertStore,
        moments: &[i64],
    ) -> Result<Vec<CertificateDer<'static>>, webpki::Error> {
        let Some((first, rest)) = chain.split_first() else { return Err(webpki::Error::UnknownIssuer) };
        let own = webpki::EndEntityCert::try_from(first)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let mut refusal = webpki::Error::UnknownIssuer;
        let mut is_about_dates = true;
        for moment in moments {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(*moment).unwrap_or_default()));
            let usage = webpki::KeyUsage::server_auth();
            match own.verify_for_usage(algorithms, &roots.roots, rest, time, usage, None, None) {
                Ok(path) => {
                    return Ok(path.intermediate_certificates().map(|above| above.der().into_owned()).collect());
                }
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

/// Whom a chain leads to.
struct Verdict {
    trust: Trusted,
    /// What is to be said of it.
    detail: Option<String>,
    /// Who has signed what nobody else has: the certificate to be appended.
    missing_issuer: Option<String>,
    /// The certificates between the server's own and the root.
    path: Option<Vec<CertificateDer<'static>>>,
}

impl Verdict {
    fn of(trust: Trusted) -> Self {
        Self { trust, detail: None, missing_issuer: None, path: None }
    }

    fn unknown(detail: String) -> Self {
        Self { detail: Some(detail), ..Self::of(Trusted::Unknown) }
    }
}

/// The certificate whose issuer was not sent, following the issuers from the server's own; none when the last one has
/// signed itself.
fn last_linked(parsed: &[Option<Parsed>]) -> Option<&Parsed> {
    let sent: Vec<&Parsed> = parsed.iter().flatten().collect();
    let mut last = *sent.first()?;
    // No chain is longer than what was sent.
    for _ in 0..sent.len() {
        if last.is_self_issued {
            return None;
        }
        match sent.iter().find(|other| other.subject_raw == last.issuer_raw) {
            Some(above) => last = above,
            None => return Some(last),
        }
    }
    None
}

/// Why there is no verdict, in words: clients may well judge what is not judged here.
fn doubt(error: &webpki::Error, parsed: &[Option<Parsed>]) -> String {
    use webpki::Error::{
        CaUsedAsEndEntity, NameConstraintViolation, PathLenConstraintViolated, RequiredEkuNotFoundContext,
        UnsupportedCertVersion, UnsupportedCriticalExtension, UnsupportedSignatureAlgorithmContext,
        UnsupportedSignatureAlgorithmForPublicKeyContext,
    };
    let of_all = |what: fn(&Parsed) -> &str| {
        let mut all: Vec<&str> = parsed.iter().flatten().map(what).filter(|text| !text.is_empty()).collect();
        all.dedup();
        all.join(", ")
    };
    match error {
        UnsupportedSignatureAlgorithmContext(_) | UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            format!("a signature of a kind that is not verified here: {}", of_all(|parsed| &parsed.signature))
        }
        CaUsedAsEndEntity => {
            "it is the certificate of an authority, which not every client takes for a server's".to_owned()
        }
        UnsupportedCertVersion => "it is of an old version of X.509, which not every client takes".to_owned(),
        UnsupportedCriticalExtension => {
            format!("it has a critical extension that is not known here: {}", of_all(|parsed| &parsed.critical))
        }
        RequiredEkuNotFoundContext(_) => "its use is limited to something else than servers".to_owned(),
        NameConstraintViolation => "its authority may not certify this name".to_owned(),
        PathLenConstraintViolated => "its authority may not have another one below it".to_owned(),
        other => format!("it does not keep to RFC 5280: {other:?}"),
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

/// Whether the certificate is for the host: by its subject alternative names alone, as browsers do (RFC 9525); none when the
/// certificate is one whose names cannot be told.
fn name_matches(der: &CertificateDer<'_>, host: &str) -> Option<bool> {
    let parsed = ParsedCertificate::try_from(der).ok()?;
    let Ok(name) = ServerName::try_from(host) else { return Some(false) };
    Some(verify_server_name(&parsed, &name).is_ok())
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

fn is_date(error: &webpki::Error) -> bool {
    matches!(error, webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. })
}

#[cfg(test)]
mod tests;

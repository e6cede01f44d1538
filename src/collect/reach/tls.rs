//! Trust for TLS connections: what the system trusts, and the certificates that the configuration adds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::model::Reason;
use crate::model::reason::{Files, Run};

/// A configuration that verifies servers. The error names the file of a certificate that cannot be read.
pub(in crate::collect) fn client_config(ca_files: &[PathBuf]) -> Result<ClientConfig, Reason> {
    let mut roots = system_roots();
    roots.extend(extra_roots(ca_files)?.roots);
    let mut config = trusting(roots.clone())?;
    // Without any root there is nobody to believe, and no verifier of that kind.
    if let Ok(by_roots) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build() {
        let listed = ca_files.iter().flat_map(|path| certificates(path)).flatten().collect();
        config.dangerous().set_certificate_verifier(Arc::new(Listed { by_roots, listed }));
    }
    Ok(config)
}

/// Verifies as ever, and takes a server's own certificate that the configuration lists: one that signed itself is an
/// authority's in most cases, which no verifier lets stand for a server.
#[derive(Debug)]
struct Listed {
    by_roots: Arc<WebPkiServerVerifier>,
    listed: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Listed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.by_roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if verdict.is_err() && self.listed.contains(end_entity) && is_in_time(end_entity, now) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_roots.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_roots.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_roots.supported_verify_schemes()
    }
}

fn is_in_time(certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return false };
    let validity = parsed.validity();
    let dates = validity.not_before.timestamp()..=validity.not_after.timestamp();
    i64::try_from(now.as_secs()).is_ok_and(|now| dates.contains(&now))
}

/// A configuration for a client that has to have one and makes plain connections only.
pub(in crate::collect) fn trusting_nobody() -> Result<ClientConfig, Reason> {
    trusting(RootCertStore::empty())
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, Reason> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Run::Broken { error: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The cryptography of every connection. It is handed over each time, for a default of the process could be anybody's.
pub(in crate::collect) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The roots of the system. A system without any certificate still has plain connections; a failed handshake says what
/// is missing.
pub(in crate::collect) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The certificates of the files. The error names the file of a certificate that cannot be read.
pub(in crate::collect) fn extra_roots(ca_files: &[PathBuf]) -> Result<RootCertStore, Reason> {
    let mut roots = RootCertStore::empty();
    for path in ca_files {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unreadable(path, &error))?;
        }
    }
    Ok(roots)
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Reason {
    Files::Unreadable { path: path.display().to_string(), error: error.to_string() }.into()
}

/// The certificates of a file, one at least: many in PEM, whatever stands before and between them, or one in DER.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Reason> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    // Windows puts a mark in front of a text.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| unreadable(path, &error))?;
    let is_der = || x509_parser::parse_x509_certificate(&bytes).is_ok_and(|(rest, _)| rest.is_empty());
    match found.is_empty() {
        false => Ok(found),
        true if is_der() => Ok(vec![CertificateDer::from(bytes)]),
        true => Err(Files::NoCertificate { path: path.display().to_string() }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_come_in_der_and_in_pem_with_a_mark_or_words_around() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["d.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca");
        let pem = certificate.pem();
        for bytes in [
            certificate.der().to_vec(),
            pem.clone().into_bytes(),
            format!("\u{feff}{}", pem.replace('\n', "\r\n")).into_bytes(),
            format!("subject=CN = x\n{pem}").into_bytes(),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(certificates(&path).unwrap(), [certificate.der().clone()]);
        }
        for bytes in [b"".as_slice(), b"nothing", &certificate.der()[..40]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(certificates(&path).unwrap_err().to_string().contains("no certificate in it"));
        }
    }
}

//! Trust for TLS connections: what the system trusts, and the certificates that the configuration adds.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::model::Reason;
use crate::model::reason::{Files, Run};

/// A configuration that verifies servers. The error names the file of a certificate that cannot be read.
pub(in crate::collect) fn client_config(ca_files: &[PathBuf]) -> Result<ClientConfig, Reason> {
    let mut roots = system_roots();
    roots.extend(extra_roots(ca_files)?.roots);
    trusting(roots)
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
        let shown = path.display().to_string();
        let fail = |error: &dyn std::fmt::Display| Files::Unreadable { path: shown.clone(), error: error.to_string() };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fail(&error))? {
            let certificate = certificate.map_err(|error| fail(&error))?;
            roots.add(certificate).map_err(|error| fail(&error))?;
        }
        if roots.len() == before {
            return Err(Files::NoCertificate { path: shown }.into());
        }
    }
    Ok(roots)
}

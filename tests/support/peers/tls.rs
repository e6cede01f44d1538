//! Authorities, certificates, and servers that show them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use super::socket::{Peer, until_closed};

/// 2020-01-01, when certificates begin unless said otherwise.
pub(crate) const BEGIN: i64 = 1_577_836_800;
/// 2100-01-01, when they end.
pub(crate) const END: i64 = 4_102_444_800;

/// An authority that signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) certificate: CertificateDer<'static>,
    pem: String,
    /// What a server sends above a certificate of this authority: nothing for a root.
    above: Vec<CertificateDer<'static>>,
}

impl Authority {
    /// A root.
    pub(crate) fn root(common_name: &str) -> Self {
        let (params, key) = (authority_params(common_name, BEGIN, END), KeyPair::generate().unwrap());
        let signed = params.self_signed(&key).unwrap();
        let (certificate, pem) = (signed.der().clone(), signed.pem());
        Self { issuer: Issuer::new(params, key), certificate, pem, above: Vec::new() }
    }

    /// The authority that BlueMind makes when it is installed.
    pub(crate) fn bluemind() -> Self {
        Self::root("ca-bm-1699999999.blue-mind.net")
    }

    /// An intermediate below this one.
    pub(crate) fn intermediate(&self, common_name: &str) -> Self {
        self.intermediate_valid(common_name, BEGIN, END)
    }

    /// An intermediate with its own dates, in seconds since the epoch.
    pub(crate) fn intermediate_valid(&self, common_name: &str, begin: i64, end: i64) -> Self {
        let (params, key) = (authority_params(common_name, begin, end), KeyPair::generate().unwrap());
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate, pem) = (signed.der().clone(), signed.pem());
        let mut above = vec![certificate.clone()];
        above.extend_from_slice(&self.above);
        Self { issuer: Issuer::new(params, key), certificate, pem, above }
    }

    /// Signs a certificate.
    pub(crate) fn issue(&self, leaf: &Leaf) -> Identity {
        let key = KeyPair::generate().unwrap();
        let signed = leaf.params().signed_by(&key, &self.issuer).unwrap();
        let mut chain = vec![signed.der().clone()];
        chain.extend_from_slice(&self.above);
        Identity { chain, pem: signed.pem(), key: signing_key(&key) }
    }

    /// Its certificate as a file has it.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }
}

fn authority_params(common_name: &str, begin: i64, end: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(Some(common_name));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = (date(begin), date(end));
    params
}

fn named(common_name: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(common_name) = common_name {
        name.push(DnType::CommonName, common_name);
    }
    name
}

fn date(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn signing_key(key: &KeyPair) -> Arc<dyn SigningKey> {
    rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap()
}

/// What a server's certificate is to say.
#[derive(Clone)]
pub(crate) struct Leaf {
    names: Vec<String>,
    common_name: String,
    begin: i64,
    end: i64,
    has_issuer_address: bool,
    is_ca: bool,
    usage: ExtendedKeyUsagePurpose,
}

impl Leaf {
    /// For these names and addresses, the first one also its common name.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            common_name: names.first().copied().unwrap_or("nameless").to_owned(),
            begin: BEGIN,
            end: END,
            has_issuer_address: false,
            is_ca: false,
            usage: ExtendedKeyUsagePurpose::ServerAuth,
        }
    }

    /// For a name that is only its common name, as certificates were made of old.
    pub(crate) fn common_name_only(name: &str) -> Self {
        Self { names: Vec::new(), ..Self::of(&[name]) }
    }

    /// With another common name.
    pub(crate) fn named(self, common_name: &str) -> Self {
        Self { common_name: common_name.to_owned(), ..self }
    }

    /// With its own dates, in seconds since the epoch.
    pub(crate) fn valid(self, begin: i64, end: i64) -> Self {
        Self { begin, end, ..self }
    }

    /// It says where its issuer can be fetched.
    pub(crate) fn with_issuer_address(self) -> Self {
        Self { has_issuer_address: true, ..self }
    }

    /// It is marked as an authority, as `openssl req -x509` does.
    pub(crate) fn marked_as_authority(self) -> Self {
        Self { is_ca: true, ..self }
    }

    /// It is for clients, not for servers.
    pub(crate) fn for_clients(self) -> Self {
        Self { usage: ExtendedKeyUsagePurpose::ClientAuth, ..self }
    }

    /// Signed by itself.
    pub(crate) fn self_signed(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let signed = self.params().self_signed(&key).unwrap();
        Identity { chain: vec![signed.der().clone()], pem: signed.pem(), key: signing_key(&key) }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::new(self.names.clone()).unwrap();
        params.distinguished_name = named(Some(&self.common_name));
        (params.not_before, params.not_after) = (date(self.begin), date(self.end));
        params.is_ca = if self.is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        params.extended_key_usages = vec![self.usage.clone()];
        if self.has_issuer_address {
            params.custom_extensions.push(issuer_address("http://ca.test/ca.crt"));
        }
        params
    }
}

/// Authority information access with one caIssuers (RFC 5280, 4.2.2.1), in DER by hand.
fn issuer_address(url: &str) -> CustomExtension {
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let mut place = vec![6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, length(url.as_bytes())];
    place.extend_from_slice(url.as_bytes());
    let mut content = vec![0x30, length(&place) + 2, 0x30, length(&place)];
    content.extend_from_slice(&place);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}

/// What a server shows, and the key to it.
#[derive(Clone)]
pub(crate) struct Identity {
    /// As sent, its own first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Its own certificate as a file has it.
    pub(crate) pem: String,
    key: Arc<dyn SigningKey>,
}

impl Identity {
    /// The certificates that are sent.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Without what is above its own certificate.
    pub(crate) fn alone(mut self) -> Self {
        self.chain.truncate(1);
        self
    }

    /// Followed by another certificate, such as the root.
    pub(crate) fn followed_by(mut self, certificate: &CertificateDer<'static>) -> Self {
        self.chain.push(certificate.clone());
        self
    }

    /// Somebody else's certificate: signatures are made up. It stands for keys that cannot be used here any more.
    pub(crate) fn without_key(pem: &str) -> Self {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        Self { chain: vec![certificate], pem: pem.to_owned(), key: Arc::new(NoKey) }
    }
}

#[derive(Debug)]
struct NoKey;

impl SigningKey for NoKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::RSA_PSS_SHA256).then(|| Box::new(Self) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for NoKey {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(vec![1; 128])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}

/// What a TLS server shows to whom.
#[derive(Clone)]
pub(crate) struct Tls {
    default: Option<Identity>,
    hosts: BTreeMap<String, Identity>,
    is_tls12_only: bool,
}

impl Tls {
    /// The same to everybody.
    pub(crate) fn of(identity: Identity) -> Self {
        Self { default: Some(identity), hosts: BTreeMap::new(), is_tls12_only: false }
    }

    /// Nothing to those who name no host that is known.
    pub(crate) fn only_by_name() -> Self {
        Self { default: None, hosts: BTreeMap::new(), is_tls12_only: false }
    }

    /// Another certificate to those who name `host`.
    pub(crate) fn host(mut self, host: &str, identity: Identity) -> Self {
        self.hosts.insert(host.to_owned(), identity);
        self
    }

    /// Nothing above TLS 1.2, as nginx of BlueMind 4.
    pub(crate) fn tls12_only(self) -> Self {
        Self { is_tls12_only: true, ..self }
    }

    /// For `rustls`.
    pub(crate) fn config(self) -> Arc<ServerConfig> {
        let versions = if self.is_tls12_only { vec![&rustls::version::TLS12] } else { rustls::ALL_VERSIONS.to_vec() };
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_protocol_versions(&versions).unwrap().with_no_client_auth();
        Arc::new(builder.with_cert_resolver(Arc::new(Resolver(self))))
    }

    /// A server that shakes hands and waits.
    pub(crate) fn serve(self) -> Peer {
        let config = self.config();
        Peer::start(move |stream| until_closed(secured(stream, &config)))
    }
}

struct Resolver(Tls);

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.0.hosts.get(name));
        let identity = named.or(self.0.default.as_ref())?;
        Some(Arc::new(CertifiedKey::new(identity.chain.clone(), Arc::clone(&identity.key))))
    }
}

/// A connection behind TLS; the handshake comes with the first byte that is read.
pub(crate) fn secured(stream: TcpStream, config: &Arc<ServerConfig>) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream)
}

/// Answers as a server does that has nothing newer than TLS 1.0: with the alert `protocol_version`.
pub(crate) fn too_old() -> Peer {
    Peer::start(|mut stream| {
        let read = stream.read(&mut [0; 4096]);
        drop(read.and_then(|_| stream.write_all(&[0x15, 3, 1, 0, 2, 2, 0x46])));
        until_closed(stream);
    })
}

//! A certificate as facts: DER in, columns out, never a panic (RFC 5280).

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::Oid;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry as oids;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::trace::{Certificate, Key};
use crate::collect::reach::failure::{bounded, shown};

/// The longest list of names that is kept, in characters: a certificate may hold thousands.
const LONGEST_NAMES: usize = 4000;

/// A certificate, and what is only needed to judge it.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    /// The facts.
    pub certificate: Certificate,
    /// Subject alternative names, separated by spaces.
    pub names: String,
    /// Fingerprint in hexadecimal.
    pub sha256: String,
    /// The public key.
    pub key: Key,
    /// Subject, byte for byte.
    pub subject_raw: Vec<u8>,
    /// Issuer, byte for byte.
    pub issuer_raw: Vec<u8>,
    /// Subject and issuer are the same.
    pub is_self_issued: bool,
    /// How it was signed: the name of the algorithm, or its number.
    pub signature: String,
    /// The critical extensions that no name is known of, by their numbers.
    pub critical: String,
    /// It says where its issuer can be fetched.
    pub has_issuer_address: bool,
}

/// Reads a certificate; `None` when it is none.
pub(super) fn parse(der: &[u8]) -> Option<Parsed> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let key = certificate.public_key();
    let (algorithm, bits) = key_facts(key);
    let validity = certificate.validity();
    Some(Parsed {
        names: names(&certificate),
        sha256: fingerprint(der),
        key: Key { algorithm, bits, sha256: fingerprint(key.raw) },
        subject_raw: certificate.subject().as_raw().to_vec(),
        issuer_raw: certificate.issuer().as_raw().to_vec(),
        is_self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        signature: name_of(&certificate.signature_algorithm.algorithm),
        critical: critical(&certificate),
        has_issuer_address: has_issuer_address(&certificate),
        certificate: Certificate {
            subject: shown(certificate.subject().to_string().as_bytes()),
            issuer: shown(certificate.issuer().to_string().as_bytes()),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        },
    })
}

/// The row of something that was sent as a certificate and is none.
pub(super) fn unreadable() -> Certificate {
    Certificate { subject: "(unreadable)".to_owned(), issuer: String::new(), not_before: 0, not_after: 0 }
}

/// SHA-256 in hexadecimal.
fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn algorithm_name(oid: &oids::Oid<'_>) -> String {
    let name = x509_parser::objects::oid2sn(oid, x509_parser::objects::oid_registry());
    name.map_or_else(|_| oid.to_string(), str::to_owned)
}

/// Algorithm and size in bits. The size of an RSA key is that of its modulus, of an elliptic curve that of its field.
fn key_facts(key: &SubjectPublicKeyInfo<'_>) -> (String, i64) {
    let oid = &key.algorithm.algorithm;
    if *oid == oids::OID_PKCS1_RSAENCRYPTION {
        return ("RSA".to_owned(), rsa_bits(key));
    }
    if *oid == oids::OID_PKCS1_RSASSAPSS {
        // Only the algorithm differs, the key is written alike (RFC 4055, 1.2).
        let mut plain = key.clone();
        plain.algorithm.algorithm = oids::OID_PKCS1_RSAENCRYPTION;
        return ("RSA-PSS".to_owned(), rsa_bits(&plain));
    }
    if *oid == oids::OID_KEY_TYPE_EC_PUBLIC_KEY {
        return ("EC".to_owned(), curve_bits(key));
    }
    if *oid == oids::OID_SIG_ED25519 {
        return ("Ed25519".to_owned(), 256);
    }
    if *oid == oids::OID_SIG_ED448 {
        return ("Ed448".to_owned(), 456);
    }
    let bits = key.parsed().map_or(0, |parsed| parsed.key_size());
    (algorithm_name(oid), i64::try_from(bits).unwrap_or(i64::MAX))
}

/// x509-parser takes one byte off the modulus whether or not it is a leading zero, so the bits are counted here.
fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> i64 {
    let Ok(PublicKey::RSA(key)) = key.parsed() else { return 0 };
    let digits: Vec<u8> = key.modulus.iter().copied().skip_while(|byte| *byte == 0).collect();
    let unused = digits.first().map_or(0, |byte| byte.leading_zeros());
    i64::try_from(digits.len()).unwrap_or(0).saturating_mul(8) - i64::from(unused)
}

fn curve_bits(key: &SubjectPublicKeyInfo<'_>) -> i64 {
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    match curve {
        Some(oid) if oid == oids::OID_EC_P256 => 256,
        Some(oid) if oid == oids::OID_NIST_EC_P384 => 384,
        Some(oid) if oid == oids::OID_NIST_EC_P521 => 521,
        _ => key.parsed().map_or(0, |parsed| i64::try_from(parsed.key_size()).unwrap_or(0)),
    }
}

fn names(certificate: &X509Certificate<'_>) -> String {
    let mut text = String::new();
    let extensions = certificate.extensions().iter().map(|extension| extension.parsed_extension());
    let alternatives = extensions.filter_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    let mut left = LONGEST_NAMES;
    for name in alternatives.flatten().filter_map(name) {
        let length = name.chars().count() + 1;
        if length > left {
            text.push('…');
            break;
        }
        left -= length;
        text.push_str(&name);
        text.push(' ');
    }
    text.trim_end().to_owned()
}

/// A name of a host. A space in it would look like two names, so it becomes visible.
fn name(name: &GeneralName<'_>) -> Option<String> {
    let text = match name {
        GeneralName::DNSName(name) => bounded(name.as_bytes(), 300),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(bytes), _) => Ipv4Addr::from(bytes).to_string(),
            (_, Ok(bytes)) => Ipv6Addr::from(bytes).to_string(),
            _ => return None,
        },
        // The tag 2 is that of a DNS name whose bytes are no text (RFC 5280, 4.2.1.6).
        GeneralName::Invalid(tag, bytes) if tag.0 == 2 => bounded(bytes, 300),
        _ => return None,
    };
    (!text.is_empty()).then(|| text.split(char::is_whitespace).collect::<Vec<_>>().join("\\x20"))
}

/// The name of an algorithm, else its number.
fn name_of(oid: &Oid<'_>) -> String {
    oids::OidRegistry::default()
        .with_crypto()
        .get(oid)
        .map_or_else(|| oid.to_id_string(), |entry| entry.sn().to_owned())
}

fn critical(certificate: &X509Certificate<'_>) -> String {
    let unknown = certificate.extensions().iter().filter(|extension| {
        extension.critical && matches!(extension.parsed_extension(), ParsedExtension::UnsupportedExtension { .. })
    });
    let numbers: Vec<String> = unknown.map(|extension| extension.oid.to_id_string()).collect();
    bounded(numbers.join(", ").as_bytes(), 200)
}

fn has_issuer_address(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().any(|place| place.access_method == oids::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests;

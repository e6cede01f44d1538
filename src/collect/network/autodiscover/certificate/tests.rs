use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::super::peers::stand_ins::tls::{Authority, Leaf};
use super::*;

fn fixture(pem: &str) -> Parsed {
    parse(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_size_of_a_key_is_that_of_its_modulus() {
    let weak = fixture(include_str!("../../../../../fixtures/formats/tls/rsa1024.pem"));
    assert_eq!((weak.key.algorithm.as_str(), weak.key.bits), ("RSA", 1024));
    assert_eq!(weak.names, "d.test autodiscover.d.test");
    assert!(weak.is_self_issued);
    let old = fixture(include_str!("../../../../../fixtures/formats/tls/rsa3072-sha1.pem"));
    assert_eq!(old.key.bits, 3072);
}

#[test]
fn thousands_of_names_are_cut_between_two() {
    let names: Vec<String> = (0..1000).map(|n| format!("name{n}.d.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let parsed = parse(&Authority::root("Root").issue(&Leaf::of(&names)).chain[0]).unwrap();
    assert!(parsed.names.chars().count() <= LONGEST_NAMES + 1);
    assert!(parsed.names.ends_with(".d.test …"), "{}", parsed.names);
}

#[test]
fn odd_bytes_in_names_stay_visible() {
    let name = |bytes: &'static [u8]| name(&GeneralName::Invalid(x509_parser::asn1_rs::Tag(2), bytes));
    assert_eq!(name(b"a b\n\xff").as_deref(), Some("a\\x20b\\u{a}\\xff"));
    assert_eq!(name(b""), None);
    assert_eq!(super::name(&GeneralName::IPAddress(&[1, 2, 3])), None);
    let ipv6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(super::name(&GeneralName::IPAddress(&ipv6)).as_deref(), Some("2001:db8::1"));
}

#[test]
fn the_address_of_the_issuer_is_found() {
    let root = Authority::root("Root");
    assert!(parse(&root.issue(&Leaf::of(&["d.test"]).with_issuer_address()).chain[0]).unwrap().has_issuer_address);
    assert!(!parse(&root.issue(&Leaf::of(&["d.test"])).chain[0]).unwrap().has_issuer_address);
    assert!(parse(b"no certificate").is_none());
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_too_strange(
        changes in proptest::collection::vec((0_usize..1400, proptest::num::u8::ANY), 0..8),
        end in 0_usize..1500,
        noise: Vec<u8>,
    ) {
        parse(&noise);
        let pem = include_str!("../../../../../fixtures/formats/tls/rsa3072-sha1.pem");
        let mut der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
        for (place, byte) in changes {
            if let Some(old) = der.get_mut(place) {
                *old = byte;
            }
        }
        parse(&der);
        parse(&der[..end.min(der.len())]);
    }
}

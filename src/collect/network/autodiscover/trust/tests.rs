use std::path::Path;
use std::process::Command;

use rustls_pki_types::pem::PemObject;

use super::super::peers::stand_ins::tls::{Authority, BEGIN, END, Leaf};
use super::super::peers::tests::NOW;
use super::*;

const HOST: &str = "autodiscover.d.test";
const DAY: i64 = 86_400;

/// What is made of a chain by somebody who trusts `root`.
fn judged(root: &CertificateDer<'static>, chain: Vec<CertificateDer<'static>>) -> (Shown, Option<String>) {
    let mut system = RootCertStore::empty();
    system.add(root.clone()).unwrap();
    let seen = Seen { chain, ..Seen::default() };
    Trust::of(system, RootCertStore::empty()).judge(&seen, HOST, NOW).unwrap()
}

fn leaf() -> Leaf {
    Leaf::of(&[HOST])
}

#[test]
fn the_path_that_verifies_is_judged_and_not_all_that_was_sent() {
    let root = Authority::root("Root");
    let spare = root.intermediate_valid("Old", BEGIN, NOW - DAY);
    let identity = root.intermediate("Middle").issue(&leaf()).followed_by(&spare.certificate);
    let (shown, detail) = judged(&root.certificate, identity.chain().to_vec());
    assert_eq!((shown.trust.word(), shown.validity.word(), shown.expires_at), ("system", "valid", END));
    assert_eq!((shown.chain.len(), detail), (3, None));
    let needed = root.intermediate_valid("Middle", BEGIN, NOW - DAY).issue(&leaf());
    let (shown, _) = judged(&root.certificate, needed.chain().to_vec());
    assert_eq!((shown.trust.word(), shown.validity.word()), ("system", "expired"));
}

#[test]
fn a_chain_that_lacks_a_certificate_says_which() {
    let root = Authority::root("Root");
    let issue = || root.intermediate("Middle").issue(&leaf()).alone();
    for other in [root.intermediate("Other").certificate, root.certificate.clone()] {
        let (shown, _) = judged(&root.certificate, issue().followed_by(&other).chain().to_vec());
        assert_eq!((shown.trust.word(), shown.missing_issuer.as_deref()), ("incomplete_chain", Some("CN=Middle")));
    }
    let fetched = root.intermediate("Middle").issue(&leaf().with_issuer_address()).alone();
    let (shown, _) = judged(&root.certificate, fetched.chain().to_vec());
    assert_eq!((shown.trust.word(), shown.missing_issuer.as_deref()), ("incomplete_chain", Some("CN=Middle")));
    // An authority of one's own that sends its root is whole, and one that sends nothing above tells nothing.
    let own = Authority::root("Our own");
    for chain in [own.issue(&leaf()).followed_by(&own.certificate), own.intermediate("Below").issue(&leaf()).alone()] {
        let (shown, _) = judged(&root.certificate, chain.chain().to_vec());
        assert_eq!((shown.trust.word(), shown.missing_issuer), ("unknown_issuer", None));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test makes its certificates as administrators do")]
fn openssl(folder: &Path, arguments: &str) {
    let out = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(out.status.success(), "{arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

fn read(folder: &Path, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(folder.join(name)).unwrap()
}

/// What is not judged here may be judged by clients, and is said in words.
#[test]
fn what_cannot_be_judged_is_unknown_and_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    openssl(path, "req -x509 -nodes -newkey rsa:2048 -days 3650 -subj /CN=Root -keyout ca.key -out ca.pem");
    openssl(path, "req -nodes -newkey rsa:2048 -subj /CN=d.test -keyout leaf.key -out leaf.csr");
    let names = format!("subjectAltName=DNS:{HOST}\n");
    for (more, options, expected) in [
        (
            "",
            "-sha1",
            "a signature of a kind that is not verified here: sha1WithRSAEncryption, sha256WithRSAEncryption",
        ),
        (
            "1.2.3.4=critical,ASN1:UTF8String:x\n",
            "-sha256",
            "it has a critical extension that is not known here: 1.2.3.4",
        ),
        ("basicConstraints=critical,CA:TRUE\n", "-sha256", "it is the certificate of an authority"),
        ("extendedKeyUsage=clientAuth\n", "-sha256", "its use is limited to something else than servers"),
        ("v1", "-sha256", "it is of an old version of X.509"),
    ] {
        std::fs::write(path.join("ext"), format!("{names}{more}")).unwrap();
        let extensions = if more == "v1" { "" } else { " -extfile ext" };
        openssl(
            path,
            &format!(
                "x509 -req {options} -days 3600 -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial{extensions} -out leaf.pem"
            ),
        );
        let root = read(path, "ca.pem");
        let mut system = RootCertStore::empty();
        system.add(root.clone()).unwrap();
        let now = x509_parser::parse_x509_certificate(&root).unwrap().1.validity().not_before.timestamp() + DAY;
        let seen = Seen { chain: vec![read(path, "leaf.pem"), root], ..Seen::default() };
        let (shown, detail) = Trust::of(system, RootCertStore::empty()).judge(&seen, HOST, now).unwrap();
        assert_eq!(shown.trust.word(), "unknown", "{expected}");
        assert!(detail.as_deref().unwrap_or_default().starts_with(expected), "{detail:?}");
        assert_ne!(shown.name_matches, Some(false), "{expected}");
    }
}

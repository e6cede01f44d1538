use std::net::Ipv4Addr;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use super::*;

/// 2027-01-15, when all tests take place.
pub(in crate::collect::network::autodiscover) const NOW: i64 = 1_800_000_000;

/// Peers that trust these roots, with a limit of one second, connected to where `connect` says.
pub(in crate::collect::network::autodiscover) fn peers(
    roots: &[&CertificateDer<'static>],
    connect: &[(&str, SocketAddr)],
) -> Peers {
    let mut system = RootCertStore::empty();
    for root in roots {
        system.add((*root).clone()).unwrap();
    }
    let trust = Trust::of(system, RootCertStore::empty());
    Peers::trusting(trust, &config(connect), &Root::new("/"), NOW)
}

pub(in crate::collect::network::autodiscover) fn config(connect: &[(&str, SocketAddr)]) -> Config {
    let mut config = Config::default();
    config.probe.timeout_s = Some(1);
    config.probe.connect = connect.iter().map(|(name, to)| ((*name).to_owned(), *to)).collect();
    config
}

#[test]
fn the_configuration_says_where_to_connect() {
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let peers = peers(&[], &[("A.d.test:443", here(1)), ("127.0.0.1:443", here(2)), ("[2001:db8::1]:443", here(3))]);
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(peers.target("a.D.test.", address("192.0.2.1"), 443, false), here(1));
    assert_eq!(peers.target("a.d.test", address("127.0.0.1"), 443, true), here(2));
    assert_eq!(peers.target("b.d.test", address("2001:db8::1"), 443, false), here(3));
    assert_eq!(peers.target("a.d.test", address("192.0.2.1"), 80, false), "192.0.2.1:80".parse().unwrap());
}

#[tokio::test]
async fn two_connections_at_once_to_one_address_and_no_more() {
    let peers = peers(&[], &[]);
    let target = |text: &str| text.parse::<SocketAddr>().unwrap();
    let (first, _second) = (peers.turn(target("192.0.2.1:443")).await, peers.turn(target("192.0.2.1:80")).await);
    let is_let_in =
        async |text| tokio::time::timeout(Duration::from_millis(50), peers.turn(target(text))).await.is_ok();
    for taken in ["192.0.2.1:443", "192.0.2.1:8443", "[::ffff:192.0.2.1]:443"] {
        assert!(!is_let_in(taken).await, "{taken}");
    }
    assert!(is_let_in("192.0.2.2:443").await);
    drop(first);
    assert!(is_let_in("192.0.2.1:25").await);
}

#[test]
fn a_file_of_certificates_that_cannot_be_read_is_named() {
    let mut config = Config::default();
    config.probe.ca_files = vec!["/nowhere/ca.pem".into()];
    let error = Peers::new(&config, &Root::new("/"), NOW).err().unwrap().to_string();
    assert!(error.starts_with("/nowhere/ca.pem: "), "{error}");
}

use std::net::Ipv4Addr;

use rustls_pki_types::CertificateDer;

use super::super::peers::stand_ins::socket::{self, Peer};
use super::super::peers::stand_ins::tls::{self, Authority, BEGIN, END, Identity, Leaf, Tls};
use super::super::peers::tests::{NOW, config, peers};
use super::*;
use crate::collect::network::autodiscover::trace::Shown;

const HOST: &str = "autodiscover.d.test";
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DAY: i64 = 86_400;

fn names() -> Leaf {
    Leaf::of(&["d.test", HOST])
}

/// Shakes hands with `address` in the name of `HOST`.
async fn with(address: SocketAddr, roots: &[&CertificateDer<'static>]) -> Handshake {
    peers(roots, &[]).handshake(HOST, LOCALHOST, address.port(), true, false).await
}

/// What a server with this identity shows to somebody who trusts `root`.
async fn shown_by(identity: Identity, root: &Authority) -> Shown {
    let server = Tls::of(identity).serve();
    let handshake = with(server.address, &[&root.certificate]).await;
    assert_eq!(handshake.outcome.word(), "ok", "{:?}", handshake.detail);
    handshake.shown.unwrap()
}

#[tokio::test]
async fn a_good_server_is_shown_whole() {
    let root = Authority::root("Root");
    let identity = root.intermediate("Middle").issue(&Leaf::of(&["d.test", HOST, "192.0.2.1"]));
    let server = Tls::of(identity).serve();
    let handshake = with(server.address, &[&root.certificate]).await;
    assert_eq!((handshake.outcome.word(), handshake.detail.as_deref()), ("ok", None));
    assert_eq!((handshake.port, handshake.socket_seen), (server.address.port(), Some(true)));
    let shown = handshake.shown.unwrap();
    assert_eq!(shown.protocol.as_deref(), Some("TLSv1.3"));
    assert_eq!(shown.name_matches, Some(true));
    assert_eq!(shown.names, format!("d.test {HOST} 192.0.2.1"));
    assert_eq!((shown.trust.word(), shown.validity.word(), shown.expires_at), ("system", "valid", END));
    let subjects: Vec<_> = shown.chain.iter().map(|c| (c.subject.as_str(), c.issuer.as_str())).collect();
    assert_eq!(subjects, [("CN=d.test", "CN=Middle"), ("CN=Middle", "CN=Root")]);
    assert_eq!((shown.key.algorithm.as_str(), shown.key.bits), ("EC", 256));
    assert_eq!(shown.sha256.len(), 64);
    assert_eq!(shown.key.sha256.len(), 64);
}

#[tokio::test]
async fn dates_and_names_and_trust_do_not_hide_each_other() {
    let root = Authority::root("Root");
    let expired = root.intermediate("Middle").issue(&Leaf::of(&["other.test"]).valid(BEGIN, NOW - DAY));
    let shown = shown_by(expired, &root).await;
    assert_eq!((shown.name_matches, shown.trust.word(), shown.validity.word()), (Some(false), "system", "expired"));
    assert_eq!(shown.expires_at, NOW - DAY);
    let shown = shown_by(root.issue(&names().valid(NOW + DAY, END)), &root).await;
    assert_eq!((shown.trust.word(), shown.validity.word()), ("system", "not_yet_valid"));
    let shown = shown_by(Authority::root("Other").issue(&names().valid(BEGIN, NOW - DAY)), &root).await;
    assert_eq!((shown.trust.word(), shown.validity.word()), ("unknown_issuer", "expired"));
}

#[tokio::test]
async fn a_young_or_an_expired_intermediate_does_not_spoil_the_trust() {
    let root = Authority::root("Root");
    let young = root.intermediate_valid("Young", NOW - 10 * DAY, END);
    let shown = shown_by(young.issue(&names().valid(BEGIN, NOW - 5 * DAY)), &root).await;
    assert_eq!((shown.trust.word(), shown.validity.word()), ("system", "expired"));
    let old = root.intermediate_valid("Old", BEGIN, NOW - DAY);
    let shown = shown_by(old.issue(&names()), &root).await;
    assert_eq!((shown.trust.word(), shown.validity.word(), shown.expires_at), ("system", "expired", NOW - DAY));
    let never = root.intermediate_valid("Never", NOW - DAY, END);
    let shown = shown_by(never.issue(&names().valid(BEGIN, NOW - 5 * DAY)), &root).await;
    assert_eq!(
        (shown.trust.word(), shown.validity.word()),
        ("unknown", "expired"),
        "there was no moment for the whole chain"
    );
}

#[tokio::test]
async fn the_dates_of_a_root_do_not_count() {
    let root = Authority::root("Root");
    let sent = root.issue(&names()).followed_by(&root.certificate);
    assert_eq!(shown_by(sent, &root).await.chain.len(), 2);
    // The root of the system again, signed by one that is over: as Let's Encrypt's of 2021.
    let shown = shown_by(root.issue(&names()).followed_by(&Authority::root("Root").certificate), &root).await;
    assert_eq!((shown.trust.word(), shown.validity.word(), shown.expires_at), ("system", "valid", END));
}

#[tokio::test]
async fn who_is_not_trusted_is_told_apart() {
    let (root, other) = (Authority::root("Root"), Authority::root("Other"));
    let trust = async |identity: Identity| shown_by(identity, &root).await.trust.word();
    assert_eq!(trust(names().self_signed()).await, "self_signed");
    assert_eq!(trust(names().marked_as_authority().self_signed()).await, "self_signed");
    assert_eq!(trust(other.issue(&names())).await, "unknown_issuer");
    assert_eq!(trust(Authority::bluemind().issue(&names())).await, "unknown_issuer");
    let middle = root.intermediate("Middle");
    assert_eq!(trust(middle.issue(&names().with_issuer_address()).alone()).await, "incomplete_chain");
    assert_eq!(trust(middle.issue(&names()).alone()).await, "unknown_issuer");
    assert_eq!(trust(root.issue(&names().for_clients())).await, "unknown");
    // The name of the root, the key of somebody else.
    assert_eq!(trust(Authority::root("Root").issue(&names())).await, "bad_signature");
}

#[tokio::test]
async fn an_authority_of_the_configuration_is_told_from_those_of_the_system() {
    let (own, self_signed) = (Authority::root("Own"), names().marked_as_authority().self_signed());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}{}", own.pem(), self_signed.pem)).unwrap();
    let mut config = config(&[]);
    config.probe.ca_files = vec![file.path().to_owned()];
    let peers = Peers::new(&config, &Root::new("/"), NOW).unwrap();
    for identity in [own.intermediate("Middle").issue(&names()), self_signed] {
        let server = Tls::of(identity).serve();
        let handshake = peers.handshake(HOST, LOCALHOST, server.address.port(), true, false).await;
        assert_eq!(handshake.shown.unwrap().trust.word(), "extra");
    }
}

#[tokio::test]
async fn names_are_judged_as_browsers_do() {
    let root = Authority::root("Root");
    for (leaf, matches, expected) in [
        (Leaf::of(&["*.d.test"]), true, "*.d.test"),
        (Leaf::of(&["*.test"]), false, "*.test"),
        (Leaf::of(&["d.test"]), false, "d.test"),
        (Leaf::common_name_only(HOST), false, ""),
        (Leaf::of(&["AUTODISCOVER.D.TEST"]), true, "AUTODISCOVER.D.TEST"),
    ] {
        let shown = shown_by(root.issue(&leaf), &root).await;
        assert_eq!((shown.name_matches, shown.names.as_str()), (Some(matches), expected));
    }
}

#[tokio::test]
async fn a_weak_key_is_shown_although_the_handshake_fails() {
    let weak = include_str!("../../../../../fixtures/formats/tls/rsa1024.pem");
    let server = Tls::of(Identity::without_key(weak)).serve();
    let handshake = with(server.address, &[]).await;
    assert_eq!(handshake.outcome.word(), "failed");
    let shown = handshake.shown.unwrap();
    assert_eq!((shown.trust.word(), shown.name_matches), ("bad_signature", Some(true)));
    assert_eq!((shown.key.algorithm.as_str(), shown.key.bits), ("RSA", 1024));
}

#[tokio::test]
async fn naming_the_host_may_matter() {
    let root = Authority::root("Root");
    let server = Tls::of(root.issue(&Leaf::of(&["mail.test"]))).host(HOST, root.issue(&names())).tls12_only().serve();
    let peers = peers(&[&root.certificate], &[("127.0.0.1:443", server.address)]);
    for (with_sni, matches) in [(true, true), (false, false)] {
        let handshake = peers.handshake(HOST, LOCALHOST, 443, with_sni, true).await;
        assert_eq!((handshake.with_sni, handshake.is_loopback, handshake.port), (with_sni, true, 443));
        let shown = handshake.shown.unwrap();
        assert_eq!((shown.name_matches, shown.protocol.as_deref()), (Some(matches), Some("TLSv1.2")));
    }
    let server = Tls::only_by_name().serve();
    assert_eq!(with(server.address, &[]).await.outcome.word(), "failed");
}

#[tokio::test]
async fn those_who_do_not_speak_tls() {
    let peers: [(Peer, &str); 6] = [
        (socket::silent(), "tls_timeout"),
        (socket::closing(), "closed"),
        (socket::saying(b"220 mail.d.test ESMTP Postfix\r\n"), "not_tls"),
        (socket::saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not_tls"),
        (socket::saying(&[0xff; 5000]), "not_tls"),
        (tls::too_old(), "too_old"),
    ];
    for (peer, expected) in peers {
        let handshake = with(peer.address, &[]).await;
        assert_eq!(handshake.outcome.word(), expected, "{:?}", handshake.detail);
        assert!(handshake.shown.is_none() && handshake.detail.is_some());
        assert!(handshake.elapsed_ms < 3000);
    }
    assert_eq!(with(socket::nobody(), &[]).await.outcome.word(), "refused");
    let full = socket::full().await;
    assert_eq!(with(full.address, &[]).await.outcome.word(), "timeout");
    let odd = super::super::peers::tests::peers(&[], &[]).handshake("a b", LOCALHOST, 443, true, false).await;
    assert_eq!(odd.outcome.word(), "failed");
}

/// Two hundred domains may lead to one address that drops everything.
#[tokio::test]
async fn a_dead_address_is_waited_for_twice_and_a_silent_server_is_left_alone() {
    let full = socket::full().await;
    let dead = super::super::peers::tests::peers(&[], &[(&format!("{HOST}:443"), full.address)]);
    let silent = socket::silent();
    let slow = super::super::peers::tests::peers(&[], &[(&format!("{HOST}:443"), silent.address)]);
    let ask = async |peers: &Peers| peers.handshake(HOST, LOCALHOST, 443, true, false).await;
    for (n, waits) in [(1, true), (2, true), (3, false)] {
        let handshake = ask(&dead).await;
        assert_eq!((handshake.outcome.word(), handshake.elapsed_ms > 500), ("timeout", waits), "{n}");
    }
    let again = futures_util::future::join_all((0..6).map(|_| ask(&slow))).await;
    assert!(again.iter().all(|handshake| handshake.outcome.word() == "tls_timeout"), "{again:?}");
    let left = ask(&slow).await;
    assert_eq!((left.outcome.word(), left.elapsed_ms < 100), ("not_asked", true), "{left:?}");
}

#[tokio::test]
async fn the_other_end_is_looked_for_below_the_root() {
    let root = Authority::root("Root");
    let server = Tls::of(root.issue(&names())).serve();
    let folder = tempfile::tempdir().unwrap();
    let seen = async || {
        let trust = super::super::trust::Trust::new(&[]).unwrap();
        let peers = Peers::trusting(trust, &config(&[]), &Root::new(folder.path()), NOW);
        peers.handshake(HOST, LOCALHOST, server.address.port(), true, false).await.socket_seen
    };
    assert_eq!(seen().await, None);
    std::fs::create_dir_all(folder.path().join("proc/net")).unwrap();
    std::fs::write(folder.path().join("proc/net/tcp"), "  sl  local_address rem_address   st\n").unwrap();
    assert_eq!(seen().await, Some(false));
}

#[tokio::test]
async fn a_server_feels_two_connections_at_most() {
    let server = socket::silent();
    let peers = peers(&[], &[]);
    let all = (0..6).map(|_| peers.handshake(HOST, LOCALHOST, server.address.port(), true, false));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(|handshake| handshake.outcome.word() == "tls_timeout"));
    // The server may learn of an end only after the next two have begun.
    assert!(server.accepted() == 6 && server.most_at_once() <= 4, "{}", server.most_at_once());
}

#[tokio::test]
async fn ipv6_is_as_good() {
    let config = Tls::of(Authority::root("Root").issue(&names())).config();
    let address: IpAddr = "::1".parse().unwrap();
    let serve = move |stream| socket::until_closed(tls::secured(stream, &config));
    // Some machines have no IPv6.
    let Ok(server) = Peer::start_on(address, serve) else { return };
    let handshake = peers(&[], &[]).handshake(HOST, address, server.address.port(), true, false).await;
    assert_eq!((handshake.outcome.word(), handshake.socket_seen), ("ok", Some(true)));
}

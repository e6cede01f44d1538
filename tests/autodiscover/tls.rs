//! What certificates say: the scenarios of trust, names and dates.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use bm_preflight::collect::Circumstances;

use crate::peers::dns::Zone;
use crate::peers::http::{self, Response, Site};
use crate::peers::socket::Peer;
use crate::peers::tls::{Authority, Identity, Leaf, Tls};
use crate::world::{BLUEMIND, DAY, NOW, OTHER, World};

const HOST: &str = "autodiscover.d.test";

/// Only `autodiscover.` has an address, that of BlueMind.
fn zone() -> Zone {
    Zone::new().soa("d.test").a(HOST, BLUEMIND)
}

fn world() -> World {
    World::new().zone(zone())
}

/// The certificate is what workstations object to.
fn warned(scenario: &str, world: World, finding: &str) {
    world.run().expect(scenario, ("yes", "warns"), &[finding], &[]);
}

/// It has to be replaced.
fn invalid(scenario: &str, world: World, reason: &str) {
    warned(scenario, world, &format!("autodiscover_certificate_invalid: {HOST} ({reason})"));
}

/// It is for another host, or for none.
fn misnamed(scenario: &str, world: World, reason: &str) {
    warned(scenario, world, &format!("autodiscover_certificate_name_mismatch: {HOST} ({reason})"));
}

fn valid_for(names: &[&str]) -> Leaf {
    Leaf::of(names).valid(NOW - 10 * DAY, NOW + 300 * DAY)
}

#[test]
fn scenario_65_a_certificate_of_another_name() {
    let world = world();
    let tls = Tls::of(world.certificate(&["mail.d.test"]));
    misnamed("65", world.bluemind_behind(tls), "name_mismatch");
}

#[test]
fn scenario_66_an_expired_certificate() {
    let world = world();
    let tls = Tls::of(world.authority().issue(&Leaf::of(&[HOST]).valid(NOW - 400 * DAY, NOW - DAY)));
    invalid("66", world.bluemind_behind(tls), "expired");
}

#[test]
fn scenario_67_a_certificate_that_does_not_begin_yet() {
    let world = world();
    let tls = Tls::of(world.authority().issue(&Leaf::of(&[HOST]).valid(NOW + DAY, NOW + 90 * DAY)));
    invalid("67", world.bluemind_behind(tls), "not_yet_valid");
}

#[test]
fn scenario_68_a_certificate_that_ends_in_5_days() {
    let world = world();
    let tls = Tls::of(world.authority().issue(&Leaf::of(&[HOST]).valid(NOW - 300 * DAY, NOW + 5 * DAY)));
    let findings = ["autodiscover_certificate_expiring: autodiscover.d.test (not_renewed)"];
    world.bluemind_behind(tls).run().expect("68", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_68_a_certificate_that_ends_in_20_days() {
    let world = world();
    let tls = Tls::of(world.authority().issue(&Leaf::of(&[HOST]).valid(NOW - 300 * DAY, NOW + 20 * DAY)));
    let findings = ["autodiscover_certificate_expiring: autodiscover.d.test (not_renewed)"];
    world.bluemind_behind(tls).run().expect("68", ("yes", "yes"), &findings, &[]);
}

#[test]
fn an_intermediate_that_ends_before_the_certificate_counts() {
    let world = world();
    let middle = world.authority().intermediate_valid("An old intermediate", NOW - 900 * DAY, NOW + 5 * DAY);
    let tls = Tls::of(middle.issue(&valid_for(&[HOST])));
    let findings = ["autodiscover_certificate_chain_expiring: autodiscover.d.test"];
    world.bluemind_behind(tls).run().expect("intermediate", ("yes", "yes"), &findings, &[]);
}

#[test]
fn an_expired_intermediate_is_an_expired_certificate() {
    let world = world();
    let middle = world.authority().intermediate_valid("An old intermediate", NOW - 900 * DAY, NOW - DAY);
    let tls = Tls::of(middle.issue(&valid_for(&[HOST])));
    invalid("intermediate", world.bluemind_behind(tls), "expired");
}

#[test]
fn scenario_69_a_self_signed_certificate() {
    let tls = Tls::of(valid_for(&[HOST]).marked_as_authority().self_signed());
    invalid("69", world().bluemind_behind(tls), "self_signed");
}

#[test]
fn scenario_70_the_certificate_that_bluemind_makes_when_it_is_installed() {
    let tls = Tls::of(Authority::bluemind().issue(&valid_for(&[HOST])));
    invalid("70", world().bluemind_behind(tls), "bluemind_default_cert");
}

#[test]
fn scenario_71_an_authority_of_the_enterprise_that_was_named() {
    let outcome = world().bluemind().run();
    outcome.expect("71", ("yes", "yes"), &[], &[]);
    assert_eq!(
        outcome.rows("SELECT DISTINCT trust FROM tls_handshake WHERE host = 'autodiscover.d.test'"),
        [["extra"]]
    );
}

#[test]
fn scenario_72_an_authority_of_the_enterprise_that_was_not_named() {
    warned("72", world().untrusting().bluemind(), "autodiscover_certificate_authority_unknown: autodiscover.d.test");
}

#[test]
fn scenario_73_the_intermediate_is_missing() {
    let world = world();
    let middle = world.authority().intermediate("An intermediate");
    let tls = Tls::of(middle.issue(&valid_for(&[HOST]).with_issuer_address()).alone());
    let findings = ["autodiscover_certificate_chain_incomplete: autodiscover.d.test"];
    world.bluemind_behind(tls).run().expect("73", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_74_a_certificate_with_a_common_name_only() {
    let world = world();
    let leaf = Leaf::common_name_only(HOST).valid(NOW - DAY, NOW + 300 * DAY);
    let tls = Tls::of(world.authority().issue(&leaf));
    misnamed("74", world.bluemind_behind(tls), "no_san");
}

#[test]
fn a_certificate_for_clients_only_is_not_passed_over() {
    let world = world();
    let tls = Tls::of(world.authority().issue(&valid_for(&[HOST]).for_clients()));
    let unknown = [
        "autodiscover_certificate_authority_unknown",
        "autodiscover_certificate_chain_incomplete",
        "autodiscover_certificate_invalid",
    ];
    world.bluemind_behind(tls).run().expect("for clients", ("yes", "unknown"), &[], &unknown);
}

#[test]
fn scenario_75_a_wildcard_does_not_cover_the_domain_itself() {
    let world = World::new().zone(zone().a("d.test", BLUEMIND));
    let tls = Tls::of(world.certificate(&["*.d.test"]));
    let findings = ["autodiscover_certificate_without_bare_domain: d.test"];
    world.bluemind_behind(tls).run().expect("75", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_77_nothing_newer_than_tls_1_2() {
    let world = world();
    let tls = world.good().tls12_only();
    world.bluemind_behind(tls).run().expect("77", ("yes", "yes"), &[], &[]);
}

#[test]
fn scenario_78_a_key_that_is_too_short() {
    let weak = include_str!("../../fixtures/formats/tls/rsa1024.pem");
    let world = world().untrusting().bluemind_behind(Tls::of(Identity::without_key(weak)));
    let findings = ["autodiscover_certificate_invalid: autodiscover.d.test (weak_key)"];
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    let outcome = world.run_as(Circumstances { is_offline: false, now: NOW + 2 * DAY });
    outcome.expect("78", ("unknown", "no"), &findings, &unknown);
}

#[test]
fn scenario_79_expired_and_of_another_name() {
    let world = world();
    let leaf = Leaf::of(&["mail.d.test"]).valid(NOW - 400 * DAY, NOW - DAY);
    let tls = Tls::of(world.authority().issue(&leaf));
    let outcome = world.bluemind_behind(tls).run();
    let findings = [
        "autodiscover_certificate_invalid: autodiscover.d.test (expired)",
        "autodiscover_certificate_name_mismatch: autodiscover.d.test (name_mismatch)",
    ];
    outcome.expect("79", ("yes", "warns"), &findings, &[]);
}

#[test]
fn scenario_80_the_right_certificate_only_by_name() {
    let world = world();
    let tls = Tls::of(world.certificate(&["www.d.test"])).host(HOST, world.certificate(&[HOST]));
    let findings = ["autodiscover_certificate_needs_sni: autodiscover.d.test"];
    world.bluemind_behind(tls).run().expect("80", ("yes", "yes"), &findings, &[]);
}

#[test]
fn a_good_certificate_does_not_hide_an_expired_one_behind_a_redirect() {
    let world = World::new().zone(zone().a("mail.d.test", OTHER));
    let old = world.authority().issue(&Leaf::of(&["mail.d.test"]).valid(NOW - 90 * DAY, NOW - DAY));
    let target = world.logged(http::bluemind().behind(Tls::of(old)));
    let first = http::redirect("https://mail.d.test/autodiscover/autodiscover.xml").behind(world.good());
    let outcome = world.at(BLUEMIND, 443, first).at(OTHER, 443, target).run();
    let findings = [
        "autodiscover_certificate_invalid: mail.d.test (expired)",
        "autodiscover_redirected: https://autodiscover.d.test/autodiscover/autodiscover.xml",
    ];
    outcome.expect("behind a redirect", ("yes", "warns"), &findings, &[]);
}

#[test]
fn an_expired_certificate_on_another_port_of_the_same_address_is_seen() {
    let world = world();
    let old = world.authority().issue(&Leaf::of(&[HOST]).valid(NOW - 90 * DAY, NOW - DAY));
    let target = world.logged(http::bluemind().behind(Tls::of(old)));
    let to = "https://autodiscover.d.test:8443/autodiscover/autodiscover.xml";
    let first = Site::always(Response::redirect(to)).behind(world.good());
    let outcome = world.at(BLUEMIND, 443, first).at(BLUEMIND, 8443, target).run();
    let findings = [
        "autodiscover_certificate_invalid: autodiscover.d.test (expired)",
        "autodiscover_redirected: https://autodiscover.d.test/autodiscover/autodiscover.xml",
    ];
    outcome.expect("another port", ("yes", "warns"), &findings, &[]);
}

#[test]
fn an_expired_certificate_on_the_way_of_two_redirects_is_seen() {
    let world = World::new().zone(zone().a("www.d.test", OTHER).a("mail.d.test", BLUEMIND));
    let old = world.authority().issue(&Leaf::of(&["www.d.test"]).valid(NOW - 90 * DAY, NOW - DAY));
    let middle = http::redirect("https://mail.d.test/autodiscover/autodiscover.xml").behind(Tls::of(old));
    let first = Site::new(|request| match request.header("host") {
        "mail.d.test" => Response::bluemind(),
        _ => Response::redirect("https://www.d.test/autodiscover/autodiscover.xml"),
    });
    let first = world.logged(first.behind(world.good()));
    let outcome = world.at(BLUEMIND, 443, first).at(OTHER, 443, middle).run();
    let findings = [
        "autodiscover_certificate_invalid: www.d.test (expired)",
        "autodiscover_redirected: https://autodiscover.d.test/autodiscover/autodiscover.xml",
    ];
    outcome.expect("on the way", ("yes", "warns"), &findings, &[]);
}

/// Closes the first connections, and passes the later ones on.
fn closing_at_first(number: usize, to: SocketAddr) -> Peer {
    let seen = AtomicUsize::new(0);
    Peer::start(move |mut from| {
        if seen.fetch_add(1, Ordering::SeqCst) < number {
            return;
        }
        let mut to = TcpStream::connect(to).unwrap();
        let (mut back, mut forth) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            drop(std::io::copy(&mut forth, &mut back));
            drop(back.shutdown(std::net::Shutdown::Both));
        });
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(std::net::Shutdown::Both));
        back.join().unwrap();
    })
}

/// The handshakes that look at the certificate go first, and fail: the requests after them say nothing about it.
#[test]
fn a_certificate_that_nobody_saw_is_no_good_certificate() {
    let world = world();
    let old = world.authority().issue(&Leaf::of(&[HOST]).valid(NOW - 90 * DAY, NOW - DAY));
    let server = world.logged(http::bluemind().behind(Tls::of(old))).start();
    let front = closing_at_first(6, server.address);
    let outcome = world.peer(BLUEMIND, 443, front.address).keep(front).keep(server).run();
    let unknown = [
        "autodiscover_certificate_authority_unknown",
        "autodiscover_certificate_chain_incomplete",
        "autodiscover_certificate_invalid",
        "autodiscover_certificate_name_mismatch",
    ];
    outcome.expect("unseen", ("yes", "unknown"), &[], &unknown);
}

#[test]
fn an_expired_certificate_at_the_second_address_behind_a_redirect_is_seen() {
    let world = World::new().zone(zone().a("mail.d.test", BLUEMIND).a("mail.d.test", OTHER));
    let old = world.authority().issue(&Leaf::of(&["mail.d.test"]).valid(NOW - 90 * DAY, NOW - DAY));
    let second = world.logged(http::bluemind().behind(Tls::of(old)));
    let first = Site::new(|request| match request.header("host") {
        "mail.d.test" => Response::bluemind(),
        _ => Response::redirect("https://mail.d.test/autodiscover/autodiscover.xml"),
    });
    let first = world.logged(first.behind(world.good()));
    let outcome = world.at(BLUEMIND, 443, first).at(OTHER, 443, second).run();
    let findings = [
        "autodiscover_certificate_invalid: mail.d.test (expired)",
        "autodiscover_redirected: https://autodiscover.d.test/autodiscover/autodiscover.xml",
    ];
    outcome.expect("second address", ("yes", "warns"), &findings, &[]);
}

//! Who answers: this BlueMind, another one, or somebody else.

use crate::peers::dns::Zone;
use crate::peers::http::{self, Response, Site};
use crate::peers::tls::{Authority, Leaf, Tls};
use crate::world::{BLUEMIND, DAY, NOW, OTHER, World};

const NOT_STARTING: &str = "mapi_will_not_start: installation";
const URL: &str = "https://autodiscover.d.test/autodiscover/autodiscover.xml";

/// Only `autodiscover.` has an address.
fn zone(address: &str) -> Zone {
    Zone::new().soa("d.test").a("autodiscover.d.test", address)
}

/// Somebody else's site where autodiscover is looked for.
fn foreign(site: Site) -> World {
    let world = World::new().zone(zone(OTHER));
    let tls = world.good();
    world.at(OTHER, 443, site.behind(tls))
}

/// This server, seen by 127.0.0.1: it tells that its log shows requests.
fn with_loopback(world: World) -> World {
    let site = world.logged(http::bluemind().behind(world.good()));
    world.at("127.0.0.1", 443, site)
}

#[test]
fn scenario_35_an_exchange_server() {
    let answered = format!("autodiscover_answered_by_another_server: {URL} (exchange)");
    let findings = [NOT_STARTING, "autodiscover_unreachable: d.test (exchange)", &answered];
    foreign(http::exchange()).run().expect("35", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_36_redirected_to_microsoft() {
    let answered = format!("autodiscover_answered_by_another_server: {URL} (office365)");
    let findings = [NOT_STARTING, "autodiscover_unreachable: d.test (office365)", &answered];
    let site = http::redirect("https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml");
    foreign(site).run().expect("36", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_44_a_password_is_asked_for_and_nothing_tells_by_whom() {
    let challenge = [("WWW-Authenticate", "Basic realm=\"Restricted\"")];
    let site = Site::always(Response::new("401 Unauthorized", &challenge, ""));
    let findings = [&*format!("autodiscover_identity_unproven: {URL} (unknown_basic_auth)")];
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    foreign(site).run().expect("44", ("unknown", "unknown"), &findings, &unknown);
}

#[test]
fn scenario_45_a_bluemind_from_before_june_2021() {
    let challenge = [("WWW-Authenticate", "Basic realm=\"bm.basic.auth\"")];
    let world = World::new().zone(zone(BLUEMIND));
    let site = Site::always(Response::new("401 Unauthorized", &challenge, ""));
    let site = world.logged(site.behind(world.good()));
    world.at(BLUEMIND, 443, site).run().expect("45", ("yes", "yes"), &[], &[]);
}

#[test]
fn scenario_46_another_bluemind() {
    let findings = [&*format!("autodiscover_identity_unproven: {URL} (other_bluemind)")];
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    with_loopback(foreign(http::bluemind())).run().expect("46", ("unknown", "unknown"), &findings, &unknown);
}

#[test]
fn a_bluemind_that_nothing_tells_from_another() {
    let findings = [&*format!("autodiscover_identity_unproven: {URL} (likely_only)")];
    let outcome = foreign(http::bluemind()).run();
    outcome.expect("unlogged", ("unknown", "yes"), &findings, &["mapi_will_not_start"]);
}

#[test]
fn scenario_47_an_autodiscover_service_that_is_not_bluemind() {
    let findings = [&*format!("autodiscover_identity_unproven: {URL} (autodiscover)")];
    let site = Site::always(Response::autodiscover_error("600"));
    foreign(site).run().expect("47", ("unknown", "yes"), &findings, &["mapi_will_not_start"]);
}

#[test]
fn scenario_55_something_between_reads_along() {
    let proxy = Authority::root("A proxy that reads along").issue(&Leaf::of(&["autodiscover.d.test"]));
    let portal = Site::always(Response::new("200 OK", &[("Content-Type", "text/html")], "<html>Log in</html>"));
    let world = World::new().zone(zone(OTHER)).at(OTHER, 443, portal.behind(Tls::of(proxy)));
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    let findings = ["autodiscover_tls_intercepted: autodiscover.d.test (intercepted)"];
    with_loopback(world).run().expect("55", ("unknown", "unknown"), &findings, &unknown);
}

#[test]
fn scenario_62_the_log_cannot_be_read() {
    let world = World::new().zone(zone(BLUEMIND));
    let (tls, none) = (world.good(), world.folder().join("none.log"));
    let findings = [&*format!("autodiscover_answer_peculiar: {URL} (log_unreadable)")];
    let world = world.access_logs(&[&none]).at(BLUEMIND, 443, http::bluemind().behind(tls));
    world.run().expect("62", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_63_only_the_log_of_an_edge_has_the_request() {
    let world = World::new().zone(zone(OTHER));
    let (core, edge) = (world.folder().join("core.log"), world.folder().join("edge.log"));
    for log in [&core, &edge] {
        std::fs::write(log, "").unwrap();
    }
    let site = http::bluemind().behind(world.good()).logging_to(&edge);
    world.access_logs(&[&core, &edge]).at(OTHER, 443, site).run().expect("63", ("yes", "yes"), &[], &[]);
}

#[test]
fn a_redirect_of_this_bluemind_to_another_one_is_not_its_own_answer() {
    let world = World::new().zone(zone(BLUEMIND).a("old.d.test", OTHER));
    let site = http::redirect("https://old.d.test/autodiscover/autodiscover.xml");
    let site = world.logged(site.behind(world.good()));
    let tls = Tls::of(world.certificate(&["old.d.test"]));
    let world = world.at(BLUEMIND, 443, site).at(OTHER, 443, http::bluemind().behind(tls));
    let findings = [&*format!("autodiscover_identity_unproven: {URL} (other_bluemind)")];
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    world.run().expect("to another", ("unknown", "unknown"), &findings, &unknown);
}

#[test]
fn a_redirect_of_somebody_else_to_this_bluemind_is_proven_there() {
    let world = World::new().zone(zone(OTHER).a("mail.d.test", BLUEMIND)).bluemind();
    let tls = world.good();
    let site = http::redirect("https://mail.d.test/autodiscover/autodiscover.xml").behind(tls);
    let findings = [&*format!("autodiscover_answer_peculiar: {URL} (redirected_to_bluemind)")];
    world.at(OTHER, 443, site).run().expect("from another", ("yes", "warns"), &findings, &[]);
}

#[test]
fn an_address_of_somebody_else_beside_that_of_bluemind_is_no_all_clear() {
    let world = World::new().zone(zone(BLUEMIND).a("autodiscover.d.test", OTHER)).bluemind();
    let other = http::exchange().behind(world.good());
    let findings = [&*format!("autodiscover_answered_by_another_server: {URL} (exchange)")];
    let outcome = world.at(OTHER, 443, other).run();
    outcome.expect("two addresses", ("unknown", "warns"), &findings, &["mapi_will_not_start"]);
}

#[test]
fn an_expired_certificate_of_the_day_before_is_seen_at_the_second_address_too() {
    let world = World::new().zone(zone(BLUEMIND).a("autodiscover.d.test", OTHER)).bluemind();
    let old = world.authority().issue(&Leaf::of(&["autodiscover.d.test"]).valid(NOW - 90 * DAY, NOW - DAY));
    let site = world.logged(http::bluemind().behind(Tls::of(old)));
    let outcome = world.at(OTHER, 443, site).run();
    let findings = ["autodiscover_certificate_invalid: autodiscover.d.test (expired)"];
    outcome.expect("second address", ("yes", "warns"), &findings, &[]);
}

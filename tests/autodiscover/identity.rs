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
    let findings = [&*format!("autodiscover_responder_unknown: {URL} (unknown_basic_auth)")];
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
    let findings = [&*format!("autodiscover_other_bluemind: {URL} (other_bluemind)")];
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    with_loopback(foreign(http::bluemind())).run().expect("46", ("unknown", "unknown"), &findings, &unknown);
}

/// During a migration one domain may still lead to the old server: that the other's requests are logged tells.
#[test]
fn scenario_46_another_bluemind_beside_a_domain_that_leads_here() {
    let zones = zone(OTHER).soa("e.test").a("autodiscover.e.test", BLUEMIND);
    let world = World::new().domains(&[("d.test", &[]), ("e.test", &[])]).zone(zones);
    let own = world.logged(http::bluemind().behind(Tls::of(world.certificate(&["autodiscover.e.test"]))));
    let old = http::bluemind().behind(world.good());
    let outcome = world.at(BLUEMIND, 443, own).at(OTHER, 443, old).run();
    let findings = [&*format!("autodiscover_other_bluemind: {URL} (other_bluemind)")];
    outcome.expect("46", ("unknown", "unknown"), &findings, &["autodiscover_unreachable"]);
    assert_eq!(outcome.verdicts("e.test"), ("yes".to_owned(), "yes".to_owned()));
}

#[test]
fn a_bluemind_that_nothing_tells_from_another() {
    let findings = [&*format!("autodiscover_identity_unproven: {URL} (likely_only)")];
    let outcome = foreign(http::bluemind()).run();
    outcome.expect("unlogged", ("unknown", "yes"), &findings, &["mapi_will_not_start"]);
}

#[test]
fn scenario_47_an_autodiscover_service_that_is_not_bluemind() {
    let findings = [&*format!("autodiscover_responder_unknown: {URL} (autodiscover)")];
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
    let findings = [&*format!("autodiscover_access_log_unreadable: {URL}")];
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
    let findings = [&*format!("autodiscover_other_bluemind: {URL} (other_bluemind)")];
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    world.run().expect("to another", ("unknown", "unknown"), &findings, &unknown);
}

#[test]
fn a_redirect_of_somebody_else_to_this_bluemind_is_proven_there() {
    let world = World::new().zone(zone(OTHER).a("mail.d.test", BLUEMIND)).bluemind();
    let tls = world.good();
    let site = http::redirect("https://mail.d.test/autodiscover/autodiscover.xml").behind(tls);
    let findings = [&*format!("autodiscover_redirected: {URL}")];
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

#[test]
fn an_address_that_leads_a_workstation_to_itself_serves_nobody() {
    let world = World::new().zone(zone("127.0.0.1"));
    let verdicts = with_loopback(world).run().verdicts("d.test");
    assert_eq!(verdicts, ("yes".to_owned(), "no".to_owned()));
}

#[test]
fn what_a_proxy_passes_on_is_proven_and_its_certificate_warned_of() {
    let proxy = Authority::root("A proxy that reads along").issue(&Leaf::of(&["autodiscover.d.test"]));
    let world = World::new().zone(zone(OTHER));
    let site = world.logged(http::bluemind().behind(Tls::of(proxy)));
    let outcome = with_loopback(world.at(OTHER, 443, site)).run();
    let findings = ["autodiscover_certificate_authority_unknown: autodiscover.d.test"];
    outcome.expect("55", ("yes", "warns"), &findings, &[]);
}

#[test]
fn a_foreign_server_with_the_very_certificate_of_this_one_is_not_taken_for_it() {
    let world = World::new().zone(zone(OTHER));
    let shared = world.certificate(&["*.d.test"]);
    let own = world.logged(http::bluemind().behind(Tls::of(shared.clone())));
    let world = world.at("127.0.0.1", 443, own).at(OTHER, 443, http::bluemind().behind(Tls::of(shared)));
    let findings = [&*format!("autodiscover_other_bluemind: {URL} (other_bluemind)")];
    let unknown = ["mapi_will_not_start", "autodiscover_unreachable"];
    world.run().expect("shared certificate", ("unknown", "unknown"), &findings, &unknown);
}

#[test]
fn a_page_of_somebody_else_that_names_bluemind_is_no_bluemind() {
    let page = "<html><body>Our company uses BlueMind</body></html>";
    let page = |status| Site::always(Response::new(status, &[("Content-Type", "text/html")], page));
    let unreachable = "autodiscover_unreachable: d.test (html_page)";
    foreign(page("200 OK")).run().expect("200", ("no", "no"), &[NOT_STARTING, unreachable], &[]);
    let findings = [&*format!("autodiscover_other_bluemind: {URL} (other_bluemind)")];
    let outcome = with_loopback(foreign(page("502 Bad Gateway"))).run();
    outcome.expect("502", ("unknown", "no"), &findings, &["mapi_will_not_start", "autodiscover_unreachable"]);
}

#[test]
fn an_exchange_behind_the_own_nginx_is_an_exchange() {
    let world = World::new().zone(zone(BLUEMIND));
    let site = world.logged(http::exchange().behind(world.good()));
    let answered = format!("autodiscover_answered_by_another_server: {URL} (exchange)");
    let findings = [NOT_STARTING, "autodiscover_unreachable: d.test (exchange)", &answered];
    world.at(BLUEMIND, 443, site).run().expect("behind nginx", ("no", "no"), &findings, &[]);
}

#[test]
fn a_log_with_old_requests_proves_nothing() {
    let world = World::new().zone(zone(OTHER));
    let log = world.folder().join("old.log");
    std::fs::write(&log, "192.0.2.9 - - \"GET /autodiscover/autodiscover.xml?bmpf=0 HTTP/1.1\" 401 0\n").unwrap();
    let tls = world.good();
    let findings = [&*format!("autodiscover_identity_unproven: {URL} (likely_only)")];
    let world = world.access_logs(&[&log]).at(OTHER, 443, http::bluemind().behind(tls));
    world.run().expect("old log", ("unknown", "yes"), &findings, &["mapi_will_not_start"]);
}

/// The environment of a process is set when it starts: so this test starts another one.
#[test]
#[allow(clippy::disallowed_methods, reason = "the environment of a process is set when it starts")]
fn scenario_64_a_proxy_of_the_environment_is_not_used() {
    let proxy = Site::always(Response::new("403 Forbidden", &[], "")).start();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "dns::scenario_1_every_method_leads_to_bluemind"]);
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, format!("http://{}", proxy.address));
    }
    let output = command.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!((proxy.requests().len(), proxy.peer.accepted()), (0, 0));
}

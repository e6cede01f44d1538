//! The SRV record: the scenarios in which it is the matter.

use crate::dns::{UNDECIDED, WILL_NOT_START, hosters_page, zone};
use crate::peers::dns::Zone;
use crate::peers::http;
use crate::world::{BLUEMIND, OTHER, Outcome, World};

const SRV: &str = "_autodiscover._tcp.d.test";

/// Workstations that are set up as BlueMind says do not ask for SRV records, and whether bm-mapi does is not known.
const ONLY_SRV: &str = "autodiscover_fallback_only: d.test (only_srv)";

fn of(zone: Zone) -> Outcome {
    World::new().zone(zone).bluemind().run()
}

fn srv(outcome: &Outcome) -> (String, String) {
    outcome.cell("d.test", "srv")
}

fn cell(client: &str, reason: &str) -> (String, String) {
    (client.to_owned(), reason.to_owned())
}

#[test]
fn scenario_4_only_srv() {
    let outcome = of(zone().a("mail.d.test", BLUEMIND).srv(SRV, 0, 0, 443, "mail.d.test"));
    outcome.expect("4", ("unknown", "no"), &[ONLY_SRV], &["mapi_will_not_start"]);
    assert_eq!(srv(&outcome), cell("yes", "-"));
}

#[test]
fn scenario_4_only_srv_to_a_host_of_another_domain_asks_the_user() {
    let world = World::new().zone(zone().soa("e.test").a("mail.e.test", BLUEMIND).srv(SRV, 0, 0, 443, "mail.e.test"));
    let tls = crate::peers::tls::Tls::of(world.certificate(&["mail.e.test"]));
    let outcome = world.bluemind_behind(tls).run();
    outcome.expect("4", ("unknown", "no"), &[ONLY_SRV], &["mapi_will_not_start"]);
    assert_eq!(srv(&outcome).0, "warns");
}

#[test]
fn scenario_17_the_target_is_an_alias() {
    let zone = zone().cname("mail.d.test", "c1.d.test").a("c1.d.test", BLUEMIND).srv(SRV, 0, 0, 443, "mail.d.test");
    let outcome = of(zone);
    let findings = [ONLY_SRV, "autodiscover_srv_misconfigured: d.test (srv_alias)"];
    outcome.expect("17", ("unknown", "no"), &findings, &["mapi_will_not_start"]);
    assert_eq!(srv(&outcome), cell("warns", "srv_alias"));
}

#[test]
fn scenario_18_the_service_is_not_offered() {
    let outcome = of(zone().srv(SRV, 0, 0, 0, "."));
    let findings = [
        WILL_NOT_START,
        "autodiscover_srv_misconfigured: d.test (srv_not_offered)",
        "autodiscover_unreachable: d.test (srv_not_offered)",
    ];
    outcome.expect("18", ("no", "no"), &findings, &[]);
    assert_eq!(srv(&outcome), cell("no", "srv_not_offered"));
}

#[test]
fn scenario_19_the_target_does_not_exist() {
    let outcome = of(zone().srv(SRV, 0, 0, 443, "mail.d.test"));
    let findings = [
        WILL_NOT_START,
        "autodiscover_srv_misconfigured: d.test (srv_unresolvable)",
        "autodiscover_unreachable: d.test (srv_unresolvable)",
    ];
    outcome.expect("19", ("no", "no"), &findings, &[]);
    assert_eq!(srv(&outcome), cell("no", "srv_unresolvable"));
}

#[test]
fn scenario_19_the_target_does_not_exist_while_autodiscover_works() {
    let outcome = of(zone().a("autodiscover.d.test", BLUEMIND).srv(SRV, 0, 0, 443, "mail.d.test"));
    let findings = ["autodiscover_srv_misconfigured: d.test (srv_unresolvable)"];
    outcome.expect("19", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_20_another_port() {
    let zone = zone().a("mail.d.test", BLUEMIND).srv(SRV, 0, 0, 8443, "mail.d.test");
    let world = World::new().zone(zone);
    let site = world.logged(http::bluemind().behind(world.good()));
    let outcome = world.at(BLUEMIND, 8443, site).run();
    let findings = ["autodiscover_srv_misconfigured: d.test (srv_port)"];
    outcome.expect("20", ("unknown", "no"), &findings, UNDECIDED);
    assert_eq!(srv(&outcome), cell("no", "srv_port"));
}

#[test]
fn scenario_21_several_targets_one_of_them_a_stranger() {
    let zone = zone()
        .a("mail.d.test", BLUEMIND)
        .a("old.d.test", OTHER)
        .srv(SRV, 0, 0, 443, "mail.d.test")
        .srv(SRV, 10, 0, 443, "old.d.test")
        .srv(SRV, 10, 5, 443, "mail.d.test");
    let outcome = World::new().zone(zone).bluemind().at(OTHER, 443, hosters_page()).run();
    let findings = [ONLY_SRV, "autodiscover_srv_multiple: d.test"];
    outcome.expect("21", ("unknown", "no"), &findings, &["mapi_will_not_start"]);
    assert_eq!(srv(&outcome), cell("warns", "srv_multiple"));
}

#[test]
fn scenario_22_a_wildcard_swallows_the_record() {
    let zone = zone().a("d.test", BLUEMIND).cname("*.d.test", "d.test");
    let outcome = of(zone);
    let findings = [
        "autodiscover_srv_masked: _autodiscover._tcp.d.test (wildcard)",
        "autodiscover_wildcard_used: autodiscover.d.test",
    ];
    outcome.expect("22", ("yes", "yes"), &findings, &[]);
    assert_eq!(srv(&outcome).0, "absent");
}

#[test]
fn a_target_of_which_nothing_is_known_decides_nothing() {
    let outcome = of(zone().srv(SRV, 0, 0, 443, "mail.d.test").silent("mail.d.test"));
    let unknown = [UNDECIDED, &["autodiscover_srv_misconfigured"]].concat();
    outcome.expect("silent target", ("unknown", "no"), &[], &unknown);
    assert_eq!(srv(&outcome).0, "unknown");
}

#[test]
fn one_target_of_two_is_enough_to_go_to() {
    let zone = zone().a("mail.d.test", BLUEMIND).srv(SRV, 0, 0, 443, "gone.d.test").srv(SRV, 5, 0, 443, "mail.d.test");
    let outcome = of(zone);
    let findings = [ONLY_SRV, "autodiscover_srv_multiple: d.test"];
    outcome.expect("one of two targets", ("unknown", "no"), &findings, &["mapi_will_not_start"]);
    assert_eq!(srv(&outcome), cell("warns", "srv_multiple"));
}

#[test]
fn an_address_in_place_of_a_target_is_none() {
    let outcome = of(zone().soa("1").srv(SRV, 0, 0, 443, BLUEMIND));
    let findings = [
        WILL_NOT_START,
        "autodiscover_srv_misconfigured: d.test (srv_unresolvable)",
        "autodiscover_unreachable: d.test (srv_unresolvable)",
    ];
    outcome.expect("address as target", ("no", "no"), &findings, &[]);
}

#[test]
fn a_target_that_answers_to_nobody_or_is_a_stranger_is_no_way_in() {
    let zone = || zone().a("mail.d.test", OTHER).srv(SRV, 0, 0, 443, "mail.d.test");
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (refused)"];
    let outcome = of(zone());
    outcome.expect("closed target", ("no", "no"), &findings, &[]);
    assert_eq!(srv(&outcome), cell("no", "refused"));
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (html_page)"];
    let outcome = World::new().zone(zone()).bluemind().at(OTHER, 443, hosters_page()).run();
    outcome.expect("a stranger as target", ("no", "no"), &findings, &[]);
    assert_eq!(srv(&outcome), cell("no", "html_page"));
}

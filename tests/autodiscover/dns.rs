//! What DNS says: the scenarios whose zone is the matter.

use hickory_resolver::proto::op::ResponseCode;

use crate::peers::dns::Zone;
use crate::peers::http::{self, Response, Site};
use crate::peers::tls::{Authority, Leaf, Tls};
use crate::world::{BLUEMIND, OTHER, Outcome, World};

/// The zone `d.test`, and nothing in it.
pub(crate) fn zone() -> Zone {
    Zone::new().soa("d.test")
}

/// That no name works.
pub(crate) const WILL_NOT_START: &str = "mapi_will_not_start: installation";

/// The checks that stay open when the one name is not decided.
pub(crate) const UNDECIDED: &[&str] = &["autodiscover_unreachable", "mapi_will_not_start"];

/// BlueMind behind the good certificate, and a zone.
fn of(zone: Zone) -> Outcome {
    World::new().zone(zone).bluemind().run()
}

/// A site of a hoster: a page for every path, with the hoster's own certificate.
pub(crate) fn hosters_page() -> Site {
    let hoster = Authority::root("A public CA").issue(&Leaf::of(&["hoster.test"]));
    let page = Response::new("200 OK", &[("Content-Type", "text/html")], "<html><body>Parked</body></html>");
    Site::always(page).behind(Tls::of(hoster))
}

#[test]
fn scenario_1_every_method_leads_to_bluemind() {
    let zone = zone().a("d.test", BLUEMIND).a("autodiscover.d.test", BLUEMIND).a("mail.d.test", BLUEMIND).srv(
        "_autodiscover._tcp.d.test",
        0,
        0,
        443,
        "mail.d.test",
    );
    of(zone).expect("1", ("yes", "yes"), &[], &[]);
}

#[test]
fn scenario_2_only_the_root() {
    let zone = zone().a("d.test", BLUEMIND);
    of(zone).expect("2", ("yes", "no"), &["autodiscover_fallback_only: d.test (only_root)"], &[]);
}

#[test]
fn scenario_3_the_root_is_another_site() {
    let zone = zone().a("d.test", OTHER).a("autodiscover.d.test", BLUEMIND);
    let world = World::new().zone(zone).bluemind();
    let other = http::not_found().behind(world.good());
    let findings = ["autodiscover_bare_domain_elsewhere: https://d.test/autodiscover/autodiscover.xml (answered)"];
    world.at(OTHER, 443, other).run().expect("3", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_5_nothing() {
    let zone = zone().txt("d.test", "v=spf1 -all");
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (no_record)"];
    of(zone).expect("5", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_6_the_domain_does_not_exist() {
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (domain_nxdomain)"];
    of(Zone::new().soa("test")).expect("6", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_7_the_zone_is_broken() {
    let zone = zone().rcode("autodiscover.d.test", ResponseCode::ServFail);
    let findings = ["autodiscover_dns_broken: autodiscover.d.test (servfail)"];
    of(zone).expect("7", ("unknown", "no"), &findings, UNDECIDED);
}

#[test]
fn scenario_8_the_resolver_refuses() {
    let zone = zone().rcode("autodiscover.d.test", ResponseCode::Refused);
    let findings = ["autodiscover_resolver_refuses: autodiscover.d.test (refused)"];
    of(zone).expect("8", ("unknown", "unknown"), &findings, UNDECIDED);
}

#[test]
fn scenario_9_no_answer_for_the_name() {
    let zone = zone().silent("autodiscover.d.test");
    let findings = ["autodiscover_dns_broken: autodiscover.d.test (timeout)"];
    of(zone).expect("9", ("unknown", "unknown"), &findings, UNDECIDED);
}

#[test]
fn scenario_9_no_answer_for_the_name_while_the_root_works() {
    let zone = zone().a("d.test", BLUEMIND).silent("autodiscover.d.test");
    let findings = ["autodiscover_dns_broken: autodiscover.d.test (timeout)"];
    of(zone).expect("9", ("yes", "unknown"), &findings, &["autodiscover_fallback_only"]);
}

#[test]
fn scenario_9_no_answer_for_ipv6_alone() {
    let zone = zone().a("autodiscover.d.test", BLUEMIND).silent_for_ipv6("autodiscover.d.test");
    let findings = ["autodiscover_dns_broken: autodiscover.d.test (timeout)"];
    of(zone).expect("9", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_10_the_name_has_no_address() {
    let zone = zone().txt("autodiscover.d.test", "none here");
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (no_record)"];
    of(zone.clone()).expect("10", ("no", "no"), &findings, &[]);
    let findings = ["autodiscover_fallback_only: d.test (only_root)"];
    of(zone.a("d.test", BLUEMIND)).expect("10", ("yes", "no"), &findings, &[]);
}

#[test]
fn scenario_11_a_wildcard_leads_to_a_stranger() {
    let zone = zone().a("*.d.test", OTHER);
    let findings = [
        WILL_NOT_START,
        "autodiscover_answered_by_another_server: https://autodiscover.d.test/autodiscover/autodiscover.xml (wildcard_foreign)",
        "autodiscover_unreachable: d.test (wildcard)",
    ];
    World::new().zone(zone).bluemind().at(OTHER, 443, hosters_page()).run().expect("11", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_12_a_wildcard_leads_to_bluemind() {
    let world = World::new().zone(zone().a("*.d.test", BLUEMIND));
    let tls = Tls::of(world.certificate(&["*.d.test"]));
    let findings = ["autodiscover_wildcard_used: autodiscover.d.test"];
    world.bluemind_behind(tls).run().expect("12", ("yes", "yes"), &findings, &[]);
}

/// `autodiscover.d.test` with so many CNAMEs before its address.
fn chain(hops: usize) -> Zone {
    let host = |hop: usize| if hop == 0 { "autodiscover.d.test".to_owned() } else { format!("c{hop}.d.test") };
    let all = (0..hops).fold(zone(), |zone, hop| zone.cname(&host(hop), &host(hop + 1)));
    all.a(&host(hops), BLUEMIND)
}

#[test]
fn scenario_13_two_cnames() {
    of(chain(2)).expect("13", ("yes", "yes"), &[], &[]);
    of(chain(2).stepwise()).expect("13", ("yes", "yes"), &[], &[]);
}

#[test]
fn scenario_14_ten_cnames() {
    let findings = ["autodiscover_cname_chain_long: autodiscover.d.test"];
    of(chain(10)).expect("14", ("yes", "yes"), &findings, &[]);
    of(chain(10).stepwise()).expect("14", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_15_a_loop_of_cnames() {
    let zone = zone().cname("autodiscover.d.test", "c1.d.test").cname("c1.d.test", "autodiscover.d.test");
    let findings = [
        WILL_NOT_START,
        "autodiscover_cname_broken: autodiscover.d.test (cname_loop)",
        "autodiscover_unreachable: d.test (cname_loop)",
    ];
    of(zone).expect("15", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_16_a_cname_to_nothing() {
    let zone = zone().cname("autodiscover.d.test", "gone.d.test");
    let findings = [
        WILL_NOT_START,
        "autodiscover_cname_broken: autodiscover.d.test (dangling_cname)",
        "autodiscover_unreachable: d.test (dangling_cname)",
    ];
    let outcome = of(zone);
    outcome.expect("16", ("no", "no"), &findings, &[]);
    assert!(outcome.check("autodiscover_cname_broken").findings[0].message.contains("gone.d.test"));
}

#[test]
fn scenario_23_two_resolvers_disagree() {
    let without = || zone().a("d.test", OTHER);
    let with = || without().a("autodiscover.d.test", BLUEMIND);
    let world = || World::new().bluemind().at(OTHER, 443, hosters_page());
    let disagree = "autodiscover_dns_inconsistent: autodiscover.d.test";
    let peculiar = "autodiscover_bare_domain_elsewhere: https://d.test/autodiscover/autodiscover.xml (answered)";
    // bm-mapi believes the first one.
    let outcome = world().zone(with()).zone(without()).run();
    outcome.expect("23", ("yes", "warns"), &[disagree, peculiar], &[]);
    let outcome = world().zone(without()).zone(with()).run();
    outcome.expect("23", ("no", "warns"), &[WILL_NOT_START, disagree, peculiar], &[]);
    // A silent one, or one that refuses, is passed over.
    let refusing = with().rcode("autodiscover.d.test", ResponseCode::Refused);
    let outcome = world().zone(refusing).zone(with()).run();
    let findings = ["autodiscover_resolver_refuses: autodiscover.d.test (refused)", peculiar];
    outcome.expect("23", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_24_only_the_hosts_file_of_the_server_has_the_name() {
    let world = World::new().zone(zone()).file("/etc/hosts", "127.0.0.1 localhost autodiscover.d.test\n");
    let site = world.logged(http::bluemind().behind(world.good()));
    let outcome = world.at("127.0.0.1", 443, site).run();
    let findings = ["autodiscover_hosts_override: autodiscover.d.test (dns_denies)"];
    outcome.expect("24", ("yes", "no"), &findings, &[]);
}

#[test]
fn scenario_25_truncated_answers_need_tcp() {
    let zone = || zone().a("autodiscover.d.test", BLUEMIND);
    of(zone().truncated("autodiscover.d.test", true)).expect("25", ("yes", "yes"), &[], &[]);
    let findings = ["autodiscover_resolver_refuses: autodiscover.d.test (truncated)"];
    let outcome = of(zone().truncated("autodiscover.d.test", false));
    outcome.expect("25", ("unknown", "unknown"), &findings, UNDECIDED);
}

#[test]
fn scenario_26_search_domains_have_no_say() {
    let resolver = zone().soa("corp.test").a("*.corp.test", OTHER).serve();
    let world = World::new()
        .resolver(resolver.address)
        .file("/etc/resolv.conf", "search corp.test\nnameserver 127.0.0.1\noptions ndots:5\n")
        .bluemind()
        .at(OTHER, 443, hosters_page());
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (no_record)"];
    world.run().expect("26", ("no", "no"), &findings, &[]);
    let asked = resolver.asked();
    assert!(asked.iter().all(|(host, _)| !host.ends_with("corp.test")), "{asked:?}");
}

#[test]
fn a_stale_address_beside_the_right_one_is_no_all_clear() {
    let zone = zone().a("autodiscover.d.test", BLUEMIND).a("autodiscover.d.test", "192.0.2.9");
    let findings = ["autodiscover_ipv6_broken: autodiscover.d.test (one_address_broken)"];
    of(zone).expect("a stale address", ("yes", "warns"), &findings, &[]);
}

#[test]
fn a_strangers_address_beside_the_right_one_is_no_all_clear() {
    let world = || World::new().bluemind().at(OTHER, 443, hosters_page());
    let findings = ["autodiscover_addresses_differ: autodiscover.d.test"];
    let both = zone().a("autodiscover.d.test", BLUEMIND).a("autodiscover.d.test", OTHER);
    // Which of them bm-mapi takes is chance.
    let outcome = world().zone(both).run();
    outcome.expect("a stranger's address", ("unknown", "warns"), &findings, &["mapi_will_not_start"]);
    // Two resolvers, each of which knows one; bm-mapi believes the first.
    let (right, wrong) = (zone().a("autodiscover.d.test", BLUEMIND), zone().a("autodiscover.d.test", OTHER));
    let outcome = world().zone(right.clone()).zone(wrong.clone()).run();
    outcome.expect("a stranger's address", ("yes", "warns"), &findings, &[]);
    let findings = [WILL_NOT_START, findings[0]];
    world().zone(wrong).zone(right).run().expect("a stranger's address", ("no", "warns"), &findings, &[]);
}

#[test]
fn two_addresses_of_bluemind_are_none_too_many() {
    let zone = |address| zone().a("autodiscover.d.test", address);
    let world = World::new().zone(zone(BLUEMIND)).zone(zone("192.0.2.3")).bluemind();
    let edge = world.logged(http::bluemind().behind(world.good()));
    world.at("192.0.2.3", 443, edge).run().expect("two addresses", ("yes", "yes"), &[], &[]);
}

#[test]
fn a_wildcard_that_leads_elsewhere_does_not_touch_a_record_of_its_own() {
    let zone = zone().a("*.d.test", OTHER).a("autodiscover.d.test", BLUEMIND);
    World::new().zone(zone).bluemind().at(OTHER, 443, hosters_page()).run().expect(
        "wildcard",
        ("yes", "yes"),
        &[],
        &[],
    );
}

#[test]
fn an_address_at_which_everybody_finds_himself_is_no_all_clear() {
    for address in ["127.0.0.1", "0.0.0.0"] {
        let world = World::new().zone(zone().a("autodiscover.d.test", address));
        let site = world.logged(http::bluemind().behind(world.good()));
        let findings = ["autodiscover_loopback_address: autodiscover.d.test"];
        world.at(address, 443, site).run().expect(address, ("yes", "no"), &findings, &[]);
    }
}

#[test]
fn a_second_resolver_that_is_silent_does_not_make_a_clear_no_doubtful() {
    let silent = Zone::new().silent_for_all().serve();
    let broken = format!("autodiscover_resolver_silent: {} (one)", silent.address);
    let unreachable = "autodiscover_unreachable: d.test (no_record)";
    let world = || World::new().bluemind();
    let outcome = world().zone(zone()).resolver(silent.address).run();
    outcome.expect("silent second", ("no", "no"), &[WILL_NOT_START, &broken, unreachable], &[]);
    let outcome = world().resolver(silent.address).zone(zone().a("autodiscover.d.test", BLUEMIND)).run();
    outcome.expect("silent first", ("yes", "yes"), &[&broken], &[]);
}

#[test]
fn a_zone_that_fails_for_every_question_decides_nothing() {
    let zone = ["d.test", "autodiscover.d.test", "_autodiscover._tcp.d.test"]
        .iter()
        .fold(zone(), |zone, host| zone.rcode(host, ResponseCode::ServFail));
    let findings = [
        "autodiscover_dns_broken: _autodiscover._tcp.d.test (servfail)",
        "autodiscover_dns_broken: autodiscover.d.test (servfail)",
        "autodiscover_dns_broken: d.test (servfail)",
    ];
    of(zone).expect("servfail", ("unknown", "no"), &findings, UNDECIDED);
}

#[test]
fn a_resolver_that_fails_beside_one_that_denies_leaves_a_clear_no() {
    for code in [ResponseCode::Refused, ResponseCode::ServFail] {
        let failing = || zone().rcode("autodiscover.d.test", code);
        let (word, broken) = match code {
            ResponseCode::Refused => ("refused", "autodiscover_resolver_refuses: autodiscover.d.test (refused)"),
            _ => ("servfail", "autodiscover_dns_broken: autodiscover.d.test (servfail)"),
        };
        let findings = [WILL_NOT_START, broken, "autodiscover_unreachable: d.test (no_record)"];
        for (first, second) in [(failing(), zone()), (zone(), failing())] {
            World::new().zone(first).zone(second).bluemind().run().expect(word, ("no", "no"), &findings, &[]);
        }
    }
}

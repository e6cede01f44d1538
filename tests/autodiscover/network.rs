//! Addresses and the way to them: the scenarios in which the network is the matter.

use crate::dns::{WILL_NOT_START, hosters_page, zone};
use crate::peers::http::{self, Response, Site};
use crate::peers::socket;
use crate::peers::tls::{Authority, Leaf, Tls};
use crate::world::{BLUEMIND, BLUEMIND_6, OTHER, World};

impl World {
    /// With a firewall that drops what comes to an address and port.
    fn dropping(self, address: &str, port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let full = runtime.block_on(socket::full());
        self.peer(address, port, full.address).keep((full, runtime))
    }
}

#[test]
fn scenario_31_ipv6_leads_nowhere() {
    let zone = || zone().a("autodiscover.d.test", BLUEMIND).aaaa("autodiscover.d.test", BLUEMIND_6);
    let findings = ["autodiscover_ipv6_broken: autodiscover.d.test (ipv6_broken)"];
    World::new().zone(zone()).bluemind().run().expect("31", ("yes", "warns"), &findings, &[]);
    let findings = ["autodiscover_ipv6_broken: autodiscover.d.test (ipv6_broken)"];
    let world = World::new().zone(zone()).bluemind().dropping(BLUEMIND_6, 443);
    world.run().expect("31", ("yes", "warns"), &findings, &[]);
}

#[test]
fn scenario_31_ipv6_leads_to_a_stranger() {
    let zone = zone().a("autodiscover.d.test", BLUEMIND).aaaa("autodiscover.d.test", BLUEMIND_6);
    let findings = ["autodiscover_addresses_differ: autodiscover.d.test"];
    let world = World::new().zone(zone).bluemind().at(BLUEMIND_6, 443, hosters_page());
    // Which of them bm-mapi takes is chance.
    world.run().expect("31", ("unknown", "warns"), &findings, &["mapi_will_not_start"]);
}

#[test]
fn scenario_32_only_ipv6() {
    let world = World::new().zone(zone().aaaa("autodiscover.d.test", BLUEMIND_6));
    let site = world.logged(http::bluemind().behind(world.good()));
    let findings = ["autodiscover_ipv6_only: autodiscover.d.test"];
    world.at(BLUEMIND_6, 443, site).run().expect("32", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_33_the_name_leads_to_microsoft() {
    let zone = zone()
        .cname("autodiscover.d.test", "autodiscover.outlook.com")
        .soa("outlook.com")
        .a("autodiscover.outlook.com", OTHER);
    // It leads on to a host that has no address here.
    let cloud = Authority::root("A public CA").issue(&Leaf::of(&["autodiscover.outlook.com"]));
    let site = Site::always(Response::redirect("https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml"))
        .behind(Tls::of(cloud));
    let findings = [
        WILL_NOT_START,
        "autodiscover_answered_by_another_server: https://autodiscover.d.test/autodiscover/autodiscover.xml (office365)",
        "autodiscover_unreachable: d.test (office365)",
    ];
    World::new().zone(zone).bluemind().at(OTHER, 443, site).run().expect("33", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_34_the_way_out_and_back_in_is_closed() {
    let zone = || zone().a("autodiscover.d.test", OTHER);
    let world = World::new().zone(zone()).dropping(OTHER, 443).dropping(OTHER, 80);
    let site = world.logged(http::bluemind().behind(world.good()));
    let outcome = world.at("127.0.0.1", 443, site).run();
    let findings = [WILL_NOT_START, "autodiscover_hairpin_suspected: autodiscover.d.test (hairpin)"];
    outcome.expect("34", ("no", "unknown"), &findings, &["autodiscover_unreachable"]);
    // An address of this very server has nothing to do with a hairpin: nothing listens there.
    let world = World::new().zone(self::zone().a("autodiscover.d.test", BLUEMIND));
    let site = world.logged(http::bluemind().behind(world.good()));
    let outcome = world.at("127.0.0.1", 443, site).run();
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (refused)"];
    outcome.expect("34", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_34_nothing_is_suspected_where_127_0_0_1_does_not_answer_either() {
    let zone = zone().a("autodiscover.d.test", OTHER);
    let outcome = World::new().zone(zone).dropping(OTHER, 443).dropping(OTHER, 80).run();
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (timeout)"];
    outcome.expect("34", ("no", "no"), &findings, &[]);
}

#[test]
fn scenario_34_the_hosts_file_leads_the_server_past_the_closed_way() {
    let zone = zone().a("autodiscover.d.test", OTHER);
    let world = World::new().zone(zone).dropping(OTHER, 443).dropping(OTHER, 80);
    let site = world.logged(http::bluemind().behind(world.good()));
    let world = world.file("/etc/hosts", "127.0.0.1 autodiscover.d.test\n").at("127.0.0.1", 443, site);
    let outcome = world.run();
    let findings = [
        "autodiscover_hairpin_suspected: autodiscover.d.test (hairpin_with_entry)",
        "autodiscover_hosts_override: autodiscover.d.test (dns_differs)",
    ];
    outcome.expect("34", ("yes", "unknown"), &findings, &[]);
    assert_eq!(outcome.severities("autodiscover_hosts_override"), ["info"]);
}

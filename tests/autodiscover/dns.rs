//! What DNS says: the scenarios whose zone is the matter.

use crate::peers::dns::Zone;
use crate::peers::http;
use crate::world::{BLUEMIND, OTHER, World};

fn zone() -> Zone {
    Zone::new().soa("d.test")
}

const UNREACHABLE: &str = "mapi_will_not_start: installation";

#[test]
fn scenario_1_every_method_leads_to_bluemind() {
    let zone = zone().a("d.test", BLUEMIND).a("autodiscover.d.test", BLUEMIND).a("mail.d.test", BLUEMIND).srv(
        "_autodiscover._tcp.d.test",
        0,
        0,
        443,
        "mail.d.test",
    );
    World::new().zone(zone).bluemind().run().expect("1", ("yes", "yes"), &[], &[]);
}

#[test]
fn scenario_2_only_the_root() {
    let zone = zone().a("d.test", BLUEMIND);
    let findings = ["autodiscover_fallback_only: d.test (only_root)"];
    World::new().zone(zone).bluemind().run().expect("2", ("yes", "no"), &findings, &[]);
}

#[test]
fn scenario_3_the_root_is_another_site() {
    let zone = zone().a("d.test", OTHER).a("autodiscover.d.test", BLUEMIND);
    let world = World::new().zone(zone).bluemind();
    let other = http::not_found().behind(world.good());
    let findings =
        ["autodiscover_answer_peculiar: https://d.test/autodiscover/autodiscover.xml (root_is_another_site)"];
    world.at(OTHER, 443, other).run().expect("3", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_5_nothing() {
    let zone = zone().txt("d.test", "v=spf1 -all");
    let findings = [UNREACHABLE, "autodiscover_unreachable: d.test (no_record)"];
    World::new().zone(zone).bluemind().run().expect("5", ("no", "no"), &findings, &[]);
}

//! Domains and their aliases: the scenarios in which it is the name that matters.

use crate::dns::{WILL_NOT_START, zone};
use crate::peers::dns::Zone;
use crate::peers::tls::Tls;
use crate::world::{BLUEMIND, Outcome, World};

/// `d.test` with these aliases; it works.
fn with_aliases(aliases: &[&str], zone: impl FnOnce(Zone) -> Zone) -> Outcome {
    let all = zone(self::zone().a("autodiscover.d.test", BLUEMIND));
    World::new().domains(&[("d.test", aliases)]).zone(all).bluemind().run()
}

#[test]
fn scenario_27_an_alias_in_unicode() {
    let world = World::new().domains(&[("d.test", &["café.test"])]).zone(
        zone().a("autodiscover.d.test", BLUEMIND).soa("xn--caf-dma.test").a("autodiscover.xn--caf-dma.test", BLUEMIND),
    );
    let tls = Tls::of(world.certificate(&["autodiscover.d.test", "autodiscover.xn--caf-dma.test"]));
    let outcome = world.bluemind_behind(tls).run();
    outcome.expect_of("27", &[("d.test", ("yes", "yes")), ("café.test", ("yes", "yes"))], &[], &[]);
    let labels = outcome.rows("SELECT ascii_name, unicode_name FROM autodiscover_verdict WHERE is_alias");
    assert_eq!(labels, [["xn--caf-dma.test", "café.test"]]);
}

#[test]
fn scenario_28_an_internal_alias() {
    let outcome = with_aliases(&["corp.local"], |zone| zone.soa("local"));
    let findings = ["autodiscover_internal_alias: corp.local"];
    outcome.expect_of("28", &[("d.test", ("yes", "yes")), ("corp.local", ("no", "no"))], &findings, &[]);
}

#[test]
fn scenario_29_an_alias_without_any_record() {
    let outcome = with_aliases(&["e.test"], |zone| zone.soa("e.test"));
    let findings = ["autodiscover_unreachable: e.test (no_record)"];
    outcome.expect_of("29", &[("d.test", ("yes", "yes")), ("e.test", ("no", "no"))], &findings, &[]);
}

#[test]
fn scenario_30_no_alias() {
    let outcome = with_aliases(&[], |zone| zone);
    outcome.expect("30", ("yes", "yes"), &[], &[]);
    assert_eq!(outcome.rows("SELECT name FROM autodiscover_verdict"), [["d.test"]]);
}

#[test]
fn an_empty_alias_is_no_name() {
    let outcome = with_aliases(&["", " ", "D.Test.", "d.test"], |zone| zone);
    outcome.expect("empty aliases", ("yes", "yes"), &[], &[]);
    assert_eq!(outcome.rows("SELECT name FROM autodiscover_verdict"), [["d.test"]]);
}

#[test]
fn an_alias_that_does_not_exist() {
    let outcome = with_aliases(&["e.test"], |zone| zone.soa("test"));
    let findings = ["autodiscover_unreachable: e.test (alias_nxdomain)"];
    outcome.expect_of("alias", &[("d.test", ("yes", "yes")), ("e.test", ("no", "no"))], &findings, &[]);
}

#[test]
fn an_alias_that_is_no_host_name() {
    let outcome = with_aliases(&["a b.test"], |zone| zone);
    let findings = ["autodiscover_name_invalid: a b.test (alias)"];
    outcome.expect_of("no host name", &[("d.test", ("yes", "yes")), ("a b.test", ("no", "no"))], &findings, &[]);
}

#[test]
fn an_alias_that_works_does_not_make_up_for_the_domain() {
    let zone = zone().soa("e.test").a("autodiscover.e.test", BLUEMIND);
    let world = World::new().domains(&[("d.test", &["e.test"])]).zone(zone);
    let tls = Tls::of(world.certificate(&["autodiscover.e.test"]));
    let findings = ["autodiscover_unreachable: d.test (no_record)"];
    let verdicts = [("d.test", ("no", "no")), ("e.test", ("yes", "yes"))];
    world.bluemind_behind(tls).run().expect_of("alias works", &verdicts, &findings, &[]);
}

#[test]
fn an_alias_of_two_domains_is_told_once() {
    let zone = zone().a("autodiscover.d.test", BLUEMIND).soa("e.test").a("autodiscover.e.test", BLUEMIND).soa("f.test");
    let world = World::new().domains(&[("d.test", &["f.test"]), ("e.test", &["f.test"])]).zone(zone);
    let tls = Tls::of(world.certificate(&["autodiscover.d.test", "autodiscover.e.test"]));
    let findings = ["autodiscover_unreachable: f.test (no_record)"];
    let verdicts = [("d.test", ("yes", "yes")), ("e.test", ("yes", "yes")), ("f.test", ("no", "no"))];
    world.bluemind_behind(tls).run().expect_of("two domains", &verdicts, &findings, &[]);
}

#[test]
fn a_technical_uid_is_not_asked_for_and_counts_for_nothing() {
    const UID: &str = "0b2f3c4d-1a2b-4c3d-8e9f-001122334455.internal";
    let resolver = zone().a("autodiscover.d.test", BLUEMIND).serve();
    let world = World::new().domains(&[(UID, &["d.test"])]).resolver(resolver.address).bluemind();
    let outcome = world.run();
    outcome.expect("technical uid", ("yes", "yes"), &[], &[]);
    assert_eq!(outcome.rows("SELECT name FROM autodiscover_verdict"), [["d.test"]]);
    assert!(resolver.asked().iter().all(|(host, _)| !host.ends_with("internal")), "{:?}", resolver.asked());
    let outcome = World::new().domains(&[(UID, &["d.test"])]).zone(zone()).bluemind().run();
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (no_record)"];
    outcome.expect("technical uid", ("no", "no"), &findings, &[]);
}

#[test]
fn only_internal_names_are_no_less_a_reason_not_to_start() {
    let zone = Zone::new().soa("local");
    let outcome = World::new().domains(&[("corp.local", &["old.local"])]).zone(zone).bluemind().run();
    let findings = [
        WILL_NOT_START,
        "autodiscover_internal_alias: old.local",
        "autodiscover_unreachable: corp.local (domain_nxdomain)",
    ];
    let verdicts = [("corp.local", ("no", "no")), ("old.local", ("no", "no"))];
    outcome.expect_of("internal", &verdicts, &findings, &[]);
}

#[test]
fn an_alias_of_which_nothing_is_known_leaves_the_domain_as_it_is() {
    let outcome = with_aliases(&["e.test"], |zone| zone.soa("e.test").silent("autodiscover.e.test"));
    let findings = ["autodiscover_dns_broken: autodiscover.e.test (timeout)"];
    let verdicts = [("d.test", ("yes", "yes")), ("e.test", ("unknown", "unknown"))];
    outcome.expect_of("silent alias", &verdicts, &findings, &["autodiscover_unreachable"]);
}

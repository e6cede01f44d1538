//! The installation as a whole: what all names together come to, and what else decides.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use bm_preflight::collect::Circumstances;
use bm_preflight::model::Outcome as Verdict;

use crate::dns::{WILL_NOT_START, zone};
use crate::peers::dns::Zone;
use crate::peers::tls::Tls;
use crate::world::{BLUEMIND, NOW, World};

const OVERRIDE: &str = r#"marker_file = [{ server_uid = "core", name = "non.blocking.checks" }]
"#;

/// Three names and none of them works.
fn all_fail() -> World {
    let zone = zone().soa("e.test").soa("f.test");
    World::new().domains(&[("d.test", &["e.test"]), ("f.test", &[])]).zone(zone).bluemind()
}

const ALL_FAIL: &[&str] = &[
    WILL_NOT_START,
    "autodiscover_unreachable: d.test (no_record)",
    "autodiscover_unreachable: e.test (no_record)",
    "autodiscover_unreachable: f.test (no_record)",
];

const NO_NO: (&str, &str) = ("no", "no");

#[test]
fn scenario_81_nothing_works() {
    let outcome = all_fail().run();
    let verdicts = [("d.test", NO_NO), ("e.test", NO_NO), ("f.test", NO_NO)];
    outcome.expect_of("81", &verdicts, ALL_FAIL, &[]);
    assert_eq!(outcome.severities("mapi_will_not_start"), ["blocker"]);
    assert_eq!(outcome.severities("autodiscover_unreachable"), ["warning"; 3]);
}

#[test]
fn scenario_82_nothing_works_and_the_override_is_there() {
    let outcome = all_fail().facts(OVERRIDE).run();
    let verdicts = [("d.test", NO_NO), ("e.test", NO_NO), ("f.test", NO_NO)];
    outcome.expect_of("82", &verdicts, ALL_FAIL, &[]);
    assert_eq!(outcome.severities("mapi_will_not_start"), ["warning"]);
    let finding = &outcome.check("mapi_will_not_start").findings[0];
    assert_eq!(finding.evidence.get("override_on").and_then(|v| v.as_str()), Some("core"));
}

#[test]
fn scenario_83_one_of_three_works() {
    let zone = zone().soa("e.test").soa("f.test").a("autodiscover.f.test", BLUEMIND);
    let world = World::new().domains(&[("d.test", &["e.test"]), ("f.test", &[])]).zone(zone);
    let tls = Tls::of(world.certificate(&["autodiscover.f.test"]));
    let verdicts = [("d.test", NO_NO), ("e.test", NO_NO), ("f.test", ("yes", "yes"))];
    let findings = ["autodiscover_unreachable: d.test (no_record)", "autodiscover_unreachable: e.test (no_record)"];
    let outcome = world.bluemind_behind(tls).run();
    outcome.expect_of("83", &verdicts, &findings, &[]);
    assert_eq!(outcome.check("mapi_will_not_start").outcome, Verdict::Pass);
}

#[test]
fn scenario_84_the_override_is_of_no_use() {
    let zone = zone().a("autodiscover.d.test", BLUEMIND);
    let outcome = World::new().zone(zone).bluemind().facts(OVERRIDE).run();
    outcome.expect("84", ("yes", "yes"), &["mapi_override_useless: core"], &[]);
    assert_eq!(outcome.severities("mapi_override_useless"), ["info"]);
}

#[test]
fn scenario_84_the_override_is_of_use_while_a_name_fails_or_is_not_decided() {
    let zone = || zone().a("autodiscover.d.test", BLUEMIND).soa("e.test");
    let world = |zone| World::new().domains(&[("d.test", &["e.test"])]).zone(zone).bluemind().facts(OVERRIDE);
    let findings = ["autodiscover_unreachable: e.test (no_record)"];
    let outcome = world(zone()).run();
    outcome.expect("84", ("yes", "yes"), &findings, &[]);
    let findings = ["autodiscover_dns_broken: autodiscover.e.test (timeout)"];
    let outcome = world(zone().silent("autodiscover.e.test")).run();
    outcome.expect("84", ("yes", "yes"), &findings, &["autodiscover_unreachable", "mapi_override_useless"]);
}

#[test]
fn scenario_85_without_bm_mapi_nothing_is_asked_of_the_administrator() {
    let outcome = World::new().zone(zone()).facts("package = []\n").run();
    outcome.expect("85", NO_NO, &[], &[]);
    // Browsers and mobiles use the URLs all the same.
    for id in ids().into_iter().filter(|id| !id.starts_with("external_url_")) {
        assert_eq!(outcome.check(&id).outcome, Verdict::NotApplicable, "{id}");
    }
}

#[test]
fn scenario_86_the_service_says_otherwise() {
    let said = r#"start_check = [{ server_uid = "core", validator = "Autodiscover", is_valid = false, message = "none" }]
"#;
    let working = zone().a("autodiscover.d.test", BLUEMIND);
    let outcome = World::new().zone(working).bluemind().facts(said).run();
    outcome.expect("86", ("yes", "yes"), &["mapi_start_check_disagrees: core Autodiscover"], &[]);
    assert_eq!(outcome.severities("mapi_start_check_disagrees"), ["warning"]);
    let outcome = World::new().zone(zone()).bluemind().facts(said).run();
    let findings = [WILL_NOT_START, "autodiscover_unreachable: d.test (no_record)"];
    outcome.expect("86", NO_NO, &findings, &[]);
}

#[test]
fn scenario_87_no_domain() {
    let outcome = World::new().domains(&[]).zone(zone()).run();
    let unknown =
        ["external_url_path_blocked", "mapi_override_useless", "mapi_start_check_disagrees", "mapi_will_not_start"];
    outcome.expect_of("87", &[], &["mail_domain_missing: installation"], &unknown);
    assert_eq!(outcome.severities("mail_domain_missing"), ["info"]);
    assert_eq!(outcome.rows("SELECT name FROM autodiscover_name"), Vec::<Vec<String>>::new());
}

#[test]
fn scenario_88_every_resolver_is_silent() {
    let silent = || Zone::new().silent_for_all().serve();
    let (one, two) = (silent(), silent());
    let world = World::new().resolver(one.address).resolver(two.address).bluemind();
    let outcome = world.run();
    // Two tries of 2 seconds for the first questions; the others are not made any more.
    let longest = &outcome.rows("SELECT max(elapsed_ms) FROM dns_answer")[0][0];
    assert!(longest.parse::<u64>().unwrap() < 5_000, "{longest} ms");
    let told = |address: std::net::SocketAddr| format!("autodiscover_resolver_silent: {address} (all)");
    let findings = [told(one.address), told(two.address)];
    let findings: Vec<&str> = findings.iter().map(String::as_str).collect();
    let decided =
        [DIRECTORY_ONLY, "autodiscover_name_invalid", "external_url_internal", "autodiscover_resolver_silent"];
    let undecided: Vec<String> = ids().into_iter().filter(|id| !decided.contains(&id.as_str())).collect();
    let undecided: Vec<&str> = undecided.iter().map(String::as_str).collect();
    outcome.expect("88", ("unknown", "unknown"), &findings, &undecided);
    assert_eq!(outcome.check(DIRECTORY_ONLY).outcome, Verdict::Pass);
}

/// The one check that has nothing to ask the network for.
const DIRECTORY_ONLY: &str = "mail_domain_missing";

/// Every check that has to ask is undecided, and at once.
fn undecided_at_once(world: World, circumstances: Circumstances) {
    let begin = Instant::now();
    let outcome = world.run_as(circumstances);
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert_eq!(outcome.findings(), BTreeSet::new());
    let asking: BTreeSet<String> = ids().into_iter().filter(|id| id != DIRECTORY_ONLY).collect();
    assert_eq!(outcome.unknown(), asking);
    assert!(asking.iter().all(|id| outcome.check(id).outcome == Verdict::Unknown));
}

#[test]
fn nothing_is_decided_offline() {
    let resolver = zone().a("autodiscover.d.test", BLUEMIND).serve();
    let world = World::new().resolver(resolver.address).bluemind();
    undecided_at_once(world, Circumstances { is_offline: true, now: NOW });
    assert_eq!(resolver.asked(), []);
}

#[test]
fn nothing_is_decided_without_a_resolver() {
    undecided_at_once(World::new().bluemind(), Circumstances { is_offline: false, now: NOW });
}

/// The ids of the checks.
fn ids() -> BTreeSet<String> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/autodiscover")).unwrap();
    files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_check_is_expected_to_fire_somewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/autodiscover");
    let scenarios: String =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let never: Vec<_> = ids().into_iter().filter(|id| !scenarios.contains(&format!("\"{id}: "))).collect();
    // This one takes two machines, and two snapshots: tests/postgres/real_network.rs.
    assert_eq!(never, ["autodiscover_vantage_differs"]);
}

#[test]
fn from_another_machine_than_the_core_server_nothing_is_denied() {
    for uid in ["mail2", ""] {
        let world = World::new().zone(Zone::new().soa("d.test").txt("d.test", "here")).file("/etc/bm/server.uid", uid);
        let outcome = world.run();
        assert_eq!(outcome.verdicts("d.test"), ("unknown".to_owned(), "no".to_owned()), "{uid:?}");
        assert!(outcome.unknown().contains("mapi_will_not_start"), "{:?}", outcome.findings());
    }
}

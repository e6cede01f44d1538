//! What this program alone cannot do, or must not do for a stranger: unknown, asked otherwise, or never asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::peers::dns::Zone;
use crate::peers::http::{self, Response, Site};
use crate::peers::socket::Peer;
use crate::world::{BLUEMIND, BLUEMIND_6, OTHER, World};

const HOST: &str = "autodiscover.d.test";

fn zone() -> Zone {
    Zone::new().soa("d.test").a(HOST, BLUEMIND)
}

#[test]
fn who_takes_no_get_is_asked_by_post() {
    let world = World::new().zone(zone());
    let tls = world.good();
    let site = Site::new(|request| match request.line.split(' ').next().unwrap() {
        "POST" => Response::bluemind(),
        _ => Response::new("405 Method Not Allowed", &[("Allow", "POST")], "<html>no</html>"),
    });
    let site = world.logged(site.behind(tls));
    let outcome = world.at(BLUEMIND, 443, site).run();
    outcome.expect("POST alone", ("yes", "yes"), &[], &[]);
    assert_eq!(outcome.rows("SELECT DISTINCT verb FROM http_exchange WHERE status = 401"), [["POST"]]);
}

#[test]
fn who_closes_on_post_leaves_it_open() {
    let world = World::new().zone(zone());
    let site = Site::new(|request| match request.line.split(' ').next().unwrap() {
        "POST" => Response::Bytes(Vec::new()),
        _ => Response::new("405 Method Not Allowed", &[("Allow", "POST")], "<html>no</html>"),
    });
    let site = site.behind(world.good());
    let outcome = world.at(BLUEMIND, 443, site).run();
    assert_eq!(outcome.verdicts("d.test"), ("unknown".to_owned(), "unknown".to_owned()), "{}", outcome.trace());
    assert!(outcome.findings().is_empty(), "{:?}", outcome.findings());
}

#[test]
fn who_tells_a_limit_is_asked_again_later() {
    let world = World::new().zone(zone());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let site = Site::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Response::new("429 Too Many Requests", &[("Retry-After", "1")], ""),
        2 => Response::new("503 Service Unavailable", &[("Retry-After", "1")], "slow down"),
        _ => Response::bluemind(),
    });
    let site = world.logged(site.behind(world.good()));
    let outcome = world.at(BLUEMIND, 443, site).run();
    outcome.expect("a limit", ("yes", "yes"), &[], &[]);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[test]
fn an_empty_503_of_anybody_is_nobodys() {
    let world = World::new().zone(zone());
    let site = Site::always(Response::new("503 Service Unavailable", &[], "")).behind(world.good());
    let outcome = world.at(BLUEMIND, 443, site).run();
    assert_eq!(outcome.verdicts("d.test").0, "unknown", "{}", outcome.trace());
    assert!(!outcome.findings().iter().any(|finding| finding.contains("core_down")), "{:?}", outcome.findings());
    assert!(outcome.unknown().contains("mapi_will_not_start"));
}

#[test]
fn nobody_is_led_to_a_service_of_this_machine() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let sink = Peer::start(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let port = sink.address.port();
    for (target, told) in [
        (format!("https://home.d.test:{port}/admin/delete?id=1"), true),
        (format!("https://home.d.test:{port}/autodiscover/autodiscover.xml"), true),
        (format!("https://wire.d.test:{port}/"), false),
        (format!("https://127.0.0.1:{port}/admin"), true),
        (format!("https://[::ffff:127.0.0.1]:{port}/admin"), true),
    ] {
        let world = World::new().zone(zone().a("home.d.test", "127.0.0.1").a("wire.d.test", "169.254.169.254"));
        let site = Site::always(Response::redirect(&target)).behind(world.good());
        let outcome = world.at(BLUEMIND, 443, site).run();
        let is_told = outcome.findings().iter().any(|finding| finding.starts_with("autodiscover_redirect_broken"));
        assert_eq!(is_told, told, "{target}: {:?}\n{}", outcome.findings(), outcome.trace());
        if target.contains("home.d.test") {
            assert!(
                outcome.findings().contains("autodiscover_loopback_address: home.d.test"),
                "{:?}",
                outcome.findings()
            );
        }
    }
    let world = World::new()
        .zone(zone().srv("_autodiscover._tcp.d.test", 0, 0, port, "home.d.test").a("home.d.test", "127.0.0.1"));
    let outcome = world.bluemind().run();
    assert!(outcome.findings().contains("autodiscover_loopback_address: home.d.test"), "{:?}", outcome.findings());
    assert_eq!(seen.load(Ordering::SeqCst), 0, "nothing was ever asked there");
}

#[test]
fn every_address_is_asked() {
    let addresses: Vec<String> = (1..10).map(|n| format!("192.0.2.{n}")).collect();
    let all = addresses.iter().fold(Zone::new().soa("d.test"), |zone, address| zone.a(HOST, address));
    let mut world = World::new().zone(all);
    for address in &addresses {
        let good = world.logged(http::bluemind().behind(world.good()));
        let site = if address == "192.0.2.9" {
            Site::always(Response::new("404 Not Found", &[], "no")).behind(world.good())
        } else {
            good
        };
        world = world.at(address, 443, site);
    }
    let outcome = world.run();
    assert_eq!(
        outcome.rows("SELECT count(DISTINCT address) FROM http_exchange WHERE method = 'autodiscover'"),
        [["9"]]
    );
    assert_ne!(outcome.verdicts("d.test").1, "yes", "{}", outcome.trace());
    let many: Vec<String> = (1..=40).map(|n| format!("198.51.100.{n}")).collect();
    let world = World::new().zone(many.iter().fold(Zone::new().soa("d.test"), |zone, address| zone.a(HOST, address)));
    let site = world.logged(http::bluemind().behind(world.good())).start();
    let world = many.iter().fold(world, |world, address| world.peer(address, 443, site.address));
    let outcome = world.keep(site).run();
    let left = outcome.rows("SELECT count(*) FROM http_exchange WHERE method = 'autodiscover' AND outcome = 'not_asked' AND detail LIKE '%more addresses%'");
    assert_eq!(left, [["8"]], "{}", outcome.trace());
    assert_eq!(outcome.verdicts("d.test").1, "unknown", "{}", outcome.trace());
}

#[test]
fn a_resolver_that_drops_questions_for_ipv6_is_asked_for_few() {
    let names: Vec<String> = (0..20).map(|n| format!("d{n}.test")).collect();
    let zone = |is_dropping: bool| {
        names.iter().fold(Zone::new(), |zone, name| {
            let host = format!("autodiscover.{name}");
            let zone = zone.soa(name).a(&host, BLUEMIND);
            if is_dropping { zone.silent_for_ipv6(name).silent_for_ipv6(&host) } else { zone }
        })
    };
    let domains: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), [].as_slice())).collect();
    let start = Instant::now();
    let outcome = World::new().domains(&domains).zone(zone(true)).bluemind().run();
    // Three seconds for each name would be a minute.
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    assert!(names.iter().all(|name| outcome.verdicts(name).0 == "yes"), "{}", outcome.trace());
    let asked =
        |outcome: &str| format!("SELECT count(*) FROM dns_answer WHERE type = 'AAAA' AND outcome = '{outcome}'");
    assert_ne!(outcome.rows(&asked("not_asked")), [["0"]]);
    let outcome = World::new().domains(&domains).zone(zone(false)).bluemind().run();
    assert_eq!(outcome.rows(&asked("not_asked")), [["0"]]);
    let six = World::new().zone(Zone::new().soa("d.test").aaaa(HOST, BLUEMIND_6).a(HOST, OTHER));
    assert_eq!(six.run().rows("SELECT count(*) FROM dns_record WHERE type = 'AAAA'"), [["1"]]);
}

//! Peers that mean harm, or are as broken as if they did: each is named in the facts, and none of them holds up a run.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::peers::dns::Zone;
use crate::peers::http::{Response, Site};
use crate::peers::socket::{self, Peer};
use crate::peers::tls::{Leaf, Tls};
use crate::world::{BLUEMIND, Outcome, World};

const NOT_STARTING: &str = "mapi_will_not_start: installation";
const URL: &str = "https://autodiscover.d.test/autodiscover/autodiscover.xml";

/// What a hostile peer does at the address of `autodiscover.`.
enum Evil {
    /// It speaks http behind a good certificate.
    Site(Site),
    /// It speaks something else.
    Peer(Peer),
}

fn zone() -> Zone {
    Zone::new().soa("d.test").a("autodiscover.d.test", BLUEMIND)
}

fn met(evil: Evil) -> Outcome {
    let world = World::new().zone(zone());
    let world = match evil {
        Evil::Site(site) => {
            let tls = world.good();
            world.at(BLUEMIND, 443, site.behind(tls))
        }
        Evil::Peer(peer) => world.peer(BLUEMIND, 443, peer.address).keep(peer),
    };
    let (outcome, spent) = timed(|| world.run());
    assert!(spent < Duration::from_secs(12), "{spent:?}");
    outcome
}

#[allow(clippy::disallowed_methods, reason = "a run is timed from outside")]
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = run();
    (done, start.elapsed())
}

/// It ends as `reason`, and no fact has a character that a terminal would act on.
fn named(evil: Evil, reason: &str) {
    let outcome = met(evil);
    let seen = outcome.rows("SELECT DISTINCT result FROM autodiscover_probe WHERE method = 'autodiscover'");
    assert_eq!(seen, [[reason]], "{}", outcome.trace());
    let findings = outcome.findings();
    assert!(findings.contains(NOT_STARTING), "{findings:?}");
    assert!(findings.contains(&format!("autodiscover_unreachable: d.test ({reason})")), "{findings:?}");
    harmless(&outcome);
}

/// Nothing that is shown to people can do anything to them.
fn harmless(outcome: &Outcome) {
    let is_bad = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    let shown = format!("{}\n{}", outcome.trace(), outcome.told());
    assert!(!shown.contains(is_bad), "{shown:?}");
}

fn location(to: &str) -> Evil {
    Evil::Site(Site::always(Response::redirect(to)))
}

fn bytes(head: &[u8]) -> Evil {
    Evil::Site(Site::always(Response::Bytes(head.to_vec())))
}

/// A record of TLS whose content is none.
fn garbage_in_tls() -> Peer {
    Peer::start(|mut stream| {
        let read = stream.read(&mut [0; 4096]);
        let garbage = [&[0x16, 3, 3, 0x40, 0][..], &[0xa5; 0x4000]].concat();
        drop(read.and_then(|_| stream.write_all(&garbage)));
        socket::until_closed(stream);
    })
}

/// Says one byte of a TLS record after the other.
fn slow_tls() -> Peer {
    Peer::start(|mut stream| {
        let mut record = [0x16, 3, 3, 0x40, 0].into_iter().chain(std::iter::repeat(0)).take(200);
        while record.next().is_some_and(|byte| stream.write_all(&[byte]).is_ok()) {
            std::thread::sleep(Duration::from_millis(100));
        }
    })
}

#[test]
fn headers_and_handshakes_that_drip() {
    named(Evil::Site(Site::always(Response::slow_headers())), "timeout");
    named(Evil::Peer(slow_tls()), "tls_timeout");
}

#[test]
fn a_page_that_drips_is_judged_by_what_came() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>".to_vec();
    named(Evil::Site(Site::always(Response::SlowBody(head, Duration::from_millis(100)))), "html_page");
}

#[test]
fn headers_without_end() {
    let head = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Bomb: xxxxxxxxxxxxxxxx\r\n".repeat(100_000));
    named(bytes(head.as_bytes()), "not_http");
    named(Evil::Site(Site::always(Response::Flood(b"HTTP/1.1 200 OK\r\nX-Long: ".to_vec(), 200_000_000))), "not_http");
}

#[test]
fn garbage_in_place_of_tls() {
    named(Evil::Peer(garbage_in_tls()), "failed");
    named(Evil::Peer(socket::saying(&[0xff; 70_000])), "not_tls");
    named(Evil::Peer(socket::closing()), "closed");
}

#[test]
fn garbage_in_place_of_http() {
    named(bytes(&[0xff; 70_000]), "not_http");
    named(bytes(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000)), "closed");
    named(bytes(b"HTTP/1.1 999999 \x1b[2J\r\n\r\n"), "not_http");
    named(bytes(b"HTTP/1.1 302 Found\r\nLocation\x00: x\r\n\r\n"), "not_http");
}

#[test]
fn redirects_to_where_no_client_may_go() {
    named(location("file:///etc/passwd"), "bad_redirect");
    named(location("javascript:alert(1)"), "bad_redirect");
    named(location("https://admin:secret@autodiscover.d.test/"), "bad_redirect");
    named(location("https://\u{202e}evil.test/\u{9b}2J"), "bad_redirect");
    named(location("https://d.test\x1b[2J/"), "bad_redirect");
    named(location("https://127.0.0.1/autodiscover/autodiscover.xml"), "bad_redirect");
    named(location("https://localhost/autodiscover/autodiscover.xml"), "bad_redirect");
    named(location("https://[::ffff:127.0.0.1]/autodiscover/autodiscover.xml"), "bad_redirect");
    named(location(&format!("https://{}.test/", "x".repeat(20_000))), "unresolved");
}

#[test]
fn redirects_without_end() {
    named(location(URL), "redirect_loop");
    let endless = Site::new(|request| Response::redirect(&format!("{}x", request.path())));
    named(Evil::Site(endless), "too_many_redirects");
}

#[test]
fn names_in_certificates_that_would_act_on_a_reader() {
    let names = ["<script>alert(1)</script>.d.test", "x\u{1b}[2J.d.test", "a b.d.test", "\u{7}.d.test"];
    let leaf = Leaf::of(&names).valid(crate::world::NOW - 9, crate::world::NOW + 9_000_000);
    let world = World::new().zone(zone());
    let tls = Tls::of(world.authority().issue(&leaf.named("<b>\u{202e}\u{1b}]0;evil\u{7}</b>")));
    let outcome = world.bluemind_behind(tls).run();
    let findings = ["autodiscover_certificate_name_mismatch: autodiscover.d.test (name_mismatch)"];
    outcome.expect("hostile names", ("yes", "warns"), &findings, &[]);
    harmless(&outcome);
    let names = outcome.rows("SELECT DISTINCT names FROM tls_handshake WHERE certificate_sha256 IS NOT NULL");
    assert_eq!(names, [["<script>alert(1)</script>.d.test x\\u{1b}[2J.d.test a\\x20b.d.test \\u{7}.d.test"]]);
}

#[test]
fn dns_that_says_nothing_of_use() {
    for zone in [zone().garbage("autodiscover.d.test"), zone().wrong_id("autodiscover.d.test")] {
        let (outcome, spent) = timed(|| World::new().zone(zone).bluemind().run());
        assert!(spent < Duration::from_secs(12), "{spent:?}");
        assert_eq!(outcome.verdicts("d.test"), ("unknown".to_owned(), "unknown".to_owned()), "{}", outcome.trace());
        assert!(outcome.unknown().contains("mapi_will_not_start"), "{:?}", outcome.unknown());
        harmless(&outcome);
    }
}

/// All of them together take no longer than the slowest, and a run does not swallow what it is fed.
#[test]
fn all_of_them_at_once() {
    let html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>".to_vec();
    let evils: Vec<Evil> = vec![
        Evil::Site(Site::always(Response::slow_headers())),
        Evil::Site(Site::always(Response::slow_body())),
        Evil::Site(Site::always(Response::SlowBody(html, Duration::from_millis(100)))),
        Evil::Site(Site::always(Response::huge_body())),
        Evil::Site(Site::always(Response::Flood(b"HTTP/1.1 200 OK\r\nX-Long: ".to_vec(), 200_000_000))),
        Evil::Site(Site::always(Response::Silence)),
        Evil::Site(Site::new(|request| Response::redirect(&format!("{}x", request.path())))),
        location("file:///etc/passwd"),
        Evil::Peer(slow_tls()),
        Evil::Peer(garbage_in_tls()),
        Evil::Peer(socket::saying(&[0xff; 70_000])),
        Evil::Peer(socket::silent()),
        Evil::Peer(socket::closing()),
    ];
    let names: Vec<String> = (1..=evils.len()).map(|number| format!("evil{number}.test")).collect();
    let domains: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
    let mut world = World::new().domains(&domains);
    let mut zone = Zone::new();
    for (number, (name, evil)) in names.iter().zip(evils).enumerate() {
        let (host, address) = (format!("autodiscover.{name}"), format!("192.0.2.{}", 100 + number));
        zone = zone.soa(name).a(&host, &address);
        let tls = Tls::of(world.certificate(&[&host]));
        world = match evil {
            Evil::Site(site) => world.at(&address, 443, site.behind(tls)),
            Evil::Peer(peer) => world.peer(&address, 443, peer.address).keep(peer),
        };
        world = world.peer(&address, 80, socket::nobody());
    }
    let zone = zone.soa("garbled.test").garbage("autodiscover.garbled.test");
    let (outcome, spent) = timed(|| world.zone(zone).run());
    assert!(spent < Duration::from_secs(20), "{spent:?}");
    let counted = outcome.rows("SELECT count(*) FROM autodiscover_verdict WHERE bm_mapi = 'yes'");
    assert_eq!(counted, [["0"]], "{}", outcome.trace());
    harmless(&outcome);
    // Of two pages of 200 MB for each of two spellings, nothing is left.
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        peak.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    assert!(peak.is_none_or(|kib| kib < 400 << 10), "{peak:?} KiB");
}

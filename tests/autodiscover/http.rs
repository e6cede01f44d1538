//! What the host of autodiscover answers: the scenarios of redirects, pages and silence.

use std::io::{Read, Write};
use std::time::Duration;

use crate::peers::dns::Zone;
use crate::peers::http::{self, Response, Site};
use crate::peers::{socket, tls};
use crate::world::{BLUEMIND, OTHER, Outcome, World};

const NOT_STARTING: &str = "mapi_will_not_start: installation";
const URL: &str = "https://autodiscover.d.test/autodiscover/autodiscover.xml";

/// Only `autodiscover.` has an address, that of BlueMind.
fn zone() -> Zone {
    Zone::new().soa("d.test").a("autodiscover.d.test", BLUEMIND)
}

/// A site at the address of `autodiscover.`, with a good certificate.
fn answering(site: Site) -> World {
    let world = World::new().zone(zone());
    let tls = world.good();
    world.at(BLUEMIND, 443, site.behind(tls))
}

/// A site like that, which says one thing only.
fn saying(response: Response) -> World {
    answering(Site::always(response))
}

/// Like `answering`, with the requests in this server's log.
fn logged(site: Site) -> World {
    let world = World::new().zone(zone());
    let site = world.logged(site.behind(world.good()));
    world.at(BLUEMIND, 443, site)
}

/// bm-mapi does not start, and no workstation connects: this is why.
fn dead(scenario: &str, outcome: &Outcome, reason: &str, more: &[&str]) {
    let unreachable = format!("autodiscover_unreachable: d.test ({reason})");
    let findings = [&[NOT_STARTING, unreachable.as_str()], more].concat();
    outcome.expect(scenario, ("no", "no"), &findings, &[]);
}

fn broken(reason: &str) -> String {
    format!("autodiscover_redirect_broken: {URL} ({reason})")
}

#[test]
fn scenario_37_redirected_to_the_external_url() {
    let zone = zone().a("mail.d.test", BLUEMIND);
    let world = World::new().zone(zone);
    let site = Site::new(|request| match request.header("host") {
        "mail.d.test" => Response::bluemind(),
        _ => Response::redirect(&format!("https://mail.d.test{}", request.target())),
    });
    let site = world.logged(site.behind(world.good()));
    let findings = [&*format!("autodiscover_redirected: {URL}")];
    world.at(BLUEMIND, 443, site).run().expect("37", ("yes", "warns"), &findings, &[]);
}

#[test]
fn scenario_38_only_plain_http_leads_to_bluemind() {
    let zone = Zone::new().soa("d.test").a("autodiscover.d.test", OTHER).a("mail.d.test", BLUEMIND);
    let world = World::new().zone(zone).bluemind();
    let plain = http::redirect("https://mail.d.test/autodiscover/autodiscover.xml");
    let findings = ["autodiscover_fallback_only: d.test (redirect_method_only)"];
    let unknown = ["mapi_will_not_start"];
    world.at(OTHER, 80, plain).run().expect("38", ("unknown", "warns"), &findings, &unknown);
}

#[test]
fn scenario_39_a_redirect_in_a_circle() {
    let site = Site::new(|request| match request.path() {
        "/elsewhere" => Response::redirect("/autodiscover/autodiscover.xml"),
        _ => Response::redirect("/elsewhere"),
    });
    dead("39", &answering(site).run(), "redirect_loop", &[&broken("redirect_loop")]);
}

#[test]
fn scenario_40_more_redirects_than_a_client_follows() {
    let site = Site::new(|request| {
        let number: u32 = request.path().trim_start_matches("/hop").parse().unwrap_or(0);
        Response::redirect(&format!("/hop{}", number + 1))
    });
    dead("40", &answering(site).run(), "too_many_redirects", &[&broken("too_many_redirects")]);
}

#[test]
fn ten_redirects_are_followed() {
    let site = Site::new(|request| match request.path().trim_start_matches("/hop").parse().unwrap_or(0) {
        10 => Response::bluemind(),
        number => Response::redirect(&format!("/hop{}", number + 1)),
    });
    let findings = [&*format!("autodiscover_redirected: {URL}")];
    logged(site).run().expect("ten redirects", ("yes", "warns"), &findings, &[]);
}

#[test]
fn scenario_41_a_redirect_to_plain_http() {
    let outcome = saying(Response::redirect("http://autodiscover.d.test/autodiscover/autodiscover.xml")).run();
    dead("41", &outcome, "plain_http", &[&broken("plain_http")]);
}

#[test]
fn scenario_42_a_redirect_to_nowhere() {
    let outcome = saying(Response::new("302 Found", &[], "")).run();
    dead("42", &outcome, "bad_redirect", &[&broken("no_target")]);
}

#[test]
fn scenario_42_a_redirect_that_cannot_be_read() {
    let outcome = saying(Response::redirect("https://[::1/")).run();
    dead("42", &outcome, "bad_redirect", &[&broken("bad_redirect")]);
}

#[test]
fn scenario_43_no_such_page() {
    dead("43", &saying(Response::not_found()).run(), "not_found", &[]);
}

#[test]
fn scenario_43_no_such_page_of_this_very_server() {
    dead("43", &logged(http::not_found()).run(), "not_found", &[]);
}

#[test]
fn scenario_48_a_page_for_people() {
    let page = Response::new("200 OK", &[("Content-Type", "text/html")], "<!DOCTYPE html><html><body>Hi</body></html>");
    dead("48", &saying(page).run(), "html_page", &[]);
}

#[test]
fn scenario_49_xml_that_is_none() {
    let cut = "<?xml version=\"1.0\"?><Autodiscover><Response>";
    let outcome = saying(Response::new("200 OK", &[("Content-Type", "text/xml")], cut)).run();
    dead("49", &outcome, "invalid_xml", &[]);
}

#[test]
fn scenario_50_bm_mapi_is_down() {
    let findings = [&*format!("autodiscover_mapi_down: {URL} (mapi_down)")];
    let outcome = logged(Site::always(Response::bluemind_error_page())).run();
    outcome.expect("50", ("no", "no"), &findings, &["mapi_will_not_start"]);
}

#[test]
fn scenario_51_bm_core_is_down() {
    let site = Site::new(|_| {
        std::thread::sleep(Duration::from_millis(500));
        Response::new("503 Service Unavailable", &[("Server", "nginx")], "")
    });
    let findings = [&*format!("autodiscover_core_down: {URL} (core_not_running)")];
    logged(site).run().expect("51", ("unknown", "no"), &findings, &["mapi_will_not_start", "autodiscover_unreachable"]);
}

#[test]
fn scenario_52_the_server_fails() {
    dead("52", &saying(Response::new("500 Internal Server Error", &[], "")).run(), "server_error", &[]);
}

#[test]
fn scenario_53_the_path_is_forbidden() {
    dead("53", &saying(Response::new("403 Forbidden", &[], "")).run(), "forbidden", &[]);
}

#[test]
fn scenario_54_only_one_spelling_of_the_path() {
    let site = Site::new(|request| match request.path() {
        "/autodiscover/autodiscover.xml" => Response::bluemind(),
        _ => Response::not_found(),
    });
    let findings = ["autodiscover_path_case: autodiscover.d.test (capital_fails)"];
    logged(site).run().expect("54", ("yes", "warns"), &findings, &[]);
}

#[test]
fn scenario_56_silence_in_place_of_tls() {
    let server = socket::silent();
    let world = World::new().zone(zone()).peer(BLUEMIND, 443, server.address);
    dead("56", &world.keep(server).run(), "tls_timeout", &[]);
}

#[test]
fn scenario_57_headers_that_drip() {
    dead("57", &saying(Response::slow_headers()).run(), "timeout", &[]);
}

#[test]
fn scenario_58_a_body_that_drips() {
    let findings = [&*format!("autodiscover_answer_incomplete: {URL} (body_cut_short)")];
    logged(Site::always(Response::slow_body())).run().expect("58", ("yes", "yes"), &findings, &[]);
}

#[test]
fn scenario_59_a_page_of_200_megabytes() {
    let outcome = saying(Response::huge_body()).run();
    let findings = [&*format!("autodiscover_answer_incomplete: {URL} (body_too_large)")];
    dead("59", &outcome, "html_page", &findings);
    let read = outcome.rows("SELECT max(body_bytes) FROM http_exchange");
    assert_eq!(read, [["65536"]]);
}

#[test]
fn scenario_60_nobody_listens() {
    dead("60", &World::new().zone(zone()).run(), "refused", &[]);
}

#[test]
fn scenario_61_a_mail_server_on_the_port_of_https() {
    let server = socket::saying(b"220 mail.d.test ESMTP Postfix\r\n");
    let world = World::new().zone(zone()).peer(BLUEMIND, 443, server.address);
    dead("61", &world.keep(server).run(), "not_tls", &[]);
}

#[test]
fn scenario_61_plain_http_on_the_port_of_https() {
    let server = socket::Peer::start(|mut stream| {
        let read = stream.read(&mut [0; 4096]);
        drop(read.and_then(|_| stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")));
        socket::until_closed(stream);
    });
    let world = World::new().zone(zone()).peer(BLUEMIND, 443, server.address);
    dead("61", &world.keep(server).run(), "not_tls", &[]);
}

#[test]
fn a_server_that_closes_every_connection() {
    let server = socket::closing();
    let world = World::new().zone(zone()).peer(BLUEMIND, 443, server.address);
    dead("closing", &world.keep(server).run(), "closed", &[]);
}

#[test]
fn only_the_capital_spelling_of_the_path_leaves_bm_mapi_in_doubt() {
    let site = Site::new(|request| match request.path() {
        "/Autodiscover/Autodiscover.xml" => Response::bluemind(),
        _ => Response::not_found(),
    });
    let findings = ["autodiscover_path_case: autodiscover.d.test (lower_fails)"];
    logged(site).run().expect("54", ("unknown", "warns"), &findings, &["mapi_will_not_start"]);
}

#[test]
fn scenario_76_nothing_newer_than_tls_1_0() {
    let server = tls::too_old();
    let world = World::new().zone(zone()).peer(BLUEMIND, 443, server.address);
    dead("76", &world.keep(server).run(), "too_old", &[]);
}

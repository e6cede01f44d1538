//! What Outlook, mobiles and browsers talk to once autodiscover has set them up: the URLs of the installation.

use crate::peers::dns::Zone;
use crate::peers::http::{self, Response, Site};
use crate::peers::tls::{Leaf, Tls};
use crate::world::{BLUEMIND, DAY, NOW, OTHER, Outcome, World};

const URL: &str = "https://mail.d.test/";

fn zone() -> Zone {
    Zone::new().soa("d.test").a("autodiscover.d.test", BLUEMIND).a("mail.d.test", BLUEMIND)
}

fn world() -> World {
    World::new().zone(zone()).external_url("mail.d.test").facts(
        "package = [{ server_uid = \"core\", name = \"bm-mapi\" }, { server_uid = \"core\", name = \"bm-eas\" }]\n",
    )
}

fn states(outcome: &Outcome) -> Vec<Vec<String>> {
    outcome.rows("SELECT method, state FROM public_url_method ORDER BY method")
}

#[test]
fn a_bluemind_that_serves_everything_is_silent() {
    let world = world();
    let site = world.logged(http::bluemind_with_pages().behind(world.good()));
    let outcome = world.at(BLUEMIND, 443, site).run();
    outcome.expect("everything", ("yes", "yes"), &[], &[]);
    let all = ["activesync", "emsmdb", "nspi", "web"].map(|method| [method, "yes"]);
    assert_eq!(states(&outcome), all, "{}", outcome.trace());
}

#[test]
fn a_proxy_that_passes_on_the_pages_alone_is_told_for_each_path() {
    let world = world();
    let site = Site::new(|request| match request.path() {
        "/" => Response::redirect("/login/index.html"),
        "/login/index.html" => {
            Response::new("200 OK", &[("Content-Type", "text/html")], "<html><title>BlueMind</title></html>")
        }
        path if path.to_ascii_lowercase().starts_with("/autodiscover") => Response::bluemind(),
        "/mapi/nspi/" => Response::new("400 Bad Request", &[], ""),
        _ => Response::redirect("/login/index.html"),
    });
    let site = world.logged(site.behind(world.good()));
    let outcome = world.at(BLUEMIND, 443, site).run();
    let findings: Vec<String> = outcome.findings().into_iter().collect();
    let blocked = ["Microsoft-Server-ActiveSync", "mapi/emsmdb/"]
        .map(|path| format!("external_url_path_blocked: {URL}{path} (not_passed_on)"));
    assert_eq!(findings, blocked, "{}", outcome.trace());
    assert!(outcome.unknown().contains("external_url_path_blocked"), "400 may be of bm-mapi itself");
}

#[test]
fn its_certificate_its_name_and_its_service_are_told() {
    let world = world();
    let names = ["autodiscover.d.test", "mail.d.test"];
    let ended = Tls::of(world.authority().issue(&Leaf::of(&names).valid(NOW - 90 * DAY, NOW - DAY)));
    let site = world.logged(http::bluemind_with_pages().behind(ended));
    let outcome = world.at(BLUEMIND, 443, site).run();
    assert!(
        outcome.findings().contains(&format!("external_url_certificate: {URL} (expired)")),
        "{:?}",
        outcome.findings()
    );

    let world =
        World::new().zone(Zone::new().soa("d.test").a("autodiscover.d.test", BLUEMIND)).external_url("mail.d.test");
    let gone = world.bluemind().run();
    assert!(
        gone.findings().iter().any(|told| told.starts_with(&format!("external_url_unreachable: {URL}"))),
        "{:?}",
        gone.findings()
    );

    // Only at one of two addresses: the other is somebody else's.
    let world = World::new().zone(zone().a("mail.d.test", OTHER)).external_url("mail.d.test");
    let good = world.logged(http::bluemind_with_pages().behind(world.good()));
    let other = http::not_found().behind(world.good());
    let half = world.at(BLUEMIND, 443, good).at(OTHER, 443, other).run();
    assert!(
        half.findings().iter().any(|told| told.starts_with(&format!("external_url_unreachable: {URL}"))),
        "{:?}",
        half.findings()
    );
    assert!(half.told().contains("192.0.2.2 does not lead to BlueMind"), "{}", half.told());
}

#[test]
fn bm_ini_goes_before_the_database() {
    let world = World::new().zone(zone().a("webmail.d.test", BLUEMIND)).external_url("mail.d.test");
    let world = world
        .file("etc/bm/bm.ini", "[global]\nexternal-url = webmail.d.test\nother-urls = mail.d.test mail.corp.local\n");
    let outcome = world.bluemind().run();
    let urls = outcome.rows("SELECT url, source, is_main FROM public_url ORDER BY url");
    let expected =
        [["https://mail.corp.local/", "bm_ini", "0"], [URL, "bm_ini", "0"], ["https://webmail.d.test/", "bm_ini", "1"]];
    assert_eq!(urls, expected);
    assert_eq!(outcome.rows("SELECT external_url FROM public_host"), [["webmail.d.test"]]);
    assert!(outcome.findings().contains("external_url_internal: https://mail.corp.local/"), "{:?}", outcome.findings());
}

#[test]
fn a_url_that_is_not_known_is_no_url_that_works() {
    let none = World::new().zone(zone()).bluemind().run();
    assert!(none.reasons("external_url_unreachable").contains("names an external URL"));
    let wrong = World::new().zone(zone()).external_url("192.0.2.1").bluemind().run();
    assert!(wrong.reasons("external_url_unreachable").contains("192.0.2.1 is no name of a host"));
    assert_eq!(wrong.rows("SELECT count(*) FROM dns_answer WHERE purpose = 'public'"), [["0"]]);
    // A bm.ini that is there and cannot be read may name another one than the directory.
    let world = World::new().zone(zone()).external_url("mail.d.test");
    std::fs::create_dir_all(world.folder().join("etc/bm/bm.ini")).unwrap();
    let outcome = world.bluemind().run();
    assert!(
        outcome.reasons("external_url_unreachable").contains("bm.ini"),
        "{}",
        outcome.reasons("external_url_unreachable")
    );
    assert!(outcome.reasons("external_url_internal").contains("bm.ini"));
    assert_eq!(outcome.verdicts("d.test"), ("yes".to_owned(), "yes".to_owned()));
}

use std::net::Ipv4Addr;

use super::super::peers::stand_ins::http::{self as sites, Response as Reply, Server, Site};
use super::super::peers::stand_ins::socket;
use super::super::peers::stand_ins::tls::{self, Authority, Leaf, Tls};
use super::super::peers::tests::peers;
use super::super::words::Kind;
use super::url::without_token;
use super::*;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn tls() -> Tls {
    Tls::of(Authority::root("Nobody's").issue(&Leaf::of(&["wrong.test"])))
}

fn request(scheme: &'static str, port: u16) -> Request<'static> {
    Request {
        method: if scheme == "http" { Method::Redirect } else { Method::Autodiscover },
        spelling: Spelling::Lower,
        scheme,
        host: "autodiscover.d.test",
        port,
        address: LOCALHOST,
        token: TOKEN.to_owned(),
    }
}

async fn nowhere(_: String) -> Vec<IpAddr> {
    Vec::new()
}

async fn here(_: String) -> Vec<IpAddr> {
    vec!["2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap()]
}

/// Asks an https server.
async fn asked(server: &Server) -> Vec<Hop> {
    let named = format!("autodiscover.d.test:{}", server.address.port());
    let peers = peers(&[], &[(&named, server.address)]);
    peers.probe(request("https", server.address.port()), here).await.hops
}

/// The only hop of a probe of an https server.
async fn answer(site: Site) -> Hop {
    let mut hops = asked(&site.behind(tls()).start()).await;
    assert_eq!(hops.len(), 1, "{hops:?}");
    hops.remove(0)
}

/// Asks an https server at 443 that is really at another port.
async fn asked_at_443(server: &Server, host: &'static str) -> Probe {
    let peers = peers(&[], &[("autodiscover.d.test:443", server.address), ("mail.d.test:443", server.address)]);
    peers.probe(Request { host, ..request("https", 443) }, here).await
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_else() {
    let server = sites::bluemind().behind(tls()).start();
    let probe = asked_at_443(&server, "autodiscover.d.test").await;
    assert_eq!((probe.method, probe.spelling, probe.token.as_str()), (Method::Autodiscover, Spelling::Lower, TOKEN));
    let [hop] = probe.hops.as_slice() else { panic!("{:?}", probe.hops) };
    assert_eq!((hop.outcome.word(), hop.status, hop.kind.map(Kind::word)), ("answer", Some(401), Some("bluemind")));
    assert_eq!(hop.url, "https://autodiscover.d.test/autodiscover/autodiscover.xml");
    assert_eq!((hop.host.as_str(), hop.address), ("autodiscover.d.test", Some(LOCALHOST)));
    assert_eq!((hop.realm.as_deref(), hop.schemes.as_deref()), (Some("bm.basic.auth.v2"), Some("Basic")));
    assert_eq!((hop.server.as_deref(), hop.body.word(), hop.body_bytes), (Some("nginx"), "complete", 0));
    assert_eq!(hop.detail, None);
    let requests = server.requests();
    assert_eq!(requests[0].line, format!("GET /autodiscover/autodiscover.xml?bmpf={TOKEN} HTTP/1.1"));
    assert_eq!(requests[0].header("host"), "autodiscover.d.test");
    assert!(requests[0].header("user-agent").starts_with("bm-preflight/"));
    assert!(requests[0].header("user-agent").contains(TOKEN));
    let mut names: Vec<_> = requests[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host", "user-agent"]);
}

#[tokio::test]
async fn the_path_is_spelt_as_asked_and_a_port_is_named() {
    let server = sites::bluemind().start();
    let peers = peers(&[], &[("d.test:8080", server.address)]);
    let request = Request { spelling: Spelling::Capital, host: "d.test", ..request("http", 8080) };
    let hops = peers.probe(request, nowhere).await.hops;
    assert_eq!(hops[0].url, "http://d.test:8080/Autodiscover/Autodiscover.xml");
    assert_eq!(server.requests()[0].path(), "/Autodiscover/Autodiscover.xml");
    assert_eq!(server.requests()[0].header("host"), "d.test:8080");
}

#[tokio::test]
async fn answers_are_told_apart() {
    for (response, status, kind) in [
        (Reply::exchange(), 401, "exchange"),
        (Reply::not_found(), 404, "html"),
        (Reply::bluemind_error_page(), 502, "bluemind_error_page"),
        (Reply::new("503 Service Unavailable", &[], ""), 503, "empty"),
        (Reply::new("200 OK", &[("Content-Type", "text/xml")], "<Autodiscover><Resp"), 200, "invalid_xml"),
        (Reply::new("403 Forbidden", &[], "no"), 403, "other"),
    ] {
        let hop = answer(Site::always(response)).await;
        assert_eq!((hop.outcome.word(), hop.status, hop.kind.map(Kind::word)), ("answer", Some(status), Some(kind)));
    }
    let hop = answer(Site::always(Reply::autodiscover_error("600"))).await;
    assert_eq!((hop.kind.map(Kind::word), hop.error_code.as_deref()), (Some("autodiscover"), Some("600")));
}

#[tokio::test]
async fn a_redirect_is_followed_with_the_token_and_recorded_without() {
    let server = Site::new(|request| match request.header("host") {
        "autodiscover.d.test" => Reply::redirect(&format!("https://mail.d.test{}&x=1", request.target())),
        _ => Reply::bluemind(),
    });
    let server = server.behind(tls()).start();
    let hops = asked_at_443(&server, "autodiscover.d.test").await.hops;
    let seen: Vec<_> = hops.iter().map(|hop| (hop.url.as_str(), hop.kind.unwrap().word())).collect();
    let path = "/autodiscover/autodiscover.xml";
    assert_eq!(
        seen,
        [
            (format!("https://autodiscover.d.test{path}").as_str(), "redirect"),
            (format!("https://mail.d.test{path}?x=1").as_str(), "bluemind")
        ]
    );
    assert_eq!(hops[0].location.as_deref(), Some("https://mail.d.test/autodiscover/autodiscover.xml?x=1"));
    assert_eq!(server.requests()[1].target(), format!("{path}?x=1&bmpf={TOKEN}-01"));
    assert!(!format!("{hops:?}").contains(TOKEN));
}

#[tokio::test]
async fn redirects_that_end_where_they_are() {
    let path = "/autodiscover/autodiscover.xml";
    for (location, expected) in [
        ("", "redirect_loop"),
        (path, "redirect_loop"),
        ("#part", "redirect_loop"),
        ("http://mail.d.test/", "plain_http"),
        ("ftp://mail.d.test/", "bad_redirect"),
        ("javascript:alert(1)", "bad_redirect"),
        ("https://", "bad_redirect"),
        ("https://mail.d.test:99999/", "bad_redirect"),
        ("https://user:secret@mail.d.test/", "bad_redirect"),
        ("https://mail.d.test/\t", "answer"),
        ("https://mail.d.test/a\tb", "bad_redirect"),
        ("https://mail.d.test/\x1b[31m", "bad_redirect"),
        ("https://mail.d.test/\x01", "bad_redirect"),
    ] {
        let server = Site::always(Reply::redirect(location)).behind(tls()).start();
        let hops = peers(&[], &[]).probe(request("https", server.address.port()), nowhere).await.hops;
        assert_eq!(hops[0].outcome.word(), expected, "{location:?} {:?}", hops[0].detail);
        assert_eq!((hops[0].status, hops[0].kind.map(Kind::word)), (Some(302), Some("redirect")));
    }
    let hop = answer(Site::always(Reply::new("301 Moved", &[], ""))).await;
    assert_eq!(hop.outcome.word(), "bad_redirect");
}

#[tokio::test]
async fn redirects_do_not_go_on_for_ever() {
    let counted = Site::new(|request| {
        let number = request.path().trim_start_matches('/').parse::<u32>().unwrap_or_default();
        Reply::redirect(&format!("/{}", number + 1))
    });
    let server = counted.behind(tls()).start();
    let hops = asked(&server).await;
    assert_eq!((hops.len(), hops.last().unwrap().outcome.word()), (11, "too_many_redirects"));
    let looped = Site::new(|request| Reply::redirect(if request.path() == "/a" { "/b" } else { "/a" }));
    let server = looped.behind(tls()).start();
    let outcomes: Vec<_> = asked(&server).await.iter().map(|hop| hop.outcome.word()).collect();
    assert_eq!(outcomes, ["answer", "answer", "redirect_loop"]);
}

#[tokio::test]
async fn the_redirect_of_port_80_must_lead_to_https() {
    let safe = sites::bluemind().behind(tls()).start();
    let plain = sites::redirect("https://mail.d.test/autodiscover/autodiscover.xml").start();
    let peers = peers(&[], &[("mail.d.test:443", safe.address)]);
    let hops = peers.probe(request("http", plain.address.port()), here).await.hops;
    assert_eq!((hops.len(), hops[1].kind.map(Kind::word)), (2, Some("bluemind")));
    let hops = peers.probe(request("http", plain.address.port()), nowhere).await.hops;
    assert_eq!((hops[1].outcome.word(), hops[1].address, hops[1].status), ("unresolved", None, None));
    let worse = sites::redirect("http://mail.d.test/").start();
    let hops = peers.probe(request("http", worse.address.port()), here).await.hops;
    assert_eq!((hops.len(), hops[0].outcome.word()), (1, "plain_http"));
}

#[tokio::test]
async fn an_address_in_a_redirect_needs_no_resolver() {
    let last = sites::bluemind().behind(tls()).start();
    let first = sites::redirect("https://192.0.2.7/").behind(tls()).start();
    let peers = peers(&[], &[("192.0.2.7:443", last.address)]);
    let hops = peers.probe(request("https", first.address.port()), nowhere).await.hops;
    assert_eq!((hops[1].kind.map(Kind::word), hops[1].address), (Some("bluemind"), Some("192.0.2.7".parse().unwrap())));
    assert_eq!(last.requests().last().unwrap().header("host"), "192.0.2.7");
}

#[tokio::test]
async fn office365_is_seen_in_the_location_and_in_the_host() {
    let server = sites::redirect("https://autodiscover-s.outlook.com/x").behind(tls()).start();
    let hops = peers(&[], &[]).probe(request("https", server.address.port()), nowhere).await.hops;
    assert_eq!((hops[0].kind.map(Kind::word), hops[1].outcome.word()), (Some("office365"), "unresolved"));
}

#[tokio::test]
async fn those_who_do_not_answer() {
    for (peer, https, http) in [
        (socket::silent(), "tls_timeout", "timeout"),
        (socket::closing(), "closed", "closed"),
        (socket::saying(b"220 mail.d.test ESMTP Postfix\r\n"), "not_tls", "not_http"),
        (socket::saying(&[0xff; 500]), "not_tls", "not_http"),
        (tls::too_old(), "too_old", "not_http"),
    ] {
        for (scheme, expected) in [("https", https), ("http", http)] {
            let hops = peers(&[], &[]).probe(request(scheme, peer.address.port()), here).await.hops;
            assert_eq!((hops.len(), hops[0].outcome.word()), (1, expected), "{scheme} {:?}", hops[0].detail);
            assert!(hops[0].detail.is_some() && hops[0].elapsed_ms < 4000);
        }
    }
    let hops = peers(&[], &[]).probe(request("https", socket::nobody().port()), here).await.hops;
    assert_eq!((hops[0].outcome.word(), hops[0].kind.map(Kind::word)), ("refused", None));
    let full = socket::full().await;
    let hops = peers(&[], &[]).probe(request("https", full.address.port()), here).await.hops;
    assert_eq!(hops[0].outcome.word(), "timeout", "{:?}", hops[0].detail);
    for host in ["a b", "user@d.test", "d.test/x", "d.test?x", "d.test#x", "d.test\\x", "", "d.test:1"] {
        let hops = peers(&[], &[]).probe(Request { host, ..request("https", 443) }, here).await.hops;
        assert_eq!((hops.len(), hops[0].outcome.word()), (1, "failed"), "{host}");
    }
}

#[tokio::test]
async fn slow_and_huge_answers_are_bounded() {
    let hop = answer(Site::always(Reply::slow_headers())).await;
    assert_eq!((hop.outcome.word(), hop.status), ("timeout", None));
    assert!((2000..4000).contains(&hop.elapsed_ms));
    let hop = answer(Site::always(Reply::slow_body())).await;
    assert_eq!(
        (hop.outcome.word(), hop.kind.map(Kind::word), hop.body.word()),
        ("answer", Some("bluemind"), "cut_short")
    );
    assert!((2000..4000).contains(&hop.elapsed_ms) && hop.body_bytes > 0);
    let hop = answer(Site::always(Reply::huge_body())).await;
    assert_eq!((hop.kind.map(Kind::word), hop.body.word(), hop.body_bytes), (Some("html"), "too_large", 65_536));
    assert!(hop.elapsed_ms < 1500);
    let hop = answer(Site::always(Reply::header_bomb())).await;
    assert_eq!((hop.outcome.word(), hop.status), ("not_http", None), "{:?}", hop.detail);
}

#[tokio::test]
async fn a_body_that_the_server_cuts_off_is_judged_as_it_is() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n<Autodiscover>";
    let hop = answer(Site::always(Reply::Bytes(head.into()))).await;
    assert_eq!((hop.kind.map(Kind::word), hop.body.word(), hop.body_bytes), (Some("invalid_xml"), "cut_short", 14));
}

#[tokio::test]
async fn hostile_headers_are_made_safe() {
    let long = "x".repeat(3000);
    let headers = [("Server", long.as_str()), ("WWW-Authenticate", "Basic realm=\"\u{202e}evil\"")];
    let hop = answer(Site::always(Reply::new("401 No", &headers, ""))).await;
    assert_eq!(hop.server.unwrap().chars().count(), 500);
    assert_eq!(hop.realm.as_deref(), Some("\\u{202e}evil"));
}

#[tokio::test]
async fn the_access_log_of_a_stand_in_has_the_token() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = sites::bluemind().behind(tls()).logging_to(file.path()).start();
    asked(&server).await;
    let start = Instant::now();
    let mut log = String::new();
    while log.is_empty() && start.elapsed().as_secs() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        log = std::fs::read_to_string(file.path()).unwrap();
    }
    assert!(log.starts_with("127.0.0.1 - - ["), "{log}");
    let expected = format!("\"GET /autodiscover/autodiscover.xml?bmpf={TOKEN} HTTP/1.1\" 401 0 \"-\" \"bm-preflight/");
    assert!(log.contains(&expected) && log.matches(TOKEN).count() == 2, "{log}");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the environment of a process is set when it starts")]
fn a_proxy_of_the_environment_is_not_used() {
    let proxy = socket::closing();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "collect::network::autodiscover::http::tests::a_request_says_who_asks_and_nothing_else"]);
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, format!("http://{}", proxy.address));
    }
    let output = command.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.accepted(), 0);
}

#[test]
fn the_token_is_taken_out_of_texts() {
    for (text, expected) in [
        ("/x?bmpf=T0K", "/x"),
        ("/x?bmpf=T0K&a=1", "/x?a=1"),
        ("/x?a=1&bmpf=T0K&b=2", "/x?a=1&b=2"),
        ("?next=%2Fx%3Fbmpf%3DT0K", "?next=%2Fx%3Fbmpf%3D"),
    ] {
        assert_eq!(without_token(text, "T0K"), expected);
    }
    assert_eq!(without_token("text", ""), "text");
}

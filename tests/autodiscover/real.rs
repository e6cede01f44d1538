//! Real servers as sites run them: an nginx (OpenSSL) that speaks what this program does not, limits, wants to know its
//! clients or writes its log late, and a Knot that does not look further than its own zones.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::daemon::{Daemon, free};
use crate::peers::dns::Zone;
use crate::world::{BLUEMIND, Outcome, World};

const HOST: &str = "autodiscover.d.test";

/// What bm-mapi answers to a request without credentials.
const MAPI: &str = "add_header WWW-Authenticate 'Basic realm=\"bm.basic.auth\"' always; return 401;";

fn zone() -> Zone {
    Zone::new().soa("d.test").a(HOST, BLUEMIND)
}

/// A key and a certificate that has signed itself, as openssl makes them.
fn certificate(folder: &Path, key: &[&str]) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=d.test", "-addext"]);
    command.arg(format!("subjectAltName=DNS:d.test,DNS:{HOST}")).args(key);
    let out =
        command.arg("-keyout").arg(folder.join("key.pem")).arg("-out").arg(folder.join("cert.pem")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// nginx over https in the folder of a world, with lines for the http block and for its server.
fn nginx(folder: &Path, http: &str, server: &str) -> (Daemon, SocketAddr) {
    let (listen, path) = (free(), folder.display());
    let conf = format!(
        "daemon off; master_process off; worker_processes 1; pid {path}/nginx.pid; error_log stderr crit;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n client_body_temp_path {path}/b; proxy_temp_path {path}/p; fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; \
         scgi_temp_path {path}/s;\n {http}\n\
         server {{ listen {listen} ssl; ssl_certificate {path}/cert.pem; ssl_certificate_key {path}/key.pem; {server} }}\n}}\n"
    );
    std::fs::write(folder.join("nginx.conf"), conf).unwrap();
    let conf = folder.join("nginx.conf").display().to_string();
    (Daemon::start("/usr/sbin/nginx", &["-p", &path.to_string(), "-c", &conf], &[listen]), listen)
}

const RSA: &[&str] = &["-newkey", "rsa:2048"];

fn behind_nginx(key: &[&str], http: &str, server: &str) -> Outcome {
    let world = World::new().zone(zone());
    certificate(world.folder(), key);
    let server = format!("access_log {}/access.log; {server}", world.folder().display());
    let (daemon, address) = nginx(world.folder(), http, &server);
    world.peer(BLUEMIND, 443, address).keep(daemon).run()
}

#[test]
fn what_this_program_does_not_speak_is_unknown_and_named() {
    let (p256, p521) = (
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
    );
    for (key, server, offer) in [
        (RSA, "ssl_protocols TLSv1.2; ssl_ciphers AES128-SHA;", "TLSv1.2 with TLS_RSA_WITH_AES_128_CBC_SHA"),
        (
            RSA,
            "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-AES256-SHA384;",
            "TLSv1.2 with TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        ),
        (p256.as_slice(), "ssl_protocols TLSv1.3; ssl_ecdh_curve secp521r1;", " and the group Secp521r1"),
        (p256.as_slice(), "ssl_protocols TLSv1.2; ssl_ecdh_curve secp521r1;", "TLSv1.2 with TLS_ECDHE_ECDSA_WITH_"),
        (p521.as_slice(), "ssl_protocols TLSv1.2;", "TLSv1.2 with TLS_ECDHE_ECDSA_WITH_"),
    ] {
        let outcome = behind_nginx(key, "", &format!("{server} {MAPI}"));
        assert_eq!(
            outcome.verdicts("d.test"),
            ("unknown".to_owned(), "unknown".to_owned()),
            "{server}\n{}",
            outcome.trace()
        );
        assert!(outcome.findings().is_empty(), "{server}: {:?}", outcome.findings());
        assert!(outcome.unknown().contains("mapi_will_not_start"), "{server}");
        assert!(
            outcome.reasons("autodiscover_unreachable").contains(offer),
            "{server}: {}",
            outcome.reasons("autodiscover_unreachable")
        );
    }
    let spoken = behind_nginx(RSA, "", &format!("ssl_protocols TLSv1.2; {MAPI}"));
    assert_eq!(spoken.verdicts("d.test").0, "yes", "{}", spoken.trace());
}

#[test]
fn a_limit_is_no_service_that_is_down() {
    for (rate, status, burst) in [("1r/s", 429, ""), ("1r/s", 503, ""), ("60r/m", 503, "burst=1")] {
        let zone = format!("limit_req_zone $binary_remote_addr zone=z:1m rate={rate};");
        let server =
            format!("limit_req_status {status}; location / {{ limit_req zone=z {burst}; proxy_pass http://mapi; }}");
        let mapi = free();
        let upstream =
            format!("{zone} upstream mapi {{ server {mapi}; }} server {{ listen {mapi}; access_log off; {MAPI} }}");
        let outcome = behind_nginx(RSA, &upstream, &server);
        assert!(["yes", "unknown"].contains(&outcome.verdicts("d.test").0.as_str()), "{status}\n{}", outcome.trace());
        let findings: Vec<String> =
            outcome.findings().into_iter().filter(|f| !f.starts_with("autodiscover_certificate_")).collect();
        assert!(findings.is_empty(), "{status}: {findings:?}\n{}", outcome.trace());
    }
}

#[test]
fn a_certificate_that_is_asked_of_clients_is_told() {
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        let server = format!("ssl_protocols {protocol}; ssl_client_certificate CERT; ssl_verify_client VERIFY; {MAPI}");
        for (verify, works) in [("on", "no"), ("optional", "yes")] {
            let world = World::new().zone(zone());
            certificate(world.folder(), RSA);
            let server = format!("access_log {}/access.log; {server}", world.folder().display())
                .replace("CERT", &world.folder().join("cert.pem").display().to_string())
                .replace("VERIFY", verify);
            let (daemon, address) = nginx(world.folder(), "", &server);
            let outcome = world.peer(BLUEMIND, 443, address).keep(daemon).run();
            assert_eq!(outcome.verdicts("d.test").0, works, "{protocol} {verify}\n{}", outcome.trace());
            let told = "autodiscover_unreachable: d.test (client_certificate)";
            assert_eq!(
                outcome.findings().contains(told),
                verify == "on",
                "{protocol} {verify}: {:?}",
                outcome.findings()
            );
        }
    }
}

#[test]
fn a_log_that_nginx_still_holds_back_denies_nothing() {
    let world = World::new().zone(
        ["a", "b", "c", "e"]
            .iter()
            .fold(zone(), |zone, n| zone.soa(&format!("{n}.test")).a(&format!("autodiscover.{n}.test"), BLUEMIND)),
    );
    let world = world.domains(&[("d.test", &[]), ("a.test", &[]), ("b.test", &[]), ("c.test", &[]), ("e.test", &[])]);
    certificate(world.folder(), RSA);
    // Each line has some 220 bytes: four come out together, as the fifth does not fit; of ten requests two stay inside.
    let log = format!("access_log {}/access.log combined buffer=1k;", world.folder().display());
    let (daemon, address) = nginx(world.folder(), "", &format!("{log} {MAPI}"));
    let outcome = world.peer(BLUEMIND, 443, address).keep(daemon).run();
    let proofs = outcome.rows(
        "SELECT DISTINCT holds FROM identity_proof WHERE proof = 'access_log' AND holds <> 'unknown' ORDER BY holds",
    );
    assert_eq!(proofs, [["late"], ["yes"]], "{}", outcome.trace());
    assert!(
        !outcome.findings().iter().any(|finding| finding.starts_with("autodiscover_other_bluemind")),
        "{:?}",
        outcome.findings()
    );
}

/// Knot with the zone above, which delegates d.test to somebody else.
fn knot(folder: &Path) -> (Daemon, SocketAddr) {
    let (address, path) = (free(), folder.display());
    let conf = format!(
        "server:\n  listen: {}@{}\n  rundir: {path}\n  pidfile: {path}/knot.pid\n  udp-workers: 1\n  tcp-workers: 2\n\
         database:\n  storage: {path}\nlog:\n  - target: stderr\n    any: error\nzone:\n  - domain: test\n    storage: {path}\n    \
         zonefile-sync: -1\n    journal-content: none\n    file: test.zone\n",
        address.ip(),
        address.port()
    );
    let zone = "$ORIGIN test.\n$TTL 3600\n@ SOA ns admin 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.53\nd NS ns.elsewhere.example.\n";
    std::fs::write(folder.join("test.zone"), zone).unwrap();
    std::fs::write(folder.join("knot.conf"), conf).unwrap();
    let conf = folder.join("knot.conf").display().to_string();
    (Daemon::start("/usr/sbin/knotd", &["-c", &conf], &[address]), address)
}

#[test]
fn a_server_that_does_not_look_further_denies_nothing() {
    let world = World::new();
    let (daemon, address) = knot(world.folder());
    let alone = world.resolver(address).keep(daemon).bluemind().run();
    assert_eq!(alone.verdicts("d.test").0, "unknown", "{}", alone.trace());
    assert!(
        alone.findings().contains("autodiscover_resolver_refuses: autodiscover.d.test (no_recursion)"),
        "{:?}",
        alone.findings()
    );
    assert!(alone.unknown().contains("mapi_will_not_start"), "{:?}", alone.unknown());
    let world = World::new();
    let (daemon, address) = knot(world.folder());
    let beside = world.resolver(address).keep(daemon).zone(zone()).bluemind().run();
    assert_eq!(beside.verdicts("d.test"), ("yes".to_owned(), "yes".to_owned()), "{}", beside.trace());
}

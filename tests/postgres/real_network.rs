//! A run against a real DNS server (Knot) and a real nginx set up as BlueMind's vhost: its access log proves who answered.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::run;
use crate::support::bluemind::{ANY_DISK, Installation, bm_preflight};
use crate::support::daemon::{Daemon, free};
use crate::support::network::Network as Stories;

/// The names of the installation.
const NAMES: [&str; 5] = ["corp.example.net", "example.com", "example.net", "example.org", "exemple.fr"];

/// Knot, nginx, and the folder that both work in.
struct Network {
    folder: tempfile::TempDir,
    dns: SocketAddr,
    https: SocketAddr,
    http: SocketAddr,
    _daemons: Vec<Daemon>,
}

impl Network {
    /// `mapi` is what stands behind nginx: the configuration of a server that answers as bm-mapi, or nothing.
    fn start(mapi: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [dns, https, http, upstream] = [(); 4].map(|()| free());
        certificates(folder.path());
        let knot = knot(folder.path(), dns);
        let nginx = nginx(folder.path(), https, http, upstream, mapi);
        let daemons = vec![
            Daemon::start("/usr/sbin/knotd", &["-c", &knot], &[dns]),
            Daemon::start("/usr/sbin/nginx", &["-p", folder.path().to_str().unwrap(), "-c", &nginx], &[https, http]),
        ];
        Self { folder, dns, https, http, _daemons: daemons }
    }

    /// A single-server installation that is surveyed in this network.
    fn installation(&self) -> Installation<'static> {
        let mut installation = Installation::build("healthy_single");
        let (path, Self { dns, https, http, .. }) = (self.folder.path().display(), self);
        installation.more_config = format!(
            "\n[dns]\nresolvers = [\"{dns}\"]\n\n[probe]\nconnect = {{ {}\"192.0.2.10:443\" = \"{https}\", \"192.0.2.10:80\" = \"{http}\" }}\n\
             ca_files = [\"{path}/ca.pem\"]\naccess_logs = [\"{path}/access.log\"]\n",
            Stories::shared().services(),
        );
        installation
    }
}

/// An authority, and a certificate for every name as nginx reads it.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let names: Vec<String> =
        NAMES.iter().map(|name| format!("autodiscover.{name}")).chain(["mail.example.org".into()]).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("bm_cert.pem"), certificate.pem() + &key.serialize_pem()).unwrap();
}

fn knot(folder: &Path, address: SocketAddr) -> String {
    let path = folder.display();
    let mut conf = format!(
        "server:\n  listen: {}@{}\n  rundir: {path}\n  pidfile: {path}/knot.pid\n  udp-workers: 1\n  tcp-workers: 2\n\
         database:\n  storage: {path}\nlog:\n  - target: stderr\n    any: error\ntemplate:\n  - id: default\n    storage: {path}\n\
         \x20   zonefile-sync: -1\n    journal-content: none\n    file: \"%s.zone\"\nzone:\n",
        address.ip(),
        address.port()
    );
    for name in NAMES.into_iter().filter(|name| *name != "corp.example.net") {
        conf.push_str(&format!("  - domain: {name}\n"));
        let more = if name == "example.net" { "autodiscover.corp A 192.0.2.10\ncorp TXT \"here\"\n" } else { "" };
        let zone = format!(
            "$ORIGIN {name}.\n$TTL 3600\n@ SOA ns admin 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.53\n@ MX 10 mail.example.org.\n\
             autodiscover CNAME mail\nmail A 192.0.2.10\n{more}"
        );
        std::fs::write(folder.join(format!("{name}.zone")), zone).unwrap();
    }
    let file = folder.join("knot.conf");
    std::fs::write(&file, conf).unwrap();
    file.display().to_string()
}

/// As BlueMind's `bm-client-access` has it: TLS 1.2, one default server for all names, both spellings of the path, its own
/// error page, everything on port 80 sent to the external URL, and its log format.
fn nginx(folder: &Path, https: SocketAddr, http: SocketAddr, upstream: SocketAddr, mapi: &str) -> String {
    let path = folder.display();
    std::fs::create_dir_all(folder.join("errors-pages")).unwrap();
    std::fs::write(folder.join("errors-pages/502.html"), "<html><title>BlueMind</title>unavailable</html>").unwrap();
    let mapi = mapi.replace("UPSTREAM", &upstream.to_string());
    let conf = format!(
        r#"daemon off;
master_process off;
worker_processes 1;
pid {path}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 64; }}
http {{
    client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
    uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
    log_format upstream_time '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" rt="$request_time" uct="$upstream_connect_time" urt="$upstream_response_time"';
    upstream mapi {{ server {upstream}; }}
    server {{
        listen {https} ssl default_server;
        server_name mail.example.org;
        ssl_protocols TLSv1.2;
        ssl_certificate {path}/bm_cert.pem;
        ssl_certificate_key {path}/bm_cert.pem;
        access_log {path}/access.log upstream_time;
        error_page 502 /errors-pages/502.html;
        location /errors-pages/ {{ root {path}; }}
        location /autodiscover {{ proxy_pass http://mapi/autodiscover; }}
        location /Autodiscover {{ proxy_pass http://mapi/autodiscover; }}
        location /mapi {{ proxy_pass http://mapi; }}
        location /Microsoft-Server-ActiveSync {{ proxy_pass http://mapi; }}
        location / {{ default_type text/html; return 200 "<html><title>BlueMind</title></html>"; }}
    }}
    server {{
        listen {http} default_server;
        access_log {path}/access.log upstream_time;
        return 301 https://mail.example.org$request_uri;
    }}
    {mapi}
}}
"#
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, conf).unwrap();
    file.display().to_string()
}

/// What bm-mapi answers to a request without credentials (net.bluemind.vertx.common, `BasicAuthHandler`).
const MAPI: &str = r#"server {
    listen UPSTREAM;
    access_log off;
    add_header WWW-Authenticate 'Basic realm="bm.basic.auth"' always;
    return 401;
}"#;

#[test]
fn a_healthy_network_is_proven_by_the_access_log() {
    let network = Network::start(MAPI);
    let result = run::run(&network.installation());
    assert_eq!(result.report["verdict"], "not_judged", "{}", result.digest());
    let names = result.report["autodiscover"].as_array().unwrap();
    assert_eq!(names.len(), NAMES.len());
    for name in names {
        assert_eq!((&name["bm_mapi"], &name["workstation"]), (&"yes".into(), &"yes".into()), "{name:#}");
        let proofs = name["steps"].as_array().unwrap().iter().filter(|step| step["target"] == "access_log");
        assert!(proofs.clone().count() > 0 && proofs.into_iter().all(|step| step["outcome"] == "yes"), "{name:#}");
    }
    let log = std::fs::read_to_string(network.folder.path().join("access.log")).unwrap();
    let requests = log.lines().filter(|line| line.contains("bmpf=")).count();
    // Both spellings and the plain redirect with what it leads to, for each name, and what the external URL offers.
    assert_eq!(requests, NAMES.len() * 4 + 4, "{log}");
    assert!(log.lines().all(|line| line.contains("bm-preflight/")), "every request says who asks: {log}");
    assert!(!log.to_ascii_lowercase().contains("authorization"), "{log}");
}

#[test]
fn a_bm_mapi_that_does_not_run_is_told_from_a_way_that_is_wrong() {
    let network = Network::start("");
    let result = run::run(&network.installation());
    let fired = result.with_outcome("fail");
    assert!(fired.contains("autodiscover_mapi_down") && !fired.contains("autodiscover_unreachable"), "{fired:?}");
    assert!(result.with_outcome("unknown").contains("mapi_will_not_start"), "{}", result.digest());
}

/// Another machine: the same names, and a firewall in between.
#[test]
fn what_another_machine_sees_stands_beside_what_the_core_sees() {
    let network = Network::start(MAPI);
    let installation = network.installation();
    run::collect(&installation);
    let (core, lan) = (installation.path("collected.db"), installation.path("lan.db"));
    let config = installation.path("lan.toml");
    let Network { dns, .. } = &network;
    let closed = free();
    std::fs::write(&config, format!("[dns]\nresolvers = [\"{dns}\"]\n[probe]\nconnect = {{ \"192.0.2.10:443\" = \"{closed}\", \"192.0.2.10:80\" = \"{closed}\" }}\n")).unwrap();
    let mut collect = bm_preflight();
    collect.args(["collect", "--category", "autodiscover", "--vantage", "lan", "--names"]).arg(&core);
    collect.arg("--config").arg(&config).arg("--facts").arg(&lan).assert().success();
    let reports = installation.path("reports");
    let mut judge = bm_preflight();
    judge.args(["run", "--format", "html", "--format", "json", "--format", "junit", "--format", "text"]).args(ANY_DISK);
    let judged = judge
        .arg("--from-facts")
        .arg(&core)
        .arg("--from-facts")
        .arg(&lan)
        .arg("--output-dir")
        .arg(&reports)
        .output()
        .unwrap();
    let result = run::judged(&judged, &core, &reports);
    let check = result.check("autodiscover_vantage_differs");
    let subjects: Vec<&str> =
        check["findings"].as_array().unwrap().iter().map(|f| f["subject"].as_str().unwrap()).collect();
    assert!(
        subjects.contains(&"example.org (lan)") && subjects.contains(&"https://mail.example.org/ (lan)"),
        "{subjects:?}"
    );
    let names = result.report["autodiscover"].as_array().unwrap();
    assert!(
        names.iter().all(|name| name["bm_mapi"] == "yes" && name["vantages"][0]["workstation"] == "no"),
        "{names:#?}"
    );
    let page = std::fs::read_to_string(reports.join("report.html")).unwrap();
    assert!(page.contains("seen from <bdi>lan</bdi>"));
    // What was merged is a snapshot like any other, also beside a core that looked at nothing of the network.
    let (merged, offline) = (installation.path("merged.db"), installation.path("offline.db"));
    installation.command("collect").arg("--offline").arg("--facts").arg(&offline).assert().success();
    for core in [&core, &offline] {
        let mut judge = bm_preflight();
        judge.args(["run", "-q", "--fail-on", "never", "--report", "json=/dev/null"]).args(ANY_DISK);
        judge.arg("--from-facts").arg(core).arg("--from-facts").arg(&lan).arg("--facts").arg(&merged);
        assert_ne!(judge.output().unwrap().status.code(), Some(1));
        let sql = "SELECT count(*) AS n FROM vantage_method WHERE vantage = 'lan' AND state = 'no'";
        let asked =
            bm_preflight().args(["facts", "query", "--json", sql, "--from-facts"]).arg(&merged).output().unwrap();
        let told = String::from_utf8_lossy(&asked.stdout).into_owned();
        assert!(asked.status.success() && !told.contains(":0"), "{told} {}", String::from_utf8_lossy(&asked.stderr));
    }
}

#[test]
fn a_dns_server_that_is_gone_decides_nothing() {
    let network = Network::start(MAPI);
    let mut installation = network.installation();
    installation.more_config = installation.more_config.replace(&network.dns.to_string(), &free().to_string());
    let started = Instant::now();
    let result = run::run(&installation);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(result.with_outcome("unknown").contains("mapi_will_not_start"), "{}", result.digest());
    assert_eq!(result.report["verdict"], "inconclusive");
}

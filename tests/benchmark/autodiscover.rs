//! 200 domains against local servers that take 100 ms for each answer.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use super::support::bluemind::{DIRECTORY, Installation};
use super::support::network::Network;
use super::support::peers::dns::Zone;
use super::support::peers::http::{Response, Server, Site};
use super::support::peers::tls::{Authority, Leaf, Tls};
use super::{best, sized, spend, tell};

fn domains() -> usize {
    sized(200, 4)
}

/// Servers that share the domains.
fn servers() -> usize {
    sized(20, 2)
}

/// What each answer takes.
const PAUSE: Duration = Duration::from_millis(100);
/// The limits of `src/collect/network/autodiscover/peers.rs`.
const AT_ONCE: usize = 16;
const AT_ONCE_EACH: usize = 2;

fn domain(n: usize) -> String {
    format!("d{n}.example.org")
}

fn address(n: usize) -> String {
    format!("198.51.100.{}", n % servers() + 1)
}

/// A site that thinks for a while.
fn slow(answer: impl Fn(&super::support::peers::http::Request) -> Response + Send + Sync + 'static) -> Site {
    Site::new(move |request| {
        std::thread::sleep(PAUSE);
        answer(request)
    })
}

pub(crate) fn autodiscover() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    std::fs::write(&log, "").unwrap();
    let authority = Authority::root("An enterprise CA");
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let hosts: Vec<String> = (0..domains()).map(|n| format!("autodiscover.{}", domain(n))).collect();
    let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let tls = Tls::of(authority.issue(&Leaf::of(&names)));
    let mut started: Vec<Server> = Vec::new();
    let mut connect = Network::shared().services();
    for n in 0..servers() {
        // Each at an address of its own: turns are taken by address.
        let here = std::net::Ipv4Addr::new(127, 0, 1, u8::try_from(n + 1).unwrap()).into();
        let https = slow(|_| Response::bluemind()).behind(tls.clone()).logging_to(&log).start_on(here);
        let to = |request: &super::support::peers::http::Request| {
            Response::redirect(&format!("https://{}{}", request.header("host"), request.target()))
        };
        let http = slow(to).logging_to(&log).start_on(here);
        let _ =
            write!(connect, "\"{0}:443\" = \"{1}\", \"{0}:80\" = \"{2}\", ", address(n), https.address, http.address);
        started.extend([https, http]);
    }
    let zone = (0..domains()).fold(Zone::new().soa("example.org"), |zone, n| {
        zone.txt(&domain(n), "here").a(&format!("autodiscover.{}", domain(n)), &address(n))
    });
    let dropping = (0..domains()).fold(zone.clone(), |zone, n| {
        zone.silent_for_ipv6(&domain(n)).silent_for_ipv6(&format!("autodiscover.{}", domain(n)))
    });
    let (resolver, dropping) = (zone.serve(), dropping.serve());
    let mut installation = Installation::build("healthy_single");
    let added: Vec<String> =
        (0..domains()).map(|n| format!("SELECT fixture.add_domain('{}', '{{}}')", domain(n))).collect();
    installation.administer(DIRECTORY, "DELETE FROM t_domain WHERE NOT global");
    installation.administer(DIRECTORY, &added.join(";"));
    let config = |resolver: SocketAddr| {
        format!(
            "\n[dns]\nresolvers = [\"{resolver}\"]\n\n[probe]\nconnect = {{ {} }}\nca_files = [{:?}]\naccess_logs = [{:?}]\n",
            connect.trim_end_matches(", "),
            folder.path().join("ca.pem"),
            log,
        )
    };
    let run = |installation: &Installation<'_>| {
        let template = installation.command("run");
        let mut command = Command::new(template.get_program());
        command.args(template.get_args()).args(["-q", "--check", "mapi_will_not_start", "--report", "json=/dev/null"]);
        spend(&mut command)
    };
    installation.more_config = config(resolver.address);
    let asked = || started.iter().map(|server| server.requests().len()).sum::<usize>();
    let busiest = || started.iter().map(|server| server.requests().len()).max().unwrap_or(0);
    let (before, busiest_before) = (asked(), busiest());
    let spent = best(1, || run(&installation));
    let requests = asked() - before;
    let each = busiest() - busiest_before;
    // Of one name the plain request, what it leads to, and the second spelling follow each other.
    let chain = PAUSE * 3;
    let bound = chain.max(PAUSE * u32::try_from((requests / AT_ONCE).max(each / AT_ONCE_EACH)).unwrap());
    let servers = started.len();
    tell(&format!("autodiscover of {} domains, {requests} requests to {servers} servers", domains()), &spent);
    println!("  beside: the bound of the limits per server and in all: {:.1} s", bound.as_secs_f64());
    println!("  ratio: {:.2}", spent.wall.as_secs_f64() / bound.as_secs_f64());
    installation.more_config = config(dropping.address);
    let dropped = best(1, || run(&installation));
    tell("  the same with a resolver that drops questions for IPv6", &dropped);
    println!("  ratio: {:.2}", dropped.wall.as_secs_f64() / spent.wall.as_secs_f64());
}

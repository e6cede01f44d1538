//! The network of the simulated installations: a resolver, BlueMind's nginx over https and plain http, and what other
//! servers answer. Every story is surveyed against it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::peers::dns::{Server as Resolver, Zone};
use super::peers::http::{self, Response, Server, Site};
use super::peers::tls::{Authority, BEGIN, Leaf, Tls};

/// Names whose `autodiscover.` leads to BlueMind, with a certificate for it.
const GOOD: &[&str] = &[
    "corp.example.net",
    "example.com",
    "example.net",
    "example.org",
    "exemple.fr",
    "lumiere.example",
    "northgate.example",
];
/// Its certificate has ended.
const EXPIRED: &str = "fondation-lumiere.example";
/// It has no `autodiscover.`, but BlueMind answers at the domain itself.
const ROOT_ONLY: &str = "ateliers-lumiere.example";
/// Somebody forgot that its mail is not at Microsoft any more.
const AT_MICROSOFT: &str = "northgate-labs.example";
/// Nothing leads anywhere.
const NOWHERE: &str = "don-lumiere.example";

/// BlueMind's address, its address with the old certificate, and Microsoft's.
const BLUEMIND: &str = "192.0.2.80";
const NEGLECTED: &str = "192.0.2.81";
const MICROSOFT: &str = "192.0.2.90";

/// The servers.
pub(crate) struct Network {
    resolver: Resolver,
    sites: Vec<(String, Server)>,
    folder: tempfile::TempDir,
}

impl Network {
    /// The one network of this process; it ends with it.
    pub(crate) fn shared() -> &'static Self {
        static NETWORK: OnceLock<Network> = OnceLock::new();
        NETWORK.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let authority = Authority::root("An enterprise CA");
        let log = folder.path().join("access.log");
        std::fs::write(&log, "").expect("a log");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("a CA file");
        let hosts: Vec<String> = GOOD.iter().map(|name| format!("autodiscover.{name}")).collect();
        let names: Vec<&str> = hosts.iter().map(String::as_str).chain([ROOT_ONLY]).collect();
        let expired = format!("autodiscover.{EXPIRED}");
        let ended = Leaf::of(&[&expired]).valid(BEGIN, BEGIN + 365 * 86_400);
        let tls = Tls::of(authority.issue(&Leaf::of(&names)));
        let ended = Tls::of(authority.issue(&ended));
        let microsoft = Tls::of(authority.issue(&Leaf::of(&["autodiscover.outlook.com"])));
        let plain =
            Site::new(|request| Response::redirect(&format!("https://{}{}", request.header("host"), request.target())));
        let sites = [
            (BLUEMIND, 443, http::bluemind().behind(tls).logging_to(&log)),
            (BLUEMIND, 80, plain.logging_to(&log)),
            (NEGLECTED, 443, http::bluemind().behind(ended).logging_to(&log)),
            (NEGLECTED, 80, http::not_found()),
            (
                MICROSOFT,
                443,
                Site::always(Response::redirect("https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml"))
                    .behind(microsoft),
            ),
            (
                MICROSOFT,
                80,
                Site::always(Response::redirect("https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml")),
            ),
        ];
        let sites =
            sites.into_iter().map(|(address, port, site)| (format!("{address}:{port}"), site.start())).collect();
        Self { resolver: zone().serve(), sites, folder }
    }

    /// The sections of the configuration that lead to it; `more_trust` are CA files beside its own.
    pub(crate) fn config(&self, more_trust: &[&Path]) -> String {
        let path = |name: &str| -> PathBuf { self.folder.path().join(name) };
        let mut connect = String::new();
        for (meant, server) in &self.sites {
            let _ = write!(connect, "{meant:?} = \"{}\", ", server.address);
        }
        format!(
            "\n[dns]\nresolvers = [\"{}\"]\n\n[probe]\nconnect = {{ {} }}\nca_files = {:?}\naccess_logs = [{:?}]\n",
            self.resolver.address,
            connect.trim_end_matches(", "),
            more_trust.iter().copied().chain([path("ca.pem").as_path()]).collect::<Vec<_>>(),
            path("access.log"),
        )
    }
}

fn zone() -> Zone {
    let all = GOOD.iter().copied().chain([EXPIRED, ROOT_ONLY, AT_MICROSOFT, NOWHERE]);
    let apexes = all.fold(Zone::new(), |zone, name| zone.soa(name));
    let good = GOOD.iter().fold(apexes, |zone, name| zone.a(&format!("autodiscover.{name}"), BLUEMIND));
    good.a(&format!("autodiscover.{EXPIRED}"), NEGLECTED)
        .a(ROOT_ONLY, BLUEMIND)
        .cname(&format!("autodiscover.{AT_MICROSOFT}"), "autodiscover.outlook.com")
        .soa("outlook.com")
        .a("autodiscover.outlook.com", MICROSOFT)
        .a("autodiscover-s.outlook.com", MICROSOFT)
}

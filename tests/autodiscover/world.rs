//! A small world to survey: names, zones, sites at made-up addresses, the trust of a workstation; and what a run makes of
//! it.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use bm_preflight::app;
use bm_preflight::collect::{Circumstances, Collectors, Sink};
use bm_preflight::config::Config;
use bm_preflight::fact::fixture::{self, Installation};
use bm_preflight::fact::store::Origin;
use bm_preflight::fact::{Facts, Schema, ScopeKind, Store};
use bm_preflight::model::CheckResult;
use bm_preflight::plan::Plan;
use bm_preflight::topology::{DIRECTORY, Topology};

use crate::judge;
use crate::peers::dns::Zone;
use crate::peers::http::{self, Site};
use crate::peers::tls::{Authority, Identity, Leaf, Tls};

/// Where BlueMind is in most worlds.
pub(crate) const BLUEMIND: &str = "192.0.2.1";
/// Somebody else's server.
pub(crate) const OTHER: &str = "192.0.2.2";
/// IPv6 of BlueMind.
pub(crate) const BLUEMIND_6: &str = "2001:db8::1";

/// When the tests take place: 2026-11-23.
pub(crate) const NOW: i64 = 1_795_392_000;
/// A day, in seconds.
pub(crate) const DAY: i64 = 86_400;

/// A world under construction.
pub(crate) struct World {
    domains: Vec<(String, Vec<String>)>,
    resolvers: Vec<SocketAddr>,
    connect: BTreeMap<String, SocketAddr>,
    /// Servers live as long as the world.
    alive: Vec<Box<dyn Any>>,
    folder: tempfile::TempDir,
    authority: Authority,
    facts: String,
    external_url: Option<String>,
    trusts_authority: bool,
    access_logs: Vec<std::path::PathBuf>,
}

/// What a run makes of a world.
pub(crate) struct Outcome {
    facts: Facts,
    results: Vec<CheckResult>,
}

impl World {
    /// The domain `d.test` on a server at 192.0.2.1 that has bm-mapi; no zone, no site. Every address is closed until
    /// something is put there.
    pub(crate) fn new() -> Self {
        // Bound, so that no server of another test gets the port, and not listening: connections are refused.
        let closed_socket = tokio::net::TcpSocket::new_v4().unwrap();
        closed_socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let closed = closed_socket.local_addr().unwrap();
        let mut connect = BTreeMap::new();
        for host in (1..10).flat_map(|n| [format!("192.0.2.{n}"), format!("[2001:db8::{n}]")]) {
            for port in [24, 80, 443, 1143, 2400, 2501, 2502, 8079, 9200] {
                connect.insert(format!("{host}:{port}"), closed);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        // The files are those of the core server.
        std::fs::create_dir_all(folder.path().join("etc/bm")).unwrap();
        std::fs::write(folder.path().join("etc/bm/server.uid"), "core\n").unwrap();
        let access_logs = vec![folder.path().join("access.log")];
        std::fs::write(&access_logs[0], "").unwrap();
        Self {
            domains: vec![("d.test".to_owned(), Vec::new())],
            resolvers: Vec::new(),
            connect,
            alive: vec![Box::new(closed_socket)],
            folder,
            authority: Authority::root("An enterprise CA"),
            facts: String::new(),
            external_url: None,
            trusts_authority: true,
            access_logs,
        }
    }

    /// With these domains in place of `d.test`, each with its aliases.
    pub(crate) fn domains(mut self, domains: &[(&str, &[&str])]) -> Self {
        let owned = |(name, aliases): &(&str, &[&str])| {
            ((*name).to_owned(), aliases.iter().map(|alias| (*alias).to_owned()).collect())
        };
        self.domains = domains.iter().map(owned).collect();
        self
    }

    /// With one more resolver, which serves this zone.
    pub(crate) fn zone(self, zone: Zone) -> Self {
        let server = zone.serve();
        self.resolver(server.address).keep(server)
    }

    /// With one more resolver, whatever it is.
    pub(crate) fn resolver(mut self, address: SocketAddr) -> Self {
        self.resolvers.push(address);
        self
    }

    /// With a server at an address and port.
    pub(crate) fn at(mut self, address: &str, port: u16, site: Site) -> Self {
        let server = site.start();
        self = self.peer(address, port, server.address);
        self.alive.push(Box::new(server));
        self
    }

    /// With whatever listens on `socket` at an address and port.
    pub(crate) fn peer(mut self, address: &str, port: u16, socket: SocketAddr) -> Self {
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        self.connect.insert(format!("{host}:{port}"), socket);
        self
    }

    /// Keeps a server alive.
    pub(crate) fn keep(mut self, server: impl Any) -> Self {
        self.alive.push(Box::new(server));
        self
    }

    /// A certificate of the authority that the workstation trusts, for these names.
    pub(crate) fn certificate(&self, names: &[&str]) -> Identity {
        self.authority.issue(&Leaf::of(names).valid(NOW - 10 * DAY, NOW + 300 * DAY))
    }

    /// The authority that the workstation trusts.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A certificate for `d.test`, `autodiscover.d.test` and `mail.d.test`, trusted and valid.
    pub(crate) fn good(&self) -> Tls {
        Tls::of(self.certificate(&["d.test", "autodiscover.d.test", "mail.d.test"]))
    }

    /// A site whose requests are in this server's access log.
    pub(crate) fn logged(&self, site: Site) -> Site {
        site.logging_to(&self.access_logs[0])
    }

    /// With BlueMind at its address, over https, with the good certificate.
    pub(crate) fn bluemind(self) -> Self {
        let tls = self.good();
        self.bluemind_behind(tls)
    }

    /// With BlueMind at its address, over https, with a certificate of one's own.
    pub(crate) fn bluemind_behind(self, tls: Tls) -> Self {
        let site = self.logged(http::bluemind().behind(tls));
        self.at(BLUEMIND, 443, site)
    }

    /// A workstation that does not know the authority.
    pub(crate) fn untrusting(mut self) -> Self {
        self.trusts_authority = false;
        self
    }

    /// With more rows, as in `facts.toml`.
    pub(crate) fn facts(mut self, toml: &str) -> Self {
        self.facts.push_str(toml);
        self
    }

    /// With this external URL in the directory.
    pub(crate) fn external_url(mut self, host: &str) -> Self {
        self.external_url = Some(host.to_owned());
        self
    }

    /// With other access logs to look into.
    pub(crate) fn access_logs(mut self, paths: &[&Path]) -> Self {
        self.access_logs = paths.iter().map(|path| (*path).to_owned()).collect();
        self
    }

    /// With a file of the server.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// The folder of the world, for files of one's own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Surveys the world and judges it.
    pub(crate) fn run(self) -> Outcome {
        self.run_as(Circumstances { is_offline: false, now: NOW })
    }

    /// Surveys the world under these circumstances and judges it.
    pub(crate) fn run_as(self, circumstances: Circumstances) -> Outcome {
        let schema = app::schema();
        let config = self.config();
        let store = self.store(&schema);
        let sink = Sink::new(store);
        let wanted: Vec<_> = Plan::everything(&schema).of_kind(ScopeKind::Network).collect();
        let collectors = Collectors::new(&config, self.folder.path(), circumstances, &wanted, sink.clone()).unwrap();
        let topology = sink.with(|store| Topology::of(&store.coverage()?, |sql| store.texts(sql))).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(collectors.servers(&topology, 4));
        drop(collectors);
        let facts = sink.take().unwrap().seal().unwrap();
        let results = judged(&facts, &schema);
        Outcome { facts, results }
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.dns.resolvers.clone_from(&self.resolvers);
        config.probe.connect.clone_from(&self.connect);
        config.probe.access_logs.clone_from(&self.access_logs);
        config.probe.timeout_s = Some(1);
        if self.trusts_authority {
            let path = self.folder.path().join("ca.pem");
            std::fs::write(&path, self.authority.pem()).unwrap();
            config.probe.ca_files.push(path);
        }
        config
    }

    /// What the directory and the files of the servers tell: all of it is known.
    fn store(&self, schema: &Schema) -> Store {
        let mut text = String::from(
            "collected_at = \"2026-11-23T00:00:00Z\"\n\
             server = [{ server_uid = \"core\", ip = \"192.0.2.1\" }]\n\
             server_role = [{ server_uid = \"core\", role = \"bm/core\" }, { server_uid = \"core\", role = \"mail/imap\" }]\n",
        );
        let url = self.external_url.as_deref().map_or(String::new(), |url| format!("external_url = \"{url}\""));
        text.push_str(&format!("installation = [{{ {url} }}]\n"));
        let row = |uid: &str, global| format!("{{ domain_uid = \"{uid}\", is_global = {global} }}, ");
        let domains: String = self.domains.iter().map(|(uid, _)| row(uid, false)).collect();
        text.push_str(&format!("domain = [{}{domains}]\n", row("global.virt", true)));
        let alias = |uid: &str, alias: &str| format!("{{ domain_uid = \"{uid}\", alias = \"{alias}\" }}, ");
        let aliases: String =
            self.domains.iter().flat_map(|(uid, all)| all.iter().map(move |name| alias(uid, name))).collect();
        text.push_str(&format!("domain_alias = [{aliases}]\n"));
        if !self.facts.contains("package = ") {
            text.push_str("package = [{ server_uid = \"core\", name = \"bm-mapi\", version = \"4.0.14\" }]\n");
        }
        text.push_str(&self.facts);
        let installation = Installation::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let origin = Origin::new("test", NOW);
        let mut store = Store::create(schema, &origin).unwrap();
        fixture::insert(&mut store, &installation.rows).unwrap();
        let everything = Plan::everything(schema);
        let directory: Vec<_> =
            everything.of_kind(ScopeKind::Directory).map(|table| (table, DIRECTORY.to_owned())).collect();
        fixture::complete(&mut store, &directory, &[]).unwrap();
        let topology = Topology::of(&store.coverage().unwrap(), |sql| store.texts(sql)).unwrap();
        everything.announce(&topology, &mut store).unwrap();
        let (mut expected, _) = everything.expected(&topology);
        expected.retain(|(table, _)| table.scope != ScopeKind::Network);
        fixture::complete(&mut store, &expected, &[]).unwrap();
        store
    }
}

/// What the checks on autodiscover say.
fn judged(facts: &Facts, schema: &Schema) -> Vec<CheckResult> {
    let checks = judge::checks("checks/autodiscover", schema);
    let results = judge::judge(&checks, facts, Some("4.0.14".to_owned()), "4.1");
    for result in &results {
        assert_ne!(result.outcome.as_str(), "error", "{}: {:?}", result.id, result.reason);
    }
    results
}

impl Outcome {
    /// The two verdicts on a name: what bm-mapi would say, what a workstation meets.
    pub(crate) fn verdicts(&self, name: &str) -> (String, String) {
        let sql = format!("SELECT bm_mapi, workstation FROM autodiscover_verdict WHERE name = '{name}'");
        let mut rows = self.rows(&sql);
        assert_eq!(rows.len(), 1, "{name} was surveyed");
        let mut row = rows.remove(0).into_iter();
        (row.next().unwrap(), row.next().unwrap())
    }

    /// Every finding as `check: subject`, with ` (reason)` when the evidence has one.
    pub(crate) fn findings(&self) -> BTreeSet<String> {
        let told = |result: &CheckResult| {
            let one = |finding: &bm_preflight::model::Finding| {
                let reason = finding.evidence.get("reason").or_else(|| finding.evidence.get("problems"));
                let reason = reason.and_then(|r| r.as_str()).map_or(String::new(), |r| format!(" ({r})"));
                format!("{}: {}{reason}", result.id, finding.subject)
            };
            result.findings.iter().map(one).collect::<Vec<_>>()
        };
        self.results.iter().flat_map(told).collect()
    }

    /// What the checks say to people, line by line.
    pub(crate) fn told(&self) -> String {
        let line = |finding: &bm_preflight::model::Finding| format!("{} {:?}", finding.message, finding.evidence);
        let lines = self.results.iter().flat_map(|result| result.findings.iter().map(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The checks that could not decide.
    pub(crate) fn unknown(&self) -> BTreeSet<String> {
        // Most worlds have no external URL, and are about something else.
        let is_of_url =
            |result: &CheckResult| result.missing.iter().all(|gap| gap.problem.as_deref() == Some("no_url"));
        self.results.iter().filter(|r| !r.missing.is_empty() && !is_of_url(r)).map(|r| r.id.clone()).collect()
    }

    /// Why a check could not decide, in words.
    pub(crate) fn reasons(&self, id: &str) -> String {
        self.check(id).missing.iter().map(|missing| format!("{missing:?}")).collect::<Vec<_>>().join("\n")
    }

    /// The result of a check.
    pub(crate) fn check(&self, id: &str) -> &CheckResult {
        self.results.iter().find(|r| r.id == id).unwrap_or_else(|| panic!("no check {id}"))
    }

    /// Rows of a query over the facts, NULL as `-`.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let rows = self.facts.reader().unwrap().texts(sql).unwrap();
        rows.into_iter().map(|row| row.into_iter().map(|cell| cell.unwrap_or("-".to_owned())).collect()).collect()
    }

    /// The trace in words, to be shown when a test fails.
    pub(crate) fn trace(&self) -> String {
        let rows = self.rows(
            "SELECT name, depth, kind, target, outcome, status, detail, elapsed_ms FROM autodiscover_step ORDER BY name, place",
        );
        let line = |row: &Vec<String>| format!("{}{}", "  ".repeat(row[1].parse().unwrap_or(0)), row[2..].join(" | "));
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// What a client meets that tries a method on a name, and the reason.
    pub(crate) fn cell(&self, name: &str, method: &str) -> (String, String) {
        let sql =
            format!("SELECT client, reason FROM autodiscover_method WHERE name = '{name}' AND method = '{method}'");
        let mut row = self.rows(&sql).remove(0).into_iter();
        (row.next().unwrap(), row.next().unwrap())
    }

    /// The severity of each finding of a check.
    pub(crate) fn severities(&self, id: &str) -> Vec<&'static str> {
        self.check(id).findings.iter().map(|finding| finding.severity.as_str()).collect()
    }

    /// Compares the verdicts on `d.test` and all findings with what a scenario expects; `unknown` names the checks that could not decide.
    pub(crate) fn expect(&self, scenario: &str, verdicts: (&str, &str), findings: &[&str], unknown: &[&str]) {
        self.expect_of(scenario, &[("d.test", verdicts)], findings, unknown);
    }

    /// Like `expect`, with the verdicts on several names.
    pub(crate) fn expect_of(
        &self,
        scenario: &str,
        verdicts: &[(&str, (&str, &str))],
        findings: &[&str],
        unknown: &[&str],
    ) {
        let seen: Vec<_> = verdicts.iter().map(|(name, _)| (*name, self.verdicts(name))).collect();
        let seen_verdicts: Vec<_> = seen
            .iter()
            .map(|(name, (bm_mapi, workstation))| (*name, (bm_mapi.as_str(), workstation.as_str())))
            .collect();
        let seen = (seen_verdicts, self.findings(), self.unknown());
        let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<BTreeSet<_>>();
        let wanted = (verdicts.to_vec(), owned(findings), owned(unknown));
        assert_eq!(seen, wanted, "scenario {scenario} (seen, wanted)\n{}", self.trace());
    }
}

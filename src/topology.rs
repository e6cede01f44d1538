//! What exists and where: the servers of the installation, their roles and addresses, and which of them this run reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::ScopeKind;
use crate::model::reason::Run;
use crate::model::{Completeness, Coverage, Reason};

/// The scope of the directory database.
pub const DIRECTORY: &str = "directory";

/// Role of the server that everything else asks, and whose bm-mapi looks for autodiscover.
const CORE_ROLE: &str = "bm/core";

/// Role of a mail shard's database.
const SHARD_ROLE: &str = "bm/pgsql-data";

/// Role of a mail backend.
const BACKEND_ROLE: &str = "mail/imap";

/// A server of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Uid.
    pub uid: String,
    /// Where BlueMind reaches it: its IP address, else its host name.
    pub address: Option<String>,
    /// Its roles.
    pub roles: BTreeSet<String>,
}

/// The servers, or why they are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// As the directory database tells.
    Known(Vec<Server>),
    /// The directory database could not be read, or tells of no installation that could work.
    Unknown(Reason),
}

impl Topology {
    /// The servers that were collected from the directory database; `texts` runs a query over the facts.
    pub fn of<E>(
        coverage: &[Coverage],
        mut texts: impl FnMut(&str) -> Result<Vec<Vec<Option<String>>>, E>,
    ) -> Result<Self, E> {
        for table in ["server", "server_role"] {
            let known = coverage.iter().find(|c| c.table == table);
            if known.is_none_or(|c| c.completeness != Completeness::Complete) {
                let reason = known.and_then(|c| c.reason.clone());
                return Ok(Self::Unknown(reason.unwrap_or_else(|| Run::NotCollected.into())));
            }
        }
        let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in texts("SELECT server_uid, role FROM server_role")? {
            if let [Some(server), Some(role)] = row.as_slice() {
                roles.entry(server.clone()).or_default().insert(role.clone());
            }
        }
        let server = |row: Vec<Option<String>>| match <[_; 2]>::try_from(row) {
            Ok([Some(uid), address]) => Some(Server { roles: roles.remove(&uid).unwrap_or_default(), uid, address }),
            _ => None,
        };
        let rows = texts("SELECT server_uid, coalesce(ip, fqdn) FROM server ORDER BY 1")?;
        let servers: Vec<Server> = rows.into_iter().filter_map(server).collect();
        let has_core = servers.iter().any(|server| server.roles.contains(CORE_ROLE));
        Ok(match () {
            () if servers.is_empty() => Self::Unknown(Run::NoServer.into()),
            () if !has_core => Self::Unknown(Run::NoHolder { role: CORE_ROLE.to_owned() }.into()),
            () if lacks_domains(coverage, texts)? => Self::Unknown(Run::NoDomain.into()),
            () => Self::Known(servers),
        })
    }

    /// The servers that are known.
    pub fn servers(&self) -> &[Server] {
        match self {
            Self::Known(servers) => servers,
            Self::Unknown(_) => &[],
        }
    }

    /// The servers whose shard is to be read.
    pub fn shards(&self) -> impl Iterator<Item = &Server> {
        self.servers().iter().filter(|server| server.roles.contains(SHARD_ROLE))
    }

    /// The core servers.
    pub fn cores(&self) -> impl Iterator<Item = &Server> {
        self.servers().iter().filter(|server| server.roles.contains(CORE_ROLE))
    }

    /// The mail backends.
    pub fn backends(&self) -> impl Iterator<Item = &Server> {
        self.servers().iter().filter(|server| server.roles.contains(BACKEND_ROLE))
    }

    /// Servers by role; `None` when they are not known.
    pub fn holders(&self) -> Option<BTreeMap<String, BTreeSet<String>>> {
        let Self::Known(servers) = self else { return None };
        let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for server in servers {
            for role in &server.roles {
                holders.entry(role.clone()).or_default().insert(server.uid.clone());
            }
        }
        Some(holders)
    }

    /// The scopes in which a table of that kind is expected. The error says why they cannot be told, or why there are
    /// none: a table without a scope would look complete.
    pub fn scopes(&self, kind: ScopeKind) -> Result<Vec<String>, Reason> {
        let no_holder = |role: &str| Run::NoHolder { role: role.to_owned() }.into();
        let uids = |servers: Vec<&Server>| servers.into_iter().map(|s| s.uid.clone()).collect::<Vec<_>>();
        let single = |scope: &str| Ok(vec![scope.to_owned()]);
        let known = match self {
            Self::Known(_) => Ok(()),
            Self::Unknown(why) => Err(Run::ServersUnknown { why: Box::new(why.clone()) }.into()),
        };
        let shards = uids(self.shards().collect());
        let backends = uids(self.backends().collect());
        match kind {
            ScopeKind::Directory => single(DIRECTORY),
            ScopeKind::Network => single("network"),
            _ if known.is_err() => known.map(|()| Vec::new()),
            ScopeKind::Database => Ok([DIRECTORY.to_owned()].into_iter().chain(shards).collect()),
            ScopeKind::Shard if shards.is_empty() => Err(no_holder(SHARD_ROLE)),
            ScopeKind::Shard => Ok(shards),
            ScopeKind::Backend if backends.is_empty() => Err(no_holder(BACKEND_ROLE)),
            ScopeKind::Backend => Ok(backends),
            ScopeKind::Server if self.servers().is_empty() => Err(Run::NoServer.into()),
            ScopeKind::Server => Ok(uids(self.servers().iter().collect())),
        }
    }
}

/// Whether the domains are known, and none of them has mail: a directory that was just restored, or not yet filled.
fn lacks_domains<E>(
    coverage: &[Coverage],
    mut texts: impl FnMut(&str) -> Result<Vec<Vec<Option<String>>>, E>,
) -> Result<bool, E> {
    let is_known = coverage.iter().any(|c| c.table == "domain" && c.completeness == Completeness::Complete);
    Ok(is_known && texts("SELECT domain_uid FROM domain WHERE NOT is_global LIMIT 1")?.is_empty())
}

/// The packages of each server; `None` of one of which they are not all known: it might have any.
pub type Packages = BTreeMap<String, Option<BTreeSet<String>>>;

/// Reads them from the facts. A server that nobody looked at is not there.
pub fn packages<E>(
    coverage: &[Coverage],
    mut texts: impl FnMut(&str) -> Result<Vec<Vec<Option<String>>>, E>,
) -> Result<Packages, E> {
    let known = |c: &Coverage| (c.completeness == Completeness::Complete).then(BTreeSet::new);
    let of_packages = coverage.iter().filter(|c| c.table == "package");
    let mut packages: Packages = of_packages.map(|c| (c.scope.clone(), known(c))).collect();
    for row in texts("SELECT server_uid, name FROM package")? {
        if let [Some(server), Some(name)] = row.as_slice()
            && let Some(Some(names)) = packages.get_mut(server)
        {
            names.insert(name.clone());
        }
    }
    Ok(packages)
}

/// How the installation calls itself, and its version by each source in order of trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Public host name, else the installation's id.
    pub name: Option<String>,
    /// Technical version, such as `4.1.43922`.
    pub build: Option<String>,
}

impl Identity {
    /// Reads it from the facts: the component row, else the system configuration, else the package of bm-core.
    pub fn of<E>(mut texts: impl FnMut(&str) -> Result<Vec<Vec<Option<String>>>, E>) -> Result<Self, E> {
        let mut first = |sql: &str| -> Result<Option<String>, E> {
            Ok(texts(sql)?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
        };
        let name = first("SELECT coalesce(external_url, installation_id) FROM installation")?;
        let mut build = None;
        for source in [
            "SELECT version FROM component_version WHERE component = 'bm/core'",
            "SELECT db_version FROM installation WHERE db_version IS NOT NULL",
            "SELECT version FROM package WHERE name = 'bm-core' ORDER BY version",
        ] {
            build = match build {
                None => first(source)?,
                known => known,
            };
        }
        Ok(Self { name, build })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::store::Origin;
    use crate::fact::{Column, Row, Schema, Store, Table, Value};

    const fn table(name: &'static str, scope: ScopeKind, columns: &'static [Column]) -> Table {
        Table { name, doc: "", grain: "", scope, columns }
    }
    const UID: Column = Column::text("server_uid", "");
    const VERSION: Column = Column::text("version", "");
    const IP: Column = Column::text("ip", "").nullable();
    const FQDN: Column = Column::text("fqdn", "").nullable();
    const EXTERNAL_URL: Column = Column::text("external_url", "").nullable();
    const DB_VERSION: Column = Column::text("db_version", "").nullable();
    const SERVER: Table = table("server", ScopeKind::Directory, &[UID, IP, FQDN]);
    const SERVER_ROLE: Table = table("server_role", ScopeKind::Directory, &[UID, Column::text("role", "")]);
    const DOMAIN: Table =
        table("domain", ScopeKind::Directory, &[Column::text("domain_uid", ""), Column::boolean("is_global", "")]);
    const PACKAGE: Table = table("package", ScopeKind::Server, &[Column::text("name", ""), VERSION]);
    const INSTALLATION: Table =
        table("installation", ScopeKind::Directory, &[Column::text("installation_id", ""), EXTERNAL_URL, DB_VERSION]);
    const COMPONENT_VERSION: Table =
        table("component_version", ScopeKind::Directory, &[Column::text("component", ""), VERSION]);

    fn store() -> Store {
        let schema = Schema::new([&SERVER, &SERVER_ROLE, &DOMAIN, &PACKAGE, &INSTALLATION, &COMPONENT_VERSION]);
        Store::in_memory(&schema, &Origin::default()).unwrap()
    }

    /// A row of texts, an empty one for what is not known.
    fn row<const N: usize>(cells: [&str; N]) -> Row {
        cells.map(|cell| Some(cell).filter(|text| !text.is_empty()).into()).into()
    }

    fn dark(table: &str) -> Reason {
        Run::Broken { error: table.to_owned() }.into()
    }

    fn fill<const N: usize>(store: &mut Store, table: &Table, scope: &str, rows: &[[&str; N]], ends: Completeness) {
        assert_eq!(store.insert(table, scope, &rows.iter().copied().map(row).collect::<Vec<_>>()).unwrap(), None);
        let reason = (ends != Completeness::Complete).then(|| dark(table.name));
        let coverage = Coverage { completeness: ends, reason, ..Coverage::complete(table.name, scope) };
        store.finish(table, coverage).unwrap();
    }

    /// Three servers, one of them without any role, as far as the two tables are known.
    fn topology(servers: Completeness, roles: Completeness) -> Topology {
        let mut store = store();
        let listed = [["core", "192.0.2.1", "core.invalid"], ["mail", "", "mail.invalid"], ["spare", "", ""]];
        fill(&mut store, &SERVER, DIRECTORY, &listed, servers);
        let held =
            [["core", CORE_ROLE], ["core", BACKEND_ROLE], ["mail", BACKEND_ROLE], ["mail", SHARD_ROLE], ["gone", "x"]];
        fill(&mut store, &SERVER_ROLE, DIRECTORY, &held, roles);
        fill(&mut store, &INSTALLATION, DIRECTORY, &[["id", "", ""]], Completeness::Absent);
        Topology::of(&store.coverage().unwrap(), |sql| store.texts(sql)).unwrap()
    }

    fn known() -> Topology {
        topology(Completeness::Complete, Completeness::Complete)
    }

    fn uids<'a>(servers: impl Iterator<Item = &'a Server>) -> Vec<&'a str> {
        servers.map(|server| server.uid.as_str()).collect()
    }

    #[test]
    fn servers_have_the_address_and_the_roles_of_the_directory() {
        let server = |uid: &str, address: Option<&str>, roles: &[&str]| Server {
            uid: uid.to_owned(),
            address: address.map(str::to_owned),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        let expected = [
            server("core", Some("192.0.2.1"), &[CORE_ROLE, BACKEND_ROLE]),
            server("mail", Some("mail.invalid"), &[BACKEND_ROLE, SHARD_ROLE]),
            server("spare", None, &[]),
        ];
        assert_eq!(known().servers(), expected);
        assert_eq!(uids(known().cores()), ["core"]);
        assert_eq!(uids(known().backends()), ["core", "mail"]);
        assert_eq!(uids(known().shards()), ["mail"]);
        let holders = known().holders().unwrap();
        let held = |role: &str| holders[role].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(holders.len(), 3);
        assert_eq!(
            (held(CORE_ROLE), held(BACKEND_ROLE), held(SHARD_ROLE)),
            (vec!["core"], vec!["core", "mail"], vec!["mail"])
        );
    }

    #[test]
    fn a_list_of_servers_or_roles_that_may_lack_one_is_none() {
        use Completeness::{Absent, Complete, Partial};
        for (servers, roles, dim) in [
            (Partial, Complete, "server"),
            (Absent, Complete, "server"),
            (Complete, Partial, "server_role"),
            (Complete, Absent, "server_role"),
        ] {
            let topology = topology(servers, roles);
            assert_eq!(topology, Topology::Unknown(dark(dim)), "{servers:?} {roles:?}");
            assert_eq!((topology.servers(), topology.holders()), (&[][..], None));
        }
        let nothing = Topology::of(&[], |_| unreachable!() as Result<_, ()>);
        assert_eq!(nothing, Ok(Topology::Unknown(Run::NotCollected.into())));
        let half = Topology::of(&[Coverage::complete("server", DIRECTORY)], |_| unreachable!() as Result<_, ()>);
        assert_eq!(half, Ok(Topology::Unknown(Run::NotCollected.into())));
    }

    #[test]
    fn a_directory_that_nobody_uses_tells_no_topology() {
        let topology = |servers: &[[&str; 3]], roles: &[[&str; 2]], domains: &[(&str, bool)]| {
            let mut store = store();
            fill(&mut store, &SERVER, DIRECTORY, servers, Completeness::Complete);
            fill(&mut store, &SERVER_ROLE, DIRECTORY, roles, Completeness::Complete);
            let domains: Vec<Row> =
                domains.iter().map(|(uid, is_global)| [Some(*uid).into(), Value::from(*is_global)].into()).collect();
            assert_eq!(store.insert(&DOMAIN, DIRECTORY, &domains).unwrap(), None);
            store.finish(&DOMAIN, Coverage::complete("domain", DIRECTORY)).unwrap();
            Topology::of(&store.coverage().unwrap(), |sql| store.texts(sql)).unwrap()
        };
        let (core, held) = ([["core", "192.0.2.1", ""]], [["core", CORE_ROLE]]);
        let (virt, own) = (("global.virt", true), ("mail.invalid", false));
        let unknown = |why: Run| Topology::Unknown(why.into());
        assert_eq!(topology(&[], &[], &[own]), unknown(Run::NoServer));
        let no_core = Run::NoHolder { role: CORE_ROLE.to_owned() };
        assert_eq!(topology(&core, &[["core", BACKEND_ROLE]], &[own]), unknown(no_core));
        assert_eq!(topology(&core, &held, &[virt]), unknown(Run::NoDomain));
        assert_eq!(topology(&core, &held, &[]), unknown(Run::NoDomain));
        assert_eq!(topology(&core, &held, &[virt, own]).servers().len(), 1);
    }

    #[test]
    fn a_table_is_expected_wherever_it_can_be_or_there_is_a_reason() {
        use ScopeKind::{Backend, Database, Directory, Network, Server, Shard};
        let scopes = |topology: &Topology, kind| {
            topology.scopes(kind).map_or_else(|reason| reason.to_string(), |all| all.join(" "))
        };
        let (unknown, empty) = (Topology::Unknown(Run::NotCollected.into()), Topology::Known(Vec::new()));
        let refused = "the servers of the installation are not known: not collected";
        for (kind, of_known, of_unknown, of_empty) in [
            (Directory, "directory", "directory", "directory"),
            (Network, "network", "network", "network"),
            (Database, "directory mail", refused, "directory"),
            (Shard, "mail", refused, "no server holds the role bm/pgsql-data"),
            (Backend, "core mail", refused, "no server holds the role mail/imap"),
            (Server, "core mail spare", refused, "the directory database lists no server"),
        ] {
            assert_eq!(scopes(&known(), kind), of_known, "{kind:?}");
            assert_eq!(scopes(&unknown, kind), of_unknown, "{kind:?}");
            assert_eq!(scopes(&empty, kind), of_empty, "{kind:?}");
            let is_told = [unknown.scopes(kind).is_ok(), empty.scopes(kind).is_ok()];
            assert_eq!(is_told, [of_unknown != refused, !of_empty.contains(' ')], "{kind:?}");
        }
    }

    #[test]
    fn packages_are_known_server_by_server() {
        use Completeness::{Absent, Complete, NotAttempted, Partial};
        let installed = |ends: &[Completeness]| {
            let mut store = store();
            fill(&mut store, &SERVER, DIRECTORY, &[["a", "", ""]], Absent);
            for (scope, ends) in ["a", "b"].into_iter().zip(ends) {
                fill(&mut store, &PACKAGE, scope, &[["bm-core", "1"], [scope, "1"]], *ends);
            }
            packages(&store.coverage().unwrap(), |sql| store.texts(sql)).unwrap()
        };
        let of = |server: &str| (server.to_owned(), Some(BTreeSet::from(["bm-core".to_owned(), server.to_owned()])));
        assert_eq!(installed(&[Complete, Complete]), [of("a"), of("b")].into());
        for ends in [Partial, Absent, NotAttempted] {
            assert_eq!(installed(&[Complete, ends]), [of("a"), ("b".to_owned(), None)].into(), "{ends:?}");
        }
        assert_eq!(installed(&[]), Packages::new(), "nobody looked");
    }

    #[test]
    fn the_most_trusted_source_tells_name_and_version() {
        let identity = |installation: [&str; 3], component: [&str; 2]| {
            let mut store = store();
            fill(&mut store, &INSTALLATION, DIRECTORY, &[installation], Completeness::Complete);
            fill(&mut store, &COMPONENT_VERSION, DIRECTORY, &[component], Completeness::Complete);
            fill(&mut store, &PACKAGE, "core", &[["bm-core", "4.1.3"], ["bm-mapi", "4.1.4"]], Completeness::Complete);
            let Identity { name, build } = Identity::of(|sql| store.texts(sql)).unwrap();
            (name.unwrap(), build.unwrap())
        };
        let is = |name: &str, build: &str| (name.to_owned(), build.to_owned());
        assert_eq!(identity(["id", "mail.invalid", "4.1.2"], ["bm/core", "4.1.1"]), is("mail.invalid", "4.1.1"));
        assert_eq!(identity(["id", "", "4.1.2"], ["bm/mapi", "4.1.1"]), is("id", "4.1.2"));
        assert_eq!(identity(["id", "", ""], ["bm/mapi", "4.1.1"]), is("id", "4.1.3"));
        assert_eq!(Identity::of(|sql| store().texts(sql)).unwrap(), Identity::default());
    }
}

//! What exists and where: the servers of the installation, their roles and addresses, and which of them this run reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::ScopeKind;
use crate::model::{Completeness, Coverage};

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
    /// The directory database could not be read.
    Unknown(String),
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
                return Ok(Self::Unknown(reason.unwrap_or_else(|| "not collected".to_owned())));
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
        Ok(Self::Known(rows.into_iter().filter_map(server).collect()))
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
    pub fn scopes(&self, kind: ScopeKind) -> Result<Vec<String>, String> {
        let uids = |servers: Vec<&Server>| servers.into_iter().map(|s| s.uid.clone()).collect::<Vec<_>>();
        let single = |scope: &str| Ok(vec![scope.to_owned()]);
        let known = match self {
            Self::Known(_) => Ok(()),
            Self::Unknown(reason) => Err(format!("the servers of the installation are not known: {reason}")),
        };
        let shards = uids(self.shards().collect());
        let backends = uids(self.backends().collect());
        match kind {
            ScopeKind::Directory => single(DIRECTORY),
            ScopeKind::Network => single("network"),
            _ if known.is_err() => known.map(|()| Vec::new()),
            ScopeKind::Database => Ok([DIRECTORY.to_owned()].into_iter().chain(shards).collect()),
            ScopeKind::Shard if shards.is_empty() => Err(format!("no server holds the role {SHARD_ROLE}")),
            ScopeKind::Shard => Ok(shards),
            ScopeKind::Backend if backends.is_empty() => Err(format!("no server holds the role {BACKEND_ROLE}")),
            ScopeKind::Backend => Ok(backends),
            ScopeKind::Server if self.servers().is_empty() => Err("the directory database lists no server".to_owned()),
            ScopeKind::Server => Ok(uids(self.servers().iter().collect())),
        }
    }
}

/// The packages that some server has; `None` when those of a server are not known: it might have any.
pub fn packages<E>(
    coverage: &[Coverage],
    mut texts: impl FnMut(&str) -> Result<Vec<Vec<Option<String>>>, E>,
) -> Result<Option<BTreeSet<String>>, E> {
    let mut statements = coverage.iter().filter(|c| c.table == "package").peekable();
    if statements.peek().is_none() || statements.any(|c| c.completeness != Completeness::Complete) {
        return Ok(None);
    }
    let rows = texts("SELECT DISTINCT name FROM package")?;
    Ok(Some(rows.into_iter().flatten().flatten().collect()))
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

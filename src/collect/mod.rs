//! Collectors: they describe what is there, and never judge it. A failure is a statement on completeness, not an error.

mod cyrus;
mod database;
mod network;
mod progress;
mod reach;
mod remote;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use futures_util::StreamExt;

use self::network::Around;
use self::reach::access;
use self::reach::identity;
use self::reach::mailbox::Gather;
use self::reach::owners::Owners;
use self::reach::place::{Look, OfServer, Place};
use self::reach::postgres::{Greeting, Sessions};
use self::reach::root::Root;
use self::reach::seen::Seen;
use self::reach::shard::Shard;
use self::reach::shards::{self, Found, Verdicts};
use self::reach::source::Source;
use crate::config::Config;
use crate::fact::store::Origin;
use crate::fact::{Record as _, Schema, ScopeKind, Store, StoreError, Table};
use crate::format::bm_ini::BmIni;
use crate::model::reason::Run;
use crate::model::{Completeness, Coverage, Reason};
use crate::topology::{DIRECTORY, Server, Topology};

pub use self::reach::sink::Sink;
pub use self::remote::{Remote, Stage};

/// Every facts table.
pub fn schema() -> Schema {
    let sources = database::DIRECTORY_SOURCES.iter().chain(database::SHARD_SOURCES).chain(database::DATABASE_SOURCES);
    let sources = sources.chain([database::AGAIN]);
    let files = of_server().flat_map(|collector| collector.tables()).copied();
    let network = network::ALL.iter().chain(network::AFTERWARDS).flat_map(|collector| collector.tables).copied();
    let counted = progress::COUNTED.iter().copied();
    Schema::new(sources.map(|source| source.table).chain(counted).chain(files).chain(network))
}

/// What a database is asked to fill a table, one statement for each schema of BlueMind's; nothing for other tables.
pub fn statements(table: &str) -> Vec<&'static str> {
    let sources = database::DIRECTORY_SOURCES.iter().chain(database::SHARD_SOURCES).chain(database::DATABASE_SOURCES);
    let source = sources.chain([database::AGAIN]).find(|source| source.table.name == table);
    let queries = source.into_iter().flat_map(|source| source.queries).map(|query| query.sql);
    queries.chain(progress::statements(table).iter().copied()).collect()
}

/// Every collector of a server's files.
fn of_server() -> impl Iterator<Item = &'static dyn OfServer> {
    server::ALL.iter().copied().flatten().chain(cyrus::ALL).copied().chain([MAILBOXES])
}

/// What is told of the mailboxes of a backend. Two rooms do it together, as their indexes are read once.
const MAILBOXES: &dyn OfServer = &Look {
    tables: &[
        cyrus::CyrusMailbox::TABLE,
        cyrus::CyrusList::TABLE,
        cyrus::CyrusEntryUnreadable::TABLE,
        cyrus::CyrusEntryUnserved::TABLE,
        cyrus::CyrusIndex::TABLE,
        cyrus::SpoolDirectory::TABLE,
        cyrus::PartitionFiles::TABLE,
        cyrus::MailboxFiles::TABLE,
        progress::MessageReplication::TABLE,
        progress::ReplicationProgress::TABLE,
        progress::FolderReplication::TABLE,
        progress::MessageDifference::TABLE,
        progress::RecordLookup::TABLE,
        progress::UnfoundFolder::TABLE,
        progress::UnfoundMessage::TABLE,
    ],
    look: |place| Box::pin(mailboxes(place)),
};

async fn mailboxes(place: &Place) -> Seen {
    let messages = progress::messages(place);
    let seen = cyrus::mailboxes(place, messages.clone().map(|messages| messages as Arc<dyn Gather>)).await;
    let root = place.root.clone();
    progress::tell(seen, place, messages, Box::new(move || cyrus::again(&root))).await
}

/// What the collectors must know of a run beside its configuration.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// No probe of the network may be made.
    pub is_offline: bool,
    /// The run's clock, in seconds since the epoch.
    pub now: i64,
}

/// The collectors of one run: what they read, and where they put it.
pub struct Collectors<'a> {
    config: &'a Config,
    root: Root,
    circumstances: Circumstances,
    started: Instant,
    bm_ini: Result<BmIni, Reason>,
    sessions: Sessions,
    /// What no other database has, once the directory's is known.
    directory: OnceLock<String>,
    wanted: &'a [&'static Table],
    sink: Sink,
}

impl<'a> Collectors<'a> {
    /// Prepares the collectors of the `wanted` tables. The error is about the configuration.
    pub fn new(
        config: &'a Config,
        root: &std::path::Path,
        circumstances: Circumstances,
        wanted: &'a [&'static Table],
        sink: Sink,
    ) -> Result<Self, Reason> {
        access::verify(config)?;
        if let Some((uid, path)) =
            config.server.iter().find_map(|(uid, s)| Some((uid, s.root.as_ref()?)).filter(|(_, path)| !path.is_dir()))
        {
            let path = path.display().to_string();
            return Err(Run::RootNotFolder { server: uid.clone(), path }.into());
        }
        let root = Root::new(root);
        let bm_ini = identity::bm_ini(&root);
        let (sessions, started) = (Sessions::new(config)?, Instant::now());
        Ok(Self { config, circumstances, started, bm_ini, root, sessions, directory: OnceLock::new(), wanted, sink })
    }

    /// The same, which lets the databases do less at a time.
    pub fn gentle(self) -> Self {
        Self { sessions: self.sessions.gentle(), ..self }
    }

    /// Reads the directory database, which tells what else there is to read.
    pub async fn directory(&self) {
        let sources = self.wanted_sources(database::DIRECTORY_SOURCES.iter().chain(database::DATABASE_SOURCES));
        let access = access::directory(self.config, &self.bm_ini);
        let greet = |greeting: &Greeting| {
            let now = self.circumstances.now.saturating_add_unsigned(self.started.elapsed().as_secs());
            self.describe(|origin| origin.clock_ahead_s = Some(now.saturating_sub(greeting.time)));
            self.directory.get_or_init(|| greeting.identity.clone());
        };
        self.sessions.collect(&access, &sources, DIRECTORY, &self.sink, greet).await;
        if let Err(error) = self.sink.with(|store| self.doubt(store)) {
            tracing::error!("doubting the directory: {error}");
        }
    }

    /// Reads the mailboxes once more: what came, went or was changed meanwhile cannot be held against what else was read.
    async fn directory_again(&self) {
        let sources = self.wanted_sources([database::AGAIN].into_iter());
        let Some(source) = sources.first() else { return };
        let access = match self.sink.with(|store| store.coverage()) {
            Ok(coverage) => match coverage.into_iter().find(|c| c.table == database::FIRST.name).map(|c| c.reason) {
                Some(Some(reason)) => Err(reason),
                _ => access::directory(self.config, &self.bm_ini),
            },
            Err(error) => Err(Run::Store { error: error.to_string() }.into()),
        };
        self.sessions.collect(&access, &sources, DIRECTORY, &self.sink, |_| ()).await;
        let differ = |store: &mut Store| {
            // What could not be held against what it was tells of changes that are none.
            store.keep_differences(source.table, database::FIRST).or_else(|error| {
                let reason = Run::Store { error: error.to_string() };
                store.finish(source.table, Coverage::absent(source.table.name, DIRECTORY, reason))
            })
        };
        if let Err(error) = self.sink.with(differ) {
            tracing::error!("holding the directory against what it was: {error}");
        }
    }

    /// A directory without a single server is none yet, or another database: its other tables tell nothing either.
    fn doubt(&self, store: &mut Store) -> Result<(), StoreError> {
        let coverage = store.coverage()?;
        let whole = |name: &str| coverage.iter().any(|c| c.table == name && c.completeness == Completeness::Complete);
        if !whole("server") || !store.texts("SELECT server_uid FROM server LIMIT 1")?.is_empty() {
            return Ok(());
        }
        let of_directory = self.wanted.iter().filter(|table| table.scope == ScopeKind::Directory && whole(table.name));
        of_directory
            .copied()
            .try_for_each(|table| store.finish(table, Coverage::absent(table.name, DIRECTORY, Run::NoServer)))
    }

    /// Notes which server, of which installation, the files below the root are of.
    pub fn locate(&self, topology: &Topology) {
        let server_uid = identity::identify(&self.root, topology.servers()).ok();
        let installation_id = identity::installation_id(&self.root);
        self.describe(|origin| (origin.server_uid, origin.installation_id) = (server_uid, installation_id));
    }

    fn describe(&self, change: impl FnOnce(&mut Origin)) {
        let described = self.sink.with(|store| {
            change(store.origin_mut());
            Ok(())
        });
        if let Err(error) = described {
            tracing::error!("describing the collection: {error}");
        }
    }

    /// Reads every shard and every server that can be read from here, and probes the network, `jobs` at a time.
    pub async fn servers(&self, topology: &Topology, jobs: usize) {
        let roots = self.roots(topology);
        // A shard that is silent must not hold up what needs none.
        let (put, verdicts) = Verdicts::awaited();
        let tell_apart = async { put.send_replace(Some(self.tell_apart(topology).await)) };
        let databases = topology.shards().map(Work::Shard);
        let hosts = roots.iter().map(|(uid, root)| Work::Host(uid, self.tables_of(uid, topology), root));
        let works: Vec<Work<'_>> = databases.chain(hosts).chain([Work::Network]).collect();
        let all = futures_util::stream::iter(works)
            .for_each_concurrent(jobs, |work| self.carry_out(work, topology, verdicts.clone()));
        futures_util::future::join(tell_apart, all).await;
        self.around(topology).collect(network::AFTERWARDS).await;
        self.directory_again().await;
    }

    /// Tells the servers to end what they still do for this run.
    pub async fn cancel(&self) {
        self.sessions.cancel().await;
    }

    async fn carry_out(&self, work: Work<'_>, topology: &Topology, verdicts: Verdicts) {
        match work {
            Work::Shard(server) => {
                let sources = self.wanted_sources(database::SHARD_SOURCES.iter().chain(database::DATABASE_SOURCES));
                let refusal = verdicts.refusal(&server.uid).await;
                let access = access::shard(self.config, &self.bm_ini, server).map(|access| access.refused(refusal));
                self.sessions.collect(&access, &sources, &server.uid, &self.sink, |_| ()).await;
                // Folders last: what refers to one that is new has been read before it.
                let shard = self.shard_of(&server.uid, topology, verdicts);
                progress::count(shard, self.wanted, &server.uid, &self.sink).await;
            }
            Work::Host(uid, tables, Ok(root)) => {
                let place = self.place(uid, root, &tables, topology, verdicts);
                for collector in of_server() {
                    place.collect(collector).await;
                }
            }
            Work::Network => self.around(topology).collect(network::ALL).await,
            Work::Host(uid, tables, Err(reason)) => {
                for table in tables {
                    let statement = Coverage::absent(table.name, uid, reason.clone());
                    if let Err(error) = self.sink.with(|store| store.finish(table, statement)) {
                        tracing::error!(table = table.name, scope = uid, "{error}");
                    }
                }
            }
        }
    }

    /// Where the collectors of the network look.
    fn around<'c>(&'c self, topology: &'c Topology) -> Around<'c> {
        Around {
            config: self.config,
            root: &self.root,
            is_offline: self.circumstances.is_offline,
            now: self.circumstances.now,
            topology,
            vantage: self.vantage(topology),
            wanted: self.wanted,
            sink: &self.sink,
        }
    }

    /// Where the collectors of a server look.
    fn place(
        &self,
        uid: &str,
        root: &Root,
        tables: &[&'static Table],
        topology: &Topology,
        verdicts: Verdicts,
    ) -> Place {
        let server = topology.servers().iter().find(|server| server.uid == uid);
        Place {
            server: uid.to_owned(),
            root: root.clone(),
            shard: self.shard_of(uid, topology, verdicts),
            owners: Owners::read(&self.sink).map(Arc::new),
            roles: server.map(|server| server.roles.clone()),
            now: self.circumstances.now,
            wanted: tables.to_vec(),
            sink: self.sink.clone(),
        }
    }

    /// Why shards must not be read, by their server.
    async fn tell_apart(&self, topology: &Topology) -> BTreeMap<String, Reason> {
        let mailboxes = self.mailboxes();
        let found = topology.shards().map(|server| Found {
            server: &server.uid,
            access: access::shard(self.config, &self.bm_ini, server),
            mailboxes: mailboxes.get(&server.uid).map_or(&[][..], Vec::as_slice),
        });
        let taken = self.directory.get().map(|identity| (identity.clone(), DIRECTORY.to_owned()));
        shards::tell_apart(&self.sessions, found.collect(), taken.into_iter().collect()).await
    }

    /// The mailboxes that have folder trees from their first day on, by their server, as far as the directory tells all of
    /// them.
    fn mailboxes(&self) -> BTreeMap<String, Vec<String>> {
        let sql = "SELECT backend_uid, mailbox_uid FROM mailbox
                   WHERE type IN ('user', 'mailshare') AND routing = 'internal' AND NOT is_archived AND NOT is_system";
        let rows = self.sink.with(|store| {
            let is_all = |c: &Coverage| c.table == "mailbox" && c.completeness == Completeness::Complete;
            if store.coverage()?.iter().any(is_all) { store.texts(sql) } else { Ok(Vec::new()) }
        });
        let mut mailboxes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in rows.unwrap_or_default() {
            if let [Some(server), Some(mailbox)] = row.as_slice() {
                mailboxes.entry(server.clone()).or_default().push(mailbox.clone());
            }
        }
        mailboxes
    }

    /// The shard of the mailboxes of a backend: that of the same server.
    fn shard_of(&self, uid: &str, topology: &Topology, verdicts: Verdicts) -> Result<Shard, Reason> {
        let server = match topology {
            Topology::Known(_) => topology.shards().find(|server| server.uid == uid),
            Topology::Unknown(_) => None,
        };
        let access = match (server, self.config.shard.contains_key(uid)) {
            (Some(server), _) => access::shard(self.config, &self.bm_ini, server),
            (None, true) => {
                let server = Server { uid: uid.to_owned(), address: None, roles: BTreeSet::default() };
                access::shard(self.config, &self.bm_ini, &server)
            }
            (None, false) => Err(Run::NoShard { server: uid.to_owned() }.into()),
        };
        Ok(Shard { sessions: self.sessions.clone(), access: access?, server: uid.to_owned(), verdicts })
    }

    /// The server that the network is seen from, if that can be told. The files of another machine do not say so, unless the
    /// configuration tells how the network looks from there.
    fn vantage(&self, topology: &Topology) -> Option<String> {
        let is_told = !self.config.dns.resolvers.is_empty() || !self.config.probe.connect.is_empty();
        let is_here = self.root.is_system() || is_told;
        is_here.then(|| identity::identify(&self.root, topology.servers()).ok()).flatten()
    }

    /// The files of each server: of the configuration, or of this machine; else why they are out of reach.
    fn roots(&self, topology: &Topology) -> BTreeMap<String, Result<Root, Reason>> {
        let local = identity::identify(&self.root, topology.servers());
        let mut roots: BTreeMap<String, Result<Root, Reason>> = BTreeMap::new();
        for server in topology.servers() {
            let reason = match &local {
                Ok(uid) => Run::OnlyFilesOf { server: uid.clone() },
                Err(why) => Run::WhichServer { why: Box::new(why.clone()) },
            };
            roots.insert(server.uid.clone(), Err(reason.into()));
        }
        if let Ok(uid) = local {
            roots.insert(uid, Ok(self.root.clone()));
        }
        let is_known = |uid: &String| match topology {
            Topology::Known(servers) => servers.iter().any(|server| server.uid == *uid),
            Topology::Unknown(_) => true,
        };
        for (uid, server) in self.config.server.iter().filter(|(uid, _)| is_known(uid)) {
            if let Some(path) = &server.root {
                roots.insert(uid.clone(), Ok(Root::new(path)));
            }
        }
        roots
    }

    fn wanted_sources<'s>(&self, sources: impl Iterator<Item = &'s Source>) -> Vec<&'s Source> {
        sources.filter(|source| self.wanted.iter().any(|table| table.name == source.table.name)).collect()
    }

    /// The wanted tables that are read from a server's files: Cyrus' only where the server is a mail backend, or where
    /// nobody can tell.
    fn tables_of(&self, uid: &str, topology: &Topology) -> Vec<&'static Table> {
        let is_backend =
            matches!(topology, Topology::Unknown(_)) || topology.backends().any(|server| server.uid == uid);
        let is_read = |table: &&'static Table| match table.scope {
            ScopeKind::Server => true,
            ScopeKind::Backend => is_backend,
            ScopeKind::Directory | ScopeKind::Shard | ScopeKind::Database | ScopeKind::Network => false,
        };
        self.wanted.iter().copied().filter(is_read).collect()
    }
}

/// A piece of work that can be done beside others.
enum Work<'a> {
    Shard(&'a Server),
    Host(&'a String, Vec<&'static Table>, &'a Result<Root, Reason>),
    Network,
}

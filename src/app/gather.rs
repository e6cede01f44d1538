//! Where facts come from: a collection, a snapshot, or an installation of the fixtures.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::cut::{Cut, Reason};
use super::ssh::Ssh;
use super::vantage::Elsewhere;
use super::{Failure, VERSION};
use crate::bundle;
use crate::cli::SourceArgs;
use crate::collect::{Circumstances, Collectors, Sink};
use crate::config::Config;
use crate::fact::fixture::{self, Installation};
use crate::fact::store::Origin;
use crate::fact::{Facts, Schema, ScopeKind, Store, StoreError, Table};
use crate::merge::{self, MergeError};
use crate::model::reason::Run;
use crate::plan::Plan;
use crate::topology::{DIRECTORY, Server, Topology};

/// Facts, and what is to be said of their collection.
pub(super) struct Gathered {
    pub(super) facts: Facts,
    /// Why the collection was cut short, if it was.
    pub(super) cut: Option<Reason>,
    /// Uids of the configuration that the directory does not have.
    pub(super) strangers: BTreeSet<String>,
}

impl std::convert::From<Facts> for Gathered {
    fn from(facts: Facts) -> Self {
        Self { facts, cut: None, strangers: BTreeSet::new() }
    }
}

/// What is collected from.
#[derive(Clone, Copy)]
pub(super) enum From<'a> {
    /// A server of the installation.
    Here,
    /// A server of the installation, and the others from there.
    Servers(&'a Ssh),
    /// Another machine.
    Elsewhere(&'a Elsewhere),
}

/// Collects the tables of the plan.
pub(super) fn collect(
    arguments: &SourceArgs,
    plan: &Plan,
    now: Timestamp,
    cut: &Cut,
    quiet: bool,
    from: From<'_>,
) -> Result<Gathered, Failure> {
    let config = read_config(arguments)?;
    if !arguments.root.is_dir() {
        return Err(Failure::Usage(format!("--root {}: not a folder", arguments.root.display())));
    }
    if arguments.low_priority {
        step_back()?;
    }
    let mut store = begun(plan, now)?;
    if let From::Elsewhere(elsewhere) = from {
        elsewhere.fill(&mut store)?;
    }
    let sink = Sink::new(store);
    let circumstances = Circumstances { is_offline: arguments.offline, now: now.as_second() };
    let collectors = Collectors::new(&config, &arguments.root, circumstances, &plan.tables, sink.clone())
        .map_err(|reason| in_config(arguments, &reason.to_string()))?;
    let collectors = if arguments.low_priority { collectors.gentle() } else { collectors };
    let progress = Progress::new(arguments.no_progress || quiet);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Tool(format!("async runtime: {error}")))?;
    let work = Work { arguments, config: &config, cut, progress: &progress, from };
    let reason = runtime.block_on(async {
        let reason = tokio::select! {
            done = drive(&collectors, plan, &sink, &work) => return done.map(|()| None),
            reason = cut.wait() => reason,
        };
        collectors.cancel().await;
        Ok::<_, Failure>(Some(reason))
    })?;
    // A file system that does not answer would hold its thread, and the report, for ever.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(collectors);
    progress.clear();
    let mut store = sink.take().ok_or_else(|| Failure::Tool("the facts were taken away".to_owned()))?;
    let why = reason.map_or_else(|| Run::NoCollector.into(), crate::model::Reason::from);
    store.give_up(&why)?;
    let topology = Topology::of(&store.coverage()?, |sql| store.texts(sql))?;
    if reason.is_some() {
        // It may have ended before anybody said what else there is.
        plan.announce(&topology, &mut store)?;
        store.give_up(&why)?;
    }
    let facts = match from {
        From::Servers(ssh) => {
            ssh.join(store.seal()?, &topology, reason, now.as_second().saturating_add_unsigned(cut.elapsed_s()))?
        }
        From::Here | From::Elsewhere(_) => store.seal()?,
    };
    Ok(Gathered { facts, cut: reason, strangers: strangers(&config, &topology) })
}

/// A store that expects the directory: however early the run ends, it is told why nobody came to that.
fn begun(plan: &Plan, now: Timestamp) -> Result<Store, StoreError> {
    let mut store = Store::create(&plan.schema, &Origin::new(VERSION, now.as_second()))?;
    for table in plan.of_kind(ScopeKind::Directory) {
        store.expect(table.name, DIRECTORY)?;
    }
    Ok(store)
}

fn read_config(arguments: &SourceArgs) -> Result<Config, Failure> {
    let Some(path) = &arguments.config else { return Ok(Config::default()) };
    Config::read(path).map_err(|error| Failure::Usage(error.to_string()))
}

/// What is wrong with a configuration beyond its syntax.
fn in_config(arguments: &SourceArgs, reason: &str) -> Failure {
    let path = arguments.config.as_ref().map(|path| format!("{}: ", path.display()));
    Failure::Usage(format!("{}{reason}", path.unwrap_or_default()))
}

/// Servers that only the configuration knows: most of them are misspelt.
fn strangers(config: &Config, topology: &Topology) -> BTreeSet<String> {
    let Topology::Known(servers) = topology else { return BTreeSet::new() };
    let named = config.server.keys().chain(config.shard.keys());
    named.filter(|uid| !servers.iter().any(|server| server.uid == **uid)).cloned().collect()
}

/// Threads that are started from now on inherit it.
fn step_back() -> Result<(), Failure> {
    const LOWEST: i32 = 19;
    let fail = |error: &dyn std::fmt::Display| Failure::Tool(format!("--low-priority: {error}"));
    rustix::process::nice(LOWEST).map_err(|error| fail(&error))?;
    let idle = ioprio::Priority::new(ioprio::Class::Idle);
    ioprio::set_priority(ioprio::Target::Process(ioprio::Pid::this()), idle).map_err(|error| fail(&error))
}

/// What a collection has to do with.
struct Work<'a> {
    arguments: &'a SourceArgs,
    config: &'a Config,
    cut: &'a Cut,
    progress: &'a Progress,
    from: From<'a>,
}

/// The directory database first: it tells what else there is.
async fn drive(collectors: &Collectors<'_>, plan: &Plan, sink: &Sink, work: &Work<'_>) -> Result<(), Failure> {
    let (jobs, progress) = (work.arguments.jobs.into(), work.progress.line());
    if let From::Elsewhere(Elsewhere { label, .. }) = work.from {
        progress.set_message("asking DNS, TLS and HTTP");
        let topology = Topology::Unknown(Run::SeenFrom { label: label.clone() }.into());
        sink.with(|store| plan.announce(&topology, store))?;
        collectors.servers(&topology, jobs).await;
        return Ok(());
    }
    progress.set_message("reading the directory database");
    collectors.directory().await;
    let topology = sink.with(|store| {
        let topology = Topology::of(&store.coverage()?, |sql| store.texts(sql))?;
        plan.announce(&topology, store)?;
        Ok(topology)
    })?;
    collectors.locate(&topology);
    let (shards, servers) = (topology.shards().count(), topology.servers().len());
    progress.set_message(format!("reading {shards} shard(s) of {servers} server(s)"));
    match work.from {
        From::Servers(ssh) => {
            let others = others(&topology, work.config, sink)?;
            let there = ssh.collect(others, work.arguments, work.cut, work.progress);
            tokio::join!(collectors.servers(&topology, jobs), there);
        }
        From::Here | From::Elsewhere(_) => collectors.servers(&topology, jobs).await,
    }
    Ok(())
}

/// The servers whose files are not read from here.
fn others<'t>(topology: &'t Topology, config: &Config, sink: &Sink) -> Result<Vec<&'t Server>, StoreError> {
    let here = sink.with(|store| Ok(store.origin_mut().server_uid.clone()))?;
    let is_read = |uid: &String| here.as_ref() == Some(uid) || config.server.get(uid).is_some_and(|s| s.root.is_some());
    Ok(topology.servers().iter().filter(|server| !is_read(&server.uid)).collect())
}

/// What is shown while a collection lasts: drawn on standard error, and only when that is a terminal.
pub(super) struct Progress(MultiProgress);

impl Progress {
    fn new(hidden: bool) -> Self {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self(MultiProgress::with_draw_target(target))
    }

    /// A line of its own for a piece of work.
    pub(super) fn line(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        let line = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let line = self.0.add(line);
        if !self.0.is_hidden() {
            line.enable_steady_tick(Duration::from_millis(120));
        }
        line
    }

    fn clear(&self) {
        // A terminal that is gone needs none.
        let _ = self.0.clear();
    }
}

/// Opens a snapshot, or merges several.
pub(super) fn replay(paths: &[PathBuf], now: Timestamp) -> Result<Facts, Failure> {
    replay_for(paths, now, &Plan::everything(&super::schema()))
}

/// The same for who reads the tables of a plan alone.
pub(super) fn replay_for(paths: &[PathBuf], now: Timestamp, plan: &Plan) -> Result<Facts, Failure> {
    let schema = super::schema();
    let is_read = |table: &Table| paths.len() > 1 || plan.wants(table);
    let open = |path: &PathBuf| {
        if !bundle::is_bundle(path) {
            return Ok((path.clone(), Facts::open_for(path, &schema, is_read)?));
        }
        let folder = bundle::unpack(path)?;
        Ok((path.clone(), Facts::open_for(&folder.path().join(bundle::FACTS), &schema, is_read)?.keeping(folder)))
    };
    let mut snapshots: Vec<(PathBuf, Facts)> = paths.iter().map(open).collect::<Result<_, Failure>>()?;
    match (snapshots.pop(), snapshots.is_empty()) {
        (Some((_, facts)), true) => Ok(facts),
        (last, _) => {
            snapshots.extend(last);
            merge::merge(snapshots, &schema, now.as_second()).map_err(|error| match error {
                MergeError::Misfit(_) => Failure::Usage(error.to_string()),
                MergeError::Store(error) => error.into(),
            })
        }
    }
}

/// Facts of an installation: every scope that its topology expects is complete, but for the gaps that it names.
pub fn fixture_facts(installation: &Installation, schema: &Schema) -> Result<Facts, Failure> {
    let fail = |error: fixture::FixtureError| Failure::Tool(format!("fixture: {error}"));
    let origin = Origin::new(VERSION, installation.collected_at.0.as_second());
    let mut store = Store::create(schema, &origin)?;
    fixture::insert(&mut store, &installation.rows).map_err(fail)?;
    let plan = Plan::everything(schema);
    let directory: Vec<_> = plan.of_kind(ScopeKind::Directory).map(|table| (table, DIRECTORY.to_owned())).collect();
    fixture::complete(&mut store, &directory, &[]).map_err(fail)?;
    let topology = Topology::of(&store.coverage()?, |sql| store.texts(sql))?;
    plan.announce(&topology, &mut store)?;
    let (expected, _) = plan.expected(&topology);
    fixture::complete(&mut store, &expected, &installation.coverage).map_err(fail)?;
    Ok(store.seal()?)
}

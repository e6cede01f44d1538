//! Where facts come from: a collection, a snapshot, or the installation that is shipped.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::cut::{Cut, Reason};
use super::vantage::Elsewhere;
use super::{Failure, VERSION};
use crate::bundle;
use crate::cli::SourceArgs;
use crate::collect::{Circumstances, Collectors, Sink};
use crate::config::Config;
use crate::fact::fixture::{self, Installation};
use crate::fact::store::Origin;
use crate::fact::{Facts, Schema, ScopeKind, Store, StoreError};
use crate::merge::{self, MergeError};
use crate::model::reason::Run;
use crate::plan::Plan;
use crate::topology::{DIRECTORY, Topology};

/// The installation of `bm-preflight demo`.
const DEMO: &str = include_str!("../../fixtures/installations/demo/facts.toml");

/// Facts, and what is to be said of their collection.
pub(super) struct Gathered {
    pub(super) facts: Facts,
    /// Why the collection was cut short, if it was.
    pub(super) cut: Option<Reason>,
    /// Uids of the configuration that the directory does not have.
    pub(super) strangers: BTreeSet<String>,
}

impl From<Facts> for Gathered {
    fn from(facts: Facts) -> Self {
        Self { facts, cut: None, strangers: BTreeSet::new() }
    }
}

/// Collects the tables of the plan.
pub(super) fn collect(
    arguments: &SourceArgs,
    plan: &Plan,
    now: Timestamp,
    cut: &Cut,
    quiet: bool,
    elsewhere: Option<&Elsewhere>,
) -> Result<Gathered, Failure> {
    let config = read_config(arguments)?;
    if !arguments.root.is_dir() {
        return Err(Failure::Usage(format!("--root {}: not a folder", arguments.root.display())));
    }
    if arguments.low_priority {
        step_back()?;
    }
    let mut store = begun(plan, now)?;
    elsewhere.map_or(Ok(()), |elsewhere| elsewhere.fill(&mut store))?;
    let sink = Sink::new(store);
    let circumstances = Circumstances { is_offline: arguments.offline, now: now.as_second() };
    let collectors = Collectors::new(&config, &arguments.root, circumstances, &plan.tables, sink.clone())
        .map_err(|reason| in_config(arguments, &reason.to_string()))?;
    let progress = progress(arguments.no_progress || quiet);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Tool(format!("async runtime: {error}")))?;
    let reason = runtime.block_on(async {
        let reason = tokio::select! {
            done = drive(&collectors, plan, &sink, arguments.jobs.into(), &progress, elsewhere) => return done.map(|()| None),
            reason = cut.wait() => reason,
        };
        collectors.cancel().await;
        Ok::<_, Failure>(Some(reason))
    })?;
    // A file system that does not answer would hold its thread, and the report, for ever.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(collectors);
    progress.finish_and_clear();
    let mut store = sink.take().ok_or_else(|| Failure::Tool("the facts were taken away".to_owned()))?;
    let why = reason.map_or_else(|| Run::NoCollector.into(), crate::model::Reason::from);
    store.give_up(&why)?;
    let topology = Topology::of(&store.coverage()?, |sql| store.texts(sql))?;
    if reason.is_some() {
        // It may have ended before anybody said what else there is.
        plan.announce(&topology, &mut store)?;
        store.give_up(&why)?;
    }
    Ok(Gathered { facts: store.seal()?, cut: reason, strangers: strangers(&config, &topology) })
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

/// The directory database first: it tells what else there is.
async fn drive(
    collectors: &Collectors<'_>,
    plan: &Plan,
    sink: &Sink,
    jobs: usize,
    progress: &ProgressBar,
    elsewhere: Option<&Elsewhere>,
) -> Result<(), Failure> {
    if let Some(Elsewhere { label, .. }) = elsewhere {
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
    collectors.servers(&topology, jobs).await;
    Ok(())
}

fn progress(hidden: bool) -> ProgressBar {
    if hidden {
        return ProgressBar::hidden();
    }
    // Drawn on standard error, and only when that is a terminal.
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Opens a snapshot, or merges several.
pub(super) fn replay(paths: &[PathBuf], now: Timestamp) -> Result<Facts, Failure> {
    let schema = super::schema();
    let open = |path: &PathBuf| {
        if !bundle::is_bundle(path) {
            return Ok((path.clone(), Facts::open(path, &schema)?));
        }
        let folder = bundle::unpack(path)?;
        Ok((path.clone(), Facts::open(&folder.path().join(bundle::FACTS), &schema)?.keeping(folder)))
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

/// The installation that is shipped.
pub(super) fn demo() -> Result<Facts, Failure> {
    let installation = Installation::parse(DEMO).map_err(|error| Failure::Tool(format!("demo: {error}")))?;
    fixture_facts(&installation, &super::schema())
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

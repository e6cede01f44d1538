//! Where facts come from: a collection, a snapshot, or the installation that is shipped.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, VERSION};
use crate::cli::SourceArgs;
use crate::collect::{Circumstances, Collectors, Sink};
use crate::config::Config;
use crate::fact::fixture::{self, Installation};
use crate::fact::store::Origin;
use crate::fact::{Facts, Schema, ScopeKind, Store};
use crate::merge::{self, MergeError};
use crate::plan::Plan;
use crate::topology::{DIRECTORY, Topology};

/// The installation of `bm-preflight demo`.
const DEMO: &str = include_str!("../../fixtures/installations/demo/facts.toml");

/// Facts, and a remark when their collection was cut short.
pub(super) struct Gathered {
    pub(super) facts: Facts,
    pub(super) notice: Option<String>,
}

impl From<Facts> for Gathered {
    fn from(facts: Facts) -> Self {
        Self { facts, notice: None }
    }
}

/// Collects the tables of the plan.
pub(super) fn collect(
    arguments: &SourceArgs,
    plan: &Plan,
    schema: &Schema,
    now: Timestamp,
    quiet: bool,
) -> Result<Gathered, Failure> {
    let config = match &arguments.config {
        Some(path) => Config::read(path).map_err(|error| Failure::Usage(error.to_string()))?,
        None => Config::default(),
    };
    if !arguments.root.is_dir() {
        return Err(Failure::Usage(format!("--root {}: not a folder", arguments.root.display())));
    }
    if arguments.low_priority {
        step_back()?;
    }
    let origin = Origin::new(VERSION, now.as_second());
    let sink = Sink::new(Store::create(schema, &origin)?);
    let circumstances = Circumstances { is_offline: arguments.offline, now: now.as_second() };
    let collectors =
        Collectors::new(&config, &arguments.root, circumstances, &plan.tables, sink.clone()).map_err(Failure::Usage)?;
    let progress = progress(arguments.no_progress || quiet);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Tool(format!("async runtime: {error}")))?;
    let notice = runtime.block_on(async {
        let cut = Cut::new(arguments.timeout)?;
        let cut = tokio::select! {
            done = drive(&collectors, plan, &sink, arguments.jobs.into(), &progress) => return done.map(|()| None),
            cut = cut.wait() => cut,
        };
        collectors.cancel().await;
        Ok::<_, Failure>(Some(cut))
    })?;
    // A file system that does not answer would hold its thread, and the report, for ever.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(collectors);
    progress.finish_and_clear();
    let mut store = sink.take().ok_or_else(|| Failure::Tool("the facts were taken away".to_owned()))?;
    store.give_up(notice.as_deref().unwrap_or("no collector reported on it"))?;
    Ok(Gathered { facts: store.seal()?, notice })
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
) -> Result<(), Failure> {
    for table in plan.of_kind(ScopeKind::Directory) {
        sink.with(|store| store.expect(table.name, DIRECTORY))?;
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

/// What ends a collection early. Signals are caught from the moment it is made.
struct Cut {
    budget: Duration,
    interrupt: Signal,
    terminate: Signal,
}

impl Cut {
    fn new(budget: Duration) -> Result<Self, Failure> {
        let catch = |kind| signal(kind).map_err(|error| Failure::Tool(format!("signals: {error}")));
        Ok(Self { budget, interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    /// Waits for the end of the time budget or for a signal, and says which it was.
    async fn wait(mut self) -> String {
        let started = Instant::now();
        tokio::select! {
            () = tokio::time::sleep(self.budget) => format!("the time budget of {:?} was used up", self.budget),
            _ = self.interrupt.recv() => format!("interrupted after {} s", started.elapsed().as_secs()),
            _ = self.terminate.recv() => format!("terminated after {} s", started.elapsed().as_secs()),
        }
    }
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
pub(super) fn replay(paths: &[PathBuf], schema: &Schema, now: Timestamp) -> Result<Facts, Failure> {
    let open = |path: &PathBuf| Ok((path.clone(), Facts::open(path, schema)?));
    let mut snapshots: Vec<(PathBuf, Facts)> = paths.iter().map(open).collect::<Result<_, Failure>>()?;
    match (snapshots.pop(), snapshots.is_empty()) {
        (Some((_, facts)), true) => Ok(facts),
        (last, _) => {
            snapshots.extend(last);
            merge::merge(snapshots, schema, now.as_second()).map_err(|error| match error {
                MergeError::Misfit(_) => Failure::Usage(error.to_string()),
                MergeError::Store(error) => error.into(),
            })
        }
    }
}

/// The installation that is shipped.
pub(super) fn demo(schema: &Schema) -> Result<Facts, Failure> {
    fixture_facts(DEMO, schema)
}

/// Facts of a `facts.toml`: every scope that its topology expects is complete, but for the gaps that it names.
pub fn fixture_facts(text: &str, schema: &Schema) -> Result<Facts, Failure> {
    let fail = |error: fixture::FixtureError| Failure::Tool(format!("fixture: {error}"));
    let installation = Installation::parse(text).map_err(fail)?;
    let origin = Origin::new(VERSION, installation.collected_at.0.as_second());
    let mut store = Store::create(schema, &origin)?;
    fixture::insert(&mut store, schema, &installation.rows).map_err(fail)?;
    let plan = Plan::everything(schema);
    let directory: Vec<_> = plan.of_kind(ScopeKind::Directory).map(|table| (table, DIRECTORY.to_owned())).collect();
    fixture::complete(&mut store, schema, &directory, &[]).map_err(fail)?;
    let topology = Topology::of(&store.coverage()?, |sql| store.texts(sql))?;
    plan.announce(&topology, &mut store)?;
    let (expected, _) = plan.expected(&topology);
    fixture::complete(&mut store, schema, &expected, &installation.coverage).map_err(fail)?;
    Ok(store.seal()?)
}

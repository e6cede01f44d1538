//! Collecting and judging within the test: a process for each fault would take minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bm_preflight::app;
use bm_preflight::check::Check;
use bm_preflight::collect::{Circumstances, Collectors, Sink};
use bm_preflight::config::Config;
use bm_preflight::fact::store::{Origin, SnapshotTarget};
use bm_preflight::fact::{Facts, Schema, ScopeKind, Store, Table, Value};
use bm_preflight::model::reason::Run;
use bm_preflight::model::{Completeness, Outcome};
use bm_preflight::plan::Plan;
use bm_preflight::topology::{DIRECTORY, Topology};

use serde::{Deserialize, Serialize};

use crate::support::{facts_file, judge};

/// Time that a query on facts may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Columns that are others in each run, of any table.
const OF_EACH_RUN: &[&str] = &["detail", "elapsed_ms", "probe_id"];
/// Another: a database's size is a measure, whatever is done to it.
const MEASURED: (&str, &str) = ("database", "size_bytes");

/// Where everything is collected from.
pub(crate) struct Place {
    pub(crate) config: Config,
    pub(crate) root: PathBuf,
    pub(crate) now: i64,
    /// Scopes of the tables that are collected.
    pub(crate) kinds: &'static [ScopeKind],
    /// The servers, where no directory tells them.
    pub(crate) topology: Option<Topology>,
    /// No packet may leave.
    pub(crate) is_offline: bool,
}

/// A second at which all files of a root were last written, so that copies of it are alike: the run's clock.
pub(crate) fn settle(root: &Path, now: i64) {
    let at = std::time::UNIX_EPOCH + Duration::from_secs(now.try_into().unwrap());
    let entries = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.unwrap());
    for entry in entries.filter(|entry| entry.file_type().is_file()) {
        std::fs::File::options().write(true).open(entry.path()).unwrap().set_modified(at).unwrap();
    }
}

impl Place {
    /// Collects as the program does.
    pub(crate) fn collect(&self) -> Facts {
        let mut plan = Plan::everything(&app::schema());
        plan.tables.retain(|table| self.kinds.contains(&table.scope));
        let mut store = Store::create(&plan.schema, &Origin::new("test", self.now)).unwrap();
        for table in plan.of_kind(ScopeKind::Directory) {
            store.expect(table.name, DIRECTORY).unwrap();
        }
        let sink = Sink::new(store);
        let circumstances = Circumstances { is_offline: self.is_offline, now: self.now };
        let collectors = Collectors::new(&self.config, &self.root, circumstances, &plan.tables, sink.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            if self.topology.is_none() {
                collectors.directory().await;
            }
            let told = || sink.with(|store| Topology::of(&store.coverage()?, |sql| store.texts(sql))).unwrap();
            let asked = self.topology.is_none().then(told);
            let topology = self.topology.as_ref().or(asked.as_ref()).unwrap();
            sink.with(|store| plan.announce(topology, store)).unwrap();
            collectors.servers(topology, 4).await;
        });
        drop(collectors);
        let mut store = sink.take().unwrap();
        store.give_up(&Run::NoCollector.into()).unwrap();
        store.seal().unwrap()
    }
}

/// What became of a facts table when something was short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Fate {
    /// It is the same as before.
    Unharmed,
    /// It is known not to be whole.
    Incomplete,
    /// It differs, and a check that reads it does not pass any more; or none reads it.
    Noticed,
    /// It differs, and every check that reads it goes on as before.
    Silent,
}

/// Rows of each table, in order.
type Rows = BTreeMap<&'static str, Vec<Vec<Value>>>;

/// Every table and every check.
pub(crate) struct Checks {
    schema: Schema,
    all: Vec<Check>,
}

impl Checks {
    pub(crate) fn new() -> Self {
        let schema = app::schema();
        Self { all: judge::checks("checks", &schema), schema }
    }

    /// Those that pass or do not apply.
    fn calm(&self, facts: &Facts) -> BTreeSet<String> {
        let results = judge::judge(&self.all, facts, Some("4.0.14".to_owned()), "4.1");
        let is_calm = |outcome| matches!(outcome, Outcome::Pass | Outcome::NotApplicable);
        results.into_iter().filter(|result| is_calm(result.outcome)).map(|result| result.id).collect()
    }
}

/// The checks, and the facts of the healthy installation, on which they are calm.
pub(crate) struct Judges<'c> {
    checks: &'c Checks,
    healthy: Facts,
    walked: Vec<&'static Table>,
    calm: BTreeSet<String>,
    rows: Rows,
}

impl<'c> Judges<'c> {
    /// What was collected of it; the story tells what could not be.
    pub(crate) fn healed(checks: &'c Checks, collected: &Facts, root: &Path) -> Self {
        let told: BTreeSet<&str> = collected.coverage().iter().map(|statement| statement.table.as_str()).collect();
        let incomplete = incomplete(collected);
        let is_walked = |table: &&Table| told.contains(table.name) && !incomplete.contains(table.name);
        let walked: Vec<_> = checks.schema.tables().iter().copied().filter(is_walked).collect();
        let healthy = heal(&checks.schema, &story(&checks.schema), collected, &walked);
        let (calm, rows) = (checks.calm(&healthy), rows(&checks.schema, &healthy, root));
        Self { checks, healthy, walked, calm, rows }
    }

    /// What became of each table that could be collected.
    pub(crate) fn fates(&self, facts: &Facts, root: &Path) -> BTreeMap<String, Fate> {
        let Checks { schema, all } = self.checks;
        let (incomplete, rows) = (incomplete(facts), rows(schema, facts, root));
        let mut still_calm = None;
        let mut fate = |table: &&'static Table| {
            if incomplete.contains(table.name) {
                return Fate::Incomplete;
            }
            if self.rows[table.name] == rows[table.name] {
                return Fate::Unharmed;
            }
            let healed = || self.checks.calm(&heal(schema, &self.healthy, facts, &self.walked));
            let still_calm = still_calm.get_or_insert_with(healed);
            let mut readers = all.iter().filter(|check| check.tables.iter().any(|read| read.name == table.name));
            let is_read = readers.clone().next().is_some();
            let speaks = |check: &Check| self.calm.contains(&check.id) && !still_calm.contains(&check.id);
            if !is_read || readers.any(speaks) { Fate::Noticed } else { Fate::Silent }
        };
        self.walked.iter().map(|table| (table.name.to_owned(), fate(table))).collect()
    }
}

/// The facts that the installation has as a story, of which everything is known.
pub(crate) fn story(schema: &Schema) -> Facts {
    let told = facts_file::read("healthy_single").facts;
    app::fixture_facts(&told.try_into().unwrap(), schema).unwrap()
}

/// What some facts tell of the walked tables, and the healthy ones of all others.
fn heal(schema: &Schema, healthy: &Facts, facts: &Facts, walked: &[&'static Table]) -> Facts {
    let mut store = Store::create(schema, &Origin::new("test", facts.origin().collected_at)).unwrap();
    let is_walked = |name: &str| walked.iter().any(|table| table.name == name);
    for (source, wanted) in [(facts, true), (healthy, false)] {
        // Rows are taken over from files alone: the store of a run has none that could be opened.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        source.save(SnapshotTarget::open(&path).unwrap()).unwrap();
        let source = &Facts::open(&path, schema).unwrap();
        let statements = source.coverage().iter().filter(|statement| is_walked(&statement.table) == wanted);
        let statements: Vec<_> = statements.map(|s| (schema.table(&s.table).unwrap(), s)).collect();
        store.adopt(source, &statements).unwrap();
    }
    store.seal().unwrap()
}

fn incomplete(facts: &Facts) -> BTreeSet<String> {
    let gaps = facts.coverage().iter().filter(|statement| statement.completeness != Completeness::Complete);
    gaps.map(|statement| statement.table.clone()).collect()
}

/// The rows of every table, in order. Where the files are is no matter.
fn rows(schema: &Schema, facts: &Facts, root: &Path) -> Rows {
    let (reader, root) = (facts.reader().unwrap(), root.display().to_string());
    // A name that nobody can know is asked for to find a wildcard.
    let same = |text: String| match text.split_once("bmpf-") {
        Some((before, rest)) => format!("{before}bmpf-{}", rest.split_once('.').map_or("", |(_, rest)| rest)),
        None => text.replace(&root, ""),
    };
    let same = |value: Value| if let Value::Text(text) = value { Value::Text(same(text)) } else { value };
    let all = |table: &&'static Table| {
        let is_same = |name: &str| !OF_EACH_RUN.contains(&name) && (table.name, name) != MEASURED;
        let columns = table.all_columns().filter(|column| is_same(column.name));
        let columns: Vec<_> = columns.map(|column| format!("\"{}\"", column.name)).collect();
        let sql = format!("SELECT {} FROM \"{}\"", columns.join(", "), table.name);
        let rows = reader.rows(&sql, LIMIT).unwrap().into_iter();
        let mut rows: Vec<Vec<Value>> = rows.map(|row| row.into_iter().map(same).collect()).collect();
        rows.sort();
        (table.name, rows)
    };
    schema.tables().iter().map(all).collect()
}

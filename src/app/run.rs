//! `run`, `demo` and `collect`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::autodiscover::Probed;
use super::cut::Cut;
use super::gather::{self, Gathered};
use super::next::{self, Provenance};
use super::output::Targets;
use super::vantage::Elsewhere;
use super::{Failure, Output, Terminal, VERSION, checks};
use crate::cause;
use crate::check::Check;
use crate::check::evaluate::{self, Situation};
use crate::cli::{CollectArgs, DemoArgs, JudgeArgs, RunArgs};
use crate::config::environment_lang;
use crate::fact::store::SnapshotTarget;
use crate::fact::{Facts, SqlError};
use crate::model::reason::Notice;
use crate::model::{CheckResult, Completeness, Coverage, Gap, Lang, releases, version};
use crate::plan::Plan;
use crate::report::{Installation, Report, Run, html};
use crate::topology::{self, Identity, Topology};
use crate::verdict::{self, Judgement, Selection};
use crate::waiver::{self, Waiver, What};

/// Time that one check may take.
const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// Carries out `run`.
pub(super) fn run(arguments: &RunArgs, terminal: Terminal) -> Result<Output, Failure> {
    let (now, cut) = (clock(), Cut::new(Some(arguments.collect.timeout))?);
    let judging = Judging::prepare(&arguments.judge, now, terminal)?;
    apart(&judging.targets, arguments.facts.as_deref())?;
    let snapshot = arguments.facts.as_deref().map(SnapshotTarget::open).transpose()?;
    let plan = if snapshot.is_some() { Plan::everything(&super::schema()) } else { judging.plan()? };
    let (gathered, provenance) = match arguments.from_facts.as_slice() {
        [] => {
            let provenance =
                Provenance::Here { collected: Some(&arguments.collect), saved: arguments.facts.as_deref() };
            (gather::collect(&arguments.collect, &plan, now, &cut, terminal.quiet, None)?, provenance)
        }
        paths => (gather::replay(paths, now)?.into(), Provenance::Replayed(paths)),
    };
    // What was collected is judged, whether or not there is room for a copy of it.
    let saved = snapshot.map_or(Ok(()), |target| gathered.facts.save(target));
    let output = judging.conclude(&gathered, provenance, cut, usize::from(arguments.collect.jobs))?;
    let trouble = saved.err().map(Failure::from).or(output.trouble);
    Ok(Output { trouble, ..output })
}

/// Carries out `demo`.
pub(super) fn demo(arguments: &DemoArgs, terminal: Terminal) -> Result<Output, Failure> {
    let cut = Cut::new(None)?;
    let judging = Judging::prepare(&arguments.judge, clock(), terminal)?;
    let provenance = Provenance::Here { collected: None, saved: None };
    judging.conclude(&gather::demo()?.into(), provenance, cut, 2)
}

/// Carries out `collect`.
pub(super) fn collect(arguments: &CollectArgs, terminal: Terminal) -> Result<Output, Failure> {
    let cut = Cut::new(Some(arguments.source.timeout))?;
    let target = SnapshotTarget::open(&arguments.facts)?;
    let elsewhere = Elsewhere::of(arguments)?;
    let plan = match (&elsewhere, arguments.category.as_slice()) {
        (Some(_), _) => Elsewhere::plan()?,
        (None, []) => Plan::everything(&super::schema()),
        (None, categories) => checks::plan_of_categories(categories)?,
    };
    let gathered = gather::collect(&arguments.source, &plan, clock(), &cut, terminal.quiet, elsewhere.as_ref())?;
    gathered.facts.save(target)?;
    let mut text = String::new();
    if !terminal.quiet {
        remarks(&gathered, Lang::En).iter().for_each(|remark| text.push_str(&format!("{remark}\n")));
    }
    let gaps = gathered.facts.coverage().iter().filter(|c| c.completeness != Completeness::Complete);
    for gap in gaps.filter(|_| !terminal.quiet) {
        let reason = gap.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        let reason = crate::model::text::visible(&reason, false);
        text.push_str(&format!("not collected: {} of {}: {reason}\n", gap.table, gap.scope));
    }
    if !terminal.quiet {
        text.push_str(&format!("facts written to {}\n", arguments.facts.display()));
    }
    Ok(Output::text(text))
}

/// A snapshot and a report in the same place: the one written last would be all that is left.
fn apart(targets: &Targets, snapshot: Option<&Path>) -> Result<(), Failure> {
    match snapshot.filter(|path| targets.has(path)) {
        Some(path) => Err(Failure::Usage(format!("{}: both the facts and a report go there", path.display()))),
        None => Ok(()),
    }
}

fn is_demo(provenance: Provenance<'_>) -> bool {
    matches!(provenance, Provenance::Here { collected: None, .. })
}

fn outdated(judgement: &Judgement) -> Option<Notice> {
    let days = judgement.facts_age.as_secs() / (24 * 60 * 60);
    judgement.is_outdated.then_some(Notice::FactsOutdated { days })
}

/// What is to be said of a collection as a whole.
fn remarks(gathered: &Gathered, lang: Lang) -> Vec<String> {
    let cut = gathered.cut.map(|reason| reason.text(lang));
    let stranger = |uid: &String| Notice::Stranger { server: uid.clone() }.text(lang);
    cut.into_iter().chain(gathered.strangers.iter().map(stranger)).collect()
}

/// The one clock: the run's start.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(super) fn clock() -> Timestamp {
    Timestamp::now()
}

/// What is accepted. A waiver of a check or table that does not exist is wrong usage: it was meant for another.
fn waivers(path: Option<&Path>, checks: &[Check]) -> Result<Vec<Waiver>, Failure> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let waivers = waiver::read(path).map_err(|error| Failure::Usage(error.to_string()))?;
    let tables = super::schema();
    for Waiver { what, line, .. } in &waivers {
        let (name, unknown) = match what {
            What::Findings(id, _) if !checks.iter().any(|check| check.id == *id) => {
                (id, checks::unknown_id(id, checks))
            }
            What::Gap { table, .. } if tables.table(table).is_none() => (table, checks::unknown_table(table, &tables)),
            _ => continue,
        };
        return Err(Failure::Usage(format!("{}:{line}: {name}: {unknown}", path.display())));
    }
    Ok(waivers)
}

/// Results, and what was left out.
type Evaluated = (Vec<CheckResult>, Option<Selection>);

/// Everything that can be wrong with the options is found before anything is collected.
struct Judging<'a> {
    arguments: &'a JudgeArgs,
    checks: Vec<Check>,
    waivers: Vec<Waiver>,
    targets: Targets,
    lang: Lang,
    started_at: Timestamp,
    started: Instant,
    terminal: Terminal,
}

impl<'a> Judging<'a> {
    fn prepare(arguments: &'a JudgeArgs, started_at: Timestamp, terminal: Terminal) -> Result<Self, Failure> {
        let started = Instant::now();
        let checks = checks::load_checks(&arguments.select)?;
        checks::choose(&checks, &arguments.select)?;
        let waivers = waivers(arguments.waivers.as_deref(), &checks)?;
        if let Some(folder) = &arguments.templates_dir {
            html::verify(folder).map_err(|error| Failure::Usage(format!("--templates-dir: {error}")))?;
        }
        let targets = Targets::open(arguments, terminal)?;
        let lang = arguments.lang.unwrap_or_else(environment_lang);
        Ok(Self { arguments, checks, waivers, targets, lang, started_at, started, terminal })
    }

    fn plan(&self) -> Result<Plan, Failure> {
        Ok(Plan::of_checks(&checks::choose(&self.checks, &self.arguments.select)?.selected, &super::schema()))
    }

    fn conclude(
        self,
        gathered: &Gathered,
        provenance: Provenance<'_>,
        mut cut: Cut,
        jobs: usize,
    ) -> Result<Output, Failure> {
        if matches!(provenance, Provenance::Here { collected: Some(_), .. }) {
            cut.begin_judging(gathered.cut);
        }
        let facts = &gathered.facts;
        let about = About::of(facts).map_err(|error| Failure::Tool(format!("facts: {error}")))?;
        let today = self.started_at.to_zoned_datetime(TimeZone::UTC).date();
        let mut gaps: Vec<Gap> = facts.coverage().iter().flat_map(Coverage::gaps).collect();
        let is_wanted = |table: &str| facts.coverage().iter().any(|statement| statement.table == table);
        let mut remarked = waiver::apply_to_gaps(&self.waivers, &mut gaps, today, is_wanted);
        let (mut results, selection) = self.evaluate(facts, &about, &gaps, &cut, jobs)?;
        if !matches!(provenance, Provenance::Here { collected: Some(_), .. }) {
            // Replays of one snapshot are compared with each other: what differs belongs to the run alone.
            results.iter_mut().for_each(|result| result.elapsed_ms = 0);
        }
        let mut notices = remarks(gathered, self.lang);
        notices.extend(cut.reason().map(|reason| reason.text(self.lang)));
        let next = next::notices(provenance, facts, &about.topology, &results);
        remarked.extend(waiver::apply(&self.waivers, &mut results, today));
        cause::settle(&mut results);
        notices.extend(next.into_iter().chain(remarked).map(|notice| notice.text(self.lang)));
        let judgement = verdict::judge(&results, selection, self.age(facts, provenance), self.arguments.fail_on);
        notices.extend(outdated(&judgement).map(|notice| notice.text(self.lang)));
        let exit_code = judgement.exit_code;
        let report = Report {
            tool_version: VERSION.to_owned(),
            run: self.describe(facts, &about, provenance, notices),
            judgement,
            fail_on: self.arguments.fail_on,
            checks: results,
            autodiscover: about.probed.names,
            public_urls: about.probed.urls,
            coverage: facts.coverage().to_vec(),
            gaps,
        };
        let templates = self.arguments.templates_dir.as_deref();
        let (text, trouble) = self.targets.write(&report, templates, self.terminal);
        Ok(Output { text, exit_code, trouble })
    }

    /// The results of the selected checks, and what was left out.
    fn evaluate(
        &self,
        facts: &Facts,
        about: &About,
        gaps: &[Gap],
        cut: &Cut,
        jobs: usize,
    ) -> Result<Evaluated, Failure> {
        let (lang, cut) = (self.lang, cut.clone());
        let situation = Situation {
            lang: self.lang,
            from: self.arguments.from.clone().or_else(|| about.release.clone()),
            from_at_least: about.at_least.clone(),
            to: self.target(about),
            now: facts.origin().collected_at,
            coverage: facts.coverage(),
            gaps: gaps.to_vec(),
            holders: about.topology.holders(),
            packages: about.packages.clone(),
            limit: CHECK_LIMIT,
            cut: Some(Arc::new(move || cut.reason().map(|reason| reason.text(lang)))),
        };
        let chosen = checks::choose(&self.checks, &self.arguments.select)?;
        let results = evaluate::all(&chosen.selected, facts, &situation, jobs);
        let left_out = chosen.left_out.iter().filter(|check| evaluate::applies(check, &situation));
        let selection = Selection::of(&results, left_out.map(|check| (check.id.as_str(), check.severity)));
        Ok((results, selection))
    }

    /// The release that the upgrade goes to.
    fn target(&self, about: &About) -> String {
        let installed = self.arguments.from.as_ref().or(about.release.as_ref()).or(about.at_least.as_ref());
        let next = || releases::next_stop(installed.map(String::as_str)).to_owned();
        self.arguments.to.clone().unwrap_or_else(next)
    }

    /// The way to the target, from the release that is installed at least; none where that is not known.
    fn way(&self, about: &About) -> releases::Way {
        let installed = self.arguments.from.as_ref().or(about.release.as_ref()).or(about.at_least.as_ref());
        installed.map(|installed| releases::way(installed, &self.target(about))).unwrap_or_default()
    }

    /// How old the facts are. The demonstration is judged on the day of its facts.
    fn age(&self, facts: &Facts, provenance: Provenance<'_>) -> Duration {
        let seconds = self.started_at.as_second().saturating_sub(facts.origin().collected_at);
        if is_demo(provenance) { Duration::ZERO } else { Duration::from_secs(seconds.max(0).cast_unsigned()) }
    }

    fn describe(&self, facts: &Facts, about: &About, provenance: Provenance<'_>, notices: Vec<String>) -> Run {
        Run {
            id: uuid::Uuid::new_v4().to_string(),
            started_at: self.started_at,
            duration_ms: self.started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            lang: self.lang,
            is_demo: is_demo(provenance),
            installation: Installation {
                name: about.identity.name.clone(),
                build: about.identity.build.clone(),
                release: self.arguments.from.clone().or_else(|| about.release.clone()),
                at_least: about.at_least.clone().filter(|_| self.arguments.from.is_none()),
                target: self.target(about),
                way: self.way(about),
                collected_at: Timestamp::from_second(facts.origin().collected_at).unwrap_or(self.started_at),
                servers: about.topology.servers().iter().map(|server| server.uid.clone()).collect(),
            },
            notices,
        }
    }
}

/// What the facts say of the installation as a whole.
struct About {
    topology: Topology,
    identity: Identity,
    packages: topology::Packages,
    probed: Probed,
    release: Option<String>,
    /// The release that is installed at least, where it is not known.
    at_least: Option<String>,
}

impl About {
    fn of(facts: &Facts) -> Result<Self, SqlError> {
        let reader = facts.reader().map_err(|error| SqlError::Failed(error.to_string()))?;
        let topology = Topology::of(facts.coverage(), |sql| reader.texts(sql))?;
        let identity = Identity::of(|sql| reader.texts(sql))?;
        let packages = topology::packages(facts.coverage(), |sql| reader.texts(sql))?;
        let probed = Probed::of(&reader)?;
        let release = identity.build.as_deref().and_then(version::release_of);
        let at_least = identity.build.as_deref().and_then(version::at_least);
        Ok(Self { topology, identity, packages, probed, release, at_least })
    }
}

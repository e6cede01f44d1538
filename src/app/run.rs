//! `run` and `demo`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::about::About;
use super::autodiscover::Probed;
use super::collect;
use super::cut::Cut;
use super::diff::Compared;
use super::gather::{self, From, Gathered};
use super::next::{self, Provenance};
use super::output::Targets;
use super::ssh::Ssh;
use super::{Failure, Output, Terminal, VERSION, before, checks};
use crate::cause;
use crate::check::Check;
use crate::check::evaluate::{self, Situation};
use crate::check::headline;
use crate::cli::{DemoArgs, JudgeArgs, RunArgs};
use crate::config::environment_lang;
use crate::digest;
use crate::fact::store::SnapshotTarget;
use crate::fact::{Facts, SqlError};
use crate::model::reason::Notice;
use crate::model::{CheckResult, Coverage, Gap, Lang, releases};
use crate::plan::Plan;
use crate::report::{Installation, Report, Run, html};
use crate::verdict::{self, Judgement, Selection};
use crate::waiver::{self, Waiver, What};

/// Processor time that a query of a check may take on an installation without rows.
const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// Carries out `run`.
pub(super) fn run(arguments: &RunArgs, terminal: Terminal) -> Result<Output, Failure> {
    let (now, cut) = (clock(), Cut::new(Some(arguments.collect.timeout))?);
    let judging = Judging::alone(&arguments.judge, now)?;
    let earlier = |path: &PathBuf| Compared::read(path, &arguments.judge);
    let since = arguments.since.as_ref().map(earlier).transpose()?;
    let targets = Targets::open(&arguments.judge, terminal)?;
    apart(&targets, arguments.facts.as_deref())?;
    let snapshot = arguments.facts.as_deref().map(SnapshotTarget::open).transpose()?;
    let ssh = Ssh::of(arguments)?;
    let is_whole = snapshot.is_some() || ssh.is_some();
    let plan = if is_whole { Plan::everything(&super::schema()) } else { judging.plan()? };
    let before = arguments.before.as_deref().map(before::open).transpose()?;
    let (mut gathered, provenance) = match arguments.from_facts.as_slice() {
        [] => {
            let provenance =
                Provenance::Here { collected: Some(&arguments.collect), saved: arguments.facts.as_deref() };
            let from = ssh.as_ref().map_or(From::Here, From::Servers);
            (gather::collect(&arguments.collect, &plan, now, &cut, terminal.quiet, from)?, provenance)
        }
        paths if since.is_some() => (gather::replay(paths, now)?.into(), Provenance::Replayed(paths)),
        paths => (gather::replay_for(paths, now, &plan)?.into(), Provenance::Replayed(paths)),
    };
    if let Some(older) = before {
        gathered.facts = before::put_beside(gathered.facts, older)?;
    }
    // What was collected is judged, whether or not there is room for a copy of it.
    let saved = snapshot.map_or(Ok(()), |target| gathered.facts.save(target));
    let mut report = judging.judge(&gathered, provenance, cut, usize::from(arguments.collect.jobs))?;
    report.changes = since.map(|since| since.against(&report, &gathered.facts)).transpose()?;
    let output = targets.output(&report, &arguments.judge, terminal);
    let trouble = saved.err().map(Failure::from).or(output.trouble);
    Ok(Output { trouble, ..output })
}

/// Carries out `demo`.
pub(super) fn demo(arguments: &DemoArgs, terminal: Terminal) -> Result<Output, Failure> {
    let cut = Cut::new(None)?;
    let judging = Judging::alone(&arguments.judge, clock())?;
    let targets = Targets::open(&arguments.judge, terminal)?;
    let provenance = Provenance::Here { collected: None, saved: None };
    let facts = super::demo::facts(arguments.partial)?;
    let report = judging.judge(&facts.into(), provenance, cut, super::demo::JOBS)?;
    Ok(targets.output(&report, &arguments.judge, terminal))
}

/// What every built-in check says of facts, as a replay of them reports it.
pub fn reports(all: Vec<Facts>, lang: Lang) -> Result<Vec<Report>, Failure> {
    let arguments = JudgeArgs { lang: Some(lang), ..JudgeArgs::default() };
    let judging = Judging::alone(&arguments, clock())?;
    let report = |facts: Facts| judging.judge(&facts.into(), Provenance::Replayed(&[]), Cut::never(), 2);
    all.into_iter().map(report).collect()
}

/// A snapshot and a report in the same place: the one written last would be all that is left.
fn apart(targets: &Targets, snapshot: Option<&Path>) -> Result<(), Failure> {
    match snapshot.filter(|path| targets.has(path)) {
        Some(path) => Err(Failure::Usage(format!("{}: both the facts and a report go there", path.display()))),
        None => Ok(()),
    }
}

/// What is wrong where a question of the program's own cannot be answered.
fn unread(error: SqlError) -> Failure {
    Failure::Tool(format!("facts: {error}"))
}

fn is_demo(provenance: Provenance<'_>) -> bool {
    matches!(provenance, Provenance::Here { collected: None, .. })
}

fn outdated(judgement: &Judgement) -> Option<Notice> {
    let days = judgement.facts_age.as_secs() / (24 * 60 * 60);
    judgement.is_outdated.then_some(Notice::FactsOutdated { days })
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
pub(super) struct Judging<'a> {
    arguments: &'a JudgeArgs,
    checks: Vec<Check>,
    waivers: Vec<Waiver>,
    lang: Lang,
    started_at: Timestamp,
    started: Instant,
}

impl<'a> Judging<'a> {
    /// Judges with these options, at that time.
    pub(super) fn alone(arguments: &'a JudgeArgs, started_at: Timestamp) -> Result<Self, Failure> {
        let started = Instant::now();
        let checks = checks::load_checks(&arguments.select)?;
        checks::choose(&checks, &arguments.select)?;
        let waivers = waivers(arguments.waivers.as_deref(), &checks)?;
        if let Some(folder) = &arguments.templates_dir {
            html::verify(folder).map_err(|error| Failure::Usage(format!("--templates-dir: {error}")))?;
        }
        let lang = arguments.lang.unwrap_or_else(environment_lang);
        Ok(Self { arguments, checks, waivers, lang, started_at, started })
    }

    fn plan(&self) -> Result<Plan, Failure> {
        Ok(Plan::of_checks(&checks::choose(&self.checks, &self.arguments.select)?.selected, &super::schema()))
    }

    /// The report on a snapshot.
    pub(super) fn judge_alone(&self, gathered: &Gathered, path: &Path) -> Result<Report, Failure> {
        self.judge(gathered, Provenance::Replayed(&[path.to_owned()]), Cut::never(), 2)
    }

    /// What the facts come to.
    fn judge(
        &self,
        gathered: &Gathered,
        provenance: Provenance<'_>,
        mut cut: Cut,
        jobs: usize,
    ) -> Result<Report, Failure> {
        if matches!(provenance, Provenance::Here { collected: Some(_), .. }) {
            cut.begin_judging(gathered.cut);
        }
        let facts = &gathered.facts;
        let about = About::of(facts).map_err(unread)?;
        let today = self.started_at.to_zoned_datetime(TimeZone::UTC).date();
        let before = facts.coverage_before();
        let mut gaps: Vec<Gap> = facts.coverage().iter().chain(&before).flat_map(Coverage::gaps).collect();
        let is_wanted = |table: &str| facts.coverage().iter().any(|statement| statement.table == table);
        let mut remarked = waiver::apply_to_gaps(&self.waivers, &mut gaps, today, is_wanted);
        let (mut results, selection) = self.evaluate(facts, &about, &gaps, &cut, jobs)?;
        // Its views are answered by now.
        let probed = facts.reader().map_err(SqlError::from).and_then(|reader| Probed::of(&reader)).map_err(unread)?;
        if !matches!(provenance, Provenance::Here { collected: Some(_), .. }) {
            // Replays of one snapshot are compared with each other: what differs belongs to the run alone.
            results.iter_mut().for_each(|result| result.elapsed_ms = 0);
        }
        let mut notices = collect::remarks(gathered, self.lang);
        notices.extend(cut.reason().map(|reason| reason.text(self.lang)));
        let waiting = next::waiting(facts, &about.topology, &results);
        let next = next::notices(provenance, facts, &about.topology, &waiting);
        let elsewhere = next::steps(provenance, facts, &about.topology, &waiting);
        remarked.extend(waiver::apply(&self.waivers, &mut results, today));
        cause::settle(&mut results);
        digest::locate(&mut results, &about.servers());
        self.head(&mut results);
        notices.extend(remarked.into_iter().map(|notice| notice.text(self.lang)));
        let judgement = verdict::judge(&results, selection, self.age(facts, provenance), self.arguments.fail_on);
        notices.extend(outdated(&judgement).map(|notice| notice.text(self.lang)));
        let keep = facts.coverage_before().is_empty().then(|| next::keep(provenance, &self.target(&about)));
        let way = self.way(&about);
        let measures = digest::Measures { installed: self.installed(&about), way, keep, ..Default::default() };
        let digest = about.digest(&results, facts, self.arguments.window, self.lang, elsewhere, measures);
        Ok(Report {
            tool_version: VERSION.to_owned(),
            run: Run {
                next: next.iter().map(|notice| notice.text(self.lang)).collect(),
                ..self.describe(facts, &about, provenance, notices)
            },
            judgement,
            fail_on: self.arguments.fail_on,
            digest,
            checks: results,
            autodiscover: probed.names,
            public_urls: probed.urls,
            coverage: [facts.coverage(), &before].concat(),
            gaps,
            changes: None,
        })
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
            coverage: &[facts.coverage(), &facts.coverage_before()].concat(),
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

    /// Says what the findings that count come to.
    fn head(&self, results: &mut [CheckResult]) {
        let checks: BTreeMap<&str, &Check> = self.checks.iter().map(|check| (check.id.as_str(), check)).collect();
        for result in results.iter_mut() {
            let Some(check) = checks.get(result.id.as_str()) else { continue };
            let open = result.findings.iter().filter(|finding| verdict::is_open(finding));
            match headline::tell(check, open, self.lang) {
                Ok(headline) => result.headline = headline,
                Err(error) => tracing::warn!(check = check.id, "sums: {error}"),
            }
        }
    }

    /// The release that the upgrade goes to.
    fn target(&self, about: &About) -> String {
        let next = || releases::next_stop(self.installed(about).as_deref()).to_owned();
        self.arguments.to.clone().unwrap_or_else(next)
    }

    /// The release that is installed, or that it is at least.
    fn installed(&self, about: &About) -> Option<String> {
        self.arguments.from.as_ref().or(about.release.as_ref()).or(about.at_least.as_ref()).cloned()
    }

    /// The way to the target, from the release that is installed at least; none where that is not known.
    fn way(&self, about: &About) -> releases::Way {
        self.installed(about).map(|installed| releases::way(&installed, &self.target(about))).unwrap_or_default()
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
                servers: about.servers(),
            },
            notices,
            next: Vec::new(),
        }
    }
}

//! The JSON report, format 2. The structs here are the format: a change of theirs is a change of what scripts read.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::diff::Changes;
use crate::model::{self, CheckResult, Lang, Outcome, Remediation, Risk, Severity, When, Who};
use crate::report::json_autodiscover::{MailName, PublicUrl};
use crate::report::json_coverage::Coverage;
use crate::report::json_digest::{self, Owner, Question, Server, Task};
use crate::report::json_forecast::Forecast;
use crate::report::way::Way;
use crate::report::{Report, utc};
use crate::verdict::{self, Judgement, Verdict};

/// Identity of the JSON Schema, its `$id`.
pub const SCHEMA_ID: &str = "urn:bm-preflight:report:2";

/// Writes the report as indented JSON with a final newline.
///
/// # Errors
/// When `serde_json` cannot serialize a value.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&Document::of(report))?;
    text.push('\n');
    Ok(text)
}

/// The JSON Schema (2020-12) that every JSON report validates against, indented, with a final newline.
pub fn schema() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Document<'static>>();
    let mut root = Map::new();
    root.insert("$schema".into(), schema.remove("$schema").unwrap_or_default());
    root.insert("$id".into(), SCHEMA_ID.into());
    root.insert("title".into(), "bm-preflight report, format 2".into());
    schema.remove("title");
    root.append(schema.ensure_object());
    format!("{:#}\n", Value::Object(root))
}

/// The whole report. Two runs over the same snapshot differ in `run` alone.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Document<'a> {
    /// Name and major version of this format.
    format: Format,
    /// The program that wrote the report.
    tool: Tool<'a>,
    /// When, where and for what the run was made.
    run: Run<'a>,
    /// What the run says of the upgrade.
    verdict: Verdict,
    /// What the process ended with.
    exit_code: u8,
    /// The counts behind the verdict.
    summary: Summary,
    /// What to do, by moment, then in the order in which somebody has to begin.
    plan: Vec<Task<'a>>,
    /// What is open, by cause.
    questions: Vec<Question<'a>>,
    /// Users with findings of their own, by address.
    owners: Vec<Owner<'a>>,
    /// The servers.
    servers: Vec<Server<'a>>,
    /// How long the window takes and what it needs.
    forecast: Forecast<'a>,
    /// Every selected check, ordered by severity, then id.
    checks: Vec<Check<'a>>,
    /// Autodiscover of each mail domain and alias; empty when none was probed.
    autodiscover: Vec<MailName<'a>>,
    /// What the URLs of the installation offer to clients; empty when none was probed.
    public_urls: Vec<PublicUrl<'a>>,
    /// What was looked at, ordered by table, then scope.
    coverage: Vec<Coverage<'a>>,
    /// What came, went and changed since the report or snapshot of `--since`; not there without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a Changes>,
}

#[derive(Debug, Serialize, JsonSchema)]
enum Format {
    #[serde(rename = "bm-preflight-report/2")]
    V2,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Tool<'a> {
    /// Always `bm-preflight`.
    name: &'a str,
    /// Its version.
    version: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Run<'a> {
    /// A UUID, new in every run.
    id: &'a str,
    /// When the run began: RFC 3339, UTC, whole seconds.
    #[schemars(extend("format" = "date-time"))]
    started_at: String,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// Language of titles, messages and remediations.
    lang: Lang,
    /// Whether the facts are those of the demonstration that comes with the program.
    is_demo: bool,
    /// When the upgrade begins, as a clock on the wall shows it; null where that is not said.
    window: Option<String>,
    /// What was left out; null in a run of every check that applies.
    selection: Option<Selection<'a>>,
    /// What was judged.
    installation: Installation<'a>,
    /// Remarks on the run itself: an interruption, a time budget reached, the server to collect from next, expired waivers.
    notices: Vec<&'a String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Selection<'a> {
    /// Checks that apply and were run.
    run: u64,
    /// All checks that apply.
    of: u64,
    /// Ids of the blocker checks among those that were left out.
    left_out_blockers: &'a [String],
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Installation<'a> {
    /// Public host name, or the installation's id; null when it could not be told.
    name: Option<&'a str>,
    /// Technical version; null when it could not be told.
    build: Option<&'a str>,
    /// Release that the build belongs to; null when it could not be told.
    release: Option<&'a str>,
    /// Release that it is at least, where the build does not tell which; null when it does, or nothing is known.
    release_at_least: Option<&'a str>,
    /// Release that the upgrade goes to.
    target: &'a str,
    /// The way there.
    way: Way<'a>,
    /// Uids of the servers.
    servers: &'a [String],
    /// When the facts were collected: RFC 3339, UTC, whole seconds.
    #[schemars(extend("format" = "date-time"))]
    collected_at: String,
    /// How long before the run that was, in seconds; 0 in a demonstration.
    facts_age_s: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Summary {
    /// How many checks ended in each way.
    checks: CheckCounts,
    /// How many findings there are, waived ones apart, and without those that another finding explains.
    findings: FindingCounts,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CheckCounts {
    pass: u64,
    fail: u64,
    unknown: u64,
    error: u64,
    not_applicable: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FindingCounts {
    blocker: u64,
    warning: u64,
    info: u64,
    waived: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Check<'a> {
    /// Permanent id.
    id: &'a str,
    category: &'a str,
    severity: Severity,
    title: &'a str,
    /// Why it matters for the upgrade.
    why: &'a str,
    /// Where the rule comes from, if there is a public page.
    reference: Option<&'a str>,
    outcome: Outcome,
    /// What the open findings come to, in people's units; null where the check has nothing to say beyond their number.
    headline: Option<&'a str>,
    /// Why the check broke or does not apply; null for the other outcomes.
    reason: Option<&'a str>,
    /// Time of its evaluation, in milliseconds.
    elapsed_ms: u64,
    /// What it looked at.
    examined: Vec<Examined<'a>>,
    /// What a pass compared, a sentence for each server or the like; empty where it says nothing, and for other outcomes.
    proof: &'a [String],
    /// What it could not look at.
    missing: Vec<Missing<'a>>,
    /// What is done about the findings, each text once.
    remedies: Vec<Remedy<'a>>,
    /// All findings, by subject.
    findings: Vec<Finding<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Remedy<'a> {
    /// The code of the findings that it is for; null where several have it, or findings have no codes.
    problem: Option<&'a str>,
    /// Who has to act.
    who: Who,
    /// How many days before the upgrade that has to begin.
    lead_days: u16,
    /// What to do.
    remediation: &'a str,
    /// What it puts at risk.
    risk: Risk,
    /// When to carry it out.
    when: When,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Examined<'a> {
    /// A facts table.
    table: &'a str,
    /// Rows in it.
    rows: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Missing<'a> {
    /// A facts table, or `*`: the facts are there and do not decide.
    table: &'a str,
    /// The server that it is of, `directory` or `network`.
    scope: &'a str,
    /// The file, folder or mailbox that could not be looked at, or the subject that the facts do not decide; null when the
    /// whole scope is not known.
    place: Option<&'a str>,
    /// The code of why the facts do not decide; null when a table is not complete.
    problem: Option<&'a str>,
    /// Why it is not.
    reason: &'a str,
    /// Who accepts that a whole table is not known says why and until when; null when nobody does.
    waived: Option<Waived<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Finding<'a> {
    /// The same in every run: a hash of the check's id and the subject.
    key: &'a str,
    /// What the finding is about.
    subject: &'a str,
    severity: Severity,
    message: &'a str,
    /// The values that the check saw, by column.
    evidence: &'a Map<String, Value>,
    /// What to do: its place among the check's `remedies`, from 0.
    remedy: usize,
    /// Uid of the server that it is about; null when it is about none in particular.
    server: Option<&'a str>,
    /// Commands to copy, quoted for a POSIX shell.
    commands: &'a [String],
    /// Address of the user whom the finding is for; null when it is for nobody in particular.
    owner: Option<&'a str>,
    /// Who accepts the finding says why and until when; null when nobody does.
    waived: Option<Waived<'a>>,
    /// The finding that explains this one, which is not counted beside it; null when it stands for itself.
    explained_by: Option<Cause<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Cause<'a> {
    /// Id of its check.
    check: &'a str,
    /// Its subject.
    subject: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Waived<'a> {
    /// Why the finding is accepted.
    reason: &'a str,
    /// Last day (UTC, `YYYY-MM-DD`) on which the waiver holds.
    expires: &'a str,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report) -> Self {
        Self {
            format: Format::V2,
            tool: Tool { name: "bm-preflight", version: &report.tool_version },
            run: Run::of(report),
            verdict: report.judgement.verdict,
            exit_code: report.judgement.exit_code,
            summary: Summary::of(&report.judgement),
            plan: json_digest::tasks(&report.digest),
            questions: json_digest::questions(&report.digest),
            owners: json_digest::owners(&report.digest),
            servers: json_digest::servers(&report.digest),
            forecast: Forecast::of(&report.digest.forecast),
            checks: report.checks.iter().map(Check::of).collect(),
            autodiscover: report.autodiscover.iter().map(MailName::of).collect(),
            public_urls: report.public_urls.iter().map(PublicUrl::of).collect(),
            coverage: report.coverage.iter().map(|coverage| Coverage::of(coverage, report)).collect(),
            changes: report.changes.as_ref(),
        }
    }
}

impl<'a> Run<'a> {
    fn of(report: &'a Report) -> Self {
        let (run, installation) = (&report.run, &report.run.installation);
        let selection =
            |s: &'a verdict::Selection| Selection { run: s.run, of: s.of, left_out_blockers: &s.left_out_blockers };
        Self {
            id: &run.id,
            started_at: utc(run.started_at),
            duration_ms: run.duration_ms,
            lang: run.lang,
            is_demo: run.is_demo,
            window: report.digest.window.map(|window| window.to_string()),
            selection: report.judgement.selection.as_ref().map(selection),
            installation: Installation {
                name: installation.name.as_deref(),
                build: installation.build.as_deref(),
                release: installation.release.as_deref(),
                release_at_least: installation.at_least.as_deref(),
                target: &installation.target,
                way: Way::of(&installation.way),
                servers: &installation.servers,
                collected_at: utc(installation.collected_at),
                facts_age_s: report.judgement.facts_age.as_secs(),
            },
            notices: run.notices.iter().chain(&run.next).collect(),
        }
    }
}

impl Summary {
    fn of(judgement: &Judgement) -> Self {
        let verdict::CheckCounts { pass, fail, unknown, error, not_applicable } = judgement.checks;
        let verdict::FindingCounts { blocker, warning, info, waived } = judgement.findings;
        Self {
            checks: CheckCounts { pass, fail, unknown, error, not_applicable },
            findings: FindingCounts { blocker, warning, info, waived },
        }
    }
}

impl<'a> Check<'a> {
    fn of(result: &'a CheckResult) -> Self {
        let missing = |m: &'a model::Missing| Missing {
            table: &m.table,
            scope: &m.scope,
            place: m.place.as_deref(),
            problem: m.problem.as_deref(),
            reason: &m.reason,
            waived: m.waived.as_ref().map(Waived::of),
        };
        let remedy = |done: &'a Remediation| Remedy {
            problem: done.problem.as_deref(),
            who: result.who,
            lead_days: result.lead_days,
            remediation: &done.text,
            risk: done.remedy.risk,
            when: done.remedy.when,
        };
        Self {
            id: &result.id,
            category: &result.category,
            severity: result.severity,
            title: &result.title,
            why: &result.why,
            reference: result.reference.as_deref(),
            outcome: result.outcome,
            headline: result.headline.as_deref(),
            reason: result.reason.as_deref(),
            elapsed_ms: result.elapsed_ms,
            examined: result.examined.iter().map(|e| Examined { table: &e.table, rows: e.rows }).collect(),
            proof: &result.proof,
            missing: result.missing.iter().map(missing).collect(),
            remedies: result.remediations.iter().map(remedy).collect(),
            findings: result.findings.iter().map(Finding::of).collect(),
        }
    }
}

impl<'a> Finding<'a> {
    fn of(finding: &'a model::Finding) -> Self {
        Self {
            key: &finding.key,
            subject: &finding.subject,
            severity: finding.severity,
            message: &finding.message,
            evidence: &finding.evidence,
            remedy: finding.remedy,
            server: finding.server.as_deref(),
            commands: &finding.commands,
            owner: finding.owner.as_deref(),
            waived: finding.waived.as_ref().map(Waived::of),
            explained_by: finding.explained_by.as_ref().map(|c| Cause { check: &c.check, subject: &c.subject }),
        }
    }
}

impl<'a> Waived<'a> {
    pub(super) fn of(waived: &'a model::Waived) -> Self {
        Self { reason: &waived.reason, expires: &waived.expires }
    }
}

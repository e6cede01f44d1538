//! What a page says first: what blocks, who has to act, what is open, and the servers.

use serde::Serialize;

use super::super::i18n::Catalogue;
use super::super::{Report, csv, outline};
use super::fragment;
use crate::digest::{Hour, Line, Owner, Question, ServerLine, Share};
use crate::model::{Severity, When};

/// Users told on the page; the table beside it has them all.
const USERS: usize = 3_000;

/// Folders told of one user; the table beside the page has them all.
const FOLDERS: usize = 6;

/// A table of more bytes stands beside the page alone.
const EMBEDDED: usize = 600_000;

/// Causes and commands told on the page.
const LISTED: usize = 100;

/// Hours of a week.
const WEEK: u32 = 168;

/// Height of the busiest hour, in units of the picture.
const HEIGHT: u64 = 30;
/// Width of an hour.
const HOUR: u32 = 4;

/// What stands at the top of the page.
#[derive(Serialize)]
pub(super) struct First<'a> {
    blockers: Vec<LineRow<'a>>,
    plan: Vec<ShareRow<'a>>,
    runway: Vec<Bar>,
    open: Option<String>,
    could_block: bool,
    questions: Vec<QuestionRow<'a>>,
    more_questions: u64,
    owners: Vec<OwnerRow<'a>>,
    more_owners: u64,
    /// The users, and all findings, as `data:` links; `None` where they are too long for a page.
    owners_csv: Option<String>,
    findings_csv: Option<String>,
    servers: Vec<ServerRow<'a>>,
    week: Vec<Week<'a>>,
}

#[derive(Serialize)]
pub(super) struct LineRow<'a> {
    id: &'a str,
    fragment: String,
    severity: &'static str,
    sentence: &'a str,
    /// How many findings, where the sentence does not say.
    findings: Option<u64>,
    begin: String,
    who: &'static str,
    risk: &'static str,
}

#[derive(Serialize)]
struct ShareRow<'a> {
    when: &'static str,
    who: &'static str,
    lines: Vec<LineRow<'a>>,
}

/// A bar of the way to the window: how long before it somebody has to begin, in percent of the longest.
#[derive(Serialize)]
struct Bar {
    who: &'static str,
    begin: String,
    lead_days: u16,
    width: u32,
}

#[derive(Serialize)]
struct QuestionRow<'a> {
    reason: &'a str,
    more_places: u64,
    scopes: &'a [String],
    checks: Vec<CheckRow<'a>>,
    blocking: usize,
    cure: Option<&'static str>,
    steps: Vec<StepRow<'a>>,
}

#[derive(Serialize)]
struct CheckRow<'a> {
    title: &'a str,
    fragment: String,
    blocks: bool,
}

#[derive(Serialize)]
struct StepRow<'a> {
    server: Option<&'a str>,
    commands: &'a str,
}

#[derive(Serialize)]
struct OwnerRow<'a> {
    address: &'a str,
    servers: &'a [String],
    is_suspended: bool,
    severity: &'static str,
    folders: &'a [String],
    more_folders: u64,
    messages: u64,
    findings: u64,
    /// Numbers of the servers among those of the installation.
    places: Vec<usize>,
}

#[derive(Serialize)]
struct ServerRow<'a> {
    uid: &'a str,
    roles: &'a [String],
    complete: u64,
    partial: u64,
    absent: u64,
    blockers: u64,
    warnings: u64,
    infos: u64,
    replicated: Option<ReplicatedRow>,
}

#[derive(Serialize)]
struct ReplicatedRow {
    percent: u64,
    messages: u64,
    missing: u64,
}

/// A server's week: a bar for each hour, and the hours in which nothing came.
#[derive(Serialize)]
struct Week<'a> {
    server: &'a str,
    messages: u64,
    bars: Vec<HourBar>,
    silent: Vec<u32>,
}

#[derive(Serialize)]
struct HourBar {
    x: u32,
    y: u64,
    height: u64,
}

impl<'a> First<'a> {
    pub(super) fn of(report: &'a Report, words: &Catalogue) -> Result<Self, ::csv::Error> {
        let digest = &report.digest;
        let small = |table: String| (table.len() <= EMBEDDED).then(|| data_url(&table));
        Ok(Self {
            blockers: digest.blockers.iter().map(|line| LineRow::of(line, report, words)).collect(),
            plan: digest.plan.iter().map(|share| ShareRow::of(share, report, words)).collect(),
            runway: runway(&digest.plan, words),
            open: (!digest.questions.is_empty()).then(|| words.open(digest.open)),
            could_block: digest.open.blocking > 0,
            questions: digest.questions.iter().take(LISTED).map(|q| QuestionRow::of(q, report)).collect(),
            more_questions: digest.questions.len().saturating_sub(LISTED) as u64,
            owners: digest.owners.iter().take(USERS).map(|owner| OwnerRow::of(owner, report)).collect(),
            more_owners: digest.owners.len().saturating_sub(USERS) as u64,
            owners_csv: small(csv::users(&digest.owners)?),
            findings_csv: small(csv::render(report)?),
            servers: digest.servers.iter().map(ServerRow::of).collect(),
            week: week(&digest.hours),
        })
    }
}

/// A table that a browser saves without asking anybody.
fn data_url(table: &str) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(table);
    format!("data:text/csv;charset=utf-8;base64,{text}")
}

impl<'a> LineRow<'a> {
    fn of(line: &'a Line, report: &Report, words: &Catalogue) -> Self {
        let check = report.checks.iter().find(|check| check.id == line.check);
        Self {
            id: &line.check,
            fragment: fragment(&line.check),
            severity: line.severity.as_str(),
            sentence: &line.sentence,
            findings: (!line.is_headline).then_some(line.findings),
            begin: words.begin(line),
            who: line.who.as_str(),
            risk: check.map_or("none", |check| outline::risk_word(check.remedy.risk)),
        }
    }
}

impl<'a> ShareRow<'a> {
    fn of(share: &'a Share, report: &Report, words: &Catalogue) -> Self {
        Self {
            when: outline::when_word(share.when),
            who: share.who.as_str(),
            lines: share.lines.iter().map(|line| LineRow::of(line, report, words)).collect(),
        }
    }
}

/// A bar for each of those who have to begin before the window.
fn runway(plan: &[Share], words: &Catalogue) -> Vec<Bar> {
    let first = |share: &Share| share.lines.iter().map(|line| line.lead_days).max().unwrap_or(0);
    let before = || plan.iter().filter(|share| share.when == When::Before);
    let longest = before().map(first).max().unwrap_or(0).max(1);
    let bar = |share: &Share| Bar {
        who: share.who.as_str(),
        begin: share.lines.first().map(|line| words.begin(line)).unwrap_or_default(),
        lead_days: first(share),
        width: u32::from(first(share)) * 100 / u32::from(longest),
    };
    before().map(bar).collect()
}

impl<'a> QuestionRow<'a> {
    fn of(question: &'a Question, report: &'a Report) -> Self {
        let check = |id: &'a String| {
            let check = report.checks.iter().find(|check| check.id == *id);
            let blocks = check.is_some_and(|check| check.severity == Severity::Blocker);
            CheckRow { title: check.map_or(id.as_str(), |check| &check.title), fragment: fragment(id), blocks }
        };
        Self {
            reason: &question.reason,
            more_places: question.more_places,
            scopes: &question.scopes,
            checks: question.checks.iter().map(check).collect(),
            blocking: question.blocking,
            cure: question.cure.map(|cure| cure.as_str()),
            steps: question
                .steps
                .iter()
                .take(LISTED)
                .map(|step| StepRow { server: step.server.as_deref(), commands: &step.command })
                .collect(),
        }
    }
}

impl<'a> OwnerRow<'a> {
    fn of(owner: &'a Owner, report: &Report) -> Self {
        let servers = &report.run.installation.servers;
        Self {
            address: &owner.address,
            servers: &owner.servers,
            is_suspended: owner.is_suspended,
            severity: owner.severity.as_str(),
            folders: owner.folders.get(..FOLDERS).unwrap_or(&owner.folders),
            more_folders: owner.folders.len().saturating_sub(FOLDERS) as u64,
            messages: owner.messages,
            findings: owner.findings,
            places: owner.servers.iter().filter_map(|uid| servers.iter().position(|known| known == uid)).collect(),
        }
    }
}

impl<'a> ServerRow<'a> {
    fn of(server: &'a ServerLine) -> Self {
        let ([complete, partial, absent], [blockers, warnings, infos]) = (server.tables, server.findings);
        let replicated = server.replicated.as_ref().map(|of| ReplicatedRow {
            percent: of.percent(),
            messages: of.messages,
            missing: of.missing,
        });
        Self {
            uid: &server.uid,
            roles: &server.roles,
            complete,
            partial,
            absent,
            blockers,
            warnings,
            infos,
            replicated,
        }
    }
}

/// The hours server by server, each drawn against its server's busiest.
fn week(hours: &[Hour]) -> Vec<Week<'_>> {
    hours
        .chunk_by(|a, b| a.server == b.server)
        .map(|hours| {
            let hours: Vec<&Hour> = hours.iter().filter(|hour| (1..=WEEK).contains(&hour.hours_ago)).collect();
            let busiest = hours.iter().map(|hour| hour.messages).max().unwrap_or(0).max(1);
            let x = |hour: &Hour| (WEEK - hour.hours_ago) * HOUR;
            let bar = |hour: &&Hour| {
                let height = (hour.messages * HEIGHT).div_ceil(busiest);
                HourBar { x: x(hour), y: HEIGHT - height, height }
            };
            let (silent, loud): (Vec<_>, Vec<_>) = hours.iter().partition(|hour| hour.messages == 0);
            Week {
                server: hours.first().map_or("", |hour| &hour.server),
                messages: hours.iter().map(|hour| hour.messages).sum(),
                bars: loud.into_iter().map(bar).collect(),
                silent: silent.into_iter().map(|hour| x(hour)).collect(),
            }
        })
        .collect()
}

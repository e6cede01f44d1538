//! The JSON report's shape of who has to act, and of what is open.

use schemars::JsonSchema;
use serde::Serialize;

use crate::digest::{self, Cure, Digest};
use crate::model::{Severity, When, Who};

/// Something to do, in the order in which somebody has to begin.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Task")]
pub(super) struct Task<'a> {
    /// Id of the check.
    check: &'a str,
    severity: Severity,
    /// What the findings come to, or the title of the check.
    sentence: &'a str,
    /// Open findings.
    findings: u64,
    /// Who has to act.
    who: Who,
    /// When.
    when: When,
    /// How many days before the upgrade that has to begin.
    lead_days: u16,
    /// The last day to begin, `YYYY-MM-DD`; null where it is not said when the upgrade is.
    begin_by: Option<String>,
}

/// A cause that leaves checks without a complete answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Question")]
pub(super) struct Question<'a> {
    /// Why that is not known; of many places the first.
    reason: &'a str,
    /// How many more places have it.
    more_places: u64,
    /// Servers that it is about, `directory` or `network`.
    scopes: &'a [String],
    /// Ids of the checks, those that could block first.
    checks: &'a [String],
    /// How many of them could block.
    blocking: usize,
    /// What kind of thing cures it; null where nothing general does.
    cure: Option<Cure>,
    /// The commands that do.
    steps: Vec<Step<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Step")]
struct Step<'a> {
    /// Where; null for here.
    server: Option<&'a str>,
    command: &'a str,
}

/// A user with findings of his own.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Owner")]
pub(super) struct Owner<'a> {
    address: &'a str,
    servers: &'a [String],
    /// Whether the account is suspended.
    suspended: bool,
    severity: Severity,
    /// Names of the folders to move; two of them may be the same.
    folders: &'a [String],
    /// Messages in them.
    messages: u64,
    findings: u64,
    /// Ids of the checks.
    checks: &'a [String],
}

/// What a server is concerned by.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Server")]
pub(super) struct Server<'a> {
    uid: &'a str,
    roles: &'a [String],
    tables: Tables,
    findings: Findings,
    /// How much of its mail is in the database; null where that is not known.
    replicated: Option<Replicated>,
}

/// Facts tables of the server's own.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Tables {
    complete: u64,
    partial: u64,
    absent: u64,
}

/// Open findings.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ServerFindings")]
struct Findings {
    blocker: u64,
    warning: u64,
    info: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Replicated {
    /// Messages, each counted once.
    messages: u64,
    missing: u64,
}

pub(super) fn tasks(digest: &Digest) -> Vec<Task<'_>> {
    digest.plan.iter().flat_map(|share| &share.lines).map(Task::of).collect()
}

pub(super) fn questions(digest: &Digest) -> Vec<Question<'_>> {
    digest.questions.iter().map(Question::of).collect()
}

pub(super) fn owners(digest: &Digest) -> Vec<Owner<'_>> {
    digest.owners.iter().map(Owner::of).collect()
}

pub(super) fn servers(digest: &Digest) -> Vec<Server<'_>> {
    digest.servers.iter().map(Server::of).collect()
}

impl<'a> Task<'a> {
    fn of(line: &'a digest::Line) -> Self {
        Self {
            check: &line.check,
            severity: line.severity,
            sentence: &line.sentence,
            findings: line.findings,
            who: line.who,
            when: line.when,
            lead_days: line.lead_days,
            begin_by: line.begin_by.map(|day| day.to_string()),
        }
    }
}

impl<'a> Question<'a> {
    fn of(question: &'a digest::Question) -> Self {
        let step = |step: &'a digest::Step| Step { server: step.server.as_deref(), command: &step.command };
        Self {
            reason: &question.reason,
            more_places: question.more_places,
            scopes: &question.scopes,
            checks: &question.checks,
            blocking: question.blocking,
            cure: question.cure,
            steps: question.steps.iter().map(step).collect(),
        }
    }
}

impl<'a> Owner<'a> {
    fn of(owner: &'a digest::Owner) -> Self {
        Self {
            address: &owner.address,
            servers: &owner.servers,
            suspended: owner.is_suspended,
            severity: owner.severity,
            folders: &owner.folders,
            messages: owner.messages,
            findings: owner.findings,
            checks: &owner.checks,
        }
    }
}

impl<'a> Server<'a> {
    fn of(server: &'a digest::ServerLine) -> Self {
        let ([complete, partial, absent], [blocker, warning, info]) = (server.tables, server.findings);
        let replicated = server.replicated.as_ref();
        Self {
            uid: &server.uid,
            roles: &server.roles,
            tables: Tables { complete, partial, absent },
            findings: Findings { blocker, warning, info },
            replicated: replicated.map(|of| Replicated { messages: of.messages, missing: of.missing }),
        }
    }
}

//! Outcomes as people act on them: who does what by when, what is open and what answers it, and what each user and each
//! server is concerned by. Computed once; every renderer tells the same.

mod forecast;
mod owners;
mod plan;
mod questions;
mod servers;
#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime};

use crate::model::{CheckResult, Coverage, Lang, Severity, When, Who};

pub use forecast::{Database, Forecast, Keep, Measures, Place, Read, Room, ServerSpan, Span, Stage, Term, Unforeseen};
pub use owners::Owner;
pub use questions::{Cure, Question, Step};
pub use servers::{Hour, Replicated, ServerLine, locate};

/// What is to be known beside the results.
#[derive(Debug, Clone)]
pub struct Beside<'a> {
    /// Language of what is said.
    pub lang: Lang,
    /// When the upgrade begins, in the administrator's own time, where he says so.
    pub window: Option<DateTime>,
    /// What was looked at.
    pub coverage: &'a [Coverage],
    /// Servers of the installation, each with its roles.
    pub servers: Vec<(String, Vec<String>)>,
    /// How much of their mail is replicated.
    pub replicated: Vec<Replicated>,
    /// The last week of replication.
    pub hours: Vec<Hour>,
    /// What answers the questions that wait for other servers; empty where none does.
    pub elsewhere: Vec<Step>,
    /// What the forecast of the window is made from.
    pub measures: Measures,
}

/// What a report says first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Digest {
    /// When the upgrade begins.
    pub window: Option<DateTime>,
    /// What blocks, the longest lead time first.
    pub blockers: Vec<Line>,
    /// Everything to do, by moment and by who has to act: what has to begin first stands first.
    pub plan: Vec<Share>,
    /// What is open, by cause: what blocks first, then by the number of checks.
    pub questions: Vec<Question>,
    /// How many checks are open, and how many of them could block.
    pub open: Open,
    /// Who has to do something himself, by address.
    pub owners: Vec<Owner>,
    /// The servers, in the installation's order.
    pub servers: Vec<ServerLine>,
    /// The last week of replication, server by server; empty where nobody remembers it.
    pub hours: Vec<Hour>,
    /// How long the window takes, and what it needs.
    pub forecast: Forecast,
}

/// Checks without a complete answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    /// All of them.
    pub checks: u64,
    /// Those that could block.
    pub blocking: u64,
}

/// What a check found, as one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its id.
    pub check: String,
    /// Its severity.
    pub severity: Severity,
    /// Its headline, or else its title.
    pub sentence: String,
    /// Whether the sentence has numbers of its own.
    pub is_headline: bool,
    /// How many findings count.
    pub findings: u64,
    /// How many days before the upgrade one has to begin.
    pub lead_days: u16,
    /// The last day to begin; `None` without a window.
    pub begin_by: Option<Date>,
    /// When the remedies are carried out.
    pub when: When,
    /// Who has to act.
    pub who: Who,
}

/// What somebody has to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// When.
    pub when: When,
    /// Who has to act.
    pub who: Who,
    /// What to do, the longest lead time first.
    pub lines: Vec<Line>,
}

impl Digest {
    /// The digest of results whose waivers and causes are settled.
    pub fn of(results: &[CheckResult], beside: Beside<'_>) -> Self {
        let lines = plan::lines(results, beside.window);
        let (questions, open) = questions::of(results, &beside);
        Self {
            window: beside.window,
            blockers: lines.iter().filter(|line| line.severity == Severity::Blocker).cloned().collect(),
            plan: plan::shares(lines),
            questions,
            open,
            owners: owners::of(results),
            servers: servers::of(results, &beside),
            forecast: forecast::of(&beside),
            hours: beside.hours,
        }
    }
}

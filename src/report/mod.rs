//! One [`Report`] value, and a renderer for each format. A renderer takes the value and returns text; it counts and
//! judges nothing.

mod autodiscover;
pub mod changes;
pub mod csv;
mod forecast;
pub mod html;
mod i18n;
pub mod json;
mod json_autodiscover;
mod json_coverage;
mod json_digest;
mod json_forecast;
pub mod junit;
pub mod markdown;
pub mod notice;
mod outline;
mod page;
pub mod prometheus;
pub mod text;
mod way;

pub use i18n::Catalogue;

use std::path::Path;

use jiff::Timestamp;

use crate::diff::Changes;
use crate::digest::Digest;
use crate::model::releases::Way;
use crate::model::{CheckResult, Coverage, Gap, Lang, MailName, PublicUrl};
use crate::verdict::{FailOn, Judgement};

/// A format that a report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    /// A self-contained page.
    Html,
    /// For programs, by its published schema.
    Json,
    /// For CI systems.
    Junit,
    /// The findings as a table.
    Csv,
    /// For a ticket.
    Markdown,
    /// For the node exporter's textfile collector.
    Prometheus,
    /// For the terminal, in full.
    Text,
}

impl Format {
    /// Name of the file that a run writes; none of what is for the terminal.
    pub fn file_name(self) -> Option<&'static str> {
        match self {
            Self::Html => Some("report.html"),
            Self::Json => Some("report.json"),
            Self::Junit => Some("report.junit.xml"),
            Self::Csv => Some("findings.csv"),
            Self::Markdown => Some("report.md"),
            Self::Prometheus => Some("report.prom"),
            Self::Text => None,
        }
    }

    /// Whether a run writes it unless it is told which formats to write.
    pub fn is_usual(self) -> bool {
        matches!(self, Self::Html | Self::Json | Self::Junit | Self::Csv)
    }

    /// Writes a report.
    ///
    /// # Errors
    /// When a template is wrong, or what writes the format fails.
    pub fn render(self, report: &Report, style: Style<'_>) -> Result<String, Box<dyn std::error::Error>> {
        Ok(match self {
            Self::Html => html::render(report, style.templates)?,
            Self::Json => json::render(report)?,
            Self::Junit => junit::render(report)?,
            Self::Csv => csv::render(report)?,
            Self::Markdown => markdown::render(report),
            Self::Prometheus => prometheus::render(report),
            Self::Text if style.brief => text::brief(report, style.colour),
            Self::Text => text::render(report, style.colour, style.verbose),
        })
    }
}

/// How a report is written, where its format leaves a choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style<'a> {
    /// Folder of templates that replace the shipped ones.
    pub templates: Option<&'a Path>,
    /// Whether there are colours on a terminal.
    pub colour: bool,
    /// Whether a terminal is told all.
    pub verbose: bool,
    /// Whether it is told only what fits on a screen.
    pub brief: bool,
}

/// A run, ready to be written in any format.
#[derive(Debug, Clone)]
pub struct Report {
    /// Version of this program.
    pub tool_version: String,
    /// This run.
    pub run: Run,
    /// The verdict and the counts behind it.
    pub judgement: Judgement,
    /// Which findings were asked to fail the run.
    pub fail_on: FailOn,
    /// Who has to act, and what is open.
    pub digest: Digest,
    /// Every selected check, ordered by severity, then id; findings ordered by subject.
    pub checks: Vec<CheckResult>,
    /// What the autodiscover probes tell, one entry for each mail domain and alias; empty when none was probed.
    pub autodiscover: Vec<MailName>,
    /// What the URLs of the installation offer to clients; empty when none was probed.
    pub public_urls: Vec<PublicUrl>,
    /// Every (table, scope), ordered by both.
    pub coverage: Vec<Coverage>,
    /// What they say is not known, place by place.
    pub gaps: Vec<Gap>,
    /// What came, went and changed since an earlier report; none where none was given.
    pub changes: Option<Changes>,
}

impl Report {
    /// The remarks on the run, for a reader who is told elsewhere in the report what answers its questions.
    fn remarks(&self) -> impl Iterator<Item = &String> {
        let is_told = self.digest.questions.iter().any(|question| !question.steps.is_empty());
        self.run.notices.iter().chain(self.run.next.iter().filter(move |_| !is_told))
    }
}

/// When, where and for what the run was made.
#[derive(Debug, Clone)]
pub struct Run {
    /// A UUID, new in every run.
    pub id: String,
    /// When the run began, UTC.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Language of titles, messages and remediations.
    pub lang: Lang,
    /// Whether the facts are those that come with the program.
    pub is_demo: bool,
    /// What was judged.
    pub installation: Installation,
    /// Remarks on the run itself: an interruption, a time budget reached, waivers that expired or match nothing.
    pub notices: Vec<String>,
    /// The server to collect from next, and how.
    pub next: Vec<String>,
}

/// The installation that was judged. A field that could not be told is `None`.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Public host name, or the installation's id.
    pub name: Option<String>,
    /// Technical version, such as `4.1.43922`.
    pub build: Option<String>,
    /// Release that the build belongs to, such as `4.0.14`.
    pub release: Option<String>,
    /// Release that it is at least, where the build does not tell which.
    pub at_least: Option<String>,
    /// Release that the upgrade goes to.
    pub target: String,
    /// The way there.
    pub way: Way,
    /// When the facts were collected, UTC.
    pub collected_at: Timestamp,
    /// Uids of the installation's servers.
    pub servers: Vec<String>,
}

/// A point in time as RFC 3339 in UTC, whole seconds: `2026-11-23T10:00:00Z`.
fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

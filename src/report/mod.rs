//! One [`Report`] value, and a renderer for each format. A renderer takes the value and returns text; it counts and
//! judges nothing.

mod autodiscover;
pub mod html;
mod i18n;
pub mod json;
mod json_autodiscover;
pub mod junit;
mod outline;
mod page;
pub mod text;

pub use i18n::Catalogue;

use jiff::Timestamp;

use crate::model::{CheckResult, Coverage, Lang, MailName};
use crate::verdict::{FailOn, Judgement};

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
    /// Every selected check, ordered by severity, then id; findings ordered by subject.
    pub checks: Vec<CheckResult>,
    /// What the autodiscover probes tell, one entry for each mail domain and alias; empty when none was probed.
    pub autodiscover: Vec<MailName>,
    /// Every (table, scope), ordered by both.
    pub coverage: Vec<Coverage>,
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
    /// What was judged.
    pub installation: Installation,
    /// Remarks on the run itself: an interruption, a time budget reached, the server to collect from next, waivers that
    /// expired or match nothing.
    pub notices: Vec<String>,
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
    /// Release that the upgrade goes to.
    pub target: String,
    /// When the facts were collected, UTC.
    pub collected_at: Timestamp,
    /// Uids of the installation's servers.
    pub servers: Vec<String>,
}

/// A point in time as RFC 3339 in UTC, whole seconds: `2026-11-23T10:00:00Z`.
fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

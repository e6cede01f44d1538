//! The JSON report's shape of the forecast of the window.

use schemars::JsonSchema;
use serde::Serialize;

use crate::digest;
use crate::model::When;
use crate::model::durations::Kind;
use crate::model::releases::{Confidence, WayStep};

/// How long the window takes and what it needs, as far as that can be said before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Forecast")]
pub(super) struct Forecast<'a> {
    #[serde(flatten)]
    span: Span,
    /// Each release that is installed on the way; empty where there is no way, or the installed release is not known.
    stages: Vec<Stage<'a>>,
    /// How to keep what there is before the window; null where an earlier snapshot was given.
    snapshot: Option<Keep<'a>>,
}

/// A range of time.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
struct Span {
    /// It takes so many seconds at least.
    low_s: u64,
    /// And so many at most; null where something has no figure.
    high_s: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ForecastSnapshot")]
struct Keep<'a> {
    /// The command right before the window.
    before: &'a str,
    /// The command after it.
    after: &'a str,
}

/// The installation of a release.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ForecastStage")]
struct Stage<'a> {
    /// What is installed before.
    from: &'a str,
    /// The release.
    to: &'a str,
    #[serde(flatten)]
    span: Span,
    /// What each server takes; the range goes from all at a time to one after the other.
    servers: Vec<Server<'a>>,
    /// What has no figure; what happens during the window leaves the range open.
    unknown: Vec<Unknown<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ForecastServer")]
struct Server<'a> {
    uid: &'a str,
    #[serde(flatten)]
    span: Span,
    /// What that is made of.
    terms: Vec<Term<'a>>,
    /// Room needed at the peak, by file system.
    space: Vec<Space<'a>>,
    /// The read that was timed on this machine; null where none was long enough.
    read: Option<Read>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ForecastTerm")]
struct Term<'a> {
    kind: Kind,
    /// Where the step that asks for it begins; null of what every stop does.
    from: Option<&'a str>,
    /// Where it ends.
    to: Option<&'a str>,
    /// Database tables that it is done to.
    tables: &'a [String],
    /// Their size; null where it is not known, or does not matter.
    bytes: Option<u64>,
    /// So many seconds at least; null where the sizes are not known.
    low_s: Option<u64>,
    /// So many at most.
    high_s: Option<u64>,
    confidence: Confidence,
    /// Whether a read on this machine made it narrower.
    is_calibrated: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ForecastSpace")]
struct Space<'a> {
    /// Null where the file system is not known.
    mount_point: Option<&'a str>,
    /// For copies of tables.
    copy_bytes: u64,
    /// For the write-ahead log.
    log_bytes: u64,
    /// What the file system has.
    available_bytes: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ForecastRead")]
struct Read {
    bytes: u64,
    elapsed_ms: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ForecastUnknown")]
struct Unknown<'a> {
    /// Where the step that brings it begins; null of what is not known of the installation.
    from: Option<&'a str>,
    /// Where it ends.
    to: Option<&'a str>,
    /// A code for it.
    what: &'a str,
    when: When,
}

impl<'a> Forecast<'a> {
    pub(super) fn of(forecast: &'a digest::Forecast) -> Self {
        Self {
            span: Span::of(forecast.span),
            stages: forecast.stages.iter().map(Stage::of).collect(),
            snapshot: forecast.keep.as_ref().map(|keep| Keep { before: &keep.before, after: &keep.after }),
        }
    }
}

impl Span {
    fn of(span: digest::Span) -> Self {
        Self { low_s: span.low_s, high_s: span.high_s }
    }
}

impl<'a> Stage<'a> {
    fn of(stage: &'a digest::Stage) -> Self {
        let unknown = |unknown: &'a digest::Unforeseen| {
            let (from, to) = ends(unknown.step.as_ref());
            Unknown { from, to, what: &unknown.what, when: unknown.when }
        };
        Self {
            from: &stage.from,
            to: &stage.to,
            span: Span::of(stage.span),
            servers: stage.servers.iter().map(Server::of).collect(),
            unknown: stage.unknown.iter().map(unknown).collect(),
        }
    }
}

impl<'a> Server<'a> {
    fn of(server: &'a digest::ServerSpan) -> Self {
        let space = |room: &'a digest::Room| Space {
            mount_point: room.place.as_ref().map(|place| place.mount_point.as_str()),
            copy_bytes: room.copies,
            log_bytes: room.log,
            available_bytes: room.place.as_ref().map(|place| place.available),
        };
        Self {
            uid: &server.server,
            span: Span::of(server.span),
            terms: server.terms.iter().map(Term::of).collect(),
            space: server.rooms.iter().map(space).collect(),
            read: server.read.map(|read| Read { bytes: read.bytes, elapsed_ms: read.ms }),
        }
    }
}

impl<'a> Term<'a> {
    fn of(term: &'a digest::Term) -> Self {
        let (from, to) = ends(term.step.as_ref());
        Self {
            kind: term.kind,
            from,
            to,
            tables: &term.tables,
            bytes: term.bytes,
            low_s: term.span.map(|span| span.low_s),
            high_s: term.span.and_then(|span| span.high_s),
            confidence: term.confidence,
            is_calibrated: term.is_calibrated,
        }
    }
}

fn ends(step: Option<&WayStep>) -> (Option<&str>, Option<&str>) {
    (step.map(|step| step.from.as_str()), step.map(|step| step.to.as_str()))
}

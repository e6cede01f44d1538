//! The way to the target, as every format tells it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::releases::{self, Confidence, StepCoverage};

/// From the installed release to the target.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Way<'a> {
    /// Releases to install one after the other, the target last; empty when there is no way, or the installed release is not
    /// known.
    stops: &'a [String],
    /// Each release whose conversions are carried out on the way.
    steps: Vec<Step<'a>>,
}

/// From a line of releases to the next one.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Step<'a> {
    /// Where it begins.
    from: &'a str,
    /// Where it ends.
    to: &'a str,
    /// How much of it the checks look at.
    coverage: StepCoverage,
    /// How sure what is known of it is.
    confidence: Confidence,
}

impl<'a> Way<'a> {
    /// As it is told.
    pub(super) fn of(way: &'a releases::Way) -> Self {
        let step = |step: &'a releases::WayStep| Step {
            from: &step.from,
            to: &step.to,
            coverage: step.coverage,
            confidence: step.confidence,
        };
        Self { stops: &way.stops, steps: way.steps.iter().map(step).collect() }
    }
}

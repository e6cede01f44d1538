//! One of two reports, as far as they are compared: read from the JSON that scripts read, so that reports of other versions
//! can be compared with those of this one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::{Completeness, Lang, Outcome, Severity};

/// How the formats are called that can be compared.
const FORMAT: &str = "bm-preflight-report/2";

/// Why a text is no report that can be compared.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// It is no JSON, or not of a report's shape.
    #[error("not a JSON report of bm-preflight ({0})")]
    Shape(#[from] serde_json::Error),
    /// It is of another format.
    #[error("a report of format {0:?}; {FORMAT} is compared")]
    Format(String),
}

/// A report.
#[derive(Debug, Clone, Deserialize)]
pub struct Side {
    format: String,
    pub(super) run: Run,
    pub(super) verdict: String,
    pub(super) checks: Vec<Check>,
    pub(super) coverage: Vec<Coverage>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    pub(super) lang: Lang,
    pub(super) installation: Installation,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Installation {
    pub(super) name: Option<String>,
    pub(super) release: Option<String>,
    pub(super) target: String,
    pub(super) collected_at: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Check {
    pub(super) id: String,
    pub(super) severity: Severity,
    pub(super) outcome: Outcome,
    #[serde(default)]
    pub(super) missing: Vec<Missing>,
    pub(super) findings: Vec<Finding>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Missing {
    pub(super) table: String,
    pub(super) scope: String,
    pub(super) place: Option<String>,
    pub(super) problem: Option<String>,
    pub(super) reason: String,
    pub(super) waived: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Finding {
    pub(super) subject: String,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) evidence: Map<String, Value>,
    pub(super) waived: Option<Value>,
    pub(super) explained_by: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Coverage {
    pub(super) table: String,
    pub(super) scope: String,
    pub(super) completeness: Completeness,
    pub(super) reason: Option<String>,
    pub(super) rows: u64,
}

/// What a gap is told by.
pub(super) type GapKey<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

impl Side {
    /// Reads a JSON report.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, SideError> {
        let side: Self = serde_json::from_str(text)?;
        if side.format == FORMAT { Ok(side) } else { Err(SideError::Format(side.format)) }
    }

    /// The release that its upgrade goes to.
    pub fn target(&self) -> &str {
        &self.run.installation.target
    }

    /// The language of its texts.
    pub fn lang(&self) -> Lang {
        self.run.lang
    }

    pub(super) fn by_id(&self) -> BTreeMap<&str, &Check> {
        self.checks.iter().map(|check| (check.id.as_str(), check)).collect()
    }
}

impl Check {
    /// Whether it has no answer, or none to all of its question, and nobody accepts that.
    pub(super) fn is_unanswered(&self) -> bool {
        match (self.outcome, self.missing.as_slice()) {
            (Outcome::Error, _) | (Outcome::Unknown, []) => true,
            (_, missing) => missing.iter().any(|gap| gap.waived.is_none()),
        }
    }

    pub(super) fn by_subject(&self) -> BTreeMap<&str, &Finding> {
        self.findings.iter().map(|finding| (finding.subject.as_str(), finding)).collect()
    }

    pub(super) fn gaps(&self) -> BTreeMap<GapKey<'_>, &Missing> {
        self.missing.iter().map(|missing| (missing.key(), missing)).collect()
    }
}

impl Missing {
    pub(super) fn key(&self) -> GapKey<'_> {
        (&self.table, &self.scope, self.place.as_deref(), self.problem.as_deref())
    }
}

impl Finding {
    /// Whether it stands for itself: nobody accepts it, and no other one explains it.
    pub(super) fn is_open(&self) -> bool {
        self.waived.is_none() && self.explained_by.is_none()
    }
}

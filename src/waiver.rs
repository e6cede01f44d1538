//! Accepted findings: who accepts one says why, and until when.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;

use crate::model::{CheckResult, Lang, Waived};

/// Why a waivers file was refused.
#[derive(Debug, thiserror::Error)]
pub enum WaiverError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}:{line}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    waiver: Vec<Waiver>,
}

/// One `[[waiver]]` of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Id of the check.
    pub check: String,
    /// Subject of the finding, to the letter.
    pub subject: String,
    /// Why it is accepted.
    #[serde(deserialize_with = "said")]
    pub reason: String,
    /// Last day, UTC, on which it is.
    #[serde(deserialize_with = "day")]
    pub expires: Date,
}

fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() { Err(serde::de::Error::custom("a waiver needs a reason")) } else { Ok(text) }
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    // With quotes or without: TOML has dates of its own.
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        toml::Value::Datetime(date) => date.to_string(),
        other => other.to_string(),
    };
    text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no day: write \"YYYY-MM-DD\"")))
}

/// Reads a waivers file.
pub fn read(path: &Path) -> Result<Vec<Waiver>, WaiverError> {
    let text = std::fs::read_to_string(path).map_err(|source| WaiverError::Io { path: path.to_owned(), source })?;
    let file: File = toml::from_str(&text).map_err(|error| {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        WaiverError::Invalid { path: path.to_owned(), line, message: error.message().to_owned() }
    })?;
    Ok(file.waiver)
}

/// Marks the findings that a waiver accepts on `today`. Returns a remark for each waiver that has expired or accepts
/// nothing.
pub fn apply(waivers: &[Waiver], results: &mut [CheckResult], today: Date, lang: Lang) -> Vec<String> {
    let mut remarks = Vec::new();
    for waiver in waivers {
        let Waiver { check, subject, .. } = waiver;
        let findings = results.iter_mut().filter(|r| r.id == *check).flat_map(|r| &mut r.findings);
        let mut accepted: Vec<_> = findings.filter(|finding| finding.subject == *subject).collect();
        let day = waiver.expires;
        let remark = match (accepted.is_empty(), day < today, lang) {
            (true, _, Lang::En) => format!("the waiver of {check} for {subject} accepts nothing"),
            (true, _, Lang::Fr) => format!("la dérogation de {check} pour {subject} ne couvre aucun constat"),
            (false, true, Lang::En) => format!("the waiver of {check} for {subject} expired on {day}"),
            (false, true, Lang::Fr) => format!("la dérogation de {check} pour {subject} a expiré le {day}"),
            (false, false, _) => {
                for finding in &mut accepted {
                    finding.waived = Some(Waived { reason: waiver.reason.clone(), expires: day.to_string() });
                }
                continue;
            }
        };
        remarks.push(remark);
    }
    remarks
}

//! Accepted findings: who accepts one says why, and until when.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::model::reason::Notice;
use crate::model::{CheckResult, Waived};

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

/// The shape of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    waiver: Vec<RawWaiver>,
}

/// One `[[waiver]]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWaiver {
    check: Spanned<String>,
    subject: String,
    #[serde(deserialize_with = "said")]
    reason: String,
    #[serde(deserialize_with = "day")]
    expires: Date,
}

/// An accepted finding.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Id of the check.
    pub check: String,
    /// Line of the file where the check is named, from 1.
    pub line: usize,
    /// Subject of the finding, to the letter.
    pub subject: String,
    /// Why it is accepted.
    pub reason: String,
    /// Last day, UTC, on which it is.
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
    let line_of = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let file: File = toml::from_str(&text).map_err(|error| {
        let line = line_of(error.span().map_or(0, |span| span.start));
        WaiverError::Invalid { path: path.to_owned(), line, message: error.message().to_owned() }
    })?;
    let waiver = |RawWaiver { check, subject, reason, expires }| {
        let line = line_of(check.span().start);
        Waiver { check: check.into_inner(), line, subject, reason, expires }
    };
    Ok(file.waiver.into_iter().map(waiver).collect())
}

/// Marks the findings that a waiver accepts on `today`. Returns a remark for each waiver that has expired or accepts
/// nothing, unless its check was not run.
pub fn apply(waivers: &[Waiver], results: &mut [CheckResult], today: Date) -> Vec<Notice> {
    let mut remarks = Vec::new();
    let ran: BTreeSet<String> = results.iter().map(|result| result.id.clone()).collect();
    for waiver in waivers.iter().filter(|waiver| ran.contains(&waiver.check)) {
        let Waiver { check, subject, .. } = waiver;
        let findings = results.iter_mut().filter(|r| r.id == *check).flat_map(|r| &mut r.findings);
        let mut accepted: Vec<_> = findings.filter(|finding| finding.subject == *subject).collect();
        let day = waiver.expires;
        let (check, subject, day) = (check.clone(), subject.clone(), day.to_string());
        let remark = match (accepted.is_empty(), waiver.expires < today) {
            (true, _) => Notice::WaiverUnused { check, subject },
            (false, true) => Notice::WaiverExpired { check, subject, day },
            (false, false) => {
                for finding in &mut accepted {
                    finding.waived = Some(Waived { reason: waiver.reason.clone(), expires: day.clone() });
                }
                continue;
            }
        };
        remarks.push(remark);
    }
    remarks
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Severity;
    use crate::model::finding::sample::failed;

    fn written(text: &str) -> Result<Vec<Waiver>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waivers.toml");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "waivers.toml"))
    }

    #[test]
    fn a_waiver_has_check_subject_reason_and_a_last_day() {
        let text = "[[waiver]]\ncheck = \"a\"\nsubject = \"s\"\nreason = \"known\"\nexpires = ";
        for day in ["2026-12-31", "\"2026-12-31\""] {
            let waivers = written(&format!("{text}{day}")).unwrap();
            let seen: Vec<_> =
                waivers.iter().map(|w| (&w.check[..], w.line, &w.subject[..], &w.reason[..], w.expires)).collect();
            assert_eq!(seen, [("a", 2, "s", "known", date(2026, 12, 31))]);
        }
        assert_eq!(written("").unwrap().len(), 0);
        assert_eq!(written(&format!("{text}2026-12-31\n{text}2027-01-31\n")).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_waiver_is_told_with_its_line() {
        let waiver = |reason: &str, expires: &str| {
            format!("# ours\n[[waiver]]\ncheck = \"a\"\nsubject = \"s\"\nreason = {reason}\nexpires = {expires}\n")
        };
        for (text, expected) in [
            (waiver("\" \"", "2026-12-31"), "waivers.toml:5: a waiver needs a reason"),
            (waiver("\"x\"", "\"soon\""), "waivers.toml:6: \"soon\" is no day: write \"YYYY-MM-DD\""),
            (waiver("\"x\"", "12"), "waivers.toml:6: \"12\" is no day: write \"YYYY-MM-DD\""),
            (waiver("\"x\"", "2026-12-31\nuntil = 1"), "waivers.toml:7: unknown field `until`, expected one of"),
            ("[[waiver]]\ncheck = \"a\"\n".to_owned(), "waivers.toml:1: missing field `subject`"),
            ("waivers = []".to_owned(), "waivers.toml:1: unknown field `waivers`"),
        ] {
            let error = written(&text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(
            read(Path::new("/nowhere/waivers.toml")).unwrap_err().to_string().starts_with("/nowhere/waivers.toml: ")
        );
    }

    /// What a waiver of the subject `s` of the check `sample` until the last day of 2026 comes to.
    fn applied(subjects: &[&str], today: Date) -> (Vec<Option<Waived>>, Vec<Notice>) {
        let waiver = Waiver {
            check: "sample".to_owned(),
            line: 1,
            subject: "s".to_owned(),
            reason: "known".to_owned(),
            expires: date(2026, 12, 31),
        };
        let mut results = [failed(Severity::Blocker, &["s"]), failed(Severity::Blocker, subjects)];
        results[0].id = "other".to_owned();
        let remarks = apply(&[waiver], &mut results, today);
        assert_eq!(results[0].findings[0].waived, None, "it is of another check");
        (results[1].findings.iter().map(|finding| finding.waived.clone()).collect(), remarks)
    }

    #[test]
    fn a_waiver_holds_to_the_end_of_its_last_day_for_its_subject_alone() {
        let waived = Some(Waived { reason: "known".to_owned(), expires: "2026-12-31".to_owned() });
        for today in [date(2026, 1, 1), date(2026, 12, 30), date(2026, 12, 31)] {
            assert_eq!(applied(&["s/1", "s", "S"], today), (vec![None, waived.clone(), None], vec![]), "{today}");
        }
    }

    #[test]
    fn a_waiver_that_accepts_nothing_is_told() {
        let (before, after) = (date(2026, 12, 31), date(2027, 1, 1));
        let (check, subject) = ("sample".to_owned(), "s".to_owned());
        let expired =
            Notice::WaiverExpired { check: check.clone(), subject: subject.clone(), day: "2026-12-31".to_owned() };
        let unused = Notice::WaiverUnused { check, subject };
        for (subjects, today, remark) in
            [(&["s"][..], after, &expired), (&["t"], before, &unused), (&[], before, &unused), (&[], after, &unused)]
        {
            assert_eq!(applied(subjects, today), (vec![None; subjects.len()], vec![remark.clone()]));
        }
    }

    #[test]
    fn nothing_is_said_of_a_waiver_whose_check_was_not_run() {
        let waiver = |check: &str, expires| Waiver {
            check: check.to_owned(),
            line: 1,
            subject: "s".to_owned(),
            reason: "known".to_owned(),
            expires,
        };
        let mut results = [failed(Severity::Blocker, &["t"])];
        let waivers = [waiver("left_out", date(2026, 12, 31)), waiver("left_out", date(2020, 1, 1))];
        assert_eq!(apply(&waivers, &mut results, date(2026, 1, 1)), []);
        assert_eq!(apply(&[waiver("sample", date(2026, 12, 31))], &mut results, date(2026, 1, 1)).len(), 1);
    }
}

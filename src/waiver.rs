//! Accepted findings: who accepts one says why, and until when.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use glob::Pattern;
use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::model::reason::Notice;
use crate::model::{CheckResult, Finding, Waived};

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
    subject: Option<String>,
    owner: Option<String>,
    #[serde(deserialize_with = "said")]
    reason: String,
    #[serde(deserialize_with = "day")]
    expires: Date,
}

/// Findings that are accepted.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Id of the check.
    pub check: String,
    /// Line of the file where the check is named, from 1.
    pub line: usize,
    /// Which of its findings.
    pub whose: Whose,
    /// Why they are accepted.
    pub reason: String,
    /// Last day, UTC, on which they are.
    pub expires: Date,
}

/// Which findings of a check are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// That of this subject to the letter, or those of the subjects that it matches as a glob.
    Subject(String),
    /// All that are for the user of this address.
    Owner(String),
}

impl Whose {
    /// As the file has it.
    fn as_str(&self) -> &str {
        match self {
            Self::Subject(text) | Self::Owner(text) => text,
        }
    }
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
    let waiver = |RawWaiver { check, subject, owner, reason, expires }| {
        let line = line_of(check.span().start);
        let whose = match (subject, owner) {
            (Some(subject), None) => Whose::Subject(subject),
            (None, Some(owner)) => Whose::Owner(owner),
            _ => {
                let message = "a waiver has either `subject` or `owner`".to_owned();
                return Err(WaiverError::Invalid { path: path.to_owned(), line, message });
            }
        };
        Ok(Waiver { check: check.into_inner(), line, whose, reason, expires })
    };
    file.waiver.into_iter().map(waiver).collect()
}

/// Marks the findings that a waiver accepts on `today`. Returns a remark for each waiver that has expired or accepts
/// nothing, unless its check was not run.
pub fn apply(waivers: &[Waiver], results: &mut [CheckResult], today: Date) -> Vec<Notice> {
    let mut by_check: HashMap<&str, OfCheck<'_>> = HashMap::new();
    for (at, waiver) in waivers.iter().enumerate() {
        by_check.entry(&waiver.check).or_default().add(at, &waiver.whose);
    }
    let (mut accepts, mut ran) = (vec![false; waivers.len()], BTreeSet::new());
    for result in results {
        let Some(of_check) = by_check.get(result.id.as_str()) else { continue };
        ran.extend(of_check.all.iter().copied());
        for finding in &mut result.findings {
            let mut waived = None;
            for at in of_check.accepting(finding) {
                accepts[at] = true;
                waived = Some(&waivers[at]).filter(|waiver| waiver.expires >= today).or(waived);
            }
            finding.waived = waived
                .map(|Waiver { reason, expires, .. }| Waived { reason: reason.clone(), expires: expires.to_string() });
        }
    }
    let remark = |at: usize| {
        let Waiver { check, whose, expires, .. } = &waivers[at];
        let (check, subject) = (check.clone(), whose.as_str().to_owned());
        match accepts[at] {
            false => Some(Notice::WaiverUnused { check, subject }),
            true => (*expires < today).then(|| Notice::WaiverExpired { check, subject, day: expires.to_string() }),
        }
    };
    ran.into_iter().filter_map(remark).collect()
}

/// The waivers of one check, found by what they accept: there may be as many as findings.
#[derive(Default)]
struct OfCheck<'a> {
    all: Vec<usize>,
    subjects: HashMap<&'a str, Vec<usize>>,
    owners: HashMap<&'a str, Vec<usize>>,
    globs: Vec<(usize, Pattern)>,
}

impl<'a> OfCheck<'a> {
    fn add(&mut self, at: usize, whose: &'a Whose) {
        self.all.push(at);
        match whose {
            Whose::Owner(owner) => self.owners.entry(owner).or_default().push(at),
            Whose::Subject(subject) => {
                self.subjects.entry(subject).or_default().push(at);
                // What is no glob is a subject with brackets in its name.
                let glob = subject.contains(['*', '?', '[']).then(|| Pattern::new(subject).ok()).flatten();
                self.globs.extend(glob.map(|glob| (at, glob)));
            }
        }
    }

    fn accepting<'b>(&'b self, finding: &'b Finding) -> impl Iterator<Item = usize> + 'b {
        let to_the_letter = self.subjects.get(finding.subject.as_str());
        let of_owner = finding.owner.as_ref().and_then(|owner| self.owners.get(owner.as_str()));
        let matching = self.globs.iter().filter(|(_, glob)| glob.matches(&finding.subject)).map(|(at, _)| *at);
        to_the_letter.into_iter().chain(of_owner).flatten().copied().chain(matching)
    }
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
                waivers.iter().map(|w| (&w.check[..], w.line, w.whose.as_str(), &w.reason[..], w.expires)).collect();
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
            ("[[waiver]]\ncheck = \"a\"\n".to_owned(), "waivers.toml:1: missing field `reason`"),
            (waiver("\"x\"", "2026-12-31").replace("subject = \"s\"", ""), "waivers.toml:3: a waiver has either"),
            (waiver("\"x\"", "2026-12-31\nowner = \"o\""), "waivers.toml:3: a waiver has either"),
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
            whose: Whose::Subject("s".to_owned()),
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

    fn accepting(whose: Whose) -> Waiver {
        let (check, reason) = ("sample".to_owned(), "known".to_owned());
        Waiver { check, line: 1, whose, reason, expires: date(2026, 12, 31) }
    }

    #[test]
    fn a_waiver_may_be_for_subjects_that_are_alike_or_for_all_that_a_user_has() {
        let subjects = ["a@x/INBOX/One", "a@x/INBOX/One/Two", "b@x/INBOX/[One]", "b@x/INBOX/*"];
        let subject = |text: &str| Whose::Subject(text.to_owned());
        for (whose, accepted) in [
            (subject("a@x/INBOX/*"), vec![0, 1]),
            (subject("?@x/INBOX/One"), vec![0]),
            (subject("*"), vec![0, 1, 2, 3]),
            (subject("b@x/INBOX/[One]"), vec![2]),
            (subject("b@x/INBOX/[One"), vec![]),
            (Whose::Owner("b@x".to_owned()), vec![2, 3]),
            (Whose::Owner("*".to_owned()), vec![]),
        ] {
            let mut results = [failed(Severity::Blocker, &subjects)];
            for finding in &mut results[0].findings {
                finding.owner = finding.subject.split_once('/').map(|(owner, _)| owner.to_owned());
            }
            let remarks = apply(&[accepting(whose.clone())], &mut results, date(2026, 1, 1));
            let waived = results[0].findings.iter().enumerate().filter(|(_, finding)| finding.waived.is_some());
            assert_eq!(waived.map(|(at, _)| at).collect::<Vec<_>>(), accepted, "{whose:?}");
            assert_eq!(remarks.is_empty(), !accepted.is_empty(), "{whose:?}");
        }
    }

    /// As many waivers as findings: compared each with each this would take minutes.
    #[test]
    fn many_waivers_of_many_findings_are_soon_applied() {
        let subjects: Vec<String> = (0..100_000).map(|n| format!("user{n}@example.org/INBOX/Projects")).collect();
        let waivers: Vec<_> = subjects.iter().map(|subject| accepting(Whose::Subject(subject.clone()))).collect();
        let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let mut results = [failed(Severity::Blocker, &subjects)];
        let started = std::time::Instant::now();
        assert_eq!(apply(&waivers, &mut results, date(2026, 1, 1)), []);
        assert!(results[0].findings.iter().all(|finding| finding.waived.is_some()));
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn nothing_is_said_of_a_waiver_whose_check_was_not_run() {
        let waiver = |check: &str, expires| Waiver {
            check: check.to_owned(),
            line: 1,
            whose: Whose::Subject("s".to_owned()),
            reason: "known".to_owned(),
            expires,
        };
        let mut results = [failed(Severity::Blocker, &["t"])];
        let waivers = [waiver("left_out", date(2026, 12, 31)), waiver("left_out", date(2020, 1, 1))];
        assert_eq!(apply(&waivers, &mut results, date(2026, 1, 1)), []);
        assert_eq!(apply(&[waiver("sample", date(2026, 12, 31))], &mut results, date(2026, 1, 1)).len(), 1);
    }
}

//! The file of waivers.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::{Waiver, What, Whose};

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
    check: Option<Spanned<String>>,
    subject: Option<String>,
    owner: Option<String>,
    table: Option<Spanned<String>>,
    server: Option<String>,
    place: Option<String>,
    #[serde(deserialize_with = "said")]
    reason: String,
    #[serde(deserialize_with = "day")]
    expires: Date,
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
    let waiver = |raw: RawWaiver| {
        let line = line_of(raw.check.as_ref().or(raw.table.as_ref()).map_or(0, |name| name.span().start));
        let (reason, expires) = (raw.reason.clone(), raw.expires);
        let what = raw.what().map_err(|message| {
            let (path, message) = (path.to_owned(), message.to_owned());
            WaiverError::Invalid { path, line, message }
        })?;
        Ok(Waiver { what, line, reason, expires })
    };
    file.waiver.into_iter().map(waiver).collect()
}

impl RawWaiver {
    fn what(self) -> Result<What, &'static str> {
        let Self { check, subject, owner, table, server, place, .. } = self;
        match (check.map(Spanned::into_inner), table.map(Spanned::into_inner)) {
            (Some(check), None) if server.is_none() && place.is_none() => match (subject, owner) {
                (Some(subject), None) => Ok(What::Findings(check, Whose::Subject(subject))),
                (None, Some(owner)) => Ok(What::Findings(check, Whose::Owner(owner))),
                _ => Err("a waiver of findings has either `subject` or `owner`"),
            },
            (None, Some(table)) if subject.is_none() && owner.is_none() => {
                let server = server.ok_or("a waiver of a gap has `server`")?;
                Ok(What::Gap { table, server, place })
            }
            _ => Err("a waiver has either `check` or `table`, `server` and perhaps `place`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

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
            let seen: Vec<_> = waivers.iter().map(|w| (w.what.clone(), w.line, &w.reason[..], w.expires)).collect();
            let what = What::Findings("a".to_owned(), Whose::Subject("s".to_owned()));
            assert_eq!(seen, [(what, 2, "known", date(2026, 12, 31))]);
        }
        assert_eq!(written("").unwrap().len(), 0);
        assert_eq!(written(&format!("{text}2026-12-31\n{text}2027-01-31\n")).unwrap().len(), 2);
    }

    const GAP: &str =
        "[[waiver]]\ntable = \"t\"\nserver = \"m\"\nplace = \"/a\"\nreason = \"x\"\nexpires = 2026-12-31\n";

    #[test]
    fn a_waiver_of_a_gap_has_table_server_and_perhaps_a_place() {
        let gap = |place: Option<&str>| What::Gap {
            table: "t".to_owned(),
            server: "m".to_owned(),
            place: place.map(str::to_owned),
        };
        assert_eq!(written(GAP).unwrap()[0].what, gap(Some("/a")));
        let whole = written(&GAP.replace("place = \"/a\"\n", "")).unwrap();
        assert_eq!((whole[0].what.clone(), whole[0].line), (gap(None), 2));
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
            (waiver("\"x\"", "2026-12-31").replace("subject = \"s\"", ""), "waivers.toml:3: a waiver of findings has"),
            (waiver("\"x\"", "2026-12-31\nowner = \"o\""), "waivers.toml:3: a waiver of findings has"),
            (waiver("\"x\"", "2026-12-31").replace("subject", "server"), "waivers.toml:3: a waiver has either `check`"),
            (waiver("\"x\"", "2026-12-31").replace("check", "table"), "waivers.toml:3: a waiver has either `check`"),
            (
                waiver("\"x\"", "2026-12-31").replace("check = \"a\"\n", ""),
                "waivers.toml:1: a waiver has either `check`",
            ),
            (GAP.replace("server = \"m\"", ""), "waivers.toml:2: a waiver of a gap has `server`"),
            ("waivers = []".to_owned(), "waivers.toml:1: unknown field `waivers`"),
        ] {
            let error = written(&text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(
            read(Path::new("/nowhere/waivers.toml")).unwrap_err().to_string().starts_with("/nowhere/waivers.toml: ")
        );
    }
}

//! `generation-<id>.json`, in which BlueMind's DataProtect keeps what one backup saved
//! (`DataProtectGeneration` and `PartGeneration` of `net.bluemind.dataprotect.api`).
//!
//! The file is written when the backup begins, and again with each part that begins or ends.

use jiff::Timestamp;
use serde::Deserialize;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub id: Option<i64>,
    /// When it began, in seconds since the epoch; when its first part did, where the file does not say.
    pub began_at: Option<i64>,
    /// Whether BlueMind noted errors.
    pub with_errors: bool,
    /// What it saved, in the order of the file.
    pub parts: Vec<Part>,
}

/// What a backup saved of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The role whose data it is.
    pub tag: String,
    /// The server, by its uid or address.
    pub server: Option<String>,
    /// When it began, in seconds since the epoch.
    pub began_at: Option<i64>,
    /// When it ended, in seconds since the epoch; none while it runs, or when it was broken off.
    pub ended_at: Option<i64>,
    /// What BlueMind thinks of it.
    pub state: State,
}

/// `GenerationStatus`: the state of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It can be restored.
    Valid,
    /// It ended with errors.
    Invalid,
    /// It has not ended.
    Unknown,
}

impl State {
    /// Its name in facts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
        }
    }
}

/// Reads a generation. The error says what is wrong with the file, and where.
pub fn parse(bytes: &[u8]) -> Result<Generation, String> {
    let raw: RawGeneration = serde_json::from_slice(bytes).map_err(|error| shortened(&error.to_string()))?;
    let parts: Vec<Part> = raw.parts.into_iter().map(Part::try_from).collect::<Result<_, _>>()?;
    let began_at = raw.protection_time.map(seconds).transpose()?;
    Ok(Generation {
        id: raw.id,
        began_at: began_at.or_else(|| parts.iter().filter_map(|part| part.began_at).min()),
        with_errors: raw.with_errors.unwrap_or(false),
        parts,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawGeneration {
    id: Option<i64>,
    protection_time: Option<Time>,
    with_errors: Option<bool>,
    parts: Vec<RawPart>,
}

#[derive(Deserialize)]
struct RawPart {
    tag: String,
    server: Option<String>,
    begin: Option<Time>,
    end: Option<Time>,
    valid: Option<Validity>,
}

/// A time as Jackson writes it: a number, or text where it was told to.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Milliseconds(i64),
    Iso(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Validity {
    Flag(bool),
    Status(String),
}

impl TryFrom<RawPart> for Part {
    type Error = String;

    fn try_from(raw: RawPart) -> Result<Self, String> {
        let state = match raw.valid {
            None => State::Unknown,
            Some(Validity::Flag(is_valid)) => [State::Invalid, State::Valid][usize::from(is_valid)],
            Some(Validity::Status(status)) => match status.as_str() {
                "VALID" => State::Valid,
                "INVALID" => State::Invalid,
                "UNKNOWN" => State::Unknown,
                other => return Err(format!("{:?} is no state of a part", shortened(other))),
            },
        };
        Ok(Self {
            began_at: raw.begin.map(seconds).transpose()?,
            ended_at: raw.end.map(seconds).transpose()?,
            tag: raw.tag,
            server: raw.server.filter(|server| !server.is_empty()),
            state,
        })
    }
}

fn seconds(time: Time) -> Result<i64, String> {
    match time {
        Time::Milliseconds(number) => Ok(number.div_euclid(1000)),
        // Jackson's own format has an offset without colon.
        Time::Iso(text) => text
            .parse()
            .or_else(|_| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", &text))
            .map(Timestamp::as_second)
            .map_err(|_| format!("{:?} is no time", shortened(&text))),
    }
}

/// What a reason may quote of a file: a value in it may be as long as the file.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"id": 12, "protectionTime": 1793606400123,
        "blueMind": {"major": "4", "minor": "1", "release": "43922", "displayName": "4.0.14"},
        "withWarnings": false, "withErrors": true, "parts": [
            {"id": 40, "generationId": 12, "begin": 1793606401000, "end": 1793606402000, "size": 7, "tag": "bm/pgsql",
             "server": "bm-master", "withWarnings": false, "withErrors": false, "valid": "VALID", "datatype": "pgsql"},
            {"begin": 1793606402000, "end": null, "tag": "mail/imap", "server": "", "valid": "UNKNOWN"},
            {"tag": "bm/es", "server": "192.0.2.1", "valid": "INVALID"}]}"#;

    #[test]
    fn a_backup_with_parts_in_every_state() {
        let generation = parse(FILE.as_bytes()).unwrap();
        assert_eq!((generation.id, generation.began_at), (Some(12), Some(1_793_606_400)));
        assert!(generation.with_errors);
        let part = |tag: &str, server: Option<&str>, began_at, ended_at, state| Part {
            tag: tag.into(),
            server: server.map(str::to_owned),
            began_at,
            ended_at,
            state,
        };
        let expected = [
            part("bm/pgsql", Some("bm-master"), Some(1_793_606_401), Some(1_793_606_402), State::Valid),
            part("mail/imap", None, Some(1_793_606_402), None, State::Unknown),
            part("bm/es", Some("192.0.2.1"), None, None, State::Invalid),
        ];
        assert_eq!(generation.parts, expected);
    }

    #[test]
    fn times_as_numbers_and_as_text_and_those_left_out() {
        let began_at = |fields: &str| parse(format!("{{{fields}}}").as_bytes()).map(|g| g.began_at);
        let at = Ok(Some(1_793_606_400));
        for time in ["1793606400999", r#""2026-11-02T08:00:00Z""#, r#""2026-11-02T09:00:00.000+0100""#] {
            assert_eq!(began_at(&format!(r#""protectionTime": {time}, "parts": []"#)), at, "{time}");
        }
        let parts = r#"[{"tag": "a", "begin": 1793606401000}, {"tag": "b", "begin": 1793606400000, "valid": true}]"#;
        assert_eq!(began_at(&format!(r#""protectionTime": null, "parts": {parts}"#)), at);
        assert_eq!(began_at(r#""parts": []"#), Ok(None));
        assert_eq!(began_at(r#""protectionTime": -1, "parts": []"#), Ok(Some(-1)));
    }

    #[test]
    fn what_is_no_generation_is_told() {
        let deep = format!(r#"{{"parts": [], "protectionTime": {}"#, "[".repeat(100_000));
        let long = format!(r#"{{"parts": {:?}}}"#, "x".repeat(100_000));
        for (text, reason) in [
            ("", "EOF"),
            (&FILE[..300], "EOF"),
            ("{}", "missing field `parts`"),
            ("not JSON", "line 1 column 2"),
            (r#"{"parts": 7}"#, "invalid type"),
            (r#"{"parts": [{}]}"#, "missing field `tag`"),
            (r#"{"parts": [{"tag": "a", "valid": "MAYBE"}]}"#, "\"MAYBE\" is no state of a part"),
            (r#"{"parts": [], "protectionTime": "yesterday"}"#, "\"yesterday\" is no time"),
            (r#"{"parts": [], "protectionTime": 1e99}"#, "Time"),
            (r#"{"parts": [], "withErrors": "no"}"#, "invalid type"),
            (&deep, "recursion limit"),
            (&long, "invalid type"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason) && error.len() <= 250, "{reason:?}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, cut in 0..FILE.len(), at in 0..FILE.len(), byte: u8) {
            let _ = parse(&bytes);
            let _ = parse(&FILE.as_bytes()[..cut]);
            let mut file = FILE.as_bytes().to_vec();
            file[at] = byte;
            let _ = parse(&file);
        }
    }
}

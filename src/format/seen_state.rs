//! What a reader of Cyrus has read in a folder: a value of `<login>.seen`, whose key is the folder's unique id (`imap/seen_db.c`
//! of Cyrus IMAP): version, last reading, last UID, last change, and the UIDs as a set of IMAP.

use std::ops::RangeInclusive;

/// What one reader has read of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenState {
    /// When the folder was last opened, in seconds since the epoch.
    pub opened_at: i64,
    /// When what was read changed last, in seconds since the epoch; 0 when nothing ever was.
    pub changed_at: i64,
    uids: Vec<RangeInclusive<u32>>,
}

/// Why a value is none. Offsets are in bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeenError {
    /// A field is not there, or no number.
    #[error("offset {offset}: {field} is not a number")]
    Number {
        /// Where it should be.
        offset: usize,
        /// Which field.
        field: &'static str,
    },
    /// A version that nobody described.
    #[error("offset 0: version {0}, known are 0 and 1")]
    Version(i64),
    /// A set of UIDs that is none.
    #[error("offset {offset}: no set of UIDs")]
    Uids {
        /// Where the part begins that is none.
        offset: usize,
    },
}

const NEWEST: i64 = 1;

impl SeenState {
    /// Reads a value.
    pub fn parse(value: &[u8]) -> Result<Self, SeenError> {
        let mut fields = Fields { value, offset: 0 };
        let version = fields.number("the version")?;
        if !(0..=NEWEST).contains(&version) {
            return Err(SeenError::Version(version));
        }
        let opened_at = fields.number("the last reading")?;
        fields.number("the last UID")?;
        let changed_at = fields.number("the last change")?;
        Ok(Self { opened_at, changed_at, uids: fields.uids()? })
    }

    /// When it was last opened or filled, in seconds since the epoch: storing a message opens nothing.
    pub fn touched_at(&self) -> i64 {
        self.opened_at.max(self.changed_at)
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }

    /// Whether a message was read.
    pub fn contains(&self, uid: u32) -> bool {
        self.uids.iter().any(|range| range.contains(&uid))
    }
}

struct Fields<'a> {
    value: &'a [u8],
    offset: usize,
}

impl Fields<'_> {
    /// The next field, up to a space.
    fn next(&mut self) -> &[u8] {
        let rest = self.value.get(self.offset..).unwrap_or_default();
        let field = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
        self.offset += field.len() + 1;
        field
    }

    fn number(&mut self, field: &'static str) -> Result<i64, SeenError> {
        let offset = self.offset;
        let text = std::str::from_utf8(self.next()).ok();
        text.and_then(|text| text.parse().ok()).ok_or(SeenError::Number { offset, field })
    }

    /// `1:4,7`; nothing at all is the empty set.
    fn uids(&mut self) -> Result<Vec<RangeInclusive<u32>>, SeenError> {
        let mut offset = self.offset;
        let mut uids = Vec::new();
        for part in self.next().split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
            uids.push(range(part).ok_or(SeenError::Uids { offset })?);
            offset += part.len() + 1;
        }
        Ok(uids)
    }
}

fn range(part: &[u8]) -> Option<RangeInclusive<u32>> {
    let part = std::str::from_utf8(part).ok()?;
    let (first, last) = part.split_once(':').unwrap_or((part, part));
    // A star is whatever came last.
    let uid = |text: &str| if text == "*" { Some(u32::MAX) } else { text.parse().ok() };
    let (first, last) = (uid(first)?, uid(last)?);
    Some(first.min(last)..=first.max(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(value: &str) -> Vec<u32> {
        let state = SeenState::parse(value.as_bytes()).unwrap();
        (0..20).filter(|uid| state.contains(*uid)).collect()
    }

    #[test]
    fn a_value_tells_when_and_what_was_read() {
        let state = SeenState::parse(b"1 1795735489 12 1795735400 1:3,7,9:10").unwrap();
        let filled = SeenState::parse(b"1 0 0 1795735400 1").unwrap();
        assert_eq!((state.opened_at, state.changed_at, state.is_empty()), (1_795_735_489, 1_795_735_400, false));
        assert_eq!((state.touched_at(), filled.touched_at()), (1_795_735_489, 1_795_735_400));
        assert_eq!(seen("1 1795735489 12 1795735400 1:3,7,9:10"), [1, 2, 3, 7, 9, 10]);
        assert_eq!(seen("0 1 2 3 18:*"), [18, 19]);
        assert_eq!(seen("1 1 2 3 4:2"), [2, 3, 4], "the other way round it is the same set");
    }

    #[test]
    fn a_folder_that_was_only_opened_has_nothing_read() {
        for value in ["1 1795735489 0 0 ", "1 1795735489 0 0"] {
            let state = SeenState::parse(value.as_bytes()).unwrap();
            assert!(state.is_empty() && !state.contains(0) && state.changed_at == 0, "{value:?}");
        }
    }

    #[test]
    fn what_is_no_value_is_told_with_its_place() {
        for (value, expected) in [
            ("", "offset 0: the version is not a number"),
            ("2 1 2 3 4", "offset 0: version 2, known are 0 and 1"),
            ("1 x 2 3 4", "offset 2: the last reading is not a number"),
            ("1 1 2", "offset 6: the last change is not a number"),
            ("1 1 2 3 1:3,x", "offset 12: no set of UIDs"),
            ("1 1 2 3 4294967296", "offset 8: no set of UIDs"),
        ] {
            assert_eq!(SeenState::parse(value.as_bytes()).unwrap_err().to_string(), expected, "{value:?}");
        }
        assert!(SeenState::parse(b"1 1 2 3 \xff").is_err());
    }
}

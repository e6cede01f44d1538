//! Cyrus's flat data bases and the dumps that `cvt_cyrusdb` makes: a line `key TAB value` for each entry (format:
//! `lib/cyrusdb_flat.c` of Cyrus IMAP). A file is replaced as a whole, so any one descriptor shows a settled state.

use std::borrow::Cow;

/// Why the file could not be read. Offsets are in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlatError {
    /// A line is no entry.
    #[error("offset {offset}: a line without TAB")]
    NoTab {
        /// Start of the line.
        offset: usize,
    },
    /// The file ends inside a line.
    #[error("offset {offset}: the last line has no end")]
    Unterminated {
        /// Start of the line.
        offset: usize,
    },
    /// A key or value ends inside an escape.
    #[error("offset {offset}: an escape of which the second byte is missing")]
    Escape {
        /// The escape.
        offset: usize,
    },
}

/// Key and value of an entry.
pub type Entry<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The entries of a file, in its order. The iterator goes on after a line that is none.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Reads a whole file.
pub fn entries(bytes: &[u8]) -> Entries<'_> {
    Entries { bytes, at: 0 }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, FlatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at;
        let rest = self.bytes.get(offset..).filter(|rest| !rest.is_empty())?;
        let Some(len) = rest.iter().position(|byte| *byte == b'\n') else {
            self.at = self.bytes.len();
            return Some(Err(FlatError::Unterminated { offset }));
        };
        self.at = offset + len + 1;
        Some(entry(&rest[..len], offset))
    }
}

fn entry(line: &[u8], offset: usize) -> Result<Entry<'_>, FlatError> {
    let tab = line.iter().position(|byte| *byte == b'\t').ok_or(FlatError::NoTab { offset })?;
    Ok((unescape(&line[..tab], offset)?, unescape(&line[tab + 1..], offset + tab + 1)?))
}

/// `ff` stands before a byte that means something in the file: `ff ff` is `ff`, else the byte has its high bit set.
fn unescape(field: &[u8], offset: usize) -> Result<Cow<'_, [u8]>, FlatError> {
    if !field.contains(&0xff) {
        return Ok(Cow::Borrowed(field));
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        plain.push(match (byte, byte == &0xff) {
            (byte, false) => *byte,
            (_, true) => match bytes.next() {
                Some((_, 0xff)) => 0xff,
                Some((_, escaped)) => escaped & 0x7f,
                None => return Err(FlatError::Escape { offset: offset + at }),
            },
        });
    }
    Ok(Cow::Owned(plain))
}

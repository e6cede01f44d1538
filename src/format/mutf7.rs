//! Modified UTF-7, in which IMAP writes the names of folders (RFC 3501, section 5.1.3).

use std::borrow::Cow;

/// The digits of its base 64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Why a name is not modified UTF-7. Offsets are in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mutf7Error {
    /// A control character or one beyond ASCII, as it is.
    #[error("offset {offset}: byte {byte:#04x}")]
    Byte {
        /// Where.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// `&` without `-`.
    #[error("offset {offset}: the shift that starts here has no end")]
    OpenShift {
        /// Where.
        offset: usize,
    },
    /// Something in a shift that is no digit.
    #[error("offset {offset}: byte {byte:#04x} is no digit")]
    Digit {
        /// Where.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// Digits that make no whole number of UTF-16 units, or more than they need.
    #[error("offset {offset}: digits are missing, or too many")]
    Length {
        /// The start of the shift.
        offset: usize,
    },
    /// Half a character.
    #[error("offset {offset}: half of a surrogate pair")]
    Surrogate {
        /// The start of the shift.
        offset: usize,
    },
    /// Printable ASCII in digits: a way to hide a separator.
    #[error("offset {offset}: {found:?} is written in digits")]
    Ascii {
        /// The start of the shift.
        offset: usize,
        /// The character.
        found: char,
    },
}

/// The text of a name.
pub fn decode(name: &[u8]) -> Result<String, Mutf7Error> {
    let mut text = String::with_capacity(name.len());
    let mut offset = 0;
    while let Some(byte) = name.get(offset).copied() {
        if byte != b'&' {
            if !matches!(byte, b' '..=b'~') {
                return Err(Mutf7Error::Byte { offset, byte });
            }
            text.push(char::from(byte));
            offset += 1;
            continue;
        }
        let body = &name[offset + 1..];
        let len = body.iter().position(|byte| *byte == b'-').ok_or(Mutf7Error::OpenShift { offset })?;
        if len == 0 {
            text.push('&');
        } else {
            shifted(&body[..len], offset, &mut text)?;
        }
        offset += len + 2;
    }
    Ok(text)
}

/// The text of a name, or the name itself where it has none, other bytes than UTF-8 replaced.
pub fn display(name: &[u8]) -> Cow<'_, str> {
    decode(name).map_or_else(|_| String::from_utf8_lossy(name), Cow::Owned)
}

/// The name of a text.
pub fn encode(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_plain = |c: char| matches!(c, ' '..='~');
        let end = rest.find(|c| is_plain(c) != is_plain(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        if is_plain(first) {
            name.push_str(&run.replace('&', "&-"));
        } else {
            shift(run, &mut name);
        }
    }
    name
}

fn shifted(digits: &[u8], offset: usize, text: &mut String) -> Result<(), Mutf7Error> {
    let (mut bits, mut len) = (0_u32, 0);
    let mut units = Vec::with_capacity(digits.len() * 6 / 16);
    for (at, byte) in digits.iter().enumerate() {
        let digit = digit(*byte).ok_or(Mutf7Error::Digit { offset: offset + 1 + at, byte: *byte })?;
        bits = bits << 6 | digit;
        len += 6;
        if len >= 16 {
            len -= 16;
            units.push(u16::try_from(bits >> len).map_err(|_| Mutf7Error::Length { offset })?);
            bits &= (1 << len) - 1;
        }
    }
    if len >= 6 || bits != 0 {
        return Err(Mutf7Error::Length { offset });
    }
    for c in char::decode_utf16(units) {
        match c.map_err(|_| Mutf7Error::Surrogate { offset })? {
            found @ ' '..='~' => return Err(Mutf7Error::Ascii { offset, found }),
            c => text.push(c),
        }
    }
    Ok(())
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b',' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn shift(run: &str, name: &mut String) {
    name.push('&');
    let (mut bits, mut len) = (0_u32, 0);
    let mut push = |bits: u32| name.push(char::from(DIGITS[usize::from(bits.to_le_bytes()[0] & 0x3f)]));
    for unit in run.encode_utf16() {
        bits = bits << 16 | u32::from(unit);
        len += 16;
        while len >= 6 {
            len -= 6;
            push(bits >> len);
        }
        bits &= (1 << len) - 1;
    }
    if len > 0 {
        push(bits << (6 - len));
    }
    name.push('-');
}

//! `/etc/bm/bm.ini`: one `[global]` section that BlueMind reads as Java properties, values possibly in quotes.

use std::collections::BTreeMap;

use java_properties::PropertiesIter;

/// Why the file could not be read. Never shows a value: one of them is a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BmIniError {
    /// Not Java properties.
    #[error("line {line}: not a property")]
    Syntax {
        /// Line, from 1.
        line: usize,
    },
    /// The file has no key that BlueMind needs.
    #[error("no key {0:?}")]
    Missing(&'static str),
}

/// Letters of an escaped pair of surrogates, `\ud83d\udd11`.
const PAIR_LEN: usize = 12;

/// The keys of the file, quotes stripped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BmIni(BTreeMap<String, String>);

impl std::fmt::Debug for BmIni {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl BmIni {
    /// Reads the content of the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, BmIniError> {
        // Java reads properties as ISO 8859-1; administrators write UTF-8. Text that is valid UTF-8 is taken as such.
        let encoding = if std::str::from_utf8(bytes).is_ok() { encoding_rs::UTF_8 } else { encoding_rs::WINDOWS_1252 };
        // Decoded here: the reader's own decoding panics where the file ends within a byte order mark.
        let (text, _, _) = encoding.decode(bytes);
        let mut keys = BTreeMap::new();
        PropertiesIter::new_with_encoding(joined(&text).as_bytes(), encoding_rs::UTF_8)
            .read_into(|key, value| {
                keys.insert(key, unquote(&value).to_owned());
            })
            .map_err(|error| BmIniError::Syntax { line: error.line_number().unwrap_or(0) })?;
        Ok(Self(keys))
    }

    /// The value of a key, when it is there and not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a key that must be there.
    pub fn require(&self, key: &'static str) -> Result<&str, BmIniError> {
        self.get(key).ok_or(BmIniError::Missing(key))
    }
}

/// Writes as one character what Java escapes as two: the reader takes each half of a pair for an error.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        joined.push_str(before);
        if let Some(character) = pair(escape) {
            joined.push(character);
            rest = &escape[PAIR_LEN..];
        } else {
            // Whatever follows a backslash belongs to it, another backslash above all.
            let (whole, after) = escape.split_at(escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end));
            joined.push_str(whole);
            rest = after;
        }
    }
    joined + rest
}

/// The character of an escaped pair of surrogates that a text begins with.
fn pair(text: &str) -> Option<char> {
    let unit = |at: usize| u16::from_str_radix(text.get(at..at + PAIR_LEN / 2)?.strip_prefix("\\u")?, 16).ok();
    let character = char::decode_utf16([unit(0)?, unit(PAIR_LEN / 2)?]).next()?.ok()?;
    (character.len_utf16() == 2).then_some(character)
}

fn unquote(value: &str) -> &str {
    let value = value.trim();
    ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_file() {
        let ini = BmIni::parse(
            b"[global]\n# comment\nexternal-url = mail.example.org\ndbtype = PGSQL\nhost=10.0.0.5\ndb : bj\nuser = \"bj\"\npassword = \"b j=#1\"\n",
        )
        .unwrap();
        assert_eq!(ini.get("external-url"), Some("mail.example.org"));
        assert_eq!(ini.get("db"), Some("bj"));
        assert_eq!(ini.get("user"), Some("bj"));
        assert_eq!(ini.get("password"), Some("b j=#1"));
        assert_eq!(ini.require("port"), Err(BmIniError::Missing("port")));
    }

    #[test]
    fn other_encodings_and_line_ends() {
        for bytes in [&b"[global]\r\npassword = p\xe9\r\n"[..], "\u{feff}password = p\u{e9}\n".as_bytes()] {
            assert_eq!(BmIni::parse(bytes).unwrap().get("password"), Some("p\u{e9}"));
        }
        assert_eq!(BmIni::parse("password = a\u{1F511}b".as_bytes()).unwrap().get("password"), Some("a\u{1F511}b"));
    }

    #[test]
    fn escapes_of_java_are_read_in_pairs_too() {
        for (value, expected) in [
            (r"a\ud83d\udd11b", Some("a\u{1F511}b")),
            (r"a\uD83D\uDD11\u00e9", Some("a\u{1F511}\u{e9}")),
            (r"\\ud83d\\udd11", Some(r"\ud83d\udd11")),
            (r"\\\ud83d\udd11", Some("\\\u{1F511}")),
            (r"\u0041\u0042", Some("AB")),
            (r"\\é", Some(r"\é")),
            (r"\ud83d", None),
            (r"\udd11\ud83d", None),
            (r"\ud83dx\udd11", None),
            (r"\ud83d\u0041", None),
        ] {
            let ini = BmIni::parse(format!("password = {value}\n").as_bytes());
            assert_eq!(ini.as_ref().ok().and_then(|ini| ini.get("password")), expected, "{value}");
        }
    }

    #[test]
    fn a_file_may_end_within_a_byte_order_mark() {
        for bytes in [&b"\xef"[..], b"\xef\xbb", b"\xfe", b"\xff"] {
            assert_eq!(BmIni::parse(bytes).unwrap().get("password"), None, "{bytes:?}");
        }
    }

    #[test]
    fn an_error_shows_no_value() {
        let error = BmIni::parse(b"host = x\npassword = \\uZZZZsecret").unwrap_err();
        assert_eq!(error, BmIniError::Syntax { line: 2 });
        let ini = BmIni::parse(b"password = secret").unwrap();
        assert!(!format!("{ini:?}").contains("secret"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = BmIni::parse(&bytes);
        }
    }
}

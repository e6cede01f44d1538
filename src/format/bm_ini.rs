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
        PropertiesIter::new_with_encoding(text.as_bytes(), encoding_rs::UTF_8)
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

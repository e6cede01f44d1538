//! Text in two languages, and text from strangers made safe to look at.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A language of the reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    En,
    /// French.
    Fr,
}

impl Lang {
    /// Every language, English first.
    pub const ALL: [Self; 2] = [Self::En, Self::Fr];

    /// The ISO 639-1 code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// The language of a POSIX locale name such as `fr_FR.UTF-8`; English when it is none of ours.
    pub fn of_locale(locale: &str) -> Self {
        if locale.starts_with("fr") { Self::Fr } else { Self::En }
    }
}

/// One value for each language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Localized<T> {
    /// The English one.
    pub en: T,
    /// The French one.
    pub fr: T,
}

impl<T> Localized<T> {
    /// The value in `lang`.
    pub fn get(&self, lang: Lang) -> &T {
        match lang {
            Lang::En => &self.en,
            Lang::Fr => &self.fr,
        }
    }
}

/// Bytes in the largest binary unit that keeps the number at 1 or more, with one decimal; a byte is `B`, or `o` in French.
pub fn filesize(bytes: i64, lang: Lang) -> String {
    const PREFIXES: [&str; 5] = ["", "Ki", "Mi", "Gi", "Ti"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size.abs() >= 1024.0 && unit + 1 < PREFIXES.len() {
        size /= 1024.0;
        unit += 1;
    }
    match (unit, lang) {
        (0, Lang::En) => format!("{bytes} B"),
        (0, Lang::Fr) => format!("{bytes} o"),
        (_, Lang::En) => format!("{size:.1} {}B", PREFIXES[unit]),
        (_, Lang::Fr) => format!("{size:.1} {}o", PREFIXES[unit]).replace('.', ","),
    }
}

/// A text of at most `limit` characters as it is; of a longer one so many, a mark, and a sum of all of it: what was different
/// stays different.
pub fn distinct(text: String, limit: usize) -> String {
    if text.len() <= limit || text.chars().nth(limit).is_none() {
        return text;
    }
    let sum = Sha256::digest(&text).iter().take(8).fold(String::new(), |sum, byte| format!("{sum}{byte:02x}"));
    text.chars().take(limit).chain(['…']).chain(sum.chars()).collect()
}

/// Text in which Markdown and HTML see nothing but text, and a forge nobody to call and nothing to link: a word joiner, which
/// does not show, stands where a name or a link would begin.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' | '#' => out.extend([c, '\u{2060}']),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '+' | '-' | '$' => {
                out.extend(['\\', c]);
            }
            c => out.push(c),
        }
    }
    out.replace("://", ":\u{2060}//")
}

/// Text between the backticks of Markdown.
pub fn markdown_code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// Makes characters visible that a terminal, a browser or an XML reader would act on or hide: control characters,
/// line and paragraph separators, bidirectional overrides, zero-width characters and non-characters become `\u{…}`.
/// `\n` and `\t` are kept when `keep_lines` is set.
pub fn visible(text: &str, keep_lines: bool) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' if keep_lines => out.push(c),
            c if is_hazardous(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether a text is of letters, digits and signs alone that everybody shows, as most are: [`visible`] changes nothing in it.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Bytes as text: those that are no UTF-8 become `\xNN`, so that nothing is lost.
pub fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{061C}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
        || (c as u32) & 0xFFFE == 0xFFFE
        || matches!(c as u32, 0xFDD0..=0xFDEF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_the_largest_unit() {
        assert_eq!(filesize(12, Lang::En), "12 B");
        assert_eq!(filesize(1536, Lang::En), "1.5 KiB");
        assert_eq!(filesize(5 * 1024 * 1024 * 1024, Lang::Fr), "5,0 Gio");
    }

    #[test]
    fn a_long_text_is_cut_and_stays_different() {
        assert_eq!(distinct("é".repeat(5), 5), "é".repeat(5));
        let [one, other] = ["a", "b"].map(|end| distinct(format!("ééééé{end}"), 5));
        assert!(one.starts_with("ééééé…") && other.starts_with("ééééé…") && one != other, "{one} {other}");
        assert_eq!(one.chars().count(), 5 + 1 + 16);
    }

    #[test]
    fn hazards_become_visible_and_words_stay() {
        assert_eq!(visible("é 日本 ok", false), "é 日本 ok");
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\0", false), "a\\u{1b}[31m\\u{202e}b\\u{0}");
        assert_eq!(visible("a\nb\t", true), "a\nb\t");
        assert_eq!(visible("plain ~\u{7f}", false), "plain ~\\u{7f}");
        assert_eq!(visible("a\nb", false), "a\\u{a}b");
        assert_eq!(visible("\u{FFFF}\u{1FFFE}\u{FFFD}", false), "\\u{ffff}\\u{1fffe}\u{FFFD}");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_visible() {
        assert_eq!(escaped(b"caf\xe9 \xc3\xa9"), "caf\\xe9 \u{e9}");
    }

    #[test]
    fn locale_names() {
        assert_eq!(Lang::of_locale("fr_FR.UTF-8"), Lang::Fr);
        assert_eq!(Lang::of_locale("C"), Lang::En);
    }
}

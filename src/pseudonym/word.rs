//! One word and its pseudonym: of the same length, with letters for letters and digits for digits, the first one kept.
//!
//! Each character is moved along its alphabet, as far as the key and what stands before it say. So no two words have the same
//! pseudonym, words that begin alike still do, and who has the key moves every character back: there is no list of names.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// What keeps the words apart that stay among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Words that checks look for, single letters and short numbers: they stay.
    Kept,
    /// Hexadecimal digits, and long numbers: ids, which stay ids.
    Digits,
    /// All others.
    Name,
}

/// Which way a word goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To its pseudonym.
    Hide,
    /// Back.
    Reveal,
}

/// Numbers of fewer digits are ports, years and counters.
const SHORT_NUMBER: usize = 5;
/// From here on one character is a word.
const IDEOGRAPHS: u32 = 0x3000;

/// Turns a word. Results of another kind are turned on, until they are of its own: that leaves each result to one word.
pub(super) fn turn(key: &[u8], kept: &HashSet<String>, word: &str, way: Way) -> String {
    let kind = kind(kept, word);
    if kind == Kind::Kept {
        return word.to_owned();
    }
    let mut turned = once(key, word, kind, way);
    while self::kind(kept, &turned) != kind {
        turned = once(key, &turned, kind, way);
    }
    turned
}

fn kind(kept: &HashSet<String>, word: &str) -> Kind {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let is_single = word.chars().nth(1).is_none() && !word.chars().any(|c| u32::from(c) >= IDEOGRAPHS);
    if is_single || is_number && word.len() < SHORT_NUMBER || kept.contains(&lowered(word)) {
        Kind::Kept
    } else if word.bytes().all(|byte| byte.is_ascii_hexdigit()) && word.bytes().any(|byte| byte.is_ascii_digit()) {
        Kind::Digits
    } else {
        Kind::Name
    }
}

/// A word without the case of its letters.
pub(super) fn lowered(word: &str) -> String {
    word.chars().map(|c| lower(c).unwrap_or(c)).collect()
}

fn once(key: &[u8], word: &str, kind: Kind, way: Way) -> String {
    let mut sum = Sha256::new_with_prefix(key);
    sum.update([kind as u8]);
    let mut turned = String::with_capacity(word.len());
    for (at, c) in word.chars().enumerate() {
        let small = lower(c).unwrap_or(c);
        let alphabet = alphabet(small, kind);
        let is_first = at == 0 && u32::from(small) < IDEOGRAPHS;
        let shift = if is_first { 0 } else { steps(&sum, alphabet.len()) };
        let from = alphabet.iter().position(|other| *other == small).unwrap_or(0);
        let to = match way {
            Way::Hide => (from + shift) % alphabet.len(),
            Way::Reveal => (from + alphabet.len() - shift) % alphabet.len(),
        };
        let other = alphabet[to];
        turned.push(if small == c { other } else { upper(other).unwrap_or(other) });
        // What stands before the next one in the word itself, whichever way it goes.
        let original = if way == Way::Hide { small } else { other };
        sum.update(original.encode_utf8(&mut [0; 4]).as_bytes());
    }
    turned
}

/// How far a character goes after what the sum has seen.
fn steps(sum: &Sha256, of: usize) -> usize {
    let digest = sum.clone().finalize();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number % of.max(1) as u64).unwrap_or(0)
}

/// The characters that may take the place of one, itself among them: of its class, and as long in UTF-8.
fn alphabet(c: char, kind: Kind) -> Vec<char> {
    match c {
        '0'..='9' => ('0'..='9').collect(),
        'a'..='z' if kind == Kind::Digits => ('a'..='f').collect(),
        'a'..='z' => ('a'..='z').collect(),
        c => {
            let size = if u32::from(c) >= IDEOGRAPHS { 1024 } else { 64 };
            let first = u32::from(c) / size * size;
            let is_like = |other: &char| {
                other.is_alphanumeric() && lower(*other).is_none() && upper(*other).is_some() == upper(c).is_some()
            };
            (first..first + size).filter_map(char::from_u32).filter(is_like).collect()
        }
    }
}

/// The small letter of a capital, where one leads to the other and back.
fn lower(c: char) -> Option<char> {
    let small = single(c.to_lowercase())?;
    (small != c && single(small.to_uppercase()) == Some(c) && small.len_utf8() == c.len_utf8()).then_some(small)
}

/// The capital of a small letter, where one leads to the other and back.
fn upper(c: char) -> Option<char> {
    let capital = single(c.to_uppercase())?;
    (capital != c && lower(capital) == Some(c)).then_some(capital)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

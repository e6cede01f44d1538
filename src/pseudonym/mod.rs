//! Pseudonyms: names that say nothing of whom they stand for, and of which checks say the same.
//!
//! A text is taken apart into words and IP addresses; what stands between them stays. A name is thus replaced in the same
//! way wherever it stands: in an address, a folder, a path, or the name that Cyrus makes of it.

mod address;
mod facts;
#[cfg(test)]
mod tests;
mod word;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use self::word::Way;
use crate::format::mutf7;

pub use facts::{HideError, hide};

/// How key files begin.
const KEY_FILE: &str = "bm-preflight-key/1 ";
/// Pseudonyms that are kept at hand.
const REMEMBERED: usize = 1_000_000;

/// Words of BlueMind, of Cyrus and of every system that stay beside those which checks look for: whoever reads a report has
/// to know an inbox from a person.
const COMMON: &str = "inbox sent drafts trash outbox junk templates archive archives spam deleted user users shared admin admin0 \
    global virt core master bm bluemind blue mind mail imap imaps smtp lmtp pop3 cyrus spool var usr lib etc log run tmp opt \
    srv home mnt dev proc sys data meta domain domains partition default localhost local lan internal internet com org net eu \
    fr de ch at be uk it es lu io www http https autodiscover autoconfig xml json ssv svc srv tcp ews mapi nspi emsmdb \
    owa oab postgresql postgres pgsql bj directory network mbox records xn db conf config ini list lists sources apt \
    server hostname cn dc st ou ca dns ip uid txt";

/// What turns names into pseudonyms and back. It stays at home.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// A new one of random bytes.
    pub fn fresh() -> Self {
        let mut sum = Sha256::new();
        // 122 random bits of the system's each.
        (0..4).for_each(|_| sum.update(uuid::Uuid::new_v4().as_bytes()));
        Self(sum.finalize().into())
    }

    /// Reads the content of a key file.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end().strip_prefix(KEY_FILE).filter(|digits| digits.len() == 64 && digits.is_ascii())?;
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }

    /// The content of its file.
    pub fn file(&self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{KEY_FILE}{digits}\n")
    }
}

/// Names to pseudonyms and back, by one key.
pub struct Pseudonyms {
    key: Key,
    kept: HashSet<String>,
    known: RefCell<HashMap<String, String>>,
}

impl Pseudonyms {
    /// By a key; the words of `sought`, such as the literals of queries, stay as they are.
    pub fn new<'a>(key: Key, sought: impl IntoIterator<Item = &'a str>) -> Self {
        let words = sought.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        let kept = words.chain(COMMON.split_whitespace()).map(word::lowered).collect();
        Self { key, kept, known: RefCell::default() }
    }

    /// A text with pseudonyms for the names in it.
    pub fn hide(&self, text: &str) -> String {
        self.turn(text, Way::Hide)
    }

    /// A text with the names in it, for its pseudonyms.
    pub fn reveal(&self, text: &str) -> String {
        self.turn(text, Way::Reveal)
    }

    fn turn(&self, text: &str, way: Way) -> String {
        // Cyrus writes letters beyond ASCII as it does: they are part of their word.
        if text.contains('&')
            && let Ok(name) = mutf7::decode(text.as_bytes())
            && mutf7::encode(&name) == text
        {
            return mutf7::encode(&self.plain(&name, way));
        }
        self.plain(text, way)
    }

    fn plain(&self, text: &str, way: Way) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | ':');
            let end = rest.find(|c: char| !is_inside(c)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            self.run(run, way, &mut out);
            let between = after.find(is_inside).unwrap_or(after.len());
            out.push_str(&after[..between]);
            rest = &after[between..];
        }
        out
    }

    /// Words with dots and colons between them: an address, with its port or without, or names.
    fn run(&self, run: &str, way: Way, out: &mut String) {
        let inner = run.trim_end_matches(['.', ':']);
        let (host, port) = inner.rsplit_once(':').map_or((inner, ""), |(host, _)| (host, &inner[host.len()..]));
        let (address, port) = match inner.parse::<IpAddr>() {
            Ok(address) => (Some(address), ""),
            Err(_) => (host.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4), port),
        };
        if let Some(address) = address {
            out.push_str(&address::turn(&self.key.0, address, way).to_string());
            out.push_str(port);
            out.push_str(&run[inner.len()..]);
            return;
        }
        let mut rest = run;
        while !rest.is_empty() {
            let end = rest.find(['.', ':']).unwrap_or(rest.len());
            out.push_str(&self.word(&rest[..end], way));
            let stop = rest[end..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[end..end + stop]);
            rest = &rest[end + stop..];
        }
    }

    fn word(&self, word: &str, way: Way) -> String {
        if way == Way::Reveal {
            return word::turn(&self.key.0, &self.kept, word, way);
        }
        if let Some(known) = self.known.borrow().get(word) {
            return known.clone();
        }
        let turned = word::turn(&self.key.0, &self.kept, word, way);
        let mut known = self.known.borrow_mut();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(word.to_owned(), turned.clone());
        turned
    }
}

//! What an answer looks like: status, headers and the beginning of the body in, a kind out.
//!
//! BlueMind's own answers are those of its class `BasicAuthHandler` and of the error pages of its nginx; the marks of
//! others are the headers that Exchange adds.

use encoding_rs::UTF_8;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, WWW_AUTHENTICATE};

use super::words::Kind;
use crate::collect::reach::failure::{bounded, shown};

/// How the realm of BlueMind begins: `bm.basic.auth`, and `bm.basic.auth.v2` since June 2021.
const REALM: &str = "bm.basic.auth";
/// Headers that only Exchange, and what stands in front of it, sends.
const EXCHANGE: &[&str] =
    &["x-feserver", "x-beserver", "x-owa-version", "x-calculatedbetarget", "x-calculatedfetarget"];
/// The domains of Microsoft's service.
const OFFICE365: &[&str] = &["outlook.com", "office365.com", "office.com", "microsoftonline.com", "outlook.cn"];
/// The statuses of redirects (RFC 9110, 15.4).
const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];

/// An answer.
pub(super) struct Reply<'a> {
    /// Who was asked.
    pub host: &'a str,
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The beginning of its body.
    pub body: &'a [u8],
    /// There is nothing more of the body to come.
    pub is_whole: bool,
    /// The host of its Location.
    pub location_host: Option<&'a str>,
}

/// What it looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    /// In one word.
    pub kind: Kind,
    /// Realm of a Basic challenge.
    pub realm: Option<String>,
    /// The schemes offered, separated by spaces.
    pub schemes: Option<String>,
    /// ErrorCode of an autodiscover answer.
    pub error_code: Option<String>,
}

/// Whether a status is one of a redirect.
pub(super) fn is_redirect(status: u16) -> bool {
    REDIRECTS.contains(&status)
}

/// Judges an answer.
pub(super) fn judge(reply: &Reply<'_>) -> Judged {
    let offered = reply.headers.get_all(WWW_AUTHENTICATE).iter();
    let texts = offered.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let challenges: Vec<Challenge> = texts.flat_map(|text| challenges(&text)).collect();
    let realm = challenges.iter().find(|c| c.scheme.eq_ignore_ascii_case("Basic")).and_then(|c| c.realm.clone());
    let mut schemes: Vec<&str> = Vec::new();
    for challenge in &challenges {
        if !schemes.iter().any(|known| known.eq_ignore_ascii_case(&challenge.scheme)) {
            schemes.push(&challenge.scheme);
        }
    }
    let document = Document::of(reply);
    Judged {
        kind: kind(reply, realm.as_deref(), &schemes, &document),
        schemes: (!schemes.is_empty()).then(|| bounded(schemes.join(" ").as_bytes(), 200)),
        realm: realm.map(|realm| shown(realm.as_bytes())),
        error_code: match document {
            Document::Autodiscover { error_code } => error_code,
            _ => None,
        },
    }
}

fn kind(reply: &Reply<'_>, realm: Option<&str>, schemes: &[&str], document: &Document) -> Kind {
    let is_bluemind = realm.is_some_and(|realm| realm.starts_with(REALM));
    match reply.status {
        401 if is_bluemind => return Kind::Bluemind,
        502 | 503 if names_bluemind(reply.body) => return Kind::BluemindErrorPage,
        _ => {}
    }
    if is_office365(reply.host) || reply.location_host.is_some_and(is_office365) {
        return Kind::Office365;
    }
    if is_exchange(reply.headers, schemes) {
        return Kind::Exchange;
    }
    match (reply.status, document) {
        (401, _) => Kind::Authentication,
        (status, _) if is_redirect(status) => Kind::Redirect,
        (200, Document::Autodiscover { .. }) => Kind::Autodiscover,
        (200, Document::Html) if names_bluemind(reply.body) => Kind::BluemindPage,
        (_, Document::Html) => Kind::Html,
        (_, Document::Invalid) => Kind::InvalidXml,
        _ if reply.body.is_empty() && reply.is_whole => Kind::Empty,
        _ => Kind::Other,
    }
}

/// Whether a page calls itself BlueMind's.
fn names_bluemind(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains("bluemind") || text.contains("blue mind") || text.contains("blue-mind")
}

fn is_office365(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    OFFICE365
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.')))
}

/// A header of Exchange; or Windows authentication together with the number that Exchange gives to each request, for
/// either alone may be another's.
fn is_exchange(headers: &HeaderMap, schemes: &[&str]) -> bool {
    let has = |name: &str| HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| headers.contains_key(name));
    let is_windows = schemes.iter().any(|s| s.eq_ignore_ascii_case("NTLM") || s.eq_ignore_ascii_case("Negotiate"));
    EXCHANGE.iter().any(|name| has(name)) || (is_windows && has("request-id"))
}

/// A challenge of WWW-Authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Challenge {
    scheme: String,
    realm: Option<String>,
}

/// The challenges of one header: `Basic realm="a, b", charset="UTF-8", NTLM` (RFC 9110, 11.6.1). What begins with a word
/// that no `=` follows opens a new challenge.
fn challenges(value: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for part in parts(value) {
        let part = part.trim();
        let word_end = part.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(part.len());
        let (word, rest) = part.split_at(word_end);
        let parameter = if rest.trim_start().starts_with('=') {
            part
        } else {
            if !word.is_empty() {
                challenges.push(Challenge { scheme: word.to_owned(), realm: None });
            }
            rest.trim_start()
        };
        let realm = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("realm"));
        if let (Some((_, text)), Some(last)) = (realm, challenges.last_mut()) {
            last.realm.get_or_insert_with(|| unquoted(text.trim()));
        }
    }
    challenges
}

/// Splits at the commas outside quotes.
fn parts(value: &str) -> Vec<&str> {
    let (mut parts, mut start, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (place, c) in value.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                parts.extend(value.get(start..place));
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.extend(value.get(start..));
    parts
}

fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else { return text.to_owned() };
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// What a body is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Document {
    /// An answer of an autodiscover service.
    Autodiscover {
        /// Its error, such as `600`.
        error_code: Option<String>,
    },
    /// A page for people.
    Html,
    /// It claims to be XML and is not.
    Invalid,
    /// Anything else.
    Other,
}

impl Document {
    fn of(reply: &Reply<'_>) -> Self {
        let content_type = reply.headers.get(CONTENT_TYPE).map(|value| shown(value.as_bytes()).to_ascii_lowercase());
        let content_type = content_type.unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        // A byte order mark goes before what is claimed.
        let (text, ..) = UTF_8.decode(reply.body);
        let text = text.trim_start();
        let begins = |what: &str| text.get(..what.len()).is_some_and(|head| head.eq_ignore_ascii_case(what));
        if text.is_empty() {
            return Self::Other;
        }
        if essence == "text/html" || begins("<!doctype html") || begins("<html") {
            return Self::Html;
        }
        let claims = essence.ends_with("/xml") || essence.ends_with("+xml") || begins("<?xml");
        if !claims {
            return Self::Other;
        }
        xml(text, reply.is_whole)
    }
}

/// Reads XML. Entities are not resolved, and nothing is kept but the root's name and the error code. When there is more
/// to come, the end of the text is no mistake.
fn xml(text: &str, is_whole: bool) -> Document {
    let mut reader = Reader::from_str(text);
    let (mut depth, mut root, mut error_code) = (0_u32, None::<String>, None::<String>);
    let mut is_code = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if depth == 0 && root.is_some() {
                    return Document::Invalid;
                }
                root.get_or_insert_with(|| local_name(&start));
                is_code = error_code.is_none() && local_name(&start) == "ErrorCode";
                depth += 1;
            }
            Ok(Event::Empty(empty)) if depth == 0 => {
                if root.replace(local_name(&empty)).is_some() {
                    return Document::Invalid;
                }
            }
            Ok(Event::End(_)) => {
                is_code = false;
                depth = depth.saturating_sub(1);
            }
            Ok(Event::Text(text)) if is_code => error_code = Some(bounded(text.trim_ascii(), 20)),
            Ok(Event::Text(text)) if depth == 0 && !text.trim_ascii().is_empty() => return Document::Invalid,
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) if is_whole || root.is_none() => return Document::Invalid,
            Err(_) => break,
        }
    }
    match root {
        Some(_) if depth > 0 && is_whole => Document::Invalid,
        Some(root) if root.eq_ignore_ascii_case("autodiscover") => Document::Autodiscover { error_code },
        Some(root) if root.eq_ignore_ascii_case("html") => Document::Html,
        Some(_) => Document::Other,
        None if is_whole => Document::Invalid,
        None => Document::Other,
    }
}

fn local_name(start: &BytesStart<'_>) -> String {
    bounded(start.local_name().as_ref(), 100)
}

#[cfg(test)]
mod tests;

//! What a mail server says to a client that has just connected: IMAP (RFC 3501), LMTP (RFC 2033) and the protocol of
//! Cyrus' replication, which greets like IMAP after telling what it can do.

/// The words of a greeting before the version, by those who greet: `imap/imapd.c`, `imap/lmtpengine.c` and
/// `imap/sync_server.c` of Cyrus, and bm-core.
const BEFORE_VERSION: &[&str] = &["Cyrus IMAP ", "Cyrus LMTP ", "Cyrus sync server ", "BlueMind sync server "];
/// Characters of a greeting that are kept.
const LONGEST: usize = 300;

/// A greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The line that says whether the client is welcome, else the first; what cannot be shown is replaced.
    pub line: String,
    /// The version that it tells.
    pub version: Option<String>,
}

/// Whether a greeting has come to its end: lines that begin with `* ` and a word for what the server can do go before it.
pub fn is_complete(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return false };
    bytes.get(..end).unwrap_or_default().split(|byte| *byte == b'\n').any(is_decisive)
}

/// The greeting in what was read, however little that is; none when it is nothing.
pub fn parse(bytes: &[u8]) -> Option<Greeting> {
    let lines = || bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let line = lines().find(|line| is_decisive(line)).or_else(|| lines().next())?;
    let text = String::from_utf8_lossy(line.trim_ascii());
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let line: String = text.chars().take(LONGEST).map(shown).collect();
    let version = BEFORE_VERSION.iter().find_map(|words| line.split_once(words)).and_then(|(_, rest)| version(rest));
    Some(Greeting { line, version })
}

fn is_decisive(line: &[u8]) -> bool {
    match line.strip_prefix(b"* ") {
        Some(rest) => ["OK", "PREAUTH", "BYE", "NO", "BAD"].iter().any(|word| rest.starts_with(word.as_bytes())),
        None => !line.trim_ascii().is_empty(),
    }
}

/// `v4.1.43922`, `3.0.8-Debian-3.0.8-6`.
fn version(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    let number = word.strip_prefix('v').unwrap_or(word);
    number.starts_with(|c: char| c.is_ascii_digit()).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &[u8]) -> (String, Option<String>) {
        parse(bytes).map(|greeting| (greeting.line, greeting.version)).unwrap()
    }

    #[test]
    fn the_line_that_decides_is_the_greeting() {
        let imap = b"* OK [CAPABILITY IMAP4rev1 ID] mail.invalid Cyrus IMAP 3.0.8-Debian-3.0.8-6 server ready\r\n";
        let (line, version) = seen(imap);
        assert!(line.starts_with("* OK [CAPABILITY") && line.ends_with("server ready"), "{line}");
        assert_eq!(version.as_deref(), Some("3.0.8-Debian-3.0.8-6"));
        let sync = b"* SASL PLAIN\r\n* STARTTLS\r\n* X-REPLICATION\r\n* OK syncsrv BlueMind sync server v4.1.43922\r\n";
        let expected = ("* OK syncsrv BlueMind sync server v4.1.43922".to_owned(), Some("4.1.43922".to_owned()));
        assert_eq!(seen(sync), expected);
        assert_eq!(seen(b"220 mail Cyrus LMTP 3.0.8 server ready\r\n").1.as_deref(), Some("3.0.8"));
        assert_eq!(seen(b"* OK mail server ready\r\n").1, None);
        assert_eq!(seen(b"* OK Cyrus IMAP server ready\r\n").1, None);
    }

    #[test]
    fn it_is_known_when_a_greeting_ends() {
        for complete in ["* OK x\r\n", "220 x\n", "* BYE busy\r\n", "* SASL PLAIN\r\n* OK x\r\n", "\x16\x03\n"] {
            assert!(is_complete(complete.as_bytes()), "{complete}");
        }
        for more in ["", "* OK x", "* SASL PLAIN\r\n* STARTTLS\r\n", "* SASL PLAIN\r\n* OK x", "\r\n"] {
            assert!(!is_complete(more.as_bytes()), "{more}");
        }
    }

    #[test]
    fn what_is_no_greeting_is_shown_safely() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"\r\n\r\n"), None);
        assert_eq!(seen(b"\x16\x03\x01\x1b[2J\xff").0, "\u{fffd}\u{fffd}\u{fffd}\u{fffd}[2J\u{fffd}");
        assert_eq!(seen(&b"x".repeat(100_000)).0.len(), LONGEST);
        assert_eq!(seen(b"* SASL PLAIN\r\n* STARTTLS").0, "* SASL PLAIN");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, text: String) {
            for bytes in [bytes, format!("* OK Cyrus IMAP {text}\n").into_bytes()] {
                is_complete(&bytes);
                let shown = parse(&bytes).map(|greeting| greeting.line).unwrap_or_default();
                proptest::prop_assert!(!shown.contains(char::is_control));
            }
        }
    }
}

//! The names that autodiscover is looked for: mail domains and their aliases.

use std::collections::BTreeMap;
use std::net::IpAddr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::tables::AutodiscoverName;
use super::words::Suffix;

/// The domain of BlueMind's own administrators; it has no mail from outside.
const GLOBAL: &str = "global.virt";

/// Ends of names that no public DNS serves, and that no public CA may certify (CA/Browser Forum, Baseline Requirements
/// 7.1.4.2: "internal names").
///
/// - RFC 6761 6.3 and 6.4: localhost, invalid; RFC 6762: local; RFC 8375: home.arpa;
/// - RFC 6762, appendix G, which names what private networks use: intranet, internal, private, corp, home, lan;
/// - ICANN: corp, home and mail are never delegated (board resolution 2018.02.04.12), internal is reserved for private
///   use (resolution 2024.07.29.06);
/// - never delegated, and asked at the root so often that SSAC's SAC045 counts them: domain, localdomain;
/// - never delegated: virt, which is BlueMind's own habit (global.virt), and loc, which stands in its examples.
///
/// RFC 2606 and RFC 6761 reserve test and example as well. They are not listed: they are for documentation and tests, a
/// site does not get them by accident, and who has set up a DNS for them, as this program's own tests do, means it.
const INTERNAL: &[&str] = &[
    "corp",
    "domain",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "loc",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "private",
    "virt",
];

/// What a host name is made of: letters, digits, hyphens (RFC 1123 2.1), and the underscore, which DNS serves all the
/// same (RFC 2181 11) and which names from Windows networks have.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// The names of the domains `(uid, whether it is global.virt, aliases)`, each name once and in order. A name that
/// several domains have goes to the one whose own name it is, else to the first.
pub(super) fn of_domains(domains: &[(String, bool, Vec<String>)]) -> Vec<AutodiscoverName> {
    let mut names: BTreeMap<String, AutodiscoverName> = BTreeMap::new();
    let local = || domains.iter().filter(|(uid, is_global, _)| !is_global && tidy(uid) != GLOBAL);
    let own = local().map(|(uid, ..)| AutodiscoverName::new(uid, uid, false));
    let aliases =
        local().flat_map(|(uid, _, aliases)| aliases.iter().map(|alias| AutodiscoverName::new(alias, uid, true)));
    for name in own.chain(aliases).filter(|name| !name.name.is_empty()) {
        // Two spellings of one IDN are one name for DNS.
        names.entry(name.ascii_name.clone().unwrap_or_else(|| name.name.clone())).or_insert(name);
    }
    let mut names: Vec<AutodiscoverName> = names.into_values().collect();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    names
}

/// A host name in A-labels (RFC 5890), or `None` when it cannot be one: an empty label or one of more than 63 bytes, more
/// than 253 bytes, blanks, an IP address…
pub(super) fn ascii(name: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(name.as_bytes(), DENIED, Hyphens::CheckFirstLast, DnsLength::Verify).ok()?;
    ascii.parse::<IpAddr>().is_err().then(|| ascii.into_owned())
}

/// As people read it; labels that are no proper IDN stay as they are.
fn unicode(ascii: &str) -> String {
    Uts46::new().to_unicode(ascii.as_bytes(), DENIED, Hyphens::CheckFirstLast).0.into_owned()
}

/// In lower case, without blanks around it and without final dot.
fn tidy(name: &str) -> String {
    let name = name.trim().to_lowercase();
    name.strip_suffix('.').unwrap_or(&name).to_owned()
}

impl AutodiscoverName {
    /// A name as the directory has it.
    fn new(name: &str, domain_uid: &str, is_alias: bool) -> Self {
        let name = tidy(name);
        let ascii = ascii(&name);
        let suffix = match () {
            () if !is_alias && is_technical(&name) => Suffix::Technical,
            () if is_internal(ascii.as_deref().unwrap_or(&name)) => Suffix::Internal,
            () => Suffix::Public,
        };
        let unicode_name = ascii.as_deref().map(unicode);
        Self { name, domain_uid: domain_uid.to_owned(), is_alias, ascii_name: ascii, unicode_name, suffix }
    }
}

/// Whether it is a uid that BlueMind drew for a domain, `<uuid>.internal` or the like; mail is sent to its aliases.
fn is_technical(name: &str) -> bool {
    name.strip_suffix(".internal").is_some_and(|label| {
        let digits = label.chars().filter(char::is_ascii_hexdigit).count();
        digits >= 8 && label.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
    })
}

/// Whether only a private DNS can serve it; a name without dot is one of a search domain.
pub(super) fn is_internal(name: &str) -> bool {
    let ends_so = |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || INTERNAL.iter().any(|end| ends_so(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: &str, aliases: &[&str]) -> (String, bool, Vec<String>) {
        (uid.to_owned(), false, aliases.iter().map(|&alias| alias.to_owned()).collect())
    }

    fn suffix(uid: &str) -> &'static str {
        of_domains(&[of(uid, &[])])[0].suffix.word()
    }

    #[test]
    fn each_name_is_there_once_and_in_order() {
        let global = (GLOBAL.to_owned(), true, vec!["admin.test".to_owned()]);
        let names = of_domains(&[
            global,
            of("Global.Virt", &[]),
            of("b.test", &[" A.Test. ", "b.test", "c.test", ""]),
            of("c.test", &["a.test"]),
        ]);
        let seen: Vec<_> = names.iter().map(|n| (n.name.as_str(), n.domain_uid.as_str(), n.is_alias)).collect();
        assert_eq!(seen, [("a.test", "b.test", true), ("b.test", "b.test", false), ("c.test", "c.test", false)]);
    }

    #[test]
    fn idn_has_both_spellings_and_is_one_name() {
        let names = of_domains(&[of("d.test", &["CAFÉ.test", "xn--caf-dma.test", "straße.test"])]);
        let seen: Vec<_> =
            names.iter().map(|n| (n.name.as_str(), n.ascii_name.as_deref(), n.unicode_name.as_deref())).collect();
        let expected = [
            ("café.test", "xn--caf-dma.test", "café.test"),
            ("d.test", "d.test", "d.test"),
            ("straße.test", "xn--strae-oqa.test", "straße.test"),
        ];
        assert_eq!(seen, expected.map(|(name, ascii, unicode)| (name, Some(ascii), Some(unicode))));
    }

    #[test]
    fn what_cannot_be_a_host_name_is_kept_without_one() {
        let long = format!("{}.test", "x".repeat(64));
        let longer = vec!["x".repeat(60); 5].join(".");
        let hostile = [
            "a..test",
            ".test",
            "a b.test",
            "a\u{0}.test",
            "a\nb",
            "a/b.test",
            "a@b.test",
            "*.test",
            "-a.test",
            "192.0.2.1",
            "::1",
            "xn--\u{e9}.test",
            "xn--a.test",
            "\u{202e}a.test",
            "a\\.test",
            "'; --",
            &long,
            &longer,
        ];
        for name in hostile {
            let names = of_domains(&[of("d.test", &[name])]);
            let found = names.iter().find(|n| n.name != "d.test").unwrap();
            assert_eq!((found.ascii_name.as_deref(), found.unicode_name.as_deref()), (None, None), "{name:?}");
        }
        assert_eq!(ascii("my_corp.test").as_deref(), Some("my_corp.test"));
    }

    #[test]
    fn suffixes_tell_whom_a_public_dns_can_serve() {
        for name in ["d.test", "example.org", "local.example.org", "notlocal", "mylan.fr", "d.example"] {
            let expected = if name.contains('.') { "public" } else { "internal" };
            assert_eq!(suffix(name), expected, "{name}");
        }
        for name in ["corp.local", "a.b.lan", "x.home.arpa", "intra", "d.internal", "d.loc", "D.LOCALHOST", "d.virt"] {
            assert_eq!(suffix(name), "internal", "{name}");
        }
        assert_eq!(suffix("arpa.test"), "public");
    }

    #[test]
    fn only_a_uid_is_technical() {
        let uuid = "0b2f3c4d-1a2b-4c3d-8e9f-001122334455.internal";
        assert_eq!((suffix(uuid), suffix("deadbeef.internal")), ("technical", "technical"));
        for name in ["beef.internal", "a.deadbeef.internal", "deadbeefx.internal", "--------.internal"] {
            assert_eq!(suffix(name), "internal", "{name}");
        }
        let names = of_domains(&[of("d.test", &[uuid])]);
        assert!(names.iter().any(|n| n.name == uuid && n.suffix == Suffix::Internal));
    }
}

//! `/etc/hosts`, as hosts(5) has it: an address, then names; `#` begins a comment.

use std::net::IpAddr;

/// The lines, each with its address and names as they are written.
pub fn lines(text: &str) -> impl Iterator<Item = (IpAddr, Vec<&str>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        // A link-local address may carry its interface: fe80::1%eth0.
        let address = words.next().and_then(|word| word.split('%').next()).and_then(|word| word.parse().ok())?;
        Some((address, words.collect()))
    })
}

/// The name of a host with its domain, if a line that names the host has one; else the first name of such a line; none where
/// no line names it.
pub fn full_name<'a>(text: &'a str, host: &str) -> Option<&'a str> {
    let is_it = |name: &&str| name.eq_ignore_ascii_case(host);
    let mut firsts =
        lines(text).filter(|(_, names)| names.iter().any(is_it)).filter_map(|(_, names)| names.first().copied());
    let first = firsts.next()?;
    Some(std::iter::once(first).chain(firsts).find(|name| name.contains('.')).unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_called_as_its_line_begins() {
        for (text, name) in [
            ("127.0.0.1 localhost\n127.0.1.1 mail.example.org mail\n", Some("mail.example.org")),
            ("127.0.0.1 localhost mail # mail.example.org\n", Some("localhost")),
            ("127.0.0.1 localhost MAIL\n192.0.2.1\tmail.example.org\tmail\r\n", Some("mail.example.org")),
            ("192.0.2.1 mail mail.example.org\n", Some("mail")),
            ("192.0.2.1 mail2.example.org mail2\nnonsense mail\n#192.0.2.1 a.b mail\n", None),
            ("", None),
        ] {
            assert_eq!(full_name(text, "mail"), name, "{text}");
        }
    }
}

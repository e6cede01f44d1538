//! Files that name package repositories: apt's `*.list` and `*.sources` (sources.list(5)), yum's `*.repo` (yum.conf(5)).

/// Whether a file names repositories of BlueMind, and whether one of them is in use; none when it names none. Where
/// they are is not kept: the address of BlueMind's repository is that of the subscription, with its password.
///
/// A file that `is_bluemind` by its name need not say so. A folder of the server itself (`file:`) is none in use: without a
/// subscription BlueMind leaves the packages of its installation there, and no upgrade comes from it.
pub fn bluemind(text: &str, is_bluemind: bool) -> Option<bool> {
    // What a disk that broke leaves behind names nothing.
    let text = if text.contains('\0') { "" } else { text };
    let mut found = None;
    for stanza in stanzas(text) {
        let (comments, lines): (Vec<&str>, Vec<&str>) = stanza.iter().partition(|line| line.starts_with('#'));
        let names = |line: &&&str| is_bluemind || names_bluemind(line);
        let is_off = lines.iter().any(|line| switches_off(line) || (has_key(line) && is_local(line)));
        let is_used = !is_off && lines.iter().any(|line| names(&line) && !is_local(line));
        if is_used || lines.iter().chain(&comments).any(|line| names(&line)) {
            found = Some(found == Some(true) || is_used);
        }
    }
    found.or(is_bluemind.then_some(false))
}

/// Lines that belong together: those between blank lines, a section of a `*.repo`.
fn stanzas(text: &str) -> Vec<Vec<&str>> {
    let mut stanzas = vec![Vec::new()];
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('[') {
            stanzas.push(Vec::new());
        }
        if let Some(stanza) = stanzas.last_mut().filter(|_| !line.is_empty()) {
            stanza.push(line);
        }
    }
    stanzas
}

fn names_bluemind(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.contains("bluemind") || line.contains("blue-mind")
}

/// Whether a line has a setting of its stanza, `URIs: …` or `baseurl=…`: a line `deb …` stands for itself.
fn has_key(line: &str) -> bool {
    ["uris", "baseurl"].iter().any(|key| line.get(..key.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(key)))
}

/// Whether a line leads to a folder of the server.
fn is_local(line: &str) -> bool {
    line.split([' ', '\t', '=', ',']).any(|word| word.starts_with("file:"))
}

/// `enabled=0` of yum, `Enabled: no` of apt.
fn switches_off(line: &str) -> bool {
    let setting = line.split_once(['=', ':']).map(|(key, value)| (key.trim(), value.trim()));
    setting.is_some_and(|(key, value)| {
        key.eq_ignore_ascii_case("enabled") && ["0", "no", "false"].iter().any(|off| value.eq_ignore_ascii_case(off))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_of_bluemind_and_whether_they_are_in_use() {
        for (text, expected) in [
            ("deb https://deb.debian.org/debian buster main\n", None),
            ("", None),
            ("deb https://pkg.bluemind.net/4.0 x\n\0\0\0", None),
            ("deb https://user:secret@pkg.bluemind.net/4.0 buster main\n", Some(true)),
            ("# deb https://pkg.blue-mind.net/4.0 buster main\n", Some(false)),
            ("  #deb https://pkg.bluemind.net/3.5 x\ndeb file:/var/spool/bluemind-pkgs/ ./\n", Some(false)),
            ("deb file:/var/spool/bluemind-pkgs/ ./\ndeb https://pkg.bluemind.net/4.0 x\n", Some(true)),
            ("[bm]\nname=BlueMind\nbaseurl=file:///var/spool/bluemind-pkgs\n", Some(false)),
            ("Types: deb\nURIs: file:/var/spool/bluemind-pkgs\nSuites: ./\n", Some(false)),
            ("[bm]\nname=BlueMind\nenabled=1\n[bm-old]\nname=BlueMind 3.5\nenabled = 0\n", Some(true)),
            ("[bm]\nname=BlueMind\nbaseurl=https://pkg.bluemind.net\nEnabled=0\n[epel]\nname=EPEL\n", Some(false)),
            (
                "Types: deb\nURIs: https://pkg.bluemind.net/4.0\nEnabled: no\n\nTypes: deb\nURIs: https://x\n",
                Some(false),
            ),
        ] {
            assert_eq!(bluemind(text, false), expected, "{text}");
        }
    }

    #[test]
    fn a_file_of_that_name_may_point_to_a_mirror() {
        for (text, expected) in [
            ("deb http://mirror.example.org/bm4 buster main\n", Some(true)),
            ("# deb http://mirror.example.org/bm4 buster main\n", Some(false)),
            ("[mirror]\nbaseurl=http://mirror.example.org\nenabled=0\n", Some(false)),
            ("\n\n", Some(false)),
            ("deb file:/var/spool/bluemind-pkgs/ ./\n", Some(false)),
        ] {
            assert_eq!(bluemind(text, true), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String, is_bluemind: bool) {
            bluemind(&text, is_bluemind);
        }
    }
}

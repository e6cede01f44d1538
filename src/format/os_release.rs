//! `os-release`, in which a system says what it is: assignments as a shell reads them.

/// What a system calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// Such as `debian`.
    pub id: Option<String>,
    /// Such as `12` or `22.04`.
    pub version_id: Option<String>,
}

/// Reads the two assignments; of one that is there several times the last counts, as to a shell.
pub fn parse(text: &str) -> OsRelease {
    let mut found = OsRelease::default();
    for line in text.lines() {
        match line.trim().split_once('=') {
            Some(("ID", value)) => found.id = unquoted(value),
            Some(("VERSION_ID", value)) => found.version_id = unquoted(value),
            _ => {}
        }
    }
    found
}

/// The value; none where it is empty.
fn unquoted(value: &str) -> Option<String> {
    let value = value.trim();
    let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(inner.unwrap_or(value).to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_says_what_it_is() {
        let found = |text| {
            let OsRelease { id, version_id } = parse(text);
            (id.unwrap_or_default(), version_id.unwrap_or_default())
        };
        let told = |id: &str, version: &str| (id.to_owned(), version.to_owned());
        let debian =
            "PRETTY_NAME=\"Debian GNU/Linux 10 (buster)\"\nVERSION_ID=\"10\"\nVERSION=\"10 (buster)\"\nID=debian\n";
        assert_eq!(found(debian), told("debian", "10"));
        assert_eq!(found("ID=\"rhel\"\nID_LIKE=fedora\nVERSION_ID='8.9'\r\n"), told("rhel", "8.9"));
        assert_eq!(found("# ID=x\nNAME=sid\nID=debian\n"), told("debian", ""));
        assert_eq!(found("ID=\nVERSION_ID=\"\"\n"), told("", ""));
        assert_eq!(found("nonsense"), told("", ""));
    }
}

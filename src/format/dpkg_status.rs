//! dpkg's status file: stanzas of `Key: value` lines, separated by blank lines (deb-control(5), dpkg(1)).

/// A package as dpkg knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version as the packager writes it.
    pub version: String,
    /// Whether dpkg calls it installed: unpacked, half-configured and removed ones are not.
    pub is_installed: bool,
}

/// A file that was cut: dpkg ends every stanza, the last one too, with a blank line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it ends in line {line}, in the middle of an entry")]
pub struct CutShort {
    /// Its last line, from 1.
    pub line: usize,
}

/// The packages of a status file. A stanza without name or version is passed over, as dpkg leaves them for packages
/// that it only heard of.
pub fn parse(text: &str) -> Result<Vec<Package>, CutShort> {
    let is_ended =
        text.is_empty() || (text.ends_with('\n') && text.lines().last().is_some_and(|l| l.trim().is_empty()));
    if !is_ended {
        return Err(CutShort { line: text.lines().count() });
    }
    let mut packages = Vec::new();
    let mut fields = [None, None, None];
    for line in text.lines() {
        if line.trim().is_empty() {
            if let [Some(name), Some(version), status] = std::mem::take(&mut fields) {
                let is_installed = status.is_some_and(|s: String| s.split_whitespace().last() == Some("installed"));
                packages.push(Package { name, version, is_installed });
            }
            continue;
        }
        let Some((key, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) else { continue };
        for (wanted, field) in ["package", "version", "status"].iter().zip(&mut fields) {
            if key.eq_ignore_ascii_case(wanted) {
                *field = Some(value.trim().to_owned());
            }
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas() {
        let packages = parse(
            "Package: bm-core\nStatus: install ok installed\nVersion: 4.1.43922-buster\nDescription: core\n Version: 9\n\n\
             Package: bm-mapi\nStatus: deinstall ok config-files\nVersion: 4.1.1\n\nPackage: heard-of\n\n\
             package: bm-eas\nversion: 2\nstatus: install ok half-configured\n\n",
        );
        let packages = packages.unwrap();
        let seen: Vec<_> = packages.iter().map(|p| (p.name.as_str(), p.version.as_str(), p.is_installed)).collect();
        assert_eq!(seen, [("bm-core", "4.1.43922-buster", true), ("bm-mapi", "4.1.1", false), ("bm-eas", "2", false)]);
    }

    #[test]
    fn a_file_that_was_cut_within_an_entry_is_told_at_every_byte() {
        let entry = "Package: bm-core\nStatus: install ok installed\nVersion: 1\n\n";
        let text = entry.repeat(2);
        for end in 1..text.len() {
            let parsed = parse(text.get(..end).unwrap());
            match end == entry.len() {
                true => assert_eq!(parsed.map(|all| all.len()), Ok(1)),
                false => assert!(parsed.is_err(), "{end}"),
            }
        }
        assert_eq!(parse("Package: a\nVersion: 1\n"), Err(CutShort { line: 2 }));
        assert_eq!((parse("").unwrap().len(), parse(&text).unwrap().len()), (0, 2));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = parse(&text);
        }
    }
}

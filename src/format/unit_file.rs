//! Unit files of systemd, as far as whether they can be enabled (systemd.unit(5), systemd.syntax(7)).

/// What `systemctl enable` would make of a unit file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installation {
    /// It can be enabled: its section `[Install]` names a unit that it starts with.
    Possible,
    /// It has nothing to enable: others start it, or nobody.
    None,
    /// An empty file masks the unit, as a link to /dev/null does.
    Masked,
}

/// Directives of `[Install]` that give `systemctl enable` something to do.
const DIRECTIVES: &[&str] = &["WantedBy", "RequiredBy", "Alias", "Also"];

/// Reads a unit file.
pub fn installation(text: &str) -> Installation {
    if text.is_empty() {
        return Installation::Masked;
    }
    let mut is_install = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_install = line == "[Install]";
            continue;
        }
        let directive = line.split_once('=').filter(|(_, value)| !value.trim().is_empty());
        if is_install && directive.is_some_and(|(name, _)| DIRECTIVES.contains(&name.trim())) {
            return Installation::Possible;
        }
    }
    Installation::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_directive_of_install_makes_a_unit_that_can_be_enabled() {
        for (text, expected) in [
            ("[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\n", Installation::Possible),
            ("[Install]\n  RequiredBy = bm.target\n", Installation::Possible),
            ("[Install]\n#WantedBy=multi-user.target\nWantedBy=\n", Installation::None),
            ("[Unit]\nWantedBy=multi-user.target\n[Install]\n", Installation::None),
            ("[Service]\nExecStart=/bin/true\n", Installation::None),
            ("\n \n", Installation::None),
            ("", Installation::Masked),
        ] {
            assert_eq!(installation(text), expected, "{text:?}");
        }
    }
}

//! `cyrus.conf`: what Cyrus' master starts (cyrus.conf(5); details as `master/masterconf.c` of Cyrus 3 acts).
//!
//! What stops Cyrus' master is an error here too: the master that runs read another text.

/// What master reads of a line at a time, its end included: it takes a longer one for several.
const LONGEST_LINE: usize = 4095;
/// Arguments that an entry may have.
const MOST_ARGUMENTS: usize = 64;

/// When something is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Once, before everything else.
    Start,
    /// When a client connects.
    Services,
    /// At a time of day, or again and again.
    Events,
    /// Kept running.
    Daemon,
}

impl Section {
    /// Every section, in the order in which master takes them.
    pub const ALL: [Self; 4] = [Self::Start, Self::Services, Self::Events, Self::Daemon];

    /// As the file has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Services => "SERVICES",
            Self::Events => "EVENTS",
            Self::Daemon => "DAEMON",
        }
    }
}

/// Something that is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub section: Section,
    /// Its name.
    pub name: String,
    arguments: Vec<(String, String)>,
}

impl Entry {
    /// An argument such as `cmd` or `listen`. The first counts when it is there twice.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.arguments.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Why master would not start with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CyrusConfError {
    /// A name is letters and digits.
    #[error("line {line}: {found:?} in a name")]
    Name {
        /// Line, from 1.
        line: usize,
        /// What is there.
        found: char,
    },
    /// An argument is letters and digits, an equals sign and a value.
    #[error("line {line}: an argument is not `key=value`")]
    Argument {
        /// Line, from 1.
        line: usize,
    },
    /// A value begins with a quotation mark and does not end with one.
    #[error("line {line}: a quotation mark is missing")]
    Quote {
        /// Line, from 1.
        line: usize,
    },
    /// Too many arguments.
    #[error("line {line}: more than {MOST_ARGUMENTS} arguments")]
    TooManyArguments {
        /// Line, from 1.
        line: usize,
    },
    /// A line that master takes for several.
    #[error("line {line}: longer than {LONGEST_LINE} bytes")]
    LongLine {
        /// Line, from 1.
        line: usize,
    },
}

/// The entries, section after section. Of a section that is there twice only the first counts.
pub fn parse(text: &str) -> Result<Vec<Entry>, CyrusConfError> {
    let mut lines = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        if line.len() >= LONGEST_LINE {
            return Err(CyrusConfError::LongLine { line: index + 1 });
        }
        // A comment goes to the end of the line, even within quotation marks.
        lines.push((index + 1, line.trim_start_matches(is_space).split('#').next().unwrap_or_default()));
    }
    let mut entries = Vec::new();
    for section in Section::ALL {
        for (number, line) in body(section, &lines) {
            entries.push(entry(section, *number, line)?);
        }
    }
    Ok(entries)
}

type Line<'a> = (usize, &'a str);

/// The lines of a section. Its opening brace stands beside its name; one on a line of its own opens nothing.
fn body<'a>(section: Section, lines: &'a [Line<'a>]) -> impl Iterator<Item = &'a Line<'a>> {
    let mut level = 0_i64;
    let begin = lines.iter().position(|(_, line)| {
        let is_named = level == 0 && is_heading(section, line);
        level += line.bytes().map(|byte| i64::from(byte == b'{') - i64::from(byte == b'}')).sum::<i64>();
        is_named && level == 1
    });
    let rest = begin.and_then(|at| lines.get(at + 1..)).unwrap_or_default();
    rest.iter().take_while(|(_, line)| !line.starts_with('}')).filter(|(_, line)| !line.is_empty())
}

fn is_heading(section: Section, line: &str) -> bool {
    let name = section.as_str();
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        && !line[name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn entry(section: Section, line: usize, text: &str) -> Result<Entry, CyrusConfError> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut arguments = Vec::new();
    // Where there is no name at all, master passes over one character, whatever it is.
    let mut rest = match rest.chars().next() {
        Some(found) if end > 0 && !is_space(found) => return Err(CyrusConfError::Name { line, found }),
        Some(found) => rest[found.len_utf8()..].trim_start_matches(is_space),
        None => rest,
    };
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=').ok_or(CyrusConfError::Argument { line })?;
        if !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(CyrusConfError::Argument { line });
        }
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(CyrusConfError::Quote { line })?,
            None => value.split_once(is_space).unwrap_or((value, "")),
        };
        if arguments.len() == MOST_ARGUMENTS {
            return Err(CyrusConfError::TooManyArguments { line });
        }
        arguments.push((key.to_owned(), value.to_owned()));
        rest = after.trim_start_matches(is_space);
    }
    Ok(Entry { section, name: name.to_owned(), arguments })
}

/// White space as C's `isspace` has it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let shown = |e: &Entry| format!("{} {} {:?} {:?}", e.section.as_str(), e.name, e.get("cmd"), e.get("listen"));
        parse(text).unwrap().iter().map(shown).collect()
    }

    #[test]
    fn sections_hold_entries_and_comments_do_not_count() {
        let text = "# all of it\nSTART {\r\n  recover cmd=\"ctl_cyrusdb -r\"\n\n  #idled cmd=\"idled\"\n\
                    \tsyncclient\tcmd=\"/usr/sbin/sync_client -n core -r\" # rolling\n}\nservices {\n\
                    imap cmd=\"imapd -U 30\" listen=1143 proto=tcp4 cmd=never\n} EVENTS {\n}\n\
                    EVENTS { # at night\n  prune cmd=x at=0401\n}\nDAEMON {\nidled cmd=\"idled\"\n";
        let expected = [
            "START recover Some(\"ctl_cyrusdb -r\") None",
            "START syncclient Some(\"/usr/sbin/sync_client -n core -r\") None",
            "SERVICES imap Some(\"imapd -U 30\") Some(\"1143\")",
            "EVENTS prune Some(\"x\") None",
            "DAEMON idled Some(\"idled\") None",
        ];
        // `} EVENTS {` ends SERVICES and opens nothing, so that the second one counts.
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn what_opens_no_section_holds_no_entry() {
        for text in [
            "START\n{\na cmd=b\n}\n",
            "STARTS {\na cmd=b\n}\n",
            "OTHER {\nSTART {\na cmd=b\n}\n}\n",
            "START {}\na cmd=b\n",
        ] {
            assert_eq!(shown(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(shown("START {\na cmd=b\n}\nSTART {\nc cmd=d\n}\n").len(), 1);
    }

    #[test]
    fn what_stops_master_is_told_with_its_line() {
        let many = format!("START {{\na {}\n}}\n", "k=v ".repeat(65));
        let long = format!("START {{\na cmd=\"{}\"\n}}\n", "x".repeat(4100));
        for (text, expected) in [
            ("START {\nsync-client cmd=a\n}\n", "line 2: '-' in a name"),
            ("START {\n\na cmd\n}\n", "line 3: an argument is not `key=value`"),
            ("START {\na c-md=b\n}\n", "line 2: an argument is not `key=value`"),
            ("START {\na cmd=\"b }\n}\n", "line 2: a quotation mark is missing"),
            ("START {\na cmd=\"b # c\"\n}\n", "line 2: a quotation mark is missing"),
            ("START {\na cmd=b }\n}\n", "line 2: an argument is not `key=value`"),
            (&many, "line 2: more than 64 arguments"),
            (&long, "line 2: longer than 4095 bytes"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String, line in "[A-Za-z0-9#{}= \"\t\né]{0,80}") {
            drop(parse(&text));
            drop(parse(&format!("START {{\n{line}\n}}\n")));
        }
    }
}

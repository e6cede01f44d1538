//! `imapd.conf` of Cyrus: `key: value` lines, comments and `@include:` (imapd.conf(5); details as Cyrus 3 acts).
//!
//! What stops Cyrus is an error here too: the server that runs on the machine read another text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Files that a configuration may be made of: far beyond any real one.
const MOST_FILES: usize = 256;
/// Includes inside includes.
const DEEPEST: usize = 16;
/// Cyrus looks partitions up through a buffer of as many bytes, the closing zero included.
const LOOKUP_LEN: usize = 80;

/// Where in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Line, from 1. Of a line continued over several, the last.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, line {}", self.file, self.line)
    }
}

/// Why a configuration could not be read. Shows no value: some are passwords.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImapdConfError<E> {
    /// No key before a colon.
    #[error("{0}: not `key: value`")]
    Key(Place),
    /// A key without value.
    #[error("{place}: no value for {key:?}")]
    Value {
        /// Where.
        place: Place,
        /// The key, in lower case.
        key: String,
    },
    /// A key that was there before.
    #[error("{place}: {key:?} is set again, first in {first}")]
    Twice {
        /// Where.
        place: Place,
        /// The key, in lower case.
        key: String,
        /// Where it was set first.
        first: Place,
    },
    /// A line that starts with `@` and is no include.
    #[error("{place}: unknown directive {key:?}")]
    Directive {
        /// Where.
        place: Place,
        /// The directive, in lower case.
        key: String,
    },
    /// A file included twice, by itself or by another.
    #[error("{place}: includes {path:?} again")]
    IncludedTwice {
        /// Where.
        place: Place,
        /// The file.
        path: String,
    },
    /// More files than any configuration has.
    #[error("{0}: includes too many files, or too deeply")]
    TooManyIncludes(Place),
    /// A file that could not be read.
    #[error("{place}: cannot include {path:?}: {source}")]
    Include {
        /// Where.
        place: Place,
        /// The file.
        path: String,
        /// What the caller's reader said.
        source: E,
    },
}

/// A value that a switch or a choice cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {key:?} cannot be {value:?}")]
pub struct BadValue {
    /// Where.
    pub place: Place,
    /// The key.
    pub key: &'static str,
    /// The value.
    pub value: String,
}

/// How Cyrus tells domains apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VirtDomains {
    /// Not at all.
    Off,
    /// By the user's name.
    UserId,
    /// By the user's name, else by the address that the client reached.
    On,
}

/// The directories of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roots<'a> {
    /// Messages.
    pub data: &'a str,
    /// What `metapartition_files` names; as `data` when nothing else is set.
    pub meta: &'a str,
    /// Archived messages; none when these stay in `data`.
    pub archive: Option<&'a str>,
}

#[derive(Clone, PartialEq, Eq)]
struct Setting {
    value: String,
    place: Place,
}

/// A configuration, its includes taken in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ImapdConf(BTreeMap<String, Setting>);

impl std::fmt::Debug for ImapdConf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl ImapdConf {
    /// Reads `text`, the content of the file `path`. `include` is given the path of an `@include:` as it stands, and
    /// gives that file's content.
    pub fn parse<E>(
        path: &str,
        text: &str,
        include: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<Self, ImapdConfError<E>> {
        let mut reader = Reader { include, seen: BTreeSet::from([path.to_owned()]), conf: Self::default() };
        reader.file(path, text, 0)?;
        Ok(reader.conf)
    }

    /// The value of a key, given in lower case.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|setting| setting.value.as_str())
    }

    /// The value of a key for one service of `cyrus.conf`: `<service>_<key>` goes before `<key>`.
    pub fn get_for(&self, service: &str, key: &str) -> Option<&str> {
        self.get(&format!("{service}_{key}")).or_else(|| self.get(key))
    }

    /// Where a key was set.
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.0.get(key).map(|setting| &setting.place)
    }

    /// A switch, or what Cyrus takes when it is not set. Cyrus looks at the first letters only, lower case.
    pub fn switch(&self, key: &'static str, default: bool) -> Result<bool, BadValue> {
        let starts = |value: &str, with: &[&str]| with.iter().any(|start| value.starts_with(start));
        match self.get(key) {
            None => Ok(default),
            Some(value) if starts(value, &["1", "y", "t", "on"]) => Ok(true),
            Some(value) if starts(value, &["0", "n", "f", "of"]) => Ok(false),
            Some(_) => Err(self.bad(key)),
        }
    }

    /// `configdirectory`, under which `mailboxes.db` is.
    pub fn config_directory(&self) -> Option<&str> {
        self.get("configdirectory")
    }

    /// `defaultpartition`, in lower case as Cyrus takes it.
    pub fn default_partition(&self) -> Option<String> {
        self.get("defaultpartition").map(str::to_ascii_lowercase)
    }

    /// `hashimapspool`, off by default.
    pub fn hashimapspool(&self) -> Result<bool, BadValue> {
        self.switch("hashimapspool", false)
    }

    /// `fulldirhash`, off by default.
    pub fn fulldirhash(&self) -> Result<bool, BadValue> {
        self.switch("fulldirhash", false)
    }

    /// `unixhierarchysep`, on by default since Cyrus 3.
    pub fn unixhierarchysep(&self) -> Result<bool, BadValue> {
        self.switch("unixhierarchysep", true)
    }

    /// `altnamespace`, on by default since Cyrus 3.
    pub fn altnamespace(&self) -> Result<bool, BadValue> {
        self.switch("altnamespace", true)
    }

    /// `virtdomains`, off by default.
    pub fn virt_domains(&self) -> Result<VirtDomains, BadValue> {
        match self.get("virtdomains") {
            None | Some("off" | "no" | "f" | "false" | "0") => Ok(VirtDomains::Off),
            Some("userid") => Ok(VirtDomains::UserId),
            Some("on" | "yes" | "t" | "true" | "1") => Ok(VirtDomains::On),
            Some(_) => Err(self.bad("virtdomains")),
        }
    }

    /// `deletedprefix`: the first level of mailboxes that are deleted and kept for a while.
    pub fn deleted_prefix(&self) -> &str {
        self.get("deletedprefix").unwrap_or("DELETED")
    }

    /// `defaultdomain`: the domain that has no directory of its own.
    pub fn default_domain(&self) -> &str {
        self.get("defaultdomain").unwrap_or("internal")
    }

    /// Whether `metapartition_files` names a file, such as `header` or `index`: else it lies with the messages.
    pub fn is_meta_file(&self, file: &str) -> bool {
        self.get("metapartition_files").is_some_and(|files| files.split_ascii_whitespace().any(|name| name == file))
    }

    /// Name and data directory of every partition that is defined, those too that Cyrus does not find.
    pub fn defined_partitions(&self) -> impl Iterator<Item = (&str, &str)> {
        let from = self.0.range("partition-".to_owned()..);
        from.map_while(|(key, setting)| Some((key.strip_prefix("partition-")?, setting.value.as_str())))
    }

    /// The partitions that Cyrus finds, by name.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, Roots<'_>)> {
        self.defined_partitions().filter_map(|(name, _)| Some((name, self.roots(name)?)))
    }

    /// The directories of a partition that `mailboxes.db` names, as Cyrus finds them: it does not find a name with upper
    /// case, nor a long one.
    pub fn roots(&self, partition: &str) -> Option<Roots<'_>> {
        let find = |prefix: &str| {
            let is_short = prefix.len() + partition.len() < LOOKUP_LEN;
            is_short.then(|| self.get(&format!("{prefix}{partition}"))).flatten()
        };
        let data = find("partition-")?;
        Some(Roots { data, meta: find("metapartition-").unwrap_or(data), archive: find("archivepartition-") })
    }

    fn bad(&self, key: &'static str) -> BadValue {
        let value = self.get(key).unwrap_or_default().to_owned();
        let place = self.place(key).cloned().unwrap_or(Place { file: "".into(), line: 0 });
        BadValue { place, key, value }
    }
}

struct Reader<I> {
    include: I,
    seen: BTreeSet<String>,
    conf: ImapdConf,
}

impl<I> Reader<I> {
    fn file<E>(&mut self, path: &str, text: &str, depth: usize) -> Result<(), ImapdConfError<E>>
    where
        I: FnMut(&str) -> Result<String, E>,
    {
        let file: Arc<str> = path.into();
        let mut joined = String::new();
        for (index, line) in text.split('\n').enumerate() {
            // What a last line continues into nothing is lost, as Cyrus loses it.
            if let Some(start) = line.strip_suffix('\\') {
                joined.push_str(start);
                continue;
            }
            joined.push_str(line);
            self.line(&joined, Place { file: file.clone(), line: index + 1 }, depth)?;
            joined.clear();
        }
        Ok(())
    }

    fn line<E>(&mut self, line: &str, place: Place, depth: usize) -> Result<(), ImapdConfError<E>>
    where
        I: FnMut(&str) -> Result<String, E>,
    {
        let line = line.trim_start_matches(is_space);
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let Some((key, value)) = line.split_once(':').filter(|(key, _)| is_key(key)) else {
            return Err(ImapdConfError::Key(place));
        };
        let (key, value) = (key.to_ascii_lowercase(), value.trim_matches(is_space));
        if value.is_empty() {
            return Err(ImapdConfError::Value { place, key });
        }
        match key.strip_prefix('@') {
            Some("include") => self.included(value, place, depth),
            Some(_) => Err(ImapdConfError::Directive { place, key }),
            None => self.set(key, value, place),
        }
    }

    fn set<E>(&mut self, key: String, value: &str, place: Place) -> Result<(), ImapdConfError<E>> {
        if let Some(first) = self.conf.place(&key) {
            return Err(ImapdConfError::Twice { place, first: first.clone(), key });
        }
        self.conf.0.insert(key, Setting { value: value.to_owned(), place });
        Ok(())
    }

    fn included<E>(&mut self, path: &str, place: Place, depth: usize) -> Result<(), ImapdConfError<E>>
    where
        I: FnMut(&str) -> Result<String, E>,
    {
        let path = path.to_owned();
        if self.seen.contains(&path) {
            return Err(ImapdConfError::IncludedTwice { place, path });
        }
        if depth == DEEPEST || self.seen.len() == MOST_FILES {
            return Err(ImapdConfError::TooManyIncludes(place));
        }
        self.seen.insert(path.clone());
        match (self.include)(&path) {
            Ok(text) => self.file(&path, &text, depth + 1),
            Err(source) => Err(ImapdConfError::Include { place, path, source }),
        }
    }
}

/// White space as C's `isspace` has it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c')
}

fn is_key(key: &str) -> bool {
    let name = key.strip_prefix('@').unwrap_or(key);
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

//! Where Cyrus keeps the files of a mailbox: from its name to directories, and back as far as that goes.
//!
//! Below the root of a partition: `domain/<letter>/<domain>/<letter>/<level>/<level>…` with `hashimapspool`, the same
//! without letters otherwise. The second letter is that of the second level, of the first where there is only one: the
//! folders of one shared mailbox lie under several letters. The names are those of Cyrus 2.4 to 3.4, and of 3.6 with
//! `mailbox_legacy_dirs`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::imapd_conf::{BadValue, ImapdConf, Roots};
use super::mailbox_name::{MailboxName, NameDefect, hex};

/// Where deliveries under way lie, below the root of a partition.
const STAGE: &[u8] = b"stage.";

/// Why a mailbox has no directories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolPathError {
    /// A name that leads elsewhere, or nowhere.
    #[error("no directory for the name: {0}")]
    Name(#[from] NameDefect),
    /// A domain that is no name of a directory.
    #[error("no directory for the name: offset 0: the domain is dots")]
    Dots,
    /// A partition that `imapd.conf` has not.
    #[error("no partition {0:?}")]
    Partition(String),
}

/// Why a directory is not that of a mailbox. Offsets are in bytes from the start of the path below the partition's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMailbox {
    /// Below no partition.
    #[error("it lies below no partition")]
    Outside,
    /// It may hold directories of mailboxes: a letter, a domain, `user`.
    #[error("it lies above the directories of mailboxes")]
    Above,
    /// Deliveries under way.
    #[error("deliveries under way lie there")]
    Stage,
    /// Cyrus 3.6 names it after a unique id.
    #[error("it has the name of a unique id")]
    ById,
    /// Something that is no name of a directory in a path, such as `..`.
    #[error("offset {offset}: no name of a directory")]
    Component {
        /// Where.
        offset: usize,
    },
    /// A letter that does not go with the name.
    #[error("offset {offset}: not under the letter {due:?} of its name")]
    Letter {
        /// Where the letter should be.
        offset: usize,
        /// The letter.
        due: char,
    },
    /// A dot or `!` in the name of a directory: Cyrus writes it otherwise.
    #[error("offset {offset}: {found:?} in a level")]
    Level {
        /// Where.
        offset: usize,
        /// The character.
        found: char,
    },
    /// The default domain has no directory.
    #[error("offset {offset}: the default domain has no directory")]
    DefaultDomain {
        /// Where.
        offset: usize,
    },
    /// A deleted mailbox with a time that Cyrus writes otherwise.
    #[error("offset {offset}: a time of deletion that Cyrus writes otherwise")]
    Time {
        /// Where.
        offset: usize,
    },
}

/// How directories follow from names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashing {
    /// Whether letters stand before domains and names.
    pub hashimapspool: bool,
    /// Whether the letter comes from the whole name, A to W, or is its first, a to z.
    pub fulldirhash: bool,
    /// The domain that has no directory.
    pub default_domain: String,
    /// The first level of deleted mailboxes.
    pub deleted_prefix: String,
}

/// The directories of a mailbox. Any of them may not exist: a mailbox without messages has no data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Messages.
    pub data: PathBuf,
    /// What `metapartition_files` names.
    pub meta: PathBuf,
    /// Archived messages; none when these stay in `data`.
    pub archive: Option<PathBuf>,
    /// `cyrus.header`.
    pub header: PathBuf,
    /// `cyrus.index`.
    pub index: PathBuf,
    /// Levels of each of the directories below its partition's.
    pub levels: usize,
}

/// Which directory of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Messages, and what else has no place of its own.
    Data,
    /// What `metapartition_files` names.
    Meta,
    /// Archived messages.
    Archive,
}

/// What the place of a directory says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<'a> {
    /// Name of the partition.
    pub partition: &'a str,
    /// Which of its directories.
    pub part: Part,
    /// The letter before the levels of the name, with `hashimapspool`.
    pub letter: Option<char>,
    /// The mailbox whose directory it would be.
    pub name: MailboxName,
}

impl Hashing {
    /// As `imapd.conf` says.
    pub fn of(conf: &ImapdConf) -> Result<Self, BadValue> {
        Ok(Self {
            hashimapspool: conf.hashimapspool()?,
            fulldirhash: conf.fulldirhash()?,
            default_domain: conf.default_domain().to_owned(),
            deleted_prefix: conf.deleted_prefix().to_owned(),
        })
    }

    /// The directory of a mailbox, below the root of its partition.
    pub fn path(&self, name: &MailboxName) -> Result<PathBuf, SpoolPathError> {
        usable(name)?;
        let (domain, _) = name.split();
        let levels = name.levels();
        let mut path = Vec::with_capacity(name.as_bytes().len() + 16);
        if let Some(domain) = domain.filter(|domain| *domain != self.default_domain.as_bytes()) {
            if matches!(domain, b"." | b"..") {
                return Err(SpoolPathError::Dots);
            }
            path.extend_from_slice(b"domain/");
            self.push_letter(self.domain_letter(domain), &mut path);
            path.extend_from_slice(domain);
            path.push(b'/');
        }
        self.push_letter(self.level_letter(&levels), &mut path);
        path.extend_from_slice(&levels.join(&b'/'));
        // Its parts are dear, and nearly no name begins so.
        let may_be_deleted = levels.first().is_some_and(|first| *first == self.deleted_prefix.as_bytes());
        if let (true, Some(last)) = (may_be_deleted && name.parts(&self.deleted_prefix).is_deleted, levels.last()) {
            path.truncate(path.len() - last.len());
            path.extend_from_slice(&canonical_time(last));
        }
        Ok(PathBuf::from(OsStr::from_bytes(&path)))
    }

    /// A file that Cyrus keeps of a user, such as `user/j/jdoe.seen`, below its configuration directory (`user_hash_meta` of
    /// Cyrus IMAP). Whatever imapd.conf says there is a letter.
    pub fn user_file(&self, user: &str, domain: Option<&str>, suffix: &str) -> PathBuf {
        let letter = |name: &str| self.letter(name.bytes());
        let domain = domain.filter(|domain| *domain != self.default_domain);
        let domain = domain.map(|domain| format!("domain/{}/{domain}/", letter(domain))).unwrap_or_default();
        PathBuf::from(format!("{domain}user/{}/{user}.{suffix}", letter(user)))
    }

    /// The mailbox whose directory it is, and its letter, from the path below the root of a partition.
    ///
    /// A directory that only lies above others has a name too: nothing tells `DELETED.user.face` above a deleted folder
    /// from a mailbox that was deleted at the time `face`.
    pub fn mailbox(&self, path: &Path) -> Result<(Option<char>, MailboxName), NotMailbox> {
        let mut rest = Components::of(path)?;
        let domain = match rest.peek() {
            Some(b"domain") => Some(self.take_domain(&mut rest)?),
            Some(STAGE) => return Err(NotMailbox::Stage),
            Some(b"uuid") => return Err(NotMailbox::ById),
            _ => None,
        };
        let (at, letter) = if self.hashimapspool { rest.letter()? } else { (0, None) };
        let levels = rest.levels(domain.is_some())?;
        let mut name = domain.map_or_else(Vec::new, |domain| [domain, b"!"].concat());
        name.extend_from_slice(&levels.join(&b'.'));
        let name = MailboxName::internal(name);
        let is_above = match levels.as_slice() {
            [] | [b"user"] => true,
            [first, _] => *first == self.deleted_prefix.as_bytes(),
            _ => false,
        };
        let parts = name.parts(&self.deleted_prefix);
        if is_above || (parts.is_deleted && parts.deleted_at.is_none()) {
            return Err(NotMailbox::Above);
        }
        let due = self.level_letter(&levels);
        if letter.is_some_and(|letter| letter != due) {
            return Err(NotMailbox::Letter { offset: at, due });
        }
        let last = levels.last().copied().unwrap_or_default();
        if parts.is_deleted && canonical_time(last) != last {
            return Err(NotMailbox::Time { offset: rest.len - last.len() });
        }
        Ok((letter, name))
    }

    fn take_domain<'p>(&self, rest: &mut Components<'p>) -> Result<&'p [u8], NotMailbox> {
        rest.take()?;
        let (at, letter) = if self.hashimapspool { rest.letter()? } else { (0, None) };
        let (offset, domain) = rest.take()?;
        let due = self.domain_letter(domain);
        if letter.is_some_and(|letter| letter != due) {
            return Err(NotMailbox::Letter { offset: at, due });
        }
        if let Some(at) = domain.iter().position(|byte| *byte == b'!') {
            return Err(NotMailbox::Level { offset: offset + at, found: '!' });
        }
        if domain == self.default_domain.as_bytes() {
            return Err(NotMailbox::DefaultDomain { offset });
        }
        Ok(domain)
    }

    fn push_letter(&self, letter: char, path: &mut Vec<u8>) {
        if self.hashimapspool {
            path.extend(letter.to_string().bytes());
            path.push(b'/');
        }
    }

    fn domain_letter(&self, domain: &[u8]) -> char {
        self.letter(domain.iter().copied())
    }

    fn level_letter(&self, levels: &[&[u8]]) -> char {
        let level = levels.get(1).or(levels.first()).copied().unwrap_or_default();
        self.letter(level.iter().map(|byte| if *byte == b'^' { b'.' } else { *byte }))
    }

    fn letter(&self, mut name: impl Iterator<Item = u8>) -> char {
        if self.fulldirhash {
            let sum =
                name.take_while(|byte| *byte != b'.').fold(0_u32, |n, byte| ((n << 3) ^ (n >> 5)) ^ u32::from(byte));
            return char::from(b'A' + u8::try_from(sum % 23).unwrap_or(0));
        }
        name.next().map(|byte| byte.to_ascii_lowercase()).filter(u8::is_ascii_lowercase).map_or('q', char::from)
    }
}

impl Directories {
    /// The directories of a mailbox on a partition, as `imapd.conf` has it.
    pub fn of(
        conf: &ImapdConf,
        hashing: &Hashing,
        partition: &str,
        name: &MailboxName,
    ) -> Result<Self, SpoolPathError> {
        let roots = conf.roots(partition).ok_or_else(|| SpoolPathError::Partition(partition.to_owned()))?;
        let path = hashing.path(name)?;
        let (data, meta) = (Path::new(roots.data).join(&path), Path::new(roots.meta).join(&path));
        let file = |name| {
            let directory = if conf.is_meta_file(name) { &meta } else { &data };
            directory.join(format!("cyrus.{name}"))
        };
        let (header, index) = (file("header"), file("index"));
        let (archive, levels) = (roots.archive.map(|root| Path::new(root).join(&path)), path.iter().count());
        Ok(Self { archive, header, index, data, meta, levels })
    }
}

/// The partition that a directory belongs to, and the mailbox whose directory it is.
pub fn locate<'a>(conf: &'a ImapdConf, hashing: &Hashing, directory: &Path) -> Result<Located<'a>, NotMailbox> {
    let parts = |(name, Roots { data, meta, archive }): (&'a str, Roots<'a>)| {
        let archive = archive.map(|root| (name, Part::Archive, root));
        [Some((name, Part::Data, data)), Some((name, Part::Meta, meta)), archive].into_iter().flatten()
    };
    let below = |(name, part, root)| Some((name, part, directory.strip_prefix(root).ok()?));
    // Of roots inside one another the innermost counts; of equal ones the first.
    let (partition, part, path) = conf
        .partitions()
        .flat_map(parts)
        .filter_map(below)
        .min_by_key(|(_, _, path)| path.as_os_str().len())
        .ok_or(NotMailbox::Outside)?;
    let (letter, name) = hashing.mailbox(path)?;
    Ok(Located { partition, part, letter, name })
}

/// Whether a name makes a path, and one that leads nowhere else.
fn usable(name: &MailboxName) -> Result<(), SpoolPathError> {
    let bytes = name.as_bytes();
    if let Some(defect @ (NameDefect::Empty | NameDefect::EmptyDomain)) = name.defect() {
        return Err(defect.into());
    }
    match bytes.iter().enumerate().find(|(_, byte)| matches!(byte, b'/' | 0)) {
        Some((offset, 0)) => return Err(NameDefect::Byte { offset, byte: 0 }.into()),
        Some((offset, _)) => return Err(NameDefect::Slash { offset }.into()),
        None => {}
    }
    let mut offset = bytes.len() - name.split().1.len();
    for level in name.levels() {
        if level.is_empty() {
            return Err(NameDefect::EmptyLevel { offset }.into());
        }
        offset += level.len() + 1;
    }
    Ok(())
}

/// Cyrus reads the time and writes it anew.
fn canonical_time(level: &[u8]) -> Vec<u8> {
    hex(level).map_or_else(|| level.to_vec(), |time| format!("{time:X}").into_bytes())
}

/// The names in a path that are left, and where they start.
struct Components<'p> {
    names: std::collections::VecDeque<(usize, &'p [u8])>,
    /// Bytes of the whole path.
    len: usize,
}

impl<'p> Components<'p> {
    fn of(path: &'p Path) -> Result<Self, NotMailbox> {
        let bytes = path.as_os_str().as_bytes();
        let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
        let mut at = 0;
        let mut names = std::collections::VecDeque::new();
        for name in bytes.split(|byte| *byte == b'/').filter(|_| !bytes.is_empty()) {
            if matches!(name, b"" | b"." | b"..") || name.contains(&0) {
                return Err(NotMailbox::Component { offset: at });
            }
            names.push_back((at, name));
            at += name.len() + 1;
        }
        Ok(Self { names, len: bytes.len() })
    }

    fn peek(&self) -> Option<&'p [u8]> {
        self.names.front().map(|(_, name)| *name)
    }

    fn take(&mut self) -> Result<(usize, &'p [u8]), NotMailbox> {
        self.names.pop_front().ok_or(NotMailbox::Above)
    }

    fn letter(&mut self) -> Result<(usize, Option<char>), NotMailbox> {
        let (offset, name) = self.take()?;
        match name {
            [letter] => Ok((offset, Some(char::from(*letter)))),
            _ => Err(NotMailbox::Component { offset }),
        }
    }

    /// The rest. After a domain a level may have a `!`: only the first of a name counts.
    fn levels(&mut self, has_domain: bool) -> Result<Vec<&'p [u8]>, NotMailbox> {
        let level = |(offset, level): (usize, &'p [u8])| match level
            .iter()
            .position(|byte| *byte == b'.' || (*byte == b'!' && !has_domain))
        {
            Some(at) => Err(NotMailbox::Level { offset: offset + at, found: char::from(level[at]) }),
            None => Ok(level),
        };
        self.names.drain(..).map(level).collect()
    }
}

//! Names of mailboxes as Cyrus keeps them: `[domain!]level.level…`, a dot inside a level written `^`, levels in
//! modified UTF-7. `user.<login>…` is a user's, anything else shared; `DELETED.<name>.<time in hex>` waits for its end.
//!
//! Any bytes make a name: what `mailboxes.db` holds must be shown, however odd. [`MailboxName::defect`] says what Cyrus
//! would not have accepted.

use super::mutf7;

/// Cyrus's policy for new names, in bytes.
const LONGEST: usize = 490;
/// Under which key Cyrus 3.6 keeps the version of a list.
const VERSION_KEY: &[u8] = b"\x1fVER\x1f";

/// What is wrong with a name. Offsets are in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameDefect {
    /// No byte at all.
    #[error("offset 0: the name is empty")]
    Empty,
    /// Nothing before `!`.
    #[error("offset 0: the domain is empty")]
    EmptyDomain,
    /// Nothing between two dots, or before or after one.
    #[error("offset {offset}: an empty level")]
    EmptyLevel {
        /// Where the level is due.
        offset: usize,
    },
    /// A slash: the directory would be another one.
    #[error("offset {offset}: a slash")]
    Slash {
        /// Where.
        offset: usize,
    },
    /// A control character or one beyond ASCII.
    #[error("offset {offset}: byte {byte:#04x}")]
    Byte {
        /// Where.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// A level that is not modified UTF-7.
    #[error("offset {offset}: not modified UTF-7")]
    Utf7 {
        /// Where.
        offset: usize,
    },
    /// Longer than Cyrus lets anyone create.
    #[error("offset {LONGEST}: {len} bytes, more than {LONGEST}")]
    Long {
        /// Bytes of the name.
        len: usize,
    },
}

/// Whose a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// Of a user.
    User,
    /// Of nobody.
    Shared,
}

/// What a name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What stands before the first `!`.
    pub domain: Option<&'a [u8]>,
    /// Whose it is, or was before it was deleted.
    pub namespace: Namespace,
    /// Whether it is deleted and kept for a while.
    pub is_deleted: bool,
    /// When it was deleted, in seconds since 1970, where the name tells.
    pub deleted_at: Option<u64>,
    /// Login of the user or name of the shared mailbox, with dots; as BlueMind names the mailbox.
    pub owner: Vec<u8>,
    /// Levels below the owner's root, as stored; none for the root.
    pub folders: Vec<&'a [u8]>,
}

impl Parts<'_> {
    /// Whether it is the owner's first mailbox.
    pub fn is_root(&self) -> bool {
        self.folders.is_empty()
    }

    /// Whether Cyrus shows it to its user under `Alt Folders`, because IMAP takes its name for the inbox in whatever case:
    /// `INBOX` below a user, and another case of that with all below it. What is below `INBOX` alone is below the inbox
    /// (`mbname_extname` in `imap/mboxname.c` of Cyrus IMAP).
    pub fn is_literal_inbox(&self) -> bool {
        let is_in_place = self.folders.len() > 1 && self.folders[0] == b"INBOX";
        let is_called_so = self.folders.first().is_some_and(|level| level.eq_ignore_ascii_case(b"INBOX"));
        self.namespace == Namespace::User && is_called_so && !is_in_place
    }

    /// The folder below the owner's root, to be read by people: `Sent/2019`. Empty for the root.
    pub fn folder_path(&self) -> String {
        let levels: Vec<_> = self.folders.iter().map(|level| mutf7::display(&dotted(level)).into_owned()).collect();
        levels.join("/")
    }

    /// As an administrator sees it with `unixhierarchysep`, to be read by people: `user/john.doe/Sent@bm.lan`.
    pub fn admin_path(&self) -> String {
        let prefix = if self.namespace == Namespace::User { "user/" } else { "" };
        let mut path = format!("{prefix}{}", mutf7::display(&self.owner));
        if !self.is_root() {
            path = format!("{path}/{}", self.folder_path());
        }
        match self.domain {
            Some(domain) => format!("{path}@{}", String::from_utf8_lossy(domain)),
            None => path,
        }
    }
}

/// The name of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Vec<u8>);

impl MailboxName {
    /// A name as Cyrus 2.4 to 3.4 keeps it, and as 3.6 still shows it.
    pub fn internal(name: impl Into<Vec<u8>>) -> Self {
        Self(name.into())
    }

    /// A name as Cyrus 3.6 keeps it in `mailboxes.db`: byte 1d after the domain, 1f between levels, dots as they are.
    pub fn from_dbname(name: &[u8]) -> Self {
        let domain = name.iter().position(|byte| *byte == 0x1d).map_or(0, |len| len + 1);
        let convert = |(at, byte): (usize, &u8)| match byte {
            0x1d if at < domain => b'!',
            _ if at < domain => *byte,
            0x1f => b'.',
            b'.' => b'^',
            _ => *byte,
        };
        Self(name.iter().enumerate().map(convert).collect())
    }

    /// The name as Cyrus 2.4 to 3.4 keeps it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Domain, and levels with dots between them.
    pub fn split(&self) -> (Option<&[u8]>, &[u8]) {
        match self.0.iter().position(|byte| *byte == b'!') {
            Some(at) => (Some(&self.0[..at]), &self.0[at + 1..]),
            None => (None, &self.0),
        }
    }

    /// Levels, as stored.
    pub fn levels(&self) -> Vec<&[u8]> {
        self.split().1.split(|byte| *byte == b'.').collect()
    }

    /// What the name says, given `deletedprefix` of `imapd.conf`.
    pub fn parts(&self, deleted_prefix: &str) -> Parts<'_> {
        let all = self.levels();
        let (levels, deletion) = match all.as_slice() {
            [first, levels @ .., time] if *first == deleted_prefix.as_bytes() && !levels.is_empty() => {
                (levels, Some(time))
            }
            levels => (levels, None),
        };
        let (namespace, owner, folders) = match levels {
            [b"user", login, folders @ ..] => (Namespace::User, *login, folders),
            [name, folders @ ..] => (Namespace::Shared, *name, folders),
            [] => (Namespace::Shared, &[][..], levels),
        };
        Parts {
            domain: self.split().0,
            namespace,
            is_deleted: deletion.is_some(),
            deleted_at: deletion.and_then(|time| hex(time)),
            owner: dotted(owner),
            folders: folders.to_vec(),
        }
    }

    /// The first thing wrong with the name.
    pub fn defect(&self) -> Option<NameDefect> {
        let (domain, path) = self.split();
        let start = self.0.len() - path.len();
        match domain {
            _ if self.0.is_empty() => return Some(NameDefect::Empty),
            Some([]) => return Some(NameDefect::EmptyDomain),
            _ => {}
        }
        let byte = |(offset, byte): (usize, &u8)| match byte {
            b'/' => Some(NameDefect::Slash { offset }),
            b' '..=b'~' => None,
            _ => Some(NameDefect::Byte { offset, byte: *byte }),
        };
        let mut at = start;
        let level = |level: &[u8]| {
            let offset = at;
            at += level.len() + 1;
            match level {
                [] => Some(NameDefect::EmptyLevel { offset }),
                _ => mutf7::decode(level).is_err().then_some(NameDefect::Utf7 { offset }),
            }
        };
        let len = self.0.len();
        let byte = self.0.iter().enumerate().find_map(byte);
        byte.or_else(|| self.levels().into_iter().find_map(level))
            .or_else(|| (len > LONGEST).then_some(NameDefect::Long { len }))
    }
}

impl std::fmt::Display for MailboxName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// How the keys of a `mailboxes.db` are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Cyrus 2.4 to 3.4: the name itself.
    Internal,
    /// Cyrus 3.6: `N` and the name in other separators.
    Dbname,
}

impl Naming {
    /// Looks for the separators of Cyrus 3.6, which no older version lets into a name, and for its first letters: a
    /// control character that found its way into one name must not turn the others into nothing.
    pub fn detect(keys: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let (mut all, mut lettered, mut has_separator) = (0_usize, 0_usize, false);
        for key in keys {
            let key = key.as_ref();
            all += 1;
            lettered += usize::from(matches!(key.first(), Some(b'N' | b'I' | b'A')));
            has_separator |= key.iter().any(|byte| matches!(byte, 0x1d | 0x1f));
        }
        if has_separator && lettered > all / 2 { Self::Dbname } else { Self::Internal }
    }

    /// That of a list of subscriptions: Cyrus 3.6 writes the list's version into it.
    pub fn of_subscriptions<'k>(keys: impl IntoIterator<Item = &'k [u8]>) -> Self {
        if keys.into_iter().any(|key| key == VERSION_KEY) { Self::Dbname } else { Self::Internal }
    }

    /// The mailbox that a key names; none for an index that Cyrus keeps in the same file.
    pub fn mailbox(self, key: &[u8]) -> Option<MailboxName> {
        match self {
            Self::Dbname => key.strip_prefix(b"N").map(MailboxName::from_dbname),
            Self::Internal if key.starts_with(b"$RACL") || key.starts_with(b"$RUNQ") => None,
            Self::Internal => Some(MailboxName::internal(key)),
        }
    }
}

/// The internal name that the root of a mailbox of BlueMind has: BlueMind asks Cyrus for `user/<name>@<domain>`, or for a shared
/// one without `user/`, in modified UTF-7, of which Cyrus writes `.` as `^` and then `/` as `.`
/// (`net.bluemind.backend.cyrus.internal`, `CreateMailboxCommand`; `mboxname.h` of Cyrus IMAP).
pub fn root_of_bluemind(domain: &str, is_user: bool, name: &str) -> String {
    let prefix = if is_user { "user." } else { "" };
    let mut root = [domain, "!", prefix].concat();
    root.extend(mutf7::encode(name).chars().map(|c| match c {
        '.' => '^',
        '/' => '.',
        other => other,
    }));
    root
}

/// `^` as the dot that it stands for.
fn dotted(level: &[u8]) -> Vec<u8> {
    level.iter().map(|byte| if *byte == b'^' { b'.' } else { *byte }).collect()
}

/// A time in hexadecimal digits.
pub(super) fn hex(digits: &[u8]) -> Option<u64> {
    let is_plain = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_plain)?;
    u64::from_str_radix(digits, 16).ok()
}

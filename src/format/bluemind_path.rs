//! Where BlueMind 5 looks for a message that 4 has left: a file that it computes from its database, never asking Cyrus.
//!
//! Below the folder of a tree: `<server>__<domain>/domain/<letter>/<domain>/<letter>/…/<uid>.`. Read in BlueMind's source, as is
//! which record it goes by where several have the same message.

use super::cyrus_index::Guid;
use super::mutf7;

/// The folder of messages, in which it looks first.
pub const DATA: &str = "/var/spool/cyrus/data";
/// The folder of archived ones, in which it looks afterwards.
pub const ARCHIVE: &str = "/var/spool/bm-hsm/cyrus-archives";
/// The root of a user's folders.
pub const INBOX: &str = "INBOX";

/// A mailbox of BlueMind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// uid of its domain.
    pub domain_uid: &'a str,
    /// Whether it is a user's.
    pub is_user: bool,
    /// Its name: the login of a user.
    pub name: &'a str,
}

/// The partition of a domain on a server.
pub fn partition(server_uid: &str, domain_uid: &str) -> String {
    format!("{}__{}", server_uid.replace('.', "_"), domain_uid.replace('.', "_"))
}

impl Mailbox<'_> {
    /// The folder in which the messages of one of its folders are looked for, below that of the partition. `folder` is its
    /// full name; none where BlueMind fails to compute it.
    pub fn directory(&self, folder: &str) -> Option<String> {
        let encoded = mutf7::encode(folder);
        let written = |name: &str| name.replace('.', "^");
        let own = if self.is_user {
            let letter = letter(self.name.chars().next()?);
            let below = if folder == INBOX { String::new() } else { format!("/{}", written(&encoded)) };
            format!("{letter}/user/{}{below}", written(self.name))
        } else if folder == self.name {
            format!("{}/{}", letter(self.name.chars().next()?), written(self.name))
        } else {
            // It cuts off as many characters as the name of the mailbox has, whatever they are.
            let cut = self.name.encode_utf16().count() + 1;
            let first = encoded.get(cut..)?.chars().next()?;
            format!("{}/{}", letter(first), written(&encoded))
        };
        Some(format!("{}/{own}", domain_directory(self.domain_uid)?))
    }

    /// The full name that BlueMind 5 has of one of its folders, from the one that releases before 4.6 have: these leave out
    /// the name of a shared mailbox.
    pub fn full_name(&self, folder: &str) -> String {
        if self.is_user || folder == self.name { folder.to_owned() } else { format!("{}/{folder}", self.name) }
    }
}

/// The folder of a domain, below that of a partition.
pub fn domain_directory(domain_uid: &str) -> Option<String> {
    Some(format!("domain/{}/{domain_uid}", letter(domain_uid.chars().next()?)))
}

/// The name of the file of a message.
pub fn file_name(uid: u32) -> String {
    format!("{uid}.")
}

/// The folder for names that begin with a character.
pub fn letter(first: char) -> char {
    if first.is_alphabetic() { first.to_lowercase().next().unwrap_or(first) } else { 'q' }
}

/// A record's place among those of the same message, as far as its folder tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderHash(i32);

impl FolderHash {
    /// That of a folder.
    pub fn of(folder_uid: &str) -> Self {
        let uid = format!("mbox_records_{folder_uid}");
        Self(add(1, uid.encode_utf16().fold(0, add_unit)))
    }

    /// That of a record in it.
    pub fn record(self, uid: u32, guid: &Guid) -> RecordHash {
        let of = |text: &str| text.encode_utf16().fold(0, add_unit);
        let hash = add(add(self.0, of(&file_name(uid))), of(&guid.to_string()));
        let hash = add(hash, uid.cast_signed()).cast_unsigned();
        RecordHash(hash ^ (hash >> 16))
    }
}

fn add(hash: i32, more: i32) -> i32 {
    hash.wrapping_mul(31).wrapping_add(more)
}

fn add_unit(hash: i32, unit: u16) -> i32 {
    add(hash, i32::from(unit))
}

/// A record's place among those of the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHash(u32);

/// As many records in one place are kept in another way, which is not modelled.
const TREE: usize = 8;

/// The records that BlueMind 5 may go by, of all those of a message, by their numbers. Where there are several, the oldest of
/// them is the one; none where the order cannot be told.
pub fn first_references(records: &[RecordHash]) -> Option<Vec<usize>> {
    let mut size = 16_usize;
    while records.len() > size / 4 * 3 {
        size *= 2;
    }
    let mask = u32::try_from(size - 1).ok()?;
    let first = records.iter().map(|record| record.0 & mask).min()?;
    let mut places: Vec<u32> = records.iter().map(|record| record.0 & mask).collect();
    let found: Vec<usize> = (0..records.len()).filter(|number| places.get(*number) == Some(&first)).collect();
    places.sort_unstable();
    let is_plain = places.chunk_by(|a, b| a == b).all(|same| same.len() < TREE);
    is_plain.then_some(found)
}

//! glibc's `locale-archive`, in which the locales of a system are (`locarchive.h`, `locale -a`): a head, a hash table of names,
//! and the names; the locales themselves come after and are not read.

use super::bytes::le32;

/// What the file begins with.
const MAGIC: u32 = 0xde02_0109;
/// Places of the numbers of the head: where the table of names is, and how many slots it has.
const TABLE: usize = 8;
const SLOTS: usize = 16;
/// Length of a slot: the name's hash, the place of the name, the place of the locale; the last is 0 where it is empty.
const SLOT: usize = 12;

/// Why the names cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocaleArchiveError {
    /// Something else.
    #[error("no archive of locales")]
    Magic,
    /// It ends before its names do.
    #[error("the names of its locales are not within what was read")]
    Short,
}

/// The names, sorted, of an archive of which at least the beginning is there.
pub fn names(bytes: &[u8]) -> Result<Vec<String>, LocaleArchiveError> {
    use LocaleArchiveError::{Magic, Short};
    if le32(bytes, 0) != Some(MAGIC) {
        return Err(Magic);
    }
    let number = |at: usize| le32(bytes, at).and_then(|number| usize::try_from(number).ok()).ok_or(Short);
    let (table, slots) = (number(TABLE)?, number(SLOTS)?);
    let table = slots.checked_mul(SLOT).and_then(|length| bytes.get(table..table.checked_add(length)?)).ok_or(Short)?;
    let mut names = Vec::new();
    for slot in table.chunks_exact(SLOT) {
        if le32(slot, 8) != Some(0) {
            let at = le32(slot, 4).and_then(|at| usize::try_from(at).ok()).ok_or(Short)?;
            let rest = bytes.get(at..).ok_or(Short)?;
            let end = rest.iter().position(|byte| *byte == 0).ok_or(Short)?;
            names.push(String::from_utf8_lossy(&rest[..end]).into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `localedef` of glibc 2.36 writes it, with two slots less than 991: head, table, names.
    fn archive(slots: &[(u32, u32)], text: &[u8]) -> Vec<u8> {
        let head = [MAGIC, 2, 56, 1, slots.len() as u32, 56 + 12 * slots.len() as u32, text.len() as u32];
        let numbers = head.into_iter().chain([0; 7]).chain(slots.iter().flat_map(|(at, to)| [7, *at, *to]));
        numbers.flat_map(u32::to_le_bytes).chain(text.iter().copied()).collect()
    }

    #[test]
    fn the_names_of_an_archive_are_those_in_use() {
        let bytes = archive(&[(0, 0), (92, 200), (103, 300)], b"fr_FR.utf8\0en_US.utf8\0");
        assert_eq!(names(&bytes), Ok(vec!["en_US.utf8".to_owned(), "fr_FR.utf8".to_owned()]));
        assert_eq!(names(&archive(&[(0, 0)], b"")), Ok(Vec::new()));
        assert_eq!(names(b"GIF89a"), Err(LocaleArchiveError::Magic));
        for end in 4..bytes.len() {
            assert_eq!(names(&bytes[..end]), Err(LocaleArchiveError::Short), "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(mut bytes: Vec<u8>) {
            let _ = names(&bytes);
            bytes.splice(0..0, MAGIC.to_le_bytes());
            let _ = names(&bytes);
        }
    }
}

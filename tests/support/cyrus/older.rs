//! What Debian's Cyrus 3.6 wrote, turned into what BlueMind's Cyrus 3.0 would have written.

use std::path::Path;

use bm_preflight::format::cyrus_header::{self, CyrusHeader};
use bm_preflight::format::mailbox_record::{AclEntry, MailboxRecord};

use super::Lab;
use super::files::Tree;

/// Bytes of the header of a `cyrus.index` of version 13; the last four are its CRC.
const INDEX_HEADER: usize = 128;
/// Bytes of a record of version 13; the last four are its CRC.
const INDEX_RECORD: usize = 104;
/// Where the header of a `cyrus.index` has its UIDVALIDITY, when it was last rewritten, and the CRC of `cyrus.header`.
const UID_VALIDITY: usize = 44;
const LAST_REPACK: usize = 92;
const HEADER_FILE_CRC: usize = 96;
/// Where a record says when it was last written.
const LAST_UPDATED: usize = 28;

impl Lab {
    /// Makes a stopped Cyrus' files those of 3.0: indexes of version 13, headers of text, records of the old notation.
    pub(crate) fn grow_older(&self) {
        self.tool("reconstruct", &["-V", "13"]);
        for (name, record) in self.mailboxes() {
            rewrite_header(&self.mailbox_directory(Tree::Meta, &name), &record);
        }
        let records = self.records();
        let entries = records.iter().map(|(name, record)| (name.as_bytes().to_vec(), written(record)));
        self.write_entries(&entries.collect::<Vec<_>>());
    }
}

impl Lab {
    /// Lets time pass over the indexes of a stopped Cyrus of 3.0: what was written now was written so many seconds ago.
    pub(crate) fn let_pass(&self, seconds: u32) {
        for (name, _) in self.mailboxes() {
            self.change(&name, "cyrus.index", |bytes| {
                [UID_VALIDITY, LAST_REPACK].into_iter().for_each(|at| set_back(&mut bytes[at..at + 4], seconds));
                renew_index_crc(bytes);
                for record in bytes[INDEX_HEADER..].as_chunks_mut::<INDEX_RECORD>().0 {
                    set_back(&mut record[LAST_UPDATED..LAST_UPDATED + 4], seconds);
                    let crc = cyrus_header::crc(&record[..INDEX_RECORD - 4]);
                    record[INDEX_RECORD - 4..].copy_from_slice(&crc.to_be_bytes());
                }
            });
        }
    }
}

/// A time, in seconds since the epoch; 0 is none.
fn set_back(time: &mut [u8], seconds: u32) {
    let at = u32::from_be_bytes(time.try_into().expect("four bytes"));
    time.copy_from_slice(&at.saturating_sub(seconds).to_be_bytes());
}

fn rewrite_header(directory: &Path, record: &MailboxRecord) {
    let (header, index) = (directory.join("cyrus.header"), directory.join("cyrus.index"));
    let old = CyrusHeader::parse(&std::fs::read(&header).expect("a mailbox has a header")).expect("as Cyrus wrote it");
    let acl: String = record.acl.iter().map(|AclEntry { who, rights }| format!("{who}\t{rights}\t")).collect();
    let lines = format!(
        "{}\t{}\n{}\n{acl}\n",
        old.quota_root.unwrap_or_default(),
        record.unique_id.as_deref().unwrap_or_default(),
        old.user_flags.join(" ")
    );
    let new = [cyrus_header::MAGIC, lines.as_bytes()].concat();
    std::fs::write(&header, &new).expect("a header can be written");
    let mut bytes = std::fs::read(&index).expect("a mailbox has an index");
    bytes[HEADER_FILE_CRC..HEADER_FILE_CRC + 4].copy_from_slice(&cyrus_header::crc(&new).to_be_bytes());
    renew_index_crc(&mut bytes);
    std::fs::write(&index, bytes).expect("an index can be written");
}

/// Makes the CRC of an index's header right again.
pub(super) fn renew_index_crc(bytes: &mut [u8]) {
    let crc = cyrus_header::crc(&bytes[..INDEX_HEADER - 4]);
    bytes[INDEX_HEADER - 4..INDEX_HEADER].copy_from_slice(&crc.to_be_bytes());
}

/// A record in the notation of Cyrus 3.0.
fn written(record: &MailboxRecord) -> Vec<u8> {
    let mut pairs: Vec<String> = Vec::new();
    let is_live = !record.flags.is_deleted;
    if is_live {
        let acl: Vec<String> =
            record.acl.iter().map(|AclEntry { who, rights }| format!("{} {}", astring(who), astring(rights))).collect();
        pairs.push(format!("A %({})", acl.join(" ")));
    }
    pairs.extend(record.unique_id.iter().map(|id| format!("I {id}")));
    pairs.extend(record.partition.iter().filter(|_| is_live).map(|partition| format!("P {}", astring(partition))));
    pairs.extend((!is_live).then(|| "T d".to_owned()));
    pairs.push(format!("V {}", record.uid_validity.unwrap_or(1)));
    pairs.push(format!("F {}", record.folder_modseq.unwrap_or(1)));
    pairs.push(format!("M {}", record.mtime.unwrap_or(1)));
    format!("%({})", pairs.join(" ")).into_bytes()
}

fn astring(text: &str) -> String {
    let is_atom =
        !text.is_empty() && text != "NIL" && text.bytes().all(|c| c.is_ascii_graphic() && !b"(){\"%*\\".contains(&c));
    if is_atom { text.to_owned() } else { super::quoted(text) }
}

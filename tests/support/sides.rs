//! The mail of a server as Cyrus holds it and as its shard does, in the same terms: folders by their UNIQUEID.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bm_preflight::format::cyrus_index::{IndexError, Record, Records};
use bm_preflight::format::mailbox_name::{MailboxName, Namespace};

use super::bluemind::Installation;
use super::cyrus::files::{Tree, directory, mailboxes};

/// The live folders of a side by UNIQUEID.
pub(crate) type Side = BTreeMap<String, Folder>;

/// What a side has of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// How it is called there.
    pub(crate) name: String,
    /// What it holds; none where that cannot be read.
    pub(crate) content: Option<Content>,
}

/// What is in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// Highest UID ever given.
    pub(crate) last_uid: u32,
    /// Each record in words: UID, GUID, whether it is expunged, and in a user's mailbox whether it was seen.
    pub(crate) records: BTreeSet<String>,
}

/// What the Cyrus below that root holds.
pub(crate) fn cyrus(root: &Path) -> Side {
    let mut side = Side::new();
    for (name, record) in mailboxes(&root.join("var/lib/cyrus/mailboxes.db")) {
        if name.parts("DELETED").is_deleted {
            continue;
        }
        let shown = String::from_utf8_lossy(name.as_bytes()).into_owned();
        let place = directory(Tree::Meta, record.partition.as_deref().expect("a partition"), &shown);
        let index = root.join(place.trim_start_matches('/')).join("cyrus.index");
        let content = records(&index).map(|(last_uid, records)| Content {
            last_uid,
            records: records.iter().map(|record| words(&name, record)).collect(),
        });
        let folder = Folder { name: shown, content };
        assert_eq!(side.insert(record.unique_id.expect("a unique id"), folder), None, "a UNIQUEID is one folder's");
    }
    side
}

/// The last UID and the records of an index; none when it is not there, not whole, or no file.
pub(crate) fn records(index: &Path) -> Option<(u32, Vec<Record>)> {
    // Opening a pipe would wait for a writer.
    index.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
    let records = Records::open(std::fs::File::open(index).ok()?).ok()?;
    let header = *records.header();
    let records: Vec<Record> = records.collect::<Result<_, IndexError>>().ok()?;
    let is_whole = header.crc.is_right() && records.iter().all(|record| record.crc.is_right());
    is_whole.then_some((header.last_uid, records))
}

fn words(name: &MailboxName, record: &Record) -> String {
    let is_user = name.parts("DELETED").namespace == Namespace::User;
    let expunged = if record.flags.is_expunged() { " expunged" } else { "" };
    let seen = if is_user && record.flags.0 & 16 != 0 { " seen" } else { "" };
    format!("{} {}{expunged}{seen}", record.uid, record.guid)
}

/// What the shard of a server holds.
pub(crate) fn shard(installation: &Installation<'_>, server: &str) -> Side {
    let mut side = Side::new();
    for line in installation.sql(server, SHARD).lines() {
        let [id, name, last_uid, record] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let folder = side.entry(id.to_owned()).or_insert_with(|| Folder {
            name: name.to_owned(),
            content: Some(Content { last_uid: last_uid.parse().expect("a number"), ..Content::default() }),
        });
        let records = folder.content.iter_mut().map(|content| &mut content.records);
        records.for_each(|records| records.extend((!record.is_empty()).then(|| record.to_owned())));
    }
    side
}

/// A line for each record of a live folder, and for each folder that has none. Bytes are shown as text that begins `\x`.
const SHARD: &str = r"
SELECT f.uid, s.owner || '/' || r.name, r.last_uid,
       m.imap_uid || ' ' || ltrim(m.message_body_guid::text, '\x') || CASE WHEN m.system_flags < 0 THEN ' expunged' ELSE '' END
       || CASE WHEN s.uid LIKE '%!user.%' AND m.system_flags & 16 <> 0 THEN ' seen' ELSE '' END
FROM t_mailbox_replica r
JOIN t_container_item f ON f.id = r.item_id AND f.flags & 2 = 0
JOIN t_container s ON s.id = f.container_id
LEFT JOIN t_container c ON c.uid = 'mbox_records_' || f.uid
LEFT JOIN (t_mailbox_record m JOIN t_container_item i ON i.id = m.item_id) ON i.container_id = c.id";

/// Where the two sides are apart, a line for each folder.
pub(crate) fn apart(cyrus: &Side, shard: &Side) -> BTreeSet<String> {
    let ids: BTreeSet<&String> = cyrus.keys().chain(shard.keys()).collect();
    let line = |id: &String| match (cyrus.get(id), shard.get(id)) {
        (Some(folder), None) => Some(format!("{}: only in Cyrus", folder.name)),
        (None, Some(folder)) => Some(format!("{}: only in the shard", folder.name)),
        (Some(folder), Some(other)) => between(folder.content.as_ref(), other.content.as_ref())
            .map(|difference| format!("{}: {difference}", folder.name)),
        (None, None) => None,
    };
    ids.into_iter().filter_map(line).collect()
}

fn between(cyrus: Option<&Content>, shard: Option<&Content>) -> Option<String> {
    let (Some(cyrus), Some(shard)) = (cyrus, shard) else { return Some("cannot be read".to_owned()) };
    let lacking = |this: &Content, other: &Content| this.records.difference(&other.records).count();
    let (more, less) = (lacking(cyrus, shard), lacking(shard, cyrus));
    match (more, less, cyrus.last_uid == shard.last_uid) {
        (0, 0, true) => None,
        (0, 0, false) => Some(format!("last UID {} in Cyrus, {} in the shard", cyrus.last_uid, shard.last_uid)),
        _ => Some(format!("{more} records only in Cyrus, {less} only in the shard")),
    }
}

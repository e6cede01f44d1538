//! The folders of a shard with the places where BlueMind 5 looks for their messages.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use super::shard::{Copied, Held, Replica};
use super::tables::FolderPlace;
use crate::collect::reach::owners::Owners;
use crate::collect::reach::root::Root;
use crate::format::bluemind_path::{self, FolderHash, Mailbox};
use crate::model::Reason;

/// The trees, in the order in which they are looked through.
const TREES: [&str; 2] = [bluemind_path::DATA, bluemind_path::ARCHIVE];

/// A folder with records.
pub(super) struct Holder {
    pub(super) replica: Replica,
    /// The container of its records.
    pub(super) container: i64,
    pub(super) hash: FolderHash,
    pub(super) place: FolderPlace,
    pub(super) partition: Option<String>,
    /// Where its files are below the partition.
    pub(super) below: Option<String>,
    /// Whether users have it: it is not deleted, and somebody's.
    pub(super) is_live: bool,
}

/// All of them, in the order of their containers.
pub(super) struct Holders {
    pub(super) all: Vec<Holder>,
    numbers: HashMap<i64, usize>,
}

impl Holders {
    /// Those of the shard of a server. A folder that only remains of a mailbox of another server is none.
    pub(super) fn of(held: &Held, owners: &Owners, server: &str) -> Self {
        let mut holders: BTreeMap<i64, Holder> = BTreeMap::new();
        let (live, deleted): (Vec<_>, Vec<_>) = held.replicas.iter().partition(|replica| !replica.is_deleted);
        let replicas = live.into_iter().chain(deleted).map(|replica| (replica, true));
        for (replica, is_folder) in replicas.chain(held.orphans.iter().map(|orphan| (orphan, false))) {
            let Some(container) = replica.container.filter(|container| !holders.contains_key(container)) else {
                continue;
            };
            let owner = owners.find(&replica.mailbox_uid, replica.domain_uid.as_deref());
            if owner.is_some_and(|(_, backend)| backend.is_some_and(|backend| backend != server)) {
                continue;
            }
            let mailbox = owner.map(|(mailbox, _)| mailbox);
            let folder = is_folder.then_some(replica.path.as_str());
            holders.insert(container, Holder::of(replica, container, mailbox, folder, (server, held.has_full_names)));
        }
        let all: Vec<Holder> = holders.into_values().collect();
        let numbers = all.iter().enumerate().map(|(number, holder)| (holder.container, number)).collect();
        Self { all, numbers }
    }

    /// The number of the folder with that container.
    pub(super) fn number(&self, container: i64) -> Option<usize> {
        self.numbers.get(&container).copied()
    }
}

impl Holder {
    fn of(
        replica: &Replica,
        container: i64,
        mailbox: Option<Mailbox<'_>>,
        folder: Option<&str>,
        (server, has_full_names): (&str, bool),
    ) -> Self {
        // It takes a `_` in the name of a domain for a dot when it looks for the folder.
        let is_usable = |mailbox: &Mailbox<'_>| !mailbox.domain_uid.contains(['_', '/']) && mailbox.domain_uid != "..";
        let named = mailbox.filter(is_usable).zip(folder);
        let below = named.and_then(|(mailbox, folder)| {
            let full = if has_full_names { folder.to_owned() } else { mailbox.full_name(folder) };
            mailbox.directory(&full)
        });
        let place = match (&below, folder) {
            (Some(_), _) => FolderPlace::Known,
            (None, None) => FolderPlace::NoFolder,
            (None, Some(_)) => FolderPlace::NoPath,
        };
        Self {
            replica: replica.clone(),
            container,
            hash: FolderHash::of(&replica.unique_id),
            place,
            partition: mailbox.map(|mailbox| bluemind_path::partition(server, mailbox.domain_uid)),
            below,
            is_live: !replica.is_deleted && mailbox.is_some(),
        }
    }

    /// The folder of its messages in a tree.
    pub(super) fn directory(&self, tree: &str) -> Option<String> {
        Some(format!("{tree}/{}/{}", self.partition.as_deref()?, self.below.as_deref()?))
    }

    /// Which of its records have a file that is not empty.
    pub(super) fn files(&self, root: &Root, records: &[Copied]) -> Result<Vec<bool>, Reason> {
        let mut found = vec![false; records.len()];
        for tree in TREES {
            let Some(path) = self.directory(tree).filter(|_| found.contains(&false)) else { break };
            let path = Path::new(&path);
            let levels = self.below.as_deref().map_or(0, |below| Path::new(below).components().count());
            let Some(folder) = root.find_own(path, levels)? else { continue };
            for (found, record) in found.iter_mut().zip(records).filter(|(found, _)| !**found) {
                *found = has_content(root, &folder, path, record.uid)?;
            }
        }
        Ok(found)
    }
}

fn has_content(root: &Root, folder: &File, path: &Path, uid: u32) -> Result<bool, Reason> {
    let size = root.size_in(folder, path, &bluemind_path::file_name(uid))?;
    Ok(size.is_some_and(|size| size > 0))
}

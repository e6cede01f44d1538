//! A second look at mailboxes, when a source that was read meanwhile tells them otherwise.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::conf::Conf;
use super::indexes;
use super::mailboxes::{Mailbox, Mailboxes};
use crate::collect::reach::mailbox::{Again, Owner, Since};
use crate::collect::reach::root::Root;
use crate::format::cyrus_index::Stamp;
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

/// Looks at an index that is being written, and the pause between two.
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_millis(100);

/// The list of mailboxes as it is now, and how to get at their indexes.
struct Now {
    root: Root,
    conf: Conf,
    mailboxes: HashMap<String, Mailbox>,
    unique_ids: HashSet<String>,
}

/// Reads the list of mailboxes once more.
pub(in crate::collect) fn again(root: &Root) -> Result<Box<dyn Again>, Reason> {
    let conf = Conf::read(root)?;
    let mailboxes = Mailboxes::read(root, &conf)?.mailboxes;
    let unique_ids = mailboxes.iter().filter_map(Mailbox::unique_id).map(str::to_owned).collect();
    let named = |mailbox: Mailbox| (escaped(mailbox.name.as_bytes()), mailbox);
    let mailboxes = mailboxes.into_iter().map(named).collect();
    Ok(Box::new(Now { root: root.clone(), conf, mailboxes, unique_ids }))
}

impl Again for Now {
    fn content(&self, owner: &Owner, before: Option<Stamp>) -> Result<Since, Reason> {
        let Some(mailbox) = self.mailboxes.get(&owner.name) else { return Ok(Since::Gone) };
        let no_partition = || Cyrus::NoPartition { name: owner.name.clone() };
        let directories = mailbox.directories(&self.conf).ok_or_else(no_partition)?;
        if before.is_some() && indexes::stamp(&self.root, &directories) == before {
            return Ok(Since::Same);
        }
        for _ in 1..TRIES {
            if let Some(content) = indexes::inspect(&self.root, mailbox, &directories, true).content {
                return Ok(Since::Changed(content));
            }
            std::thread::sleep(PAUSE);
        }
        let inspected = indexes::inspect(&self.root, mailbox, &directories, true);
        let state = inspected.row.state.word().to_owned();
        inspected
            .content
            .map(Since::Changed)
            .ok_or_else(|| Cyrus::IndexNotSound { name: owner.name.clone(), state }.into())
    }

    fn lists(&self, unique_id: &str) -> bool {
        self.unique_ids.contains(unique_id)
    }
}

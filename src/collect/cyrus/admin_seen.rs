//! What admin0 has read in Cyrus. Imports that log in as admin0 store mail as read for admin0, and unread for its owner.

use std::collections::HashMap;

use super::conf::{self, Conf};
use super::db::{self, PAUSE, TRIES, Unread};
use super::indexes;
use super::mailboxes::{Mailbox, Mailboxes};
use crate::collect::reach::mailbox::Content;
use crate::collect::reach::place::Place;
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::table;
use crate::format::cyrus_db::Entry;
use crate::format::seen_state::SeenState;
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

table! {
    /// The folders that admin0 opened in Cyrus, or stored read mail in: Cyrus keeps for each reader what is read
    /// (`user/a/admin0.seen` below its configuration directory). Opening a folder with mail leaves a row, and so does storing a
    /// message as read; storing it as unread does not. A folder of which an index cannot be read makes the table partial.
    pub(super) struct AdminSeen: "admin_seen", "a folder that admin0 opened or filled", Backend {
        /// unique id of the folder
        unique_id: String as key,
        /// its internal name; null when mailboxes.db lists no such folder any more
        name: Option<String> as key,
        /// when it was last opened or filled, in seconds since the epoch
        opened_at: i64,
        /// messages in it that admin0 has read; null when mailboxes.db lists no such folder
        read: Option<u64>,
        /// those of them that its owner has not read; null of shared mailboxes, too
        unread_by_owner: Option<u64>,
    }
}

/// The login, without domain, and with that of BlueMind's management.
const LOGIN: &str = "admin0";
const DOMAINS: [Option<&str>; 2] = [None, Some("global.virt")];

/// Looks at what Cyrus keeps of admin0.
pub(super) async fn look(place: &Place) -> Seen {
    let found = place.aside(find).await.map(|(rows, gap)| Rows::from(rows).but(gap));
    Seen::at(place.root.shown(conf::PATH)).tell::<AdminSeen>(found)
}

/// The rows, and what is missing of them.
fn find(root: &Root) -> Result<(Vec<AdminSeen>, Option<Reason>), Reason> {
    let conf = Conf::read(root)?;
    let mut states: HashMap<String, SeenState> = HashMap::new();
    for domain in DOMAINS {
        let file = conf.hashing.user_file(LOGIN, domain, "seen");
        let path = format!("{}/{}", conf.directory()?, file.display());
        states.extend(read(root, &path)?);
    }
    if states.is_empty() {
        return Ok((Vec::new(), None));
    }
    let listed = Mailboxes::read(root, &conf).map_err(Reason::from)?;
    let by_id = |mailbox| Some((unique_id(root, mailbox)?, mailbox));
    let listed: HashMap<String, &Mailbox> = listed.mailboxes.iter().filter_map(by_id).collect();
    let mut gaps = Vec::new();
    let row = |(unique_id, state): (&String, &SeenState)| {
        let mailbox = listed.get(unique_id).copied();
        let counted = match mailbox {
            Some(mailbox) if !state.is_empty() => count(root, &conf, mailbox, state).unwrap_or_else(|reason| {
                gaps.push(reason);
                (None, None)
            }),
            Some(_) => (Some(0), Some(0)),
            None => (None, None),
        };
        AdminSeen {
            unique_id: unique_id.clone(),
            name: mailbox.map(|mailbox| escaped(mailbox.name.as_bytes())),
            opened_at: state.opened_at,
            read: counted.0,
            unread_by_owner: counted.1,
        }
    };
    let mut rows: Vec<AdminSeen> = states.iter().map(row).collect();
    rows.sort();
    Ok((rows, Reason::all(gaps)))
}

/// The id of a folder; an entry of before Cyrus 3.0 leaves it to the folder's header.
fn unique_id(root: &Root, mailbox: &Mailbox) -> Option<String> {
    let of_header = || indexes::inspect(root, mailbox, mailbox.directories.as_ref()?, false).row.unique_id;
    mailbox.unique_id().map(str::to_owned).or_else(of_header)
}

/// What the data base of a reader holds; nothing when there is none: it has never opened a folder.
fn read(root: &Root, path: &str) -> Result<Vec<(String, SeenState)>, Reason> {
    let take = |entries: &[Entry<'_>]| {
        let state = |(key, value): &Entry<'_>| {
            let told = SeenState::parse(value).map_err(|error| root.unreadable(path, &error))?;
            Ok((escaped(key), told))
        };
        entries.iter().map(state).collect()
    };
    let mut tries = 0;
    loop {
        if root.find(path)?.is_none() {
            return Ok(Vec::new());
        }
        tries += 1;
        match db::look(root, path, |_, entries| take(entries)) {
            Ok(states) => return states,
            Err(Unread::Refused(reason)) => return Err(reason),
            Err(Unread::Written(reason)) if tries >= TRIES => return Err(reason),
            Err(Unread::Damaged(error)) if tries >= TRIES => return Err(root.unreadable(path, &error)),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Messages of a folder that were read, and those that its owner has not. The error says why its index tells neither.
fn count(root: &Root, conf: &Conf, mailbox: &Mailbox, state: &SeenState) -> Result<(Option<u64>, Option<u64>), Reason> {
    let name = || escaped(mailbox.name.as_bytes());
    let directories = mailbox.directories.as_ref().ok_or_else(|| Cyrus::NoPartition { name: name() })?;
    let indexes::Inspected { content, row, refusal, .. } = indexes::inspect(root, mailbox, directories, true);
    let Some(Content { records, tells_seen, .. }) = content else {
        let state = row.state.word().to_owned();
        return Err(refusal.unwrap_or_else(|| Cyrus::IndexNotSound { name: name(), state }.into()));
    };
    let read = || records.iter().filter(|message| message.is_live && state.contains(message.uid));
    let unread = read().filter(|message| !message.is_seen).count() as u64;
    let has_reader = mailbox.owner(conf).has_reader && tells_seen;
    Ok((Some(read().count() as u64), has_reader.then_some(unread)))
}

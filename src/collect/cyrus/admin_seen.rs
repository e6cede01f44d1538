//! What admin0 has read in Cyrus, and what it has subscribed to. Imports that log in as admin0 store mail as read for admin0,
//! and unread for its owner; many subscribe to the folders that they fill.

use std::collections::{BTreeMap, BTreeSet};

use super::conf::{self, Conf};
use super::db::{self, PAUSE, TRIES, Unread};
use super::indexes;
use super::mailboxes::{Mailbox, Mailboxes};
use crate::collect::reach::mailbox::Content;
use crate::collect::reach::place::Place;
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::table;
use crate::format::cyrus_db::{CyrusDbError, Entry};
use crate::format::mailbox_name::{MailboxName, Naming};
use crate::format::seen_state::SeenState;
use crate::model::Reason;
use crate::model::reason::Cyrus;
use crate::model::text::escaped;

table! {
    /// The folders that admin0 opened in Cyrus, stored read mail in, or subscribed to: Cyrus keeps for each reader what is
    /// read (`user/a/admin0.seen` below its configuration directory) and what it subscribed to (`admin0.sub` beside it).
    /// Opening a folder with mail leaves a row, and so does storing a message as read; storing it as unread does not. A folder
    /// of which an index cannot be read makes the table partial.
    pub(super) struct AdminSeen: "admin_seen", "a folder that admin0 opened, filled or subscribed to", Backend {
        /// unique id of the folder; null when only a subscription names it, and mailboxes.db does not list it
        unique_id: Option<String> as key,
        /// its internal name; null when mailboxes.db lists no such folder any more, and no subscription names it
        name: Option<String> as key,
        /// when it was last opened or filled, in seconds since the epoch; null when it was only subscribed to
        opened_at: Option<i64>,
        /// messages in it that admin0 has read; null when mailboxes.db lists no such folder
        read: Option<u64>,
        /// those of them that its owner has not read; null of shared mailboxes, too
        unread_by_owner: Option<u64>,
        /// whether admin0 is subscribed to it
        is_subscribed: bool,
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
    let Kept { mut states, mut subscribed } = Kept::read(root, &conf)?;
    let (mut rows, mut gaps) = (Vec::new(), Vec::new());
    if states.is_empty() && subscribed.is_empty() {
        return Ok((rows, None));
    }
    for mailbox in Mailboxes::read(root, &conf).map_err(Reason::from)?.mailboxes {
        let unique_id = unique_id(root, &conf, &mailbox);
        let state = unique_id.as_ref().and_then(|id| states.remove(id));
        let is_subscribed = subscribed.remove(&mailbox.name);
        if state.is_none() && !is_subscribed {
            continue;
        }
        let counted = count(root, &conf, &mailbox, state.as_ref()).unwrap_or_else(|reason| {
            gaps.push(reason);
            (None, None)
        });
        rows.push(AdminSeen {
            unique_id,
            name: Some(escaped(mailbox.name.as_bytes())),
            opened_at: state.map(|state| state.touched_at()),
            read: counted.0,
            unread_by_owner: counted.1,
            is_subscribed,
        });
    }
    rows.extend(unlisted(states, subscribed));
    rows.sort();
    Ok((rows, Reason::all(gaps)))
}

/// The rows of folders that mailboxes.db does not list.
fn unlisted(states: BTreeMap<String, SeenState>, subscribed: BTreeSet<MailboxName>) -> Vec<AdminSeen> {
    let none = AdminSeen {
        unique_id: None,
        name: None,
        opened_at: None,
        read: None,
        unread_by_owner: None,
        is_subscribed: false,
    };
    let opened = |(id, state): (String, SeenState)| AdminSeen {
        unique_id: Some(id),
        opened_at: Some(state.touched_at()),
        ..none.clone()
    };
    let named =
        |name: MailboxName| AdminSeen { name: Some(escaped(name.as_bytes())), is_subscribed: true, ..none.clone() };
    states.into_iter().map(opened).chain(subscribed.into_iter().map(named)).collect()
}

/// The id of a folder; an entry of before Cyrus 3.0 leaves it to the folder's header.
fn unique_id(root: &Root, conf: &Conf, mailbox: &Mailbox) -> Option<String> {
    let of_header = || indexes::inspect(root, mailbox, &mailbox.directories(conf)?, false).row.unique_id;
    mailbox.unique_id().map(str::to_owned).or_else(of_header)
}

/// What Cyrus keeps of admin0, of both logins.
struct Kept {
    /// What it has read, by the id of the folder.
    states: BTreeMap<String, SeenState>,
    subscribed: BTreeSet<MailboxName>,
}

impl Kept {
    fn read(root: &Root, conf: &Conf) -> Result<Self, Reason> {
        let mut kept = Self { states: BTreeMap::new(), subscribed: BTreeSet::new() };
        for domain in DOMAINS {
            let file = conf.hashing.user_file(LOGIN, domain, "seen");
            let path = format!("{}/{}", conf.directory()?, file.display());
            let state = |(key, value): &Entry<'_>| {
                let told = SeenState::parse(value).map_err(|error| root.unreadable(&path, &error))?;
                Ok((escaped(key), told))
            };
            kept.states.extend(read(root, &path, |entries| entries.iter().map(state).collect())?);
            let file = conf.hashing.user_file(LOGIN, domain, "sub");
            let path = format!("{}/{}", conf.directory()?, file.display());
            let names = |entries: &[Entry<'_>]| {
                let naming = Naming::of_subscriptions(entries.iter().map(|(key, _)| key.as_ref()));
                Ok(entries.iter().filter_map(|(key, _)| naming.mailbox(key)).collect::<Vec<_>>())
            };
            kept.subscribed.extend(read(root, &path, names)?);
        }
        Ok(kept)
    }
}

/// What a data base of a reader holds; nothing when there is none: it has never opened a folder, or subscribed to one.
fn read<T>(root: &Root, path: &str, take: impl Fn(&[Entry<'_>]) -> Result<Vec<T>, Reason>) -> Result<Vec<T>, Reason> {
    let mut tries = 0;
    loop {
        if root.find(path)?.is_none() {
            return Ok(Vec::new());
        }
        tries += 1;
        match db::look(root, path, |_, entries| take(entries)) {
            Ok(taken) => return taken,
            // A list of which the last entry was taken out: text has no header.
            Err(Unread::Damaged(CyrusDbError::Empty)) if path.ends_with(".sub") => return Ok(Vec::new()),
            Err(Unread::Refused(reason)) => return Err(reason),
            Err(Unread::Written(reason)) if tries >= TRIES => return Err(reason),
            Err(Unread::Damaged(error)) if tries >= TRIES => return Err(root.unreadable(path, &error)),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Messages of a folder that were read, and those that its owner has not. The error says why its index tells neither.
fn count(
    root: &Root,
    conf: &Conf,
    mailbox: &Mailbox,
    state: Option<&SeenState>,
) -> Result<(Option<u64>, Option<u64>), Reason> {
    let Some(state) = state.filter(|state| !state.is_empty()) else { return Ok((Some(0), Some(0))) };
    let name = || escaped(mailbox.name.as_bytes());
    let directories = mailbox.directories(conf).ok_or_else(|| Cyrus::NoPartition { name: name() })?;
    let indexes::Inspected { content, row, refusal, .. } = indexes::inspect(root, mailbox, &directories, true);
    let Some(Content { records, tells_seen, .. }) = content else {
        let state = row.state.word().to_owned();
        return Err(refusal.unwrap_or_else(|| Cyrus::IndexNotSound { name: name(), state }.into()));
    };
    let read = || records.iter().filter(|message| message.is_live && state.contains(message.uid));
    let unread = read().filter(|message| !message.is_seen).count() as u64;
    let has_reader = mailbox.owner(conf).has_reader && tells_seen;
    Ok((Some(read().count() as u64), has_reader.then_some(unread)))
}

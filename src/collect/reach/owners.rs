//! The mailboxes of the directory, for who computes from their names where their files are.

use std::collections::HashMap;

use super::sink::Sink;
use crate::format::bluemind_path::Mailbox;
use crate::model::Reason;
use crate::model::reason::Run;

/// A mailbox as the directory knows it.
#[derive(Debug, Clone)]
struct Owner {
    domain_uid: String,
    is_user: bool,
    name: String,
    /// uid of its server; none where that is not told.
    backend_uid: Option<String>,
}

/// All of them, by their uids: these are unique in a domain only.
#[derive(Debug, Default)]
pub(in crate::collect) struct Owners(HashMap<String, Vec<Owner>>);

impl Owners {
    const ALL: &str = "SELECT mailbox_uid, domain_uid, type, name, backend_uid FROM mailbox";

    /// Those that the directory told; the error says why it did not tell all.
    pub(in crate::collect) fn read(sink: &Sink) -> Result<Self, Reason> {
        let read = sink.with(|store| {
            let told = store.coverage()?.into_iter().find(|coverage| coverage.table == "mailbox");
            let gap = told.map_or(Some(Run::NotCollected.into()), |told| told.reason);
            gap.map_or_else(|| store.texts(Self::ALL).map(Ok), |gap| Ok(Err(gap)))
        });
        let rows = read.map_err(|error| Reason::from(Run::Store { error: error.to_string() }))??;
        let mut owners = Self::default();
        for row in rows {
            if let [Some(uid), Some(domain_uid), Some(kind), Some(name), backend_uid] = row.as_slice() {
                let (domain_uid, is_user, name) = (domain_uid.clone(), kind == "user", name.clone());
                let backend_uid = backend_uid.clone().filter(|uid| !uid.is_empty());
                let owner = Owner { domain_uid, is_user, name, backend_uid };
                owners.0.entry(uid.clone()).or_default().push(owner);
            }
        }
        Ok(owners)
    }

    /// A mailbox, and the server that it is on; none when the directory has none of that uid.
    pub(in crate::collect) fn find(&self, uid: &str, domain_uid: Option<&str>) -> Option<(Mailbox<'_>, Option<&str>)> {
        let all = self.0.get(uid)?;
        let owner = all.iter().find(|owner| domain_uid.is_none_or(|domain| owner.domain_uid == domain))?;
        let Owner { domain_uid, is_user, name, backend_uid } = owner;
        Some((Mailbox { domain_uid, is_user: *is_user, name }, backend_uid.as_deref()))
    }
}

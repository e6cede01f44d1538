//! The shards of a run: each has to be a database of its own, and the one that the directory means.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio_postgres::Client;

use super::access::Access;
use super::postgres::{Greeting, Sessions};
use crate::model::Reason;
use crate::model::reason::{self, Run};

/// Why shards must not be read, by their server: none until all were looked at.
type Refusals = Option<BTreeMap<String, Reason>>;

/// What was found of all shards together, for who waits for it before one is read.
#[derive(Clone)]
pub(in crate::collect) struct Verdicts(watch::Receiver<Refusals>);

impl Verdicts {
    /// Those that are still to be found, and where they are put then.
    pub(in crate::collect) fn awaited() -> (watch::Sender<Refusals>, Self) {
        let (put, told) = watch::channel(None);
        (put, Self(told))
    }

    /// Waits until all shards were looked at. Why that of a server must not be read; none when it may.
    pub(in crate::collect) async fn refusal(&self, server: &str) -> Option<Reason> {
        let mut told = self.0.clone();
        match told.wait_for(Option::is_some).await {
            Ok(all) => all.as_ref().and_then(|all| all.get(server).cloned()),
            Err(_) => Some(Run::NothingReported.into()),
        }
    }
}

/// A shard as it was found.
pub(in crate::collect) struct Found<'a> {
    /// Uid of its server.
    pub(in crate::collect) server: &'a str,
    /// How to reach it.
    pub(in crate::collect) access: Result<Access, Reason>,
    /// The mailboxes that it must have trees of, once they are replicated; empty when they are not known.
    pub(in crate::collect) mailboxes: &'a [String],
}

/// The shards that must not be read, by their server: they cannot be reached, or cannot be what they are taken for. `taken`
/// says whose each database is by now, by its identity.
pub(in crate::collect) async fn tell_apart(
    sessions: &Sessions,
    shards: Vec<Found<'_>>,
    mut taken: BTreeMap<String, String>,
) -> BTreeMap<String, Reason> {
    let looks = shards.iter().map(|shard| async {
        match &shard.access {
            Ok(access) => sessions.try_session(access).await.map(Some),
            Err(_) => Ok(None),
        }
    });
    let looks = join_all(looks).await;
    let mut refusals = BTreeMap::new();
    for (shard, look) in shards.into_iter().zip(looks) {
        let refusal = match look {
            Ok(Some((client, greeting))) => judge(&shard, &client, greeting, &mut taken).await,
            Ok(None) => None,
            Err(reason) => Some(reason),
        };
        refusals.extend(refusal.map(|reason| (shard.server.to_owned(), reason)));
    }
    refusals
}

/// Why a database cannot be the shard that it is taken for.
async fn judge(
    shard: &Found<'_>,
    client: &Client,
    greeting: Greeting,
    taken: &mut BTreeMap<String, String>,
) -> Option<Reason> {
    if let Some(other) = taken.get(&greeting.identity) {
        let (scope, other) = (shard.server.to_owned(), other.clone());
        return Some(reason::Database::OneForTwo { scope, other }.into());
    }
    taken.insert(greeting.identity, shard.server.to_owned());
    let is_strange = !shard.mailboxes.is_empty() && holds_only_others(client, shard.mailboxes).await;
    is_strange.then(|| reason::Database::OthersAlone { server: shard.server.to_owned() }.into())
}

/// Whether there are folder trees, and none of these mailboxes. A database without any is a new one, whose mailboxes are
/// still to be replicated; one that does not answer is told by what is read from it.
async fn holds_only_others(client: &Client, mailboxes: &[String]) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM t_container WHERE container_type = 'replicated_mailboxes')
                  AND NOT EXISTS (SELECT 1 FROM t_container
                                  WHERE container_type = 'replicated_mailboxes' AND owner = ANY ($1::text[]))";
    client.query_one(sql, &[&mailboxes]).await.and_then(|row| row.try_get(0)).unwrap_or(false)
}

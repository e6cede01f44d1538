//! The one shape of a collector of a server's files: what it fills, where it looks, what it saw there.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use super::owners::Owners;
use super::root::Root;
use super::seen::{Open, Pour, Rows, Seen};
use super::shard::Shard;
use super::sink::Sink;
use crate::fact::{Record, Table};
use crate::model::Reason;
use crate::model::reason::Run;

/// What fills tables of a server.
pub(in crate::collect) trait OfServer: Sync {
    /// The tables.
    fn tables(&self) -> &'static [&'static Table];

    /// Looks at the server, and says of each table what it saw.
    fn look<'a>(&'a self, place: &'a Place) -> LocalBoxFuture<'a, Seen>;
}

/// A table that comes from one file or folder, and is there as a whole or not at all.
pub(in crate::collect) struct File<R> {
    /// Where the rows are read.
    pub(in crate::collect) path: &'static str,
    /// Reads them.
    pub(in crate::collect) read: fn(&Place) -> Result<Vec<R>, Reason>,
}

impl<R: Record + Send + 'static> OfServer for File<R> {
    fn tables(&self) -> &'static [&'static Table] {
        R::ALONE
    }

    fn look<'a>(&'a self, place: &'a Place) -> LocalBoxFuture<'a, Seen> {
        let seen = Seen::at(place.root.shown(self.path)).tell::<R>((self.read)(place).map(Rows::from));
        Box::pin(std::future::ready(seen))
    }
}

/// Tables that one look fills together.
pub(in crate::collect) struct Look {
    /// The tables.
    pub(in crate::collect) tables: &'static [&'static Table],
    /// Looks.
    pub(in crate::collect) look: for<'a> fn(&'a Place) -> LocalBoxFuture<'a, Seen>,
}

impl OfServer for Look {
    fn tables(&self) -> &'static [&'static Table] {
        self.tables
    }

    fn look<'a>(&'a self, place: &'a Place) -> LocalBoxFuture<'a, Seen> {
        (self.look)(place)
    }
}

/// A server's files, and what a collector must know to look at them.
#[derive(Clone)]
pub(in crate::collect) struct Place {
    /// Uid of the server.
    pub(in crate::collect) server: String,
    /// Its files.
    pub(in crate::collect) root: Root,
    /// How to ask the shard of its mailboxes.
    pub(in crate::collect) shard: Result<Shard, Reason>,
    /// The mailboxes that the directory has.
    pub(in crate::collect) owners: Result<Arc<Owners>, Reason>,
    /// Its roles; none when they are not known.
    pub(in crate::collect) roles: Option<BTreeSet<String>>,
    /// The run's clock, in seconds since the epoch.
    pub(in crate::collect) now: i64,
    /// The tables that somebody asks for.
    pub(in crate::collect) wanted: Vec<&'static Table>,
    /// Where rows go.
    pub(in crate::collect) sink: Sink,
}

impl Place {
    /// Some server's files, for who wants to know what is read of them.
    #[cfg(test)]
    pub(in crate::collect) fn of(root: impl Into<std::path::PathBuf>) -> Self {
        use crate::fact::store::Origin;
        use crate::fact::{Schema, Store};
        let store = Store::in_memory(&Schema::new([]), &Origin::default()).unwrap();
        let (server, root, sink) = ("mail-1".to_owned(), Root::new(root), Sink::new(store));
        let shard = Err(Run::NoShard { server: server.clone() }.into());
        let owners = Ok(Arc::default());
        Self { server, root, shard, owners, roles: None, now: 0, wanted: Vec::new(), sink }
    }

    /// Fills what is wanted of the tables of a collector.
    pub(in crate::collect) async fn collect(&self, collector: &dyn OfServer) {
        if let Some(open) = Open::begin(&self.sink, collector.tables(), &self.wanted, &self.server) {
            open.end(collector.look(self).await);
        }
    }

    /// Whether somebody asks for one of these tables.
    pub(in crate::collect) fn wants(&self, tables: &[&'static Table]) -> bool {
        tables.iter().any(|table| self.wanted.contains(table))
    }

    /// Where rows go that are too many to be held; none when nobody asks for them.
    pub(in crate::collect) fn pour<R: Record>(&self) -> Option<Pour<R>> {
        let is_wanted = self.wanted.iter().any(|table| table.name == R::TABLE.name);
        is_wanted.then(|| Pour::new(&self.sink, &self.server))
    }

    /// Does on a thread of its own what a file system may hold up.
    pub(in crate::collect) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> Result<T, Reason> + Send + 'static,
    ) -> Result<T, Reason> {
        let root = self.root.clone();
        let done = tokio::task::spawn_blocking(move || work(&root)).await;
        done.unwrap_or_else(|error| Err(Run::Broken { error: error.to_string() }.into()))
    }
}

//! What the network shows to this machine.

pub(super) mod autodiscover;
mod greetings;
mod hours;
mod question;
mod search;

use futures_util::future::LocalBoxFuture;

use super::reach::root::Root;
use super::reach::seen::{Open, Seen};
use super::reach::sink::Sink;
use crate::config::Config;
use crate::fact::{Record, Table};
use crate::model::Reason;
use crate::model::reason::Run;
use crate::topology::{Server, Topology};

/// The scope of what is seen from this machine.
const NETWORK: &str = "network";

/// What is looked at while the servers are read.
pub(super) const ALL: &[OfNetwork] = &[
    OfNetwork { tables: autodiscover::TABLES, look: |around| Box::pin(autodiscover::look(around)) },
    OfNetwork { tables: hours::ReplicationHour::ALONE, look: |around| Box::pin(hours::look(around)) },
    OfNetwork { tables: search::TABLES, look: |around| Box::pin(search::look(around)) },
];

/// What is looked at afterwards, so that no server sees a connection of this run among those that replicate to it.
pub(super) const AFTERWARDS: &[OfNetwork] =
    &[OfNetwork { tables: greetings::ServiceBanner::ALONE, look: |around| Box::pin(greetings::look(around)) }];

/// What fills tables of the network.
pub(super) struct OfNetwork {
    /// The tables.
    pub(super) tables: &'static [&'static Table],
    /// Looks around, and says of each table what it saw.
    look: for<'a> fn(&'a Around<'a>) -> LocalBoxFuture<'a, Seen>,
}

/// Where this machine stands, and what it must know to look around.
pub(super) struct Around<'a> {
    /// Resolvers, overrides, trust, the time that a connection may take.
    pub(super) config: &'a Config,
    /// The files of this machine.
    pub(super) root: &'a Root,
    /// No packet may leave.
    pub(super) is_offline: bool,
    /// The run's clock, in seconds since the epoch.
    pub(super) now: i64,
    /// The servers of the installation.
    pub(super) topology: &'a Topology,
    /// The server of the installation that this machine is; none when it is none, or cannot be told.
    pub(super) vantage: Option<String>,
    /// The tables that somebody asks for.
    pub(super) wanted: &'a [&'static Table],
    /// Where rows go, and where the mail domains are found.
    pub(super) sink: &'a Sink,
}

impl Around<'_> {
    /// Fills what is wanted of the tables of some collectors, side by side.
    pub(super) async fn collect(&self, collectors: &[OfNetwork]) {
        let one = |collector: &OfNetwork| {
            let (tables, look) = (collector.tables, collector.look);
            async move {
                if let Some(open) = Open::begin(self.sink, tables, self.wanted, NETWORK) {
                    open.end(look(self).await);
                }
            }
        };
        futures_util::future::join_all(collectors.iter().map(one)).await;
    }

    /// The servers to ask. The error says why nobody is asked.
    fn servers(&self) -> Result<&[Server], Reason> {
        match self.topology {
            _ if self.is_offline => Err(Run::Offline.into()),
            Topology::Unknown(why) => Err(Run::ServersUnknown { why: Box::new(why.clone()) }.into()),
            Topology::Known(servers) => Ok(servers),
        }
    }
}

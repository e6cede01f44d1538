//! What all probes share: trust, limits, and the overrides of the configuration.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::trust::Trust;
use crate::collect::reach::failure::{Cause, Failure};
use crate::collect::reach::root::Root;
use crate::config::Config;
use crate::model::Reason;

/// Connections at once, to whomever.
const AT_ONCE: usize = 16;
/// Connections at once to one address: a server that is in use must not feel a check.
const AT_ONCE_EACH: usize = 2;

/// Connections in a row that an address did not accept, until it is taken for dead: many names may lead to it.
const DEAD: u32 = 2;
/// Conversations in a row that came to nothing in time, until the address is left alone.
const SLOW: u32 = 6;

/// How long a question may wait until who is asked too often is asked again.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is known of a port of an address that was connected to.
#[derive(Default)]
struct Door {
    /// Connections in a row that were not accepted in time.
    dead: u32,
    /// Handshakes and requests in a row that were not answered in time.
    slow: u32,
    /// When one that was asked too often is asked again.
    again: Option<Instant>,
}

/// What all probes share: trust, limits, and the overrides of the configuration.
pub(super) struct Peers {
    /// Whom we trust.
    pub(super) trust: Trust,
    /// The files of this machine.
    pub(super) root: Root,
    /// The clock of the run, in seconds since the epoch.
    pub(super) now: i64,
    /// The limit of a connection and its handshake.
    pub(super) timeout: Duration,
    connect: BTreeMap<String, SocketAddr>,
    all: Arc<Semaphore>,
    /// The turns of each address, whatever the port: behind all of them is one machine.
    each: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    doors: Mutex<HashMap<SocketAddr, Door>>,
}

/// The right to connect, until it is dropped.
pub(super) struct Turn {
    _each: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Peers {
    /// `root` gives /proc/net/tcp and tcp6; dates are judged against `now`, in seconds since the epoch. The error names
    /// a file of certificates that cannot be read.
    pub(super) fn new(config: &Config, root: &Root, now: i64) -> Result<Self, Reason> {
        Ok(Self::trusting(Trust::new(&config.probe.ca_files)?, config, root, now))
    }

    /// Like `new`, with a given trust.
    pub(super) fn trusting(trust: Trust, config: &Config, root: &Root, now: i64) -> Self {
        let connect = config.probe.connect.iter().map(|(name, address)| (name.to_ascii_lowercase(), *address));
        Self {
            trust,
            root: root.clone(),
            now,
            timeout: config.probe.timeout(),
            connect: connect.collect(),
            all: Arc::new(Semaphore::new(AT_ONCE)),
            each: Mutex::default(),
            doors: Mutex::default(),
        }
    }

    /// Where to connect. The configuration may say so for the host or for the address; in place of 127.0.0.1 only for
    /// the address, because there the host is not where it is looked for.
    pub(super) fn target(&self, host: &str, address: IpAddr, port: u16, is_loopback: bool) -> SocketAddr {
        let target = SocketAddr::new(address, port);
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let named = self.connect.get(&format!("{host}:{port}")).filter(|_| !is_loopback);
        named.or_else(|| self.connect.get(&target.to_string())).copied().unwrap_or(target)
    }

    /// Waits until one more connection may be made. The error: nothing came of the last ones, so no more is made.
    pub(super) async fn turn(&self, target: SocketAddr) -> Result<Turn, Failure> {
        // Neither is ever closed.
        let each = self.permits(target.ip().to_canonical()).acquire_owned().await.ok();
        let turn = Turn { _each: each, _all: Arc::clone(&self.all).acquire_owned().await.ok() };
        match self.door(target, |door| (door.dead, door.slow)) {
            (DEAD.., _) => {
                Err(Failure::new(Cause::Timeout, format!("not tried again after {DEAD} connections in vain")))
            }
            (_, SLOW..) => {
                Err(Failure::new(Cause::NotAsked, format!("left alone after {SLOW} times without an answer")))
            }
            _ => Ok(turn),
        }
    }

    /// Notes how a handshake ended: why it failed, if it did.
    pub(super) fn note_handshake(&self, target: SocketAddr, failure: Option<Cause>) {
        self.door(target, |door| match failure {
            Some(Cause::Timeout) => door.dead += 1,
            Some(Cause::TlsTimeout) => (door.dead, door.slow) = (0, door.slow + 1),
            _ => door.dead = 0,
        });
    }

    /// Notes how a request ended: why it failed, if it did.
    pub(super) fn note_request(&self, target: SocketAddr, failure: Option<Cause>) {
        self.door(target, |door| match failure {
            Some(Cause::Timeout | Cause::TlsTimeout) => door.slow += 1,
            _ => (door.dead, door.slow) = (0, 0),
        });
    }

    /// When to ask again who wants to be left alone for so long: one question after the other. None when that would take
    /// longer than anybody waits for.
    pub(super) fn later(&self, target: SocketAddr, pause: Duration) -> Option<Instant> {
        let now = Instant::now();
        self.door(target, |door| {
            let turn = door.again.filter(|again| *again > now).unwrap_or(now).checked_add(pause)?;
            let is_soon = turn <= now + PATIENCE;
            if is_soon {
                door.again = Some(turn);
            }
            is_soon.then_some(turn)
        })
    }

    fn permits(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(each.entry(address).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_EACH))))
    }

    fn door<T>(&self, target: SocketAddr, look: impl FnOnce(&mut Door) -> T) -> T {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        look(doors.entry(target).or_default())
    }
}

/// Milliseconds of a duration.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "../../../../tests/support/peers/mod.rs"]
pub(in crate::collect) mod stand_ins;
#[cfg(test)]
pub(super) mod tests;

//! A plain question over HTTP to a service of a server of the installation.

use std::net::SocketAddr;

use reqwest::Url;
use tokio::time::Instant;

use super::greetings;
use crate::collect::reach::web;
use crate::config::Probe;
use crate::model::Reason;
use crate::model::reason::Network;

/// A service, and who asks it.
pub(super) struct Service {
    /// The port.
    pub(super) port: u16,
    /// What the User-Agent says of it.
    pub(super) purpose: &'static str,
    /// How much it may say, in bytes.
    pub(super) most: usize,
}

impl Service {
    /// Asks at one address after the other until one of them answers.
    pub(super) async fn ask<E: std::fmt::Display>(
        &self,
        probe: &Probe,
        address: &str,
        url: impl Fn(SocketAddr) -> Result<Url, E>,
    ) -> Result<Vec<u8>, Reason> {
        let mut answer = Err(Network::NameUnresolved.into());
        for (_, target) in greetings::targets(probe, address, self.port, Instant::now() + probe.timeout()).await {
            let client = web::client(self.purpose).connect_timeout(probe.timeout());
            answer = match url(target) {
                Ok(url) => web::get(client, url, probe.timeout() * 2, self.most).await,
                Err(error) => Err(Network::Failed { error: error.to_string() }.into()),
            };
            if answer.is_ok() {
                break;
            }
        }
        answer
    }
}

//! A TLS handshake that goes on whatever the certificate is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::offer;
use super::peers::{Peers, milliseconds};
use super::recorder::{Recorder, Seen};
use super::trace::Handshake;
use super::words::HandshakeOutcome;
use crate::collect::reach::failure::{Cause, Failure};
use crate::collect::reach::root::Root;
use crate::format::proc_net_tcp;

/// The largest list of sockets that is read: about 400 000 of them.
const MAX_SOCKETS: u64 = 64 << 20;

impl Peers {
    /// Shakes hands with `address` in the name of `host`.
    pub(super) async fn handshake(
        &self,
        host: &str,
        address: IpAddr,
        port: u16,
        with_sni: bool,
        is_loopback: bool,
    ) -> Handshake {
        let target = self.target(host, address, port, is_loopback);
        let turn = self.turn(target).await;
        let start = Instant::now();
        let recorded = match &turn {
            Ok(_) => Recorder::new(self.trust.provider(), with_sni)
                .map_err(|error| Failure::new(Cause::Failed, error.to_string())),
            Err(failure) => Err(failure.clone()),
        };
        let (mut end, mut seen) = match recorded {
            Ok((recorder, config)) => (self.shake_hands(target, host, config, start).await, recorder.seen()),
            Err(failure) => (Err(failure), Seen::default()),
        };
        if let Err(failure) = end {
            end = Err(self.explained(failure, &mut seen, target, with_sni.then_some(host)).await);
        }
        let elapsed_ms = milliseconds(start.elapsed());
        if turn.is_ok() {
            self.note_handshake(target, end.as_ref().err().map(|failure| failure.cause));
        }
        drop(turn);
        let (shown, verdict) = self.trust.judge(&seen, host, self.now).unzip();
        let wants_certificate = seen.wants_certificate;
        let (outcome, detail, socket_seen) = match end {
            Ok(socket_seen) if shown.is_none() => {
                (HandshakeOutcome::Ok, Some("its certificate cannot be read".to_owned()), socket_seen)
            }
            Ok(socket_seen) => (HandshakeOutcome::Ok, verdict.flatten(), socket_seen),
            Err(failure) => (failure.cause.into(), Some(failure.detail), None),
        };
        let host = host.to_owned();
        Handshake {
            host,
            address,
            port,
            is_loopback,
            with_sni,
            outcome,
            detail,
            elapsed_ms,
            socket_seen,
            wants_certificate,
            shown,
        }
    }

    /// Why a handshake failed, once it is known whether the server speaks what others do. What it then shows is added to
    /// what was seen.
    async fn explained(&self, failure: Failure, seen: &mut Seen, target: SocketAddr, host: Option<&str>) -> Failure {
        let failure = seen.explained(failure);
        let may_be_ours = match failure.cause {
            Cause::NoCommonAlgorithm => true,
            Cause::TooOld | Cause::Closed | Cause::Failed => seen.started && seen.chain.is_empty(),
            _ => false,
        };
        if !may_be_ours {
            return failure;
        }
        let Some(choice) = offer::choice(target, host, Instant::now() + self.timeout).await else {
            let is_refused = failure.cause == Cause::NoCommonAlgorithm;
            return Failure { cause: if is_refused { Cause::Failed } else { failure.cause }, ..failure };
        };
        let detail = offer::words(&choice);
        if seen.chain.is_empty() {
            seen.chain = choice.chain.into_iter().map(CertificateDer::from).collect();
        }
        // It is no lack of a common suite when the server chooses one that was offered to it before, too.
        let mut spoken = self.trust.provider().cipher_suites.iter();
        match failure.cause {
            _ if choice.is_old => Failure { cause: Cause::TooOld, detail },
            Cause::NoCommonAlgorithm => Failure { detail, ..failure },
            _ if spoken.any(|suite| u16::from(suite.suite()) == choice.cipher_number) => failure,
            _ => Failure { cause: Cause::NoCommonAlgorithm, detail },
        }
    }

    /// Connects and shakes hands; while the connection is there, looks for its other end on this machine.
    async fn shake_hands(
        &self,
        target: SocketAddr,
        host: &str,
        config: ClientConfig,
        start: Instant,
    ) -> Result<Option<bool>, Failure> {
        let (deadline, limit) = (start + self.timeout, self.timeout.as_secs());
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| Failure::new(Cause::Failed, error.to_string()))?;
        let stream = timeout_at(deadline, TcpStream::connect(target))
            .await
            .map_err(|_| Failure::new(Cause::Timeout, format!("no connection within {limit} s")))?
            .map_err(|error| Failure::of(&error))?;
        let ours = stream.local_addr().ok();
        let stream = timeout_at(deadline, TlsConnector::from(Arc::new(config)).connect(name, stream))
            .await
            .map_err(|_| Failure::new(Cause::TlsTimeout, format!("no TLS handshake within {limit} s")))?
            .map_err(|error| Failure::of(&error))?;
        let root = self.root.clone();
        let look = tokio::task::spawn_blocking(move || socket_seen(&root, ours?, target.port()));
        let socket_seen = look.await.ok().flatten();
        drop(stream);
        Ok(socket_seen)
    }
}

/// Whether this machine has the other end of the connection: a socket on the server's port whose remote end is `ours`.
/// Its own address is not looked at, for NAT may have changed it.
fn socket_seen(root: &Root, ours: SocketAddr, port: u16) -> Option<bool> {
    let ours = SocketAddr::new(ours.ip().to_canonical(), ours.port());
    let files = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| root.text(path, MAX_SOCKETS));
    let is_seen = files.iter().flatten().any(|text| {
        proc_net_tcp::parse(text).iter().any(|socket| socket.local.port() == port && socket.remote == ours)
    });
    // Without IPv6 there is no second file.
    (is_seen || files.first().is_some_and(Result::is_ok)).then_some(is_seen)
}

#[cfg(test)]
mod tests;

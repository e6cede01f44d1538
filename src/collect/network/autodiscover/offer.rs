//! What a server speaks that finds nothing in common with this program: clients may well have it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::format::tls_hello::{self, Choice, Newest, Said};

/// The longest answer that is read, in bytes: a chain of certificates takes a few thousand.
const LONGEST: usize = 256 * 1024;

/// What the server chooses of all that clients speak; none when it chooses nothing of that either. TLS 1.2 goes first, for
/// it shows the certificate.
pub(super) async fn choice(target: SocketAddr, host: Option<&str>, deadline: Instant) -> Option<Choice> {
    for newest in [Newest::Tls12, Newest::Tls13] {
        let hello = tls_hello::client_hello(host, newest, random());
        if let Ok(Ok(Said::Chose(choice))) = timeout_at(deadline, greet(target, &hello)).await {
            return Some(choice);
        }
    }
    None
}

/// What a choice is called in the facts.
pub(super) fn words(choice: &Choice) -> String {
    let group = choice.group.as_deref().filter(|group| !group.is_empty());
    let group = group.map_or_else(String::new, |group| format!(" and the group {group}"));
    format!("the server chooses {} with {}{group}", choice.version, choice.cipher)
}

async fn greet(target: SocketAddr, hello: &[u8]) -> std::io::Result<Said> {
    let mut stream = TcpStream::connect(target).await?;
    stream.write_all(hello).await?;
    let mut read = Vec::new();
    loop {
        let more = stream.read_buf(&mut read).await?;
        let said = tls_hello::parse(&read);
        if more == 0 || read.len() > LONGEST || said != Said::Unfinished {
            return Ok(said);
        }
    }
}

/// 256 random bits.
fn random() -> [u8; 32] {
    let mut random = [0; 32];
    let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    random.iter_mut().zip(halves.iter().flat_map(uuid::Uuid::as_bytes)).for_each(|(to, from)| *to = *from);
    random
}

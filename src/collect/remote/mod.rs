//! Another server of the installation, through the system's own `ssh`: this program goes there, collects there, and its
//! facts come back, all in one connection. Nothing stays there, however that ends.

use std::fs::File;

use super::reach::command::{self, Moment};
use crate::model::Reason;
use crate::model::reason::{Files, Merge};
use crate::topology::Server;

/// What the other server is told to do.
const THERE: &str = include_str!("there.sh");
/// Before the options of the command line, which cannot change it: nobody is there to be asked for a password.
const FIRST: &[&str] = &["-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes"];
/// After them, for who says nothing else: a server that is silent for a minute is not waited for.
const LAST: &[&str] = &["-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"];
/// This program.
const SELF: &str = "/proc/self/exe";

/// How far a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The program is on its way.
    Sending,
    /// It is at work there.
    Collecting,
    /// The facts are on their way.
    Fetching,
}

/// How other servers are collected from.
pub struct Remote {
    options: Vec<String>,
    program: Vec<u8>,
}

impl Remote {
    /// With these arguments for `ssh`. The error says why this program cannot be read.
    pub fn new(options: Vec<String>) -> std::io::Result<Self> {
        Ok(Self { options, program: std::fs::read(SELF)? })
    }

    /// Collects there, with these arguments of `bm-preflight`; gives back a snapshot, which has no name.
    pub async fn collect(
        &self,
        server: &Server,
        collect: &[String],
        tell: &(dyn Fn(Stage) + Sync),
    ) -> Result<File, Reason> {
        let address = server.address.as_deref().filter(|address| is_plain(address));
        let address = address.ok_or_else(|| Merge::NoAddress { server: server.uid.clone() })?;
        let folder = std::env::temp_dir();
        let lost =
            |error: std::io::Error| Files::Unreadable { path: folder.display().to_string(), error: error.to_string() };
        let mut facts = tempfile::tempfile().map_err(lost)?;
        let arguments = self.arguments(address, collect);
        let moment = |moment| {
            tell(match moment {
                Moment::Begun => Stage::Sending,
                Moment::Sent => Stage::Collecting,
                Moment::Answers => Stage::Fetching,
            });
        };
        let done = command::exchange("ssh", &arguments, &self.program, &mut facts, &moment).await;
        done.map_err(|said| Merge::NotCollected { server: server.uid.clone(), address: address.to_owned(), said })?;
        Ok(facts)
    }

    fn arguments(&self, address: &str, collect: &[String]) -> Vec<String> {
        let there = format!("exec /bin/sh -c '{THERE}' bm-preflight {} {}", self.program.len(), collect.join(" "));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        [words(FIRST), self.options.clone(), words(LAST), words(&["--", address]), vec![there]].concat()
    }
}

/// Whether ssh, or a shell that its configuration asks, takes it for an address and nothing else.
fn is_plain(address: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    !address.starts_with('-') && !address.is_empty() && address.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_no_option_and_no_command() {
        for address in ["192.0.2.1", "fe80::1%eth0", "mail-1.example.org"] {
            assert!(is_plain(address), "{address}");
        }
        for address in ["", "-oProxyCommand=id", "`id`", "a b", "root@mail", "ssh://mail"] {
            assert!(!is_plain(address), "{address}");
        }
    }

    #[test]
    fn no_option_asks_for_a_password_and_every_other_one_is_the_users() {
        assert!(!THERE.contains('\''), "it stands between two");
        let remote =
            Remote { options: vec!["-oBatchMode=no".into(), "-oConnectTimeout=1".into()], program: vec![0; 7] };
        let arguments = remote.arguments("192.0.2.1", &["collect".into(), "--offline".into()]);
        // Of an option that is given twice ssh takes the first.
        let place = |word: &str| arguments.iter().position(|argument| argument.contains(word)).unwrap();
        assert!(place("BatchMode=yes") < place("BatchMode=no"));
        assert!(place("ConnectTimeout=1") < place("ConnectTimeout=15"));
        assert!(arguments.last().unwrap().ends_with("' bm-preflight 7 collect --offline"));
    }
}

//! What was written (`bm-preflight.toml`, the environment) → what it means.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::model::Lang;

/// Why the configuration was refused. Shows where, never the line itself: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}:{line}:{column}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
}

/// `bm-preflight.toml`; every key is optional.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The directory database.
    pub directory: Database,
    /// The shards' databases, by server uid.
    pub shard: BTreeMap<String, Database>,
    /// What may be read of each server, by uid.
    pub server: BTreeMap<String, Server>,
    /// DNS.
    pub dns: Dns,
    /// Network probes.
    pub probe: Probe,
}

/// How to reach a database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgresql://user:password@host:port/db`; options of libpq's kind are allowed.
    pub url: Option<Secret>,
}

/// What may be read of a server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The folder that stands for its `/`.
    pub root: Option<PathBuf>,
}

/// DNS.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Resolvers, each asked on its own; those of resolv.conf when empty.
    pub resolvers: Vec<SocketAddr>,
}

/// Network probes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// Where to connect for `host:port`, like curl's `--connect-to`.
    #[serde(deserialize_with = "doors")]
    pub connect: BTreeMap<String, SocketAddr>,
    /// Certificates trusted beside the system's.
    pub ca_files: Vec<PathBuf>,
    /// Access logs that show BlueMind's own requests.
    pub access_logs: Vec<PathBuf>,
    /// Time limit of one probe, in seconds, at least 1.
    #[serde(deserialize_with = "limit")]
    pub timeout_s: Option<u64>,
}

impl Probe {
    /// The time limit of one probe.
    pub fn timeout(&self) -> Duration {
        const TIMEOUT_S: u64 = 5;
        Duration::from_secs(self.timeout_s.unwrap_or(TIMEOUT_S))
    }
}

fn doors<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, SocketAddr>, D::Error> {
    let doors = BTreeMap::<String, SocketAddr>::deserialize(deserializer)?;
    let has_port = |name: &str| {
        name.rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
    };
    match doors.keys().find(|name| !has_port(name)) {
        Some(name) => Err(serde::de::Error::custom(format!("{name:?} is no \"host:port\""))),
        None => Ok(doors),
    }
}

fn limit<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match Option::<u64>::deserialize(deserializer)? {
        Some(0) => Err(serde::de::Error::custom("a limit of 0 s leaves no time for anything")),
        limit => Ok(limit),
    }
}

/// A text that is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl Config {
    /// Reads a configuration file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            ConfigError::Invalid {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
                message: without_values(error.message()),
            }
        })
    }
}

/// An error about a wrong type quotes the value: what is in quotes and not a key may be a password.
fn without_values(message: &str) -> String {
    match message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            let kind = found.split([' ', '`']).next().unwrap_or_default();
            format!("invalid type: {kind}, expected {expected}")
        }
        None => message.to_owned(),
    }
}

/// The language that the environment asks for, as POSIX orders the variables.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment_lang() -> Lang {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .map_or(Lang::En, |locale| Lang::of_locale(&locale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::read(file.path()).map_err(|e| e.to_string().replace(&file.path().display().to_string(), "F"))
    }

    #[test]
    fn the_documented_file_is_read() {
        let config = parse(
            "[directory]\nurl = \"postgresql://bj:bj@127.0.0.1:5432/bj\"\n[shard.bm-master]\nurl = \"postgresql://x\"\n\
             [server.bm-master]\nroot = \"/\"\n[dns]\nresolvers = [\"127.0.0.1:5353\"]\n[probe]\n\
             connect = { \"autodiscover.example.org:443\" = \"127.0.0.1:8443\" }\nca_files = [\"/etc/ssl/ca.pem\"]\n\
             access_logs = [\"/var/log/nginx/access.log\"]\ntimeout_s = 5\n",
        )
        .unwrap();
        assert_eq!(config.shard.len(), 1);
        assert_eq!(config.probe.timeout_s, Some(5));
        assert!(!format!("{config:?}").contains("bj:bj"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = parse("[directory]\nuri = \"postgresql://bj:s3cr3t@h/bj\"\n").unwrap_err();
        assert!(error.starts_with("F:2:1: unknown field `uri`"), "{error}");
        assert!(!error.contains("s3cr3t"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (text, told) in [
            ("[probe]\nconnect = { \"a\" = \"127.0.0.1:1\" }\n", "F:2:11: \"a\" is no \"host:port\""),
            ("[probe]\nconnect = { \"a:0\" = \"127.0.0.1:1\" }\n", "F:2:11: \"a:0\" is no \"host:port\""),
            ("[probe]\ntimeout_s = 0\n", "F:2:13: a limit of 0 s leaves no time for anything"),
        ] {
            assert_eq!(parse(text).unwrap_err(), told);
        }
        assert!(parse("[probe]\nconnect = { \"[2001:db8::1]:443\" = \"127.0.0.1:1\" }\n").is_ok());
    }

    #[test]
    fn an_error_never_shows_a_value() {
        for text in [
            "directory = \"postgresql://bj:s3cr3t@h/bj\"\n",
            "[directory]\nurl = [\"s3cr3t\"]\n",
            "[directory]\nurl = \"s3cr3t\n",
            "[dns]\nresolvers = [\"s3cr3t\"]\n",
            "[probe]\ntimeout_s = \"s3cr3t, expected x\"\n",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}

//! How BlueMind's databases are reached: by the configuration, else by what bm.ini and the directory tell.

use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use crate::config::{Config, Database};
use crate::format::bm_ini::BmIni;
use crate::model::Reason;
use crate::model::reason;
use crate::topology::Server;

/// Name of the shards' databases, fixed by BlueMind.
const SHARD_DATABASE: &str = "bj-data";
/// PostgreSQL's port, that of BlueMind's JDBC URLs.
const PORT: u16 = 5432;
/// Time to reach a server.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A seat belt for every session; options in a configured URL come after these and win. Every query reads whole tables:
/// nested loops, which the planner takes when it expects few rows, would be quadratic in the folders.
const SESSION: &str = "-c default_transaction_read_only=on -c statement_timeout=10min -c lock_timeout=10s \
                       -c idle_in_transaction_session_timeout=10min -c search_path=public -c enable_nestloop=off";

/// How to reach a database, and what to call it.
#[derive(Clone)]
pub(in crate::collect) struct Access {
    pub(super) config: tokio_postgres::Config,
    /// Its URL without user and password.
    pub shown: String,
    /// Why nothing of it is to be believed.
    refusal: Option<Reason>,
}

impl Access {
    /// The same, of which nothing is to be believed.
    pub(in crate::collect) fn refused(self, refusal: Option<Reason>) -> Self {
        Self { refusal, ..self }
    }

    /// Whether it may be read. The error says why not.
    pub(super) fn permit(&self) -> Result<(), Reason> {
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

/// The directory database: of the configuration, else of bm.ini.
pub(in crate::collect) fn directory(config: &Config, bm_ini: &Result<BmIni, Reason>) -> Result<Access, Reason> {
    match &config.directory.url {
        Some(_) => configured(&config.directory, "[directory] url"),
        None => {
            let ini = bm_ini.as_ref().map_err(Clone::clone)?;
            from_bm_ini(ini, required(ini, "host")?, ini.get("db").unwrap_or("bj"))
        }
    }
}

/// The shard of a server: of the configuration, else `bj-data` at the server's address with the user of bm.ini.
pub(in crate::collect) fn shard(
    config: &Config,
    bm_ini: &Result<BmIni, Reason>,
    server: &Server,
) -> Result<Access, Reason> {
    match config.shard.get(&server.uid) {
        Some(database) if database.url.is_some() => configured(database, &format!("[shard.{}] url", server.uid)),
        _ => {
            let ini = bm_ini.as_ref().map_err(Clone::clone)?;
            let no_address = || reason::Database::NoAddress { server: server.uid.clone() };
            from_bm_ini(ini, server.address.as_deref().ok_or_else(no_address)?, SHARD_DATABASE)
        }
    }
}

fn required<'i>(ini: &'i BmIni, key: &'static str) -> Result<&'i str, Reason> {
    ini.require(key).map_err(|error| reason::Database::BmIni { error: error.to_string() }.into())
}

fn from_bm_ini(ini: &BmIni, host: &str, database: &str) -> Result<Access, Reason> {
    let mut config = tokio_postgres::Config::new();
    config.host(host).dbname(database).user(required(ini, "user")?).password(required(ini, "password")?);
    match ini.get("port").map(str::parse) {
        None => config.port(PORT),
        Some(Ok(port)) => config.port(port),
        Some(Err(_)) => return Err(reason::Database::PortNoNumber.into()),
    };
    // BlueMind's own connections are plain; a server that insists on TLS needs a URL with sslmode=require.
    config.ssl_mode(SslMode::Disable);
    Ok(access(config))
}

/// Whether the databases of the configuration can be meant. The error names the key, never the URL.
pub(in crate::collect) fn verify(config: &Config) -> Result<(), Reason> {
    let shards = config.shard.iter().map(|(uid, database)| (database, format!("[shard.{uid}] url")));
    let mut all = [(&config.directory, "[directory] url".to_owned())].into_iter().chain(shards);
    all.try_for_each(|(database, key)| match database.url {
        Some(_) => configured(database, &key).map(|_| ()),
        None => Ok(()),
    })
}

fn configured(database: &Database, key: &str) -> Result<Access, Reason> {
    let url = database.url.as_ref().map_or("", |secret| secret.reveal());
    // What the parser says may quote the URL, password and all.
    let key = key.to_owned();
    let Ok(config) = as_parsed(url).parse::<tokio_postgres::Config>() else {
        return Err(reason::Database::NotUrl { key }.into());
    };
    let access = access(config);
    // The parser takes what follows the first @ for the host, and then the end of a password would be shown.
    if access.shown.contains('@') {
        return Err(reason::Database::BareAt { key }.into());
    }
    if access.config.get_hosts().iter().all(|host| matches!(host, Host::Tcp(name) if name.is_empty())) {
        return Err(reason::Database::NoHost { key }.into());
    }
    Ok(access)
}

/// What libpq calls verify-ca and verify-full is what `require` does here: the words that the parser knows, for a URL and for
/// libpq's keywords.
fn as_parsed(text: &str) -> String {
    if !["postgresql://", "postgres://"].iter().any(|scheme| text.starts_with(scheme)) {
        return keywords_as_parsed(text);
    }
    let Some((place, query)) = text.split_once('?') else { return text.to_owned() };
    let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some(("sslmode", mode)) => format!("sslmode={}", mode_as_parsed(mode)),
        _ => parameter.to_owned(),
    });
    format!("{place}?{}", parameters.collect::<Vec<_>>().join("&"))
}

fn keywords_as_parsed(text: &str) -> String {
    let (mut parsed, mut rest) = (String::new(), text);
    while let Some((keyword, after)) = rest.split_once('=') {
        let (value, next) = after.trim_start().split_at(value_len(after.trim_start()));
        let (keyword, value) = match keyword.trim() {
            "sslmode" => ("sslmode", mode_as_parsed(unquoted(value))),
            other => (other, value),
        };
        parsed = format!("{parsed}{keyword}={value} ");
        rest = next;
    }
    parsed + rest
}

/// Bytes of the value that a text begins with: up to the end of its quotes, or to white space. A backslash takes either its
/// meaning.
fn value_len(text: &str) -> usize {
    let is_quoted = text.starts_with('\'');
    let mut is_escaped = false;
    let is_end = |(at, c): (usize, char)| match c {
        _ if std::mem::take(&mut is_escaped) => None,
        '\\' => {
            is_escaped = true;
            None
        }
        '\'' if is_quoted && at > 0 => Some(at + 1),
        c if !is_quoted && c.is_whitespace() => Some(at),
        _ => None,
    };
    text.char_indices().find_map(is_end).unwrap_or(text.len())
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value)
}

fn mode_as_parsed(mode: &str) -> &str {
    match mode {
        "verify-ca" | "verify-full" => "require",
        other => other,
    }
}

fn access(mut config: tokio_postgres::Config) -> Access {
    let options = match config.get_options() {
        Some(own) => format!("{SESSION} {own}"),
        None => SESSION.to_owned(),
    };
    config.application_name("bm-preflight").options(options);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_LIMIT);
    }
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "?".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(PORT);
    let shown = format!("postgresql://{host}:{port}/{}", config.get_dbname().unwrap_or_default());
    Access { config, shown, refusal: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn a_password_that_is_not_escaped_is_refused_and_not_shown() {
        for url in ["postgresql://bj:top@s3cr3t@h/bj", "http://s3cr3t", "", "postgresql:///bj"] {
            let config = Config { directory: Database { url: Some(Secret::new(url)) }, ..Config::default() };
            let told = verify(&config).expect_err(url).to_string();
            assert!(told.starts_with("[directory] url: ") && !told.contains("s3cr3t"), "{url}: {told}");
        }
        let escaped = Database { url: Some(Secret::new("postgresql://bj:top%40s3cr3t@h/bj")) };
        let config = Config { shard: [("mail-1".to_owned(), escaped)].into(), ..Config::default() };
        assert_eq!(verify(&config), Ok(()));
    }

    fn of(url: &str) -> Result<Access, Reason> {
        configured(&Database { url: Some(Secret::new(url)) }, "x")
    }

    #[test]
    fn every_mode_that_verifies_is_the_one_that_does_here() {
        for mode in ["require", "verify-ca", "verify-full"] {
            for text in [
                format!("postgresql://bj@h/bj?connect_timeout=3&sslmode={mode}"),
                format!("postgres://bj@h/bj?sslmode={mode}"),
                format!("host=h user=bj dbname=bj sslmode={mode}"),
                format!("sslmode = '{mode}' host=h dbname=bj"),
                format!("host=h\tsslmode\n=\n{mode}\ndbname=bj"),
            ] {
                let access = of(&text).unwrap();
                assert_eq!(access.config.get_ssl_mode(), SslMode::Require, "{text}");
                assert_eq!(access.shown, "postgresql://h:5432/bj", "{text}");
            }
        }
        for unknown in [
            "postgresql://bj@h/bj?sslmode=verify",
            "host=h sslmode=verify",
            "host=h sslmode",
            "host=h sslmode='verify-full",
        ] {
            assert!(of(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn what_stands_in_a_password_is_left_as_it_is() {
        for (text, password) in [
            ("host=h password='a sslmode=verify-full \\' b' sslmode=require", "a sslmode=verify-full ' b"),
            ("password=a\\ sslmode=verify-full host=h", "a sslmode=verify-full"),
            ("postgresql://bj:sslmode=verify-full@h/bj", "sslmode=verify-full"),
            ("password='' host=h", ""),
        ] {
            assert_eq!(of(text).unwrap().config.get_password(), Some(password.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_shown_of_an_access_has_no_password() {
        let database =
            Database { url: Some(Secret::new("postgresql://bj:s3cr3t@db.example.org:5433/bj?options=-c%20a%3Db")) };
        let access = configured(&database, "x").unwrap();
        assert_eq!(access.shown, "postgresql://db.example.org:5433/bj");
        let broken = Database { url: Some(Secret::new("postgresql://bj:s3cr3t@h:port/bj")) };
        assert_eq!(
            configured(&broken, "[directory] url").err().map(|reason| reason.to_string()).as_deref(),
            Some("[directory] url: not a PostgreSQL URL")
        );
    }
}

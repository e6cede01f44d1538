//! Reading BlueMind's databases: read-only sessions, and queries whose rows stream into the facts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, pin_mut};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{CancelToken, Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::sink::{Scope, Sink};
use super::source::{Query, Source};
use crate::config::{Config, Database};
use crate::fact::{Row, Value};
use crate::format::bm_ini::BmIni;
use crate::model::Reason;
use crate::model::reason;
use crate::model::text::escaped;
use crate::topology::Server;

/// Name of the shards' databases, fixed by BlueMind.
const SHARD_DATABASE: &str = "bj-data";
/// PostgreSQL's port, that of BlueMind's JDBC URLs.
const PORT: u16 = 5432;
/// Time to reach a server, and time for it to let us in: one that accepts and then says nothing is no server.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const SESSION_LIMIT: Duration = Duration::from_secs(20);
/// Time to tell servers that nobody waits for their queries any more.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);
/// Rows handed to the store at a time.
const BATCH: usize = 500;
/// A seat belt for every session; options in a configured URL come after these and win. Every query reads whole tables:
/// nested loops, which the planner takes when it expects few rows, would be quadratic in the folders.
const SESSION: &str = "-c default_transaction_read_only=on -c statement_timeout=10min -c lock_timeout=10s \
                       -c idle_in_transaction_session_timeout=10min -c search_path=public \
                       -c jit=off -c enable_nestloop=off";

/// How to reach a database, and what to call it.
#[derive(Clone)]
pub(in crate::collect) struct Access {
    config: tokio_postgres::Config,
    /// Its URL without user and password.
    pub shown: String,
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
    let Ok(config) = url.parse::<tokio_postgres::Config>() else { return Err(reason::Database::NotUrl { key }.into()) };
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
    Access { config, shown }
}

/// What the sessions of a run share: TLS, and the queries to cancel when nobody waits any more.
#[derive(Clone)]
pub(in crate::collect) struct Sessions {
    tls: MakeRustlsConnect,
    running: Arc<Mutex<Vec<(CancelToken, bool)>>>,
}

impl Sessions {
    /// Trusts the system's certificates and those of the configuration. The error names the file.
    pub(in crate::collect) fn new(config: &Config) -> Result<Self, Reason> {
        let tls = super::tls::client_config(&config.probe.ca_files)?;
        Ok(Self { tls: MakeRustlsConnect::new(tls), running: Arc::default() })
    }

    /// Asks every server to end what it still does for this run.
    pub(in crate::collect) async fn cancel(&self) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let all = running.into_iter().map(|(token, is_plain)| {
            let tls = self.tls.clone();
            async move {
                // The run ends either way; the server's own statement timeout is the fallback.
                let _ = if is_plain { token.cancel_query(NoTls).await } else { token.cancel_query(tls).await };
            }
        });
        let _ = tokio::time::timeout(CANCEL_LIMIT, futures_util::future::join_all(all)).await;
    }

    /// Fills the tables of `sources` from one database, in one read-only snapshot of it. `greet` is called when the session
    /// has begun, with the time by the database server's clock, in seconds since the epoch.
    pub(in crate::collect) async fn collect(
        &self,
        access: &Result<Access, Reason>,
        sources: &[&Source],
        scope: &str,
        sink: &Sink,
        greet: impl FnOnce(i64),
    ) {
        let connected = match access {
            Ok(access) => self.session(access).await,
            Err(reason) => Err(reason.clone()),
        };
        if let Ok((_, time)) = &connected {
            greet(*time);
        }
        let shown = access.as_ref().map_or("none", |access| access.shown.as_str());
        for source in sources {
            let entry = Scope::begin(sink, source.table, scope, shown);
            let outcome = match &connected {
                Ok((client, _)) => fill(client, source, &entry).await.map_err(|why| of(shown, why)),
                Err(reason) => Err(reason.clone()),
            };
            entry.end(outcome);
        }
    }

    /// A session within a time, and the time by the server's clock when it began. The error names the database.
    pub(super) async fn session(&self, access: &Access) -> Result<(Client, i64), Reason> {
        let session = tokio::time::timeout(SESSION_LIMIT, self.connect(access)).await;
        session
            .unwrap_or_else(|_| Err(reason::Database::NoSession { seconds: SESSION_LIMIT.as_secs() }.into()))
            .map_err(|why| of(&access.shown, why))
    }

    async fn connect(&self, access: &Access) -> Result<(Client, i64), Reason> {
        // `prefer`, libpq's default, allows plain connections: a certificate that cannot be verified must not stop them.
        let is_plain = access.config.get_ssl_mode() != SslMode::Require;
        let client = if is_plain {
            let mut config = access.config.clone();
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
            tokio::spawn(connection);
            client
        } else {
            let (client, connection) = access.config.connect(self.tls.clone()).await.map_err(failed)?;
            tokio::spawn(connection);
            client
        };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push((client.cancel_token(), is_plain));
        // Such a database checks nothing and may hold any bytes: they are asked for as they are.
        let sql = "SELECT set_config('client_encoding', 'SQL_ASCII', false) WHERE current_setting('server_encoding') = 'SQL_ASCII'";
        client.batch_execute(sql).await.map_err(failed)?;
        let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
        client.batch_execute(begin).await.map_err(failed)?;
        let time = client.query_one("SELECT extract(epoch FROM clock_timestamp())::int8", &[]).await;
        let time = time.and_then(|row| row.try_get(0)).map_err(failed)?;
        Ok((client, time))
    }
}

/// Runs the query of a source; a failure leaves the transaction usable for the next one.
async fn fill(client: &Client, source: &Source, entry: &Scope<'_>) -> Result<(), Reason> {
    client.batch_execute("SAVEPOINT source").await.map_err(failed)?;
    let outcome = match choose(client, source.queries).await {
        Ok(query) => stream(client, query, source.table.columns.len(), entry).await,
        Err(reason) => Err(reason),
    };
    let end = if outcome.is_ok() { "RELEASE SAVEPOINT source" } else { "ROLLBACK TO SAVEPOINT source" };
    match (client.batch_execute(end).await, outcome) {
        (_, Err(reason)) => Err(reason),
        (Err(error), Ok(())) => Err(failed(error)),
        (Ok(()), Ok(())) => Ok(()),
    }
}

/// The first query whose relations all exist.
async fn choose<'q>(client: &Client, queries: &'q [Query]) -> Result<&'q Query, Reason> {
    let mut absent = Vec::new();
    for query in queries {
        let sql = "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL";
        let needs: Vec<&str> = query.needs.to_vec();
        let rows = client.query(sql, &[&needs]).await.map_err(failed)?;
        if rows.is_empty() {
            return Ok(query);
        }
        absent.extend(rows.iter().filter_map(|row| row.try_get::<_, String>(0).ok()));
    }
    Err(reason::Database::NoTable { tables: absent }.into())
}

async fn stream(client: &Client, query: &Query, width: usize, entry: &Scope<'_>) -> Result<(), Reason> {
    let parameters: [&(dyn ToSql + Sync); 0] = [];
    let rows = client.query_raw(query.sql, parameters).await.map_err(failed)?;
    let batches = rows.map_err(failed).try_chunks(BATCH).map_err(|error| error.1);
    pin_mut!(batches);
    while let Some(batch) = batches.next().await {
        let rows = batch?.iter().map(|row| decode(row, width)).collect::<Result<Vec<Row>, Reason>>()?;
        entry.add(&rows)?;
    }
    Ok(())
}

fn decode(row: &tokio_postgres::Row, width: usize) -> Result<Row, Reason> {
    if row.len() != width {
        return Err(reason::Database::Width { returned: row.len(), columns: width }.into());
    }
    (0..width).map(|i| row.try_get::<_, Option<Cell>>(i).map_err(failed).map(|cell| cell.map(|c| c.0).into())).collect()
}

/// A cell of any type that the queries return.
struct Cell(Value);

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        cell.0
    }
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *kind {
            Type::BOOL => Value::from(bool::from_sql(kind, raw)?),
            Type::INT2 => Value::Integer(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Value::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Value::Integer(i64::from_sql(kind, raw)?),
            // A database in SQL_ASCII may hold anything: bytes that are no UTF-8 are shown as such, not lost.
            _ => Value::Text(escaped(raw)),
        }))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::TEXT | Type::VARCHAR | Type::NAME)
    }
}

/// The same of one database.
pub(super) fn of(database: &str, why: Reason) -> Reason {
    reason::Database::Of { database: database.to_owned(), why: Box::new(why) }.into()
}

pub(super) fn failed(error: tokio_postgres::Error) -> Reason {
    reason::Database::Failed { error: describe(&error) }.into()
}

/// What went wrong, in full: the crate's own text is only "db error".
fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", refusal.message(), refusal.code().code());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
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

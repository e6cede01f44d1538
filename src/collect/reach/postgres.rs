//! Reading BlueMind's databases: read-only sessions, and queries whose rows stream into the facts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, pin_mut};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{CancelToken, Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::access::Access;
use super::sink::{Scope, Sink};
use super::source::{Query, Source};
use crate::config::Config;
use crate::fact::{Row, Value};
use crate::model::Reason;
use crate::model::reason;
use crate::model::text::escaped;

/// Time for a server to let us in: one that accepts and then says nothing is no server.
const SESSION_LIMIT: Duration = Duration::from_secs(20);
/// Time to tell servers that nobody waits for their queries any more.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);
/// Rows handed to the store at a time.
const BATCH: usize = 500;

/// Settings of the transaction alone. Rows that a policy hides would be missing in silence: the server is to refuse
/// instead. Compiling a query takes longer than running it; PostgreSQL 10 cannot, and who sets it in the URL is let.
const SETTINGS: &str = "SELECT set_config(name, 'off', true) FROM pg_settings \
                        WHERE name = 'row_security' OR (name = 'jit' AND source <> 'client')";
/// The same for who leaves the server to everybody else: one process of it works for a session at a time.
const ALONE: &str = "SELECT set_config(name, '0', true) FROM pg_settings \
                     WHERE name = 'max_parallel_workers_per_gather' AND source <> 'client'";
/// What a server tells of itself: no two databases began to be served at one moment under one number.
const GREETING: &str = "SELECT extract(epoch FROM clock_timestamp())::int8, pg_is_in_recovery(),
                               extract(epoch FROM pg_postmaster_start_time())::text || ' ' || oid::text
                        FROM pg_database WHERE datname = current_database()";

/// What is known of a database when a session has begun.
pub(in crate::collect) struct Greeting {
    /// The time by its server's clock, in seconds since the epoch.
    pub(in crate::collect) time: i64,
    /// What no other database has.
    pub(in crate::collect) identity: String,
}

/// What the sessions of a run share: TLS, and the queries to cancel when nobody waits any more.
#[derive(Clone)]
pub(in crate::collect) struct Sessions {
    tls: MakeRustlsConnect,
    running: Arc<Mutex<Vec<(CancelToken, bool)>>>,
    is_gentle: bool,
}

impl Sessions {
    /// Trusts the system's certificates and those of the configuration. The error names the file.
    pub(in crate::collect) fn new(config: &Config) -> Result<Self, Reason> {
        let tls = super::tls::client_config(&config.probe.ca_files)?;
        Ok(Self { tls: MakeRustlsConnect::new(tls), running: Arc::default(), is_gentle: false })
    }

    /// The same, which leaves the servers to everybody else.
    pub(in crate::collect) fn gentle(self) -> Self {
        Self { is_gentle: true, ..self }
    }

    /// Whether the servers are left to everybody else.
    pub(super) fn is_gentle(&self) -> bool {
        self.is_gentle
    }

    /// How fast rows are to be taken.
    pub(super) fn pace(&self) -> Pace {
        Pace { is_gentle: self.is_gentle, rows: 0, since: Instant::now() }
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
    /// has begun.
    pub(in crate::collect) async fn collect(
        &self,
        access: &Result<Access, Reason>,
        sources: &[&Source],
        scope: &str,
        sink: &Sink,
        greet: impl FnOnce(&Greeting),
    ) {
        let connected = match access {
            Ok(access) => self.session(access).await,
            Err(reason) => Err(reason.clone()),
        };
        if let Ok((_, greeting)) = &connected {
            greet(greeting);
        }
        let shown = access.as_ref().map_or("none", |access| access.shown.as_str());
        for source in sources {
            let entry = Scope::begin(sink, source.table, scope, shown);
            let outcome = match &connected {
                Ok((client, _)) => fill(client, source, &entry, self.pace()).await.map_err(|why| of(shown, why)),
                Err(reason) => Err(reason.clone()),
            };
            entry.end(outcome);
        }
    }

    /// A session within a time, and what the database told when it began. The error names the database.
    pub(super) async fn session(&self, access: &Access) -> Result<(Client, Greeting), Reason> {
        self.try_session(access).await.map_err(|why| of(&access.shown, why))
    }

    /// The same; the error does not name the database.
    pub(super) async fn try_session(&self, access: &Access) -> Result<(Client, Greeting), Reason> {
        access.permit()?;
        let session = tokio::time::timeout(SESSION_LIMIT, self.connect(access)).await;
        session.unwrap_or_else(|_| Err(reason::Database::NoSession { seconds: SESSION_LIMIT.as_secs() }.into()))
    }

    async fn connect(&self, access: &Access) -> Result<(Client, Greeting), Reason> {
        // `prefer`, libpq's default, allows plain connections: a certificate that cannot be verified must not stop them.
        let is_plain = access.config.get_ssl_mode() != SslMode::Require;
        let client = if is_plain {
            let mut config = access.config.clone();
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(|error| refused(&error, true))?;
            tokio::spawn(connection);
            client
        } else {
            let connected = access.config.connect(self.tls.clone()).await;
            let (client, connection) = connected.map_err(|error| refused(&error, false))?;
            tokio::spawn(connection);
            client
        };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push((client.cancel_token(), is_plain));
        // Such a database checks nothing and may hold any bytes: they are asked for as they are.
        let sql = "SELECT set_config('client_encoding', 'SQL_ASCII', false) WHERE current_setting('server_encoding') = 'SQL_ASCII'";
        client.batch_execute(sql).await.map_err(failed)?;
        let begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
        client.batch_execute(begin).await.map_err(failed)?;
        client.batch_execute(SETTINGS).await.map_err(failed)?;
        if self.is_gentle {
            client.batch_execute(ALONE).await.map_err(failed)?;
        }
        let row = client.query_one(GREETING, &[]).await.map_err(failed)?;
        if row.try_get(1).map_err(failed)? {
            return Err(reason::Database::Standby.into());
        }
        let (time, identity) = (row.try_get(0).map_err(failed)?, row.try_get(2).map_err(failed)?);
        Ok((client, Greeting { time, identity }))
    }
}

/// Runs the query of a source; a failure leaves the transaction usable for the next one.
async fn fill(client: &Client, source: &Source, entry: &Scope<'_>, pace: Pace) -> Result<(), Reason> {
    client.batch_execute("SAVEPOINT source").await.map_err(failed)?;
    let outcome = match choose(client, source.queries).await {
        Ok(query) => stream(client, query, source.table.columns.len(), entry, pace).await,
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
    let mut tables = Vec::new();
    for query in queries {
        let absent = absent(client, query.needs).await.map_err(failed)?;
        if absent.is_empty() {
            return Ok(query);
        }
        tables.extend(absent);
    }
    Err(reason::Database::NoTable { tables }.into())
}

/// Those of some tables that are not there.
pub(super) async fn absent(client: &Client, tables: &[&str]) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL";
    let rows = client.query(sql, &[&tables]).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn stream(client: &Client, query: &Query, width: usize, entry: &Scope<'_>, mut pace: Pace) -> Result<(), Reason> {
    let parameters: [&(dyn ToSql + Sync); 0] = [];
    let rows = client.query_raw(query.sql, parameters).await.map_err(failed)?;
    let batches = rows.map_err(failed).try_chunks(BATCH).map_err(|error| error.1);
    pin_mut!(batches);
    while let Some(batch) = batches.next().await {
        let rows = batch?.iter().map(|row| decode(row, width)).collect::<Result<Vec<Row>, Reason>>()?;
        entry.add(&rows)?;
        pace.rest(rows.len()).await;
    }
    Ok(())
}

/// Rows that are taken between two rests.
pub(super) const BETWEEN_RESTS: usize = 2_000;
/// The longest rest: what takes longer was the server's own work before the first row.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// How fast rows are taken: PostgreSQL waits with a statement while nobody takes what it has sent.
pub(super) struct Pace {
    is_gentle: bool,
    rows: usize,
    since: Instant,
}

impl Pace {
    /// After some more rows: rests as long as it took to get them, where the server is left to everybody else.
    pub(super) async fn rest(&mut self, rows: usize) {
        self.rows += rows;
        if self.is_gentle && self.rows >= BETWEEN_RESTS {
            tokio::time::sleep(self.since.elapsed().min(LONGEST_REST)).await;
            (self.rows, self.since) = (0, Instant::now());
        }
    }
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

/// Why there is no session, with what helps where that is known.
fn refused(error: &tokio_postgres::Error, is_plain: bool) -> Reason {
    let text = describe(error);
    let Some(refusal) = error.as_db_error() else { return reason::Database::Failed { error: text }.into() };
    // The name of the file stands in the message in every language of the server.
    let is_access_rule =
        *refusal.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && refusal.message().contains("pg_hba.conf");
    if is_plain && is_access_rule {
        reason::Database::WantsTls { error: text }.into()
    } else if refusal.message().contains("unsupported startup parameter") {
        reason::Database::Pooler { error: text }.into()
    } else {
        reason::Database::Failed { error: text }.into()
    }
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

    #[tokio::test]
    async fn half_of_the_time_is_left_to_everybody_else() {
        let taken = |is_gentle| async move {
            let (began, mut pace) = (Instant::now(), Pace { is_gentle, rows: 0, since: Instant::now() });
            for _ in 0..4 {
                std::thread::sleep(Duration::from_millis(10));
                pace.rest(BETWEEN_RESTS / 2).await;
            }
            began.elapsed()
        };
        assert!(taken(true).await >= Duration::from_millis(80));
        assert!(taken(false).await < Duration::from_millis(75));
    }
}

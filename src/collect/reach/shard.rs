//! A shard whose rows are too many to be held, and its own types too many to be told apart by a row's struct: they are
//! handed over one by one, as PostgreSQL sends them.

use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::binary_copy::{BinaryCopyOutRow, BinaryCopyOutStream};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Column};

use super::access::Access;
use super::postgres::{Sessions, failed, of};
use super::shards::Verdicts;
use crate::model::Reason;
use crate::model::reason;
use crate::model::text::escaped;

/// A shard that can be asked.
#[derive(Clone)]
pub(in crate::collect) struct Shard {
    /// The sessions of the run.
    pub(in crate::collect) sessions: Sessions,
    /// How to reach it.
    pub(in crate::collect) access: Access,
    /// Uid of its server.
    pub(in crate::collect) server: String,
    /// Whether it is that server's.
    pub(in crate::collect) verdicts: Verdicts,
}

impl Shard {
    /// Begins a session. The error names the database.
    pub(in crate::collect) async fn open(&self) -> Result<Snapshot, Reason> {
        let access = self.access.clone().refused(self.verdicts.refusal(&self.server).await);
        let (client, _) = self.sessions.session(&access).await?;
        Ok(Snapshot { client, shown: self.access.shown.clone(), sessions: self.sessions.clone() })
    }
}

/// A shard's database as it was at one moment, for reading.
pub(in crate::collect) struct Snapshot {
    client: Client,
    /// Its URL without user and password.
    shown: String,
    sessions: Sessions,
}

impl Snapshot {
    /// Whether a table has a column. A table that is not there has none.
    pub(in crate::collect) async fn has_column(&self, table: &str, column: &str) -> Result<bool, Reason> {
        let sql = "SELECT EXISTS (SELECT 1 FROM pg_attribute
                                  WHERE attrelid = to_regclass($1) AND attname = $2::text AND NOT attisdropped)";
        let row = self.client.query_one(sql, &[&table, &column]).await;
        row.and_then(|row| row.try_get(0)).map_err(|error| self.failed(error))
    }

    /// Hands each row of a query to `each`.
    pub(in crate::collect) async fn rows(
        &self,
        query: &str,
        mut each: impl FnMut(&Cells<'_>) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        let statement = self.client.prepare(query).await.map_err(|error| self.failed(error))?;
        let columns = statement.columns();
        let copy = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
        let copy = self.client.copy_out(&copy).await.map_err(|error| self.failed(error))?;
        // Every cell is taken as the bytes that it is sent as.
        let rows = BinaryCopyOutStream::new(copy, &vec![Type::BYTEA; columns.len()]);
        pin_mut!(rows);
        let mut pace = self.sessions.pace();
        while let Some(row) = rows.try_next().await.map_err(|error| self.failed(error))? {
            each(&Cells { columns, row: &row, shown: &self.shown })?;
            pace.rest(1).await;
        }
        Ok(())
    }

    fn failed(&self, error: tokio_postgres::Error) -> Reason {
        of(&self.shown, failed(error))
    }
}

/// The cells of a row, numbered from 0.
pub(in crate::collect) struct Cells<'a> {
    columns: &'a [Column],
    row: &'a BinaryCopyOutRow,
    shown: &'a str,
}

impl Cells<'_> {
    /// Type and bytes of a cell; none where it is NULL.
    pub(in crate::collect) fn raw(&self, number: usize) -> Result<Option<(&Type, &[u8])>, Reason> {
        let width =
            || of(self.shown, reason::Database::Width { returned: self.columns.len(), columns: number + 1 }.into());
        let column = self.columns.get(number).ok_or_else(width)?;
        let raw = self.row.try_get::<Option<&[u8]>>(number).map_err(|error| of(self.shown, failed(error)))?;
        Ok(raw.map(|raw| (column.type_(), raw)))
    }

    /// A number of whatever size.
    pub(in crate::collect) fn integer(&self, number: usize) -> Result<Option<i64>, Reason> {
        let raw = self.raw(number)?.map(|(_, raw)| raw);
        Ok(raw.and_then(|raw| match raw.len() {
            2 => raw.try_into().ok().map(|bytes| i16::from_be_bytes(bytes).into()),
            4 => raw.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).into()),
            _ => raw.try_into().ok().map(i64::from_be_bytes),
        }))
    }

    /// A text; bytes that are no UTF-8 are shown as such.
    pub(in crate::collect) fn text(&self, number: usize) -> Result<Option<String>, Reason> {
        Ok(self.raw(number)?.map(|(_, raw)| escaped(raw)))
    }

    /// Whether it is true.
    pub(in crate::collect) fn flag(&self, number: usize) -> Result<bool, Reason> {
        Ok(self.raw(number)?.is_some_and(|(kind, raw)| bool::from_sql(kind, raw).unwrap_or(false)))
    }
}

//! A shard whose rows are too many to be held, and its own types too many to be told apart by a row's struct: they are
//! handed over one by one, as PostgreSQL sends them.

use std::ops::Range;

use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Column};

use super::access::Access;
use super::postgres::{BETWEEN_RESTS, Sessions, absent, failed, of};
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

    /// Refuses a schema that lacks one of these tables.
    pub(in crate::collect) async fn has_tables(&self, tables: &[&str]) -> Result<(), Reason> {
        let absent = absent(&self.client, tables).await.map_err(|error| self.failed(error))?;
        let no_table = || of(&self.shown, reason::Database::NoTable { tables: absent.clone() }.into());
        if absent.is_empty() { Ok(()) } else { Err(no_table()) }
    }

    /// Hands each row of a query to `each`.
    pub(in crate::collect) async fn rows(
        &self,
        query: &str,
        each: impl FnMut(&Cells<'_>) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        match self.sessions.is_gentle() {
            true => self.fetched(query, each).await,
            false => self.copied(query, each).await,
        }
    }

    /// In one statement.
    async fn copied(&self, query: &str, mut each: impl FnMut(&Cells<'_>) -> Result<(), Reason>) -> Result<(), Reason> {
        let statement = self.client.prepare(query).await.map_err(|error| self.failed(error))?;
        let columns = statement.columns();
        let copy = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
        let copy = self.client.copy_out(&copy).await.map_err(|error| self.failed(error))?;
        pin_mut!(copy);
        let (mut pace, mut rows) = (self.sessions.pace(), Rows::default());
        while let Some(message) = copy.try_next().await.map_err(|error| self.failed(error))? {
            let row = rows.cut(&message).filter(|_| rows.cells.len() == columns.len() || rows.are_over);
            let row = row.ok_or_else(|| self.broken("a row that is none"))?;
            if !rows.are_over {
                each(&Cells { columns, row: Row::Cut(row, &rows.cells), shown: &self.shown })?;
                pace.rest(1).await;
            }
        }
        if rows.are_over { Ok(()) } else { Err(self.broken("rows without their end")) }
    }

    /// In many short statements, between which the server has nothing to do.
    async fn fetched(&self, query: &str, mut each: impl FnMut(&Cells<'_>) -> Result<(), Reason>) -> Result<(), Reason> {
        let failed = |error| self.failed(error);
        self.client.batch_execute(&format!("DECLARE taken NO SCROLL CURSOR FOR {query}")).await.map_err(failed)?;
        let fetch = self.client.prepare(&format!("FETCH {BETWEEN_RESTS} FROM taken")).await.map_err(failed)?;
        let mut pace = self.sessions.pace();
        loop {
            let rows = self.client.query(&fetch, &[]).await.map_err(failed)?;
            for row in &rows {
                each(&Cells { columns: fetch.columns(), row: Row::Fetched(row), shown: &self.shown })?;
            }
            if rows.len() < BETWEEN_RESTS {
                return self.client.batch_execute("CLOSE taken").await.map_err(failed);
            }
            pace.rest(rows.len()).await;
        }
    }

    fn broken(&self, what: &str) -> Reason {
        of(&self.shown, reason::Database::Failed { error: format!("COPY: {what}") }.into())
    }

    fn failed(&self, error: tokio_postgres::Error) -> Reason {
        of(&self.shown, failed(error))
    }
}

/// What the rows of a binary COPY begin with: its mark, flags, and the length of what else the header may have.
const HEADER: usize = 19;
const MARK: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The rows of a binary COPY, each in a message of its own; the first bears the header.
#[derive(Default)]
struct Rows {
    has_begun: bool,
    are_over: bool,
    /// Where the cells of the last row are; none where they are NULL.
    cells: Vec<Option<Range<usize>>>,
}

impl Rows {
    /// Finds the cells of the next row, and returns the bytes that they are in; none where it is no row.
    fn cut<'m>(&mut self, message: &'m [u8]) -> Option<&'m [u8]> {
        let mut row = message;
        if !std::mem::replace(&mut self.has_begun, true) {
            let (header, rest) = message.split_at_checked(HEADER)?;
            let more = u32::from_be_bytes(header.strip_prefix(MARK)?.get(4..)?.try_into().ok()?);
            row = rest.get(usize::try_from(more).ok()?..)?;
        }
        self.cells.clear();
        let count = i16::from_be_bytes(*row.first_chunk()?);
        self.are_over = count == -1;
        let mut at = 2;
        for _ in 0..count {
            let length = i32::from_be_bytes(*row.get(at..)?.first_chunk()?);
            at += 4;
            let cell = usize::try_from(length).ok().map(|length| at..at + length);
            at = cell.as_ref().map_or(at, |cell| cell.end);
            row.get(..at)?;
            self.cells.push(cell);
        }
        Some(row)
    }
}

/// The cells of a row, numbered from 0.
pub(in crate::collect) struct Cells<'a> {
    columns: &'a [Column],
    row: Row<'a>,
    shown: &'a str,
}

/// A row as it came.
enum Row<'a> {
    /// Bytes, and where the cells are in them.
    Cut(&'a [u8], &'a [Option<Range<usize>>]),
    Fetched(&'a tokio_postgres::Row),
}

/// The bytes of a cell of whatever type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Cells<'_> {
    /// Type and bytes of a cell; none where it is NULL.
    pub(in crate::collect) fn raw(&self, number: usize) -> Result<Option<(&Type, &[u8])>, Reason> {
        let width =
            || of(self.shown, reason::Database::Width { returned: self.columns.len(), columns: number + 1 }.into());
        let column = self.columns.get(number).ok_or_else(width)?;
        let raw = match &self.row {
            Row::Cut(row, cells) => cells.get(number).ok_or_else(width)?.clone().and_then(|cell| row.get(cell)),
            Row::Fetched(row) => row.try_get::<_, Option<Raw<'_>>>(number).map_err(|_| width())?.map(|Raw(raw)| raw),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as it is sent.
    fn row(cells: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = i16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
        for cell in cells {
            let length = cell.map_or(-1, |cell| i32::try_from(cell.len()).unwrap());
            bytes.extend(length.to_be_bytes());
            bytes.extend(cell.unwrap_or_default());
        }
        bytes
    }

    fn header(more: &[u8]) -> Vec<u8> {
        [MARK, &[0; 4], &u32::try_from(more.len()).unwrap().to_be_bytes(), more].concat()
    }

    fn cells<'m>(rows: &mut Rows, message: &'m [u8]) -> Option<Vec<Option<&'m [u8]>>> {
        let row = rows.cut(message)?;
        Some(rows.cells.iter().map(|cell| cell.clone().map(|cell| &row[cell])).collect())
    }

    #[test]
    fn rows_are_cut_into_their_cells_until_they_end() {
        let (first, second) = ([Some(&b"abc"[..]), None, Some(&[])], [None, Some(&b"d"[..]), None]);
        for more in [&b""[..], b"more"] {
            let mut rows = Rows::default();
            assert_eq!(cells(&mut rows, &[header(more), row(&first)].concat()).unwrap(), first);
            assert_eq!(cells(&mut rows, &row(&second)).unwrap(), second);
            assert!(!rows.are_over);
            assert_eq!(cells(&mut rows, &(-1_i16).to_be_bytes()).unwrap(), []);
            assert!(rows.are_over);
        }
        let mut none = Rows::default();
        assert_eq!(cells(&mut none, &[header(b""), vec![0xff; 2]].concat()).unwrap(), []);
        assert!(none.are_over);
    }

    #[test]
    fn what_is_cut_short_or_begins_otherwise_is_no_row() {
        let whole = [header(b"more"), row(&[Some(b"abc"), None])].concat();
        assert!(Rows::default().cut(&whole).is_some());
        for length in 0..whole.len() {
            assert!(Rows::default().cut(&whole[..length]).is_none(), "{length}");
        }
        assert!(Rows::default().cut(&row(&[Some(b"abc")])).is_none());
    }
}

//! Facts: what collectors saw, as rows of typed tables with a statement of how complete they are.

pub mod fixture;
pub mod record;
pub mod schema;
pub mod store;
pub mod table;

pub use record::{Cell, Record};
pub use schema::{BEFORE, Reads, Schema, View};
pub(crate) use store::bytes;
pub use store::{Facts, Ledger, Prepared, Question, Reader, SqlError, Store, StoreError};
pub use table::{Column, Row, ScopeKind, Table, Value};

pub(crate) use record::{enumeration, table};

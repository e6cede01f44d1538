//! Facts: what collectors saw, as rows of typed tables with a statement of how complete they are.

pub mod fixture;
pub mod record;
pub mod store;
pub mod table;

pub use record::{Cell, Record};
pub(crate) use store::bytes;
pub use store::{Facts, Ledger, Prepared, Reader, SqlError, Store, StoreError};
pub use table::{BEFORE, Column, Row, Schema, ScopeKind, Table, Value, View};

pub(crate) use record::{enumeration, table};

//! What tests share: a real PostgreSQL, and the simulated installations of `fixtures/installations/` in it.

pub(crate) mod bluemind;
pub(crate) mod postgres;
pub(crate) mod snapshot;

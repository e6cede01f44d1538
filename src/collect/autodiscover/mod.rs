//! Autodiscover as bm-mapi and the clients look for it.

mod dns;
mod names;
mod trace;

pub(super) use trace::TABLES;

//! Autodiscover as bm-mapi and the clients look for it.

mod trace;

pub(super) use trace::TABLES;

//! A mail backend's Cyrus as its files show it: no lock, no Cyrus tool, nothing written.

mod tables;

pub(in crate::collect) use tables::TABLES;

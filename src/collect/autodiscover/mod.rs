//! Autodiscover as bm-mapi and the clients look for it.

mod answer;
mod certificate;
mod failure;
mod handshake;
mod http;
mod peers;
mod recorder;
mod trace;
mod trust;

pub(super) use trace::TABLES;

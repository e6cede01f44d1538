//! How a thing is got at, and where what was seen of it is put: what every room of collectors stands on.

pub(super) mod access;
mod below;

pub(super) mod command;
pub(super) mod failure;
pub(super) mod identity;
pub(super) mod imapd_conf;
pub(super) mod listing;
pub(super) mod log_files;
pub(super) mod mailbox;
pub(super) mod owners;
pub(super) mod place;
pub(super) mod postgres;
pub(super) mod root;
pub(super) mod seen;
pub(super) mod shard;
pub(super) mod shards;
pub(super) mod sink;
pub(super) mod source;
pub(super) mod tls;
pub(super) mod web;

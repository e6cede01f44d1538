//! Pre-upgrade checks for BlueMind 4.
//!
//! One direction, nothing looks back:
//!
//! ```text
//!  command line + config ──► Config ──┐
//!  bm.ini, bj database ────► Topology ┤
//!  checks/*.toml ──────────► Checks ──┴─► Plan: checks, tables, scopes
//!                                           │
//!          collectors (async, bounded)      ▼
//!    PostgreSQL, files,
//!    DNS, TLS, HTTP ──────── rows + coverage ──► Store ──► snapshot (optional)
//!                                                  │ sealed: Facts, read-only
//!                    Views, Check × Facts (sync) ◄┘ ──► Outcomes ──► Verdict, Digest ──► Report
//!                                                                      html | json | junit | text
//! ```
//!
//! The rooms: [`model`] is the shared vocabulary and [`format`](mod@format) reads bytes; [`config`] and [`topology`] say
//! what was asked for and what exists; [`fact`] keeps rows and what is known of them; [`collect`] fills them; [`check`]
//! judges them, [`plan`] says which are needed; [`merge`] joins what several servers know; [`waiver`] and
//! [`cause`] say which findings do not stand for themselves; [`verdict`] is the only policy; [`digest`] says who has to act
//! and what is open; [`diff`] compares two reports; [`pseudonym`] hides names and [`bundle`] packs; [`report`] shows all,
//! [`script`] its commands; [`app`] joins all.

pub mod app;
pub mod bundle;
pub mod cause;
pub mod check;
pub mod cli;
pub mod collect;
pub mod config;
pub mod diff;
pub mod digest;
pub mod fact;
pub mod format;
pub mod merge;
pub mod model;
pub mod plan;
pub mod pseudonym;
pub mod report;
pub mod script;
pub mod topology;
pub mod verdict;
pub mod waiver;

#[cfg(test)]
mod tests;

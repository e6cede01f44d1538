//! The reports, as those who read them see them.
// Clippy's exemption for tests ends at their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

#[path = "report/autodiscover.rs"]
mod autodiscover;
#[path = "report/browser.rs"]
mod browser;
#[path = "report/canonical.rs"]
mod canonical;
#[allow(dead_code, reason = "the reports are made of whole facts")]
#[path = "support/facts_file.rs"]
mod facts_file;
#[path = "report/first.rs"]
mod first;
#[path = "report/forecast.rs"]
mod forecast;
#[path = "report/formats.rs"]
mod formats;
#[path = "report/html.rs"]
mod html;
#[path = "report/json.rs"]
mod json;
#[path = "report/junit.rs"]
mod junit;
#[path = "report/markup.rs"]
mod markup;
#[path = "report/notices.rs"]
mod notices;
#[path = "report/tables.rs"]
mod tables;
#[path = "report/text.rs"]
mod text;

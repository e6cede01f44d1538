//! Checks: one file of data each, loaded, linted, tested by its own cases, and evaluated over facts.

pub mod case;
pub mod evaluate;
mod lint;
pub mod load;
mod message;
pub mod views;

use std::collections::BTreeMap;

use semver::VersionReq;

use crate::fact::fixture::Given;
use crate::model::{Localized, Remedy, Severity};

pub use load::{CheckFile, Diagnostic};
pub use message::Messages;

/// A check that passed the lint.
pub struct Check {
    /// Permanent id, the stem of its file.
    pub id: String,
    /// Category, the folder of its file.
    pub category: String,
    /// Severity of its findings.
    pub severity: Severity,
    /// Installed releases it is about; all when `None`.
    pub from: Option<VersionReq>,
    /// Target releases it is about; all when `None`.
    pub to: Option<VersionReq>,
    /// Roles it is about: without a server holding one of them it does not apply, and the files of other servers are
    /// not needed.
    pub roles: Vec<String>,
    /// Packages it is about: it does not apply where no server has one of them.
    pub packages: Vec<String>,
    /// Whether it is run only when its category or its id is asked for: it would disturb an ordinary run.
    pub only_with_category: bool,
    /// Words to search by.
    pub tags: Vec<String>,
    /// A public page about the matter.
    pub reference: Option<String>,
    /// Why more rows could only add findings; `None` when that is not so.
    pub partial: Option<String>,
    /// The `SELECT` whose rows are findings.
    pub query: String,
    /// Facts tables that the query reads, sorted.
    pub tables: Vec<String>,
    /// Columns that the query returns.
    pub columns: Vec<String>,
    /// Texts in both languages.
    pub text: Localized<Text>,
    /// Templates of the commands to print.
    pub commands: Vec<String>,
    /// When to carry out the remedy, and its risk.
    pub remedy: Remedy,
    /// Its own test cases.
    pub cases: Vec<Case>,
    /// The file it was read from.
    pub path: String,
    /// Its templates, ready to render.
    pub messages: Messages,
}

/// The texts of a check in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What is wrong, as a sentence.
    pub title: String,
    /// What happens if the upgrade goes on.
    pub why: String,
    /// Template of a finding's sentence.
    pub message: String,
    /// Template of what to do.
    pub remediation: String,
}

/// A test case: facts, and the findings they must give.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Installed release; `None` (written `""`) when it is not known.
    pub from: Option<String>,
    /// Target release.
    pub to: String,
    /// The facts.
    pub given: Given,
    /// Columns of the expected findings, ordered by subject; columns left out are not compared.
    pub expect: Vec<BTreeMap<String, toml::Value>>,
    /// Subjects that the facts do not decide, ordered.
    pub unknown: Vec<String>,
}

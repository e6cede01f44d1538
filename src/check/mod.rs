//! Checks: one file of data each, loaded, linted, tested by its own cases, and evaluated over facts.

mod applies;
pub mod case;
pub mod evaluate;
mod findings;
pub mod headline;
mod lint;
pub mod load;
mod message;
mod proof;
mod raw;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
pub mod views;
mod withdraw;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use semver::VersionReq;

use crate::fact::Table;
use crate::fact::fixture::Given;
use crate::model::{Lang, Localized, Remedy, Severity, Who};

pub use applies::is_about;
pub use load::{CheckFile, Diagnostic};
use message::{Messages, Part};
pub use raw::Undecided;

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
    /// Packages it is about: it does not apply where no server has one of them, of those with its roles if it has any.
    pub packages: Vec<String>,
    /// Whether it is run only when its category or its id is asked for: it would disturb an ordinary run.
    pub only_with_category: bool,
    /// Who has to act on a finding.
    pub who: Who,
    /// How many days before the upgrade that has to begin.
    pub lead_days: u16,
    /// Words to search by.
    pub tags: Vec<String>,
    /// A public page about the matter.
    pub reference: Option<String>,
    /// The tables that may be incomplete; `None` when none may.
    pub partial: Option<Partial>,
    /// The column whose value is the code of a finding's words; `None` when there is one set of words.
    pub by: Option<String>,
    /// The `SELECT` whose rows are findings.
    pub query: String,
    /// Facts tables that the query reads, by name.
    pub tables: Vec<&'static Table>,
    /// Ids of the checks whose findings may explain its own; not read of a built-in check in a run.
    pub explained_by: Vec<String>,
    /// What a pass says of what was compared; `None` where it says nothing.
    pub proof: Option<Proof>,
    /// What all findings come to, in people's units; `None` where it says nothing.
    pub headline: Option<Headline>,
    /// Columns of the query that a table of the findings shows beside the subject.
    pub shown: Vec<String>,
    /// Texts in both languages.
    pub text: Localized<Text>,
    /// What findings may be; a single one without code where there is one set of words.
    pub problems: Vec<Problem>,
    /// Codes of the reasons why the facts may not decide, with their words.
    pub inconclusive: BTreeMap<String, Localized<String>>,
    /// Its own test cases.
    pub cases: Vec<Case>,
    /// The file it was read from.
    pub path: String,
    /// Its templates, compiled when the first of them is rendered.
    messages: OnceLock<Messages>,
}

impl Check {
    /// Its templates, ready to render.
    fn messages(&self) -> &Messages {
        self.messages.get_or_init(|| Messages::of(self))
    }

    /// Each template: what it is for, its code, its language and its text.
    fn templates(&self) -> Vec<(Part, &str, Lang, &str)> {
        let mut all = Vec::new();
        for lang in Lang::ALL {
            for Problem { code, words, .. } in &self.problems {
                let Words { message, remediation } = words.get(lang);
                all.extend([(Part::Message, code.as_str(), lang, message.as_str())]);
                all.extend([(Part::Remediation, code.as_str(), lang, remediation.as_str())]);
            }
            let undecided = self.inconclusive.iter();
            all.extend(
                undecided.map(|(code, words)| (Part::Inconclusive, code.as_str(), lang, words.get(lang).as_str())),
            );
            all.extend(self.proof.iter().map(|proof| (Part::Proof, "", lang, proof.words.get(lang).as_str())));
            all.extend(self.headline.iter().map(|told| (Part::Headline, "", lang, told.words.get(lang).as_str())));
        }
        for problem in &self.problems {
            let commands = problem.commands.iter().enumerate();
            all.extend(commands.map(|(at, text)| (Part::Command(at), problem.code.as_str(), Lang::En, text.as_str())));
        }
        all
    }

    /// The problem of that code.
    pub fn problem(&self, code: &str) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.code == code)
    }
}

/// Tables of which more rows can only add findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// Their names.
    pub tables: Vec<String>,
    /// Why that is so.
    pub why: String,
}

/// What was compared where nothing was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The `SELECT` whose rows are sentences.
    pub query: String,
    /// Template of a sentence, in both languages.
    pub words: Localized<String>,
}

/// One sentence over all findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// The `SELECT` over the table [`headline::TABLE`] whose one row the sentence is made of.
    pub sums: String,
    /// Template of the sentence, in both languages.
    pub words: Localized<String>,
}

/// What is said of a check in one language, whatever it finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What is wrong, as a sentence.
    pub title: String,
    /// What happens if the upgrade goes on.
    pub why: String,
    /// Where that comes from, thresholds, what is inferred; empty when there is nothing to say.
    pub details: String,
}

/// A variant of the anomaly, with what is said of it and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its value of the column [`Check::by`]; empty where there is one set of words.
    pub code: String,
    /// Templates of its words in both languages.
    pub words: Localized<Words>,
    /// Templates of the commands to print.
    pub commands: Vec<String>,
    /// When to carry out the remedy, and its risk.
    pub remedy: Remedy,
}

/// The words of a problem in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
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
    /// Roles that some server holds; `None` when the case is not about them.
    pub roles: Option<Vec<String>>,
    /// Packages that some server has; `None` when the case is not about them.
    pub packages: Option<Vec<String>>,
    /// The facts.
    pub given: Given,
    /// What is expected of the findings, ordered by subject: columns, and the words in English. What is left out is not
    /// compared.
    pub expect: Vec<BTreeMap<String, toml::Value>>,
    /// Subjects that the facts do not decide, ordered.
    pub unknown: Vec<Undecided>,
    /// What the pass says of what was compared, in English; `None` when the case does not say.
    pub proof: Option<Vec<String>>,
    /// What all findings come to, in English; `None` when the case does not say.
    pub headline: Option<String>,
}

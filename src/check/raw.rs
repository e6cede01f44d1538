//! The shape of a check file, with the place of everything that the lint may object to.

use std::collections::BTreeMap;

use semver::VersionReq;
use serde::Deserialize;
use serde::de::Error as _;
use toml::Spanned;

use crate::fact::fixture::Given;
use crate::model::{Lang, Risk, Severity, When, Who};

/// Words by code, as the file has them.
pub(super) type ByCode<T> = BTreeMap<Spanned<String>, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCheck {
    pub(super) id: Spanned<String>,
    pub(super) category: Spanned<String>,
    pub(super) severity: Severity,
    #[serde(default)]
    pub(super) upgrade: RawUpgrade,
    #[serde(default)]
    pub(super) roles: Vec<String>,
    #[serde(default)]
    pub(super) packages: Vec<String>,
    #[serde(default)]
    pub(super) only_with_category: bool,
    pub(super) who: Who,
    #[serde(default)]
    pub(super) lead_days: u16,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) reference: Option<Spanned<String>>,
    pub(super) partial: Option<Spanned<RawPartial>>,
    pub(super) by: Option<Spanned<String>>,
    pub(super) query: Spanned<String>,
    pub(super) proof: Option<Spanned<String>>,
    pub(super) sums: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) shown: Vec<Spanned<String>>,
    pub(super) en: RawText,
    pub(super) fr: RawText,
    #[serde(default)]
    pub(super) remedy: RawRemedy,
    #[serde(default)]
    pub(super) problem: ByCode<RawProblem>,
    #[serde(default)]
    pub(super) inconclusive: ByCode<RawInconclusive>,
    #[serde(default, rename = "test")]
    pub(super) tests: Vec<Spanned<RawCase>>,
}

impl RawCheck {
    /// The texts in one language.
    pub(super) fn text(&self, lang: Lang) -> &RawText {
        match lang {
            Lang::En => &self.en,
            Lang::Fr => &self.fr,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUpgrade {
    pub(super) from: Option<Requirement>,
    pub(super) to: Option<Requirement>,
}

/// A range of releases such as `>=4.0, <4.1`.
pub(super) struct Requirement(pub(super) VersionReq);

impl<'de> Deserialize<'de> for Requirement {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        VersionReq::parse(&text)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("not a range of releases: {error}")))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPartial {
    pub(super) tables: Vec<String>,
    pub(super) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawText {
    pub(super) title: Spanned<String>,
    pub(super) why: Spanned<String>,
    #[serde(default)]
    pub(super) details: Option<Spanned<String>>,
    pub(super) message: Option<Spanned<String>>,
    pub(super) remediation: Option<Spanned<String>>,
    pub(super) proof: Option<Spanned<String>>,
    pub(super) headline: Option<Spanned<String>>,
}

/// What is done about a finding: of a problem, or of every problem that does not say otherwise.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRemedy {
    pub(super) commands: Option<Vec<Spanned<String>>>,
    pub(super) risk: Option<Risk>,
    pub(super) when: Option<When>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProblem {
    #[serde(default)]
    pub(super) en: RawWords,
    #[serde(default)]
    pub(super) fr: RawWords,
    pub(super) commands: Option<Vec<Spanned<String>>>,
    pub(super) risk: Option<Risk>,
    pub(super) when: Option<When>,
}

impl RawProblem {
    /// Its words in one language.
    pub(super) fn words(&self, lang: Lang) -> &RawWords {
        match lang {
            Lang::En => &self.en,
            Lang::Fr => &self.fr,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWords {
    pub(super) message: Option<Spanned<String>>,
    pub(super) remediation: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInconclusive {
    pub(super) en: Spanned<String>,
    pub(super) fr: Spanned<String>,
}

impl RawInconclusive {
    /// The words in one language.
    pub(super) fn words(&self, lang: Lang) -> &Spanned<String> {
        match lang {
            Lang::En => &self.en,
            Lang::Fr => &self.fr,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    pub(super) name: Spanned<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) packages: Option<Vec<String>>,
    #[serde(default)]
    pub(super) given: Given,
    pub(super) expect: Vec<BTreeMap<String, toml::Value>>,
    #[serde(default)]
    pub(super) unknown: Vec<RawUndecided>,
    pub(super) proof: Option<Vec<String>>,
    pub(super) headline: Option<String>,
}

/// A subject that the facts do not decide: its name alone, or with the code that says why and a part of its words.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawUndecided {
    Subject(String),
    Because(Undecided),
}

/// A subject that a case expects to be undecided.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undecided {
    /// The subject.
    pub subject: String,
    /// The code in the column `inconclusive`; `None` when the case does not say.
    pub inconclusive: Option<String>,
    /// A part of its words in English.
    pub reason: Option<String>,
}

impl From<RawUndecided> for Undecided {
    fn from(raw: RawUndecided) -> Self {
        match raw {
            RawUndecided::Subject(subject) => Self { subject, inconclusive: None, reason: None },
            RawUndecided::Because(undecided) => undecided,
        }
    }
}

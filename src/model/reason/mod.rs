//! Why something is not known: values with fields, told in the reader's language in one place.
//!
//! A reason is stored with the statement on completeness that it explains, as JSON. What a system or a format says of itself
//! keeps its own text, behind the sentence.

pub mod applies;
pub mod cyrus;
pub mod database;
pub mod files;
pub mod merge;
pub mod network;
pub mod notice;
pub mod run;
pub mod server;

use serde::{Deserialize, Serialize};

use super::Lang;

pub use applies::Applies;
pub use cyrus::Cyrus;
pub use database::Database;
pub use files::Files;
pub use merge::Merge;
pub use network::Network;
pub use notice::{Checks, Notice, Waiting};
pub use run::Run;
pub use server::Server;

/// Declares reasons of a kind: a variant with its fields, and its words in both languages, in which `{field}` stands for
/// what the field holds. A field may be a text, a number, a list of texts, or other reasons.
macro_rules! reasons {
    (
        $(#[doc = $about:literal])+
        $Kind:ident {
            $(
                $(#[doc = $doc:literal])+
                $Variant:ident $({ $($field:ident: $type:ty),+ $(,)? })?
                    en $en:literal
                    fr $fr:literal;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        #[allow(missing_docs, reason = "the words say what the fields are")]
        pub enum $Kind {
            $( $(#[doc = $doc])+ $Variant $({ $($field: $type),+ })? ),+
        }

        impl $Kind {
            /// In words.
            pub fn text(&self, lang: $crate::model::Lang) -> String {
                match self {
                    $( Self::$Variant $({ $($field),+ })? => {
                        $($( let $field = $crate::model::reason::Told::told($field, lang); )+)?
                        match lang {
                            $crate::model::Lang::En => format!($en),
                            $crate::model::Lang::Fr => format!($fr),
                        }
                    } ),+
                }
            }
        }

        #[cfg(test)]
        pub(super) const WORDS: &[(&str, &str)] = &[$( ($en, $fr) ),+];
    };
}
pub(crate) use reasons;

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Of this run, and of what it knows of the installation.
    Run(Run),
    /// Of files and programs of a server.
    Files(Files),
    /// Of a server's own tables.
    Server(Server),
    /// Of a backend's Cyrus.
    Cyrus(Cyrus),
    /// Of the databases.
    Database(Database),
    /// Of the network.
    Network(Network),
    /// Of snapshots that were merged.
    Merge(Merge),
    /// Several at once.
    Several(Vec<Reason>),
}

impl Reason {
    /// In words.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Run(reason) => reason.text(lang),
            Self::Files(reason) => reason.text(lang),
            Self::Server(reason) => reason.text(lang),
            Self::Cyrus(reason) => reason.text(lang),
            Self::Database(reason) => reason.text(lang),
            Self::Network(reason) => reason.text(lang),
            Self::Merge(reason) => reason.text(lang),
            Self::Several(reasons) => reasons.told(lang),
        }
    }

    /// Several reasons as one; none when there is none.
    pub fn all(reasons: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut reasons: Vec<Self> = reasons.into_iter().collect();
        match reasons.len() {
            0 | 1 => reasons.pop(),
            _ => Some(Self::Several(reasons)),
        }
    }
}

/// In English.
impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

macro_rules! kinds {
    ($($Kind:ident),+) => {
        $( impl From<$Kind> for Reason {
            fn from(reason: $Kind) -> Self {
                Self::$Kind(reason)
            }
        } )+
    };
}
kinds!(Run, Files, Server, Cyrus, Database, Network, Merge);

impl From<&Self> for Reason {
    fn from(reason: &Self) -> Self {
        reason.clone()
    }
}
/// What a field says within a sentence.
trait Told {
    fn told(&self, lang: Lang) -> String;
}

macro_rules! told_as_written {
    ($($Type:ty),+) => {
        $( impl Told for $Type {
            fn told(&self, _: Lang) -> String {
                self.to_string()
            }
        } )+
    };
}
told_as_written!(String, i64, u16, u32, u64, usize);

impl Told for Vec<String> {
    fn told(&self, _: Lang) -> String {
        self.join(", ")
    }
}
impl Told for Box<Reason> {
    fn told(&self, lang: Lang) -> String {
        self.text(lang)
    }
}
/// What a sentence enumerates.
impl Told for Vec<Cyrus> {
    fn told(&self, lang: Lang) -> String {
        self.iter().map(|one| one.text(lang)).collect::<Vec<_>>().join(", ")
    }
}
impl Told for Vec<Reason> {
    fn told(&self, lang: Lang) -> String {
        self.iter().map(|reason| reason.text(lang)).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;

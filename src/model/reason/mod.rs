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

            /// The reason that it follows from, where it follows from one.
            #[allow(unused_variables, reason = "most reasons follow from none")]
            pub fn why(&self) -> Option<&$crate::model::Reason> {
                match self {
                    $( Self::$Variant $({ $($field),+ })? => {
                        $crate::model::reason::why!($($([$field $field])+)?)
                    } ),+
                }
            }

            /// The file, folder or mailbox that it is about, where it is about one.
            #[allow(unused_variables, reason = "most fields are no place")]
            pub fn place(&self) -> Option<&str> {
                match self {
                    $( Self::$Variant $({ $($field),+ })? => {
                        $crate::model::reason::place!($($([$field $field])+)?)
                    } ),+
                }
            }
        }

        #[cfg(test)]
        pub(super) const WORDS: &[(&str, &str)] = &[$( ($en, $fr) ),+];
    };
}
pub(crate) use reasons;

/// The first field that names a place.
macro_rules! place {
    () => { None };
    ([path $field:ident] $($rest:tt)*) => { Some($field.as_str()) };
    ([name $field:ident] $($rest:tt)*) => { Some($field.as_str()) };
    ([$other:ident $field:ident] $($rest:tt)*) => { $crate::model::reason::place!($($rest)*) };
}
pub(crate) use place;

/// The field that holds another reason.
macro_rules! why {
    () => { None };
    ([why $field:ident] $($rest:tt)*) => { Some($field.as_ref()) };
    ([$other:ident $field:ident] $($rest:tt)*) => { $crate::model::reason::why!($($rest)*) };
}
pub(crate) use why;

/// So many of a list are told in full.
const FEW: usize = 3;
/// So many places are kept one by one: of more nobody accepts one after the other.
const MOST: usize = 1_000;

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
            Self::Several(reasons) => reasons.iter().map(|one| one.text(lang)).collect::<Vec<_>>().join("; "),
        }
    }

    /// The file, folder or mailbox that it is about, where it is about one.
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Run(reason) => reason.place(),
            Self::Files(reason) => reason.place(),
            Self::Server(reason) => reason.place(),
            Self::Cyrus(reason) => reason.place(),
            Self::Database(reason) => reason.place(),
            Self::Network(reason) => reason.place(),
            Self::Merge(reason) => reason.place(),
            Self::Several(_) => None,
        }
    }

    /// The cause at the beginning of a chain of reasons: itself, where it follows from no other.
    pub fn root(&self) -> &Self {
        let why = match self {
            Self::Run(reason) => reason.why(),
            Self::Files(reason) => reason.why(),
            Self::Server(reason) => reason.why(),
            Self::Cyrus(reason) => reason.why(),
            Self::Database(reason) => reason.why(),
            Self::Network(reason) => reason.why(),
            Self::Merge(reason) => reason.why(),
            Self::Several(_) => None,
        };
        why.map_or(self, Self::root)
    }

    /// The reasons that it is made of: itself, where it is one.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Several(all)
            | Self::Cyrus(
                Cyrus::IndexesUnread { first: all, .. }
                | Cyrus::SpoolUnread { first: all, .. }
                | Cyrus::MessagesUntold { first: all, .. },
            ) => all.iter().flat_map(Self::parts).collect(),
            one => vec![one],
        }
    }

    /// Reasons about places that are alike, for a sentence that counts them: all of them, unless they are too many.
    pub fn places(reasons: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut reasons: Vec<Self> = reasons.into_iter().collect();
        reasons.sort_by_cached_key(|reason| reason.text(Lang::En));
        if reasons.len() > MOST {
            reasons.truncate(FEW);
            reasons.push(Cyrus::AndOthers.into());
        }
        reasons
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
/// Of many a sentence tells the first few.
impl Told for Vec<Reason> {
    fn told(&self, lang: Lang) -> String {
        let rest = (self.len() > FEW).then(|| "…".to_owned());
        let few = self.iter().take(FEW).map(|reason| reason.text(lang));
        few.chain(rest).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;

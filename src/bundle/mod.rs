//! A snapshot with its report in one file for a ticket: a compressed archive whose first member lists the others with their
//! sums. What comes back is believed only as far as it is what the list says.

mod pack;
mod unpack;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use pack::pack;
pub use unpack::{is_bundle, unpack};

/// The only members there can be, beside the list.
pub const FACTS: &str = "facts.db";
/// The report for programs.
pub const JSON: &str = "report.json";
/// The report for people.
pub const HTML: &str = "report.html";

/// The list.
const MANIFEST: &str = "manifest.json";
/// How the list says what it is.
const FORMAT: &str = "bm-preflight-bundle/1";

/// What a bundle says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    /// Version of the program that packed it.
    tool_version: String,
    files: Vec<Listed>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Why a bundle could not be packed or is not believed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what its list says, or there is none.
    #[error("{path}: not a sound bundle of bm-preflight ({reason})")]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

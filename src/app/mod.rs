//! One function per subcommand; the only room that sees all others.

mod checks;

use crate::cli::{Cli, Command};
use crate::collect;
use crate::fact::StoreError;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a command leaves to print, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    /// For standard output.
    pub text: String,
    /// For the system.
    pub exit_code: u8,
}

impl Output {
    fn text(text: String) -> Self {
        Self { text, exit_code: 0 }
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Wrong usage, wrong configuration, or a broken check file: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The tool itself failed: exit code 1.
    #[error("{0}")]
    Tool(String),
}

impl Failure {
    /// The exit code of the contract.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Tool(_) => 1,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Tool(error.to_string())
    }
}

/// Carries out a command.
pub fn execute(cli: &Cli) -> Result<Output, Failure> {
    let schema = collect::schema();
    match &cli.command {
        Command::Checks(command) => checks::execute(command, &schema),
        _ => Err(Failure::Tool("not yet".into())),
    }
}

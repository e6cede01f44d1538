//! One function per subcommand; the only room that sees all others.

mod about;
mod autodiscover;
mod before;
mod bundle;
mod checks;
mod collect;
mod completions;
mod cut;
mod demo;
mod diff;
mod explain;
mod facts;
mod forecast;
mod gather;
mod next;
mod output;
mod pseudonyms;
mod replication;
mod run;
mod ssh;
mod vantage;

use std::io::Write as _;
use std::sync::LazyLock;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::fact::{Schema, StoreError, Table, View};
use crate::{check, report};

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How much the terminal shows.
#[derive(Debug, Clone, Copy)]
struct Terminal {
    quiet: bool,
    verbose: bool,
}

/// What a command leaves to print, and the exit code.
#[derive(Debug)]
pub struct Output {
    /// For standard output.
    pub text: String,
    /// For the system.
    pub exit_code: u8,
    /// What failed beside that, told after the text.
    pub trouble: Option<Failure>,
}

impl Output {
    /// The exit code of all: what failed counts first.
    pub fn code(&self) -> u8 {
        self.trouble.as_ref().map_or(self.exit_code, Failure::exit_code)
    }
}

impl Output {
    fn text(text: String) -> Self {
        Self { text, exit_code: 0, trouble: None }
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

pub use gather::fixture_facts;
pub use pseudonyms::names as pseudonyms_by;
pub use run::reports;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Tool(error.to_string())
    }
}

/// Every facts table, with the views of the checks, and as an earlier snapshot has them.
pub fn schema() -> Schema {
    static TABLES: LazyLock<Vec<Table>> =
        LazyLock::new(|| crate::collect::schema().tables().iter().map(|table| table.before()).collect());
    static VIEWS: LazyLock<Vec<View>> = LazyLock::new(|| {
        let tables = crate::collect::schema();
        let is_known =
            |name: &str| tables.table(name).is_some() || check::views::ALL.iter().any(|view| view.name == name);
        check::views::ALL.iter().map(|view| view.before(is_known)).collect()
    });
    crate::collect::schema().with_views(&check::views::ALL).with_before(&TABLES, &VIEWS)
}

/// Carries out a command.
pub fn execute(cli: &Cli) -> Result<Output, Failure> {
    let terminal = Terminal { quiet: cli.quiet, verbose: cli.verbose > 0 };
    match &cli.command {
        Command::Run(arguments) => run::run(arguments, terminal),
        Command::Collect(arguments) => collect::collect(arguments, terminal),
        Command::Demo(arguments) => run::demo(arguments, terminal),
        Command::Bundle(arguments) => bundle::bundle(arguments),
        Command::Diff(arguments) => diff::diff(arguments, terminal),
        Command::Checks(command) => checks::execute(command),
        Command::Facts(command) => facts::execute(command),
        Command::ReportSchema => Ok(Output::text(report::json::schema())),
        Command::Completions { shell } => printable(completions::script(*shell)),
        Command::Man => {
            let mut page = Vec::new();
            man(Cli::command(), &mut page).map_err(|error| Failure::Tool(format!("man page: {error}")))?;
            printable(page)
        }
    }
}

/// One page: what the program does, then each of its commands with its options.
fn man(command: clap::Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let main = clap_mangen::Man::new(command.clone());
    main.render_title(page)?;
    main.render_name_section(page)?;
    main.render_synopsis_section(page)?;
    main.render_description_section(page)?;
    main.render_options_section(page)?;
    commands(&command, page)?;
    let mut exit_codes = Vec::new();
    main.render_extra_section(&mut exit_codes)?;
    page.write_all(String::from_utf8_lossy(&exit_codes).replace(".SH EXTRA", ".SH \"EXIT STATUS\"").as_bytes())
}

fn commands(command: &clap::Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    for inner in command.get_subcommands() {
        if inner.has_subcommands() {
            commands(inner, page)?;
            continue;
        }
        let mut section = Vec::new();
        let man = clap_mangen::Man::new(inner.clone());
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        // Sections of the command, below one of its name.
        let name = inner.get_bin_name().unwrap_or(inner.get_name()).to_uppercase();
        writeln!(page, ".SH {name:?}")?;
        page.write_all(String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ").as_bytes())?;
    }
    Ok(())
}

fn printable(bytes: Vec<u8>) -> Result<Output, Failure> {
    String::from_utf8(bytes).map(Output::text).map_err(|error| Failure::Tool(error.to_string()))
}

//! The command line as clap sees it: no logic.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::Lang;
use crate::report::Format;
use crate::verdict::FailOn;

/// Exit codes, shown at the end of `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0   ready, ready with warnings, or a selection of checks in which nothing blocks
  1   the tool itself failed: nothing was judged, or not all was written
  2   wrong usage, wrong configuration, or a broken check file
  10  warnings, and --fail-on warning was given
  20  not ready
  30  inconclusive: a blocker check could not be answered, or no check covers a step of the way";

/// Checks a BlueMind 4 installation before an upgrade. It only ever reads.
#[derive(Debug, Parser)]
#[command(name = "bm-preflight", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Say more on standard error (repeatable)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Discover, collect, check and report
    Run(RunArgs),
    /// Collect only, and write a facts snapshot
    Collect(CollectArgs),
    /// Check the installation that comes with the program: works on any machine, offline
    Demo(DemoArgs),
    /// The check catalogue: list, explain, lint, test
    #[command(subcommand)]
    Checks(ChecksCommand),
    /// The facts: their tables, and questions to a snapshot
    #[command(subcommand)]
    Facts(FactsCommand),
    /// Print the JSON Schema of report.json
    ReportSchema,
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub collect: SourceArgs,
    /// Replay a facts snapshot instead of collecting; repeat it for the snapshots of several servers
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "config", "offline"])]
    pub from_facts: Vec<PathBuf>,
    /// Also save the facts snapshot, of several servers a merged one
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub judge: JudgeArgs,
}

/// Options of `collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub source: SourceArgs,
    /// Only what the checks of this category need (repeatable)
    #[arg(long, value_name = "NAME")]
    pub category: Vec<String>,
    /// See autodiscover and the URLs from another machine, which needs nothing of BlueMind and is called LABEL in reports
    #[arg(long, value_name = "LABEL", requires = "names")]
    pub vantage: Option<String>,
    /// What to look for from there: a server's snapshot, or a list with a mail domain or an https:// URL on each line
    #[arg(long, value_name = "FILE", requires = "vantage")]
    pub names: Option<PathBuf>,
    /// Where to write the facts snapshot
    #[arg(long, value_name = "FILE")]
    pub facts: PathBuf,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub judge: JudgeArgs,
}

/// Where facts come from.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Read every file below DIR instead of /
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Configuration (bm-preflight.toml); without it all is discovered from /etc/bm/bm.ini and the database
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// No probe of DNS, TLS, HTTP, InfluxDB or the servers' ports; the checks that need them are unknown
    #[arg(long)]
    pub offline: bool,
    /// How many databases and servers are read, and checks evaluated, at the same time
    #[arg(long, value_name = "N", default_value_t = default_jobs(), value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// Time budget of the whole run, such as 90s, 10m or 1h; what is not reached is unknown
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    pub timeout: Duration,
    /// Leave processor and disks to everybody else: the lowest CPU and I/O priority
    #[arg(long)]
    pub low_priority: bool,
    /// No progress on standard error
    #[arg(long)]
    pub no_progress: bool,
}

/// What is judged, and how it is reported.
#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// Release that the upgrade goes to [default: 4.1 from 4.0, else the next stop on the way to 5]
    #[arg(long, value_name = "VERSION", value_parser = release)]
    pub to: Option<String>,
    /// Installed release, instead of the discovered one
    #[arg(long, value_name = "VERSION", value_parser = release)]
    pub from: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub select: SelectArgs,
    /// Override report templates with the files of this folder
    #[arg(long, value_name = "DIR")]
    pub templates_dir: Option<PathBuf>,
    /// Folder for a file of each format, such as report.html; all of them are for their owner alone
    #[arg(long, value_name = "DIR", default_value = "./bm-preflight-report")]
    pub output_dir: PathBuf,
    /// Write only these formats (repeatable)
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Vec<Format>,
    /// Write just this report; PATH `-` is standard output (repeatable). A link in its place is replaced, not followed
    #[arg(long, value_name = "FORMAT=PATH", value_parser = OsStringValueParser::new().try_map(report_target), conflicts_with = "format")]
    pub report: Vec<(Format, PathBuf)>,
    /// What makes the exit code non-zero for findings
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "blocker")]
    pub fail_on: FailOn,
    /// Accepted findings and gaps, each with a reason and an expiry date
    #[arg(long, value_name = "FILE")]
    pub waivers: Option<PathBuf>,
    /// Language of reports and terminal output [default: from LC_ALL or LANG]
    #[arg(long, value_name = "LANG", value_parser = lang)]
    pub lang: Option<Lang>,
}

/// Which checks.
#[derive(Debug, Default, Args)]
pub struct SelectArgs {
    /// Only checks whose id matches (repeatable; * and ? are wildcards); the upgrade is not judged then
    #[arg(long, value_name = "GLOB")]
    pub check: Vec<String>,
    /// Leave out checks whose id matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub skip: Vec<String>,
    /// Only checks of this category (repeatable)
    #[arg(long, value_name = "NAME")]
    pub category: Vec<String>,
    /// More check files beside the built-in ones (repeatable)
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Vec<PathBuf>,
}

/// `checks …`
#[derive(Debug, Subcommand)]
pub enum ChecksCommand {
    /// List the checks with their severity and title
    List {
        #[command(flatten)]
        #[expect(missing_docs)]
        select: SelectArgs,
        /// Only those about an upgrade from this release
        #[arg(long, value_name = "VERSION", value_parser = release)]
        from: Option<String>,
        /// Only those about an upgrade to this release
        #[arg(long, value_name = "VERSION", value_parser = release)]
        to: Option<String>,
        /// Language of the titles [default: from LC_ALL or LANG]
        #[arg(long, value_name = "LANG", value_parser = lang)]
        lang: Option<Lang>,
    },
    /// Print title, why, remediation, tables read, query and cases of a check
    Explain {
        /// Id of the check
        id: String,
        /// More check files beside the built-in ones (repeatable)
        #[arg(long, value_name = "DIR")]
        checks_dir: Vec<PathBuf>,
        /// Language of the texts [default: from LC_ALL or LANG]
        #[arg(long, value_name = "LANG", value_parser = lang)]
        lang: Option<Lang>,
    },
    /// Report every defect of check files as file:line:col
    Lint {
        /// A check file or a folder of them [default: the built-in checks]
        path: Option<PathBuf>,
    },
    /// Run the checks' own test cases
    Test {
        /// A check file or a folder of them [default: the built-in checks]
        path: Option<PathBuf>,
    },
}

/// `facts …`
#[derive(Debug, Subcommand)]
pub enum FactsCommand {
    /// Print the facts tables: columns, units, grain, and where they are collected
    Schema,
    /// Ask a snapshot anything, read-only, for at most 60 seconds and 1 GiB of memory
    Query {
        /// One SELECT
        sql: String,
        /// The snapshot; repeat it for those of several servers
        #[arg(long, value_name = "FILE", required = true)]
        from_facts: Vec<PathBuf>,
        /// One JSON object a row instead of a table
        #[arg(long)]
        json: bool,
    },
}

fn default_jobs() -> u16 {
    std::thread::available_parallelism().map_or(2, |n| n.get().min(8)).try_into().unwrap_or(2)
}

/// `500ms`, `90s`, `10m`, `1h`, or plain seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "expected a number with a unit, such as 90s, 10m or 1h".to_owned())?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("unknown unit {unit:?}: use ms, s, m or h")),
    };
    match number.checked_mul(millis) {
        Some(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err("out of range".to_owned()),
    }
}

fn release(text: &str) -> Result<String, String> {
    let numbers = text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    match crate::model::version::release_of(text) {
        Some(release) if numbers => Ok(release),
        _ => Err("expected a release such as 4.1 or 4.0.14, or a build such as 4.1.43922".to_owned()),
    }
}

fn lang(text: &str) -> Result<Lang, String> {
    Lang::ALL.into_iter().find(|lang| lang.as_str() == text).ok_or_else(|| "expected en or fr".to_owned())
}

/// The words for all formats.
fn formats() -> String {
    let values = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
}

fn report_target(text: OsString) -> Result<(Format, PathBuf), String> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=').ok_or("expected FORMAT=PATH, such as json=report.json")?;
    let (format, path) = (String::from_utf8_lossy(&bytes[..at]), OsStr::from_bytes(&bytes[at + 1..]));
    let format =
        Format::from_str(&format, false).map_err(|_| format!("unknown format {format:?}: expected {}", formats()))?;
    if path.is_empty() {
        return Err("the path is empty".to_owned());
    }
    Ok((format, PathBuf::from(path)))
}

//! The command line as clap sees it: no logic.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};

use jiff::civil::{Date, DateTime};

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
  30  inconclusive: a blocker check could not be answered, no check covers a step of the way, or `collect` could not
      read the directory database";

/// What this program is, for who has it: version, commit and target.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILT_FROM"), ")");

/// Checks a BlueMind 4 installation before an upgrade. It only ever reads.
#[derive(Debug, Parser)]
#[command(name = "bm-preflight", version, long_version = BUILD, about, after_help = EXIT_CODES, max_term_width = 100)]
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
    /// What came, went and changed between two JSON reports, two snapshots, or one of each
    Diff(DiffArgs),
    /// Pack a snapshot under pseudonyms, its report and their sums into one file for a ticket
    Bundle(BundleArgs),
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
    /// Replay a facts snapshot or a bundle instead of collecting; repeat it for the snapshots of several servers
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "config", "offline"])]
    pub from_facts: Vec<PathBuf>,
    /// Also collect on the installation's other servers, through the system's ssh, and judge all together
    #[arg(long, conflicts_with = "from_facts")]
    pub ssh: bool,
    /// For ssh: words of its command line, such as '-p 2222', or a line of its configuration, such as ProxyJump=gate
    /// (repeatable)
    #[arg(long, value_name = "OPTION", requires = "ssh", allow_hyphen_values = true)]
    pub ssh_option: Vec<String>,
    /// A snapshot from before the upgrade: the checks of category survival say what did not survive it
    #[arg(long, value_name = "FILE")]
    pub before: Option<PathBuf>,
    /// An earlier report.json or snapshot: the report has a section on what came, went and changed
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
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

/// Options of `demo`: it never takes the place of a real report.
#[derive(Debug, Args)]
#[command(mut_arg("output_dir", |option| option.default_value("./bm-preflight-demo")))]
pub struct DemoArgs {
    /// Only the files of the core were read, not those of the mail servers: how what is not known is told
    #[arg(long)]
    pub partial: bool,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub judge: JudgeArgs,
}

/// How `diff` ends, shown at the end of its `--help`.
const DIFF_EXIT_CODES: &str = "\
Exit codes:
  0   nothing got worse
  1   a file could not be read
  2   wrong usage, or a file that is neither a JSON report nor a snapshot
  10  a warning came, and --fail-on warning was given
  20  a blocker came
  30  a check that could block lost its answer, or a part of it";

/// Options of `diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXIT_CODES)]
pub struct DiffArgs {
    /// The earlier report.json or snapshot
    pub old: PathBuf,
    /// The later one
    pub new: PathBuf,
    /// For programs
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// For a ticket
    #[arg(long)]
    pub markdown: bool,
    /// Release that snapshots are judged for [default: the next stop of each]
    #[arg(long, value_name = "VERSION", value_parser = release)]
    pub to: Option<String>,
    /// What makes the exit code non-zero
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "blocker")]
    pub fail_on: FailOn,
    /// Language of the words [default: from LC_ALL or LANG]
    #[arg(long, value_name = "LANG", value_parser = lang)]
    pub lang: Option<Lang>,
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
    /// Leave processor, disks and databases to everybody else: the lowest CPU and I/O priority, no parallel workers of
    /// PostgreSQL, and rests between rows
    #[arg(long)]
    pub low_priority: bool,
    /// No progress on standard error
    #[arg(long)]
    pub no_progress: bool,
}

/// What is judged, and how it is reported.
#[derive(Debug, Default, Args)]
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
    /// Write a ready mail for each user who has something to do, and notices.csv, into this empty folder; nothing is sent
    #[arg(long, value_name = "DIR")]
    pub notices: Option<PathBuf>,
    /// When the upgrade begins, such as 2026-12-12T20:00: the report says by when each thing has to be begun
    #[arg(long, value_name = "TIME", value_parser = window)]
    pub window: Option<DateTime>,
    /// Write the findings' commands of no or low risk there, one shell script a server; nothing is run
    #[arg(long, value_name = "DIR")]
    pub script: Option<PathBuf>,
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
    /// Print what an administrator needs to know of a check: why it matters, and what to do
    Explain {
        /// Id of the check
        id: String,
        /// Print all that its file says: templates, query and cases too
        #[arg(long)]
        full: bool,
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

/// Options of `bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// Where to write it; `run --from-facts` reads it
    #[arg(value_name = "OUT.tar.zst")]
    pub out: PathBuf,
    /// The snapshot; repeat it for those of several servers
    #[arg(long, value_name = "FILE", required = true)]
    pub from_facts: Vec<PathBuf>,
    /// The key that turns pseudonyms back, which stays at home; a new one is made where there is none [default: OUT.tar.zst.key]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Release that the report is for [default: 4.1 from 4.0, else the next stop on the way to 5]
    #[arg(long, value_name = "VERSION", value_parser = release)]
    pub to: Option<String>,
    /// Language of the report [default: from LC_ALL or LANG]
    #[arg(long, value_name = "LANG", value_parser = lang)]
    pub lang: Option<Lang>,
}

/// Options of `facts pseudonymise`.
#[derive(Debug, Args)]
pub struct PseudonymiseArgs {
    /// The snapshot
    #[arg(value_name = "IN")]
    pub snapshot: PathBuf,
    /// Where to write the snapshot for others
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The key that turns pseudonyms back, which stays at home; a new one is made where there is none [default: OUT.key]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// Options of `facts reveal`.
#[derive(Debug, Args)]
pub struct RevealArgs {
    /// The key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Pseudonyms, or whole lines of a report with some in them
    #[arg(value_name = "PSEUDONYM", required = true)]
    pub pseudonyms: Vec<String>,
}

/// `facts …`
#[derive(Debug, Subcommand)]
pub enum FactsCommand {
    /// Write a snapshot with pseudonyms for the names of people, folders, domains and hosts, of which checks say the same
    Pseudonymise(PseudonymiseArgs),
    /// Turn pseudonyms back
    Reveal(RevealArgs),
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

/// A day and time as a clock on the wall shows it; the time may be left out.
fn window(text: &str) -> Result<DateTime, String> {
    let wrong = |_| "expected a day and time such as 2026-12-12T20:00".to_owned();
    text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(Into::into)).map_err(wrong)
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

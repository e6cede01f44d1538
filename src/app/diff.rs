//! `diff`, and what `run --since` tells: two reports, or snapshots that are judged on the day of their facts.

use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;

use super::gather::{self, Gathered};
use super::run::{Judging, clock};
use super::{Failure, Output, Terminal};
use crate::bundle;
use crate::cli::{DiffArgs, JudgeArgs};
use crate::config::environment_lang;
use crate::diff::{Changes, RowChange, Side};
use crate::fact::Facts;
use crate::model::Completeness;
use crate::report::{Catalogue, Report, changes, json};
use crate::verdict::FailOn;

/// How snapshots of facts begin (SQLite's file format).
const SNAPSHOT: &[u8] = b"SQLite format 3\0";
/// More than any report has, in bytes.
const LONGEST: u64 = 1024 * 1024 * 1024;

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Document<'a> {
    format: &'static str,
    #[serde(flatten)]
    changes: &'a Changes,
}

/// One of two that are compared.
pub(super) struct Compared {
    side: Side,
    /// The facts of a snapshot; none of a report.
    facts: Option<Facts>,
}

/// Carries out `diff`.
pub(super) fn diff(arguments: &DiffArgs, terminal: Terminal) -> Result<Output, Failure> {
    let lang = arguments.lang.unwrap_or_else(environment_lang);
    let judge = JudgeArgs { to: arguments.to.clone(), lang: Some(lang), ..JudgeArgs::default() };
    let [old, new] = [&arguments.old, &arguments.new].map(|path| Compared::read(path, &judge));
    let (old, new) = (old?, new?);
    let rows = old.rows(new.facts.as_ref())?;
    let changes = Changes::between(&old.side, &new.side, rows);
    let words = Catalogue::shipped(lang);
    let text = if arguments.json {
        let fail = |error: serde_json::Error| Failure::Tool(format!("diff: {error}"));
        let told = Document { format: "bm-preflight-diff/1", changes: &changes };
        format!("{}\n", serde_json::to_string_pretty(&told).map_err(fail)?)
    } else if arguments.markdown {
        changes::Outline::of(&changes, &words, usize::MAX).markdown()
    } else if terminal.quiet {
        String::new()
    } else {
        let limit = if terminal.verbose { usize::MAX } else { changes::LISTED };
        changes::Outline::of(&changes, &words, limit).text()
    };
    Ok(Output { text, exit_code: exit_code(&changes, arguments.fail_on), trouble: None })
}

/// What got worse, in the words of the other commands.
fn exit_code(changes: &Changes, fail_on: FailOn) -> u8 {
    let worse = &changes.worse;
    match fail_on {
        FailOn::Never => 0,
        _ if worse.blockers > 0 => 20,
        _ if worse.unanswered > 0 => 30,
        FailOn::Warning if worse.warnings > 0 => 10,
        FailOn::Blocker | FailOn::Warning => 0,
    }
}

impl Compared {
    /// Reads a report, or judges a snapshot.
    pub(super) fn read(path: &Path, judge: &JudgeArgs) -> Result<Self, Failure> {
        let unreadable = |error: std::io::Error| Failure::Tool(format!("{}: {error}", path.display()));
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut content = Vec::new();
        (&file).take(SNAPSHOT.len() as u64).read_to_end(&mut content).map_err(unreadable)?;
        if content == SNAPSHOT || bundle::is_bundle(path) {
            return Self::judged(path, judge);
        }
        (&file).take(LONGEST).read_to_end(&mut content).map_err(unreadable)?;
        let wrong = |why: &dyn std::fmt::Display| Failure::Usage(format!("{}: {why}", path.display()));
        let text = std::str::from_utf8(&content).map_err(|_| wrong(&"neither a JSON report nor a snapshot"))?;
        Ok(Self { side: Side::parse(text).map_err(|error| wrong(&error))?, facts: None })
    }

    fn judged(path: &Path, judge: &JudgeArgs) -> Result<Self, Failure> {
        let facts = gather::replay(&[path.to_owned()], clock())?;
        let collected_at = Timestamp::from_second(facts.origin().collected_at);
        let collected_at = collected_at.map_err(|error| Failure::Tool(format!("{}: {error}", path.display())))?;
        let gathered = Gathered::from(facts);
        let report = Judging::alone(judge, collected_at)?.judge_alone(&gathered, path)?;
        Ok(Self { side: side(&report)?, facts: Some(gathered.facts) })
    }

    /// What is different in a report and the facts that it is about.
    pub(super) fn against(&self, report: &Report, facts: &Facts) -> Result<Changes, Failure> {
        Ok(Changes::between(&self.side, &side(report)?, self.rows(Some(facts))?))
    }

    /// Rows that came and went, where both are snapshots.
    fn rows(&self, newer: Option<&Facts>) -> Result<Option<Vec<RowChange>>, Failure> {
        let (Some(older), Some(newer)) = (&self.facts, newer) else { return Ok(None) };
        let is_whole = |facts: &Facts, table: &str| {
            let mut its = facts.coverage().iter().filter(|told| told.table == table).peekable();
            its.peek().is_some() && its.all(|told| told.completeness == Completeness::Complete)
        };
        let change = |difference: crate::fact::store::Difference| RowChange {
            table: difference.table.name.to_owned(),
            came: difference.came,
            went: difference.went,
            is_whole: is_whole(older, difference.table.name) && is_whole(newer, difference.table.name),
        };
        Ok(Some(newer.since(older)?.into_iter().map(change).collect()))
    }
}

/// A report as scripts read it.
fn side(report: &Report) -> Result<Side, Failure> {
    let fail = |error: &dyn std::fmt::Display| Failure::Tool(format!("report: {error}"));
    Side::parse(&json::render(report).map_err(|error| fail(&error))?).map_err(|error| fail(&error))
}

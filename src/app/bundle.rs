//! `bundle`: what goes into a ticket.

use std::path::Path;

use jiff::Timestamp;

use super::gather::{self, Gathered};
use super::run::{Judging, clock};
use super::{Failure, Output, VERSION, pseudonyms};
use crate::bundle::{self, BundleError};
use crate::cli::{BundleArgs, JudgeArgs};
use crate::fact::store::SnapshotTarget;
use crate::report::{Format, Style};

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        Self::Tool(error.to_string())
    }
}

/// Carries out `bundle`. The report is that of the day of the facts.
pub(super) fn bundle(arguments: &BundleArgs) -> Result<Output, Failure> {
    let facts = gather::replay(&arguments.from_facts, clock())?;
    let (hidden, told) = pseudonyms::hidden(&facts, arguments.key.as_deref(), &arguments.out)?;
    let judge = JudgeArgs { to: arguments.to.clone(), lang: arguments.lang, ..JudgeArgs::default() };
    let collected_at = Timestamp::from_second(hidden.origin().collected_at).unwrap_or_else(|_| clock());
    let gathered = Gathered::from(hidden);
    // Where the snapshot lies at home is nobody's business.
    let report = Judging::alone(&judge, collected_at)?.judge_alone(&gathered, Path::new(bundle::FACTS))?;
    let fail = |error: Box<dyn std::error::Error>| Failure::Tool(format!("report: {error}"));
    let render = |format: Format| format.render(&report, Style::default()).map_err(fail);
    let folder = tempfile::Builder::new().prefix("bm-preflight-").tempdir();
    let folder = folder.map_err(|error| Failure::Tool(format!("temporary folder: {error}")))?;
    let facts = folder.path().join(bundle::FACTS);
    gathered.facts.save(SnapshotTarget::open(&facts)?)?;
    bundle::pack(&arguments.out, VERSION, &facts, &render(Format::Json)?, &render(Format::Html)?)?;
    Ok(Output::text(format!("bundle written to {}\n{told}", arguments.out.display())))
}

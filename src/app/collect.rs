//! `collect`.

use std::collections::BTreeSet;

use super::cut::Cut;
use super::gather::{self, From, Gathered};
use super::vantage::Elsewhere;
use super::{Failure, Output, Terminal, checks, run};
use crate::cli::CollectArgs;
use crate::fact::Facts;
use crate::fact::store::SnapshotTarget;
use crate::model::reason::Notice;
use crate::model::text::visible;
use crate::model::{Completeness, Coverage, Lang};
use crate::plan::Plan;
use crate::verdict;

/// Carries out `collect`.
pub(super) fn collect(arguments: &CollectArgs, terminal: Terminal) -> Result<Output, Failure> {
    let cut = Cut::new(Some(arguments.source.timeout))?;
    let target = SnapshotTarget::open(&arguments.facts)?;
    let elsewhere = Elsewhere::of(arguments)?;
    let plan = match (&elsewhere, arguments.category.as_slice()) {
        (Some(_), _) => Elsewhere::plan()?,
        (None, []) => Plan::everything(&super::schema()),
        (None, categories) => checks::plan_of_categories(categories)?,
    };
    let from = elsewhere.as_ref().map_or(From::Here, From::Elsewhere);
    let gathered = gather::collect(&arguments.source, &plan, run::clock(), &cut, terminal.quiet, from)?;
    gathered.facts.save(target)?;
    let mut text = String::new();
    if !terminal.quiet {
        remarks(&gathered, Lang::En).iter().for_each(|remark| text.push_str(&format!("{remark}\n")));
    }
    if !terminal.quiet {
        text.push_str(&not_collected(gathered.facts.coverage(), terminal.verbose));
        let path = arguments.facts.display();
        text.push_str(&format!("facts written to {path}\n"));
        if elsewhere.is_none() {
            text.push_str(&format!("after the upgrade, `run --before {path}` says what did not survive it\n"));
        }
    }
    let is_chosen = elsewhere.is_some() || !arguments.category.is_empty();
    Ok(Output { exit_code: if is_chosen { 0 } else { collected(&gathered.facts) }, ..Output::text(text) })
}

/// Whether bm.ini says that the directory is on this machine.
const IS_CORE: &str = "SELECT h.value FROM bm_ini AS h WHERE h.key = 'host' AND (h.value IN ('localhost', '127.0.0.1', '::1') \
    OR EXISTS (SELECT 1 FROM bm_ini AS m WHERE m.key = 'hz-member-address' AND m.value = h.value))";

/// Without the directory, what a core tells is next to nothing, and so is what a machine without bm.ini does: whoever goes on
/// by the exit code must not take that for a collection. Another server's files are worth theirs all the same.
fn collected(facts: &Facts) -> u8 {
    let is_read = |table: &str| {
        let mut told = facts.coverage().iter().filter(|statement| statement.table == table);
        told.any(|statement| statement.completeness == Completeness::Complete)
    };
    // What cannot be told of is taken for a core.
    let is_elsewhere = || facts.texts(IS_CORE).is_ok_and(|hosts| hosts.is_empty());
    match is_read("server") || is_read("bm_ini") && is_elsewhere() {
        true => 0,
        false => verdict::INCONCLUSIVE,
    }
}

/// What is not known, a line for each cause; with every table of it if `verbose`.
fn not_collected(coverage: &[Coverage], verbose: bool) -> String {
    let mut causes: Vec<(String, Vec<&Coverage>)> = Vec::new();
    for gap in coverage.iter().filter(|c| c.completeness != Completeness::Complete) {
        let reason = gap.reason.as_ref().map(|reason| reason.root().to_string()).unwrap_or_default();
        match causes.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, gaps)) => gaps.push(gap),
            None => causes.push((reason, vec![gap])),
        }
    }
    let mut text = String::new();
    for (reason, gaps) in causes {
        let scopes: BTreeSet<&str> = gaps.iter().map(|gap| gap.scope.as_str()).collect();
        let scopes = scopes.into_iter().collect::<Vec<_>>().join(", ");
        let what = match gaps.as_slice() {
            [gap] => format!("{} of {scopes}", gap.table),
            _ => format!("{} tables of {scopes}", gaps.len()),
        };
        text.push_str(&visible(&format!("not collected: {what}: {reason}"), false));
        text.push('\n');
        for gap in gaps.iter().filter(|_| verbose && gaps.len() > 1) {
            text.push_str(&visible(&format!("    {} of {}", gap.table, gap.scope), false));
            text.push('\n');
        }
    }
    text
}

/// What is to be said of a collection as a whole.
pub(super) fn remarks(gathered: &Gathered, lang: Lang) -> Vec<String> {
    let cut = gathered.cut.map(|reason| reason.text(lang));
    let stranger = |uid: &String| Notice::Stranger { server: uid.clone() }.text(lang);
    cut.into_iter().chain(gathered.strangers.iter().map(stranger)).collect()
}

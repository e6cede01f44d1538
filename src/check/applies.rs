//! Whether a check is about the installation, and what of the facts that it needs is there.

use semver::{Op, VersionReq};

use super::Check;
use super::evaluate::Situation;
use crate::fact::{ScopeKind, Table};
use crate::model::reason::{Applies, Run};
use crate::model::{Completeness, Coverage, Examined, Missing, version};

/// Why the check does not apply. What cannot be told is no reason: the check is evaluated then.
pub(super) fn inapplicable(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let outside = |range: &Option<semver::VersionReq>, release: Option<&str>| {
        let version = release.and_then(version::semantic)?;
        let range = range.as_ref()?;
        (!range.matches(&version)).then(|| (range.to_string(), release.unwrap_or_default().to_owned()))
    };
    let from =
        || outside(&check.from, situation.from.as_deref()).map(|(range, release)| Applies::From { range, release });
    let to = || outside(&check.to, Some(&situation.to)).map(|(range, release)| Applies::To { range, release });
    let newer = || newer(check, situation);
    from()
        .or_else(newer)
        .or_else(to)
        .or_else(|| without_package(check, situation))
        .or_else(|| without_role(check, situation))
}

/// That the installed release, whichever it is, lies above the releases that the check is about.
fn newer(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let (range, release) = (check.from.as_ref()?, situation.from_at_least.as_ref()?);
    let is_upper = |op| matches!(op, Op::Less | Op::LessEq);
    let upper = VersionReq { comparators: range.comparators.iter().filter(|c| is_upper(c.op)).cloned().collect() };
    let is_above = situation.from.is_none() && !upper.matches(&version::semantic(release)?);
    is_above.then(|| Applies::FromAtLeast { range: range.to_string(), release: release.clone() })
}

/// That no server has one of the packages that the check is about, if that is known of every server.
fn without_package(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let installed = situation.packages.as_ref()?;
    let has_one = check.packages.is_empty() || check.packages.iter().any(|package| installed.contains(package));
    (!has_one).then(|| Applies::NoPackage { packages: check.packages.clone() })
}

/// That no server holds one of the roles that the check is about, if that is known of every server.
fn without_role(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let holders = situation.holders.as_ref()?;
    let has_one = check.roles.is_empty() || check.roles.iter().any(|role| holders.contains_key(role));
    (!has_one).then(|| Applies::NoRole { roles: check.roles.clone() })
}

pub(super) fn look_at_coverage(check: &Check, situation: &Situation<'_>) -> (Vec<Examined>, Vec<Missing>) {
    let mut examined = Vec::new();
    let mut missing = Vec::new();
    for table in &check.tables {
        let is_about = |entry: &&Coverage| entry.table == table.name && is_needed(check, table, entry, situation);
        let entries: Vec<_> = situation.coverage.iter().filter(is_about).collect();
        let gap = |scope: &str, reason| Missing {
            table: table.name.to_owned(),
            scope: scope.to_owned(),
            problem: None,
            reason,
        };
        examined.push(Examined { table: table.name.to_owned(), rows: entries.iter().map(|c| c.rows).sum() });
        if entries.is_empty() {
            missing.push(gap("*", Run::NotCollected.text(situation.lang)));
        }
        let incomplete = entries.into_iter().filter(|entry| entry.completeness != Completeness::Complete);
        missing.extend(incomplete.map(|entry| {
            let reason = entry.reason.as_ref().map(|reason| reason.text(situation.lang));
            gap(&entry.scope, reason.unwrap_or_else(|| entry.completeness.as_str().to_owned()))
        }));
    }
    (examined, missing)
}

/// The files of a server without any of the check's roles are not needed.
fn is_needed(check: &Check, table: &Table, entry: &Coverage, situation: &Situation<'_>) -> bool {
    let is_server = table.scope == ScopeKind::Server;
    match &situation.holders {
        Some(holders) if is_server && !check.roles.is_empty() && entry.scope != "*" => {
            check.roles.iter().any(|role| holders.get(role).is_some_and(|servers| servers.contains(&entry.scope)))
        }
        _ => true,
    }
}

/// Whether more rows of the table could only add findings, so that those which are there are told.
pub(super) fn may_lack(check: &Check, table: &str) -> bool {
    check.partial.as_ref().is_some_and(|partial| partial.tables.iter().any(|named| named == table))
}

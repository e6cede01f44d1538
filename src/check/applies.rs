//! Whether a check is about the installation, and what of the facts that it needs is there.

use std::collections::BTreeSet;

use semver::{Op, VersionReq};

use super::Check;
use super::evaluate::Situation;
use crate::fact::{BEFORE, ScopeKind, Table};
use crate::model::reason::{Applies, Run};
use crate::model::{Coverage, Examined, Gap, Lang, Missing, version};

/// Why the check does not apply. What cannot be told is no reason: the check is evaluated then.
pub(super) fn inapplicable(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let from =
        || outside(&check.from, situation.from.as_deref()).map(|(range, release)| Applies::From { range, release });
    let to = || outside(&check.to, Some(&situation.to)).map(|(range, release)| Applies::To { range, release });
    let newer = || newer(check, situation);
    without_before(check, situation)
        .or_else(from)
        .or_else(newer)
        .or_else(to)
        .or_else(|| without_package(check, situation))
        .or_else(|| without_role(check, situation))
}

/// That it compares with an earlier snapshot, and there is none.
fn without_before(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let compares = check.tables.iter().any(|table| table.name.starts_with(BEFORE));
    let has_before = || situation.coverage.iter().any(|told| told.table.starts_with(BEFORE));
    (compares && !has_before()).then_some(Applies::NoBefore)
}

/// A range that a release lies outside of, with the release.
fn outside(range: &Option<VersionReq>, release: Option<&str>) -> Option<(String, String)> {
    let (range, release) = (range.as_ref()?, release?);
    let version = version::semantic(release)?;
    (!range.matches(&version)).then(|| (range.to_string(), release.to_owned()))
}

/// Whether the check is about an upgrade between two releases, as far as they are told.
pub fn is_about(check: &Check, from: Option<&str>, to: Option<&str>) -> bool {
    outside(&check.from, from).is_none() && outside(&check.to, to).is_none()
}

/// That the installed release, whichever it is, lies above the releases that the check is about.
fn newer(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let (range, release) = (check.from.as_ref()?, situation.from_at_least.as_ref()?);
    let is_upper = |op| matches!(op, Op::Less | Op::LessEq);
    let upper = VersionReq { comparators: range.comparators.iter().filter(|c| is_upper(c.op)).cloned().collect() };
    let is_above = situation.from.is_none() && !upper.matches(&version::semantic(release)?);
    is_above.then(|| Applies::FromAtLeast { range: range.to_string(), release: release.clone() })
}

/// That no server has one of the packages that the check is about, if that is known of every server that may: of one with
/// its roles where it has any.
fn without_package(check: &Check, situation: &Situation<'_>) -> Option<Applies> {
    let of_roles = situation.holders.as_ref().filter(|_| !check.roles.is_empty());
    let servers: Vec<&String> = match of_roles {
        Some(holders) => check.roles.iter().filter_map(|role| holders.get(role)).flatten().collect(),
        None => situation.packages.keys().collect(),
    };
    let installed = |server: &String| situation.packages.get(server)?.as_ref();
    let known: Vec<&BTreeSet<String>> = servers.into_iter().map(installed).collect::<Option<_>>()?;
    let has_one = |names: &&BTreeSet<String>| check.packages.iter().any(|package| names.contains(package));
    let is_without = !check.packages.is_empty() && !known.is_empty() && !known.iter().any(has_one);
    is_without.then(|| Applies::NoPackage { packages: check.packages.clone() })
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
        examined.push(Examined { table: table.name.to_owned(), rows: entries.iter().map(|c| c.rows).sum() });
        if entries.is_empty() {
            let nothing = Coverage::absent(table.name, Missing::DIRECTORY, Run::NotCollected);
            missing.extend(nothing.gaps().iter().map(|gap| lacking(gap, situation.lang)));
        }
        // Without a place that is accepted the rest can be judged, without a table nothing.
        let is_accepted = |gap: &Gap| gap.waived.is_some() && gap.place.is_some();
        let is_lacking = |gap: &&Gap| !is_accepted(gap) && entries.iter().any(|entry| gap.scope == entry.scope);
        let gaps = situation.gaps.iter().filter(|gap| gap.table == table.name).filter(is_lacking);
        missing.extend(gaps.map(|gap| lacking(gap, situation.lang)));
    }
    (examined, missing)
}

/// A gap as what a check lacks. Where not even the scopes are known, the directory did not tell them.
fn lacking(gap: &Gap, lang: Lang) -> Missing {
    let Gap { table, scope, place, reason, waived } = gap.clone();
    let scope = if scope == "*" { Missing::DIRECTORY.to_owned() } else { scope };
    let root = Some(reason.root().clone());
    Missing { table, scope, place, problem: None, reason: reason.text(lang), root, waived }
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

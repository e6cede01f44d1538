//! Whether snapshots belong together.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::MergeError;
use super::part::{Part, shown};
use crate::fact::{StoreError, Table};
use crate::model::{Reason, reason};
use crate::topology::{DIRECTORY, Topology};

/// How far apart snapshots may have been collected: an installation is another one on the next day.
const MAX_APART_S: i64 = 24 * 3600;

/// How far the clocks of two servers may be apart, by the directory database's: what one logs is compared with what
/// another does.
const MAX_SKEW_S: i64 = 60;

/// How far in the future of this machine's clock a snapshot may have been collected.
const MAX_AHEAD_S: i64 = 5 * 60;

/// Refuses snapshots that cannot be of one installation at one time.
pub(super) fn verify(parts: &[Part], now: i64) -> Result<(), MergeError> {
    let misfits = [twice, merged, versions, installations, servers, clocks, days];
    misfits.iter().find_map(|misfit| misfit(parts, now)).map_or(Ok(()), |text| Err(MergeError::Misfit(text)))
}

/// Refuses snapshots of whatever machines that cannot be put side by side.
pub(super) fn verify_beside(parts: &[Part], now: i64) -> Result<(), MergeError> {
    let misfits = [twice, merged, versions, days];
    misfits.iter().find_map(|misfit| misfit(parts, now)).map_or(Ok(()), |text| Err(MergeError::Misfit(text)))
}

/// Refuses snapshots of servers that the directory database does not list.
pub(super) fn verify_members(parts: &[Part], topology: &Topology) -> Result<(), MergeError> {
    let Topology::Known(servers) = topology else { return Ok(()) };
    let is_listed = |uid: &String| servers.iter().any(|server| server.uid == *uid);
    let own = |part: &Part| part.origin().server_uid.clone();
    let stranger = parts.iter().find(|part| own(part).is_some_and(|uid| !is_listed(&uid)));
    stranger.map_or(Ok(()), |part| {
        let listed: Vec<&str> = servers.iter().map(|server| server.uid.as_str()).collect();
        let others: Vec<String> = parts.iter().filter(|other| other.path != part.path).map(shown).collect();
        Err(MergeError::Misfit(format!(
            "{} was collected on server {}; the installation of {} has the servers {}: leave it out",
            shown(part),
            own(part).unwrap_or_default(),
            others.join(", "),
            listed.join(", "),
        )))
    })
}

/// Why a table of the directory cannot be relied on: two snapshots know all of it, and not the same.
pub(super) fn dispute(parts: &[Part], table: &Table) -> Result<Option<Reason>, StoreError> {
    let is_complete = |part: &&Part| part.knows_all(table, DIRECTORY);
    let columns: Vec<String> = table.all_columns().map(|column| format!("CAST({} AS TEXT)", column.name)).collect();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), table.name);
    let mut first = None;
    for part in parts.iter().filter(is_complete) {
        let mut rows = part.facts.texts(&sql)?;
        rows.sort();
        match &first {
            None => first = Some((part, rows)),
            Some((other, told)) if *told != rows => {
                let [(one, one_at), (other, other_at)] =
                    [other, part].map(|part: &Part| (shown(part), utc(part.origin().collected_at)));
                return Ok(Some(reason::Merge::Dispute { one, one_at, other, other_at }.into()));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

fn twice(parts: &[Part], _: i64) -> Option<String> {
    let is_same = |a: &Part, b: &Part| match (a.path.canonicalize(), b.path.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a.path == b.path,
    };
    let (a, b) = pair(parts, is_same)?;
    Some(if a.path == b.path {
        format!("{} is given twice", shown(a))
    } else {
        format!("{} and {} are the same file", shown(a), shown(b))
    })
}

fn merged(parts: &[Part], _: i64) -> Option<String> {
    let part = parts.iter().find(|part| part.origin().is_merged)?;
    Some(format!("{} was merged from the snapshots of several servers: give those instead", shown(part)))
}

fn versions(parts: &[Part], _: i64) -> Option<String> {
    let (a, b) = pair(parts, |a, b| a.origin().tool_version != b.origin().tool_version)?;
    let version = |part: &Part| part.origin().tool_version.clone();
    let told = format!("{} was written by bm-preflight {}, {} by {}", shown(a), version(a), shown(b), version(b));
    Some(format!("{told}: collect on every server with the same version"))
}

/// Servers of any installation may be called `mail-1`: one that does not say where it belongs is not taken for ours.
fn installations(parts: &[Part], _: i64) -> Option<String> {
    if let Some(part) = parts.iter().find(|part| part.installation_ids.is_empty()) {
        let told = format!("{} does not tell which installation it is of", shown(part));
        return Some(format!("{told}: neither /etc/bm/mcast.id nor the directory database could be read there"));
    }
    let (a, b) = pair(parts, |a, b| a.installation_ids.is_disjoint(&b.installation_ids))?;
    let ids = |part: &Part| part.installation_ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let of = |part: &Part| format!("{} is of {}", shown(part), ids(part));
    Some(format!("two installations: {}, {}", of(a), of(b)))
}

/// A server's files are known from one snapshot: the one collected there, else the only one that read a copy of them.
fn servers(parts: &[Part], _: i64) -> Option<String> {
    let own = |part: &Part| part.origin().server_uid.clone();
    let (a, b, server) = match pair(parts, |a, b| own(a).is_some() && own(a) == own(b)) {
        Some((a, b)) => (a, b, own(a)?),
        None => {
            let placed: BTreeSet<String> = parts.iter().filter_map(own).collect();
            let copied = |part: &Part| part.read.difference(&placed).cloned().collect::<BTreeSet<_>>();
            let (a, b) = pair(parts, |a, b| !copied(a).is_disjoint(&copied(b)))?;
            (a, b, copied(a).intersection(&copied(b)).next()?.clone())
        }
    };
    let told = format!("{} and {} both tell of server {server}", collected(a), collected(b));
    Some(match a.origin().collected_at.cmp(&b.origin().collected_at) {
        std::cmp::Ordering::Less => format!("{told}: leave the older one out, {}", shown(a)),
        std::cmp::Ordering::Equal => format!("{told}: leave one of them out"),
        std::cmp::Ordering::Greater => format!("{told}: leave the older one out, {}", shown(b)),
    })
}

fn clocks(parts: &[Part], now: i64) -> Option<String> {
    let ahead = |part: &Part| part.origin().clock_ahead_s;
    let apart = |a: &Part, b: &Part| Some(ahead(a)?.saturating_sub(ahead(b)?).saturating_abs());
    if let Some((a, b)) = pair(parts, |a, b| apart(a, b).is_some_and(|seconds| seconds > MAX_SKEW_S)) {
        let is_wrong = |part: &Part| ahead(part).unwrap_or_default().saturating_abs();
        let wrong = if is_wrong(b) >= is_wrong(a) { b } else { a };
        return Some(format!(
            "the clocks of {} and {} are {} s apart: {}, {}. Set the clock of {}, and collect there again",
            place(a),
            place(b),
            apart(a, b)?,
            by_database(a),
            by_database(b),
            place(wrong),
        ));
    }
    let part = parts.iter().find(|part| part.origin().collected_at.saturating_sub(now) > MAX_AHEAD_S)?;
    Some(format!(
        "{} is later than this machine's clock, {}: look at the clock of {} and at this machine's",
        collected(part),
        utc(now),
        place(part),
    ))
}

fn days(parts: &[Part], _: i64) -> Option<String> {
    let oldest = parts.iter().min_by_key(|part| part.origin().collected_at)?;
    let newest = parts.iter().max_by_key(|part| part.origin().collected_at)?;
    let apart = newest.origin().collected_at.saturating_sub(oldest.origin().collected_at);
    let told = format!("{} and {} are more than 24 hours apart", collected(oldest), collected(newest));
    (apart > MAX_APART_S).then(|| format!("{told}: facts of different days do not fit together, collect again"))
}

/// The first two snapshots of which something holds.
fn pair(parts: &[Part], holds: impl Fn(&Part, &Part) -> bool) -> Option<(&Part, &Part)> {
    let mut pairs = parts.iter().enumerate().flat_map(|(n, a)| parts.iter().skip(n + 1).map(move |b| (a, b)));
    pairs.find(|(a, b)| holds(a, b))
}

/// A snapshot with its time.
fn collected(part: &Part) -> String {
    format!("{} (collected {})", shown(part), utc(part.origin().collected_at))
}

/// The server that a snapshot was collected on, as far as it says so.
fn place(part: &Part) -> String {
    match &part.origin().server_uid {
        Some(uid) => format!("server {uid} ({})", shown(part)),
        None => format!("the machine of {}", shown(part)),
    }
}

fn by_database(part: &Part) -> String {
    let seconds = part.origin().clock_ahead_s.unwrap_or_default();
    let side = if seconds < 0 { "behind" } else { "ahead of" };
    format!("that of {} is {} s {side} the directory database's", shown(part), seconds.saturating_abs())
}

fn utc(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

//! What other machines saw of autodiscover and of the URLs, put beside what the core saw.

use std::collections::BTreeMap;

use super::MergeError;
use super::part::{Part, shown};
use crate::fact::table::Value;
use crate::fact::{Row, Schema, Store, StoreError};
use crate::model::{Completeness, Coverage, Reason};

/// The table that takes it up, and where its rows belong.
const TABLE: &str = "vantage_method";
const SCOPE: &str = "network";

/// What a machine makes of names and URLs, by the same views as everywhere.
const SEEN: &str = "
SELECT v.name, 'root', v.root, v.root_reason FROM autodiscover_verdict AS v
UNION ALL SELECT v.name, 'autodiscover', v.autodiscover, v.autodiscover_reason FROM autodiscover_verdict AS v
UNION ALL SELECT v.name, 'redirect', v.redirect, v.redirect_reason FROM autodiscover_verdict AS v
UNION ALL SELECT v.name, 'srv', v.srv, v.srv_reason FROM autodiscover_verdict AS v
UNION ALL SELECT v.name, 'workstation', v.workstation, NULL FROM autodiscover_verdict AS v
UNION ALL SELECT m.url, m.method, m.state, m.reason FROM public_url_method AS m";

/// The snapshots of servers, and those of other machines.
pub(super) fn apart(parts: Vec<Part>) -> (Vec<Part>, Vec<Part>) {
    parts.into_iter().partition(|part| part.origin().vantage.is_none())
}

/// Refuses snapshots that cannot be put beside those of the servers.
pub(super) fn verify(parts: &[Part], elsewhere: &[Part]) -> Result<(), MergeError> {
    let label = |part: &Part| part.origin().vantage.clone().unwrap_or_default();
    for (number, part) in elsewhere.iter().enumerate() {
        if parts.is_empty() {
            return Err(MergeError::Misfit(format!(
                "{} was made from another machine: give a server's beside it",
                shown(part)
            )));
        }
        if let Some(other) = elsewhere.iter().take(number).find(|other| label(other) == label(part)) {
            let both = format!("{} and {} are both called {}", shown(other), shown(part), label(part));
            return Err(MergeError::Misfit(format!("{both}: give each machine a label of its own")));
        }
    }
    Ok(())
}

/// Adds what they saw. What one of them, or the core, could not look at makes the table partial.
pub(super) fn tell(store: &mut Store, elsewhere: &[Part], schema: &Schema) -> Result<(), StoreError> {
    let Some(table) = schema.table(TABLE).filter(|_| !elsewhere.is_empty()) else { return Ok(()) };
    let told = store.coverage()?;
    let mut gaps: Vec<Reason> = gaps(told.iter().filter(|statement| statement.table == TABLE)).collect();
    for part in elsewhere {
        if let Some(reason) = store.insert(table, SCOPE, &rows(part)?)? {
            return Err(damaged(part, &reason));
        }
        gaps.extend(self::gaps(part.facts.coverage().iter().filter(|statement| statement.scope == SCOPE)));
    }
    store.finish(
        table,
        match Reason::all(gaps) {
            None => Coverage::complete(TABLE, SCOPE),
            Some(gap) => Coverage::partial(TABLE, SCOPE, gap),
        },
    )
}

/// Why some tables are not whole, each reason once.
fn gaps<'a>(told: impl Iterator<Item = &'a Coverage>) -> impl Iterator<Item = Reason> {
    let short = told.filter(|statement| statement.completeness != Completeness::Complete);
    let reasons: BTreeMap<String, Reason> =
        short.filter_map(|statement| statement.reason.clone()).map(|reason| (reason.to_string(), reason)).collect();
    reasons.into_values()
}

/// What a machine saw, with its label.
fn rows(part: &Part) -> Result<Vec<Row>, StoreError> {
    let label = Value::Text(part.origin().vantage.clone().unwrap_or_default());
    let text = |cell: Option<String>| cell.map_or(Value::Null, Value::Text);
    let row = |cells: Vec<Option<String>>| std::iter::once(label.clone()).chain(cells.into_iter().map(text)).collect();
    let seen = part.facts.reader()?.texts(SEEN).map_err(|error| damaged(part, &error))?;
    Ok(seen.into_iter().map(row).collect())
}

fn damaged(part: &Part, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { path: part.path.clone(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::app::schema;
    use crate::fact::store::{Origin, SnapshotTarget};
    use crate::fact::{Facts, Store};
    use crate::merge::merge;

    const NOON: i64 = 1_793_620_800;

    /// A snapshot of a machine elsewhere, of which nothing else is known.
    fn seen(folder: &Path, file: &str, label: &str, at: i64) -> (PathBuf, Facts) {
        let origin = Origin { vantage: Some(label.to_owned()), ..Origin::new("1.0", at) };
        written(folder, file, origin)
    }

    fn written(folder: &Path, file: &str, origin: Origin) -> (PathBuf, Facts) {
        let path = folder.join(file);
        let store = Store::create(&schema(), &origin).unwrap();
        store.seal().unwrap().save(SnapshotTarget::open(&path).unwrap()).unwrap();
        (path.clone(), Facts::open(&path, &schema()).unwrap())
    }

    #[test]
    fn what_cannot_be_put_beside_a_server_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let core = || {
            let (server_uid, installation_id) = (Some("core".to_owned()), Some("bluemind-1".to_owned()));
            written(at, "core", Origin { server_uid, installation_id, ..Origin::new("1.0", NOON) })
        };
        let old = written(at, "old", Origin { vantage: Some("old".to_owned()), ..Origin::new("0.9", NOON) });
        for (snapshots, said) in [
            (vec![seen(at, "a", "lan", NOON), seen(at, "b", "home", NOON)], "give a server's beside it"),
            (vec![core(), seen(at, "a", "lan", NOON), seen(at, "b", "lan", NOON)], "are both called lan"),
            (vec![core(), seen(at, "c", "lan", NOON - 3 * 86_400)], "are more than 24 hours apart"),
            (vec![core(), old], "collect on every server with the same version"),
        ] {
            let refused = merge(snapshots, &schema(), NOON + 60).err().unwrap().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        assert!(merge(vec![core(), seen(at, "a", "lan", NOON)], &schema(), NOON + 60).is_ok());
    }
}

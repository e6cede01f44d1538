//! What other machines saw of autodiscover and of the URLs, put beside what the core saw.

use super::MergeError;
use super::part::{Part, shown};
use crate::fact::table::Value;
use crate::fact::{Schema, Store, StoreError};
use crate::model::{Completeness, Coverage};

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

/// Adds what they saw. What one of them could not look at makes the table partial.
pub(super) fn tell(store: &mut Store, elsewhere: &[Part], schema: &Schema) -> Result<(), StoreError> {
    let Some(table) = schema.table(TABLE) else { return Ok(()) };
    for part in elsewhere {
        let damaged =
            |error: &dyn std::fmt::Display| StoreError::Damaged { path: part.path.clone(), reason: error.to_string() };
        let reader = part.facts.reader()?;
        let label = part.origin().vantage.clone().unwrap_or_default();
        let text = |cell: Option<String>| cell.map_or(Value::Null, Value::Text);
        let row = |cells: Vec<Option<String>>| {
            std::iter::once(Value::Text(label.clone())).chain(cells.into_iter().map(text)).collect::<Vec<_>>()
        };
        let rows: Vec<_> = reader.texts(SEEN).map_err(|error| damaged(&error))?.into_iter().map(row).collect();
        if let Some(reason) = store.insert(table, SCOPE, &rows)? {
            return Err(damaged(&reason));
        }
        let gaps = part
            .facts
            .coverage()
            .iter()
            .filter(|told| told.scope == SCOPE && told.completeness != Completeness::Complete);
        if let Some(reason) = gaps.into_iter().find_map(|gap| gap.reason.clone()) {
            store.finish(table, Coverage::partial(TABLE, SCOPE, reason))?;
        }
    }
    Ok(())
}

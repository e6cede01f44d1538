//! What the probes of autodiscover come to, asked of the facts for the report.

use std::collections::BTreeMap;

use crate::fact::{Reader, SqlError};
use crate::model::{METHODS, MailName, MethodCell, Step};

/// The names with both verdicts and a cell for each method; the aliases follow their domain.
const NAMES: &str = "SELECT v.name, coalesce(v.ascii_name, v.name), v.unicode_name, v.domain_uid, v.is_alias, \
    v.bm_mapi, v.workstation, v.root, v.root_reason, v.autodiscover, v.autodiscover_reason, v.redirect, v.redirect_reason, \
    v.srv, v.srv_reason FROM autodiscover_verdict AS v ORDER BY v.domain_uid, v.is_alias, v.name";

/// The traces of all names, step by step.
const STEPS: &str = "SELECT s.name, s.depth, s.kind, s.target, s.outcome, s.status, s.detail, s.elapsed_ms \
    FROM autodiscover_step AS s ORDER BY s.name, s.place";

/// Every name that was probed, with its trace.
pub(super) fn names(reader: &Reader) -> Result<Vec<MailName>, SqlError> {
    let mut steps = steps(reader)?;
    let rows = reader.texts(NAMES)?.into_iter();
    Ok(rows.filter_map(|row| mail_name(row, &mut steps)).collect())
}

fn mail_name(row: Vec<Option<String>>, steps: &mut BTreeMap<String, Vec<Step>>) -> Option<MailName> {
    let mut cells = row.into_iter();
    let mut next = || cells.next().flatten();
    let (name, ascii, unicode) = (next()?, next()?, next());
    let (domain_uid, is_alias, bm_mapi, workstation) = (next()?, next()?, next()?, next()?);
    let methods = METHODS
        .iter()
        .map(|method| Some(MethodCell { method: (*method).to_owned(), state: next()?, reason: next() }))
        .collect::<Option<_>>()?;
    Some(MailName {
        steps: steps.remove(&name).unwrap_or_default(),
        unicode_name: unicode.filter(|unicode| *unicode != ascii),
        name: ascii,
        domain_uid,
        is_alias: is_alias == "1",
        methods,
        bm_mapi,
        workstation,
    })
}

fn steps(reader: &Reader) -> Result<BTreeMap<String, Vec<Step>>, SqlError> {
    let mut steps: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for row in reader.texts(STEPS)? {
        let [Some(name), depth, kind, target, outcome, status, detail, elapsed_ms] = row.as_slice() else { continue };
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        steps.entry(name.clone()).or_default().push(Step {
            depth: text(depth).parse().unwrap_or_default(),
            kind: text(kind),
            target: text(target),
            outcome: text(outcome),
            status: text(status),
            detail: detail.clone(),
            elapsed_ms: elapsed_ms.as_deref().and_then(|ms| ms.parse().ok()),
        });
    }
    Ok(steps)
}

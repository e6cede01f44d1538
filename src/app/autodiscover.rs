//! What the probes of autodiscover and of the installation's URLs come to, asked of the facts for the report.

use std::collections::BTreeMap;

use crate::fact::{Reader, SqlError};
use crate::model::{METHODS, MailName, MethodCell, PublicUrl, SERVICES, Step, Vantage};

/// The names with both verdicts and a cell for each method; the aliases follow their domain.
const NAMES: &str = "SELECT v.name, coalesce(v.ascii_name, v.name), v.unicode_name, v.domain_uid, v.is_alias, \
    v.bm_mapi, v.workstation, v.root, v.root_reason, v.autodiscover, v.autodiscover_reason, v.redirect, v.redirect_reason, \
    v.srv, v.srv_reason FROM autodiscover_verdict AS v ORDER BY v.domain_uid, v.is_alias, v.name";

/// What is asked for at each URL; the external one goes first.
const URLS: &str =
    "SELECT m.url, m.method, m.state, m.reason FROM public_url_method AS m ORDER BY NOT m.is_main, m.url";

/// The traces of all names and URLs, step by step.
const STEPS: &str = "SELECT s.name, s.depth, s.kind, s.target, s.outcome, s.status, s.detail, s.elapsed_ms \
    FROM autodiscover_step AS s ORDER BY s.name, s.place";

/// The same from other machines.
const VANTAGES: &str =
    "SELECT m.name, m.vantage, m.method, m.state, m.reason FROM vantage_method AS m ORDER BY m.name, m.vantage";

/// Everything that was probed.
pub(super) struct Probed {
    /// Every mail name, with its trace.
    pub(super) names: Vec<MailName>,
    /// Every URL, with its trace.
    pub(super) urls: Vec<PublicUrl>,
}

impl Probed {
    pub(super) fn of(reader: &Reader) -> Result<Self, SqlError> {
        let (mut steps, mut vantages) = (steps(reader)?, vantages(reader)?);
        let rows = reader.texts(NAMES)?.into_iter();
        let names = rows.filter_map(|row| mail_name(row, &mut steps, &mut vantages)).collect();
        let mut urls: Vec<PublicUrl> = Vec::new();
        for row in reader.texts(URLS)? {
            let [Some(url), Some(method), Some(state), reason] = row.as_slice() else { continue };
            if urls.last().is_none_or(|last| last.url != *url) {
                let vantages = seen_from(vantages.remove(url), &SERVICES);
                let steps = steps.remove(url).unwrap_or_default();
                urls.push(PublicUrl { url: url.clone(), methods: Vec::new(), steps, vantages });
            }
            let cell = MethodCell { method: method.clone(), state: state.clone(), reason: reason.clone() };
            urls.iter_mut().for_each(|of| {
                if of.url == *url {
                    of.methods.push(cell.clone())
                }
            });
        }
        urls.iter_mut().for_each(|url| url.methods = in_order(&url.methods, &SERVICES));
        Ok(Self { names, urls })
    }
}

/// The cells of these methods, each of which has one.
fn in_order(cells: &[MethodCell], methods: &[&str]) -> Vec<MethodCell> {
    let unknown = |method: &str| MethodCell { method: method.to_owned(), state: "unknown".to_owned(), reason: None };
    let cell =
        |method: &&str| cells.iter().find(|cell| cell.method == *method).cloned().unwrap_or_else(|| unknown(method));
    methods.iter().map(cell).collect()
}

/// The cells of each vantage.
type Seen = BTreeMap<String, Vec<MethodCell>>;

fn seen_from(seen: Option<Seen>, methods: &[&str]) -> Vec<Vantage> {
    let vantage = |(label, cells): (String, Vec<MethodCell>)| Vantage {
        label,
        methods: in_order(&cells, methods),
        workstation: cells.into_iter().find(|cell| cell.method == "workstation").map(|cell| cell.state),
    };
    seen.unwrap_or_default().into_iter().map(vantage).collect()
}

fn vantages(reader: &Reader) -> Result<BTreeMap<String, Seen>, SqlError> {
    let mut vantages: BTreeMap<String, Seen> = BTreeMap::new();
    for row in reader.texts(VANTAGES)? {
        let [Some(name), Some(vantage), Some(method), Some(state), reason] = row.as_slice() else { continue };
        let cell = MethodCell { method: method.clone(), state: state.clone(), reason: reason.clone() };
        vantages.entry(name.clone()).or_default().entry(vantage.clone()).or_default().push(cell);
    }
    Ok(vantages)
}

fn mail_name(
    row: Vec<Option<String>>,
    steps: &mut BTreeMap<String, Vec<Step>>,
    vantages: &mut BTreeMap<String, Seen>,
) -> Option<MailName> {
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
        vantages: seen_from(vantages.remove(&name), &METHODS),
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

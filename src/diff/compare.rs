//! Two reports → what is different.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::side::{Check, Finding, Missing, Side};
use super::{
    Changes, CheckChange, CoverageChange, EvidenceChange, FindingChange, FindingTold, Findings, Pair, RowChange,
    Status, Told, Unknown, Unknowns, Worse,
};
use crate::model::{Outcome, Severity};

impl Changes {
    /// What is different between an earlier and a later report; `rows` is told by who has both snapshots.
    pub fn between(old: &Side, new: &Side, rows: Option<Vec<RowChange>>) -> Self {
        let mut changes = Self {
            old: Told::of(old),
            new: Told::of(new),
            worse: Worse::default(),
            findings: Findings::default(),
            unknowns: Unknowns::default(),
            checks: Vec::new(),
            coverage: coverage(old, new),
            rows,
        };
        for (id, old, new) in both(&old.by_id(), &new.by_id()) {
            changes.check(id, old.copied(), new.copied());
        }
        changes.worst_first();
        changes
    }

    /// What is shown of a long list is what weighs most.
    fn worst_first(&mut self) {
        let Findings { came, went, unseen, changed } = &mut self.findings;
        [came, went, unseen].into_iter().for_each(|told| told.sort_by_key(|finding| finding.severity));
        changed.sort_by_key(|change| change.severity.new);
        let Unknowns { came, went, changed } = &mut self.unknowns;
        [came, went, changed].into_iter().for_each(|told| told.sort_by_key(|gap| gap.severity));
        self.checks.sort_by_key(|change| change.severity);
    }

    fn check(&mut self, id: &str, old: Option<&Check>, new: Option<&Check>) {
        let outcomes = [old, new].map(|check| check.map(|check| check.outcome));
        if outcomes[0] != outcomes[1] {
            let severity = new.or(old).map_or(Severity::Info, |check| check.severity);
            self.checks.push(CheckChange { id: id.to_owned(), severity, old: outcomes[0], new: outcomes[1] });
        }
        let subjects = [old, new].map(|check| check.map(Check::by_subject).unwrap_or_default());
        for (_, before, after) in both(&subjects[0], &subjects[1]) {
            self.finding(id, before.copied(), after.copied(), outcomes, new);
        }
        let gaps = [old, new].map(|check| check.map(Check::gaps).unwrap_or_default());
        // What a check that was not run could not look at is not known either.
        let was_told = |gap: &Missing| old.is_none_or(|old| old.missing.iter().any(|known| known.covers(gap)));
        let mut has_more = false;
        let Some(told) = new.or(old) else { return };
        for (_, before, after) in both(&gaps[0], &gaps[1]) {
            match (before, after) {
                (None, Some(gap)) => {
                    has_more |= gap.waived.is_none() && !was_told(gap);
                    self.unknowns.came.push(Unknown::of(told, gap));
                }
                (Some(gap), None) => self.unknowns.went.push(Unknown::of(told, gap)),
                (Some(before), Some(gap)) => {
                    let is_uncovered = before.waived.is_some() && gap.waived.is_none();
                    has_more |= is_uncovered;
                    if before.reason != gap.reason || before.waived.is_some() != gap.waived.is_some() {
                        self.unknowns.changed.push(Unknown::of(told, gap));
                    }
                }
                (None, None) => {}
            }
        }
        if let Some(new) = new.filter(|new| new.severity == Severity::Blocker && new.is_unanswered()) {
            let was_answered = old.is_some_and(|old| !old.is_unanswered());
            self.worse.unanswered += u64::from(was_answered || has_more || broke(old, new));
        }
    }

    fn finding(
        &mut self,
        id: &str,
        old: Option<&Finding>,
        new: Option<&Finding>,
        outcomes: [Option<Outcome>; 2],
        check: Option<&Check>,
    ) {
        if let Some(new) = new.filter(|finding| finding.is_open()) {
            // One that was less severe, accepted or explained has come as well.
            let was_open = old.is_some_and(|old| old.is_open() && old.severity <= new.severity);
            match new.severity {
                Severity::Blocker => self.worse.blockers += u64::from(!was_open),
                Severity::Warning => self.worse.warnings += u64::from(!was_open),
                Severity::Info => {}
            }
        }
        match (old, new) {
            (None, Some(new)) => self.findings.came.push(FindingTold::of(id, new, outcomes[0])),
            (Some(old), None) => {
                let told = FindingTold::of(id, old, outcomes[1]);
                // Of a check that has findings and gaps, nobody knows in which of both this one is.
                let is_answered = check.is_some_and(|check| {
                    !matches!(check.outcome, Outcome::Unknown | Outcome::Error) && check.missing.is_empty()
                });
                if is_answered { self.findings.went.push(told) } else { self.findings.unseen.push(told) }
            }
            (Some(old), Some(new)) => self.findings.changed.extend(FindingChange::between(id, old, new)),
            (None, None) => {}
        }
    }
}

/// Whether a check broke that only lacked facts.
fn broke(old: Option<&Check>, new: &Check) -> bool {
    new.outcome == Outcome::Error && old.is_some_and(|old| old.outcome != Outcome::Error)
}

impl Told {
    fn of(side: &Side) -> Self {
        let installation = &side.run.installation;
        Self {
            collected_at: installation.collected_at.clone(),
            installation: installation.name.clone(),
            release: installation.release.clone(),
            target: installation.target.clone(),
            verdict: side.verdict.clone(),
        }
    }
}

impl Status {
    fn of(finding: &Finding) -> Self {
        match (&finding.waived, &finding.explained_by) {
            (Some(_), _) => Self::Waived,
            (None, Some(_)) => Self::Explained,
            (None, None) => Self::Open,
        }
    }
}

impl FindingTold {
    fn of(check: &str, finding: &Finding, other_outcome: Option<Outcome>) -> Self {
        Self {
            check: check.to_owned(),
            subject: finding.subject.clone(),
            severity: finding.severity,
            message: finding.message.clone(),
            status: Status::of(finding),
            other_outcome,
        }
    }
}

impl FindingChange {
    fn between(check: &str, old: &Finding, new: &Finding) -> Option<Self> {
        let columns: BTreeSet<&String> = old.evidence.keys().chain(new.evidence.keys()).collect();
        let value = |finding: &Finding, column: &str| finding.evidence.get(column).cloned().unwrap_or(Value::Null);
        let evidence = columns.into_iter().filter_map(|column| {
            let (old, new) = (value(old, column), value(new, column));
            (old != new).then(|| EvidenceChange { column: column.clone(), old, new })
        });
        let change = Self {
            check: check.to_owned(),
            subject: new.subject.clone(),
            message: new.message.clone(),
            severity: Pair { old: old.severity, new: new.severity },
            status: Pair { old: Status::of(old), new: Status::of(new) },
            evidence: evidence.collect(),
        };
        let is_same = change.evidence.is_empty() && !change.severity.differs() && !change.status.differs();
        (!is_same).then_some(change)
    }
}

impl<T: PartialEq> Pair<T> {
    pub(crate) fn differs(&self) -> bool {
        self.old != self.new
    }
}

impl Missing {
    /// Whether nothing was known of all of it. What a waiver accepted is not what is open now.
    fn covers(&self, gap: &Self) -> bool {
        self.waived.is_none() && self.table == gap.table && self.scope == gap.scope && self.place.is_none()
    }
}

impl Unknown {
    fn of(check: &Check, gap: &Missing) -> Self {
        Self {
            check: check.id.clone(),
            severity: check.severity,
            table: gap.table.clone(),
            scope: gap.scope.clone(),
            place: gap.place.clone(),
            reason: gap.reason.clone(),
            is_waived: gap.waived.is_some(),
        }
    }
}

fn coverage(old: &Side, new: &Side) -> Vec<CoverageChange> {
    let [old, new] = [old, new].map(|side| {
        let keyed = side.coverage.iter().map(|told| ((told.table.as_str(), told.scope.as_str()), told));
        keyed.collect::<BTreeMap<_, _>>()
    });
    let change = |((table, scope), old, new): ((&str, &str), Option<&&_>, Option<&&_>)| {
        let [old, new]: [Option<&super::side::Coverage>; 2] = [old.copied(), new.copied()];
        let state = |side: Option<&super::side::Coverage>| side.map(|told| told.completeness);
        (state(old) != state(new)).then(|| CoverageChange {
            table: table.to_owned(),
            scope: scope.to_owned(),
            old: state(old),
            new: state(new),
            reason: new.and_then(|told| told.reason.clone()),
            old_rows: old.map(|told| told.rows),
            new_rows: new.map(|told| told.rows),
        })
    };
    both(&old, &new).into_iter().filter_map(change).collect()
}

/// The keys of both, each with what both have of it.
fn both<'m, K: Ord + Copy, V>(
    old: &'m BTreeMap<K, V>,
    new: &'m BTreeMap<K, V>,
) -> Vec<(K, Option<&'m V>, Option<&'m V>)> {
    let keys: BTreeSet<K> = old.keys().chain(new.keys()).copied().collect();
    keys.into_iter().map(|key| (key, old.get(&key), new.get(&key))).collect()
}

//! Which check is told where: the order in which a person reads a report, shared by the page and the terminal.

use std::collections::HashMap;

use serde::Serialize;

use super::Report;
use crate::model::{Cause, CheckResult, Finding, Gap, Outcome, Risk, Severity, Waived, When};
use crate::verdict::{self, CheckCounts, FindingCounts};

/// Checks by what the reader has to do about them. A check that fails and lacks facts is both in its severity's list
/// and in `unanswered`; a check with accepted findings is also in `waived`.
pub(super) struct Outline<'a> {
    /// With open findings, by severity.
    pub(super) open: [(Severity, Vec<&'a CheckResult>); 3],
    /// Without a complete answer.
    pub(super) unanswered: Vec<&'a CheckResult>,
    /// With findings that others explain.
    pub(super) explained: Vec<&'a CheckResult>,
    /// What others explain, by that.
    under: HashMap<&'a Cause, Vec<(&'a CheckResult, &'a Finding)>>,
    /// With findings that a waiver accepts.
    pub(super) waived: Vec<&'a CheckResult>,
    /// Everything was looked at, nothing was found.
    pub(super) passed: Vec<&'a CheckResult>,
    /// Not about this installation.
    pub(super) not_applicable: Vec<&'a CheckResult>,
}

/// The one section that holds a check's anchor, however many name the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Home {
    Open,
    Unanswered,
    Explained,
    Waived,
    Passed,
    NotApplicable,
}

impl<'a> Outline<'a> {
    pub(super) fn of(checks: &'a [CheckResult]) -> Self {
        let those = |keep: &dyn Fn(&CheckResult) -> bool| checks.iter().filter(|c| keep(c)).collect::<Vec<_>>();
        let fires = |c: &CheckResult| verdict::open(c) > 0;
        Self {
            open: Severity::ALL.map(|s| (s, those(&|c| c.severity == s && fires(c)))),
            unanswered: those(&is_unanswered),
            explained: those(&|c| verdict::explained(c) > 0),
            under: under(checks),
            waived: those(&has_waived),
            passed: those(&|c| c.outcome == Outcome::Pass),
            not_applicable: those(&|c| c.outcome == Outcome::NotApplicable),
        }
    }

    /// The findings that stand under one, each with its check.
    pub(super) fn under(&self, check: &CheckResult, finding: &Finding) -> &[(&'a CheckResult, &'a Finding)] {
        let cause = Cause { check: check.id.clone(), subject: finding.subject.clone() };
        self.under.get(&cause).map_or(&[], Vec::as_slice)
    }
}

/// The section where a check is told in full.
pub(super) fn home(check: &CheckResult) -> Home {
    if verdict::open(check) > 0 {
        Home::Open
    } else if is_unanswered(check) {
        Home::Unanswered
    } else if verdict::explained(check) > 0 {
        Home::Explained
    } else if has_waived(check) {
        Home::Waived
    } else if check.outcome == Outcome::NotApplicable {
        Home::NotApplicable
    } else {
        Home::Passed
    }
}

/// The findings that stand for themselves.
pub(super) fn open(check: &CheckResult) -> impl Iterator<Item = &Finding> {
    check.findings.iter().filter(|finding| verdict::is_open(finding))
}

/// The subject of a finding whose message does not name it.
pub(super) fn unsaid(finding: &Finding) -> Option<&str> {
    Some(finding.subject.as_str()).filter(|subject| !finding.message.contains(subject))
}

/// The explained findings, each under the one that explains it.
fn under(checks: &[CheckResult]) -> HashMap<&Cause, Vec<(&CheckResult, &Finding)>> {
    let mut under: HashMap<_, Vec<_>> = HashMap::new();
    for check in checks {
        for finding in &check.findings {
            if let Some(cause) = &finding.explained_by {
                under.entry(cause).or_default().push((check, finding));
            }
        }
    }
    under
}

/// What is accepted not to be known, with who accepts it.
pub(super) fn waived_gaps(report: &Report) -> impl Iterator<Item = (&Gap, &Waived)> {
    report.gaps.iter().filter_map(|gap| Some((gap, gap.waived.as_ref()?)))
}

/// The findings by what is done about them, in the order in which each remediation first appears.
pub(super) fn by_remediation<'a>(check: &'a CheckResult, findings: &[&'a Finding]) -> Vec<(&'a str, Vec<&'a Finding>)> {
    let mut groups: Vec<(&str, Vec<&Finding>)> = Vec::new();
    let mut places = vec![None; check.remediations.len()];
    for finding in findings {
        let Some(place) = places.get_mut(finding.remedy) else { continue };
        let place = *place.get_or_insert_with(|| {
            groups.push((&check.remediations[finding.remedy].text, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(finding);
    }
    groups
}

/// The commands of the findings in order, each once.
pub(super) fn commands<'a>(findings: &[&'a Finding]) -> Vec<&'a str> {
    let mut seen = std::collections::HashSet::new();
    findings.iter().flat_map(|f| &f.commands).map(String::as_str).filter(|c| seen.insert(*c)).collect()
}

/// The word for a moment in check files and in the phrases.
pub(super) fn when_word(when: When) -> &'static str {
    match when {
        When::Before => "before",
        When::During => "during",
        When::After => "after",
    }
}

/// The word for a risk in check files and in the phrases.
pub(super) fn risk_word(risk: Risk) -> &'static str {
    match risk {
        Risk::None => "none",
        Risk::Low => "low",
        Risk::High => "high",
    }
}

/// Checks by outcome, each with its word.
pub(super) fn check_counts(counts: &CheckCounts) -> [(&'static str, u64); 5] {
    Outcome::ALL.map(|outcome| {
        let n = match outcome {
            Outcome::Pass => counts.pass,
            Outcome::Fail => counts.fail,
            Outcome::Unknown => counts.unknown,
            Outcome::Error => counts.error,
            Outcome::NotApplicable => counts.not_applicable,
        };
        (outcome.as_str(), n)
    })
}

/// Findings by severity, the accepted ones last, each with its word.
pub(super) fn finding_counts(counts: &FindingCounts) -> [(&'static str, u64); 4] {
    [("blocker", counts.blocker), ("warning", counts.warning), ("info", counts.info), ("waived", counts.waived)]
}

fn has_waived(check: &CheckResult) -> bool {
    check.findings.iter().any(|f| f.waived.is_some())
}

fn is_unanswered(check: &CheckResult) -> bool {
    matches!(check.outcome, Outcome::Unknown | Outcome::Error) || !check.missing.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Remediation;
    use crate::model::finding::sample::failed;

    #[test]
    fn what_is_done_is_told_once_in_the_order_in_which_it_first_appears() {
        let mut check = failed(Severity::Warning, &["a", "b", "c", "d"]);
        let words = |text: &str| Remediation { problem: None, text: text.to_owned(), remedy: check.remedy };
        check.remediations = ["restart", "wait", "delete"].map(words).to_vec();
        for (finding, (remedy, command)) in check.findings.iter_mut().zip([(2, "y"), (0, "x"), (2, "x"), (0, "x")]) {
            finding.remedy = remedy;
            finding.commands = vec![command.to_owned()];
        }
        let findings: Vec<&Finding> = check.findings.iter().collect();
        let subjects = |group: &[&Finding]| group.iter().map(|finding| finding.subject.clone()).collect::<Vec<_>>();
        let told: Vec<_> = by_remediation(&check, &findings)
            .into_iter()
            .map(|(remediation, group)| (remediation, subjects(&group), commands(&group)))
            .collect();
        let of = |subjects: [&str; 2]| subjects.map(str::to_owned).to_vec();
        assert_eq!(told, [("delete", of(["a", "c"]), vec!["y", "x"]), ("restart", of(["b", "d"]), vec!["x"])]);
    }
}

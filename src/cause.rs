//! One cause is told once: which findings stand under another one that explains them.

use std::collections::{HashMap, HashSet};

use crate::model::{Cause, CheckResult, Finding};

/// How often what explains may itself be explained: more is a circle.
const LONGEST: usize = 8;

/// Puts each finding whose cause was found as well under that, after waivers were applied. It stands for itself where its
/// cause was not found, is accepted, is less severe than itself, or leads back to it: nothing may vanish under what is not
/// told, or told more mildly.
pub fn settle(results: &mut [CheckResult]) {
    let causes = causes(results);
    let findings = results.iter_mut().flat_map(|result| &mut result.findings);
    findings.zip(causes).for_each(|(finding, cause)| finding.explained_by = cause);
}

/// What explains each finding, in their order.
fn causes(results: &[CheckResult]) -> Vec<Option<Cause>> {
    let open = Open::of(results);
    let findings = results.iter().flat_map(|result| &result.findings);
    findings.map(|finding| open.root(finding).cloned()).collect()
}

/// Findings that no waiver accepts, of the checks that explain others: of one check and subject the mildest.
struct Open<'r>(HashMap<(&'r str, &'r str), &'r Finding>);

impl<'r> Open<'r> {
    fn of(results: &'r [CheckResult]) -> Self {
        let causes = results.iter().flat_map(|result| &result.findings).filter_map(|finding| finding.cause.as_ref());
        let named: HashSet<&str> = causes.map(|cause| cause.check.as_str()).collect();
        let mut open: HashMap<_, &'r Finding> = HashMap::new();
        for result in results.iter().filter(|result| named.contains(result.id.as_str())) {
            for finding in result.findings.iter().filter(|finding| finding.waived.is_none()) {
                let mildest = open.entry((&*result.id, &*finding.subject)).or_insert(finding);
                if mildest.severity < finding.severity {
                    *mildest = finding;
                }
            }
        }
        Self(open)
    }

    /// The finding at the end of what explains one: it stands for itself.
    fn root(&self, finding: &'r Finding) -> Option<&'r Cause> {
        let (mut at, mut root) = (finding, None);
        for _ in 0..LONGEST {
            match self.next(at) {
                Some((cause, explaining)) => (at, root) = (explaining, Some(cause)),
                None => return root,
            }
        }
        None
    }

    fn next(&self, at: &'r Finding) -> Option<(&'r Cause, &'r Finding)> {
        let cause = at.cause.as_ref().filter(|_| at.waived.is_none())?;
        let explaining = *self.0.get(&(&*cause.check, &*cause.subject))?;
        (explaining.severity <= at.severity).then_some((cause, explaining))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity::{Blocker, Info, Warning};
    use crate::model::finding::sample::failed;
    use crate::model::{Severity, Waived};

    /// A check with a finding for each subject, and what explains it.
    fn check(id: &str, severity: Severity, findings: &[(&str, Option<(&str, &str)>)]) -> CheckResult {
        let mut result = failed(severity, &findings.iter().map(|(subject, _)| *subject).collect::<Vec<_>>());
        result.id = id.to_owned();
        for (finding, (_, cause)) in result.findings.iter_mut().zip(findings) {
            finding.cause =
                cause.map(|(check, subject)| Cause { check: check.to_owned(), subject: subject.to_owned() });
        }
        result
    }

    fn waive(result: &mut CheckResult, at: usize) {
        result.findings[at].waived = Some(Waived { reason: "known".to_owned(), expires: "2026-12-31".to_owned() });
    }

    /// What stands under what, as words.
    fn settled(mut results: Vec<CheckResult>) -> Vec<String> {
        settle(&mut results);
        let told = |result: &CheckResult, finding: &Finding| {
            let cause = finding.explained_by.as_ref()?;
            Some(format!("{} {} < {} {}", result.id, finding.subject, cause.check, cause.subject))
        };
        results.iter().flat_map(|r| r.findings.iter().filter_map(move |f| told(r, f))).collect()
    }

    const OF_A: &[(&str, Option<(&str, &str)>)] = &[("s", None), ("t", None)];

    #[test]
    fn a_finding_stands_under_the_one_that_explains_it_if_that_was_found() {
        let b = || check("b", Warning, &[("s", Some(("a", "s"))), ("u", Some(("a", "t"))), ("v", Some(("a", "v")))]);
        assert_eq!(settled(vec![check("a", Warning, OF_A), b()]), ["b s < a s", "b u < a t"]);
        assert_eq!(settled(vec![b()]), [""; 0], "the check was not run");
        assert_eq!(settled(vec![check("a", Warning, &[]), b()]), [""; 0], "it found nothing");
    }

    #[test]
    fn nothing_stands_under_what_is_milder() {
        let b = |severity| check("b", severity, &[("s", Some(("a", "s")))]);
        for (explaining, explained, stands_under) in [
            (Blocker, Blocker, true),
            (Blocker, Warning, true),
            (Warning, Info, true),
            (Warning, Blocker, false),
            (Info, Warning, false),
        ] {
            let told = settled(vec![check("a", explaining, OF_A), b(explained)]);
            assert_eq!(!told.is_empty(), stands_under, "{explained:?} under {explaining:?}");
        }
        // A row that is milder than its check carries no blocker, and is carried by what is as mild.
        let mut a = check("a", Blocker, OF_A);
        a.findings[0].severity = Warning;
        assert_eq!(settled(vec![a.clone(), b(Blocker)]), [""; 0]);
        assert_eq!(settled(vec![a, b(Warning)]), ["b s < a s"]);
        let mut milder = b(Blocker);
        milder.findings[0].severity = Info;
        assert_eq!(settled(vec![check("a", Warning, OF_A), milder]), ["b s < a s"]);
    }

    #[test]
    fn nothing_stands_under_what_is_accepted_and_what_is_accepted_stands_under_nothing() {
        let (mut a, mut b) = (check("a", Blocker, OF_A), check("b", Blocker, &[("s", Some(("a", "s")))]));
        waive(&mut a, 0);
        assert_eq!(settled(vec![a, b.clone()]), [""; 0]);
        waive(&mut b, 0);
        assert_eq!(settled(vec![check("a", Blocker, OF_A), b]), [""; 0]);
    }

    #[test]
    fn a_chain_ends_at_what_stands_for_itself_and_a_circle_explains_nothing() {
        let chain = |end| {
            let c = check("c", Warning, &[("s", Some(("b", "s")))]);
            vec![check("a", Warning, OF_A), check("b", Warning, &[("s", end)]), c]
        };
        assert_eq!(settled(chain(Some(("a", "s")))), ["b s < a s", "c s < a s"]);
        assert_eq!(settled(chain(Some(("a", "nothing")))), ["c s < b s"]);
        assert_eq!(settled(chain(Some(("c", "s")))), [""; 0]);
        assert_eq!(settled(chain(Some(("b", "s")))), [""; 0]);
        let mut accepted = chain(Some(("a", "s")));
        waive(&mut accepted[0], 0);
        assert_eq!(settled(accepted), ["c s < b s"]);
    }
}

//! Accepted findings and gaps: who accepts one says why, and until when.

mod file;

use std::collections::{BTreeSet, HashMap};

use glob::Pattern;
use jiff::civil::Date;

use crate::model::reason::Notice;
use crate::model::{CheckResult, Finding, Gap, Waived};

pub use file::{WaiverError, read};

/// What is accepted.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Findings or a gap.
    pub what: What,
    /// Line of the file where check or table is named, from 1.
    pub line: usize,
    /// Why that is accepted.
    pub reason: String,
    /// Last day, UTC, on which it is.
    pub expires: Date,
}

/// What a waiver is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Findings of the check of this id.
    Findings(String, Whose),
    /// Something that could not be looked at.
    Gap {
        /// Name of the facts table.
        table: String,
        /// Uid of the server, `directory` or `network`.
        server: String,
        /// The file, folder or mailbox to the letter, or those that it matches as a glob; none is the table as a whole.
        place: Option<String>,
    },
}

/// Which findings of a check are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// That of this subject to the letter, or those of the subjects that it matches as a glob.
    Subject(String),
    /// All that are for the user of this address.
    Owner(String),
}

impl Whose {
    /// As the file has it.
    fn as_str(&self) -> &str {
        match self {
            Self::Subject(text) | Self::Owner(text) => text,
        }
    }
}

impl Waiver {
    fn waived(&self) -> Waived {
        Waived { reason: self.reason.clone(), expires: self.expires.to_string() }
    }

    /// What is to be said of it, if it accepts nothing or does so no longer.
    fn remark(&self, accepts: bool, today: Date) -> Option<Notice> {
        let (check, subject) = match &self.what {
            What::Findings(check, whose) => (check.clone(), whose.as_str().to_owned()),
            What::Gap { table, server, place } => {
                let place = place.iter().map(|place| format!(", {place}")).collect::<String>();
                (table.clone(), format!("{server}{place}"))
            }
        };
        match accepts {
            false => Some(Notice::WaiverUnused { check, subject }),
            true => {
                (self.expires < today).then(|| Notice::WaiverExpired { check, subject, day: self.expires.to_string() })
            }
        }
    }
}

/// Marks the gaps that a waiver accepts on `today`. Returns a remark for each waiver of a gap that has expired or accepts
/// nothing, unless nobody asked for its table: `is_wanted`.
pub fn apply_to_gaps(
    waivers: &[Waiver],
    gaps: &mut [Gap],
    today: Date,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Notice> {
    let mut remarks = Vec::new();
    for waiver in waivers {
        let What::Gap { table, server, place } = &waiver.what else { continue };
        let is_place = matcher(place.as_deref());
        let mut accepts = false;
        for gap in gaps.iter_mut().filter(|gap| gap.table == *table && gap.scope == *server) {
            if is_place(gap.place.as_deref()) {
                accepts = true;
                gap.waived = Some(waiver.waived()).filter(|_| waiver.expires >= today).or(gap.waived.take());
            }
        }
        remarks.extend(waiver.remark(accepts, today).filter(|_| is_wanted(table)));
    }
    remarks
}

/// Whether a gap's place is the one that a waiver names.
fn matcher(named: Option<&str>) -> impl Fn(Option<&str>) -> bool {
    let glob = named.and_then(glob);
    move |place| named == place || place.zip(glob.as_ref()).is_some_and(|(place, glob)| glob.matches(place))
}

/// What is no glob is a name with brackets in it.
fn glob(text: &str) -> Option<Pattern> {
    text.contains(['*', '?', '[']).then(|| Pattern::new(text).ok()).flatten()
}

/// Marks the findings that a waiver accepts on `today`. Returns a remark for each waiver that has expired or accepts
/// nothing, unless its check was not run.
pub fn apply(waivers: &[Waiver], results: &mut [CheckResult], today: Date) -> Vec<Notice> {
    let mut by_check: HashMap<&str, OfCheck<'_>> = HashMap::new();
    for (at, waiver) in waivers.iter().enumerate() {
        if let What::Findings(check, whose) = &waiver.what {
            by_check.entry(check).or_default().add(at, whose);
        }
    }
    let (mut accepts, mut ran) = (vec![false; waivers.len()], BTreeSet::new());
    for result in results {
        let Some(of_check) = by_check.get(result.id.as_str()) else { continue };
        ran.extend(of_check.all.iter().copied());
        for finding in &mut result.findings {
            let mut waived = None;
            for at in of_check.accepting(finding) {
                accepts[at] = true;
                waived = Some(&waivers[at]).filter(|waiver| waiver.expires >= today).or(waived);
            }
            finding.waived = waived.map(Waiver::waived);
        }
    }
    ran.into_iter().filter_map(|at| waivers[at].remark(accepts[at], today)).collect()
}

/// The waivers of one check, found by what they accept: there may be as many as findings.
#[derive(Default)]
struct OfCheck<'a> {
    all: Vec<usize>,
    subjects: HashMap<&'a str, Vec<usize>>,
    owners: HashMap<&'a str, Vec<usize>>,
    globs: Vec<(usize, Pattern)>,
}

impl<'a> OfCheck<'a> {
    fn add(&mut self, at: usize, whose: &'a Whose) {
        self.all.push(at);
        match whose {
            Whose::Owner(owner) => self.owners.entry(owner).or_default().push(at),
            Whose::Subject(subject) => {
                self.subjects.entry(subject).or_default().push(at);
                self.globs.extend(glob(subject).map(|glob| (at, glob)));
            }
        }
    }

    fn accepting<'b>(&'b self, finding: &'b Finding) -> impl Iterator<Item = usize> + 'b {
        let to_the_letter = self.subjects.get(finding.subject.as_str());
        let of_owner = finding.owner.as_ref().and_then(|owner| self.owners.get(owner.as_str()));
        let matching = self.globs.iter().filter(|(_, glob)| glob.matches(&finding.subject)).map(|(at, _)| *at);
        to_the_letter.into_iter().chain(of_owner).flatten().copied().chain(matching)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Severity;
    use crate::model::finding::sample::failed;
    use crate::model::reason::Run;

    /// What a waiver of the subject `s` of the check `sample` until the last day of 2026 comes to.
    fn applied(subjects: &[&str], today: Date) -> (Vec<Option<Waived>>, Vec<Notice>) {
        let waiver = Waiver {
            what: What::Findings("sample".to_owned(), Whose::Subject("s".to_owned())),
            line: 1,
            reason: "known".to_owned(),
            expires: date(2026, 12, 31),
        };
        let mut results = [failed(Severity::Blocker, &["s"]), failed(Severity::Blocker, subjects)];
        results[0].id = "other".to_owned();
        let remarks = apply(&[waiver], &mut results, today);
        assert_eq!(results[0].findings[0].waived, None, "it is of another check");
        (results[1].findings.iter().map(|finding| finding.waived.clone()).collect(), remarks)
    }

    #[test]
    fn a_waiver_holds_to_the_end_of_its_last_day_for_its_subject_alone() {
        let waived = Some(Waived { reason: "known".to_owned(), expires: "2026-12-31".to_owned() });
        for today in [date(2026, 1, 1), date(2026, 12, 30), date(2026, 12, 31)] {
            assert_eq!(applied(&["s/1", "s", "S"], today), (vec![None, waived.clone(), None], vec![]), "{today}");
        }
    }

    #[test]
    fn a_waiver_that_accepts_nothing_is_told() {
        let (before, after) = (date(2026, 12, 31), date(2027, 1, 1));
        let (check, subject) = ("sample".to_owned(), "s".to_owned());
        let expired =
            Notice::WaiverExpired { check: check.clone(), subject: subject.clone(), day: "2026-12-31".to_owned() };
        let unused = Notice::WaiverUnused { check, subject };
        for (subjects, today, remark) in
            [(&["s"][..], after, &expired), (&["t"], before, &unused), (&[], before, &unused), (&[], after, &unused)]
        {
            assert_eq!(applied(subjects, today), (vec![None; subjects.len()], vec![remark.clone()]));
        }
    }

    fn accepting(whose: Whose) -> Waiver {
        let what = What::Findings("sample".to_owned(), whose);
        Waiver { what, line: 1, reason: "known".to_owned(), expires: date(2026, 12, 31) }
    }

    #[test]
    fn a_waiver_may_be_for_subjects_that_are_alike_or_for_all_that_a_user_has() {
        let subjects = ["a@x/INBOX/One", "a@x/INBOX/One/Two", "b@x/INBOX/[One]", "b@x/INBOX/*"];
        let subject = |text: &str| Whose::Subject(text.to_owned());
        for (whose, accepted) in [
            (subject("a@x/INBOX/*"), vec![0, 1]),
            (subject("?@x/INBOX/One"), vec![0]),
            (subject("*"), vec![0, 1, 2, 3]),
            (subject("b@x/INBOX/[One]"), vec![2]),
            (subject("b@x/INBOX/[One"), vec![]),
            (Whose::Owner("b@x".to_owned()), vec![2, 3]),
            (Whose::Owner("*".to_owned()), vec![]),
        ] {
            let mut results = [failed(Severity::Blocker, &subjects)];
            for finding in &mut results[0].findings {
                finding.owner = finding.subject.split_once('/').map(|(owner, _)| owner.to_owned());
            }
            let remarks = apply(&[accepting(whose.clone())], &mut results, date(2026, 1, 1));
            let waived = results[0].findings.iter().enumerate().filter(|(_, finding)| finding.waived.is_some());
            assert_eq!(waived.map(|(at, _)| at).collect::<Vec<_>>(), accepted, "{whose:?}");
            assert_eq!(remarks.is_empty(), !accepted.is_empty(), "{whose:?}");
        }
    }

    /// As many waivers as findings: compared each with each this would take minutes.
    #[test]
    fn many_waivers_of_many_findings_are_soon_applied() {
        let subjects: Vec<String> = (0..100_000).map(|n| format!("user{n}@example.org/INBOX/Projects")).collect();
        let waivers: Vec<_> = subjects.iter().map(|subject| accepting(Whose::Subject(subject.clone()))).collect();
        let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let mut results = [failed(Severity::Blocker, &subjects)];
        let started = std::time::Instant::now();
        assert_eq!(apply(&waivers, &mut results, date(2026, 1, 1)), []);
        assert!(results[0].findings.iter().all(|finding| finding.waived.is_some()));
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn nothing_is_said_of_a_waiver_whose_check_was_not_run() {
        let waiver = |check: &str, expires| Waiver {
            what: What::Findings(check.to_owned(), Whose::Subject("s".to_owned())),
            line: 1,
            reason: "known".to_owned(),
            expires,
        };
        let mut results = [failed(Severity::Blocker, &["t"])];
        let waivers = [waiver("left_out", date(2026, 12, 31)), waiver("left_out", date(2020, 1, 1))];
        assert_eq!(apply(&waivers, &mut results, date(2026, 1, 1)), []);
        assert_eq!(apply(&[waiver("sample", date(2026, 12, 31))], &mut results, date(2026, 1, 1)).len(), 1);
    }

    #[test]
    fn a_gap_is_accepted_at_its_place_alone() {
        let gap = |place: Option<&str>| Gap {
            table: "unit".to_owned(),
            scope: "mail-1".to_owned(),
            place: place.map(str::to_owned),
            reason: Run::Offline.into(),
            waived: None,
        };
        let mut gaps = [gap(Some("/a")), gap(Some("/a/b")), gap(None), gap(Some("/a"))];
        gaps[3].scope = "mail-2".to_owned();
        let waiver = |table: &str, place: Option<&str>| {
            let (table, server, place) = (table.to_owned(), "mail-1".to_owned(), place.map(str::to_owned));
            Waiver { what: What::Gap { table, server, place }, ..accepting(Whose::Owner(String::new())) }
        };
        for (table, place, accepted) in [
            ("unit", Some("/a"), vec![0]),
            ("unit", Some("/a*"), vec![0, 1]),
            ("unit", Some("*"), vec![0, 1]),
            ("unit", None, vec![2]),
            ("unit", Some("/c"), vec![]),
            ("other", Some("/a"), vec![]),
        ] {
            let of = |waiver: Waiver, today| {
                let mut gaps = gaps.clone();
                let remarks = apply_to_gaps(&[waiver], &mut gaps, today, |table| table == "unit");
                let waived = gaps.iter().enumerate().filter(|(_, gap)| gap.waived.is_some());
                (waived.map(|(at, _)| at).collect::<Vec<_>>(), remarks.len())
            };
            let is_told = table == "unit" && accepted.is_empty();
            assert_eq!(of(waiver(table, place), date(2026, 12, 31)), (accepted, usize::from(is_told)), "{place:?}");
            assert_eq!(of(waiver(table, place), date(2027, 1, 1)), (vec![], usize::from(table == "unit")));
        }
    }
}

//! Who has to do what, and by when it has to be begun.

use std::cmp::Reverse;

use jiff::ToSpan as _;
use jiff::civil::DateTime;

use super::{Line, Share};
use crate::model::CheckResult;
use crate::verdict;

/// A line of each check with open findings, the longest lead time first, then the worst.
pub(super) fn lines(results: &[CheckResult], window: Option<DateTime>) -> Vec<Line> {
    let mut lines: Vec<Line> =
        results.iter().filter(|result| verdict::open(result) > 0).map(|result| line(result, window)).collect();
    lines.sort_by_key(|line| (Reverse(line.lead_days), line.severity, line.check.clone()));
    lines
}

fn line(result: &CheckResult, window: Option<DateTime>) -> Line {
    // A check that saw everything has the severity of its worst finding; one that did not keeps its own.
    let open = result.findings.iter().filter(|finding| verdict::is_open(finding));
    let severity = open.map(|finding| finding.severity).min().unwrap_or(result.severity);
    let begin_by = |window: DateTime| window.date().checked_sub(i64::from(result.lead_days).days()).ok();
    Line {
        check: result.id.clone(),
        severity,
        sentence: result.headline.clone().unwrap_or_else(|| result.title.clone()),
        is_headline: result.headline.is_some(),
        findings: verdict::open(result),
        lead_days: result.lead_days,
        begin_by: window.and_then(begin_by),
        when: result.remedy.when,
        who: result.who,
    }
}

/// The lines by moment and by who has to act, in the order in which somebody has to begin.
pub(super) fn shares(lines: Vec<Line>) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    for line in lines {
        match shares.iter_mut().find(|share| (share.when, share.who) == (line.when, line.who)) {
            Some(share) => share.lines.push(line),
            None => shares.push(Share { when: line.when, who: line.who, lines: vec![line] }),
        }
    }
    // Stable: within a moment the lines' own order says who begins.
    shares.sort_by_key(|share| share.when);
    shares
}

//! A comparison in words: one outline, and what a terminal, a ticket and a page make of it.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::words::Words;
use super::{Changes, CheckChange, CoverageChange, FindingChange, FindingTold, RowChange, Status, Unknown};
use crate::model::text::{markdown, markdown_code, visible};
use crate::model::{Lang, Severity};

/// Entries of a section that a terminal and a page show.
pub const LISTED: usize = 20;
/// Bytes that a ticket takes, with room for the rest of it.
const LONGEST: usize = 50_000;
/// Characters of a value that are shown.
const WIDEST: usize = 300;

/// A comparison in reading order, every text safe to look at.
#[derive(Debug, Clone, Serialize)]
pub struct Outline {
    /// What was compared.
    pub title: String,
    /// The verdicts, and what makes the two hard to compare.
    pub lines: Vec<String>,
    /// What came, went and changed; empty where nothing did.
    pub sections: Vec<Section>,
}

/// Changes of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// What they have in common.
    pub heading: String,
    /// How many there are.
    pub count: usize,
    /// Each of them, as many as are shown.
    pub entries: Vec<Entry>,
    /// Where the others are; none where all are shown.
    pub more: Option<String>,
}

/// One change.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What it is about: a check or a table.
    pub name: String,
    /// The change in a line.
    pub text: String,
    /// What belongs to it, a line each.
    pub details: Vec<String>,
}

impl Outline {
    /// Puts a comparison into words, with at most `limit` entries a section.
    pub fn of(changes: &Changes, lang: Lang, limit: usize) -> Self {
        let words = Words::of(lang);
        let (old, new) = (&changes.old, &changes.new);
        let title = fill(words.title, &[("old", &old.collected_at), ("new", &new.collected_at)]);
        let verdicts = [&old.verdict, &new.verdict].map(|verdict| words.verdict_of(verdict));
        let verdicts = if verdicts[0] == verdicts[1] { verdicts[0].to_owned() } else { verdicts.join(" → ") };
        let mut lines = vec![format!("{}{} {verdicts}", words.verdict, words.colon)];
        if let (Some(one), Some(other)) = (&old.installation, &new.installation)
            && one != other
        {
            lines.push(fill(words.other_installation, &[("old", one), ("new", other)]));
        }
        if old.target != new.target {
            lines.push(fill(words.other_target, &[("old", &old.target), ("new", &new.target)]));
        }
        if changes.is_empty() {
            lines.push(words.nothing.to_owned());
        }
        let lines = lines.iter().map(|line| shown(line)).collect();
        Self { title: shown(&title), lines, sections: sections(changes, words, limit) }
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", self.title);
        self.lines.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
        for section in &self.sections {
            let _ = write!(out, "\n{} ({})\n", section.heading, section.count);
            for entry in &section.entries {
                let _ = writeln!(out, "  • {} [{}]", entry.text, entry.name);
                entry.details.iter().for_each(|detail| out.push_str(&format!("      {detail}\n")));
            }
            section.more.iter().for_each(|more| out.push_str(&format!("  {more}\n")));
        }
        out
    }

    /// For a ticket.
    pub fn markdown(&self) -> String {
        let mut out = format!("## {}\n\n", markdown(&self.title));
        self.lines.iter().for_each(|line| out.push_str(&format!("{}  \n", markdown(line))));
        for section in &self.sections {
            let _ = write!(out, "\n### {} ({})\n\n", markdown(&section.heading), section.count);
            let mut left_out = 0;
            for entry in &section.entries {
                let details: String = entry.details.iter().map(|line| format!("  - {}\n", markdown(line))).collect();
                let told = format!("- {} ({})\n{details}", markdown(&entry.text), markdown_code(&entry.name));
                if out.len() + told.len() > LONGEST { left_out += 1 } else { out.push_str(&told) }
            }
            let more = section.more.as_deref().map(markdown);
            more.iter().for_each(|more| out.push_str(&format!("- {more}\n")));
            if left_out > 0 && more.is_none() {
                let _ = writeln!(out, "- … +{left_out}");
            }
        }
        out
    }
}

fn sections(changes: &Changes, words: &Words, limit: usize) -> Vec<Section> {
    let (findings, unknowns) = (&changes.findings, &changes.unknowns);
    let before = |finding: &FindingTold| told(finding, words.before, words);
    let now = |finding: &FindingTold| told(finding, words.now, words);
    let unknown = |gap: &Unknown| of_unknown(gap, words);
    let all = [
        section(words.came, &findings.came, before, words, limit),
        section(words.changed, &findings.changed, |change| of_change(change, words), words, limit),
        section(words.unseen, &findings.unseen, now, words, limit),
        section(words.went, &findings.went, now, words, limit),
        section(words.unknown_came, &unknowns.came, unknown, words, limit),
        section(words.unknown_changed, &unknowns.changed, unknown, words, limit),
        section(words.unknown_went, &unknowns.went, unknown, words, limit),
        section(words.checks, &changes.checks, |change| of_check(change, words), words, limit),
        section(words.coverage, &changes.coverage, |change| of_coverage(change, words), words, limit),
        section(words.rows, changes.rows.as_deref().unwrap_or_default(), |row| of_rows(row, words), words, limit),
    ];
    all.into_iter().flatten().collect()
}

fn section<T>(
    heading: &str,
    changes: &[T],
    entry: impl Fn(&T) -> Entry,
    words: &Words,
    limit: usize,
) -> Option<Section> {
    let left_out = changes.len().saturating_sub(limit);
    (!changes.is_empty()).then(|| Section {
        heading: heading.to_owned(),
        count: changes.len(),
        entries: changes.iter().take(limit).map(|change| entry(change).cleaned()).collect(),
        more: (left_out > 0).then(|| fill(words.more, &[("n", &left_out.to_string())])),
    })
}

impl Entry {
    fn cleaned(self) -> Self {
        let details = self.details.iter().map(|line| shown(line)).collect();
        Self { name: shown(&self.name), text: shown(&self.text), details }
    }
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocker => "✗",
        Severity::Warning => "!",
        Severity::Info => "i",
    }
}

/// A finding of one side, with how its check ended on the other where that says something.
fn told(finding: &FindingTold, side: &str, words: &Words) -> Entry {
    use crate::model::Outcome::{Fail, Pass};
    let outcome = words.outcome(finding.other_outcome);
    let is_plain = matches!(finding.other_outcome, Some(Pass | Fail));
    let other = (!is_plain).then(|| fill(side, &[("outcome", outcome)]));
    let status = (finding.status != Status::Open).then(|| words.status(finding.status).to_owned());
    let details = [status, other].into_iter().flatten().collect();
    Entry { name: finding.check.clone(), text: format!("{} {}", mark(finding.severity), finding.message), details }
}

fn of_change(change: &FindingChange, words: &Words) -> Entry {
    let mut details = Vec::new();
    if change.severity.differs() {
        let [old, new] = [change.severity.old, change.severity.new].map(|severity| words.severity(severity));
        details.push(format!("{old} → {new}"));
    }
    if change.status.differs() {
        details.push(format!("{} → {}", words.status(change.status.old), words.status(change.status.new)));
    }
    let value = |seen: &super::EvidenceChange| {
        format!("{}{} {} → {}", seen.column, words.colon, of_value(&seen.old), of_value(&seen.new))
    };
    details.extend(change.evidence.iter().map(value));
    Entry { name: change.check.clone(), text: format!("{} {}", mark(change.severity.new), change.message), details }
}

fn of_unknown(gap: &Unknown, words: &Words) -> Entry {
    let place = gap.place.as_deref().map(|place| format!(", {place}")).unwrap_or_default();
    let what = if gap.table == "*" {
        gap.place.clone().unwrap_or_else(|| gap.scope.clone())
    } else {
        format!("{} ({}{place})", gap.table, gap.scope)
    };
    let details = gap.is_waived.then(|| words.status(Status::Waived).to_owned()).into_iter().collect();
    Entry { name: gap.check.clone(), text: format!("? {what}{} {}", words.colon, gap.reason), details }
}

fn of_check(change: &CheckChange, words: &Words) -> Entry {
    let text = format!("{} {} → {}", mark(change.severity), words.outcome(change.old), words.outcome(change.new));
    Entry { name: change.id.clone(), text, details: Vec::new() }
}

fn of_coverage(change: &CoverageChange, words: &Words) -> Entry {
    let [old, new] = [change.old, change.new].map(|state| words.completeness(state));
    let details = change.reason.iter().cloned().collect();
    Entry { name: change.table.clone(), text: format!("{}{} {old} → {new}", change.scope, words.colon), details }
}

fn of_rows(change: &RowChange, words: &Words) -> Entry {
    let text = fill(words.row, &[("came", &change.came.to_string()), ("went", &change.went.to_string())]);
    let details = (!change.is_whole).then(|| words.not_whole.to_owned()).into_iter().collect();
    Entry { name: change.table.clone(), text, details }
}

fn of_value(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Puts values into a phrase. What stands in a value is no place for another.
fn fill(phrase: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = phrase;
    while let Some((head, tail)) = rest.split_once('{') {
        let Some((name, tail)) = tail.split_once('}') else { break };
        out.push_str(head);
        out.push_str(values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value));
        rest = tail;
    }
    out + rest
}

/// Text from elsewhere, on one line, of a length that can be read.
fn shown(text: &str) -> String {
    let text = visible(text, false);
    if text.chars().count() <= WIDEST { text } else { text.chars().take(WIDEST).chain(['…']).collect() }
}

//! A comparison in words: one outline, and what a terminal, a ticket and a page make of it.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::Catalogue;
use crate::diff::{
    Changes, CheckChange, CoverageChange, EvidenceChange, FindingChange, FindingTold, RowChange, Status, Unknown,
};
use crate::model::text::{markdown, markdown_code, visible};
use crate::model::{Completeness, Outcome, Severity};

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
    pub fn of(changes: &Changes, words: &Catalogue, limit: usize) -> Self {
        let (old, new) = (&changes.old, &changes.new);
        let title = fill(words.text("changes.title"), &[("old", &old.collected_at), ("new", &new.collected_at)]);
        let verdicts = [&old.verdict, &new.verdict].map(|verdict| words.code("verdict_word", verdict));
        let verdicts = if verdicts[0] == verdicts[1] { verdicts[0].clone() } else { verdicts.join(" → ") };
        let mut lines = vec![format!("{}{} {verdicts}", words.text("changes.verdict"), words.text("format.colon"))];
        if let (Some(one), Some(other)) = (&old.installation, &new.installation)
            && one != other
        {
            lines.push(fill(words.text("changes.other_installation"), &[("old", one), ("new", other)]));
        }
        if old.target != new.target {
            lines.push(fill(words.text("changes.other_target"), &[("old", &old.target), ("new", &new.target)]));
        }
        if changes.is_empty() {
            lines.push(words.word("changes", "nothing"));
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

fn sections(changes: &Changes, words: &Catalogue, limit: usize) -> Vec<Section> {
    let (findings, unknowns) = (&changes.findings, &changes.unknowns);
    let before = |finding: &FindingTold| told(finding, words.text("changes.before"), words);
    let now = |finding: &FindingTold| told(finding, words.text("changes.now"), words);
    let unknown = |gap: &Unknown| of_unknown(gap, words);
    let all = [
        section(words.text("changes.came"), &findings.came, before, words, limit),
        section(words.text("changes.changed"), &findings.changed, |change| of_change(change, words), words, limit),
        section(words.text("changes.unseen"), &findings.unseen, now, words, limit),
        section(words.text("changes.went"), &findings.went, now, words, limit),
        section(words.text("changes.unknown_came"), &unknowns.came, unknown, words, limit),
        section(words.text("changes.unknown_changed"), &unknowns.changed, unknown, words, limit),
        section(words.text("changes.unknown_went"), &unknowns.went, unknown, words, limit),
        section(words.text("changes.checks"), &changes.checks, |change| of_check(change, words), words, limit),
        section(words.text("changes.coverage"), &changes.coverage, |change| of_coverage(change, words), words, limit),
        section(
            words.text("changes.rows"),
            changes.rows.as_deref().unwrap_or_default(),
            |row| of_rows(row, words),
            words,
            limit,
        ),
    ];
    all.into_iter().flatten().collect()
}

fn section<T>(
    heading: &str,
    changes: &[T],
    entry: impl Fn(&T) -> Entry,
    words: &Catalogue,
    limit: usize,
) -> Option<Section> {
    let left_out = changes.len().saturating_sub(limit);
    (!changes.is_empty()).then(|| Section {
        heading: heading.to_owned(),
        count: changes.len(),
        entries: changes.iter().take(limit).map(|change| entry(change).cleaned()).collect(),
        more: (left_out > 0).then(|| fill(words.text("changes.more"), &[("n", &left_out.to_string())])),
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
fn told(finding: &FindingTold, side: &str, words: &Catalogue) -> Entry {
    use Outcome::{Fail, Pass};
    let ended = outcome(finding.other_outcome, words);
    let is_plain = matches!(finding.other_outcome, Some(Pass | Fail));
    let other = (!is_plain).then(|| fill(side, &[("outcome", &ended)]));
    let standing = (finding.status != Status::Open).then(|| status(finding.status, words));
    let details = [standing, other].into_iter().flatten().collect();
    Entry { name: finding.check.clone(), text: format!("{} {}", mark(finding.severity), finding.message), details }
}

fn of_change(change: &FindingChange, words: &Catalogue) -> Entry {
    let mut details = Vec::new();
    if change.severity.differs() {
        let [old, new] =
            [change.severity.old, change.severity.new].map(|severity| words.plural("severities", severity.as_str(), 1));
        details.push(format!("{old} → {new}"));
    }
    if change.status.differs() {
        details.push(format!("{} → {}", status(change.status.old, words), status(change.status.new, words)));
    }
    let value = |seen: &EvidenceChange| {
        format!("{}{} {} → {}", seen.column, words.text("format.colon"), of_value(&seen.old), of_value(&seen.new))
    };
    details.extend(change.evidence.iter().map(value));
    Entry { name: change.check.clone(), text: format!("{} {}", mark(change.severity.new), change.message), details }
}

fn of_unknown(gap: &Unknown, words: &Catalogue) -> Entry {
    let place = gap.place.as_deref().map(|place| format!(", {place}")).unwrap_or_default();
    let what = if gap.table == "*" {
        gap.place.clone().unwrap_or_else(|| gap.scope.clone())
    } else {
        format!("{} ({}{place})", gap.table, gap.scope)
    };
    let details = gap.is_waived.then(|| status(Status::Waived, words)).into_iter().collect();
    Entry { name: gap.check.clone(), text: format!("? {what}{} {}", words.text("format.colon"), gap.reason), details }
}

fn of_check(change: &CheckChange, words: &Catalogue) -> Entry {
    let text = format!("{} {} → {}", mark(change.severity), outcome(change.old, words), outcome(change.new, words));
    Entry { name: change.id.clone(), text, details: Vec::new() }
}

fn of_coverage(change: &CoverageChange, words: &Catalogue) -> Entry {
    let [old, new] = [change.old, change.new].map(|state| completeness(state, words));
    let details = change.reason.iter().cloned().collect();
    Entry {
        name: change.table.clone(),
        text: format!("{}{} {old} → {new}", change.scope, words.text("format.colon")),
        details,
    }
}

fn of_rows(change: &RowChange, words: &Catalogue) -> Entry {
    let text =
        fill(words.text("changes.row"), &[("came", &change.came.to_string()), ("went", &change.went.to_string())]);
    let details = (!change.is_whole).then(|| words.word("changes", "not_whole")).into_iter().collect();
    Entry { name: change.table.clone(), text, details }
}

/// How a check ended; of one that a report does not have, that it was not run.
fn outcome(outcome: Option<Outcome>, words: &Catalogue) -> String {
    let not_run = || words.word("changes", "not_run");
    outcome.map_or_else(not_run, |outcome| words.plural("outcomes", outcome.as_str(), 1))
}

/// How much of a table is known.
fn completeness(known: Option<Completeness>, words: &Catalogue) -> String {
    let not_asked = || words.word("changes", "not_asked");
    known.map_or_else(not_asked, |known| words.word("completeness", known.as_str()))
}

fn status(status: Status, words: &Catalogue) -> String {
    match status {
        Status::Open => words.word("changes", "open"),
        Status::Waived => words.plural("severities", "waived", 1),
        Status::Explained => words.word("changes", "explained"),
    }
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

//! The short report for a terminal: what fits on a screen, and where the rest is.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar as _;

use super::{Page, clean};
use crate::digest::{Line, Question, Share};
use crate::model::{Severity, Who};
use crate::report::Report;

/// Blockers, causes and steps that are told; the rest is counted.
const LISTED: usize = 6;

/// Columns of a line that need not be told in full.
const WIDTH: usize = 110;

impl Page<'_> {
    /// The verdict, what blocks in people's units, what is open by cause, warnings by who has to act, how long the
    /// window takes, and the counts.
    pub(super) fn brief(&mut self, report: &Report) {
        self.head(report);
        if !report.digest.blockers.is_empty() {
            self.out.push('\n');
        }
        report.digest.blockers.iter().take(LISTED).for_each(|line| self.blocker(line));
        self.more(4, report.digest.blockers.len().saturating_sub(LISTED));
        self.open_questions(report);
        self.warnings(&report.digest.plan, report.judgement.findings.warning);
        self.window_in_brief(&report.digest.forecast);
        self.counts(report);
        self.line(0, self.words.text("label.more_to_see"));
    }

    fn blocker(&mut self, line: &Line) {
        let mark = self.paint(AnsiColor::Red.on_default().bold(), "✗");
        let sentence = self.paint(Style::new().bold(), &clean(&line.sentence));
        let count = match line.is_headline {
            true => String::new(),
            false => format!(" ({})", self.words.count("finding", line.findings)),
        };
        self.line(2, &format!("{mark} {sentence}{count}"));
        let begin = self.words.begin(line);
        let quiet = self.paint(Style::new().dimmed(), &format!("[{}] {begin}", clean(&line.check)));
        self.line(4, &quiet);
    }

    fn open_questions(&mut self, report: &Report) {
        if report.digest.questions.is_empty() {
            return;
        }
        self.out.push('\n');
        let mark = self.paint(AnsiColor::Magenta.on_default().bold(), "?");
        let open = self.words.open(report.digest.open);
        self.line(2, &format!("{mark} {open}"));
        report.digest.questions.iter().take(LISTED).for_each(|question| self.question(question));
        self.more(4, report.digest.questions.len().saturating_sub(LISTED));
    }

    fn question(&mut self, question: &Question) {
        let checks = self.words.count("check", question.checks.len() as u64);
        let scopes = question.scopes.join(", ");
        let line = format!("{scopes}{} {} — {checks}", self.colon(), clean(&question.reason));
        self.line(4, &cut(&clean(&line)));
        if let Some(cure) = question.cure {
            let cure = format!("→ {}", self.words.word("cure", cure.as_str()));
            self.line(6, &cure);
        }
        for step in question.steps.iter().take(LISTED) {
            let place = step.server.as_deref().unwrap_or(self.words.text("label.here"));
            let command = self.paint(AnsiColor::Cyan.on_default(), &clean(&step.command));
            self.line(6, &format!("{}{} {command}", clean(place), self.colon()));
        }
        self.more(6, question.steps.len().saturating_sub(LISTED));
    }

    /// A line for each of those who have to act.
    fn warnings(&mut self, plan: &[Share], findings: u64) {
        if findings == 0 {
            return;
        }
        self.out.push('\n');
        let mark = self.paint(AnsiColor::Yellow.on_default().bold(), "!");
        let counted = format!("{findings} {}", self.words.plural("severities", "warning", findings));
        self.line(2, &format!("{mark} {counted}"));
        let mut told: Vec<Who> = Vec::new();
        for Share { who, .. } in plan {
            if !told.contains(who) {
                told.push(*who);
                self.warnings_of(plan, *who);
            }
        }
    }

    fn warnings_of(&mut self, plan: &[Share], who: Who) {
        let of = plan.iter().filter(|share| share.who == who).flat_map(|share| &share.lines);
        let lines: Vec<&Line> = of.filter(|line| line.severity == Severity::Warning).collect();
        if lines.is_empty() {
            return;
        }
        let findings: u64 = lines.iter().map(|line| line.findings).sum();
        let titles: Vec<String> = lines.iter().map(|line| clean(&line.sentence)).collect();
        let who = self.words.word("who", who.as_str());
        self.line(4, &cut(&format!("{who}{} {findings} — {}", self.colon(), titles.join(" · "))));
    }
}

/// As much of a line as a screen shows.
fn cut(line: &str) -> String {
    let mut width = 0;
    let fits = |c: &char| {
        width += c.width().unwrap_or(0);
        width <= WIDTH
    };
    let kept: String = line.chars().take_while(fits).collect();
    if kept.len() < line.len() { format!("{kept}…") } else { kept }
}

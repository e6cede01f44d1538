//! The report for a terminal: the verdict, then what to do about it.

mod brief;
mod matrix;
mod window;

use std::collections::HashMap;

use anstyle::{AnsiColor, Style};

use super::autodiscover::Mark;
use super::i18n::Catalogue;
use super::outline::{self, Outline};
use super::{Report, changes, utc};
use crate::model::text::visible;
use crate::model::{CheckResult, Finding, Gap, Severity, Waived};
use crate::verdict::Verdict;

/// Findings shown of one check unless everything was asked for.
const LISTED: usize = 20;

/// Writes what fits on a screen: the verdict, what blocks, what is open and what answers it, who has to act.
pub fn brief(report: &Report, colour: bool) -> String {
    let words = Catalogue::shipped(report.run.lang);
    let mut page = Page { out: String::new(), colour, verbose: false, words: &words };
    page.brief(report);
    page.out
}

/// Writes the report for a terminal, with ANSI colours if `colour`. Passed checks, checks that do not apply and
/// findings beyond the first 20 of a check are shown if `verbose`.
pub fn render(report: &Report, colour: bool, verbose: bool) -> String {
    let words = Catalogue::shipped(report.run.lang);
    let outline = Outline::of(&report.checks);
    let mut page = Page { out: String::new(), colour, verbose, words: &words };
    page.head(report);
    for (severity, checks) in &outline.open {
        page.open(*severity, checks, &outline);
    }
    page.unanswered(&outline.unanswered);
    page.window(&report.digest.forecast);
    page.autodiscover(&report.autodiscover);
    page.public_urls(&report.public_urls);
    page.waived(&outline.waived, &outline::waived_gaps(report).collect::<Vec<_>>());
    if verbose {
        page.passed(&outline.passed);
        page.not_applicable(&outline.not_applicable);
    }
    if let Some(changes) = &report.changes {
        let limit = if verbose { usize::MAX } else { LISTED };
        page.out.push_str(&format!("\n{}", changes::Outline::of(changes, &words, limit).text()));
    }
    page.counts(report);
    page.out
}

struct Page<'a> {
    out: String,
    colour: bool,
    verbose: bool,
    words: &'a Catalogue,
}

impl Page<'_> {
    fn head(&mut self, report: &Report) {
        let (judgement, place) = (&report.judgement, &report.run.installation);
        let (icon, style) = of_verdict(judgement.verdict);
        let line = self.paint(style.bold(), &format!("{icon} {}", clean(&self.words.verdict(report))));
        self.line(0, &line);
        self.line(2, &self.words.word("because", judgement.verdict.as_str()));
        let unknown = self.words.text("label.unknown");
        let or_unknown = |text: &Option<String>| clean(text.as_deref().unwrap_or(unknown));
        if report.run.is_demo {
            let demo = self.paint(Style::new().bold(), self.words.text("label.demo"));
            self.line(2, &demo);
        }
        let identity = format!(
            "{} · {} ({}) → {} · {} {} ({})",
            or_unknown(&place.name),
            or_unknown(&place.build),
            clean(&self.words.release(place)),
            clean(&place.target),
            self.words.text("label.collected_at"),
            utc(place.collected_at),
            self.words.ago(judgement.facts_age),
        );
        self.line(2, &identity);
        if let Some(selection) = &judgement.selection {
            let limit = if self.verbose { usize::MAX } else { LISTED };
            let (label, colon) = (self.words.text("label.selection"), self.colon());
            self.line(2, &format!("{label}{colon} {}", clean(&self.words.selection(selection, limit))));
        }
        for notice in report.remarks() {
            let line = self.paint(AnsiColor::Yellow.on_default(), &format!("! {}", clean(notice)));
            self.line(2, &line);
        }
    }

    fn open(&mut self, severity: Severity, checks: &[&CheckResult], outline: &Outline<'_>) {
        let (section, icon, style) = match severity {
            Severity::Blocker => ("section.blockers", "✗", AnsiColor::Red.on_default()),
            Severity::Warning => ("section.warnings", "!", AnsiColor::Yellow.on_default()),
            Severity::Info => ("section.infos", "i", AnsiColor::Cyan.on_default()),
        };
        if checks.is_empty() {
            return;
        }
        self.heading(section);
        for check in checks {
            self.title(icon, style, check);
            self.findings(check, outline);
            for line in self.missing(check) {
                self.line(4, &format!("? {}{} {line}", self.words.text("label.not_seen"), self.colon()));
            }
        }
    }

    fn findings(&mut self, check: &CheckResult, outline: &Outline<'_>) {
        let limit = if self.verbose { usize::MAX } else { LISTED };
        let findings: Vec<&Finding> = outline::open(check).take(limit).collect();
        for (remediation, findings) in outline::by_remediation(check, &findings) {
            for finding in &findings {
                self.finding(finding);
                self.under(outline.under(check, finding));
            }
            self.remedy(4, remediation, &outline::commands(&findings));
        }
        self.more(4, outline::open(check).count().saturating_sub(findings.len()));
        let when = self.words.word("when", outline::when_word(check.remedy.when));
        let risk = self.words.word("risk", outline::risk_word(check.remedy.risk));
        let circumstances = self.paint(Style::new().dimmed(), &format!("{when}. {risk}."));
        self.line(4, &circumstances);
    }

    /// Where the rest of a list is.
    fn more(&mut self, indent: usize, left_out: usize) {
        if left_out > 0 {
            let more = self.words.more(left_out as u64);
            self.line(indent, &format!("{more} ({})", self.words.text("label.see_json")));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let (subject, message) = (clean(&finding.subject), clean(&finding.message));
        let shown = self.paint(Style::new().bold(), &subject);
        // Most messages name their subject: one line says it all then.
        match message.split_once(&subject) {
            Some((before, after)) => self.line(4, &format!("• {before}{shown}{after}")),
            None => {
                self.line(4, &format!("• {shown}"));
                self.line(6, &message);
            }
        }
    }

    /// What a finding explains.
    fn under(&mut self, explained: &[(&CheckResult, &Finding)]) {
        let limit = if self.verbose { usize::MAX } else { LISTED };
        for (check, finding) in explained.iter().take(limit) {
            let id = self.paint(Style::new().dimmed(), &format!("[{}]", clean(&check.id)));
            let subject = outline::unsaid(finding).map(|subject| format!("{}{} ", clean(subject), self.colon()));
            self.line(6, &format!("↳ {}{} {id}", subject.unwrap_or_default(), clean(&finding.message)));
        }
        self.more(6, explained.len().saturating_sub(limit));
    }

    /// A line for each reason: what is not read of a server has one for many tables.
    fn missing(&self, check: &CheckResult) -> Vec<String> {
        let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
        let mut of_reason = HashMap::new();
        for gap in &check.missing {
            let line = *of_reason.entry(gap.reason.as_str()).or_insert_with(|| {
                lines.push((&gap.reason, Vec::new()));
                lines.len() - 1
            });
            lines[line].1.push(clean(&gap.shown()));
        }
        let told = |(reason, mut places): (&str, Vec<String>)| {
            let limit = if self.verbose { usize::MAX } else { LISTED };
            if let Some(more @ 1..) = places.len().checked_sub(limit) {
                places.truncate(limit);
                places.push(self.words.more(more as u64));
            }
            format!("{}: {}", places.join(", "), clean(reason))
        };
        let limit = if self.verbose { usize::MAX } else { LISTED };
        let more = lines.len().saturating_sub(limit) as u64;
        lines.into_iter().take(limit).map(told).chain((more > 0).then(|| self.words.more(more))).collect()
    }

    fn remedy(&mut self, indent: usize, remediation: &str, commands: &[&str]) {
        // A bar before each further line: a name with a line end must not pass for a command or a heading.
        for (i, line) in remediation.lines().enumerate() {
            let mark = if i == 0 { "→" } else { "│" };
            self.line(indent, &format!("{mark} {}", clean(line)));
        }
        for command in commands {
            let line = self.paint(AnsiColor::Cyan.on_default(), &clean(command));
            self.line(indent + 2, &format!("$ {line}"));
        }
    }

    fn unanswered(&mut self, checks: &[&CheckResult]) {
        if checks.is_empty() {
            return;
        }
        self.heading("section.unanswered");
        for check in checks {
            self.title("?", AnsiColor::Magenta.on_default(), check);
            let severity = self.words.word("severity", check.severity.as_str());
            let outcome = self.words.word("outcome", check.outcome.as_str());
            let kind = self.paint(Style::new().dimmed(), &format!("{severity} · {outcome}"));
            self.line(4, &kind);
            for line in check.reason.iter().map(|r| clean(r)).chain(self.missing(check)) {
                self.line(4, &line);
            }
        }
    }

    fn waived(&mut self, checks: &[&CheckResult], gaps: &[(&Gap, &Waived)]) {
        if checks.is_empty() && gaps.is_empty() {
            return;
        }
        self.heading("section.waived");
        let limit = if self.verbose { usize::MAX } else { LISTED };
        for check in checks {
            self.title("~", Style::new().dimmed(), check);
            let mut waived = check.findings.iter().filter_map(|f| Some((f, f.waived.as_ref()?)));
            for (finding, waived) in waived.by_ref().take(limit) {
                self.accepted(&finding.subject, waived);
            }
            self.more(4, waived.count());
        }
        for (gap, waived) in gaps.iter().take(limit) {
            let Gap { table, scope, reason, .. } = gap;
            let what = format!("{} {table} ({scope})", self.words.text("label.not_seen"));
            self.accepted(&format!("{what}{} {}", self.colon(), reason.text(self.words.lang)), waived);
        }
        self.more(4, gaps.len().saturating_sub(limit));
    }

    /// What a waiver accepts.
    fn accepted(&mut self, what: &str, waived: &Waived) {
        let until = self.words.text("label.until");
        let (what, reason) = (clean(what), clean(&waived.reason));
        self.line(4, &format!("• {what} — {reason} ({until} {})", clean(&waived.expires)));
    }

    fn passed(&mut self, checks: &[&CheckResult]) {
        if checks.is_empty() {
            return;
        }
        self.heading("section.passed");
        for check in checks {
            self.title("✓", AnsiColor::Green.on_default(), check);
            for sentence in &check.proof {
                self.line(4, &clean(sentence));
            }
            for examined in &check.examined {
                self.line(4, &format!("{}{} {}", clean(&examined.table), self.colon(), self.rows(examined.rows)));
            }
        }
    }

    fn not_applicable(&mut self, checks: &[&CheckResult]) {
        if checks.is_empty() {
            return;
        }
        self.heading("section.not_applicable");
        for check in checks {
            self.title("–", Style::new().dimmed(), check);
            if let Some(reason) = &check.reason {
                self.line(4, &clean(reason));
            }
        }
    }

    fn counts(&mut self, report: &Report) {
        let listed = |section: &str, counts: &[(&str, u64)]| {
            let one = |(word, n): &(&str, u64)| format!("{n} {}", self.words.plural(section, word, *n));
            counts.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let checks = listed("outcomes", &outline::check_counts(&report.judgement.checks));
        let findings = listed("severities", &outline::finding_counts(&report.judgement.findings));
        let colon = self.colon();
        let line = format!(
            "{}{colon} {}. {}{colon} {}.",
            self.words.text("label.checks"),
            checks,
            self.words.text("label.findings"),
            findings,
        );
        self.out.push('\n');
        self.line(0, &line);
    }
}

impl Page<'_> {
    fn heading(&mut self, key: &str) {
        let heading = self.paint(Style::new().bold().underline(), self.words.text(key));
        self.out.push('\n');
        self.line(0, &heading);
    }

    fn title(&mut self, icon: &str, style: Style, check: &CheckResult) {
        let icon = self.paint(style.bold(), icon);
        let title = self.paint(Style::new().bold(), &clean(&check.title));
        let id = self.paint(Style::new().dimmed(), &format!("[{}]", clean(&check.id)));
        self.line(2, &format!("{icon} {title} {id}"));
    }

    fn rows(&self, n: u64) -> String {
        self.words.count("row", n)
    }

    fn colon(&self) -> &str {
        self.words.text("format.colon")
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.out.push_str(text);
        self.out.push('\n');
    }
}

fn drawing(mark: Mark) -> (&'static str, Style) {
    match mark {
        Mark::Pass => ("✓", AnsiColor::Green.on_default()),
        Mark::Warning => ("!", AnsiColor::Yellow.on_default()),
        Mark::Blocker => ("✗", AnsiColor::Red.on_default()),
        Mark::Unknown => ("?", AnsiColor::Magenta.on_default()),
        Mark::Info => ("i", AnsiColor::Cyan.on_default()),
        Mark::Off => ("–", Style::new().dimmed()),
    }
}

fn of_verdict(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::NotReady => ("✗", AnsiColor::Red.on_default()),
        Verdict::Inconclusive => ("?", AnsiColor::Magenta.on_default()),
        Verdict::NotJudged => ("–", anstyle::Style::new()),
        Verdict::ReadyWithWarnings => ("!", AnsiColor::Yellow.on_default()),
        Verdict::Ready => ("✓", AnsiColor::Green.on_default()),
    }
}

/// Text from elsewhere, on one line and without effect on the terminal.
fn clean(text: &str) -> String {
    visible(text, false)
}

//! The report for a ticket: the verdict, what to do, what is open; never longer than a ticket takes.

use super::forecast::{ServerRow, Window};
use super::i18n::Catalogue;
use super::{Report, utc};
use crate::digest::{Forecast, Line, Question, Share};
use crate::model::Severity;
use crate::model::text::{markdown, markdown_code, visible};

/// Entries of one list; the JSON report has them all.
const LISTED: usize = 25;

/// Characters of one entry.
const LONGEST: usize = 300;

/// Writes the report as Markdown, as GitHub and GitLab read it, below 60 kB.
pub fn render(report: &Report) -> String {
    let words = Catalogue::shipped(report.run.lang);
    let mut page = Page { out: String::new(), words: &words };
    page.head(report);
    page.list("section.blockers", &report.digest.blockers, |page, line| page.item(line));
    page.questions(report);
    page.plan(&report.digest.plan);
    page.window(&report.digest.forecast);
    page.users(report);
    page.out
}

struct Page<'a> {
    out: String,
    words: &'a Catalogue,
}

impl Page<'_> {
    fn head(&mut self, report: &Report) {
        let (place, unknown) = (&report.run.installation, self.words.text("label.unknown"));
        self.line(&format!("# {}", text(&self.words.verdict(report))));
        self.out.push('\n');
        if report.run.is_demo {
            self.line(&format!("**{}**\n", text(self.words.text("label.demo"))));
        }
        self.line(&format!(
            "{} · {} → {} · {} {} ({})",
            code(place.name.as_deref().unwrap_or(unknown)),
            text(&self.words.release(place)),
            text(&place.target),
            self.words.text("label.collected_at"),
            utc(place.collected_at),
            self.words.ago(report.judgement.facts_age),
        ));
        if let Some(selection) = &report.judgement.selection {
            self.line(&format!("\n{}", text(&self.words.selection(selection, LISTED))));
        }
        for notice in report.remarks().take(LISTED) {
            self.line(&format!("\n> {}", text(notice)));
        }
    }

    fn questions(&mut self, report: &Report) {
        let open = self.words.open(report.digest.open);
        self.list("section.unanswered", &report.digest.questions, |page, question: &Question| {
            let checks = page.words.count("check", question.checks.len() as u64);
            let scopes = question.scopes.iter().map(|scope| code(scope)).collect::<Vec<_>>().join(", ");
            page.line(&format!("- {} ({scopes}): {checks}", text(&question.reason)));
            for step in question.steps.iter().take(LISTED) {
                let place = step.server.as_deref().unwrap_or(page.words.text("label.here"));
                page.line(&format!("  - {}: {}", text(place), code(&step.command)));
            }
        });
        if !report.digest.questions.is_empty() {
            self.line(&format!("\n{open}"));
        }
    }

    fn plan(&mut self, plan: &[Share]) {
        if plan.is_empty() {
            return;
        }
        self.heading("section.plan");
        for share in plan {
            let (when, who) = (super::outline::when_word(share.when), share.who.as_str());
            let head = format!("{}, {}", self.words.word("when", when), self.words.word("who", who));
            self.line(&format!("### {head}\n"));
            share.lines.iter().take(LISTED).for_each(|line| self.item(line));
            self.more(share.lines.len());
            self.out.push('\n');
        }
    }

    fn window(&mut self, forecast: &Forecast) {
        let window = Window::of(forecast, self.words);
        for stage in &window.stages {
            let heading = format!("{} ({} → {})", self.words.text("section.window"), stage.from, stage.to);
            self.line(&format!("\n## {}\n\n{}\n", text(&heading), text(&stage.span)));
            stage.servers.iter().take(LISTED).for_each(|server| self.window_of(server));
            self.more(stage.servers.len());
            for unknown in &stage.unknown {
                self.line(&format!("- ? {}", text(unknown)));
            }
        }
        if !window.stages.is_empty() {
            self.line(&format!("\n{}", text(self.words.text("label.window_not_counted"))));
        }
        for (label, command) in [("label.keep_before", &window.before), ("label.keep_after", &window.after)] {
            if let Some(command) = command {
                self.line(&format!("\n{} {}", text(self.words.text(label)), code(command)));
            }
        }
    }

    fn window_of(&mut self, server: &ServerRow) {
        self.line(&format!("- {}: {}", code(&server.server), text(&server.span)));
        for term in &server.terms {
            let line = format!("{}: {} ({})", term.what, term.span, term.confidence);
            self.line(&format!("  - {}", text(&line)));
        }
        for told in server.rooms.iter().chain(&server.read) {
            self.line(&format!("  - {}", text(told)));
        }
    }

    fn users(&mut self, report: &Report) {
        self.list("section.owners", &report.digest.owners, |page, owner| {
            let findings = page.words.count("finding", owner.findings);
            page.line(&format!("- {}: {findings}", code(&owner.address)));
        });
    }

    fn item(&mut self, line: &Line) {
        let mark = match line.severity {
            Severity::Blocker => "**✗**",
            Severity::Warning => "!",
            Severity::Info => "i",
        };
        let by = self.words.begin(line);
        let count = if line.is_headline { String::new() } else { format!(" ({})", line.findings) };
        self.line(&format!("- {mark} {}{count} — {} · {by}", text(&line.sentence), code(&line.check)));
    }

    fn list<T>(&mut self, section: &str, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        if items.is_empty() {
            return;
        }
        self.heading(section);
        items.iter().take(LISTED).for_each(|one| item(self, one));
        self.more(items.len());
    }

    fn more(&mut self, of: usize) {
        if let Some(more @ 1..) = of.checked_sub(LISTED) {
            let line = format!("- {} ({})", self.words.more(more as u64), self.words.text("label.see_json"));
            self.line(&line);
        }
    }

    fn heading(&mut self, key: &str) {
        let heading = format!("\n## {}\n", text(self.words.text(key)));
        self.line(&heading);
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}

fn text(told: &str) -> String {
    markdown(&short(told))
}

fn code(told: &str) -> String {
    markdown_code(&short(told))
}

fn short(told: &str) -> String {
    let told = visible(told, false);
    match told.chars().nth(LONGEST) {
        None => told,
        Some(_) => told.chars().take(LONGEST).chain(['…']).collect(),
    }
}

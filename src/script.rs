//! The findings' commands as shell scripts, one a server, for a person to run: each behind a question, none of them run by
//! this program.

use std::collections::{BTreeMap, BTreeSet};

use shlex::Quoter;

use crate::model::text::visible;
use crate::model::{CheckResult, Finding, Remediation, Risk, Severity, When};
use crate::report::Report;
use crate::verdict;

/// The script of what belongs to no server in particular.
const ELSEWHERE: &str = "installation";
/// Findings that are told above one command.
const TOLD: usize = 20;
/// Characters of a line of comment.
const WIDEST: usize = 500;

/// What asks before each command, and how a script begins. No answer is a no.
const HEAD: &str = "\
set -u

ask() {
    printf '\\n%s\\n' \"$1\" >&2
    printf 'Run it? [y/N] ' >&2
    answer=
    read -r answer || return 1
    [ \"$answer\" = y ] || [ \"$answer\" = Y ]
}
";

/// A command with the findings that it is for.
struct Step<'a> {
    command: &'a str,
    check: &'a CheckResult,
    remedy: &'a Remediation,
    findings: Vec<&'a Finding>,
}

/// A script and the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Name of the file.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// The scripts of a report, by server. Who reads a script sees all that a shell will. What risks much is for nobody to run from a list.
pub fn scripts(report: &Report) -> Vec<Script> {
    let mut by_server: BTreeMap<&str, Vec<Step<'_>>> = BTreeMap::new();
    for check in &report.checks {
        for finding in check.findings.iter().filter(|finding| verdict::is_open(finding)) {
            let Some(remedy) = check.remediations.get(finding.remedy) else { continue };
            if remedy.remedy.risk == Risk::High {
                continue;
            }
            let steps = by_server.entry(finding.server.as_deref().unwrap_or(ELSEWHERE)).or_default();
            for command in &finding.commands {
                match steps.iter_mut().find(|step| step.command == command) {
                    Some(step) => step.findings.push(finding),
                    None => steps.push(Step { command, check, remedy, findings: vec![finding] }),
                }
            }
        }
    }
    let mut taken = BTreeSet::new();
    let script = |(server, mut steps): (&str, Vec<Step<'_>>)| {
        steps.sort_by_key(|step| order(step));
        (!steps.is_empty()).then(|| Script { name: file_name(server, &mut taken), text: text(report, server, &steps) })
    };
    by_server.into_iter().filter_map(script).collect()
}

/// What has to begin first stands first.
fn order(step: &Step<'_>) -> (When, std::cmp::Reverse<u16>, Severity) {
    (step.remedy.remedy.when, std::cmp::Reverse(step.check.lead_days), step.check.severity)
}

/// A name without anything that a shell or a file system would take for more than a letter.
fn file_name(server: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let base: String = server.chars().map(plain).take(100).collect();
    let numbered = |n: usize| if n == 0 { format!("{base}.sh") } else { format!("{base}_{n}.sh") };
    let name = (0..).map(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

fn text(report: &Report, server: &str, steps: &[Step<'_>]) -> String {
    let place = if server == ELSEWHERE { "no server in particular".to_owned() } else { server.to_owned() };
    let mut out = String::from("#!/bin/sh\n");
    comment(&mut out, &format!("Commands for {place}, by bm-preflight {}.", report.tool_version));
    comment(
        &mut out,
        &format!("From the facts of {}.", report.run.installation.collected_at.strftime("%Y-%m-%d %H:%M UTC")),
    );
    comment(
        &mut out,
        "Read each one before you run it: it is asked for, one by one. What risks much is not among them.",
    );
    out.push_str(HEAD);
    for step in steps {
        out.push('\n');
        comment(&mut out, &format!("{}: {}", step.check.id, step.check.title));
        comment(&mut out, &format!("When: {}. Risk: {}.", when(step), risk(step)));
        for finding in step.findings.iter().take(TOLD) {
            comment(&mut out, &format!("- {}", finding.message));
        }
        if step.findings.len() > TOLD {
            comment(&mut out, &format!("- and {} more", step.findings.len() - TOLD));
        }
        if visible(step.command, false) == step.command {
            out.push_str(&format!("if ask {}; then\n{}\nfi\n", quoted(step.command), step.command));
        } else {
            comment(&mut out, "Left out: a name in the command has characters that do not show. The report has it.");
        }
    }
    out
}

fn when(step: &Step<'_>) -> String {
    match (step.remedy.remedy.when, step.check.lead_days) {
        (When::Before, 0) => "before the upgrade".to_owned(),
        (When::Before, 1) => "before the upgrade, a day at least".to_owned(),
        (When::Before, days) => format!("before the upgrade, {days} days at least"),
        (When::During, _) => "during the upgrade".to_owned(),
        (When::After, _) => "after the upgrade".to_owned(),
    }
}

fn risk(step: &Step<'_>) -> &'static str {
    match step.remedy.remedy.risk {
        Risk::None => "none",
        Risk::Low => "low: it changes data or restarts a service, have a backup",
        Risk::High => "high",
    }
}

/// A line that ends where it ends, whatever stands in it.
fn comment(out: &mut String, text: &str) {
    let line = visible(text, false);
    out.push_str("# ");
    out.extend(line.chars().take(WIDEST));
    out.push('\n');
}

/// A command as a text that is shown.
fn quoted(command: &str) -> String {
    Quoter::new().quote(command).map_or_else(|_| "''".to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_plain_and_different() {
        let mut taken = BTreeSet::new();
        let names: Vec<_> = ["mail-1", "../x", "__/x", "a b"].map(|server| file_name(server, &mut taken)).into();
        assert_eq!(names, ["mail-1.sh", "___x.sh", "___x_1.sh", "a_b.sh"]);
    }

    #[test]
    fn a_comment_is_one_line() {
        let mut out = String::new();
        comment(&mut out, "a\nrm -rf /\r\u{2028}$(id)`id`");
        assert_eq!(out, "# a\\u{a}rm -rf /\\u{d}\\u{2028}$(id)`id`\n");
    }
}

//! From the text of check files to checks, with every defect as `file:line:col`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use toml::Spanned;

use super::lint::{Linted, Page};
use super::raw::{RawCase, RawCheck, RawProblem, RawText};
use super::{Case, Check, Headline, Partial, Problem, Proof, Text, Words};
use crate::fact::{Prepared, Reader, Schema};
use crate::model::{Lang, Localized, Remedy, Risk, When};

/// Release that a test case starts from when it names none.
const DEFAULT_FROM: &str = "4.0.14";
/// Release that a test case goes to when it names none.
const DEFAULT_TO: &str = "4.1";

/// The text of one check file.
#[derive(Debug, Clone)]
pub struct CheckFile {
    /// Path to show.
    pub path: String,
    /// Content.
    pub text: String,
    /// A built-in check, whose lint and cases the program's own tests go through: a run reads of it what a run needs.
    pub is_proven: bool,
}

impl CheckFile {
    /// The id that the check has to have: the stem of the file.
    pub fn stem(&self) -> &str {
        Path::new(&self.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// The part to read: cases stand last in a file.
    fn read(&self) -> &str {
        let end = if self.is_proven { self.text.find("\n[[test]]") } else { None };
        self.text.get(..end.unwrap_or(self.text.len())).unwrap_or_default()
    }
}

/// A defect of a check file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)
    }
}

/// Loads and lints every file; all defects of all files are returned together. They may speak of each other, and of checks
/// that there are `beside` them.
pub fn load(files: &[CheckFile], beside: &[CheckFile], reader: &Reader) -> Result<Vec<Check>, Vec<Diagnostic>> {
    let known = files.iter().chain(beside).map(CheckFile::stem).collect();
    let mut checks: Vec<Check> = Vec::new();
    let mut defects = Vec::new();
    for file in files {
        match load_one(file, &known, reader) {
            Ok(check) => {
                if let Some(other) = checks.iter().find(|c| c.id == check.id) {
                    let message = format!("the id {:?} is taken by {}", check.id, other.path);
                    defects.push(Diagnostic { path: file.path.clone(), line: 1, column: 1, message });
                } else {
                    checks.push(check);
                }
            }
            Err(found) => defects.extend(found),
        }
    }
    if defects.is_empty() {
        checks.sort_by(|a, b| (a.severity, &a.id).cmp(&(b.severity, &b.id)));
        Ok(checks)
    } else {
        defects.sort();
        Err(defects)
    }
}

fn load_one(file: &CheckFile, known: &BTreeSet<&str>, reader: &Reader) -> Result<Check, Vec<Diagnostic>> {
    let mut page = Page::of(file, known);
    let raw: RawCheck = match toml::from_str(file.read()) {
        Ok(raw) => raw,
        Err(error) => {
            page.at(error.span().map_or(0, |span| span.start), error.message());
            return Err(page.defects());
        }
    };
    let linted = page.check(&raw, reader);
    match (linted, page.defects()) {
        (Some(linted), defects) if defects.is_empty() => Ok(build(raw, linted, reader.schema(), file.path.clone())),
        (_, defects) => Err(defects),
    }
}

fn build(raw: RawCheck, linted: Linted, schema: &Schema, path: String) -> Check {
    let Linted { prepared, proof, explained_by, messages } = linted;
    let problems = problems(&raw);
    let proof = proof.map(|proof| self::proof(&raw, proof));
    let headline = headline(&raw);
    let inconclusive = |(code, words): (Spanned<String>, super::raw::RawInconclusive)| {
        (code.into_inner(), Localized { en: words.en.into_inner(), fr: words.fr.into_inner() })
    };
    let partial = |raw: super::raw::RawPartial| Partial { tables: raw.tables, why: raw.why };
    Check {
        id: raw.id.into_inner(),
        category: raw.category.into_inner(),
        severity: raw.severity,
        from: raw.upgrade.from.map(|r| r.0),
        to: raw.upgrade.to.map(|r| r.0),
        roles: raw.roles,
        packages: raw.packages,
        only_with_category: raw.only_with_category,
        who: raw.who,
        lead_days: raw.lead_days,
        tags: raw.tags,
        reference: raw.reference.map(Spanned::into_inner),
        partial: raw.partial.map(Spanned::into_inner).map(partial),
        by: raw.by.map(Spanned::into_inner),
        query: raw.query.into_inner(),
        tables: prepared.tables.iter().filter_map(|name| schema.table(name)).collect(),
        columns: prepared.columns,
        explained_by,
        proof,
        headline,
        shown: raw.shown.into_iter().map(Spanned::into_inner).collect(),
        text: Localized { en: text(raw.en), fr: text(raw.fr) },
        problems,
        inconclusive: raw.inconclusive.into_iter().map(inconclusive).collect(),
        cases: raw.tests.into_iter().map(|test| case(test.into_inner())).collect(),
        path,
        messages,
    }
}

fn text(raw: RawText) -> Text {
    Text {
        title: raw.title.into_inner(),
        why: raw.why.into_inner().trim().to_owned(),
        details: raw.details.map(|details| details.into_inner().trim().to_owned()).unwrap_or_default(),
    }
}

fn proof(raw: &RawCheck, prepared: Prepared) -> Proof {
    let words = |lang| plain(raw.text(lang).proof.as_ref());
    Proof {
        query: plain(raw.proof.as_ref()),
        columns: prepared.columns,
        words: Localized { en: words(Lang::En), fr: words(Lang::Fr) },
    }
}

fn headline(raw: &RawCheck) -> Option<Headline> {
    let words = |lang| plain(raw.text(lang).headline.as_ref());
    let words = Localized { en: words(Lang::En), fr: words(Lang::Fr) };
    raw.sums.as_ref().map(|sums| Headline { sums: sums.get_ref().clone(), words })
}

fn plain(text: Option<&Spanned<String>>) -> String {
    text.map(|text| text.get_ref().clone()).unwrap_or_default()
}

/// Each problem with what it takes over from the check as a whole.
fn problems(raw: &RawCheck) -> Vec<Problem> {
    if raw.by.is_none() {
        return vec![problem(raw, "", None)];
    }
    raw.problem.iter().map(|(code, own)| problem(raw, code.get_ref(), Some(own))).collect()
}

fn problem(raw: &RawCheck, code: &str, own: Option<&RawProblem>) -> Problem {
    let words = |lang| {
        let (own, all) = (own.map(|own| own.words(lang)), raw.text(lang));
        let chosen = |own: Option<&Spanned<String>>, all: Option<&Spanned<String>>| {
            own.or(all).map(|text| text.get_ref().clone()).unwrap_or_default()
        };
        Words {
            message: chosen(own.and_then(|own| own.message.as_ref()), all.message.as_ref()),
            remediation: chosen(own.and_then(|own| own.remediation.as_ref()), all.remediation.as_ref()),
        }
    };
    let commands = own.and_then(|own| own.commands.as_ref()).or(raw.remedy.commands.as_ref());
    Problem {
        code: code.to_owned(),
        words: Localized { en: words(Lang::En), fr: words(Lang::Fr) },
        commands: commands.into_iter().flatten().map(|command| command.get_ref().clone()).collect(),
        remedy: Remedy {
            when: own.and_then(|own| own.when).or(raw.remedy.when).unwrap_or(When::Before),
            risk: own.and_then(|own| own.risk).or(raw.remedy.risk).unwrap_or(Risk::High),
        },
    }
}

fn case(raw: RawCase) -> Case {
    Case {
        name: raw.name.into_inner(),
        from: Some(raw.from.unwrap_or_else(|| DEFAULT_FROM.to_owned())).filter(|release| !release.is_empty()),
        to: raw.to.unwrap_or_else(|| DEFAULT_TO.to_owned()),
        roles: raw.roles,
        packages: raw.packages,
        given: raw.given,
        expect: raw.expect,
        unknown: raw.unknown.into_iter().map(Into::into).collect(),
        proof: raw.proof,
        headline: raw.headline,
    }
}

//! From the text of check files to checks, with every defect as `file:line:col`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use toml::Spanned;

use super::lint::{Linted, Page};
use super::raw::{RawCase, RawCheck, RawProblem, RawText};
use super::{Case, Check, Headline, Partial, Problem, Proof, Text, Words};
use crate::fact::{Reader, Reads, Schema, Table};
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
    pub text: Cow<'static, str>,
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
/// that there are `beside` them. The reader is that of the lint, and has what [`named`] tells.
pub fn load(
    files: &[CheckFile],
    beside: &[CheckFile],
    schema: &Schema,
    reader: &Reader,
) -> Result<Vec<Check>, Vec<Diagnostic>> {
    let mut loading = Loading {
        known: files.iter().chain(beside).map(CheckFile::stem).collect(),
        reads: schema.reads(),
        schema,
        reader,
    };
    let mut checks: Vec<Check> = Vec::new();
    let mut defects = Vec::new();
    for file in files {
        match loading.one(file) {
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

/// The part of a schema that is named in files which the lint goes through.
pub fn named(files: &[CheckFile], schema: &Schema) -> Schema {
    let texts = files.iter().filter(|file| !file.is_proven).map(|file| &*file.text);
    schema.named(texts)
}

/// What files are loaded with.
struct Loading<'l> {
    /// Ids of the checks that there are.
    known: BTreeSet<&'l str>,
    schema: &'l Schema,
    reads: Reads<'l>,
    reader: &'l Reader,
}

impl Loading<'_> {
    fn one(&mut self, file: &CheckFile) -> Result<Check, Vec<Diagnostic>> {
        let mut page = Page::of(file, &self.known);
        let raw: RawCheck = match toml::from_str(file.read()) {
            Ok(raw) => raw,
            Err(error) => {
                page.at(error.span().map_or(0, |span| span.start), error.message());
                return Err(page.defects());
            }
        };
        if file.is_proven {
            let tables = self.reads.tables(raw.query.get_ref());
            return Ok(build(raw, tables, Vec::new(), file.path.clone()));
        }
        let linted = page.check(&raw, self.schema, self.reader);
        match (linted, page.defects()) {
            (Some(Linted { tables, explained_by }), defects) if defects.is_empty() => {
                let tables = tables.iter().filter_map(|name| self.schema.table(name)).collect();
                Ok(build(raw, tables, explained_by, file.path.clone()))
            }
            (_, defects) => Err(defects),
        }
    }
}

fn build(raw: RawCheck, tables: Vec<&'static Table>, explained_by: Vec<String>, path: String) -> Check {
    let problems = problems(&raw);
    let proof = proof(&raw);
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
        tables,
        explained_by,
        proof,
        headline,
        shown: raw.shown.into_iter().map(Spanned::into_inner).collect(),
        text: Localized { en: text(raw.en), fr: text(raw.fr) },
        problems,
        inconclusive: raw.inconclusive.into_iter().map(inconclusive).collect(),
        cases: raw.tests.into_iter().map(|test| case(test.into_inner())).collect(),
        path,
        messages: OnceLock::new(),
    }
}

fn text(raw: RawText) -> Text {
    Text {
        title: raw.title.into_inner(),
        why: raw.why.into_inner().trim().to_owned(),
        details: raw.details.map(|details| details.into_inner().trim().to_owned()).unwrap_or_default(),
    }
}

fn proof(raw: &RawCheck) -> Option<Proof> {
    let words = |lang| plain(raw.text(lang).proof.as_ref());
    let words = Localized { en: words(Lang::En), fr: words(Lang::Fr) };
    raw.proof.as_ref().map(|query| Proof { query: query.get_ref().clone(), words })
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

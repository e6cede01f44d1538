//! From the text of check files to checks, with every defect as `file:line:col`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use semver::VersionReq;
use serde::Deserialize;
use serde::de::Error as _;
use tera::Context;
use toml::Spanned;

use super::evaluate::INCONCLUSIVE;
use super::message::{Messages, Part};
use super::{Case, Check, Text, lint};
use crate::fact::fixture::Given;
use crate::fact::{Reader, Schema};
use crate::model::{Lang, Localized, Remedy, Risk, Severity, When};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    id: Spanned<String>,
    category: Spanned<String>,
    severity: Severity,
    #[serde(default)]
    upgrade: RawUpgrade,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    only_with_category: bool,
    #[serde(default)]
    tags: Vec<String>,
    reference: Option<Spanned<String>>,
    partial: Option<Spanned<String>>,
    query: Spanned<String>,
    en: RawText,
    fr: RawText,
    remedy: RawRemedy,
    #[serde(default, rename = "test")]
    tests: Vec<Spanned<RawCase>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUpgrade {
    from: Option<Requirement>,
    to: Option<Requirement>,
}

/// A range of releases such as `>=4.0, <4.1`.
struct Requirement(VersionReq);

impl<'de> Deserialize<'de> for Requirement {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        VersionReq::parse(&text)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("not a range of releases: {error}")))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawText {
    title: Spanned<String>,
    why: Spanned<String>,
    message: Spanned<String>,
    remediation: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRemedy {
    #[serde(default)]
    commands: Vec<Spanned<String>>,
    risk: Risk,
    when: When,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: Spanned<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    given: Given,
    expect: Vec<BTreeMap<String, toml::Value>>,
    #[serde(default)]
    unknown: Vec<String>,
}

/// Loads and lints every file; all defects of all files are returned together.
pub fn load(files: &[CheckFile], schema: &Schema, reader: &Reader) -> Result<Vec<Check>, Vec<Diagnostic>> {
    let mut checks: Vec<Check> = Vec::new();
    let mut defects = Vec::new();
    for file in files {
        match load_one(file, schema, reader) {
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

fn load_one(file: &CheckFile, schema: &Schema, reader: &Reader) -> Result<Check, Vec<Diagnostic>> {
    let mut page = Page { file, defects: Vec::new() };
    let raw: RawCheck = match toml::from_str(file.read()) {
        Ok(raw) => raw,
        Err(error) => {
            page.at(error.span().map_or(0, |span| span.start), error.message());
            return Err(page.defects);
        }
    };
    page.identity(&raw);
    page.texts(&raw);
    let prepared = match lint::query(raw.query.get_ref(), reader, schema, file.is_proven) {
        Ok(prepared) => prepared,
        Err((message, offset)) => {
            page.inside(&raw.query, offset, format!("query: {message}"));
            return Err(page.defects);
        }
    };
    let messages = page.templates(&raw, &prepared.columns);
    if !file.is_proven {
        page.cases(&raw, schema, &prepared.columns);
    }
    if !page.defects.is_empty() {
        return Err(page.defects);
    }
    Ok(build(raw, prepared, messages, file.path.clone()))
}

fn build(raw: RawCheck, prepared: crate::fact::Prepared, messages: Messages, path: String) -> Check {
    let text = |raw: RawText| Text {
        title: raw.title.into_inner(),
        why: raw.why.into_inner().trim().to_owned(),
        message: raw.message.into_inner(),
        remediation: raw.remediation.into_inner(),
    };
    let case = |raw: RawCase| Case {
        name: raw.name.into_inner(),
        from: Some(raw.from.unwrap_or_else(|| DEFAULT_FROM.to_owned())).filter(|release| !release.is_empty()),
        to: raw.to.unwrap_or_else(|| DEFAULT_TO.to_owned()),
        given: raw.given,
        expect: raw.expect,
        unknown: raw.unknown,
    };
    Check {
        id: raw.id.into_inner(),
        category: raw.category.into_inner(),
        severity: raw.severity,
        from: raw.upgrade.from.map(|r| r.0),
        to: raw.upgrade.to.map(|r| r.0),
        roles: raw.roles,
        packages: raw.packages,
        only_with_category: raw.only_with_category,
        tags: raw.tags,
        reference: raw.reference.map(Spanned::into_inner),
        partial: raw.partial.map(Spanned::into_inner),
        query: raw.query.into_inner(),
        tables: prepared.tables.into_iter().collect(),
        columns: prepared.columns,
        text: Localized { en: text(raw.en), fr: text(raw.fr) },
        commands: raw.remedy.commands.into_iter().map(Spanned::into_inner).collect(),
        remedy: Remedy { when: raw.remedy.when, risk: raw.remedy.risk },
        cases: raw.tests.into_iter().map(|t| case(t.into_inner())).collect(),
        path,
        messages,
    }
}

/// A check file under the lint, with what was found in it.
struct Page<'f> {
    file: &'f CheckFile,
    defects: Vec<Diagnostic>,
}

impl Page<'_> {
    fn at(&mut self, offset: usize, message: impl Into<String>) {
        let (line, column) = position(&self.file.text, offset);
        self.defects.push(Diagnostic { path: self.file.path.clone(), line, column, message: message.into() });
    }

    /// Reports a place inside a string; its beginning when the string has escapes.
    fn inside(&mut self, string: &Spanned<String>, offset: Option<usize>, message: impl Into<String>) {
        let start = string.span().start;
        let place = offset.and_then(|offset| offset_in_file(&self.file.text, string.span(), string.get_ref(), offset));
        self.at(place.unwrap_or(start), message);
    }

    fn identity(&mut self, raw: &RawCheck) {
        let id = raw.id.get_ref();
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            self.at(raw.id.span().start, format!("the id {id:?} is not snake_case"));
        }
        let path = Path::new(&self.file.path);
        if path.file_stem().is_some_and(|stem| stem != id.as_str()) {
            self.at(raw.id.span().start, format!("the id {id:?} differs from the file's name"));
        }
        if raw.category.get_ref().is_empty() {
            self.at(raw.category.span().start, "the category is empty");
        }
        if let Some(reference) = &raw.reference
            && !reference.get_ref().starts_with("https://")
        {
            self.at(reference.span().start, "a reference is a https:// address");
        }
        if let Some(partial) = raw.partial.as_ref().filter(|p| p.get_ref().trim().is_empty()) {
            self.at(partial.span().start, "partial must say why more rows can only add findings");
        }
    }

    fn texts(&mut self, raw: &RawCheck) {
        for text in [&raw.en, &raw.fr] {
            for string in [&text.title, &text.why, &text.message, &text.remediation] {
                if string.get_ref().trim().is_empty() {
                    self.at(string.span().start, "the text is empty");
                }
            }
        }
    }

    fn templates(&mut self, raw: &RawCheck, columns: &[String]) -> Messages {
        let mut messages = Messages::default();
        let both = [(Lang::En, &raw.en), (Lang::Fr, &raw.fr)];
        let texts = both.into_iter().flat_map(|(lang, text)| {
            [(Part::Message, lang, &text.message), (Part::Remediation, lang, &text.remediation)]
        });
        let commands = raw.remedy.commands.iter().enumerate().map(|(n, c)| (Part::Command(n), Lang::En, c));
        for (part, lang, string) in texts.chain(commands) {
            match messages.add(part, lang, string.get_ref(), columns) {
                Ok(()) if self.file.is_proven => {}
                Ok(()) => self.probe(&messages, part, lang, string, columns),
                Err((message, offset)) => self.inside(string, offset, format!("template: {message}")),
            }
        }
        messages
    }

    /// Renders a template over a row of texts and over a row of numbers; what kind a column has, only its author knows.
    fn probe(&mut self, messages: &Messages, part: Part, lang: Lang, string: &Spanned<String>, columns: &[String]) {
        let row = |value: serde_json::Value| {
            let mut context = Context::new();
            for column in columns {
                let probe = if column == "subject" { "subject".into() } else { value.clone() };
                context.insert(column.clone(), &probe);
            }
            context
        };
        let attempts = ["text".into(), 1.into()].map(|value| messages.render(part, lang, &mut row(value)));
        if let [Err(message), Err(_)] = attempts {
            self.inside(string, None, format!("template: {message}"));
        }
    }

    fn cases(&mut self, raw: &RawCheck, schema: &Schema, columns: &[String]) {
        let query = raw.query.span().start;
        if !raw.tests.iter().any(|t| !t.get_ref().expect.is_empty()) {
            self.at(query, "no [[test]] shows the check firing");
        }
        if columns.iter().any(|column| column == INCONCLUSIVE)
            && raw.tests.iter().all(|t| t.get_ref().unknown.is_empty())
        {
            self.at(query, "no [[test]] shows an inconclusive row");
        }
        if !raw.tests.iter().any(|t| t.get_ref().expect.is_empty()) {
            self.at(query, "no [[test]] shows the check silent");
        }
        for test in &raw.tests {
            let start = test.get_ref().name.span().start;
            for (table, rows) in &test.get_ref().given {
                let Some(known) = schema.table(table) else {
                    self.at(start, format!("given.{table}: no such facts table"));
                    continue;
                };
                let unknown = rows.iter().flat_map(BTreeMap::keys).find(|column| known.column(column).is_none());
                if let Some(column) = unknown {
                    self.at(start, format!("given.{table}: no such column {column:?}"));
                }
            }
            for row in &test.get_ref().expect {
                if let Some(column) = row.keys().find(|column| !columns.contains(column)) {
                    self.at(start, format!("expect: the query returns no column {column:?}"));
                }
                if !row.contains_key("subject") {
                    self.at(start, "expect: a row without subject");
                }
            }
        }
    }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Where an offset in a TOML string stands in the file. `None` when the string has escapes.
fn offset_in_file(text: &str, span: Range<usize>, decoded: &str, offset: usize) -> Option<usize> {
    let raw = text.get(span.clone())?;
    ["'''", "\"\"\"", "'", "\""].into_iter().find_map(|quote| {
        let inner = raw.strip_prefix(quote)?.strip_suffix(quote)?;
        let newline = match quote.len() {
            3 if inner.starts_with("\r\n") => 2,
            3 if inner.starts_with('\n') => 1,
            _ => 0,
        };
        (inner.get(newline..)? == decoded).then_some(span.start + quote.len() + newline + offset)
    })
}

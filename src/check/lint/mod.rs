//! What a check file must not do, found before any fact is there, each defect with its place.

mod cases;
mod codes;
mod headline;
mod lineage;
mod proof;
mod query;
mod shape;
mod words;

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;

use super::load::{CheckFile, Diagnostic};
use super::raw::RawCheck;
use crate::fact::{Prepared, Reader, Schema};

/// What the lint found out about a file on the way.
pub(super) struct Linted {
    /// Names of the tables that the query reads.
    pub(super) tables: BTreeSet<String>,
    /// Ids of the checks whose findings explain its own.
    pub(super) explained_by: Vec<String>,
}

/// A check file under the lint, with what was found in it.
pub(super) struct Page<'f> {
    file: &'f CheckFile,
    /// Ids of the checks that there are.
    known: &'f BTreeSet<&'f str>,
    defects: Vec<Diagnostic>,
}

impl<'f> Page<'f> {
    /// A file that nothing is known of.
    pub(super) fn of(file: &'f CheckFile, known: &'f BTreeSet<&'f str>) -> Self {
        Self { file, known, defects: Vec::new() }
    }

    /// Everything that was found.
    pub(super) fn defects(self) -> Vec<Diagnostic> {
        self.defects
    }

    /// Looks at a whole file. `None` where the query cannot be prepared.
    pub(super) fn check(&mut self, raw: &RawCheck, schema: &Schema, reader: &Reader) -> Option<Linted> {
        self.shape(raw);
        let prepared = self.prepared("query", &raw.query, schema, reader)?;
        let proof = raw.proof.as_ref().and_then(|proof| self.prepared("proof", proof, schema, reader));
        let sums = self.sums(raw, &prepared.columns);
        self.templates(raw, &prepared.columns, proof.as_ref(), sums.as_ref());
        self.partial(raw, &prepared);
        self.proof(raw, proof.as_ref(), &prepared);
        self.headline(raw, &prepared.columns);
        let explained_by = self.codes(raw, &prepared, schema);
        self.cases(raw, schema, &prepared.columns);
        Some(Linted { tables: prepared.tables, explained_by })
    }

    /// Prepares the query under a key.
    fn prepared(&mut self, key: &str, query: &Spanned<String>, schema: &Schema, reader: &Reader) -> Option<Prepared> {
        match query::query(query.get_ref(), schema, reader) {
            Ok(prepared) => Some(prepared),
            Err((message, offset)) => {
                self.inside(query, offset, format!("{key}: {message}"));
                None
            }
        }
    }

    /// Reports a place in the file.
    pub(super) fn at(&mut self, offset: usize, message: impl Into<String>) {
        let (line, column) = position(&self.file.text, offset);
        self.defects.push(Diagnostic { path: self.file.path.clone(), line, column, message: message.into() });
    }

    /// Reports a place inside a string; its beginning when the string has escapes.
    fn inside(&mut self, string: &Spanned<String>, offset: Option<usize>, message: impl Into<String>) {
        let start = string.span().start;
        let place = offset.and_then(|offset| offset_in_file(&self.file.text, string.span(), string.get_ref(), offset));
        self.at(place.unwrap_or(start), message);
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

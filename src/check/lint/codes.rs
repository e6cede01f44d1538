//! Codes and words held together: what the query gives has words, and what has words is given.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Page, lineage, shape};
use crate::check::evaluate::{EXPLAINED_BY, EXPLAINED_SUBJECT, INCONCLUSIVE};
use crate::check::raw::RawCheck;
use crate::fact::{Prepared, Schema};

impl Page<'_> {
    /// Holds the literals of the query's code columns against the tables of words. Returns the checks that may explain
    /// its findings.
    pub(super) fn codes(&mut self, raw: &RawCheck, prepared: &Prepared, schema: &Schema) -> Vec<String> {
        let columns = match lineage::columns(raw.query.get_ref(), schema) {
            Ok(columns) => columns,
            Err(reason) => {
                self.at(raw.query.span().start, format!("query: {reason}"));
                return Vec::new();
            }
        };
        let given = |name: &str| columns.iter().find(|(column, _)| column == name).map(|(_, values)| values);
        match &raw.by {
            Some(by) if !prepared.columns.contains(by.get_ref()) => {
                self.at(by.span().start, format!("by: the query returns no column {:?}", by.get_ref()));
            }
            Some(by) => self.held(raw, by.get_ref(), "problem", given(by.get_ref()), raw.problem.keys()),
            None => {
                for code in raw.problem.keys() {
                    self.at(code.span().start, "[problem.…] without the key `by`");
                }
            }
        }
        self.held(raw, INCONCLUSIVE, INCONCLUSIVE, given(INCONCLUSIVE), raw.inconclusive.keys());
        self.explained(raw, given(EXPLAINED_BY), given(EXPLAINED_SUBJECT).is_some())
    }

    /// Every id in the column that tells what explains a finding is that of another check, and a case shows it.
    fn explained(&mut self, raw: &RawCheck, given: Option<&lineage::Values>, has_subject: bool) -> Vec<String> {
        let Some(given) = given else {
            if has_subject {
                self.inside(&raw.query, None, format!("the column {EXPLAINED_SUBJECT:?} without {EXPLAINED_BY:?}"));
            }
            return Vec::new();
        };
        if let Some(why) = &given.open {
            let message =
                format!("the column {EXPLAINED_BY:?} must be made of literals, which are ids of checks: {why}");
            self.inside(&raw.query, None, message);
        }
        for id in &given.texts {
            let place = raw.query.get_ref().find(&format!("'{id}'"));
            let is_stated = |row: &BTreeMap<String, toml::Value>| {
                row.get(EXPLAINED_BY).and_then(toml::Value::as_str) == Some(id.as_str())
            };
            if id == raw.id.get_ref() {
                self.inside(&raw.query, place, format!("{EXPLAINED_BY}: a check does not explain itself"));
            } else if !self.known.contains(id.as_str()) {
                self.inside(&raw.query, place, format!("{EXPLAINED_BY}: there is no check {id:?}"));
            } else if !raw.tests.iter().any(|test| test.get_ref().expect.iter().any(is_stated)) {
                self.inside(&raw.query, place, format!("no [[test]] states {EXPLAINED_BY:?} = {id:?}"));
            }
        }
        given.texts.iter().cloned().collect()
    }

    /// One column and the table of its words.
    fn held<'r>(
        &mut self,
        raw: &RawCheck,
        column: &str,
        table: &str,
        given: Option<&lineage::Values>,
        worded: impl Iterator<Item = &'r Spanned<String>>,
    ) {
        let none = lineage::Values::default();
        let given = given.unwrap_or(&none);
        let query = raw.query.get_ref();
        if let Some(why) = &given.open {
            let message =
                format!("the column {column:?} must be made of literals, for each has words of its own: {why}");
            self.inside(&raw.query, None, message);
        }
        let mut known = Vec::new();
        for code in worded {
            let (start, code) = (code.span().start, code.get_ref());
            if !given.texts.contains(code) {
                self.at(start, format!("the query never gives {code:?} in the column {column:?}"));
            }
            known.push(code);
        }
        for code in given.texts.iter().filter(|code| !known.contains(code)) {
            let place = query.find(&format!("'{code}'"));
            let message = match shape::is_snake_case(code) {
                true => format!("no [{table}.{code}] has words for this code"),
                false => format!("the column {column:?} holds codes in snake_case, not {code:?}"),
            };
            self.inside(&raw.query, place, message);
        }
    }
}

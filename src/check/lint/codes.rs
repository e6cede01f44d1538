//! Codes and words held together: what the query gives has words, and what has words is given.

use toml::Spanned;

use super::{Page, lineage, shape};
use crate::check::evaluate::INCONCLUSIVE;
use crate::check::raw::RawCheck;
use crate::fact::{Prepared, Schema};

impl Page<'_> {
    /// Holds the literals of the query's code columns against the tables of words.
    pub(super) fn codes(&mut self, raw: &RawCheck, prepared: &Prepared, schema: &Schema) {
        let columns = match lineage::columns(raw.query.get_ref(), schema) {
            Ok(columns) => columns,
            Err(reason) => return self.at(raw.query.span().start, format!("query: {reason}")),
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

//! The cases of a check: tables and columns exist, every code is shown, and words are stated.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Page;
use crate::check::raw::{RawCase, RawCheck, RawUndecided};
use crate::check::{case, evaluate};
use crate::fact::Schema;

impl Page<'_> {
    /// Looks at what the cases show, and at each of them.
    pub(super) fn cases(&mut self, raw: &RawCheck, schema: &Schema, columns: &[String]) {
        self.shown(raw, columns);
        for test in &raw.tests {
            let start = test.get_ref().name.span().start;
            self.given(test.get_ref(), start, schema);
            for row in &test.get_ref().expect {
                let is_known = |column: &str| columns.iter().any(|c| c == column) || case::WORDS.contains(&column);
                if let Some(column) = row.keys().find(|column| !is_known(column)) {
                    self.at(start, format!("expect: the query returns no column {column:?}"));
                }
                if !row.contains_key("subject") {
                    self.at(start, "expect: a row without subject");
                }
            }
        }
    }

    fn given(&mut self, test: &RawCase, start: usize, schema: &Schema) {
        for (table, rows) in &test.given {
            let Some(known) = schema.table(table) else {
                self.at(start, format!("given.{table}: no such facts table"));
                continue;
            };
            let unknown = rows.iter().flat_map(BTreeMap::keys).find(|column| known.column(column).is_none());
            if let Some(column) = unknown {
                self.at(start, format!("given.{table}: no such column {column:?}"));
            }
        }
    }

    fn shown(&mut self, raw: &RawCheck, columns: &[String]) {
        let query = raw.query.span().start;
        let rows = || raw.tests.iter().flat_map(|test| &test.get_ref().expect);
        let undecided = || raw.tests.iter().flat_map(|test| &test.get_ref().unknown);
        if rows().next().is_none() && undecided().next().is_none() {
            self.at(query, "no [[test]] shows the check firing");
        }
        if !raw.tests.iter().any(|test| test.get_ref().expect.is_empty()) {
            self.at(query, "no [[test]] shows the check silent");
        }
        if rows().next().is_some() && !rows().any(|row| row.contains_key("message")) {
            self.at(query, "no [[test]] states the message of a finding");
        }
        if columns.iter().any(|column| column == evaluate::INCONCLUSIVE) && undecided().next().is_none() {
            self.at(query, "no [[test]] shows an inconclusive row");
        }
        if let Some(by) = &raw.by {
            let gives =
                |code: &str| rows().any(|row| row.get(by.get_ref()).and_then(toml::Value::as_str) == Some(code));
            self.each_shown(raw.problem.keys(), &format!("{:?}", by.get_ref()), gives);
        }
        let gives = |code: &str| {
            undecided()
                .any(|row| matches!(row, RawUndecided::Because(row) if row.inconclusive.as_deref() == Some(code)))
        };
        self.each_shown(raw.inconclusive.keys(), "\"inconclusive\"", gives);
    }

    fn each_shown<'r>(
        &mut self,
        codes: impl Iterator<Item = &'r Spanned<String>>,
        column: &str,
        gives: impl Fn(&str) -> bool,
    ) {
        for code in codes.filter(|code| !gives(code.get_ref())) {
            self.at(code.span().start, format!("no [[test]] states {column} = {:?}", code.get_ref()));
        }
    }
}

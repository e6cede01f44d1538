//! The headline of a check, and what its table shows: sums over its own columns, words in both languages, and a case.

use super::Page;
use super::query::locate;
use crate::check::headline;
use crate::check::raw::RawCheck;
use crate::fact::{Prepared, Schema};
use crate::model::Lang;

impl Page<'_> {
    /// Prepares the sums. `None` without them, and where they are wrong.
    pub(super) fn sums(&mut self, raw: &RawCheck, columns: &[String]) -> Option<Prepared> {
        let sums = raw.sums.as_ref()?;
        match headline::prepare(sums.get_ref(), columns) {
            Ok(prepared) => Some(prepared),
            Err(error) => {
                let (message, offset) = locate(sums.get_ref(), &Schema::new([]), error);
                self.inside(sums, offset, format!("sums: {message}"));
                None
            }
        }
    }

    /// Holds the headline against its words and its cases, and what is shown against the query.
    pub(super) fn headline(&mut self, raw: &RawCheck, columns: &[String]) {
        for column in raw.shown.iter().filter(|column| !columns.contains(column.get_ref())) {
            self.at(column.span().start, format!("shown: the query returns no column {:?}", column.get_ref()));
        }
        for lang in Lang::ALL {
            match (&raw.sums, &raw.text(lang).headline) {
                (Some(sums), None) => self.at(sums.span().start, format!("no {}.headline", lang.as_str())),
                (None, Some(words)) => {
                    self.at(words.span().start, format!("{}.headline without the key `sums`", lang.as_str()));
                }
                _ => {}
            }
        }
        let mut stated = raw.tests.iter().map(|test| test.get_ref()).filter(|test| test.headline.is_some());
        match (&raw.sums, stated.next()) {
            (Some(sums), None) => self.at(sums.span().start, "no [[test]] states the headline"),
            (None, Some(test)) => self.at(test.name.span().start, "headline: the check has none"),
            _ => {}
        }
    }
}

//! The proof of a pass: it has words and a case, and rests on nothing that the query does not read.

use super::Page;
use crate::check::raw::RawCheck;
use crate::fact::Prepared;
use crate::model::Lang;

impl Page<'_> {
    /// Holds the proof against its words, its cases, and the tables of the query.
    pub(super) fn proof(&mut self, raw: &RawCheck, proof: Option<&Prepared>, query: &Prepared) {
        self.stated(raw);
        let Some(sql) = &raw.proof else { return self.words_alone(raw) };
        for lang in Lang::ALL.into_iter().filter(|lang| raw.text(*lang).proof.is_none()) {
            self.at(sql.span().start, format!("no {}.proof", lang.as_str()));
        }
        for table in proof.iter().flat_map(|proof| proof.tables.difference(&query.tables)) {
            let message = format!("proof: the query does not read {table}: nobody asks then whether it is complete");
            self.inside(sql, sql.get_ref().find(table.as_str()), message);
        }
    }

    fn words_alone(&mut self, raw: &RawCheck) {
        for lang in Lang::ALL {
            if let Some(words) = &raw.text(lang).proof {
                self.at(words.span().start, format!("{}.proof without the key `proof`", lang.as_str()));
            }
        }
    }

    /// A case that states a proof passes, and one at least does.
    fn stated(&mut self, raw: &RawCheck) {
        let mut is_stated = false;
        for test in raw.tests.iter().map(|test| test.get_ref()) {
            let Some(sentences) = &test.proof else { continue };
            is_stated |= !sentences.is_empty();
            let start = test.name.span().start;
            if raw.proof.is_none() {
                self.at(start, "proof: the check has none");
            } else if !test.expect.is_empty() || !test.unknown.is_empty() {
                self.at(start, "proof: only a pass has one, without findings and with nothing unknown");
            }
        }
        if let Some(proof) = raw.proof.as_ref().filter(|_| !is_stated) {
            self.at(proof.span().start, "no [[test]] states the proof of a pass");
        }
    }
}

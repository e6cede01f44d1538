//! The form of a check file: names, order of keys, lengths, nothing empty.

use std::path::Path;

use toml::Spanned;

use super::Page;
use crate::check::raw::RawCheck;
use crate::fact::Prepared;
use crate::model::Lang;

/// The longest line, in characters: a longer one holds several things.
const LONGEST_LINE: usize = 400;

/// The longest `why`, in words: what happens to whom. The rest stands in `details`.
const LONGEST_WHY: usize = 60;

/// The keys of a file, of a language and of a case, each in its order.
const KEYS: &[&str] = &[
    "id",
    "category",
    "severity",
    "upgrade",
    "roles",
    "packages",
    "only_with_category",
    "who",
    "lead_days",
    "tags",
    "reference",
    "partial",
    "by",
    "query",
    "proof",
    "sums",
    "shown",
    "en",
    "fr",
    "remedy",
    "problem",
    "inconclusive",
    "test",
];
const TEXT_KEYS: &[&str] = &["title", "headline", "why", "details", "message", "remediation", "proof"];
const PROBLEM_KEYS: &[&str] = &["en", "fr", "commands", "risk", "when"];
const CASE_KEYS: &[&str] =
    &["name", "from", "to", "roles", "packages", "given", "expect", "unknown", "proof", "headline"];

impl Page<'_> {
    /// Looks at everything but the query and what depends on it.
    pub(super) fn shape(&mut self, raw: &RawCheck) {
        self.identity(raw);
        self.order();
        self.lines();
        self.texts(raw);
    }

    fn identity(&mut self, raw: &RawCheck) {
        let id = raw.id.get_ref();
        if !is_snake_case(id) {
            self.at(raw.id.span().start, format!("the id {id:?} is not snake_case"));
        }
        let path = Path::new(&self.file.path);
        if path.file_stem().is_some_and(|stem| stem != id.as_str()) {
            self.at(raw.id.span().start, format!("the id {id:?} differs from the file's name"));
        }
        let category = raw.category.get_ref();
        if category.is_empty() {
            self.at(raw.category.span().start, "the category is empty");
        }
        // Other folders than `checks/<category>/` are the author's own affair.
        let mut above = path.ancestors().skip(1).map(|folder| folder.file_name().unwrap_or_default());
        if let (Some(folder), true) = (above.next(), above.next().is_some_and(|name| name == "checks"))
            && folder != category.as_str()
        {
            self.at(raw.category.span().start, format!("the category {category:?} differs from the file's folder"));
        }
        if let Some(reference) = &raw.reference
            && !reference.get_ref().starts_with("https://")
        {
            self.at(reference.span().start, "a reference is a https:// address");
        }
    }

    fn order(&mut self) {
        let Ok(file) = self.file.text.parse::<toml::Table>() else { return };
        self.sorted("", &file, KEYS);
        for language in Lang::ALL.map(Lang::as_str) {
            self.tables(language, file.get(language), TEXT_KEYS);
        }
        self.tables("test", file.get("test"), CASE_KEYS);
        for (code, problem) in file.get("problem").and_then(toml::Value::as_table).into_iter().flatten() {
            self.tables(&format!("problem.{code}"), Some(problem), PROBLEM_KEYS);
        }
    }

    fn tables(&mut self, name: &str, value: Option<&toml::Value>, order: &[&str]) {
        match value {
            Some(toml::Value::Table(table)) => self.sorted(name, table, order),
            Some(toml::Value::Array(list)) => {
                list.iter().filter_map(toml::Value::as_table).for_each(|table| self.sorted(name, table, order));
            }
            _ => {}
        }
    }

    fn sorted(&mut self, table: &str, found: &toml::Table, order: &[&str]) {
        let place = |key: &str| order.iter().position(|known| *known == key);
        let keys: Vec<&String> = found.keys().collect();
        if let Some(pair) = keys.windows(2).find(|pair| place(pair[0]) > place(pair[1])) {
            let table = if table.is_empty() { String::new() } else { format!("[{table}]: ") };
            self.at(0, format!("{table}{:?} stands before {:?}: the order is {}", pair[0], pair[1], order.join(", ")));
        }
    }

    fn lines(&mut self) {
        let text = self.file.text.clone();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let length = line.trim_end().chars().count();
            if length > LONGEST_LINE {
                self.at(offset, format!("a line of {length} characters: at most {LONGEST_LINE}"));
            }
            offset += line.len();
        }
    }

    fn texts(&mut self, raw: &RawCheck) {
        let mut strings: Vec<&Spanned<String>> = Vec::new();
        for text in Lang::ALL.map(|lang| raw.text(lang)) {
            strings.extend([&text.title, &text.why]);
            strings.extend([&text.details, &text.message, &text.remediation, &text.proof].into_iter().flatten());
            let words =
                text.why.get_ref().split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
            if words > LONGEST_WHY {
                let message =
                    format!("why has {words} words, at most {LONGEST_WHY}: where it comes from stands in details");
                self.at(text.why.span().start, message);
            }
        }
        for problem in raw.problem.values() {
            for words in Lang::ALL.map(|lang| problem.words(lang)) {
                strings.extend([&words.message, &words.remediation].into_iter().flatten());
            }
        }
        strings.extend(raw.inconclusive.values().flat_map(|words| [&words.en, &words.fr]));
        for string in strings.into_iter().filter(|string| string.get_ref().trim().is_empty()) {
            self.at(string.span().start, "the text is empty");
        }
    }

    /// What `partial` names must be read, and the reason must be given.
    pub(super) fn partial(&mut self, raw: &RawCheck, prepared: &Prepared) {
        let Some(partial) = &raw.partial else { return };
        let (start, partial) = (partial.span().start, partial.get_ref());
        if partial.why.trim().is_empty() {
            self.at(start, "partial must say why more rows can only add findings");
        }
        if partial.tables.is_empty() {
            self.at(start, "partial names no table");
        }
        for table in partial.tables.iter().filter(|table| !prepared.tables.contains(*table)) {
            self.at(start, format!("partial: the query does not read {table:?}"));
        }
    }
}

/// Whether a name is made of lower-case letters, digits and underscores.
pub(super) fn is_snake_case(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

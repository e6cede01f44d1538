//! The words of the reports in one language, read from `report-templates/i18n.toml`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Installation, Report, outline};
use crate::digest::{Line, Open};
use crate::model::Lang;
use crate::verdict::Selection;

const SOURCE: &str = include_str!("../../report-templates/i18n.toml");

/// Section → key → phrase. A phrase lacking one of the languages is refused when the file is read.
type Sections = BTreeMap<String, BTreeMap<String, Phrase>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrase {
    en: String,
    fr: String,
}

/// Phrases by `section.key`.
#[derive(Debug, Clone)]
pub struct Catalogue {
    pub(super) lang: Lang,
    phrases: BTreeMap<String, String>,
}

impl Catalogue {
    /// The phrases that the program ships.
    pub fn shipped(lang: Lang) -> Self {
        static READ: [OnceLock<Catalogue>; 2] = [const { OnceLock::new() }; 2];
        let read = || {
            let mut catalogue = Self { lang, phrases: BTreeMap::new() };
            // A test reads the shipped file; were it broken, keys would show instead of phrases.
            let _ = catalogue.overlay(SOURCE);
            catalogue
        };
        READ[lang as usize].get_or_init(read).clone()
    }

    /// Replaces the phrases that `source`, a file like the shipped one, has.
    pub(super) fn overlay(&mut self, source: &str) -> Result<(), toml::de::Error> {
        for (section, phrases) in toml::from_str::<Sections>(source)? {
            for (key, phrase) in phrases {
                let text = match self.lang {
                    Lang::En => phrase.en,
                    Lang::Fr => phrase.fr,
                };
                self.phrases.insert(format!("{section}.{key}"), text);
            }
        }
        Ok(())
    }

    /// The phrase of `key`, if there is one.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.phrases.get(key).map(String::as_str)
    }

    /// The phrase of `key`, or the key itself.
    pub(super) fn text<'a>(&'a self, key: &'a str) -> &'a str {
        self.get(key).unwrap_or(key)
    }

    /// The phrase of `section.word`, for words that come from an `as_str`.
    pub fn word(&self, section: &str, word: &str) -> String {
        self.text(&format!("{section}.{word}")).to_owned()
    }

    /// The phrase of `section.code`, or the code itself when no phrase is known for it.
    pub(super) fn code(&self, section: &str, code: &str) -> String {
        self.get(&format!("{section}.{code}")).unwrap_or(code).to_owned()
    }

    /// `section.<word>_one` or `section.<word>_many`, whichever goes with `n`.
    pub(super) fn plural(&self, section: &str, word: &str, n: u64) -> String {
        let singular = match self.lang {
            Lang::En => n == 1,
            Lang::Fr => n < 2,
        };
        self.word(section, &format!("{word}_{}", if singular { "one" } else { "many" }))
    }

    /// A number with its noun.
    pub(super) fn count(&self, noun: &str, n: u64) -> String {
        format!("{n} {}", self.plural("noun", noun, n))
    }

    /// What a column of evidence is called; its own name where nobody named it.
    pub(super) fn column(&self, name: &str) -> String {
        self.get(&format!("column.{name}")).map_or_else(|| name.to_owned(), str::to_owned)
    }

    /// By when something has to be begun.
    pub(super) fn begin(&self, line: &Line) -> String {
        match (line.begin_by, line.lead_days) {
            (Some(day), _) => self.text("label.begin_by").replace("{day}", &day.to_string()),
            (None, 0) => self.word("when", outline::when_word(line.when)),
            (None, days) => self.text("label.lead").replace("{days}", &self.count("day", u64::from(days))),
        }
    }

    /// How many checks are open.
    pub(super) fn open(&self, open: Open) -> String {
        let phrase = if open.blocking > 0 { "label.open_blocking" } else { "label.open" };
        let checks = self.count("check", open.checks);
        self.text(phrase).replace("{checks}", &checks).replace("{blocking}", &open.blocking.to_string())
    }

    /// The line that ends a list which was cut.
    pub(super) fn more(&self, n: u64) -> String {
        self.text("label.more").replace("{n}", &n.to_string())
    }

    /// The verdict in one sentence.
    pub(super) fn verdict(&self, report: &Report) -> String {
        let blockers = self.count("blocker", report.judgement.findings.blocker);
        let sentence = self.word("verdict", report.judgement.verdict.as_str()).replace("{blockers}", &blockers);
        let sentence =
            report.judgement.selection.iter().fold(sentence, |sentence, selection| counted(&sentence, selection));
        sentence.replace("{target}", &report.run.installation.target)
    }

    /// The installed release, or what is known of it.
    pub(super) fn release(&self, place: &Installation) -> String {
        let at_least = || Some(self.text("label.at_least").replace("{release}", place.at_least.as_ref()?));
        place.release.clone().or_else(at_least).unwrap_or_else(|| self.text("label.unknown").to_owned())
    }

    /// How many checks a selection has, and which blocking ones it lacks, up to a limit.
    pub(super) fn selection(&self, selection: &Selection, limit: usize) -> String {
        let selected = counted(self.text("label.selected"), selection);
        let blockers = &selection.left_out_blockers;
        if blockers.is_empty() {
            return selected;
        }
        let mut named: Vec<_> = blockers.iter().take(limit).cloned().collect();
        named.extend((blockers.len() > limit).then(|| self.more((blockers.len() - limit) as u64)));
        let (left_out, colon) = (self.text("label.left_out"), self.text("format.colon"));
        format!("{selected}. {left_out}{colon} {}", named.join(", "))
    }

    /// How long ago something was, at the precision a reader cares for.
    pub(super) fn ago(&self, age: std::time::Duration) -> String {
        let minutes = age.as_secs() / 60;
        let age = match minutes {
            0..60 => self.count("minute", minutes),
            60..2_880 => self.count("hour", minutes / 60),
            _ => self.count("day", minutes / 1_440),
        };
        self.text("label.ago").replace("{age}", &age)
    }

    /// A duration in milliseconds, at the precision a reader cares for.
    pub(super) fn duration(&self, ms: u64) -> String {
        match ms {
            0..1_000 => format!("{ms} ms"),
            1_000..60_000 => {
                format!("{}{}{} s", ms / 1_000, self.text("format.decimal_mark"), ms % 1_000 / 100)
            }
            _ => format!("{} min {:02} s", ms / 60_000, ms / 1_000 % 60),
        }
    }
}

fn counted(phrase: &str, selection: &Selection) -> String {
    phrase.replace("{run}", &selection.run.to_string()).replace("{of}", &selection.of.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::outline;
    use super::*;
    use crate::digest::Cure;
    use crate::model::{Completeness, Outcome, Risk, Severity, When, Who};

    #[test]
    fn every_phrase_is_said_in_both_languages() {
        let sections: Sections = toml::from_str(SOURCE).expect("the shipped phrases are read");
        assert!(sections.len() > 5);
        for (section, phrases) in &sections {
            for (key, phrase) in phrases {
                assert!(!phrase.en.trim().is_empty(), "{section}.{key} in English");
                assert!(!phrase.fr.trim().is_empty(), "{section}.{key} in French");
                assert_eq!(placeholders(&phrase.en), placeholders(&phrase.fr), "{section}.{key}");
            }
        }
        assert!(toml::from_str::<Sections>("[a]\nb = { en = \"x\" }").is_err(), "a language must not be left out");
    }

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<_> = text.split('{').skip(1).filter_map(|t| t.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_word_of_the_model_has_a_phrase() {
        let words = Catalogue::shipped(Lang::En);
        let has =
            |section: &str, word: &str| assert!(words.get(&format!("{section}.{word}")).is_some(), "{section}.{word}");
        for verdict in ["not_ready", "inconclusive", "not_judged", "ready_with_warnings", "ready"] {
            has("verdict", verdict);
            has("because", verdict);
        }
        for outcome in Outcome::ALL.map(Outcome::as_str) {
            has("outcome", outcome);
            has("outcomes", &format!("{outcome}_one"));
            has("outcomes", &format!("{outcome}_many"));
        }
        for severity in Severity::ALL.map(Severity::as_str) {
            has("severity", severity);
            has("section", &format!("{severity}s"));
            has("severities", &format!("{severity}_one"));
            has("severities", &format!("{severity}_many"));
        }
        for when in [When::Before, When::During, When::After] {
            has("when", outline::when_word(when));
        }
        for risk in [Risk::None, Risk::Low, Risk::High].map(outline::risk_word) {
            has("risk", risk);
            has("risk_word", risk);
        }
        for who in [Who::Users, Who::Dns, Who::Certificates, Who::Administrator, Who::Support] {
            has("who", who.as_str());
        }
        for cure in Cure::ALL {
            has("cure", cure.as_str());
        }
        use Completeness::{Absent, Complete, NotAttempted, Partial};
        for completeness in [Complete, Partial, Absent, NotAttempted] {
            has("completeness", completeness.as_str());
        }
    }

    #[test]
    fn every_phrase_asked_for_is_there_and_every_label_is_asked_for() {
        let words = Catalogue::shipped(Lang::En);
        let mut sources = String::new();
        for (folder, extensions) in [("src/report", &["rs"][..]), ("report-templates", &["html", "txt"])] {
            for file in walkdir::WalkDir::new(format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"))) {
                let path = file.expect("a file").into_path();
                if path.extension().is_some_and(|e| extensions.iter().any(|known| e == *known)) {
                    let text = std::fs::read_to_string(path).expect("a source or a shipped template");
                    sources += text.split("#[cfg(test)]").next().unwrap_or_default();
                }
            }
        }
        let quoted: Vec<&str> = sources.split('"').collect();
        for key in quoted.iter().filter(|q| q.starts_with("label.") || q.starts_with("format.")) {
            assert!(words.get(key).is_some(), "there is no phrase {key}");
        }
        let labels = words.phrases.keys().filter(|k| k.starts_with("label."));
        let unsaid: Vec<_> = labels.filter(|label| !quoted.contains(&label.as_str())).collect();
        assert!(unsaid.is_empty(), "nothing says {unsaid:?}");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        let (en, fr) = (Catalogue::shipped(Lang::En), Catalogue::shipped(Lang::Fr));
        assert_eq!([0, 1, 2].map(|n| en.count("row", n)), ["0 rows", "1 row", "2 rows"]);
        assert_eq!([0, 1, 2].map(|n| fr.count("row", n)), ["0 ligne", "1 ligne", "2 lignes"]);
    }

    #[test]
    fn ages_read_well() {
        let (en, fr) = (Catalogue::shipped(Lang::En), Catalogue::shipped(Lang::Fr));
        let minutes = |n: u64| std::time::Duration::from_secs(n * 60);
        let ages = [0, 1, 59, 60, 2_879, 2_880, 12_960].map(minutes);
        let said = ["0 minutes", "1 minute", "59 minutes", "1 hour", "47 hours", "2 days", "9 days"];
        assert_eq!(ages.map(|age| en.ago(age)), said.map(|said| format!("{said} ago")));
        assert_eq!(fr.ago(minutes(12_960)), "il y a 9 jours");
    }

    #[test]
    fn durations_read_well() {
        let (en, fr) = (Catalogue::shipped(Lang::En), Catalogue::shipped(Lang::Fr));
        assert_eq!([999, 1_234, 59_999, 61_000].map(|ms| en.duration(ms)), ["999 ms", "1.2 s", "59.9 s", "1 min 01 s"]);
        assert_eq!(fr.duration(1_234), "1,2 s");
    }
}

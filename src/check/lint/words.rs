//! The templates of a check: each problem has its words, and each of them can be rendered.

use tera::Context;
use toml::Spanned;

use super::Page;
use crate::check::message::{Messages, Part};
use crate::check::raw::RawCheck;
use crate::fact::Prepared;
use crate::model::Lang;

/// A template of the file: what it is for, the code and language it belongs to, and its text.
type Template<'r> = (Part, &'r str, Lang, &'r Spanned<String>);

impl Page<'_> {
    /// Compiles every template.
    pub(super) fn templates<'p>(
        &mut self,
        raw: &RawCheck,
        columns: &[String],
        proof: Option<&'p Prepared>,
        sums: Option<&'p Prepared>,
    ) {
        let mut messages = Messages::default();
        for template in self.words(raw) {
            self.template(raw, template, columns, &mut messages);
        }
        let columns = |of: Option<&'p Prepared>| of.map_or(&[][..], |of| of.columns.as_slice());
        for lang in Lang::ALL {
            let text = raw.text(lang);
            for (part, string, of) in [(Part::Proof, &text.proof, proof), (Part::Headline, &text.headline, sums)] {
                if let Some(string) = string {
                    self.template(raw, (part, "", lang, string), columns(of), &mut messages);
                }
            }
        }
    }

    fn template(&mut self, raw: &RawCheck, template: Template<'_>, columns: &[String], messages: &mut Messages) {
        let (part, code, lang, string) = template;
        let text = string.get_ref();
        let compiled = messages.add(part, code, lang, text);
        match compiled.and_then(|()| messages.hold(part, code, lang, text, columns)) {
            Ok(()) => {
                self.probe(messages, template, columns);
                self.codes_in(raw, string);
            }
            Err((message, offset)) => self.inside(string, offset, format!("template: {message}")),
        }
    }

    /// The templates of every code. What a problem does not say is said by the check as a whole.
    fn words<'r>(&mut self, raw: &'r RawCheck) -> Vec<Template<'r>> {
        let mut found = Vec::new();
        let problems: Vec<_> = match &raw.by {
            Some(_) => {
                raw.problem.iter().map(|(code, problem)| (code.get_ref().as_str(), Some((code, problem)))).collect()
            }
            None => vec![("", None)],
        };
        for (code, own) in problems {
            let place = own.map_or_else(|| raw.en.title.span().start, |(code, _)| code.span().start);
            for lang in Lang::ALL {
                let (own, all) = (own.map(|(_, problem)| problem.words(lang)), raw.text(lang));
                let message = own.and_then(|own| own.message.as_ref()).or(all.message.as_ref());
                let remediation = own.and_then(|own| own.remediation.as_ref()).or(all.remediation.as_ref());
                for (part, name, string) in
                    [(Part::Message, "message", message), (Part::Remediation, "remediation", remediation)]
                {
                    match string {
                        Some(string) => found.push((part, code, lang, string)),
                        None => self.at(place, format!("no {}.{name}", lang.as_str())),
                    }
                }
            }
            let own = own.map(|(_, problem)| problem);
            if own.and_then(|own| own.risk).or(raw.remedy.risk).is_none() {
                self.at(place, "no risk");
            }
            if own.and_then(|own| own.when).or(raw.remedy.when).is_none() {
                self.at(place, "no when");
            }
            let commands = own.and_then(|own| own.commands.as_ref()).or(raw.remedy.commands.as_ref());
            let numbered = commands.into_iter().flatten().enumerate();
            found.extend(numbered.map(|(number, command)| (Part::Command(number), code, Lang::En, command)));
        }
        for (code, words) in &raw.inconclusive {
            found.extend(Lang::ALL.map(|lang| (Part::Inconclusive, code.get_ref().as_str(), lang, words.words(lang))));
        }
        found
    }

    /// Renders a template over a row of texts and over a row of numbers; what kind a column has, only its author knows.
    fn probe(&mut self, messages: &Messages, (part, code, lang, string): Template<'_>, columns: &[String]) {
        let row = |value: serde_json::Value| {
            let mut context = Context::new();
            for column in columns {
                let probe = if column == "subject" { "subject".into() } else { value.clone() };
                context.insert(column.clone(), &probe);
            }
            context
        };
        let attempts = ["text".into(), 1.into()].map(|value| messages.render(part, code, lang, &mut row(value)));
        if let [Err(message), Err(_)] = attempts {
            self.inside(string, None, format!("template: {message}"));
        }
    }

    /// Refuses a template that chooses its words by a code: codes have words of their own, which are looked at one by one.
    fn codes_in(&mut self, raw: &RawCheck, string: &Spanned<String>) {
        let text = string.get_ref();
        let by = raw.by.as_ref().map_or("problem", |by| by.get_ref());
        if let Some(at) = text.find(&format!("if {by} =")).or_else(|| text.find(&format!("if {by} !"))) {
            self.inside(string, Some(at), format!("words that depend on {by:?} stand in [problem.<code>]"));
        }
    }
}

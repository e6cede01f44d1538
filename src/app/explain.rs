//! `checks explain`: all that a check file says, with where it comes from.

use std::fmt::Write as _;

use crate::check::{Check, Problem};
use crate::model::Lang;

/// The page about a check.
pub(super) fn explain(check: &Check, lang: Lang) -> String {
    let text = check.text.get(lang);
    let mut out = format!("{}\n{}\n\n", check.id, text.title);
    let word = |en: &'static str, fr: &'static str| match lang {
        Lang::En => en,
        Lang::Fr => fr,
    };
    let tables: Vec<&str> = check.tables.iter().map(|table| table.name).collect();
    let partial = check.partial.as_ref();
    for (label, value) in [
        (word("severity", "gravité"), check.severity.as_str().to_owned()),
        (word("category", "catégorie"), check.category.clone()),
        (word("from", "depuis"), check.from.as_ref().map(ToString::to_string).unwrap_or_default()),
        (word("to", "vers"), check.to.as_ref().map(ToString::to_string).unwrap_or_default()),
        (word("roles", "rôles"), check.roles.join(", ")),
        (word("packages", "paquets"), check.packages.join(", ")),
        (word("who acts", "qui agit"), check.who.as_str().to_owned()),
        (word("days ahead", "jours avant"), check.lead_days.to_string()),
        (word("tags", "étiquettes"), check.tags.join(", ")),
        (word("reference", "référence"), check.reference.clone().unwrap_or_default()),
        (word("reads", "lit"), tables.join(", ")),
        (word("may lack", "peut manquer"), partial.map(|partial| partial.tables.join(", ")).unwrap_or_default()),
        (word("because", "car"), partial.map(|partial| partial.why.clone()).unwrap_or_default()),
        (word("file", "fichier"), check.path.clone()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(out, "{label:14} {value}");
        }
    }
    block(&mut out, word("Why", "Pourquoi"), &text.why);
    block(&mut out, word("Details", "Détails"), &text.details);
    for problem in &check.problems {
        words(&mut out, problem, lang, word);
    }
    for (code, reason) in &check.inconclusive {
        block(&mut out, &format!("{} {code}", word("Undecided:", "Indécis :")), reason.get(lang));
    }
    block(&mut out, word("Query", "Requête"), &check.query);
    let cases: Vec<String> = check.cases.iter().map(|case| format!("{} ({})", case.name, case.expect.len())).collect();
    block(&mut out, word("Cases (findings expected)", "Cas (constats attendus)"), &cases.join("\n"));
    out
}

/// What is said of one problem and done about it.
fn words(out: &mut String, problem: &Problem, lang: Lang, word: impl Fn(&'static str, &'static str) -> &'static str) {
    let words = problem.words.get(lang);
    let of = |title: &str| match problem.code.as_str() {
        "" => title.to_owned(),
        code => format!("{title} ({code})"),
    };
    block(out, &of("Message"), &words.message);
    block(out, &of(word("Remediation", "Remède")), &words.remediation);
    block(out, &of(word("Commands", "Commandes")), &problem.commands.join("\n"));
}

fn block(out: &mut String, title: &str, body: &str) {
    if body.is_empty() {
        return;
    }
    let _ = write!(out, "\n{title}\n");
    for line in body.trim_matches('\n').lines() {
        let _ = writeln!(out, "    {line}");
    }
}

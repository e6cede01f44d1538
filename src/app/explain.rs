//! `checks explain`: all that a check file says, with where it comes from.

use std::fmt::Write as _;

use crate::check::{Check, Problem, Proof};
use crate::model::Lang;
use crate::report::Catalogue;

/// The page about a check.
pub(super) fn explain(check: &Check, lang: Lang) -> String {
    let catalogue = Catalogue::shipped(lang);
    let label = |key: &str| catalogue.word("explain", key);
    let text = check.text.get(lang);
    let mut out = format!("{}\n{}\n\n", check.id, text.title);
    for (key, value) in facts(check).into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "{:14} {value}", label(key));
    }
    block(&mut out, &label("why"), &text.why);
    block(&mut out, &label("details"), &text.details);
    for problem in &check.problems {
        words(&mut out, problem, lang, label);
    }
    for (code, reason) in &check.inconclusive {
        block(&mut out, &format!("{} ({code})", label("undecided")), reason.get(lang));
    }
    let proof = |part: fn(&Proof, Lang) -> &str| check.proof.as_ref().map_or("", |proof| part(proof, lang));
    block(&mut out, &label("proof"), proof(|proof, lang| proof.words.get(lang)));
    block(&mut out, &label("query"), &check.query);
    block(&mut out, &label("proof_query"), proof(|proof, _| &proof.query));
    let cases: Vec<String> = check.cases.iter().map(|case| format!("{} ({})", case.name, case.expect.len())).collect();
    block(&mut out, &label("cases"), &cases.join("\n"));
    out
}

/// What is said in a word or a line.
fn facts(check: &Check) -> [(&'static str, String); 15] {
    let range = |range: &Option<semver::VersionReq>| range.as_ref().map(ToString::to_string).unwrap_or_default();
    let partial = check.partial.as_ref();
    [
        ("severity", check.severity.as_str().to_owned()),
        ("category", check.category.clone()),
        ("from", range(&check.from)),
        ("to", range(&check.to)),
        ("roles", check.roles.join(", ")),
        ("packages", check.packages.join(", ")),
        ("who", check.who.as_str().to_owned()),
        ("lead_days", check.lead_days.to_string()),
        ("tags", check.tags.join(", ")),
        ("reference", check.reference.clone().unwrap_or_default()),
        ("reads", check.tables.iter().map(|table| table.name).collect::<Vec<_>>().join(", ")),
        ("may_lack", partial.map(|partial| partial.tables.join(", ")).unwrap_or_default()),
        ("because", partial.map(|partial| partial.why.clone()).unwrap_or_default()),
        ("explained", check.explained_by.join(", ")),
        ("file", check.path.clone()),
    ]
}

/// What is said of one problem and done about it.
fn words(out: &mut String, problem: &Problem, lang: Lang, label: impl Fn(&str) -> String) {
    let words = problem.words.get(lang);
    let title = |key: &str| match problem.code.as_str() {
        "" => label(key),
        code => format!("{} ({code})", label(key)),
    };
    block(out, &title("message"), &words.message);
    block(out, &title("remediation"), &words.remediation);
    block(out, &title("commands"), &problem.commands.join("\n"));
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

//! `checks explain`: all that a check file says, with where it comes from.

use std::fmt::Write as _;

use crate::check::{Check, Problem, Proof, case};
use crate::fact::Schema;
use crate::model::Lang;
use crate::report::Catalogue;

/// What an administrator needs to know of a check, with what to do as it is said of an example of each problem.
pub(super) fn explain(check: &Check, lang: Lang, schema: &Schema) -> String {
    let catalogue = Catalogue::shipped(lang);
    let label = |key: &str| catalogue.word("explain", key);
    let mut out = head(check, lang, &["severity", "category", "from", "to", "who", "lead_days", "reference"]);
    for (finding, remediation) in case::examples(check, lang, schema) {
        block(&mut out, &label("example"), &finding.message);
        block(&mut out, &label("remediation"), &remediation);
        block(&mut out, &label("commands"), &finding.commands.join("\n"));
    }
    let _ = writeln!(out, "\n{}", label("more"));
    out
}

/// All that the file of a check says: templates, query and cases too.
pub(super) fn in_full(check: &Check, lang: Lang) -> String {
    let catalogue = Catalogue::shipped(lang);
    let label = |key: &str| catalogue.word("explain", key);
    let mut out = head(check, lang, &[]);
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
    let headline = check.headline.as_ref();
    block(&mut out, &label("headline"), headline.map_or("", |headline| headline.words.get(lang)));
    block(&mut out, &label("sums"), headline.map_or("", |headline| &headline.sums));
    let cases: Vec<String> = check.cases.iter().map(|case| format!("{} ({})", case.name, case.expect.len())).collect();
    block(&mut out, &label("cases"), &cases.join("\n"));
    out
}

/// Title, some of the facts or all of them, why, and details.
fn head(check: &Check, lang: Lang, keys: &[&str]) -> String {
    let catalogue = Catalogue::shipped(lang);
    let text = check.text.get(lang);
    let mut out = format!("{}\n{}\n\n", check.id, text.title);
    let is_told = |key: &str, value: &str| !value.is_empty() && (keys.is_empty() || keys.contains(&key));
    for (key, value) in facts(check).into_iter().filter(|(key, value)| is_told(key, value)) {
        let value = if key == "who" && !keys.is_empty() { catalogue.word("who", &value) } else { value };
        let _ = writeln!(out, "{:14} {value}", catalogue.word("explain", key));
    }
    block(&mut out, &catalogue.word("explain", "why"), &text.why);
    block(&mut out, &catalogue.word("explain", "details"), &text.details);
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

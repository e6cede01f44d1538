//! What a check that passed says of what it compared.

use super::*;

/// A query that finds the units with a note, and a proof beside it.
fn proven(proof: &str) -> Check {
    sample(&format!("proof = '''{proof}'''"), "SELECT name AS subject FROM unit WHERE note IS NOT NULL")
}

const COUNTED: &str = "SELECT s.uid AS subject, count(*) * 1000 AS units FROM server AS s JOIN unit AS u ON true \
                       GROUP BY s.uid";
const EACH: &str = "SELECT u.name AS subject, 1 AS units FROM unit AS u ORDER BY u.name DESC";

#[test]
fn a_pass_says_what_was_compared_and_no_other_outcome_does() {
    let check = proven(COUNTED);
    let calm = [("a", None), ("b", None)];
    for (lang, said) in [(Lang::En, "mail: 2,000 compared"), (Lang::Fr, "mail: 2\u{202f}000 compared")] {
        let known = coverage(Completeness::Complete, Completeness::Complete);
        let result = one(&check, &mut reader(&calm), &Situation { lang, ..situation(&known) });
        assert_eq!((result.outcome, result.proof), (Outcome::Pass, vec![said.to_owned()]));
    }
    let known = coverage(Completeness::Complete, Completeness::Complete);
    let dark = coverage(Completeness::Complete, Completeness::Partial);
    let elsewhere = Situation { to: "5.0".to_owned(), ..situation(&known) };
    let check = Check { to: Some("<5.0".parse().unwrap()), ..check };
    for (units, situation, expected) in [
        (&[("a", Some("found"))][..], situation(&known), Outcome::Fail),
        (&calm, situation(&dark), Outcome::Unknown),
        (&calm, elsewhere, Outcome::NotApplicable),
    ] {
        let result = one(&check, &mut reader(units), &situation);
        assert_eq!((result.outcome, result.proof), (expected, Vec::new()));
    }
    assert_eq!(judged(&sample("", "SELECT name AS subject FROM unit WHERE false"), &calm).proof, Vec::<String>::new());
}

#[test]
fn every_sentence_stands_by_its_subject() {
    let named = ["c", "e", "a", "d", "b"].map(|name| (name, None));
    let said = |lang, units: &[(&str, Option<&str>)]| {
        let known = coverage(Completeness::Complete, Completeness::Complete);
        one(&proven(EACH), &mut reader(units), &Situation { lang, ..situation(&known) }).proof
    };
    let all = ["a", "b", "c", "d", "e"].map(|name| format!("{name}: 1 compared"));
    assert_eq!(said(Lang::En, &named), all);
    assert_eq!(said(Lang::Fr, &named), all);
    assert!(said(Lang::En, &[]).is_empty(), "nothing to compare is nothing to say");
}

#[test]
fn a_proof_that_breaks_breaks_its_check() {
    for (proof, reason) in [
        ("SELECT u.note AS subject, 1 AS units FROM unit AS u", "proof: 2 of 2 rows have no subject"),
        ("SELECT u.name AS subject, 'many' AS units FROM unit AS u", "proof: template of \"a\": "),
        ("SELECT u.name AS subject, abs(-9223372036854775807 - 1) AS units FROM unit AS u", "proof: "),
    ] {
        let result = judged(&proven(proof), &[("a", None), ("b", None)]);
        assert_eq!((result.outcome, result.proof.len()), (Outcome::Error, 0), "{proof}");
        assert!(result.reason.as_ref().is_some_and(|told| told.starts_with(reason)), "{:?}", result.reason);
        // Where something is found nobody asks for it.
        assert_eq!(judged(&proven(proof), &[("a", Some("found"))]).outcome, Outcome::Fail);
    }
}

#[test]
fn a_proof_ends_with_its_time_or_with_the_run() {
    let check = proven(&ENDLESS.replace(" AS subject", " AS subject, 1 AS units"));
    let known = coverage(Completeness::Complete, Completeness::Complete);
    let hasty = Situation { limit: Duration::from_millis(20), ..situation(&known) };
    let result = one(&check, &mut reader(&[("a", None)]), &hasty);
    assert_eq!(result.outcome, Outcome::Error);
    assert!(result.reason.as_ref().unwrap().starts_with("proof: ") && result.reason.unwrap().contains("within"));

    // The run ends as soon as the proof has begun: the query alone is through before anybody looks at the time.
    let facts = facts(&[("a", None)]);
    let ends = |check: &Check| {
        let asked = AtomicUsize::new(0);
        let is_over = move || (asked.fetch_add(1, Ordering::Relaxed) > 0).then(|| "time is up".to_owned());
        let over = Situation { cut: Some(Arc::new(is_over)), ..situation(&known) };
        let result = all(&[check], &facts, &over, 1).remove(0);
        (result.outcome, gaps(&result))
    };
    assert_eq!(ends(&check), (Outcome::Unknown, vec!["*: time is up".to_owned()]));
    assert_eq!(ends(&Check { proof: None, ..check }), (Outcome::Pass, Vec::new()));
}

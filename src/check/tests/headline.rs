//! What the findings of a check come to, in one sentence.

use super::*;
use crate::check::headline;

/// A check that finds the units with a note, and sums them up.
fn summed(sums: &str) -> Check {
    sample(
        &format!("sums = '''{sums}'''"),
        "SELECT name AS subject, note, NULL AS severity, 7 AS messages, 1754000000 AS seen_at FROM unit WHERE note IS NOT NULL",
    )
}

const SUMS: &str = "SELECT count(DISTINCT note) AS units, sum(messages) * 1000 AS messages FROM finding";

const FOUND: [(&str, Option<&str>); 3] = [("a", Some("x")), ("b", Some("x")), ("c", Some("y"))];

fn told(check: &Check, result: &CheckResult, lang: Lang) -> Result<Option<String>, String> {
    headline::tell(check, result.findings.iter(), lang)
}

#[test]
fn it_is_one_sentence_over_the_findings() {
    let check = summed(SUMS);
    let result = judged(&check, &FOUND);
    assert_eq!(told(&check, &result, Lang::En).unwrap().unwrap(), "2 units, 21,000 messages");
    assert_eq!(told(&check, &result, Lang::Fr).unwrap().unwrap(), "2 units, 21\u{202f}000 messages");
    let one = result.findings[..1].iter();
    assert_eq!(headline::tell(&check, one, Lang::En).unwrap().unwrap(), "1 units, 7,000 messages");
    assert_eq!(headline::tell(&check, [].iter(), Lang::En), Ok(None), "nothing counts");
    let silent = sample("", "SELECT name AS subject FROM unit");
    assert_eq!(told(&silent, &judged(&silent, &FOUND), Lang::En), Ok(None));
}

#[test]
fn sums_see_what_a_finding_shows_and_nothing_of_the_facts() {
    let cells =
        "SELECT group_concat(subject || ' ' || severity || ' ' || seen_at, ', ') AS units, 0 AS messages FROM finding";
    let check = summed(cells);
    let said = told(&check, &judged(&check, &FOUND[..1]), Lang::En).unwrap().unwrap();
    assert_eq!(said, "a blocker 2025-07-31T22:13:20Z units, 0 messages");
    for (sums, trouble) in [
        ("SELECT 1 AS units, 2 AS messages FROM unit", "no such table: unit"),
        ("SELECT 1 AS units, 2 AS messages FROM finding WHERE false", "the sums give 0 rows"),
        ("SELECT 1 AS units, 2 AS messages FROM finding AS a, finding AS b", "the sums give 4 rows"),
        ("DELETE FROM finding", "DELETE"),
    ] {
        let check = summed(sums);
        let error = told(&check, &judged(&check, &FOUND[..2]), Lang::En).unwrap_err();
        assert!(error.contains(trouble), "{sums}: {error}");
    }
}

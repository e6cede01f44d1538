//! What the findings of a check come to, in one sentence.

use super::*;
use crate::check::headline;
use crate::model::{Cause, Waived};

/// A check that finds the units with a note, and sums them up.
fn summed(sums: &str) -> Check {
    sample(
        &format!("sums = '''{sums}'''"),
        "SELECT name AS subject, note, NULL AS severity, 7 AS messages, 1754000000 AS seen_at FROM unit WHERE note IS NOT NULL",
    )
}

const SUMS: &str = "SELECT count(DISTINCT note) AS units, sum(messages) * 1000 AS messages FROM finding";

const FOUND: [(&str, Option<&str>); 3] = [("a", Some("x")), ("b", Some("x")), ("c", Some("y"))];

#[test]
fn it_is_told_of_what_counts_alone() {
    let check = summed(SUMS);
    let mut result = judged(&check, &FOUND);
    assert_eq!(headline::tell(&check, &result, Lang::En).unwrap().unwrap(), "2 units, 21,000 messages");
    assert_eq!(headline::tell(&check, &result, Lang::Fr).unwrap().unwrap(), "2 units, 21\u{202f}000 messages");
    result.findings[2].waived = Some(Waived { reason: "known".to_owned(), expires: "2026-12-31".to_owned() });
    assert_eq!(headline::tell(&check, &result, Lang::En).unwrap().unwrap(), "1 units, 14,000 messages");
    result.findings[1].explained_by = Some(Cause { check: "other".to_owned(), subject: "b".to_owned() });
    assert_eq!(headline::tell(&check, &result, Lang::En).unwrap().unwrap(), "1 units, 7,000 messages");
    result.findings[0].explained_by = result.findings[1].explained_by.clone();
    assert_eq!(headline::tell(&check, &result, Lang::En), Ok(None), "nothing counts");
    let silent = sample("", "SELECT name AS subject FROM unit");
    assert_eq!(headline::tell(&silent, &judged(&silent, &FOUND), Lang::En), Ok(None));
}

#[test]
fn sums_see_what_a_finding_shows_and_nothing_of_the_facts() {
    let cells =
        "SELECT group_concat(subject || ' ' || severity || ' ' || seen_at, ', ') AS units, 0 AS messages FROM finding";
    let check = summed(cells);
    let told = headline::tell(&check, &judged(&check, &FOUND[..1]), Lang::En).unwrap().unwrap();
    assert_eq!(told, "a blocker 2025-07-31T22:13:20Z units, 0 messages");
    for (sums, trouble) in [
        ("SELECT 1 AS units, 2 AS messages FROM unit", "no such table: unit"),
        ("SELECT 1 AS units, 2 AS messages FROM finding WHERE false", "the sums give 0 rows"),
        ("SELECT 1 AS units, 2 AS messages FROM finding AS a, finding AS b", "the sums give 4 rows"),
        ("DELETE FROM finding", "DELETE"),
    ] {
        let check = summed(sums);
        let error = headline::tell(&check, &judged(&check, &FOUND[..2]), Lang::En).unwrap_err();
        assert!(error.contains(trouble), "{sums}: {error}");
    }
}

//! What becomes of a check: facts and what is known of them in, result out.

mod gaps;
mod headline;
mod proof;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::evaluate::{Situation, all, key, one};
use super::sample::check;
use super::{Check, findings};
use crate::fact::store::{Origin, SnapshotTarget};
use crate::fact::{Column, Facts, Reader, Schema, ScopeKind, Store, Table};
use crate::model::Severity::{Blocker, Info, Warning};
use crate::model::reason::Files;
use crate::model::{CheckResult, Completeness, Coverage, Lang, Missing, Outcome, Risk, When};

const SERVER: Table =
    Table { name: "server", doc: "", grain: "", scope: ScopeKind::Directory, columns: &[Column::text("uid", "")] };
const UNIT: Table = Table {
    name: "unit",
    doc: "",
    grain: "",
    scope: ScopeKind::Server,
    columns: &[Column::text("name", ""), Column::text("note", "").nullable()],
};

const UNITS: &str = "SELECT name AS subject FROM unit";
const UNITS_OF_SERVERS: &str = "SELECT u.name AS subject FROM unit AS u JOIN server AS s ON s.uid = u.server_uid";
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT max(n.i) AS subject FROM n JOIN unit AS u ON u.name <> ''";

fn schema() -> Schema {
    Schema::new([&SERVER, &UNIT])
}

fn sample(settings: &str, query: &str) -> Check {
    check(&schema(), settings, query)
}

/// Units of the server `mail`, by name and note.
fn filled(mut store: Store, units: &[(&str, Option<&str>)]) -> Store {
    let rows: Vec<_> = units.iter().map(|(name, note)| vec![(*name).into(), note.map(str::to_owned).into()]).collect();
    assert_eq!(store.insert(&UNIT, "mail", &rows).unwrap(), None);
    assert_eq!(store.insert(&SERVER, "directory", &[vec!["mail".into()]]).unwrap(), None);
    store
}

fn reader(units: &[(&str, Option<&str>)]) -> Reader {
    filled(Store::in_memory(&schema(), &Origin::default()).unwrap(), units).into_reader().unwrap()
}

fn facts(units: &[(&str, Option<&str>)]) -> Facts {
    filled(Store::create(&schema(), &Origin::default()).unwrap(), units).seal().unwrap()
}

fn known(table: &str, scope: &str, completeness: Completeness) -> Coverage {
    let reason = (completeness != Completeness::Complete)
        .then(|| Files::NotRegular { path: format!("{table} of {scope}") }.into());
    Coverage { completeness, reason, rows: 7, ..Coverage::complete(table, scope) }
}

/// Both tables, as far as they are known.
fn coverage(server: Completeness, unit: Completeness) -> [Coverage; 2] {
    [known("server", "directory", server), known("unit", "mail", unit)]
}

/// An upgrade from 4.0.14 to 4.1 of the servers `core` and `mail`.
fn situation(coverage: &[Coverage]) -> Situation<'_> {
    let held = |role: &str, server: &str| (role.to_owned(), BTreeSet::from([server.to_owned()]));
    Situation {
        lang: Lang::En,
        from: Some("4.0.14".to_owned()),
        from_at_least: None,
        to: "4.1".to_owned(),
        now: 1_793_620_800,
        coverage,
        gaps: coverage.iter().flat_map(Coverage::gaps).collect(),
        holders: Some([held("bm/core", "core"), held("mail/imap", "mail")].into()),
        packages: [
            ("core".to_owned(), Some(BTreeSet::from(["bm-core".to_owned()]))),
            ("mail".to_owned(), Some(BTreeSet::from(["bm-cyrus".to_owned()]))),
        ]
        .into(),
        limit: Duration::from_secs(60),
        cut: None,
    }
}

/// The result where everything is known.
fn judged(check: &Check, units: &[(&str, Option<&str>)]) -> CheckResult {
    one(check, &mut reader(units), &situation(&coverage(Completeness::Complete, Completeness::Complete)))
}

fn subjects(result: &CheckResult) -> Vec<&str> {
    result.findings.iter().map(|finding| finding.subject.as_str()).collect()
}

fn gaps(result: &CheckResult) -> Vec<String> {
    result.missing.iter().map(|missing| format!("{}: {}", missing.shown(), missing.reason)).collect()
}

#[test]
fn nothing_found_is_a_pass_only_where_everything_was_looked_at() {
    use Completeness::{Absent, Complete, NotAttempted, Partial};
    let may_lack = |tables: &str| format!("partial = {{ tables = [{tables}], why = \"w\" }}");
    let (none, units, both) = (String::new(), may_lack("\"unit\""), may_lack("\"server\", \"unit\""));
    for (partial, server, unit, of_none, of_one) in [
        (&none, Complete, Complete, Outcome::Pass, Outcome::Fail),
        (&none, Complete, Partial, Outcome::Unknown, Outcome::Unknown),
        (&none, Complete, Absent, Outcome::Unknown, Outcome::Unknown),
        (&none, NotAttempted, Complete, Outcome::Unknown, Outcome::Unknown),
        (&units, Complete, Complete, Outcome::Pass, Outcome::Fail),
        (&units, Complete, Partial, Outcome::Unknown, Outcome::Fail),
        (&units, Partial, Complete, Outcome::Unknown, Outcome::Unknown),
        (&units, Partial, Partial, Outcome::Unknown, Outcome::Unknown),
        (&both, Partial, Partial, Outcome::Unknown, Outcome::Fail),
    ] {
        let check = sample(partial, UNITS_OF_SERVERS);
        let coverage = coverage(server, unit);
        let dark = [
            (server, "server (directory): server of directory: not a regular file"),
            (unit, "unit (mail): unit of mail: not a regular file"),
        ];
        let dark: Vec<_> = dark.iter().filter(|(ends, _)| *ends != Complete).map(|(_, gap)| *gap).collect();
        for (found, expected) in [(&[][..], of_none), (&[("a", None)], of_one)] {
            let result = one(&check, &mut reader(found), &situation(&coverage));
            assert_eq!(result.outcome, expected, "{partial} {server:?} {unit:?} {found:?}");
            assert_eq!(result.findings.len(), usize::from(expected == Outcome::Fail));
            assert_eq!(gaps(&result), dark);
        }
    }
}

#[test]
fn a_table_that_nobody_spoke_of_is_missing() {
    for (lang, gap) in [(Lang::En, "unit (directory): not collected"), (Lang::Fr, "unit (directory): non collecté")] {
        let result = one(&sample("", UNITS), &mut reader(&[]), &Situation { lang, ..situation(&[]) });
        assert_eq!((result.outcome, gaps(&result)), (Outcome::Unknown, vec![gap.to_owned()]));
    }
}

#[test]
fn only_the_files_of_servers_with_the_role_are_needed() {
    use Completeness::{Absent, Complete};
    for (settings, query, table, scope, is_needed) in [
        ("roles = [\"mail/imap\"]", UNITS, "unit", "core", false),
        ("roles = [\"mail/imap\"]", UNITS, "unit", "mail", true),
        ("roles = [\"mail/imap\"]", UNITS, "unit", "*", true),
        ("roles = [\"x\", \"mail/imap\", \"bm/core\"]", UNITS, "unit", "core", true),
        ("", UNITS, "unit", "core", true),
        ("roles = [\"mail/imap\"]", UNITS_OF_SERVERS, "server", "directory", true),
    ] {
        let entries = [known("unit", "mail", Complete), known("server", "x", Complete), known(table, scope, Absent)];
        let result = one(&sample(settings, query), &mut reader(&[]), &situation(&entries));
        assert_eq!(result.outcome == Outcome::Unknown, is_needed, "{settings} {table} {scope}");
        let rows: u64 = result.examined.iter().filter(|seen| seen.table == table).map(|seen| seen.rows).sum();
        assert_eq!(rows, if is_needed { 14 } else { 7 }, "{settings} {table} {scope}");
        let blind = Situation { holders: None, ..situation(&entries) };
        assert_eq!(one(&sample(settings, query), &mut reader(&[]), &blind).outcome, Outcome::Unknown);
    }
}

#[test]
fn a_check_applies_unless_it_is_known_not_to() {
    for (settings, en, fr) in [
        ("upgrade = { from = \">=4.0, <4.1\", to = \"4.1\" }", "", ""),
        (
            "upgrade = { from = \">=4.1\" }",
            "for upgrades from >=4.1; installed is 4.0.14",
            "pour les mises à jour depuis >=4.1 ; la version installée est 4.0.14",
        ),
        (
            "upgrade = { to = \"<4.1\" }",
            "for upgrades to <4.1; the target is 4.1",
            "pour les mises à jour vers <4.1 ; la cible est 4.1",
        ),
        ("roles = [\"x\", \"mail/imap\"]", "", ""),
        ("roles = [\"x\", \"y\"]", "no server holds the role x, y", "aucun serveur ne porte le rôle x, y"),
        ("packages = [\"x\", \"bm-core\"]", "", ""),
        ("packages = [\"x\", \"y\"]", "no server has the package x, y", "aucun serveur n’a le paquet x, y"),
        ("roles = [\"mail/imap\"]\npackages = [\"bm-cyrus\"]", "", ""),
        (
            "roles = [\"mail/imap\"]\npackages = [\"bm-core\"]",
            "no server has the package bm-core",
            "aucun serveur n’a le paquet bm-core",
        ),
    ] {
        let (check, known) = (sample(settings, UNITS), coverage(Completeness::Complete, Completeness::Complete));
        for (lang, reason) in [(Lang::En, en), (Lang::Fr, fr)] {
            let result = one(&check, &mut reader(&[("a", None)]), &Situation { lang, ..situation(&known) });
            let expected = if reason.is_empty() { Outcome::Fail } else { Outcome::NotApplicable };
            assert_eq!(
                (result.outcome, result.reason.unwrap_or_default()),
                (expected, reason.to_owned()),
                "{settings}"
            );
        }
        let blind = Situation { from: None, holders: None, packages: BTreeMap::new(), ..situation(&known) };
        let outcome = one(&check, &mut reader(&[("a", None)]), &blind).outcome;
        assert_eq!(outcome == Outcome::NotApplicable, settings.contains("to = \"<"), "{settings}");
    }
}

/// A server that was not collected matters only where it may have the package.
#[test]
fn packages_are_asked_of_the_servers_with_the_roles() {
    let known = coverage(Completeness::Complete, Completeness::Complete);
    let of_mail = "roles = [\"mail/imap\"]\npackages = [\"x\"]";
    for (dark, settings, expected, without) in [
        ("core", of_mail, Outcome::NotApplicable, Outcome::NotApplicable),
        ("mail", of_mail, Outcome::Fail, Outcome::Fail),
        // Who is not there at all is no server.
        ("mail", "packages = [\"x\"]", Outcome::Fail, Outcome::NotApplicable),
    ] {
        let mut situation = situation(&known);
        situation.packages.insert(dark.to_owned(), None);
        let outcome = one(&sample(settings, UNITS), &mut reader(&[("a", None)]), &situation).outcome;
        assert_eq!(outcome, expected, "{dark}: {settings}");
        situation.packages.remove(dark);
        let outcome = one(&sample(settings, UNITS), &mut reader(&[("a", None)]), &situation).outcome;
        assert_eq!(outcome, without, "{dark} is not there: {settings}");
    }
}

#[test]
fn a_release_that_is_known_by_its_floor_alone_is_held_against_the_upper_end() {
    let known = coverage(Completeness::Complete, Completeness::Complete);
    for (range, floor, applies) in [
        (">=4.0, <4.1", "4.7", false),
        ("<5.0", "4.7", true),
        ("<4.7", "4.7", false),
        (">=4.9", "4.7", true),
        (">=4.8, <4.9", "4.7", true),
    ] {
        let at_least =
            |floor: &str| Situation { from: None, from_at_least: Some(floor.to_owned()), ..situation(&known) };
        let check = sample(&format!("upgrade = {{ from = \"{range}\" }}"), UNITS);
        assert_eq!(super::evaluate::applies(&check, &at_least(floor)), applies, "{range}");
        let result = one(&check, &mut reader(&[]), &at_least(floor));
        let reason = format!("for upgrades from {range}; installed is 4.7 or later");
        assert_eq!(result.reason, (!applies).then_some(reason));
    }
}

#[test]
fn a_row_may_lower_the_severity_and_all_rows_that_of_a_check_that_saw_everything() {
    let query = "SELECT name AS subject, note AS severity FROM unit";
    let partial = "partial = { tables = [\"unit\"], why = \"w\" }";
    for (notes, of_rows, of_check) in [
        (&[None][..], vec![Blocker], Blocker),
        (&[Some("blocker")], vec![Blocker], Blocker),
        (&[Some("warning")], vec![Warning], Warning),
        (&[Some("warning"), Some("info")], vec![Warning, Info], Warning),
        (&[Some("info"), None, Some("info")], vec![Info, Blocker, Info], Blocker),
    ] {
        let units: Vec<_> = ["a", "b", "c"].into_iter().zip(notes.iter().copied()).collect();
        let result = judged(&sample("", query), &units);
        let severities: Vec<_> = result.findings.iter().map(|finding| finding.severity).collect();
        assert_eq!((severities, result.severity), (of_rows, of_check), "{notes:?}");
        assert!(result.findings.iter().all(|finding| finding.evidence.is_empty()));
        // Among what was not seen there may be a blocker.
        let known = coverage(Completeness::Complete, Completeness::Partial);
        let result = one(&sample(partial, query), &mut reader(&units), &situation(&known));
        assert_eq!((result.outcome, result.severity), (Outcome::Fail, Blocker), "{notes:?}");
    }
    for (severity, word) in [(Warning, "blocker"), (Blocker, "terrible")] {
        let check = Check { severity, ..sample("", query) };
        let result = judged(&check, &[("a", Some(word))]);
        let reason = format!("{word:?} is no severity below the check's");
        assert_eq!((result.outcome, result.reason, result.severity), (Outcome::Error, Some(reason), severity));
    }
}

#[test]
fn a_finding_is_a_row_with_its_cells_and_all_are_listed_by_subject() {
    let query = "SELECT name AS subject, note, 0.5 AS half, 2 AS two, :now AS now, :from_release AS f, :to_release AS t \
                 FROM unit";
    let (longest, longer) = ("é".repeat(4_000), "é".repeat(4_001));
    let units = [("s", Some(longest.as_str())), ("t", Some(&longer)), ("u", None), ("v", None), ("w", None)];
    let result = judged(&sample("remedy.commands = [\"x {{ subject }}\", \"\"]", query), &units);
    assert_eq!(subjects(&result), ["s", "t", "u", "v", "w"]);
    assert_eq!(result.findings[0].evidence["note"], longest);
    assert_eq!(result.findings[1].evidence["note"], format!("{longest}…"));
    let expected = serde_json::json!({
        "note": null, "half": 0.5, "two": 2, "now": 1_793_620_800, "f": "4.0.14", "t": "4.1"
    });
    assert_eq!(serde_json::Value::from(result.findings[2].evidence.clone()), expected);
    assert_eq!(result.findings[2].message, "u");
    assert_eq!(result.findings[2].commands, ["x u"], "what is rendered as nothing is no command");
    assert_eq!(result.findings[0].key, "736c4cd3bc16b680fb5de02ebc812687");
    assert_eq!(key("sample", "t"), result.findings[1].key);
    assert_eq!((result.examined.len(), result.examined[0].rows), (1, 7));
    let numbers = judged(&sample("", "SELECT 2 AS subject FROM unit UNION SELECT 0.5 FROM unit"), &[("a", None)]);
    assert_eq!(subjects(&numbers), ["0.5", "2"]);
}

#[test]
fn a_finding_is_for_the_user_of_an_address() {
    let units = [("a", Some("jdoe@example.org")), ("b", Some("jdoe")), ("c", None)];
    let result = judged(&sample("", "SELECT name AS subject, note AS owner FROM unit"), &units);
    let owners: Vec<_> = result.findings.iter().map(|finding| finding.owner.as_deref()).collect();
    assert_eq!(owners, [Some("jdoe@example.org"), None, None]);
    assert_eq!(result.findings[1].evidence["owner"], "jdoe");
}

#[test]
fn rows_without_subject_break_the_check() {
    let result = judged(&sample("", "SELECT note AS subject FROM unit"), &[("a", None), ("b", Some("s")), ("c", None)]);
    let reason = Some("2 of 3 rows have no subject".to_owned());
    assert_eq!((result.outcome, result.reason, result.findings.len()), (Outcome::Error, reason, 0));
}

#[test]
fn a_subject_that_the_facts_do_not_decide_is_a_gap_and_no_finding() {
    let settings = "inconclusive = { dark = { en = \"{{ subject }} is dark\", fr = \"{{ subject }} est sombre\" } }";
    let check = sample(settings, "SELECT name AS subject, note AS inconclusive FROM unit");
    let result = judged(&check, &[("a", Some("dark")), ("b", None), ("c", Some("odd"))]);
    assert_eq!((result.outcome, subjects(&result)), (Outcome::Fail, vec!["b"]));
    assert_eq!(gaps(&result), ["a: a is dark", "c: odd"]);
    assert_eq!(result.missing[0].problem.as_deref(), Some("dark"));
    assert!(result.findings[0].evidence.is_empty());
    let all_dark = ["e", "d", "c", "b", "a"].map(|name| (name, Some("dark")));
    let result = judged(&check, &all_dark);
    assert_eq!((result.outcome, result.missing.len()), (Outcome::Unknown, 5));
    assert_eq!((result.missing[0].scope.as_str(), result.missing[0].place.as_deref()), ("directory", Some("a")));
}

#[test]
fn the_code_of_a_row_chooses_words_and_remedy() {
    let settings = "by = \"note\"\nproblem = { old = { en.message = \"old\", when = \"during\" }, \
                    large = { en.message = \"large\", risk = \"high\" } }";
    let check = sample(settings, "SELECT name AS subject, note FROM unit");
    for (notes, words, when, risk) in [
        (&["old", "large"][..], &["old", "large"][..], When::Before, Risk::High),
        (&["old", "old"], &["old", "old"], When::During, Risk::None),
        (&["large"], &["large"], When::Before, Risk::High),
        (&[], &[], When::Before, Risk::High),
    ] {
        let units: Vec<_> = ["a", "b"].into_iter().zip(notes.iter().map(|note| Some(*note))).collect();
        let result = judged(&check, &units);
        let said: Vec<_> = result.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!((said.as_slice(), result.remedy.when, result.remedy.risk), (words, when, risk), "{notes:?}");
    }
    // A text that several codes have is told once, and is of none of them.
    let shared: Vec<_> = ["a", "b", "c"].into_iter().zip([Some("old"), Some("large"), Some("old")]).collect();
    let told = |settings: &str, query: &str| {
        let result = judged(&sample(settings, query), &shared);
        let remediations = result.remediations.iter().map(|told| (told.problem.clone(), told.text.clone()));
        (remediations.collect::<Vec<_>>(), result.findings.iter().map(|f| f.remedy).collect::<Vec<_>>())
    };
    let query = "SELECT name AS subject, note FROM unit";
    let code = |code: &str| Some(code.to_owned());
    let (of_old, of_large) = ((code("old"), "r".to_owned()), (code("large"), "r".to_owned()));
    assert_eq!(told(settings, query), (vec![of_old, of_large], vec![0, 1, 0]), "their circumstances differ");
    let same = settings.replace(", when = \"during\"", "").replace(", risk = \"high\"", "");
    assert_eq!(told(&same, query), (vec![(None, "r".to_owned())], vec![0, 0, 0]));
    for (note, code) in [(Some("odd"), "odd"), (None, "NULL")] {
        let result = judged(&check, &[("a", note)]);
        let reason = format!("\"a\": no words for the code {code:?}");
        assert_eq!((result.outcome, result.reason), (Outcome::Error, Some(reason)));
    }
}

#[test]
fn a_check_that_takes_too_long_breaks_alone() {
    let known = coverage(Completeness::Complete, Completeness::Complete);
    let facts = facts(&[("a", None)]);
    let endless = Check { id: "endless".to_owned(), ..sample("", ENDLESS) };
    let hasty = Situation { limit: Duration::from_millis(20), ..situation(&known) };
    let results = all(&[&endless, &sample("", UNITS)], &facts, &hasty, 1);
    assert_eq!(results.iter().map(|r| r.outcome).collect::<Vec<_>>(), [Outcome::Error, Outcome::Fail]);
    assert!(results[0].reason.as_ref().unwrap().contains("did not end within"), "{:?}", results[0].reason);
    assert!((20..60_000).contains(&results[0].elapsed_ms), "{} ms", results[0].elapsed_ms);
}

#[test]
fn what_a_check_may_take_grows_with_the_rows_that_it_reads() {
    let counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT u.name AS subject FROM unit AS u WHERE (SELECT max(i) FROM n) = 0";
    let facts = facts(&[("a", None)]);
    for (rows, outcome) in [(0, Outcome::Error), (10_000_000, Outcome::Pass)] {
        let known = coverage(Completeness::Complete, Completeness::Complete).map(|told| Coverage { rows, ..told });
        let hasty = Situation { limit: Duration::ZERO, ..situation(&known) };
        assert_eq!(all(&[&sample("", counting)], &facts, &hasty, 1)[0].outcome, outcome, "{rows} rows");
    }
}

#[test]
fn what_a_run_that_is_over_did_not_reach_is_unknown() {
    let known = coverage(Completeness::Complete, Completeness::Complete);
    let facts = facts(&[("a", None)]);
    // Over from the beginning, or as soon as the query has begun.
    for (query, questions) in [(UNITS, 0), (ENDLESS, 1)] {
        let asked = AtomicUsize::new(0);
        let is_over = move || (asked.fetch_add(1, Ordering::Relaxed) >= questions).then(|| "time is up".to_owned());
        let over = Situation { cut: Some(Arc::new(is_over)), ..situation(&known) };
        let results = all(&[&sample("", query)], &facts, &over, 1);
        assert_eq!(
            (results[0].outcome, gaps(&results[0])),
            (Outcome::Unknown, vec!["*: time is up".to_owned()]),
            "{query}"
        );
        assert_eq!((results[0].findings.len(), &results[0].missing[0].table[..]), (0, Missing::UNDECIDED));
    }
    let going_on = Situation { cut: Some(Arc::new(|| None)), ..situation(&known) };
    assert_eq!(all(&[&sample("", UNITS)], &facts, &going_on, 1)[0].outcome, Outcome::Fail);
}

#[test]
fn every_check_is_judged_once_and_the_worst_stand_first() {
    let known = coverage(Completeness::Complete, Completeness::Complete);
    let facts = facts(&[("a", None)]);
    let named = |id: &str, severity| Check { id: id.to_owned(), severity, ..sample("", UNITS) };
    let checks = [named("c", Info), named("d", Warning), named("b", Warning), named("e", Blocker), named("a", Info)];
    let checks: Vec<&Check> = checks.iter().collect();
    for jobs in [0, 1, 2, 9] {
        let results = all(&checks, &facts, &situation(&known), jobs);
        assert_eq!(results.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["e", "b", "d", "a", "c"], "{jobs} jobs");
        assert!(results.iter().all(|result| result.outcome == Outcome::Fail));
    }
}

#[test]
fn facts_that_cannot_be_read_break_every_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.facts");
    facts(&[("a", None)]).save(SnapshotTarget::open(&path).unwrap()).unwrap();
    let facts = Facts::open(&path, &schema()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let known = coverage(Completeness::Complete, Completeness::Complete);
    let results = all(&[&sample("", UNITS)], &facts, &situation(&known), 1);
    assert_eq!((results[0].outcome, results[0].id.as_str()), (Outcome::Error, "sample"));
    assert!(results[0].reason.is_some());
    // A check that the lint would refuse is none that finds nothing.
    let without_subject = sample("", "SELECT u.name FROM unit AS u");
    assert!(findings::find(&without_subject, &mut reader(&[]), &situation(&known), Duration::ZERO).is_err());
}

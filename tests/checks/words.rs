//! Codes and their words, and what may be incomplete: the lint holds the file together, and the cases prove it.

use super::{assert_told, lint, test};

/// A check whose findings are of two kinds, and which cannot tell of a third.
const WORDED: &str = r#"id = "sound"
category = "topology"
severity = "warning"
who = "administrator"
lead_days = 1
partial = { tables = ["server_role"], why = "a role that was read is held" }
by = "problem"
query = '''
WITH judged AS (
  SELECT s.server_uid, s.name, CASE WHEN r.role = 'bm/core' THEN 'core' WHEN r.role IS NOT NULL THEN 'other' END AS problem
  FROM server AS s JOIN server_role AS r ON r.server_uid = s.server_uid
)
SELECT j.server_uid AS subject, j.problem, iif(j.name IS NULL, 'no_name', NULL) AS inconclusive
FROM judged AS j
'''

[en]
title = "A server has a role"
why = "It does something"
remediation = "Take it away"
[fr]
title = "Un serveur a un rôle"
why = "Il fait quelque chose"
remediation = "Retirez-le"

[remedy]
risk = "none"
when = "before"

[problem.core]
en.message = "{{ subject }} is the core"
fr.message = "{{ subject }} est le cœur"
commands = ["echo {{ subject }}"]
[problem.other]
en.message = "{{ subject }} is something else"
fr.message = "{{ subject }} est autre chose"

[inconclusive.no_name]
en = "{{ subject }} has no name"
fr = "{{ subject }} n’a pas de nom"

[[test]]
name = "a core and another"
given.server = [{ server_uid = "s1", name = "one" }, { server_uid = "s2", name = "two" }]
given.server_role = [{ server_uid = "s1", role = "bm/core" }, { server_uid = "s2", role = "bm/redirector" }]
expect = [
  { subject = "s1", problem = "core", message = "s1 is the core", remediation = "Take", commands = ["echo s1"] },
  { subject = "s2", problem = "other", message = "s2 is something else", commands = [] },
]

[[test]]
name = "without a name nothing is said"
given.server = [{ server_uid = "s1" }]
given.server_role = [{ server_uid = "s1", role = "bm/core" }]
expect = []
unknown = [{ subject = "s1", inconclusive = "no_name", reason = "has no name" }]
"#;

fn changed(from: &str, to: &str) -> String {
    assert!(WORDED.contains(from), "{from}");
    WORDED.replacen(from, to, 1)
}

#[test]
fn each_code_has_its_words_and_its_case() {
    let (code, said) = test(WORDED);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 passed, 0 failed"), "{said}");
}

#[test]
fn codes_and_words_that_do_not_fit_are_told_with_their_place() {
    let defects = [
        ("THEN 'other' END", "THEN 'othre' END", "F:10:102", "no [problem.othre]"),
        ("THEN 'other' END", "THEN 'othre' END", "F:34:10", "never gives \"other\""),
        ("THEN 'other' END", "THEN r.role END", "F:8:9", "must be made of literals"),
        ("THEN 'other' END", "THEN 'Other one' END", "F:10:102", "in snake_case"),
        ("'no_name'", "'noname'", "F:13:64", "no [inconclusive.noname]"),
        ("'no_name'", "'noname'", "F:38:15", "never gives \"no_name\""),
        ("'no_name'", "'no name of ' || j.name", "F:8:9", "must be made of literals"),
        ("by = \"problem\"", "by = \"probleme\"", "F:7:6", "no column \"probleme\""),
        ("by = \"problem\"\n", "", "F:29:10", "without the key `by`"),
        ("problem = \"other\", ", "", "F:34:10", "no [[test]] states \"problem\" = \"other\""),
        ("inconclusive = \"no_name\", ", "", "F:38:15", "no [[test]] states \"inconclusive\" = \"no_name\""),
        ("fr.message = \"{{ subject }} est autre chose\"\n", "", "F:34:10", "no fr.message"),
        ("risk = \"none\"\n", "", "F:29:10", "no risk"),
        (
            "is something else\"\nfr",
            "is {% if problem == 'other' %}other{% endif %}\"\nfr",
            "F:35:35",
            "[problem.<code>]",
        ),
        ("is something else\"\nfr", "is {% if subject %}a{% elif inconclusive %}b{% endif %}\"\nfr", "F:35:", "elif"),
        ("is something else\"\nfr", "is {{ nobody }}\"\nfr", "F:35:", "no column \"nobody\""),
        ("tables = [\"server_role\"]", "tables = [\"folder\"]", "F:6:11", "does not read \"folder\""),
        ("tables = [\"server_role\"]", "tables = []", "F:6:11", "names no table"),
        ("why = \"a role that was read is held\"", "why = \" \"", "F:6:11", "must say why"),
        (
            "by = \"problem\"\nquery",
            "tags = []\nby = \"problem\"\nquery",
            "F:1:1",
            "\"partial\" stands before \"tags\"",
        ),
        ("message = \"s1 is the core\", ", "mesage = \"s1 is the core\", ", "F:43:8", "no column \"mesage\""),
        ("who = \"administrator\"", "who = \"nobody\"", "F:4:7", "unknown variant `nobody`"),
    ];
    assert_told(changed, &defects);
}

#[test]
fn what_is_too_long_is_told() {
    let long = format!("why = \"{}\"", "word ".repeat(61));
    let (code, said) = lint(&changed("why = \"It does something\"", &long));
    assert!(code == 2 && said.contains("why has 61 words"), "{said}");
    let (code, said) = lint(&changed("why = \"It does something\"", &format!("why = \"{}\"", "word ".repeat(60))));
    assert_eq!(code, 0, "{said}");
    let long = format!("tags = [\"{}\"]\npartial", "x".repeat(400));
    let (code, said) = lint(&changed("partial", &long));
    assert!(code == 2 && said.contains("a line of 411 characters"), "{said}");
}

#[test]
fn the_words_of_a_case_must_be_those_of_the_finding() {
    for (from, to) in [
        ("s1 is the core\", rem", "s1 was the core\", rem"),
        ("remediation = \"Take\"", "remediation = \"Leave\""),
        ("commands = [\"echo s1\"]", "commands = [\"echo s2\"]"),
        ("commands = [] }", "commands = [\"echo s2\"] }"),
        ("reason = \"has no name\"", "reason = \"has a name\""),
        ("en.message = \"{{ subject }} is the core\"", "en.message = \"{{ subject }} is a core\""),
        ("commands = [\"echo {{ subject }}\"]", "commands = [\"{% if problem %}{% endif %}\"]"),
    ] {
        let (code, said) = test(&changed(from, to));
        assert_eq!(code, 2, "{to}: {said}");
    }
}

#[test]
fn a_case_about_roles_or_packages_is_silent_without_them() {
    let needs = changed(
        "who = \"administrator\"",
        "roles = [\"mail/imap\"]\npackages = [\"bm-mapi\"]\nwho = \"administrator\"",
    );
    for (circumstances, applies) in [
        ("roles = [\"mail/imap\"]\npackages = [\"bm-mapi\"]\n", true),
        ("roles = [\"mail/imap\"]\n", true),
        ("roles = [\"bm/core\"]\npackages = [\"bm-mapi\"]\n", false),
        ("roles = [\"mail/imap\"]\npackages = []\n", false),
    ] {
        let text = needs.replacen("given.server = ", &format!("{circumstances}given.server = "), 1);
        let (code, said) = test(&text);
        assert_eq!(code == 0, applies, "{circumstances}: {said}");
    }
}

#[test]
fn a_table_that_may_lack_is_withdrawn_and_must_not_make_a_finding() {
    // Without the roles of a server its problem is another one.
    let query = WORDED.replace(
        "CASE WHEN r.role = 'bm/core' THEN 'core' WHEN r.role IS NOT NULL THEN 'other' END AS problem
  FROM server AS s JOIN server_role AS r",
        "CASE WHEN r.role = 'bm/core' THEN 'core' ELSE 'other' END AS problem
  FROM server AS s LEFT JOIN server_role AS r",
    );
    let (code, said) = test(&query);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("partial: warning \"s1\" is found only without server_role"), "{said}");
    // Not named, it makes the check unknown, and the case is not run without it.
    let unnamed =
        query.replace("partial = { tables = [\"server_role\"], why = \"a role that was read is held\" }\n", "");
    let (code, said) = test(&unnamed);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn tables_are_withdrawn_together_as_well() {
    // Any row of either table keeps it silent.
    let nobody = "FROM judged AS j
UNION ALL
SELECT 'nobody', 'other', NULL WHERE NOT EXISTS (SELECT 1 FROM server_role) AND NOT EXISTS (SELECT 1 FROM package)
";
    let text = with_a_package("tables = [\"package\", \"server_role\"]").replace("FROM judged AS j\n", nobody);
    let (code, said) = test(&text);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("\"nobody\" is found only without package, server_role"), "{said}");
}

#[test]
fn a_finding_that_weighs_more_without_a_table_is_another_one() {
    let lower = "AS inconclusive, iif(EXISTS (SELECT 1 FROM package), 'info', NULL) AS severity\n";
    let text = with_a_package("tables = [\"package\"]").replace("AS inconclusive\n", lower);
    let (code, said) = test(&text);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("partial: warning \"s1\" is found only without package"), "{said}");
}

/// The check with a package in each case, and other tables that may lack.
fn with_a_package(tables: &str) -> String {
    let package = "given.package = [{ server_uid = \"s1\", name = \"bm-core\" }]\ngiven.server_role";
    WORDED.replace("tables = [\"server_role\"]", tables).replace("given.server_role", package)
}

#[test]
fn one_server_of_a_table_is_withdrawn_as_well() {
    // A package of the core's makes those of other servers silent.
    let text = |condition: &str| {
        WORDED
            .replace("server_role", "package")
            .replace("role = \"bm/core\"", "name = \"bm-core\"")
            .replace("role = \"bm/redirector\"", "name = \"bm-mapi\"")
            .replace("r.role = 'bm/core'", "r.name = 'bm-core'")
            .replace("r.role IS", "r.name IS")
            .replace("FROM judged AS j\n", &format!("FROM judged AS j\nWHERE {condition}\n"))
    };
    let (code, said) = test(&text("true"));
    assert_eq!(code, 0, "{said}");
    let alone = "j.problem = 'core' OR NOT EXISTS (SELECT 1 FROM package AS c WHERE c.name = 'bm-core')";
    let other = "  { subject = \"s2\", problem = \"other\", message = \"s2 is something else\", commands = [] },\n";
    let (code, said) = test(&format!("{}{SILENT}", text(alone).replace(other, "")));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("\"s2\" is found only without package of s1"), "{said}");
}

/// A case in which the other server alone has a package.
const SILENT: &str = r#"
[[test]]
name = "another alone"
given.server = [{ server_uid = "s2", name = "two" }]
given.package = [{ server_uid = "s2", name = "bm-mapi" }]
expect = [{ subject = "s2", problem = "other", message = "s2 is something else" }]
"#;

//! What a pass says of what it compared: its query, its words and its cases hold together.

use super::{assert_told, lint, test};

/// A check that says of each server how many of its roles were looked at.
const PROVEN: &str = r#"id = "sound"
category = "topology"
severity = "warning"
who = "administrator"
query = '''
SELECT s.server_uid AS subject
FROM server AS s LEFT JOIN server_role AS r ON r.server_uid = s.server_uid
WHERE r.role IS NULL
'''
proof = '''
SELECT s.server_uid AS subject, s.name, count(*) AS roles
FROM server AS s JOIN server_role AS r ON r.server_uid = s.server_uid
GROUP BY s.server_uid
'''

[en]
title = "A server has no role"
why = "Nobody knows what it is for"
message = "{{ subject }} has no role"
remediation = "Give it one"
proof = "{% if name %}{{ subject }}: {{ roles | grouped }} role{{ roles | pluralize }} compared{% endif %}"
[fr]
title = "Un serveur n’a pas de rôle"
why = "Personne ne sait à quoi il sert"
message = "{{ subject }} n’a pas de rôle"
remediation = "Donnez-lui en un"
proof = "{% if name %}{{ subject }} : {{ roles | grouped }} rôle{% if roles > 1 %}s comparés{% else %} comparé{% endif %}{% endif %}"

[remedy]
risk = "none"
when = "before"

[[test]]
name = "fires"
given.server = [{ server_uid = "s1" }]
expect = [{ subject = "s1", message = "s1 has no role" }]

[[test]]
name = "silent"
given.server = [{ server_uid = "s2", name = "two" }, { server_uid = "s1", name = "one" }, { server_uid = "s3" }]
given.server_role = [
  { server_uid = "s1", role = "bm/core" },
  { server_uid = "s2", role = "bm/core" },
  { server_uid = "s2", role = "mail/imap" },
  { server_uid = "s3", role = "mail/imap" },
]
expect = []
proof = ["s1: 1 role compared", "s2: 2 roles compared"]
"#;

fn changed(from: &str, to: &str) -> String {
    assert!(PROVEN.contains(from), "{from}");
    PROVEN.replacen(from, to, 1)
}

#[test]
fn a_case_states_what_the_pass_says() {
    let (code, said) = test(PROVEN);
    assert_eq!(code, 0, "{said}");
    let about_roles = changed("who =", "roles = [\"mail/imap\"]\nwho =")
        .replace("name = \"silent\"", "name = \"silent\"\nroles = [\"mail/edge\"]");
    for (text, reason) in [
        (changed("\"s2: 2 roles compared\"", "\"s2: 2 roles\""), "expected the proof"),
        (changed(", \"s2: 2 roles compared\"", ""), "expected the proof"),
        // Where French has nothing to say, a sentence is missing.
        (changed("{% if name %}{{ subject }} :", "{% if roles > 1 %}{{ subject }} :"), "expected the proof"),
        (changed("s.server_uid AS subject, s.name", "nullif(s.name, 'two') AS subject, s.name"), "no subject"),
        (about_roles, "ends as not_applicable"),
    ] {
        let (code, said) = test(&text);
        assert!(code == 2 && said.contains(reason), "expected {reason}, got {said}");
    }
}

#[test]
fn a_case_may_leave_the_proof_out_or_state_that_nothing_is_said() {
    for proof in ["", "proof = []\n"] {
        let another = format!("\n[[test]]\nname = \"without servers\"\nexpect = []\n{proof}");
        let (code, said) = test(&format!("{PROVEN}{another}"));
        assert_eq!(code, 0, "{said}");
    }
}

#[test]
fn words_and_cases_without_a_proof_are_told_with_their_place() {
    let (code, said) = lint(&cut(PROVEN, "proof = '''", "\n[en]"));
    assert_eq!(code, 2, "{said}");
    for told in
        ["F:16:9: en.proof without the key", "F:22:9: fr.proof without the key", "F:34:8: proof: the check has none"]
    {
        assert!(said.contains(told), "expected {told}, got {said}");
    }
}

#[test]
fn every_defect_of_a_proof_is_told_with_its_place() {
    let defects = [
        ("s.name, count(*)", "s.nome, count(*)", "F:11:33", "proof: no such column: s.nome"),
        (
            "s.server_uid AS subject, s.name",
            "s.server_uid AS uid, s.name",
            "F:10:9",
            "proof: the query returns no column",
        ),
        (
            "JOIN server_role AS r ON r.server_uid = s.server_uid\nGROUP",
            "JOIN folder AS r ON r.server_uid = s.server_uid\nGROUP",
            "F:12:23",
            "does not read folder",
        ),
        (
            "JOIN server_role AS r ON r.server_uid = s.server_uid\nGROUP",
            "JOIN server_role AS r USING (server_uid)\nGROUP",
            "F:12:40",
            "ON",
        ),
        (
            "s.name, count(*)",
            "datetime('now') AS name, count(*)",
            "F:10:9",
            "proof: not allowed in a query: the function datetime()",
        ),
        (
            "SELECT s.server_uid AS subject, s.name, count",
            "DELETE FROM server; SELECT count",
            "F:11:1",
            "proof: a query is one SELECT",
        ),
        ("{{ roles | grouped }} role{{", "{{ rolls | grouped }} role{{", "F:21:41", "no column \"rolls\""),
        ("{{ roles | grouped }} role{{", "{{ roles | replace }} role{{", "F:21:49", "filter \"replace\""),
        ("compared{% endif %}", "compared{% elif roles %}x{% endif %}", "F:21:", "elif"),
        ("| grouped }} rôle{%", "| grouped rôle{%", "F:27:", "template"),
        ("proof = \"{% if name %}{{ subject }} :", "#", "F:10:9", "no fr.proof"),
        ("proof = \"{% if name %}{{ subject }}: ", "#", "F:10:9", "no en.proof"),
        ("proof = [\"s1: 1 role compared\", \"s2: 2 roles compared\"]", "", "F:10:9", "no [[test]] states the proof"),
        (
            "proof = [\"s1: 1 role compared\", \"s2: 2 roles compared\"]",
            "proof = []",
            "F:10:9",
            "no [[test]] states the proof",
        ),
        (
            "message = \"s1 has no role\" }]",
            "message = \"s1 has no role\" }]\nproof = [\"s1\"]",
            "F:34:8",
            "only a pass has one",
        ),
        ("expect = []", "expect = []\nunknown = [\"s1\"]", "F:39:8", "only a pass has one"),
        (
            "remediation = \"Give it one\"\nproof = \"{% if name %}{{ subject }}: {{ roles | grouped }} role{{ roles | pluralize }} compared{% endif %}\"",
            "remediation = \"Give it one\"\nproof = \" \"",
            "F:21:9",
            "empty",
        ),
        ("remediation = \"Give it one\"\nproof =", "proof =", "F:17:9", "no en.remediation"),
        ("expect = []\nproof", "proof", "F:38:1", "missing field `expect`"),
    ];
    assert_told(changed, &defects);
}

#[test]
fn a_proof_stands_in_its_place() {
    let sql = "proof = \"SELECT s.server_uid AS subject, 1 AS name, 1 AS roles FROM server AS s\"\n";
    for (before, proof, old, told) in [
        ("query = ", sql, ("proof = '''", "\n[en]"), "\"proof\" stands before \"query\""),
        ("title = \"A", "proof = \"x\"\n", ("proof = \"{% if", "[fr]"), "[en]: \"proof\" stands before \"title\""),
        ("name = \"silent\"", "proof = [\"x\"]\n", ("proof = [", "\n"), "[test]: \"proof\" stands before \"name\""),
    ] {
        let text = cut(PROVEN, old.0, old.1).replacen(before, &format!("{proof}{before}"), 1);
        let (code, said) = lint(&text);
        assert!(code == 2 && said.contains(told), "expected {told}, got {said}");
    }
}

/// A text without the part that begins so and goes up to that.
fn cut(text: &str, start: &str, end: &str) -> String {
    let (head, part) = text.split_once(start).unwrap();
    format!("{head}{}", &part[part.find(end).unwrap()..])
}

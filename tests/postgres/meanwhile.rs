//! What changes while the facts are collected is no anomaly: it is told, for that mailbox alone.

use crate::run::{self, Run};
use crate::several_servers::{collect_everywhere_when, judge, paths};
use crate::support::bluemind::{DIRECTORY, Installation};

/// Who looks at the directory as it will be: the second reading asks for no address.
const LATER: &str = "current_query() NOT LIKE '%t_mailbox_email%'";

/// A change of the mailbox of chloe: what the directory shows in place of the mailbox before it and after it, by the columns of
/// `t_mailbox`, and what is told of it.
struct Change {
    before: &'static str,
    after: &'static str,
    subject: &'static str,
    told: &'static str,
}

const CHANGES: &[Change] = &[
    Change { before: "WHERE false", after: "", subject: "chloe@example.org", told: "was created" },
    // Cyrus and the shard still have what was deleted last.
    Change { before: "", after: "WHERE false", subject: "chloe@example.org", told: "was deleted" },
    Change { before: "renamed", after: "", subject: "old.chloe@example.org", told: "also called chloe" },
    Change { before: "", after: "renamed", subject: "chloe@example.org", told: "also called old.chloe" },
    Change { before: "", after: "suspended", subject: "chloe@example.org", told: "changed in the directory" },
];

/// `SELECT` of the mailbox of chloe in one of its states, where `when` holds.
fn form(installation: &Installation<'_>, state: &str, when: &str) -> String {
    let columns = installation.sql(
        DIRECTORY,
        "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns \
         WHERE table_name = 'mailbox_now'",
    );
    let shown = |column: &str| match (state, column) {
        ("renamed", "name") => "'old.chloe' AS name".to_owned(),
        ("suspended", "archived") => "true AS archived".to_owned(),
        _ => column.to_owned(),
    };
    let shown: Vec<String> = columns.trim().split(',').map(shown).collect();
    let condition = if state == "WHERE false" { "false" } else { "true" };
    format!("SELECT {} FROM mailbox_now WHERE name = 'chloe' AND {condition} AND {when}", shown.join(", "))
}

/// Lets the directory show the mailbox in one state to who looks first, and in another to who looks later.
fn shows(installation: &Installation<'_>, before: &str, after: &str) {
    installation.sql(DIRECTORY, "ALTER TABLE t_mailbox RENAME TO mailbox_now");
    let (before, after) = (form(installation, before, &format!("NOT ({LATER})")), form(installation, after, LATER));
    let others = "SELECT * FROM mailbox_now WHERE name <> 'chloe'";
    installation.sql(DIRECTORY, &format!("CREATE VIEW t_mailbox AS {others} UNION ALL {before} UNION ALL {after}"));
}

fn is_itself_again(installation: &Installation<'_>) {
    installation.sql(DIRECTORY, "DROP VIEW t_mailbox");
    installation.sql(DIRECTORY, "ALTER TABLE mailbox_now RENAME TO t_mailbox");
}

fn assert_told_alone(run: &Run, change: &Change, left_out: &[&str]) {
    let unknown: Vec<String> =
        run.with_outcome("unknown").into_iter().filter(|id| !left_out.contains(&id.as_str())).collect();
    assert_eq!(unknown, ["mailbox_changed_meanwhile"], "{}: {}", change.told, run.digest());
    assert_eq!(run.with_outcome("fail").len(), 0, "{}: {}", change.told, run.digest());
    run.assert_says("mailbox_changed_meanwhile", change.told);
    let told = run.report.to_string();
    assert!(told.contains(change.subject), "{}", run.digest());
}

#[test]
fn a_mailbox_that_changes_during_a_run_accuses_nobody() {
    let installation = Installation::build("healthy_split");
    run::collect(&installation);
    let calm = run::replay(&installation);
    let left_out: Vec<String> = calm.with_outcome("unknown").into_iter().collect();
    let left_out: Vec<&str> = left_out.iter().map(String::as_str).collect();
    assert_eq!(calm.with_outcome("fail").len(), 0, "{}", calm.digest());
    for change in CHANGES {
        shows(&installation, change.before, change.after);
        run::collect(&installation);
        assert_told_alone(&run::replay(&installation), change, &left_out);
        is_itself_again(&installation);
    }
    // What is so from the beginning to the end is judged.
    shows(&installation, "WHERE false", "WHERE false");
    run::collect(&installation);
    let ghost = run::replay(&installation);
    assert!(ghost.with_outcome("fail").contains("cyrus_mailbox_unknown"), "{}", ghost.digest());
    assert!(ghost.with_outcome("pass").contains("mailbox_changed_meanwhile"), "{}", ghost.digest());
}

#[test]
fn a_mailbox_that_changes_between_two_collections_accuses_nobody() {
    let installation = Installation::build("healthy_split");
    for change in CHANGES {
        shows(&installation, change.before, change.before);
        let snapshots = collect_everywhere_when(&installation, |server| {
            if server == "bm-master" {
                is_itself_again(&installation);
                shows(&installation, change.after, change.after);
            }
        });
        assert_told_alone(&judge(&installation, &paths(&snapshots)), change, &[]);
        is_itself_again(&installation);
    }
}

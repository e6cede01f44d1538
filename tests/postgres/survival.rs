//! An installation before and after an upgrade that converts its shards, and loses some things on the way.

use serde_json::Value;

use crate::run::run_with;
use crate::support::bluemind::Installation;

/// What the upgrade does to message GUIDs: text becomes bytes.
pub(crate) const CONVERSION: &str = "
    ALTER TABLE t_message_body ALTER COLUMN guid TYPE bytea USING decode(guid, 'hex');
    ALTER TABLE t_mailbox_record ALTER COLUMN message_body_guid TYPE bytea USING decode(message_body_guid, 'hex');
";

/// Findings of the category as `check subject`, with the code where there is one.
fn findings(report: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for check in report["checks"].as_array().unwrap() {
        for finding in check["findings"].as_array().unwrap() {
            let problem = finding["evidence"]["problem"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
            told.push(format!("{} {}{problem}", check["id"].as_str().unwrap(), finding["subject"].as_str().unwrap()));
        }
    }
    told.sort();
    told
}

fn outcomes(report: &Value, ids: &[&str]) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap().iter();
    let chosen = checks.filter(|check| ids.contains(&check["id"].as_str().unwrap()));
    chosen.map(|check| check["outcome"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_conversion_that_keeps_all_is_silent_and_one_that_does_not_is_told() {
    let installation = Installation::build("healthy_split");
    installation.script("mail-2", "SELECT fixture.add_messages('user-bruno', 'INBOX', 40);");
    let before = installation.path("before.facts");
    installation.command("collect").arg("--facts").arg(&before).assert().success();
    let compare = || run_with(&installation, &["--before", before.to_str().unwrap(), "--category", "survival"]).report;

    for shard in ["mail-1", "mail-2"] {
        installation.script(shard, CONVERSION);
    }
    let kept = compare();
    assert_eq!(findings(&kept), Vec::<String>::new());
    let of_mail = ["folder_lost", "mailbox_lost", "messages_lost", "mapi_folder_lost", "server_role_lost"];
    assert_eq!(outcomes(&kept, &of_mail), ["pass"; 5]);

    installation.script(
        "directory",
        "UPDATE t_mailbox SET name = 'alicia' WHERE item_id = fixture.entry('example.org', 'user-alice');
         UPDATE t_directory_entry SET datalocation = 'mail-1' WHERE entry_uid = 'user-chloe';
         UPDATE t_domain SET aliases = '{}' WHERE name = 'example.org';",
    );
    installation.script("mail-1", "SELECT fixture.add_mailbox_tree('example.org', 'user-chloe', 'chloe');");
    installation.script(
        "mail-2",
        "SELECT fixture.rename_folder('user-bruno', 'Drafts', 'Brouillons');
         SELECT fixture.expunge('user-bruno', 'INBOX', (SELECT array_agg(imap_uid) FROM t_mailbox_record AS r
             JOIN t_container_item AS i ON i.id = r.item_id
             WHERE i.container_id = fixture.container(fixture.records_of('user-bruno', 'INBOX'))));
         WITH gone AS (SELECT fixture.folder_item('user-bruno', 'Sent') AS item)
         DELETE FROM t_mailbox_replica WHERE item_id = (SELECT item FROM gone);",
    );
    let told = findings(&compare());
    assert_eq!(
        told,
        [
            "domain_alias_lost example.com gone",
            "folder_lost bruno@example.org/Sent gone",
            "folder_moved bruno@example.org/Drafts renamed",
            "mailbox_moved chloe@example.org",
            "mailbox_renamed alice@example.org",
            "messages_lost bruno@example.org/INBOX fewer",
        ]
    );
}

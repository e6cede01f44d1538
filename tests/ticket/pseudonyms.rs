//! Snapshots under pseudonyms: checks say the same of them, and nobody finds a name in them.

use std::collections::{BTreeSet, HashSet};
use std::os::unix::fs::PermissionsExt as _;

use bm_preflight::app;
use bm_preflight::check::Check;
use bm_preflight::fact::store::Origin;
use bm_preflight::fact::table::{Holds, Kind};
use bm_preflight::fact::{Facts, Store, Value};
use bm_preflight::model::{Coverage, Outcome, Severity, version};
use bm_preflight::pseudonym::{Key, Pseudonyms, hide};
use bm_preflight::topology::Identity;
use serde_json::json;

use crate::{judge, run, shown, story};

const KEY: &str = "bm-preflight-key/1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

fn names() -> Pseudonyms {
    app::pseudonyms_by(Key::parse(KEY).unwrap()).unwrap()
}

/// How each check ends: outcome, findings by severity, gaps.
fn outcomes(facts: &Facts, checks: &[Check]) -> Vec<(String, Outcome, Vec<Severity>, usize)> {
    let build = Identity::of(|sql| facts.texts(sql).map_err(|error| error.to_string())).unwrap().build;
    let results = judge::judge(checks, facts, build.as_deref().and_then(version::release_of), "4.1");
    let told = results.into_iter().map(|result| {
        let mut severities: Vec<_> = result.findings.iter().map(|finding| finding.severity).collect();
        severities.sort();
        (result.id, result.outcome, severities, result.missing.len())
    });
    told.collect()
}

/// Every story once.
#[test]
fn checks_say_the_same_of_every_story_and_its_bytes_hold_no_name() {
    let schema = app::schema();
    let (checks, names) = (judge::checks("checks", &schema), names());
    let folder = tempfile::tempdir().unwrap();
    let mut searched = BTreeSet::new();
    // What stands in every snapshot, such as the names of columns, is no name of anybody.
    let empty = Store::create(&schema, &Origin::new("test", 0)).unwrap().seal().unwrap();
    let always = std::fs::read(story::save(&empty, &folder.path().join("empty"))).unwrap().to_ascii_lowercase();
    let always = words(&always);
    for name in story::names() {
        let facts = story::facts(&name);
        let hidden = hide(&facts, &names).unwrap();
        let (before, after) = (outcomes(&facts, &checks), outcomes(&hidden, &checks));
        let apart: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert!(apart.is_empty(), "{name}: {apart:#?}");
        let mut people = people(&facts, &names);
        people.retain(|word| !always.contains(word.as_bytes()));
        let bytes = std::fs::read(story::save(&hidden, &folder.path().join("hidden"))).unwrap().to_ascii_lowercase();
        let there = words(&bytes);
        let told: Vec<_> = people.iter().filter(|word| there.contains(word.as_bytes())).collect();
        assert!(told.is_empty(), "{name}: {told:?} are in the bytes");
        searched.extend(people);
    }
    assert!(["alice", "bruno", "example", "orders"].iter().all(|name| searched.contains(*name)), "{searched:?}");
}

/// What stands in bytes between others than letters and digits.
fn words(bytes: &[u8]) -> HashSet<&[u8]> {
    bytes.split(|byte| !byte.is_ascii_alphanumeric() && byte.is_ascii()).collect()
}

/// Words that name people, domains and hosts, long enough not to be met by chance.
fn people(facts: &Facts, names: &Pseudonyms) -> BTreeSet<String> {
    let told = [
        "SELECT name FROM mailbox",
        "SELECT address FROM mailbox",
        "SELECT domain_uid FROM domain",
        "SELECT alias FROM domain_alias",
        "SELECT fqdn FROM server",
        "SELECT external_url FROM installation",
        "SELECT display_name FROM mapi_folder",
        "SELECT path FROM folder",
    ];
    let texts = told.iter().flat_map(|sql| facts.texts(sql).unwrap()).flatten().flatten();
    let words: BTreeSet<String> = texts
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect::<Vec<_>>())
        .collect();
    words.into_iter().filter(|word| word.len() >= 5 && names.hide(word) != *word).collect()
}

/// Columns whose texts stay: whoever adds one looks at what it may hold.
const STAYING: &str = "backup_part.tag backup_skipped_tag.tag bm_ini.key component_version.component component_version.version \
    http_exchange.error_code http_exchange.schemes installation.authentication installation.db_version \
    locale.name mapi_folder.container_class marker_file.name package.name package.version relation.name \
    role_assignment.role search_cluster.version search_index.name server_role.role service_banner.version \
    service_unit.name start_check.validator tls_handshake.key_algorithm tls_handshake.protocol upgrader.name \
    upgrader.phase vantage_method.method vantage_method.reason vantage_method.state";

#[test]
fn no_column_is_forgotten() {
    const PERSON: &str = "zebedee";
    let schema = app::schema();
    let mut store = Store::create(&schema, &Origin::new("test", 0)).unwrap();
    let mut staying = Vec::new();
    for table in schema.tables() {
        let value = |column: &bm_preflight::fact::Column| match (column.kind, column.one_of.is_empty()) {
            (Kind::Text, true) => Value::from(format!("{PERSON} x")),
            _ => column.unset(),
        };
        let row = table.columns.iter().map(value).collect();
        assert_eq!(store.insert(table, PERSON, &[row]).unwrap(), None, "{}", table.name);
        store.finish(table, Coverage::complete(table.name, PERSON)).unwrap();
        let is_staying = |column: &&bm_preflight::fact::Column| {
            column.kind == Kind::Text && column.one_of.is_empty() && column.holds == Holds::Vocabulary
        };
        staying.extend(table.columns.iter().filter(is_staying).map(|column| format!("{}.{}", table.name, column.name)));
    }
    staying.sort();
    assert_eq!(staying.join(" "), STAYING);
    let hidden = hide(&store.seal().unwrap(), &names()).unwrap();
    for table in schema.tables() {
        for column in table.all_columns().filter(|column| column.kind == Kind::Text && column.one_of.is_empty()) {
            let found = hidden.texts(&format!("SELECT {} FROM {}", column.name, table.name)).unwrap();
            let is_there = found.iter().flatten().flatten().any(|text| text.contains(PERSON));
            assert_eq!(is_there, column.holds == Holds::Vocabulary, "{}.{}: {found:?}", table.name, column.name);
        }
    }
}

#[test]
fn a_key_turns_every_name_back() {
    let names = names();
    for text in [
        "john.doe@example.org",
        "example.org!user.john^doe.Entw&APw-rfe",
        "/var/spool/cyrus/data/bm-master__example_org/domain/e/example.org/j/user/john^doe",
        "INBOX/Dossier Équipe/Ünïcode ß",
        "日本語/メール",
        "0d6f2c1e-7f0c-4b8b-9a58-8a8f1f6b2c11",
        "203.0.113.77:443 and [2001:db8::17]:25, ::ffff:203.0.113.77, 10.1.2.3.",
        "https://webmail.example.org:8443/a?b=1",
        "a & b &- c",
        "",
    ] {
        let hidden = names.hide(text);
        assert_eq!(names.reveal(&hidden), text, "{hidden}");
        // An address has as many digits as it has.
        if !text.contains("203.0.113.77") {
            assert_eq!((hidden.len(), hidden.chars().count()), (text.len(), text.chars().count()), "{text} {hidden}");
        }
    }
}

#[test]
fn a_name_is_the_same_wherever_it_stands() {
    let names = names();
    let [john, doe] = ["john", "doe"].map(|name| names.hide(name));
    assert!(john != "john" && john.starts_with('j') && john.len() == 4, "{john}");
    for text in ["user.john^doe", "John.Doe@", "/j/user/john^doe", "JOHN DOE"] {
        let hidden = names.hide(text).to_lowercase();
        assert!(hidden.contains(&john) && hidden.contains(&doe), "{text} {hidden}");
    }
    let decoded = names.hide("Entwürfe");
    let encoded = names.hide("x.Entw&APw-rfe");
    assert_eq!(bm_preflight::format::mutf7::decode(encoded.as_bytes()).unwrap(), format!("x.{decoded}"));
    for kept in ["INBOX/Trash", "admin0@global.virt", "DELETED.user.", "bm/core", "127.0.0.1", "::1", "mapi:OUTLOOK-"] {
        assert_eq!(names.hide(kept), kept);
    }
    let [one, other] = ["192.168.7.1", "192.168.7.9"].map(|ip| names.hide(ip));
    assert_eq!(one.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().0);
    assert!(one.starts_with("192.168.") && one != "192.168.7.1", "{one}");
    let other = app::pseudonyms_by(Key::fresh()).unwrap();
    assert_ne!(other.hide("john.doe@example.org"), names.hide("john.doe@example.org"));
}

#[test]
fn a_key_is_made_once_and_kept_at_home() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let facts = story::snapshot("inbox_virtual_folder", folder.path());
    let facts = shown(&facts);
    let (key, first, second) = (path("key"), path("first"), path("second"));
    let ended = run(&["facts", "pseudonymise", facts, "--out", &first, "--key", &key]);
    assert!(ended.code == 0 && ended.stdout.contains("a new key"), "{} {}", ended.stdout, ended.stderr);
    let made = std::fs::read_to_string(&key).unwrap();
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&["facts", "pseudonymise", facts, "--out", &second, "--key", &key]).code, 0);
    assert_eq!(std::fs::read_to_string(&key).unwrap(), made);
    assert_eq!(run(&["diff", &first, &second]).code, 0);
    let changes: serde_json::Value = serde_json::from_str(&run(&["diff", "--json", &first, &second]).stdout).unwrap();
    assert_eq!(changes["rows"], json!([]));

    let asked =
        ["facts", "query", "SELECT address FROM mailbox WHERE type = 'user' ORDER BY 1", "--json", "--from-facts"];
    let addresses = |snapshot: &str| run(&[&asked[..], &[snapshot]].concat()).stdout;
    let revealed = run(&["facts", "reveal", "--key", &key, &addresses(&first)]).stdout;
    for line in addresses(facts).lines() {
        assert!(revealed.contains(line), "{line} {revealed}");
    }

    let beside = path("third");
    assert_eq!(run(&["facts", "pseudonymise", facts, "--out", &beside]).code, 0);
    assert!(std::fs::exists(path("third.key")).unwrap());
    std::fs::write(path("other"), "no key").unwrap();
    for (arguments, code) in [
        (vec!["facts", "pseudonymise", facts, "--out", &second, "--key", &second], 2),
        (vec!["facts", "reveal", "--key", &beside, "x"], 2),
    ] {
        assert_eq!(run(&arguments).code, code, "{arguments:?}");
    }
    let other = path("other");
    assert_eq!(run(&["facts", "pseudonymise", facts, "--out", &second, "--key", &other]).code, 2);
    assert_eq!(run(&["facts", "reveal", "--key", &path("none"), "x"]).code, 1);
}

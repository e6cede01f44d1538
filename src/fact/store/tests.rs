//! What the store promises, and the traps of SQLite that it closes: an upgrade of SQLite cannot bring one back unnoticed.

use std::path::Path;
use std::time::Duration;

use super::{Facts, Origin, Reader, SnapshotTarget, SqlError, Store, StoreError};
use crate::fact::{Column, Schema, ScopeKind, Table, Value, View};
use crate::model::reason::Run;
use crate::model::{Coverage, Reason};

const LIMIT: Duration = Duration::from_secs(5);

const PLACE: Table = Table {
    name: "place",
    doc: "",
    grain: "",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("name", "").key(),
        Column::integer("size", "").nullable(),
        Column::text("state", "").one_of(&["open", "shut"]),
    ],
};
const OWNER: Table = Table {
    name: "owner",
    doc: "",
    grain: "",
    scope: ScopeKind::Directory,
    columns: &[Column::text("name", "").nullable(), Column::boolean("is_live", "")],
};

fn schema() -> Schema {
    Schema::new([&PLACE, &OWNER])
}

fn origin() -> Origin {
    Origin::new("1.2.3", 42)
}

fn place(name: &str, size: Option<i64>, state: &str) -> Vec<Value> {
    vec![name.into(), size.into(), state.into()]
}

fn filled(mut store: Store) -> Store {
    store.insert(&PLACE, "s1", &[place("a", Some(1), "open"), place("b", None, "shut")]).unwrap();
    store.finish(&PLACE, Coverage::complete("place", "s1")).unwrap();
    store.insert(&OWNER, "directory", &[vec!["a".into(), true.into()], vec![Value::Null, false.into()]]).unwrap();
    store.finish(&OWNER, Coverage::complete("owner", "directory")).unwrap();
    store
}

fn reader() -> Reader {
    filled(Store::in_memory(&schema(), &origin()).unwrap()).into_reader().unwrap()
}

fn texts(reader: &Reader, sql: &str) -> Vec<Vec<Option<String>>> {
    reader.texts(sql).unwrap()
}

#[test]
fn not_in_with_a_null_finds_nothing_and_not_exists_does() {
    let reader = reader();
    assert!(texts(&reader, "SELECT name FROM place WHERE name NOT IN (SELECT name FROM owner)").is_empty());
    let exists = "SELECT p.name FROM place p LEFT JOIN owner o ON o.name = p.name WHERE o.name IS NULL";
    assert_eq!(texts(&reader, exists), [[Some("b".to_owned())]]);
}

#[test]
fn a_name_in_double_quotes_is_never_a_string() {
    let error = reader().prepare("SELECT name FROM place WHERE name = \"typo\"").unwrap_err();
    assert!(matches!(&error, SqlError::Invalid { message, .. } if message.contains("typo")), "{error}");
}

const VIEWS: &[View] = &[
    View { name: "broken", sql: "SELECT nothing FROM nowhere" },
    View { name: "known", sql: "SELECT o.name FROM owner AS o WHERE o.name IS NOT NULL" },
    View { name: "large", sql: "SELECT p.name FROM known AS k JOIN place AS p ON p.name = k.name WHERE p.size > 0" },
];

#[test]
fn a_view_is_answered_only_when_it_is_asked_and_tells_the_tables_behind_it() {
    let schema = schema().with_views(VIEWS);
    let reader = filled(Store::in_memory(&schema, &origin()).unwrap()).into_reader().unwrap();
    assert_eq!(texts(&reader, "SELECT l.name FROM Large AS l"), [[Some("a".to_owned())]]);
    let tables = reader.prepare("SELECT l.name FROM large AS l").unwrap().tables;
    assert_eq!(tables.into_iter().collect::<Vec<_>>(), ["owner", "place"]);
    assert!(
        matches!(reader.prepare("SELECT 1 FROM broken"), Err(SqlError::Failed(error)) if error.contains("broken")),
        "those before did not ask it"
    );
    for sql in ["DELETE FROM large", "CREATE TEMP TABLE mine AS SELECT * FROM large", "DROP TABLE large"] {
        assert!(matches!(reader.prepare(sql), Err(SqlError::Denied(_))), "{sql}");
    }
    assert_eq!(texts(&reader, "SELECT count(*) FROM large"), [[Some("1".to_owned())]]);
}

#[test]
fn versions_compare_as_versions() {
    let sql = "SELECT '17.2.3' < '17.10.0', version_cmp('17.2.3', '17.10.0'), version_cmp(NULL, '1'), release_of('4.1.43922') FROM owner LIMIT 1";
    let row = texts(&reader(), sql).remove(0);
    assert_eq!(row, [Some("0".into()), Some("-1".into()), None, Some("4.0.14".into())]);
}

#[test]
fn an_enumeration_refuses_other_words_and_spoils_its_scope() {
    let mut store = Store::in_memory(&schema(), &origin()).unwrap();
    store.insert(&PLACE, "s1", &[place("a", None, "open")]).unwrap();
    let refusal = store.insert(&PLACE, "s1", &[place("b", None, "ajar")]).unwrap().unwrap();
    assert!(refusal.to_string().contains("state"), "{refusal}");
    assert_eq!(store.insert(&PLACE, "s1", &[place("c", None, "open")]).unwrap(), None);
    store.finish(&PLACE, Coverage::absent("place", "s1", refusal)).unwrap();
    assert_eq!(store.coverage().unwrap()[0].rows, 0);
    assert!(texts(&store.into_reader().unwrap(), "SELECT name FROM place").is_empty());
}

#[test]
fn every_way_to_read_a_table_is_noticed() {
    let reader = reader();
    for sql in [
        "SELECT count(*) FROM place",
        "SELECT 1 FROM owner WHERE EXISTS (SELECT 1 FROM place)",
        "SELECT o.is_live FROM owner o JOIN place USING (name)",
        "SELECT o.is_live FROM owner o NATURAL JOIN place",
        "SELECT o.is_live FROM owner o LEFT JOIN place p ON p.name = o.name",
        "WITH p AS (SELECT name FROM place) SELECT name FROM p",
    ] {
        assert!(reader.prepare(sql).unwrap().tables.contains("place"), "{sql}");
    }
}

#[test]
fn a_stranger_may_read_and_nothing_else() {
    let reader = reader();
    for sql in [
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "PRAGMA user_version",
        "PRAGMA query_only = OFF",
        "SELECT * FROM pragma_table_info('place')",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('/tmp/x', 'x')",
        "SELECT random() FROM place",
        "SELECT randomblob(10) FROM place",
        "SELECT datetime('now') FROM place",
        "SELECT sqlite_version() FROM place",
        "INSERT INTO place VALUES ('s', 'n', 1, 'open')",
        "WITH x AS (SELECT 1) DELETE FROM place",
        "WITH x AS (SELECT 1) INSERT INTO place SELECT 's', 'n', 1, 'open' FROM x",
        "UPDATE place SET name = 'x' RETURNING name",
        "CREATE TABLE t (x)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "DROP TABLE place",
        "VACUUM INTO '/tmp/x'",
        "BEGIN",
        "SELECT 1; SELECT 2",
        "SELECT no_such_function(name) FROM place",
        "REINDEX",
    ] {
        assert!(reader.prepare(sql).is_err(), "{sql}");
    }
    assert_eq!(texts(&reader, "SELECT count(*) FROM place"), [[Some("2".to_owned())]]);
}

#[test]
fn what_would_never_end_or_never_fit_is_stopped() {
    let reader = reader();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let limit = Duration::from_millis(100);
    assert_eq!(reader.rows(endless, limit).unwrap_err(), SqlError::TimedOut(limit));
    for bomb in ["SELECT printf('%.*c', 100000000, 'x') FROM owner", "SELECT hex(zeroblob(1000000000)) FROM owner"] {
        assert!(reader.rows(bomb, LIMIT).is_err(), "{bomb}");
    }
    assert_eq!(texts(&reader, "SELECT count(*) FROM place"), [[Some("2".to_owned())]], "the connection stays usable");
}

#[test]
fn time_in_which_a_query_has_to_wait_is_not_counted() {
    let reader = reader();
    let counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n";
    let (mut rows, limit) = (0, Duration::from_secs(1));
    let slowly = |_| {
        rows += 1;
        std::thread::sleep(if rows == 1 { limit * 2 } else { Duration::ZERO });
        0
    };
    reader.for_each(counting, limit, slowly).unwrap();
    assert_eq!(rows, 50_000);
}

#[test]
fn absent_scopes_keep_no_row_and_other_scopes_keep_theirs() {
    let mut store = filled(Store::in_memory(&schema(), &origin()).unwrap());
    store.expect("place", "s2").unwrap();
    store.expect("place", "s3").unwrap();
    store.insert(&PLACE, "s2", &[place("c", None, "open")]).unwrap();
    store.insert(&PLACE, "s3", &[place("d", None, "open")]).unwrap();
    store.finish(&PLACE, Coverage::absent("place", "s2", Run::Offline)).unwrap();
    store.give_up(&Run::NoServer.into()).unwrap();
    let coverage = store.coverage().unwrap();
    let seen: Vec<_> = coverage.iter().map(|c| (c.scope.as_str(), c.reason.clone(), c.rows)).collect();
    let [offline, given_up] = [Run::Offline, Run::NoServer].map(|reason| Some(Reason::from(reason)));
    assert_eq!(seen, [("directory", None, 2), ("s1", None, 2), ("s2", offline, 0), ("s3", given_up, 0)]);
    assert_eq!(texts(&store.into_reader().unwrap(), "SELECT count(*) FROM place"), [[Some("2".to_owned())]]);
}

fn snapshot(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("facts.db");
    let target = SnapshotTarget::open(&path).unwrap();
    filled(Store::create(&schema(), &origin()).unwrap()).seal().unwrap().save(target).unwrap();
    path
}

#[test]
fn a_snapshot_comes_back_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = snapshot(folder.path());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let facts = Facts::open(&path, &schema()).unwrap();
    assert_eq!(facts.origin(), &origin());
    assert_eq!(facts.coverage().len(), 2);
    assert_eq!(texts(&facts.reader().unwrap(), "SELECT name FROM place ORDER BY 1").len(), 2);
}

#[test]
fn a_reader_that_was_given_back_is_lent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = snapshot(folder.path());
    let facts = Facts::open(&path, &schema()).unwrap();
    drop(facts.reader().unwrap());
    std::fs::remove_file(&path).unwrap();
    let lent = facts.reader().unwrap();
    assert_eq!(texts(&lent, "SELECT count(*) FROM owner"), [[Some("2".to_owned())]]);
    assert!(facts.reader().is_err(), "there was one alone");
}

fn alter(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_is_no_snapshot_of_ours_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&Path), reason: &str| {
        let path = snapshot(folder.path());
        change(&path);
        let error = Facts::open(&path, &schema()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("facts.db"), "{error}");
    };
    refused(&|path| std::fs::write(path, "").unwrap(), "shorter than a SQLite header");
    refused(&|path| std::fs::write(path, "x".repeat(500)).unwrap(), "not a SQLite file");
    refused(&|path| std::fs::File::options().write(true).open(path).unwrap().set_len(8192).unwrap(), "damaged");
    refused(&|path| alter(path, "PRAGMA application_id = 1"), "another program's");
    refused(&|path| alter(path, "PRAGMA user_version = 7"), "facts schema 7 written by bm-preflight 1.2.3");
    refused(&|path| alter(path, "DROP TABLE owner; CREATE VIEW owner AS SELECT 'x' AS name, 1 AS is_live"), "altered");
    refused(&|path| alter(path, "CREATE TRIGGER t AFTER INSERT ON owner BEGIN SELECT 1; END"), "altered");
    let odd = "UPDATE coverage SET reason = '{\"run\":\"odd\"}' WHERE scope = 's1'";
    refused(&|path| alter(path, odd), "a reason that this program does not know: unknown variant `odd`");
    let lost = "it tells of 2 rows of place in s1, and has ";
    refused(&|path| alter(path, "DELETE FROM place"), &format!("{lost}0"));
    refused(&|path| alter(path, "DELETE FROM place WHERE name = (SELECT min(name) FROM place)"), &format!("{lost}1"));
    refused(&|path| alter(path, "INSERT INTO place SELECT * FROM place"), &format!("{lost}4"));
    refused(&|path| std::fs::remove_file(path).unwrap(), "No such file");
}

#[test]
fn rows_that_were_lost_are_noticed_where_they_are_read_or_few() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(&schema(), &origin()).unwrap();
    let many: Vec<_> = (0..20_000).map(|n| place(&n.to_string(), None, "open")).collect();
    store.insert(&PLACE, "s1", &many).unwrap();
    store.finish(&PLACE, Coverage::complete("place", "s1")).unwrap();
    store.insert(&OWNER, "directory", &[vec!["a".into(), true.into()]]).unwrap();
    store.finish(&OWNER, Coverage::complete("owner", "directory")).unwrap();
    let path = folder.path().join("facts.db");
    store.seal().unwrap().save(SnapshotTarget::open(&path).unwrap()).unwrap();
    let is_opened = |read: &str| Facts::open_for(&path, &schema(), |table| table.name == read).is_ok();
    alter(&path, "DELETE FROM place WHERE name = '7'");
    assert_eq!((is_opened("place"), is_opened("owner")), (false, true));
    alter(&path, "DELETE FROM owner");
    assert!(!is_opened("nothing"));
}

#[test]
fn a_page_that_was_overwritten_ends_in_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = snapshot(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let outcome = Facts::open(&path, &schema());
    assert!(matches!(outcome, Err(StoreError::Damaged { .. } | StoreError::Version { .. })), "{outcome:?}");
}

#[test]
fn the_schema_version_follows_the_tables() {
    assert_ne!(schema().version(), Schema::new([&PLACE]).version());
    assert_eq!(schema().version(), Schema::new([&OWNER, &PLACE]).version());
}

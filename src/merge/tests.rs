//! What is taken from which snapshot, and what does not fit together.

use std::path::PathBuf;

use super::{MergeError, merge, merge_without};
use crate::fact::store::{Origin, SnapshotTarget};
use crate::fact::{Column, Facts, Row, Schema, ScopeKind, Store, Table};
use crate::model::reason::Files;
use crate::model::{Completeness, Coverage, Reason};

const NOON: i64 = 1_793_620_800;

const fn table(name: &'static str, scope: ScopeKind, columns: &'static [Column]) -> Table {
    Table { name, doc: "", grain: "", scope, columns }
}
const SAYS: &[Column] = &[Column::text("says", "")];
const UID: Column = Column::text("server_uid", "");
const INSTALLATION: Table =
    table("installation", ScopeKind::Directory, &[Column::text("installation_id", "").nullable()]);
const SERVER: Table = table(
    "server",
    ScopeKind::Directory,
    &[UID, Column::text("ip", "").nullable(), Column::text("fqdn", "").nullable()],
);
const SERVER_ROLE: Table = table("server_role", ScopeKind::Directory, &[UID, Column::text("role", "")]);
const DOMAIN: Table =
    table("domain", ScopeKind::Directory, &[Column::text("domain_uid", ""), Column::boolean("is_global", "")]);
const MAILBOX: Table = table("mailbox", ScopeKind::Directory, SAYS);
const CHANGE: Table = table("mailbox_change", ScopeKind::Directory, SAYS);
const SHARD: Table = table("shard", ScopeKind::Shard, SAYS);
const DATABASE: Table = table("database", ScopeKind::Database, SAYS);
const PACKAGE: Table = table("package", ScopeKind::Server, SAYS);
const UNIT: Table = table("unit", ScopeKind::Server, &[Column::text("state", "").one_of(&["on", "off"])]);
const SPOOL: Table = table("spool", ScopeKind::Backend, SAYS);
const DNS: Table = table("dns", ScopeKind::Network, SAYS);
const HTTP: Table = table("http", ScopeKind::Network, SAYS);

fn schema() -> Schema {
    let directory = [&INSTALLATION, &SERVER, &SERVER_ROLE, &DOMAIN, &MAILBOX, &CHANGE];
    Schema::new(directory.into_iter().chain([&SHARD, &DATABASE, &PACKAGE, &UNIT, &SPOOL, &DNS, &HTTP]))
}

const ROLES: &[(&str, &str)] =
    &[("core", "bm/core"), ("mail-1", "mail/imap"), ("mail-1", "bm/pgsql-data"), ("mail-2", "mail/imap")];

/// A reason that names its snapshot.
fn reason_of(name: &str) -> Files {
    Files::NotRegular { path: name.to_owned() }
}

/// A snapshot in the making: every row says which snapshot it is of.
struct Draft {
    name: &'static str,
    store: Store,
}

impl Draft {
    /// Collected on a server at noon.
    fn new(name: &'static str, server: &str) -> Self {
        let origin = Origin {
            server_uid: Some(server.to_owned()),
            installation_id: Some("bluemind-1".to_owned()),
            clock_ahead_s: Some(0),
            ..Origin::new("1.0", NOON)
        };
        Self { name, store: Store::create(&schema(), &origin).unwrap() }
    }

    /// The directory database was read.
    fn directory(self) -> Self {
        self.roles(ROLES)
    }

    fn roles(mut self, roles: &[(&str, &str)]) -> Self {
        let mut servers: Vec<&str> = roles.iter().map(|(uid, _)| *uid).collect();
        servers.dedup();
        let servers = servers.iter().map(|uid| vec![(*uid).into(), None::<String>.into(), None::<String>.into()]);
        let roles = roles.iter().map(|(uid, role)| vec![(*uid).into(), (*role).into()]).collect();
        self.fill(&SERVER, "directory", servers.collect(), Completeness::Complete);
        self.fill(&SERVER_ROLE, "directory", roles, Completeness::Complete);
        self.fill(&DOMAIN, "directory", vec![vec!["example.org".into(), false.into()]], Completeness::Complete);
        self.fill(&INSTALLATION, "directory", vec![vec!["bluemind-1".into()]], Completeness::Complete);
        self.fill(&CHANGE, "directory", Vec::new(), Completeness::Complete);
        self.has(&MAILBOX, "directory").has(&DATABASE, "directory")
    }

    fn fill(&mut self, table: &'static Table, scope: &str, rows: Vec<Row>, completeness: Completeness) {
        self.store.insert(table, scope, &rows).unwrap();
        let reason = (completeness != Completeness::Complete).then(|| reason_of(self.name).into());
        self.store.finish(table, Coverage { completeness, reason, ..Coverage::complete(table.name, scope) }).unwrap();
    }

    fn is(mut self, table: &'static Table, scope: &str, completeness: Completeness) -> Self {
        let says = if table.name == UNIT.name { "on" } else { self.name };
        let is_kept = matches!(completeness, Completeness::Complete | Completeness::Partial);
        self.fill(table, scope, if is_kept { vec![vec![says.into()]] } else { Vec::new() }, completeness);
        self
    }

    fn has(self, table: &'static Table, scope: &str) -> Self {
        self.is(table, scope, Completeness::Complete)
    }

    fn lacks(self, table: &'static Table, scope: &str) -> Self {
        self.is(table, scope, Completeness::Absent)
    }

    /// The files of a server, Cyrus' included.
    fn files(self, server: &str) -> Self {
        self.has(&PACKAGE, server).has(&UNIT, server).has(&SPOOL, server)
    }

    fn told(mut self, tell: impl FnOnce(&mut Origin)) -> Self {
        tell(self.store.origin_mut());
        self
    }

    fn write(self, folder: &std::path::Path) -> (PathBuf, Facts) {
        let path = folder.join(self.name);
        self.store.seal().unwrap().save(SnapshotTarget::open(&path).unwrap()).unwrap();
        let facts = Facts::open(&path, &schema()).unwrap();
        (path, facts)
    }
}

/// Snapshots of three servers that fit together.
fn core() -> Draft {
    let core =
        Draft::new("core.facts", "core").directory().has(&PACKAGE, "core").has(&UNIT, "core").has(&SHARD, "mail-1");
    let core = core.has(&DATABASE, "mail-1").has(&DNS, "network").has(&HTTP, "network");
    ["mail-1", "mail-2"]
        .into_iter()
        .fold(core, |core, uid| core.lacks(&PACKAGE, uid).lacks(&UNIT, uid).lacks(&SPOOL, uid))
}

fn mail(name: &'static str, server: &str) -> Draft {
    Draft::new(name, server).files(server)
}

/// Merges in every order, proves that the order does not matter, and gives the facts or what was said.
fn merged(drafts: Vec<Draft>) -> Result<Facts, String> {
    let folder = tempfile::tempdir().unwrap();
    let written: Vec<_> = drafts.into_iter().map(|draft| draft.write(folder.path())).collect();
    let all = |mut snapshots: Vec<(PathBuf, Facts)>, turns: usize| {
        snapshots.rotate_left(turns);
        merge(snapshots, &schema(), NOON + 60).map_err(|error: MergeError| error.to_string())
    };
    let mut orders: Vec<_> = (0..written.len()).map(|turns| all(written.clone(), turns)).collect();
    orders.push(all(written.iter().rev().cloned().collect(), 0));
    let seen = |merged: &Result<Facts, String>| merged.as_ref().map(contents).map_err(Clone::clone);
    assert!(orders.iter().all(|other| seen(other) == seen(&orders[0])), "the order of the files matters");
    let place = folder.path().display().to_string() + "/";
    orders.remove(0).map_err(|text| text.replace(&place, ""))
}

type Contents = (Vec<Coverage>, Vec<Vec<Vec<Option<String>>>>);

fn contents(facts: &Facts) -> Contents {
    let rows = |table: &&Table| {
        let columns: Vec<String> = table.all_columns().map(|column| format!("CAST({} AS TEXT)", column.name)).collect();
        let mut rows = facts.texts(&format!("SELECT {} FROM {}", columns.join(", "), table.name)).unwrap();
        rows.sort();
        rows
    };
    (facts.coverage().to_vec(), schema().tables().iter().map(rows).collect())
}

/// Table, scope, completeness, and who says so or why it is not known.
fn told(facts: &Facts, table: &Table, scope: &str) -> (Completeness, String) {
    let of_table = |c: &&Coverage| c.table == table.name && c.scope == scope;
    let statement =
        facts.coverage().iter().find(of_table).unwrap_or_else(|| panic!("nothing on {} of {scope}", table.name));
    let condition = table.scope.column().map_or(String::new(), |column| format!(" WHERE {} = '{scope}'", column.name));
    let rows = facts.texts(&format!("SELECT {} FROM {}{condition}", table.columns[0].name, table.name)).unwrap();
    assert_eq!(statement.rows, rows.len() as u64);
    let said = rows.first().and_then(|row| row[0].clone());
    (statement.completeness, said.or(statement.reason.as_ref().map(ToString::to_string)).unwrap_or_default())
}

fn complete(name: &str) -> (Completeness, String) {
    (Completeness::Complete, name.to_owned())
}

fn misfit(drafts: Vec<Draft>, expected: &str) {
    assert_eq!(merged(drafts).map(|_| "merged".to_owned()), Err(expected.to_owned()));
}

#[test]
fn why_a_server_has_no_snapshot_is_told_where_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let why = Reason::from(Files::NotRegular { path: "/lost".to_owned() });
    let missing = [("mail-1".to_owned(), why.clone())].into();
    // One alone fits itself, even where it does not say of which installation it is.
    let core = core().told(|origin| origin.installation_id = None).write(folder.path());
    let facts = merge_without(vec![core], &missing, &schema(), NOON + 60).unwrap();
    assert_eq!(told(&facts, &PACKAGE, "mail-1"), (Completeness::Absent, why.to_string()));
    assert_eq!(told(&facts, &SPOOL, "mail-2").1, "no snapshot of server mail-2 was given");
    assert_eq!(told(&facts, &PACKAGE, "core"), complete("core.facts"));
}

#[test]
fn every_server_tells_of_its_own_files() {
    let facts = merged(vec![core(), mail("1.facts", "mail-1"), mail("2.facts", "mail-2")]).unwrap();
    for (uid, name) in [("core", "core.facts"), ("mail-1", "1.facts"), ("mail-2", "2.facts")] {
        assert_eq!(told(&facts, &PACKAGE, uid), complete(name));
    }
    assert_eq!(told(&facts, &SPOOL, "mail-2"), complete("2.facts"));
    assert!(facts.coverage().iter().all(|c| c.completeness == Completeness::Complete), "{:#?}", facts.coverage());
    let origin = facts.origin();
    assert_eq!((origin.collected_at, origin.is_merged, origin.server_uid.as_deref()), (NOON, true, None));
    assert_eq!(origin.installation_id.as_deref(), Some("bluemind-1"));
}

#[test]
fn a_server_without_a_snapshot_is_a_gap_that_names_it() {
    let facts = merged(vec![core(), mail("1.facts", "mail-1")]).unwrap();
    for table in [&PACKAGE, &SPOOL] {
        let reason = "no snapshot of server mail-2 was given".to_owned();
        assert_eq!(told(&facts, table, "mail-2"), (Completeness::Absent, reason));
    }
    let lost = mail("2.facts", "mail-2").told(|origin| origin.server_uid = None);
    let facts = merged(vec![core(), mail("1.facts", "mail-1").lacks(&UNIT, "mail-1"), lost]).unwrap();
    // Whose files they are is told by the scope; only the place of collection is not known.
    assert_eq!(told(&facts, &PACKAGE, "mail-2"), complete("2.facts"));
    let reason = Reason::from(reason_of("1.facts")).to_string();
    assert_eq!(told(&facts, &UNIT, "mail-1"), (Completeness::Absent, reason), "its own reason, not the core's");
    let lost = Draft::new("2.facts", "").told(|origin| origin.server_uid = None);
    let facts = merged(vec![core(), lost]).unwrap();
    let (_, reason) = told(&facts, &PACKAGE, "mail-2");
    assert!(reason.contains("no snapshot of server mail-2 was given; on which server"), "{reason}");
    assert!(reason.ends_with("2.facts was collected could not be told"), "{reason}");
}

#[test]
fn what_was_collected_where_nobody_knew_the_roles_is_sorted_out() {
    let blind = |name, uid: &str| mail(name, uid).lacks(&SERVER, "directory").lacks(&SHARD, "*").lacks(&PACKAGE, "*");
    let facts = merged(vec![core(), blind("1.facts", "mail-1"), mail("2.facts", "mail-2")]).unwrap();
    assert!(facts.coverage().iter().all(|c| c.scope != "*" && c.completeness == Completeness::Complete));
    // The core is no mail backend: what was found of a Cyrus there is not expected of it.
    let core = core().has(&SPOOL, "core");
    let facts = merged(vec![core, mail("1.facts", "mail-1"), mail("2.facts", "mail-2")]).unwrap();
    assert!(!facts.coverage().iter().any(|c| c.table == "spool" && c.scope == "core"));
    assert_eq!(facts.texts("SELECT says FROM spool ORDER BY 1").unwrap().len(), 2);
}

#[test]
fn without_the_directory_everything_that_was_read_is_kept_and_nothing_looks_complete() {
    let blind = |name, uid: &str| mail(name, uid).lacks(&SERVER, "directory").lacks(&PACKAGE, "*");
    let with_copy = blind("1.facts", "mail-1").has(&PACKAGE, "mail-3");
    let facts = merged(vec![with_copy, blind("2.facts", "mail-2")]).unwrap();
    assert_eq!(told(&facts, &SPOOL, "mail-1"), complete("1.facts"));
    assert_eq!(told(&facts, &PACKAGE, "mail-3"), complete("1.facts"));
    let is_made_up = |c: &Coverage| c.table != "package" && c.scope == "mail-3";
    assert!(!facts.coverage().iter().any(is_made_up), "nobody has told more of it");
    for (table, scope) in [(&PACKAGE, "*"), (&SPOOL, "*"), (&SHARD, "*"), (&MAILBOX, "directory"), (&DNS, "network")] {
        let of_table = facts.coverage().iter().find(|c| c.table == table.name && c.scope == scope).unwrap();
        assert_eq!(of_table.completeness, Completeness::Absent, "{}", table.name);
    }
}

#[test]
fn databases_are_taken_from_who_read_them_best() {
    use Completeness::{Absent, Complete, NotAttempted, Partial};
    let best = |core_knows, mail_knows, mail_at| {
        let first = core().is(&SHARD, "mail-1", core_knows).is(&MAILBOX, "directory", core_knows);
        let second = mail("1.facts", "mail-1").directory().is(&SHARD, "mail-1", mail_knows);
        let second = second.is(&MAILBOX, "directory", mail_knows).told(|origin| origin.collected_at = mail_at);
        let facts = merged(vec![first, second]).unwrap();
        [told(&facts, &MAILBOX, "directory"), told(&facts, &SHARD, "mail-1")]
            .map(|(_, name)| name.replace(": not a regular file", ""))
    };
    for (core_knows, mail_knows, expected) in [
        (Complete, Complete, ["core.facts", "1.facts"]),
        (Complete, Partial, ["core.facts", "core.facts"]),
        (Partial, Complete, ["1.facts", "1.facts"]),
        (Absent, Partial, ["1.facts", "1.facts"]),
        (Absent, NotAttempted, ["core.facts", "core.facts"]),
        (Absent, Absent, ["core.facts", "1.facts"]),
    ] {
        assert_eq!(best(core_knows, mail_knows, NOON), expected, "{core_knows:?} {mail_knows:?}");
        assert_eq!(best(core_knows, mail_knows, NOON + 30), expected, "a later snapshot comes after the core's");
    }
    let of = |name, uid, at| Draft::new(name, uid).directory().told(move |origin| origin.collected_at = at);
    let facts = merged(vec![of("a.facts", "mail-1", NOON), of("b.facts", "mail-2", NOON + 1)]).unwrap();
    assert_eq!(told(&facts, &MAILBOX, "directory"), complete("b.facts"), "the later one where none is the core's");
}

#[test]
fn what_the_directories_do_not_tell_alike_is_a_change() {
    let changes = |facts: &Facts| {
        let rows = facts.texts("SELECT says FROM mailbox_change ORDER BY says").unwrap();
        rows.into_iter().flatten().flatten().collect::<Vec<_>>()
    };
    let facts = merged(vec![core(), mail("1.facts", "mail-1").directory(), mail("2.facts", "mail-2")]).unwrap();
    assert_eq!(changes(&facts), ["1.facts", "core.facts"], "who does not see the directory tells nothing of it");
    assert_eq!(told(&facts, &CHANGE, "directory"), complete("1.facts"));
    // What changed while one of them was collected is a change as well, whoever was collected then.
    let mut other = mail("1.facts", "mail-1").directory();
    let told_then = vec![vec!["meanwhile".into()], vec!["1.facts".into()]];
    other.fill(&CHANGE, "directory", told_then, Completeness::Complete);
    let facts = merged(vec![core(), other, mail("2.facts", "mail-2").directory()]).unwrap();
    assert_eq!(changes(&facts), ["1.facts", "2.facts", "core.facts", "meanwhile"]);
    let blind = mail("1.facts", "mail-1").directory().lacks(&CHANGE, "directory");
    let (completeness, reason) = told(&merged(vec![core(), blind]).unwrap(), &CHANGE, "directory");
    assert_eq!((completeness, reason), (Completeness::Absent, Reason::from(reason_of("1.facts")).to_string()));
    let partly = mail("1.facts", "mail-1").directory().is(&MAILBOX, "directory", Completeness::Partial);
    assert_eq!(changes(&merged(vec![core(), partly]).unwrap()), [""; 0], "half a directory differs without a change");
}

#[test]
fn the_network_is_seen_from_the_core_and_never_from_two_places() {
    use Completeness::{Absent, Complete};
    for (core_dns, core_http, expected) in [
        (Complete, Complete, ["core.facts", "core.facts"]),
        // What the core cannot resolve must not be answered by another's resolver.
        (Complete, Absent, ["core.facts", "core.facts: not a regular file"]),
        (Absent, Absent, ["1.facts", "1.facts"]),
    ] {
        let core = core().is(&DNS, "network", core_dns).is(&HTTP, "network", core_http);
        let other = mail("1.facts", "mail-1").has(&DNS, "network").has(&HTTP, "network");
        let facts = merged(vec![core, other.told(|origin| origin.collected_at = NOON + 30)]).unwrap();
        assert_eq!([&DNS, &HTTP].map(|table| told(&facts, table, "network").1), expected);
    }
}

#[test]
fn a_server_itself_is_believed_rather_than_a_copy_of_its_files() {
    let copies = core().has(&PACKAGE, "mail-1").lacks(&UNIT, "mail-1").lacks(&SPOOL, "mail-1");
    let facts = merged(vec![copies, mail("1.facts", "mail-1").lacks(&UNIT, "mail-1")]).unwrap();
    assert_eq!(told(&facts, &PACKAGE, "mail-1"), complete("1.facts"));
    let copies = core().files("mail-1");
    let nothing = mail("1.facts", "mail-1").lacks(&PACKAGE, "mail-1").lacks(&UNIT, "mail-1").lacks(&SPOOL, "mail-1");
    let facts = merged(vec![copies, nothing]).unwrap();
    assert_eq!(told(&facts, &PACKAGE, "mail-1"), complete("core.facts"), "it could not read its own files");
}

#[test]
fn what_the_directory_is_told_to_be_twice_is_not_known() {
    let moved: Vec<_> = ROLES.iter().copied().chain([("mail-2", "bm/pgsql-data")]).collect();
    let other = mail("1.facts", "mail-1").roles(&moved).told(|origin| origin.collected_at = NOON - 3600);
    let facts = merged(vec![core(), other]).unwrap();
    assert_eq!(told(&facts, &DOMAIN, "directory").0, Completeness::Complete, "both tell the same domains");
    let (completeness, reason) = told(&facts, &SERVER_ROLE, "directory");
    assert_eq!(completeness, Completeness::Absent);
    for part in
        ["core.facts (collected 2026-11-02T12:00:00Z)", "1.facts (collected 2026-11-02T11:00:00Z)", "differently"]
    {
        assert!(reason.contains(part), "{reason}");
    }
    let (unknown, of_shards) = told(&facts, &SHARD, "*");
    assert!(unknown == Completeness::Absent && of_shards.contains("differently"), "{of_shards}");
    assert_eq!(told(&facts, &SPOOL, "mail-1"), complete("1.facts"), "findings in what was read are kept");
}

#[test]
fn snapshots_that_do_not_belong_together_are_refused() {
    let one = || mail("1.facts", "mail-1");
    misfit(
        vec![core(), one().told(|origin| origin.tool_version = "1.1".to_owned())],
        "core.facts was written by bm-preflight 1.0, 1.facts by 1.1: collect on every server with the same version",
    );
    misfit(
        vec![core(), one().told(|origin| origin.installation_id = Some("bluemind-2".to_owned()))],
        "two installations: core.facts is of bluemind-1, 1.facts is of bluemind-2",
    );
    misfit(
        vec![core(), one().told(|origin| origin.installation_id = None)],
        "1.facts does not tell which installation it is of: neither /etc/bm/mcast.id nor the directory database could be \
         read there",
    );
    merged(vec![core().told(|origin| origin.installation_id = None), one()]).unwrap();
    misfit(
        vec![core(), mail("9.facts", "mail-9")],
        "9.facts was collected on server mail-9; the installation of core.facts has the servers core, mail-1, mail-2: \
         leave it out",
    );
    misfit(
        vec![core(), one(), mail("again.facts", "mail-1").told(|origin| origin.collected_at = NOON - 7200)],
        "1.facts (collected 2026-11-02T12:00:00Z) and again.facts (collected 2026-11-02T10:00:00Z) both tell of server \
         mail-1: leave the older one out, again.facts",
    );
    misfit(
        vec![core().files("mail-2"), one().files("mail-2")],
        "core.facts (collected 2026-11-02T12:00:00Z) and 1.facts (collected 2026-11-02T12:00:00Z) both tell of server \
         mail-2: leave one of them out",
    );
    misfit(
        vec![core(), one().told(|origin| origin.is_merged = true)],
        "1.facts was merged from the snapshots of several servers: give those instead",
    );
    misfit(
        vec![core(), one().told(|origin| origin.collected_at = NOON - 24 * 3600 - 1)],
        "1.facts (collected 2026-11-01T11:59:59Z) and core.facts (collected 2026-11-02T12:00:00Z) are more than 24 hours \
         apart: facts of different days do not fit together, collect again",
    );
    merged(vec![core(), one().told(|origin| origin.collected_at = NOON - 24 * 3600)]).unwrap();
}

#[test]
fn clocks_that_are_wrong_are_named() {
    let one = || mail("1.facts", "mail-1");
    misfit(
        vec![core(), one().told(|origin| origin.clock_ahead_s = Some(-61))],
        "the clocks of server core (core.facts) and server mail-1 (1.facts) are 61 s apart: that of core.facts is 0 s ahead \
         of the directory database's, that of 1.facts is 61 s behind the directory database's. Set the clock of server \
         mail-1 (1.facts), and collect there again",
    );
    merged(vec![core(), one().told(|origin| origin.clock_ahead_s = Some(60))]).unwrap();
    merged(vec![core(), one().told(|origin| origin.clock_ahead_s = None)]).unwrap();
    // This machine's clock is a minute past noon.
    misfit(
        vec![core(), one().told(|origin| origin.collected_at = NOON + 361)],
        "1.facts (collected 2026-11-02T12:06:01Z) is later than this machine's clock, 2026-11-02T12:01:00Z: look at the \
         clock of server mail-1 (1.facts) and at this machine's",
    );
    merged(vec![core(), one().told(|origin| origin.collected_at = NOON + 360)]).unwrap();
}

#[test]
fn the_same_file_twice_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (path, facts) = core().write(folder.path());
    let link = folder.path().join("link.facts");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    // What is not there any more is known by its path alone.
    let gone = folder.path().join("gone.facts");
    let said = |files: [&PathBuf; 2]| {
        merge(files.map(|file| (file.clone(), facts.clone())).into(), &schema(), NOON).unwrap_err().to_string()
    };
    assert!(said([&path, &path]).ends_with("core.facts is given twice"));
    assert!(said([&gone, &gone]).ends_with("gone.facts is given twice"));
    assert!(said([&path, &link]).ends_with("link.facts are the same file"));
}

/// The statement would be believed: the rows must not be less than what a table allows.
#[test]
fn rows_that_no_table_would_take_are_a_damaged_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let written = [core(), mail("1.facts", "mail-1")].map(|draft| draft.write(folder.path()));
    let hostile = rusqlite::Connection::open(folder.path().join("1.facts")).unwrap();
    hostile.execute_batch("PRAGMA ignore_check_constraints = 1; UPDATE unit SET state = 'so-so'").unwrap();
    drop(hostile);
    let error = merge(written.to_vec(), &schema(), NOON).unwrap_err().to_string();
    assert!(error.contains("1.facts: damaged snapshot (CHECK constraint failed"), "{error}");
}

//! Both databases as a whole, and each of their tables, in every way in which one can be short.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bm_preflight::app;
use bm_preflight::config::Config;
use bm_preflight::fact::{Facts, ScopeKind};

use super::collecting::{Checks, Judges, Place, settle};
use super::{Allowed, Walk};
use crate::support::bluemind::{DIRECTORY, Installation};
use crate::support::postgres::{Cluster, free_port};

const SHARD: &str = "bm-master";

/// What may change without a word.
const ALLOWED: &[Allowed] = &[
    ("*", "*", "relation", "sizes and estimates: tables that are gone take no room"),
    ("bm-master: t_container_item", "Empty", "mapi_folder", "the folders that it tells of are gone with it: folder"),
    (
        "bm-master: t_mailbox_record",
        "Empty",
        "folder",
        "what is missing in the shard is told by the comparison with Cyrus",
    ),
    (
        "bm-master: t_container*",
        "Empty",
        "record_lookup",
        "folders that are not there are told by the comparison with Cyrus, not by a look for files",
    ),
    (
        "bm-master: t_mailbox_re*",
        "Empty",
        "record_lookup",
        "records that are not there are told by the comparison with Cyrus, not by a look for their files",
    ),
    (
        "bm-master: t_mailbox_replica",
        "Empty",
        "unfound_folder",
        "folders that are not there are told by the comparison with Cyrus",
    ),
    (
        "bm-master: t_*",
        "Empty",
        "deleted_mail",
        "folders and records that are not there are told by the comparison with Cyrus, not by what was deleted in them",
    ),
    ("bm-master: t_mapi_raw_message", "Empty", "mapi_folder", "folders that only Outlook sees may be empty"),
    ("bm-master: t_message_body", "Empty", "replication_progress", "nobody uses the mailboxes: they are told as such"),
    ("directory: t_component_version", "Empty", "component_version", "the packages tell the version as well"),
    ("directory: t_mailbox_email", "Empty", "mailbox", "a mailbox may have no address"),
    ("directory: t_mapi_replica", "Empty", "mapi_replica", "nobody uses Outlook"),
    ("directory: t_systemconf", "Empty", "installation", "what is not configured is not there"),
    ("*directory*", "Empty|Another", "upgrader", "none has run since it was installed"),
];

/// A way in which a whole database is short: what is done with each of its tables, and what undoes it.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// It is not there, as in another release.
    Missing,
    /// BlueMind's role may not read it.
    Forbidden,
    /// Policies keep rows from it.
    Hidden,
    /// Its columns have other names, as in another release.
    Otherwise,
    /// Reading it fails.
    Broken,
    /// Somebody else holds it.
    Locked,
}

const WAYS: &[Way] = &[Way::Missing, Way::Forbidden, Way::Hidden, Way::Otherwise, Way::Broken, Way::Locked];

impl Way {
    fn statements(self, table: &str, columns: &[String]) -> (String, String) {
        let each = |rename: &dyn Fn(&String) -> String| columns.iter().map(rename).collect::<String>();
        match self {
            Self::Missing => (
                format!("ALTER TABLE {table} RENAME TO kept_{table};"),
                format!("ALTER TABLE kept_{table} RENAME TO {table};"),
            ),
            Self::Forbidden => (format!("REVOKE ALL ON {table} FROM bj;"), format!("GRANT ALL ON {table} TO bj;")),
            Self::Hidden => (
                format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"),
                format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;"),
            ),
            Self::Otherwise => (
                each(&|column| format!("ALTER TABLE {table} RENAME COLUMN \"{column}\" TO \"{column}_\";")),
                each(&|column| format!("ALTER TABLE {table} RENAME COLUMN \"{column}_\" TO \"{column}\";")),
            ),
            Self::Broken => (
                format!(
                    "ALTER TABLE {table} RENAME TO kept_{table};
                     CREATE VIEW {table} AS SELECT * FROM kept_{table} WHERE 1 / (random() * 0)::int = 1;"
                ),
                format!("DROP VIEW {table}; ALTER TABLE kept_{table} RENAME TO {table};"),
            ),
            Self::Locked => (format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;"), String::new()),
        }
    }
}

/// A database of the installation.
struct Database<'i> {
    installation: &'i Installation<'static>,
    scope: &'static str,
    tables: Vec<(String, Vec<String>)>,
}

impl<'i> Database<'i> {
    fn of(installation: &'i Installation<'static>, scope: &'static str) -> Self {
        let told = installation.sql(
            scope,
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
               AND query_to_xml(format('SELECT 1 FROM %I LIMIT 1', c.relname), false, true, '')::text <> ''
             ORDER BY 1, 2",
        );
        let mut tables: Vec<(String, Vec<String>)> = Vec::new();
        for (table, column) in told.lines().map(|line| line.split_once('|').unwrap()) {
            match tables.last_mut() {
                Some((last, columns)) if last == table => columns.push(column.to_owned()),
                _ => tables.push((table.to_owned(), vec![column.to_owned()])),
            }
        }
        Self { installation, scope, tables }
    }

    /// Looks while the whole database is short in a way.
    fn during<T>(&self, way: Way, look: impl FnOnce() -> T) -> T {
        let statements = self.tables.iter().map(|(table, columns)| way.statements(table, columns));
        let (done, undone): (String, String) = statements.unzip();
        if matches!(way, Way::Locked) {
            let database = self.installation.database(self.scope);
            let _held = Cluster::shared().hold(database, &format!("BEGIN; {done} SELECT pg_sleep(0)"));
            return look();
        }
        self.installation.sql(self.scope, &done);
        let seen = look();
        self.installation.sql(self.scope, &undone);
        seen
    }

    /// Looks while one of its tables is empty.
    fn without_rows<T>(&self, table: &str, look: impl FnOnce() -> T) -> T {
        let kept = format!(
            "ALTER TABLE {table} RENAME TO kept_{table}; CREATE TABLE {table} (LIKE kept_{table} INCLUDING ALL);"
        );
        self.installation.sql(self.scope, &kept);
        let seen = look();
        self.installation.sql(self.scope, &format!("DROP TABLE {table}; ALTER TABLE kept_{table} RENAME TO {table};"));
        seen
    }
}

/// Installations that are walked at once.
const COPIES: usize = 6;

const OF_DIRECTORY: &[ScopeKind] = &[ScopeKind::Directory];
const OF_SHARD: &[ScopeKind] = &[ScopeKind::Directory, ScopeKind::Shard, ScopeKind::Database, ScopeKind::Backend];

/// Something to try: a database that is short as a whole, that is not the right one, or one of its tables that is empty.
enum Fault {
    Whole(&'static str, Way),
    Instead(&'static str, &'static str),
    Empty(&'static str, String),
}

impl Fault {
    fn all(installation: &Installation<'static>) -> Vec<Self> {
        let mut faults = Vec::new();
        for scope in [SHARD, DIRECTORY] {
            let tables = Database::of(installation, scope).tables;
            faults.extend(tables.into_iter().map(|(table, _)| Self::Empty(scope, table)));
            faults.extend(WAYS.iter().map(|way| Self::Whole(scope, *way)));
            faults.extend(["Refused", "Password", "Another"].map(|way| Self::Instead(scope, way)));
        }
        faults
    }

    fn scope(&self) -> &'static str {
        match self {
            Self::Whole(scope, _) | Self::Instead(scope, _) | Self::Empty(scope, _) => scope,
        }
    }

    /// What is collected meanwhile, and the words for it.
    fn during(&self, installation: &mut Installation<'static>, now: i64) -> (Facts, String, String) {
        let kinds = kinds(self.scope());
        let whole = format!("the database of {}", self.scope());
        match self {
            Self::Whole(scope, way) => {
                let facts =
                    Database::of(installation, scope).during(*way, || place(installation, kinds, now).collect());
                (facts, whole, format!("{way:?}"))
            }
            Self::Empty(scope, table) => {
                let look = || place(installation, kinds, now).collect();
                let facts = Database::of(installation, scope).without_rows(table, look);
                (facts, format!("{scope}: {table}"), "Empty".to_owned())
            }
            Self::Instead(scope, way) => {
                let url = installation.url(scope);
                let instead = match *way {
                    "Refused" => format!("postgresql://bj:bj@127.0.0.1:{}/bj", free_port(Ipv4Addr::LOCALHOST)),
                    "Password" => url.replacen("bj:", "bj:not-", 1),
                    _ => installation.url(if *scope == DIRECTORY { SHARD } else { DIRECTORY }),
                };
                installation.urls.insert((*scope).to_owned(), instead);
                let facts = place(installation, kinds, now).collect();
                installation.urls.insert((*scope).to_owned(), url);
                (facts, whole, (*way).to_owned())
            }
        }
    }
}

fn kinds(scope: &str) -> &'static [ScopeKind] {
    if scope == DIRECTORY { OF_DIRECTORY } else { OF_SHARD }
}

fn place(installation: &Installation<'static>, kinds: &'static [ScopeKind], now: i64) -> Place {
    drop(installation.command("collect"));
    let config = Config::read(&installation.path("bm-preflight.toml")).unwrap();
    let root = installation.path("root");
    Place { config, root, now, kinds, topology: None, is_offline: true }
}

#[test]
fn databases_and_their_tables() {
    let (checks, now) = (Checks::new(), jiff::Timestamp::now().as_second());
    let build = || {
        let mut installation = Installation::build("healthy_single");
        for scope in [DIRECTORY, SHARD] {
            let url = installation.url(scope) + "?options=-c%20lock_timeout%3D50";
            installation.urls.insert(scope.to_owned(), url);
        }
        settle(&installation.path("root"), now);
        installation
    };
    let first = build();
    let judges = BTreeMap::from([DIRECTORY, SHARD].map(|scope| {
        (scope, Judges::healed(&checks, &place(&first, kinds(scope), now).collect(), &first.path("root")))
    }));
    let (faults, next, walk) = (Fault::all(&first), AtomicUsize::new(0), Mutex::new(Walk::default()));
    let work = || {
        let mut installation = build();
        while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (facts, source, way) = fault.during(&mut installation, now);
            let fates = judges[fault.scope()].fates(&facts, &installation.path("root"));
            walk.lock().unwrap().note(source, way, fates);
        }
    };
    std::thread::scope(|scope| (0..COPIES).for_each(|_| drop(scope.spawn(work))));
    let kinds = [ScopeKind::Directory, ScopeKind::Shard, ScopeKind::Database];
    walk.into_inner().unwrap().judge(&app::schema(), &kinds, ALLOWED);
}

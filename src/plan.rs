//! Selected checks → tables → expected scopes.

use std::collections::BTreeSet;

use crate::check::Check;
use crate::fact::{Schema, ScopeKind, Store, StoreError, Table};
use crate::model::Coverage;
use crate::topology::Topology;

/// Tables that every run reads: without them neither the servers nor the installed release are known, nor whether the
/// directory is one that somebody uses.
const ALWAYS: &[&str] = &["installation", "server", "server_role", "domain", "component_version", "package"];

/// Tables that the probes of the network take the mail domains from.
const MAIL_NAMES: &[&str] = &["domain", "domain_alias"];

/// Tables that a shard is known by as that of its server.
const SHARD_MARKS: &[&str] = &["mailbox"];

/// Which tables are to be filled.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Those that there are.
    pub schema: Schema,
    /// The tables, ordered by name.
    pub tables: Vec<&'static Table>,
}

impl Plan {
    /// The tables that the checks read.
    pub fn of_checks(checks: &[&Check], schema: &Schema) -> Self {
        let read: BTreeSet<&str> = checks
            .iter()
            .flat_map(|check| check.tables.iter().map(|table| table.name))
            .chain(ALWAYS.iter().copied())
            .collect();
        let needs = |tables: &'static [&'static str], kinds: &[ScopeKind]| {
            let needs = |table: &&'static Table| kinds.contains(&table.scope) && read.contains(table.name);
            if schema.tables().iter().any(needs) { tables } else { &[] }
        };
        let names = needs(MAIL_NAMES, &[ScopeKind::Network]);
        // Cyrus' messages are compared with those of the shard.
        let marks = needs(SHARD_MARKS, &[ScopeKind::Shard, ScopeKind::Backend]);
        let is_read =
            |table: &Table| read.contains(table.name) || names.contains(&table.name) || marks.contains(&table.name);
        let tables = schema.tables().iter().filter(|table| is_read(table)).copied().collect();
        Self { schema: schema.clone(), tables }
    }

    /// Every table: for a snapshot that any check may be replayed on.
    pub fn everything(schema: &Schema) -> Self {
        Self { schema: schema.clone(), tables: schema.tables().to_vec() }
    }

    /// Whether the table is to be filled.
    pub fn wants(&self, table: &Table) -> bool {
        self.tables.iter().any(|wanted| wanted.name == table.name)
    }

    /// The tables of one kind of scope.
    pub fn of_kind(&self, kind: ScopeKind) -> impl Iterator<Item = &'static Table> {
        self.tables.iter().copied().filter(move |table| table.scope == kind)
    }

    /// Every (table, scope) that the topology lets expect. What cannot be told is an `absent` statement on the scope `*`.
    pub fn expected(&self, topology: &Topology) -> (Vec<(&'static Table, String)>, Vec<Coverage>) {
        let mut expected = Vec::new();
        let mut absent = Vec::new();
        for table in &self.tables {
            match topology.scopes(table.scope) {
                Ok(scopes) => expected.extend(scopes.into_iter().map(|scope| (*table, scope))),
                Err(reason) => absent.push(Coverage::absent(table.name, "*", reason)),
            }
        }
        (expected, absent)
    }

    /// Writes what is expected into the store, before anything is collected.
    pub fn announce(&self, topology: &Topology, store: &mut Store) -> Result<(), StoreError> {
        let (expected, absent) = self.expected(topology);
        for (table, scope) in expected {
            store.expect(table.name, &scope)?;
        }
        absent.iter().try_for_each(|statement| store.record(statement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample::check;
    use crate::collect;
    use crate::fact::store::Origin;
    use crate::fact::{Column, SqlError};
    use crate::model::reason::Run;
    use crate::model::{Completeness, Reason};
    use crate::topology::{self, DIRECTORY, Identity, Server};

    const fn table(name: &'static str, scope: ScopeKind) -> Table {
        Table { name, doc: "", grain: "", scope, columns: SAYS }
    }
    const SAYS: &[Column] = &[Column::text("says", "")];
    const ALIAS: Table = table("domain_alias", ScopeKind::Directory);
    const DNS: Table = table("dns", ScopeKind::Network);
    const DOMAIN: Table = table("domain", ScopeKind::Directory);
    const HTTP: Table = table("http", ScopeKind::Network);
    const MAILBOX: Table = table("mailbox", ScopeKind::Directory);
    const PACKAGE: Table = table("package", ScopeKind::Server);
    const SERVER: Table = table("server", ScopeKind::Directory);
    const SHARD: Table = table("shard", ScopeKind::Shard);
    const UNIT: Table = table("unit", ScopeKind::Server);

    fn schema() -> Schema {
        Schema::new([&ALIAS, &DNS, &DOMAIN, &HTTP, &MAILBOX, &PACKAGE, &SERVER, &SHARD, &UNIT])
    }

    /// The plan for a check that reads these tables.
    fn plan(tables: &str) -> Plan {
        let check = check(&schema(), "", &format!("SELECT 's' AS subject FROM {}", tables.replace(", ", " JOIN ")));
        Plan::of_checks(&[&check], &schema())
    }

    #[test]
    fn what_is_read_is_filled_with_what_the_network_and_the_shards_are_known_by() {
        for (read, expected) in [
            ("unit", vec!["domain", "package", "server", "unit"]),
            ("mailbox, unit", vec!["domain", "mailbox", "package", "server", "unit"]),
            ("package", vec!["domain", "package", "server"]),
            ("shard", vec!["domain", "mailbox", "package", "server", "shard"]),
            ("dns", vec!["dns", "domain", "domain_alias", "package", "server"]),
            ("domain, http", vec!["domain", "domain_alias", "http", "package", "server"]),
        ] {
            let plan = plan(read);
            assert_eq!(plan.tables.iter().map(|table| table.name).collect::<Vec<_>>(), expected, "{read}");
            for table in schema().tables() {
                assert_eq!(plan.wants(table), expected.contains(&table.name), "{} for {read}", table.name);
            }
        }
        assert_eq!(Plan::of_checks(&[], &schema()).tables, [&DOMAIN, &PACKAGE, &SERVER]);
        assert_eq!(Plan::everything(&schema()).tables, schema().tables());
    }

    #[test]
    fn what_the_program_itself_asks_is_filled_whatever_is_checked() {
        let reader = Store::in_memory(&collect::schema(), &Origin::default()).unwrap().into_reader().unwrap();
        let mut asked = BTreeSet::new();
        // A row for every question: without a core nothing more is asked.
        let mut ask = |sql: &str| {
            let prepared = reader.prepare(sql)?;
            asked.extend(prepared.tables);
            Ok::<_, SqlError>(vec![vec![Some("bm/core".to_owned()); prepared.columns.len()]])
        };
        let known = ["server", "server_role", "domain", "package"].map(|table| Coverage::complete(table, "*"));
        Topology::of(&known, &mut ask).unwrap();
        Identity::of(&mut ask).unwrap();
        topology::packages(&known, &mut ask).unwrap();
        assert_eq!(asked, ALWAYS.iter().map(|table| (*table).to_owned()).collect());
    }

    #[test]
    fn tables_are_found_by_the_kind_of_their_scope() {
        let of_kind = |kind| plan("mailbox, unit, dns").of_kind(kind).map(|table| table.name).collect::<Vec<_>>();
        assert_eq!(of_kind(ScopeKind::Server), ["package", "unit"]);
        assert_eq!(of_kind(ScopeKind::Network), ["dns"]);
        assert_eq!(of_kind(ScopeKind::Shard), [""; 0]);
    }

    /// What the store says of every table before anything is collected.
    fn announced(tables: &str, topology: &Topology) -> Vec<(String, String, Completeness, String)> {
        let mut store = Store::in_memory(&schema(), &Origin::default()).unwrap();
        plan(tables).announce(topology, &mut store).unwrap();
        let mut coverage = store.coverage().unwrap();
        coverage.sort_by(|a, b| (&a.table, &a.scope).cmp(&(&b.table, &b.scope)));
        let words = |reason: Option<Reason>| reason.map(|reason| reason.to_string()).unwrap_or_default();
        coverage.into_iter().map(|c| (c.table, c.scope, c.completeness, words(c.reason))).collect()
    }

    #[test]
    fn nothing_is_taken_for_looked_at_before_it_was() {
        let not_attempted = |table: &str, scope: &str| {
            (table.to_owned(), scope.to_owned(), Completeness::NotAttempted, "nothing reported on it".to_owned())
        };
        let absent =
            |table: &str, reason: &str| (table.to_owned(), "*".to_owned(), Completeness::Absent, reason.to_owned());
        let server = |uid: &str| Server { uid: uid.to_owned(), address: None, roles: BTreeSet::new() };
        let known = announced("dns, shard", &Topology::Known(vec![server("a"), server("b")]));
        let expected = [
            not_attempted("dns", "network"),
            not_attempted("domain", DIRECTORY),
            not_attempted("domain_alias", DIRECTORY),
            not_attempted("mailbox", DIRECTORY),
            not_attempted("package", "a"),
            not_attempted("package", "b"),
            not_attempted("server", DIRECTORY),
            absent("shard", "no server holds the role bm/pgsql-data"),
        ];
        assert_eq!(known, expected);
        let unknown = announced("mailbox", &Topology::Unknown(Run::NoServer.into()));
        let expected = [
            not_attempted("domain", DIRECTORY),
            not_attempted("mailbox", DIRECTORY),
            absent("package", "the servers of the installation are not known: the directory database lists no server"),
            not_attempted("server", DIRECTORY),
        ];
        assert_eq!(unknown, expected);
    }
}

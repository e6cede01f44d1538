//! A mail backend's Cyrus as its files show it: no lock, no Cyrus tool, nothing written.

mod conf;
mod indexes;
mod mailboxes;
mod spool;
mod tables;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use self::conf::Conf;
use self::mailboxes::Mailboxes;
use crate::collect::root::Root;
use crate::collect::sink::{Scope, Sink};
use crate::fact::{Row, Table};

pub(in crate::collect) use tables::TABLES;

/// Rows handed to the store at a time.
const BATCH: usize = 2_000;

/// Fills the wanted tables of one backend from the files below `root`. Blocks: the file systems answer in their time.
pub(in crate::collect) fn collect(server: &str, root: &Root, wanted: &[&'static Table], sink: &Sink) {
    let conf = Conf::read(root);
    let needs_mailboxes =
        wanted.iter().any(|table| table.name.starts_with("cyrus_") && table.name != "cyrus_partition");
    let mailboxes = match &conf {
        Ok(conf) if needs_mailboxes => Mailboxes::read(root, conf),
        Ok(_) => Err("not read".to_owned()),
        Err(reason) => Err(reason.clone()),
    };
    for table in wanted {
        fill(server, root, table, &conf, &mailboxes, sink);
    }
}

fn fill(
    server: &str,
    root: &Root,
    table: &'static Table,
    conf: &Result<Conf, String>,
    mailboxes: &Result<Mailboxes, String>,
    sink: &Sink,
) {
    let source = match (conf, mailboxes) {
        (_, Ok(read)) if table.name != "cyrus_partition" && table.name != "spool_directory" => read.source.clone(),
        (Ok(conf), _) => conf.source.clone(),
        (Err(_), _) => root.shown("/etc/imapd.conf"),
    };
    let scope = Scope::begin(sink, table, server, source);
    let conf = match conf {
        Ok(conf) => conf,
        Err(reason) => return scope.end(Err(reason.clone())),
    };
    if table.name == "spool_directory" {
        return match spool::collect(root, conf, &scope) {
            Ok(None) => scope.end(Ok(())),
            Ok(Some(reason)) => scope.end_partial(reason),
            Err(reason) => scope.end(Err(reason)),
        };
    }
    let outcome = match (table.name, mailboxes) {
        ("cyrus_partition", _) => scope.add(&conf.partitions()),
        (_, Err(reason)) => Err(reason.clone()),
        ("cyrus_database", Ok(read)) => scope.add(&[read.database()]),
        ("cyrus_entry_unreadable", Ok(read)) => scope.add(&read.unreadable()),
        ("cyrus_mailbox", Ok(read)) => add_all(&scope, read.rows(conf)),
        ("cyrus_index", Ok(read)) => indexes(root, read, &scope),
        (other, Ok(_)) => Err(format!("no collector fills {other}")),
    };
    scope.end(outcome);
}

fn add_all(scope: &Scope<'_>, rows: impl Iterator<Item = Row>) -> Result<(), String> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let batch: Vec<Row> = rows.by_ref().take(BATCH).collect();
        scope.add(&batch)?;
    }
    Ok(())
}

fn indexes(root: &Root, read: &Mailboxes, scope: &Scope<'_>) -> Result<(), String> {
    for batch in read.mailboxes.chunks(BATCH) {
        let rows: Vec<Row> = batch
            .par_iter()
            .filter_map(|mailbox| Some(indexes::row(root, mailbox, mailbox.directories.as_ref()?)))
            .collect();
        scope.add(&rows)?;
    }
    Ok(())
}

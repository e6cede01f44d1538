//! `facts …`.

use std::time::Duration;

use super::{Failure, Output, gather, pseudonyms, run};
use crate::cli::FactsCommand;
use crate::collect;
use crate::fact::Value;
use crate::model::text::visible;

/// Time that a question may take: `--help` tells it.
const LIMIT: Duration = Duration::from_secs(60);
/// Characters to which short cells are padded: one that is longer moves its own line alone.
const WIDEST: usize = 200;

/// What the statements of the reference page ask of a database.
const DATABASES: &str = "\
Statements are given below the tables that they fill. Each is one read of whole tables, by a role that needs SELECT alone, in
a read-only transaction. Records, items and bodies are read as they are and joined by this program, not by PostgreSQL. It is
given 10 minutes for each, and 10 seconds for a lock. What is larger than a quarter of its cache it reads through a ring of
256 kB: what others have there stays.

With `--low-priority` it works for a session with one process (`max_parallel_workers_per_gather` is 0), and after every 2000
rows nothing is taken for as long as those took, so that it waits. Records, items and bodies are then fetched 2000 at a time,
by short statements.
";

/// Carries out `facts …`.
pub(super) fn execute(command: &FactsCommand) -> Result<Output, Failure> {
    match command {
        FactsCommand::Pseudonymise(arguments) => pseudonyms::pseudonymise(arguments),
        FactsCommand::Reveal(arguments) => pseudonyms::reveal(arguments),
        FactsCommand::Schema => {
            let schema = super::schema();
            let version = schema.version();
            let reference = schema.reference(collect::statements);
            Ok(Output::text(format!("# Facts tables (schema {version})\n\n{DATABASES}\n{reference}")))
        }
        FactsCommand::Query { sql, from_facts, json } => {
            let reader = gather::replay(from_facts, run::clock())?.reader()?;
            let fail = |error| Failure::Usage(format!("query: {error}"));
            let columns = reader.prepare(sql).map_err(fail)?.columns;
            let twice = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name));
            if let Some((_, name)) = twice.filter(|_| *json) {
                let told = format!("query: two columns are called {name:?}: tell them apart with AS");
                return Err(Failure::Usage(told));
            }
            let rows = reader.rows(sql, LIMIT).map_err(fail)?;
            Ok(Output::text(if *json { json_lines(&columns, &rows) } else { table(&columns, &rows) }))
        }
    }
}

fn json_lines(columns: &[String], rows: &[Vec<Value>]) -> String {
    let mut out = String::new();
    for row in rows {
        let object: serde_json::Map<_, _> =
            columns.iter().cloned().zip(row.iter().map(crate::check::evaluate::to_json)).collect();
        out.push_str(&serde_json::Value::Object(object).to_string());
        out.push('\n');
    }
    out
}

fn table(columns: &[String], rows: &[Vec<Value>]) -> String {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.0.to_string(),
        Value::Text(text) => visible(text, false),
    };
    let body: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, name)| {
            body.iter().map(|row| row[i].chars().count()).chain([name.chars().count()]).max().unwrap_or(0).min(WIDEST)
        })
        .collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut out = line(columns) + &line(&rule);
    body.iter().for_each(|row| out.push_str(&line(row)));
    out
}

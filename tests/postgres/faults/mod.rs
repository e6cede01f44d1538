//! Every source of facts in every way in which it can be short: a table that is walked.
//!
//! Nobody lists which table is made from what. Everything that the installation `healthy_single` consists of, its files and
//! folders and the tables of its databases, is short once in each way, everything is collected, and each facts table is
//! held against what it was before. It is the same, or known not to be whole, or some check that reads it does not pass any
//! more; what may change in silence is listed here with its reason. A new facts table is tried without anyone's doing, and
//! one that nothing of the installation fills is told.

mod collecting;
mod databases;
mod files;
mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};

use bm_preflight::fact::{Schema, ScopeKind};
use collecting::Fate;
use glob::Pattern;

/// Tables that no walk can try, and why.
const UNTRIED: &[(&str, &str)] = &[
    ("collection", "it is made of nothing but the clock"),
    ("filesystem", "a copy of files has no space of its own: it is never known here"),
    ("record_lookup", "it needs both a shard and a spool: the walk of the databases has them"),
    ("unfound_folder", "the same"),
    ("unfound_message", "the same, and a message that 5 would not find"),
];

/// A source that is short in a certain way, by globs, a facts table that changes then without a word, and why it may.
type Allowed = (&'static str, &'static str, &'static str, &'static str);

/// What a line begins with that tells another process what was seen.
const LINE: &str = "fates ";

/// What was seen of one kind of sources.
#[derive(Default)]
struct Walk {
    fates: BTreeMap<(String, String), Fates>,
}

/// What became of each facts table.
type Fates = BTreeMap<String, Fate>;

impl Walk {
    fn note(&mut self, source: String, way: String, fates: Fates) {
        self.fates.insert((source, way), fates);
    }

    /// What was seen of one source, for another process.
    fn line(source: impl Display, way: impl Debug, fates: &Fates) -> String {
        format!("{LINE}{}", serde_json::json!([source.to_string(), format!("{way:?}"), fates]))
    }

    /// Takes over what another process has seen.
    fn read(&mut self, said: &str) {
        for line in said.lines().filter_map(|line| line.strip_prefix(LINE)) {
            let (source, way, fates) = serde_json::from_str::<(String, String, Fates)>(line).unwrap();
            self.fates.insert((source, way), fates);
        }
    }

    /// Prints the figure of the walk. Wrong is what changed in silence and may not, what may and never did, and a table of
    /// these kinds that no source fills.
    #[expect(clippy::print_stdout, reason = "the figure of the walk is what one reads it for")]
    fn judge(&self, schema: &Schema, kinds: &[ScopeKind], allowed: &[Allowed]) {
        let (mut counts, mut told, mut used) =
            (BTreeMap::<_, BTreeMap<Fate, usize>>::new(), BTreeSet::new(), BTreeSet::new());
        let mut wrong = Vec::new();
        for ((source, way), fates) in &self.fates {
            for (table, fate) in fates {
                *counts.entry(way.as_str()).or_default().entry(*fate).or_default() += 1;
                told.extend((*fate != Fate::Unharmed).then_some(table.as_str()));
                if *fate != Fate::Silent {
                    continue;
                }
                let matches = |glob: &str, text: &str| Pattern::new(glob).unwrap().matches(text);
                let may = |(of, in_way, what, _): &Allowed| {
                    matches(of, source)
                        && in_way.split('|').any(|word| word == way || word == "*")
                        && matches(what, table)
                };
                let excused: Vec<_> = allowed.iter().enumerate().filter(|(_, allowed)| may(allowed)).collect();
                if excused.is_empty() {
                    wrong.push(format!("{source} {way}: {table} differs, and nobody says so"));
                }
                used.extend(excused.iter().map(|(at, _)| *at));
            }
        }
        let unused = allowed.iter().enumerate().filter(|(at, _)| !used.contains(at));
        wrong.extend(
            unused.map(|(_, (source, way, table, _))| format!("{source} {way} {table}: allowed, and never seen")),
        );
        let tables = schema.tables().iter().filter(|table| kinds.contains(&table.scope)).map(|table| table.name);
        let untold = tables.filter(|name| !told.contains(name) && UNTRIED.iter().all(|(untried, _)| untried != name));
        wrong.extend(
            untold.map(|name| format!("{name}: nothing of the installation fills it, so that it is not tried")),
        );
        let sources: BTreeSet<_> = self.fates.keys().map(|(source, _)| source).collect();
        let tables: BTreeSet<_> = self.fates.values().flat_map(BTreeMap::keys).collect();
        let mut figure = format!("{} sources × {} tables:\n", sources.len(), tables.len());
        for (way, counts) in counts {
            figure.push_str(&format!("  {way:12} {counts:?}\n"));
        }
        println!("{figure}");
        assert!(wrong.is_empty(), "{figure}{}", wrong.join("\n"));
    }
}

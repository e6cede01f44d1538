//! What the checks of the program say of facts.

use std::path::Path;
use std::time::Duration;

use bm_preflight::cause;
use bm_preflight::check::evaluate::{self, Situation};
use bm_preflight::check::{Check, CheckFile, load};
use bm_preflight::fact::store::Origin;
use bm_preflight::fact::{Facts, Schema, Store};
use bm_preflight::model::{CheckResult, Coverage, Lang};
use bm_preflight::topology::{self, Topology};
use walkdir::WalkDir;

/// The checks below a folder of the repository.
pub(crate) fn checks(folder: &str, schema: &Schema) -> Vec<Check> {
    load(folder, schema, true)
}

/// The same with all that their files say, which a run does not need.
#[allow(dead_code, reason = "most tests judge facts")]
pub(crate) fn linted(folder: &str, schema: &Schema) -> Vec<Check> {
    load(folder, schema, false)
}

fn load(folder: &str, schema: &Schema, is_proven: bool) -> Vec<Check> {
    let files: Vec<CheckFile> = WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .into_iter()
        .map(|entry| entry.expect("a folder that can be read").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| CheckFile {
            text: std::fs::read_to_string(&path).expect("a check").into(),
            path: path.display().to_string(),
            is_proven,
        })
        .collect();
    let reader = Store::in_memory(schema, &Origin::new("test", 0)).and_then(Store::into_reader);
    load::load(&files, &[], schema, &reader.expect("an empty store")).unwrap_or_else(|defects| panic!("{defects:?}"))
}

/// What they say of facts, for an upgrade from one release to another.
pub(crate) fn judge(checks: &[Check], facts: &Facts, from: Option<String>, to: &str) -> Vec<CheckResult> {
    let reader = facts.reader().expect("facts can be read");
    let topology = Topology::of(facts.coverage(), |sql| reader.texts(sql)).expect("the topology can be read");
    let situation = Situation {
        lang: Lang::En,
        from,
        from_at_least: None,
        to: to.to_owned(),
        now: facts.origin().collected_at,
        coverage: facts.coverage(),
        gaps: facts.coverage().iter().flat_map(Coverage::gaps).collect(),
        holders: topology.holders(),
        packages: topology::packages(facts.coverage(), |sql| reader.texts(sql)).expect("packages can be read"),
        limit: Duration::from_secs(10),
        cut: None,
    };
    let mut results = evaluate::all(&checks.iter().collect::<Vec<_>>(), facts, &situation, 2);
    cause::settle(&mut results);
    results
}

//! Names that nobody would read to their end: they are told in short, and nothing else of the report suffers.

use std::collections::BTreeMap;
use std::path::Path;

use bm_preflight::app;
use bm_preflight::fact::fixture::Installation;
use bm_preflight::fact::store::SnapshotTarget;
use serde_json::Value;

use crate::json;

/// The report on the shipped installation with its facts changed by `change`, judged in `folder`.
fn judged(folder: &Path, change: impl FnOnce(String) -> String) -> Value {
    let text = std::fs::read_to_string("fixtures/installations/demo/facts.toml").unwrap();
    let installation = Installation::parse(&change(text)).unwrap();
    let path = folder.join("facts.db");
    let facts = app::fixture_facts(&installation, &app::schema()).unwrap();
    facts.save(SnapshotTarget::open(&path).unwrap()).unwrap();
    let (_, report) = json(&["run", "--from-facts", path.to_str().unwrap()]);
    report
}

fn outcomes(report: &Value) -> BTreeMap<String, (String, usize)> {
    let of = |check: &Value| {
        let text = |name: &str| check[name].as_str().unwrap().to_owned();
        (text("id"), (text("outcome"), check["findings"].as_array().unwrap().len()))
    };
    report["checks"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_name_without_end_changes_no_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let plain = judged(folder.path(), |text| text);
    for name in ["Board", "Croix-Rousse", "Permanences", "Relances", "Old office"] {
        let long = format!("{name}{}", "x".repeat(900_000));
        let report = judged(folder.path(), |text| {
            assert!(text.contains(name), "{name}");
            text.replace(name, &long)
        });
        let errors = report["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == "error");
        let errors: Vec<String> =
            errors.map(|check| format!("{}: {:.200}", check["id"], check["reason"].to_string())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        assert_eq!(outcomes(&report), outcomes(&plain), "{name}");
        assert_eq!(report["verdict"], plain["verdict"], "{name}");
        let findings =
            report["checks"].as_array().unwrap().iter().flat_map(|check| check["findings"].as_array().unwrap());
        let told: Vec<&str> = findings.filter_map(|finding| finding["subject"].as_str()).collect();
        let named = told.iter().filter(|subject| subject.contains(name));
        let lengths: Vec<usize> = named.map(|subject| subject.chars().count()).collect();
        assert!(!lengths.is_empty() && lengths.iter().all(|length| *length < 4_100), "{name}: {lengths:?}");
    }
}

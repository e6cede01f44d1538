//! The JSON report and its schema.

use bm_preflight::model::Lang;
use bm_preflight::report::{Report, json};
use bm_preflight::verdict::FailOn;
use serde_json::Value;

use crate::canonical::{HOSTILE, hostile, report, selection};

const SHIPPED: &str = "report-templates/report.schema.json";

fn parsed(report: &Report) -> Value {
    let text = json::render(report).unwrap();
    assert!(text.ends_with("}\n"));
    serde_json::from_str(&text).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_key_is_in_its_place() {
    let root = parsed(&report(Lang::En, FailOn::Blocker));
    assert_eq!(
        keys(&root),
        [
            "format",
            "tool",
            "run",
            "verdict",
            "exit_code",
            "summary",
            "plan",
            "questions",
            "owners",
            "servers",
            "forecast",
            "checks",
            "autodiscover",
            "public_urls",
            "coverage"
        ]
    );
    assert_eq!(keys(&root["tool"]), ["name", "version"]);
    assert_eq!(
        keys(&root["run"]),
        ["id", "started_at", "duration_ms", "lang", "is_demo", "window", "selection", "installation", "notices"]
    );
    let installation =
        ["name", "build", "release", "release_at_least", "target", "way", "servers", "collected_at", "facts_age_s"];
    assert_eq!(keys(&root["run"]["installation"]), installation);
    let way = &root["run"]["installation"]["way"];
    assert_eq!(way["stops"], serde_json::json!(["4.1"]));
    let step = serde_json::json!({ "from": "4.0", "to": "4.1", "coverage": "whole", "confidence": "source" });
    assert_eq!(way["steps"], serde_json::json!([step]));
    assert_eq!(keys(&root["summary"]["checks"]), ["pass", "fail", "unknown", "error", "not_applicable"]);
    assert_eq!(keys(&root["summary"]["findings"]), ["blocker", "warning", "info", "waived"]);
    let check = "id category severity title why reference outcome headline reason elapsed_ms examined proof missing \
                 remedies findings";
    assert_eq!(keys(&root["checks"][0]).join(" "), check);
    let remedy = ["problem", "who", "lead_days", "remediation", "risk", "when"];
    assert_eq!(keys(&root["checks"][0]["remedies"][0]), remedy);
    assert_eq!(keys(&root["checks"][0]["examined"][0]), ["table", "rows"]);
    assert_eq!(keys(&root["checks"][0]["missing"][0]), ["table", "scope", "place", "problem", "reason", "waived"]);
    let finding = "key subject severity message evidence remedy server commands owner waived explained_by";
    assert_eq!(keys(&root["checks"][0]["findings"][0]).join(" "), finding);
    assert_eq!(keys(&root["checks"][0]["findings"][2]["waived"]), ["reason", "expires"]);
    assert_eq!(keys(&root["checks"][5]["findings"][0]["explained_by"]), ["check", "subject"]);
    let task = "check severity sentence findings who when lead_days begin_by";
    assert_eq!(keys(&root["plan"][0]).join(" "), task);
    let question = "reason more_places scopes checks blocking cure steps";
    assert_eq!(keys(&root["questions"][0]).join(" "), question);
    let owner = "address servers suspended severity folders messages findings checks";
    assert_eq!(keys(&root["owners"][0]).join(" "), owner);
    assert_eq!(keys(&root["servers"][0]), ["uid", "roles", "tables", "findings", "replicated"]);
    let name = "name unicode_name domain_uid is_alias methods bm_mapi workstation steps vantages";
    assert_eq!(keys(&root["autodiscover"][0]).join(" "), name);
    assert_eq!(keys(&root["autodiscover"][0]["methods"][0]), ["method", "state", "reason"]);
    assert_eq!(keys(&root["autodiscover"][1]["vantages"][0]), ["label", "methods", "workstation"]);
    assert_eq!(keys(&root["public_urls"][0]), ["url", "methods", "steps", "vantages"]);
    let step = "depth kind target outcome status detail elapsed_ms";
    assert_eq!(keys(&root["autodiscover"][0]["steps"][0]).join(" "), step);
    let coverage = "table scope completeness reason gaps rows source elapsed_ms";
    assert_eq!(keys(&root["coverage"][0]).join(" "), coverage);
}

#[test]
fn values_are_those_of_the_run() {
    let root = parsed(&report(Lang::Fr, FailOn::Blocker));
    assert_eq!(root["format"], "bm-preflight-report/2");
    assert_eq!(root["tool"]["name"], "bm-preflight");
    assert_eq!(root["run"]["started_at"], "2026-11-23T10:00:00Z");
    assert_eq!(root["run"]["lang"], "fr");
    assert_eq!((&root["verdict"], &root["exit_code"]), (&"not_ready".into(), &20.into()));
    let checks = serde_json::json!({"pass": 1, "fail": 6, "unknown": 1, "error": 1, "not_applicable": 1});
    assert_eq!(root["summary"]["checks"], checks);
    let findings = serde_json::json!({"blocker": 5, "warning": 253, "info": 1, "waived": 2});
    assert_eq!(root["summary"]["findings"], findings);
    let first = &root["checks"][0];
    assert_eq!(first["findings"].as_array().unwrap().len(), 6);
    let spool = root["checks"].as_array().unwrap().iter().find(|c| c["id"] == "spool_directory_unexpected").unwrap();
    assert_eq!(spool["findings"].as_array().unwrap().len(), 250, "none is left out");
    let remedies = serde_json::json!([
        {"problem": null, "who": "administrator", "lead_days": 2, "risk": "low", "when": "before",
         "remediation": "Move the folder's messages to a plain folder."},
        {"problem": "shared", "who": "administrator", "lead_days": 2, "risk": "low", "when": "before",
         "remediation": "Ask the owner."},
    ]);
    assert_eq!(first["remedies"], remedies);
    assert_eq!(spool["remedies"].as_array().unwrap().len(), 1, "each text once");
    assert_eq!((&first["findings"][0]["remedy"], &first["findings"][1]["remedy"]), (&0.into(), &1.into()));
    assert_eq!(first["findings"][0]["owner"], "user001@example.org");
    assert_eq!(root["checks"][0]["proof"], serde_json::json!([]));
    let proof = serde_json::json!(["bm-master: 1,204,311 messages compared", "imap-02: 7 messages compared"]);
    assert_eq!(root["checks"][9]["proof"], proof);
    assert_eq!(first["findings"][0]["waived"], Value::Null);
    assert_eq!(first["findings"][0]["explained_by"], Value::Null);
    let cause = serde_json::json!({"check": "inbox_virtual_folder", "subject": first["findings"][0]["subject"]});
    assert_eq!(root["checks"][5]["findings"][0]["explained_by"], cause, "it stays in the report");
    assert_eq!(root["coverage"][1]["completeness"], "absent");
    let alias = &root["autodiscover"][1];
    assert_eq!((&alias["name"], &alias["unicode_name"]), (&"xn--caf-dma.example".into(), &"café.example".into()));
    assert_eq!((&alias["bm_mapi"], &alias["workstation"]), (&"yes".into(), &"no".into()));
    let cell = serde_json::json!({"method": "autodiscover", "state": "absent", "reason": "nxdomain"});
    assert_eq!(alias["methods"][1], cell);
    assert_eq!(alias["steps"][0]["elapsed_ms"], Value::Null);
}

#[test]
fn nothing_but_the_run_depends_on_the_run() {
    let (mut first, mut second) = (report(Lang::En, FailOn::Blocker), report(Lang::En, FailOn::Blocker));
    second.run.id = "another".into();
    second.run.started_at = "2027-01-01T00:00:00Z".parse().unwrap();
    second.run.duration_ms = 9;
    assert_ne!(json::render(&first).unwrap(), json::render(&second).unwrap());
    first.run = second.run.clone();
    assert_eq!(json::render(&first).unwrap(), json::render(&second).unwrap());
}

#[test]
fn strings_come_back_as_they_were() {
    let root = parsed(&hostile(HOSTILE));
    assert_eq!(root["run"]["installation"]["name"], HOSTILE);
    assert_eq!(root["checks"][0]["title"], HOSTILE);
    assert_eq!(root["checks"][9]["proof"], serde_json::json!([HOSTILE, HOSTILE]));
    assert_eq!(root["checks"][0]["findings"][0]["commands"][0], HOSTILE);
    assert_eq!(root["checks"][0]["remedies"][1]["remediation"], HOSTILE);
    assert_eq!(root["checks"][0]["findings"][0]["evidence"][HOSTILE], HOSTILE);
    assert!(root["checks"][0]["findings"][0]["subject"].as_str().unwrap().ends_with(HOSTILE));
    assert_eq!(root["autodiscover"][0]["name"], HOSTILE);
    assert_eq!(root["autodiscover"][0]["steps"][1]["detail"], HOSTILE);
    assert_eq!(root["coverage"][0]["source"], HOSTILE);
}

#[test]
fn reports_follow_the_schema() {
    let schema: Value = serde_json::from_str(&json::schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], json::SCHEMA_ID);
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut bare = report(Lang::En, FailOn::Never);
    bare.autodiscover.clear();
    assert_eq!(parsed(&bare)["autodiscover"], serde_json::json!([]));
    let place = &mut bare.run.installation;
    (place.name, place.build, place.release) = (None, None, None);
    let mut selected = report(Lang::En, FailOn::Blocker);
    selected.judgement.selection = Some(selection());
    for report in [report(Lang::Fr, FailOn::Blocker), hostile(HOSTILE), bare, selected] {
        let errors: Vec<_> = validator.iter_errors(&parsed(&report)).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_schema_is_strict_but_for_evidence() {
    let schema: Value = serde_json::from_str(&json::schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut report = report(Lang::En, FailOn::Blocker);
    report.judgement.selection = Some(selection());
    let good = parsed(&report);
    for place in [
        "",
        "/tool",
        "/run",
        "/run/selection",
        "/run/installation",
        "/summary",
        "/summary/checks",
        "/checks/0",
        "/checks/0/remedies/1",
        "/checks/0/missing/0",
        "/checks/0/findings/0",
        "/checks/0/findings/2/waived",
        "/autodiscover/0",
        "/autodiscover/0/methods/0",
        "/autodiscover/0/steps/0",
        "/coverage/0",
    ] {
        let mut extra = good.clone();
        extra.pointer_mut(place).unwrap()["surprise"] = 1.into();
        assert!(!validator.is_valid(&extra), "an unknown key is admitted at {place}");
        for key in keys(good.pointer(place).unwrap()) {
            let mut lacking = good.clone();
            lacking.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(key);
            assert!(!validator.is_valid(&lacking), "{place}/{key} can be left out");
        }
    }
    let mut other = good.clone();
    other["format"] = "bm-preflight-report/1".into();
    assert!(!validator.is_valid(&other));
    let mut evidence = good;
    evidence["checks"][0]["findings"][0]["evidence"]["anything"] = serde_json::json!([1, {"a": null}]);
    assert!(validator.is_valid(&evidence));
}

#[test]
fn the_shipped_schema_is_current() {
    let shipped = std::fs::read_to_string(SHIPPED).unwrap_or_default();
    let hint = "renew it with: cargo test --test report -- --ignored write_the_schema";
    assert!(shipped == json::schema(), "{SHIPPED} is not what the program prints; {hint}");
}

#[test]
#[ignore = "writes the shipped schema"]
fn write_the_schema() {
    std::fs::write(SHIPPED, json::schema()).unwrap();
}

//! How long the window takes, in each format.

use bm_preflight::model::Lang;
use bm_preflight::report::{html, json, markdown, prometheus, text};
use bm_preflight::verdict::FailOn;
use serde_json::json;

use crate::canonical;

/// 4 GiB of messages, read in 9 seconds: converted in 9 to 180.
const SPAN: &str = "7 min to 33 min";

#[test]
fn every_format_for_people_tells_the_range_its_terms_and_the_room() {
    let report = canonical::report(Lang::En, FailOn::Blocker);
    let page = html::render(&report, None).unwrap();
    let (whole, ticket) = (text::render(&report, false, false), markdown::render(&report).replace('\\', ""));
    for told in [page.as_str(), &whole, &ticket] {
        for expected in [
            "How long the window takes",
            SPAN,
            "t_message_body, t_mailbox_record written anew (4.0 GiB)",
            "measured, after a read timed on this machine",
            "4.0 GiB on /srv/bm-master, 5.0 GiB are available",
            "3.4 GiB on /, 5.0 GiB are available",
            "Timed while collecting: 4.0 GiB of messages in 9.0 s",
            "unknown: the sizes were not read",
            "at least 7 min, no upper end",
            "Not counted: the backup",
            "bm-preflight collect --facts before-4.1.facts",
            "bm-preflight run --before before-4.1.facts",
        ] {
            assert!(told.contains(expected), "{expected} is not in\n{told}");
        }
    }
    let brief = text::brief(&report, false);
    assert!(brief.contains("How long the window takes: at least 7 min, no upper end"), "{brief}");
    assert!(brief.contains("bm-preflight collect --facts before-4.1.facts"), "{brief}");
}

#[test]
fn programs_get_seconds_and_an_open_end_is_none() {
    let report = canonical::report(Lang::Fr, FailOn::Blocker);
    let document: serde_json::Value = serde_json::from_str(&json::render(&report).unwrap()).unwrap();
    let stage = &document["forecast"]["stages"][0];
    assert_eq!((&stage["low_s"], &stage["high_s"]), (&json!(429), &json!(null)));
    assert_eq!(stage["servers"][0]["terms"][1]["low_s"], json!(9));
    assert_eq!(stage["servers"][0]["terms"][1]["high_s"], json!(180));
    assert_eq!(stage["servers"][1]["terms"][1]["bytes"], json!(null));
    let gauges = prometheus::render(&report);
    assert!(gauges.contains("bm_preflight_window_seconds{from=\"4.0.14\",to=\"4.1\",bound=\"low\"} 429\n"), "{gauges}");
    assert!(!gauges.contains("bound=\"high\""), "{gauges}");
}

#[test]
fn without_a_way_nothing_is_promised_and_after_an_earlier_snapshot_none_is_asked_for() {
    let mut report = canonical::report(Lang::En, FailOn::Blocker);
    report.digest.forecast.stages.clear();
    let told = text::render(&report, false, false);
    assert!(told.contains("Nothing can be forecast"), "{told}");
    assert!(!text::brief(&report, false).contains("How long the window takes"));
    report.digest.forecast.keep = None;
    for told in [text::render(&report, false, false), markdown::render(&report), html::render(&report, None).unwrap()] {
        assert!(!told.contains("How long the window takes") && !told.contains("before-4.1"), "{told}");
    }
}

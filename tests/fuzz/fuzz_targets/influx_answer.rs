#![no_main]

use bm_preflight_fuzz::format::influx_answer::{Series, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Whether InfluxDB says of an answer that it is not all.
fn is_cut(bytes: &[u8]) -> bool {
    let answer: Value = serde_json::from_slice(bytes).expect("an answer is JSON");
    let is_partial = |value: &Value| value["partial"] == true;
    let result = &answer["results"][0];
    is_partial(result) || result["series"].as_array().is_some_and(|all| all.iter().any(is_partial))
}

fuzz_target!(|data: (&[u8], Vec<(i64, Option<i32>)>, bool)| {
    let (bytes, values, is_partial) = data;
    match parse(bytes) {
        Ok(series) => assert!(series.len() <= bytes.len() && !is_cut(bytes)),
        Err(reason) => assert!(!reason.is_empty() || bytes.windows(2).any(|pair| pair == b"\"\"")),
    }
    let word = String::from_utf8_lossy(bytes);
    let series =
        json!({ "tags": { &*word: word }, "columns": ["time", "value"], "values": values, "partial": is_partial });
    let answer = parse(json!({ "results": [{ "series": [series] }] }).to_string().as_bytes());
    let points = values.iter().filter_map(|(time, value)| Some((*time, f64::from((*value)?)))).collect();
    let expected = Series { tags: [(word.to_string(), word.to_string())].into(), points };
    assert_eq!(answer.ok(), (!is_partial).then_some(vec![expected]));
});

#![no_main]

use bm_preflight_fuzz::format::backup_generation::{Generation, Part, State, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// What a generation says comes back.
fn written(number: i64, milliseconds: Option<i64>, word: &str) {
    let seconds = milliseconds.map(|time| time.div_euclid(1000));
    let parts = json!([{ "tag": word, "server": word, "begin": milliseconds, "end": milliseconds, "valid": "VALID" }]);
    let file = json!({ "id": number, "protectionTime": milliseconds, "withErrors": true, "parts": parts });
    let part = Part {
        tag: word.to_owned(),
        server: Some(word.to_owned()).filter(|server| !server.is_empty()),
        began_at: seconds,
        ended_at: seconds,
        state: State::Valid,
    };
    let expected = Generation { id: Some(number), began_at: seconds, with_errors: true, parts: vec![part] };
    assert_eq!(parse(file.to_string().as_bytes()), Ok(expected));
}

fuzz_target!(|data: (&[u8], i64, Option<i64>)| {
    let (bytes, number, milliseconds) = data;
    match parse(bytes) {
        Ok(generation) => assert!(generation.parts.len() < bytes.len()),
        Err(reason) => assert!(!reason.is_empty() && reason.chars().count() <= 1_000, "{reason}"),
    }
    let word = String::from_utf8_lossy(bytes);
    written(number, milliseconds, &word);
    for field in ["protectionTime", "withErrors", "parts"] {
        let _ = parse(json!({ "parts": [], field: word }).to_string().as_bytes());
        let _ = parse(json!({ "parts": [{ "tag": "x", "begin": word, "valid": word }] }).to_string().as_bytes());
    }
});

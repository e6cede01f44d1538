#![no_main]

use bm_preflight_fuzz::format::mutf7;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = mutf7::display(data);
    if let Ok(text) = mutf7::decode(data) {
        assert_eq!(mutf7::decode(mutf7::encode(&text).as_bytes()), Ok(text));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(mutf7::decode(mutf7::encode(text).as_bytes()).as_deref(), Ok(text));
    }
});

#![no_main]

use bm_preflight_fuzz::format::seen_state::SeenState;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let prefixed = [b"1 1795735489 12 1795735400 ", data].concat();
    for value in [data, prefixed.as_slice()] {
        if let Ok(state) = SeenState::parse(value) {
            assert!(!state.is_empty() || !state.contains(1));
        }
    }
});

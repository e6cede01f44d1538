#![no_main]

use bm_preflight_fuzz::format::cyrus_header::{self, CyrusHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = CyrusHeader::parse(data);
    let _ = CyrusHeader::parse(&[cyrus_header::MAGIC, data].concat());
});

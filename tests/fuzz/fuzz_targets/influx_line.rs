#![no_main]

use bm_preflight_fuzz::format::influx_line::Point;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Point::parse(&String::from_utf8_lossy(data));
});

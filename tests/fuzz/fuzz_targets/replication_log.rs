#![no_main]

use bm_preflight_fuzz::format::replication_log::{Answer, Cause, Told, line};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = [b"2019-07-09 16:27:16,720 [t] X INFO - ", data].concat();
    for text in [data, &whole] {
        if let Some(Told::Answer { answer: Answer::No(message), .. }) = line(text).map(|line| line.told) {
            let _ = Cause::of_no(message);
        }
    }
});

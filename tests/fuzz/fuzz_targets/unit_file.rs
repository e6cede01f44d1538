#![no_main]

use bm_preflight_fuzz::format::unit_file::{Installation, installation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    assert_eq!(installation(data) == Installation::Masked, data.is_empty());
    let enabled = format!("{data}\n[Install]\nWantedBy=multi-user.target\n");
    assert_eq!(installation(&enabled), Installation::Possible);
    let commented: String = data.lines().map(|line| format!("#{line}\n")).collect();
    assert_eq!(installation(&format!("[Install]\n{commented}")), Installation::None);
});

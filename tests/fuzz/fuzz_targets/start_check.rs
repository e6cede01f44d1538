#![no_main]

use std::collections::HashSet;

use bm_preflight_fuzz::format::start_check::{StartCheck, parse};
use libfuzzer_sys::fuzz_target;

/// What is kept of a name or a message, at most.
const LONGEST: usize = 500;

fn line(check: &StartCheck) -> String {
    let message = check.message.as_deref().unwrap_or("null");
    format!("Validator {} : Valid: {}, Message: {message}\n", check.validator, check.is_valid)
}

fuzz_target!(|data: &str| {
    let log = format!("{data}\nX - Validator {data} : Valid: true, Message: {data}\n");
    let checks = parse(&log);
    let names: HashSet<_> = checks.iter().map(|check| &check.validator).collect();
    assert_eq!(names.len(), checks.len(), "each validator once");
    let texts = || checks.iter().flat_map(|check| [Some(&check.validator), check.message.as_ref()]).flatten();
    assert!(texts().all(|text| text.chars().count() <= LONGEST));
    // A name that ends like what follows a name, once it is trimmed, cannot be told from it.
    let is_plain = |check: &StartCheck| !check.validator.contains(" : Valid:");
    if data.len() < LONGEST && checks.iter().all(is_plain) {
        assert_eq!(parse(&checks.iter().map(line).collect::<String>()), checks);
    }
});

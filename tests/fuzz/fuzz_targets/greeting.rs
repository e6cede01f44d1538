#![no_main]

use bm_preflight_fuzz::format::greeting::{is_complete, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&[u8], &[u8])| {
    let (read, more) = data;
    let greeting = parse(read);
    if let Some(greeting) = &greeting {
        assert!(!greeting.line.contains(char::is_control) && greeting.line.chars().count() <= 300);
        assert!(greeting.version.as_ref().is_none_or(|version| greeting.line.contains(version)));
    }
    if is_complete(read) {
        assert!(greeting.is_some());
        assert_eq!(parse(&[read, more].concat()), greeting, "what follows changes nothing");
    }
});

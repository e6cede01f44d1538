#![no_main]

use bm_preflight_fuzz::format::package_source::bluemind;
use libfuzzer_sys::fuzz_target;

const OTHER: &str = "\n\ndeb https://deb.debian.org/debian buster main\n";

fuzz_target!(|data: &str| {
    for text in [data, &format!("Types: deb\nURIs: https://pkg.bluemind.net/4.0 {data}")] {
        let found = bluemind(text, false);
        assert!(found.is_none() || bluemind(text, true).is_some());
        assert_eq!(bluemind(&format!("{text}{OTHER}"), false), found, "what is said elsewhere changes nothing");
        let commented: String = text.lines().map(|line| format!("#{line}\n")).collect();
        for is_bluemind in [false, true] {
            assert_ne!(bluemind(&commented, is_bluemind), Some(true), "a comment is no repository in use");
        }
    }
});

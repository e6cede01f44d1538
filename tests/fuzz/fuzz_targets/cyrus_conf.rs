#![no_main]

use bm_preflight_fuzz::format::cyrus_conf::{Section, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    match parse(data) {
        Ok(entries) => {
            assert!(entries.len() <= data.lines().count());
            assert!(entries.iter().all(|entry| entry.name.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        }
        Err(error) => assert!(error.to_string().starts_with("line ")),
    }
    let _ = parse(&format!("START {{\n{data}\n}}\n"));
    if data.len() < 4_000 && !data.contains(['"', '#', '\n']) {
        let entries = parse(&format!("SERVICES {{\n  imap cmd=\"{data}\" listen=imap\n}}\n")).expect("an entry");
        let [imap] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((imap.section, imap.name.as_str()), (Section::Services, "imap"));
        assert_eq!((imap.get("cmd"), imap.get("listen")), (Some(data), Some("imap")));
    }
});

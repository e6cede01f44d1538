#![no_main]

use std::collections::HashSet;

use bm_preflight_fuzz::format::mounts::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mounts = parse(&String::from_utf8_lossy(data));
    let places: HashSet<_> = mounts.iter().collect();
    assert_eq!(places.len(), mounts.len(), "one file system is visible in a place");
    // Any name may be escaped as the kernel escapes blanks.
    let escaped: String = data.iter().map(|byte| format!("\\{byte:03o}")).collect();
    if !data.is_empty() {
        let mounts = parse(&format!("proc /mnt/{escaped} proc rw 0 0\n/dev/sda /mnt/{escaped} ext4 rw 0 0\n"));
        assert_eq!(mounts, [format!("/mnt/{}", String::from_utf8_lossy(data))]);
    }
});

#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use bm_preflight_fuzz::format::mailbox_name::MailboxName;
use bm_preflight_fuzz::format::spool_path::Hashing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((switches, data)) = data.split_first() else { return };
    let hashing = Hashing {
        hashimapspool: switches & 1 == 1,
        fulldirhash: switches & 2 == 2,
        default_domain: "internal".to_owned(),
        deleted_prefix: "DELETED".to_owned(),
    };
    let path = Path::new(OsStr::from_bytes(data));
    if let Ok((_, name)) = hashing.mailbox(path) {
        let path = data.strip_suffix(b"/").unwrap_or(data);
        assert_eq!(hashing.path(&name).expect("a mailbox has a directory").as_os_str().as_bytes(), path, "{name}");
    }
    let name = MailboxName::internal(data);
    if let Ok(path) = hashing.path(&name) {
        assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
        let _ = hashing.mailbox(&path);
    }
});

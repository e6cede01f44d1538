#![no_main]

use bm_preflight_fuzz::format::mailbox_record::MailboxRecord;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match MailboxRecord::parse(data) {
        Ok(record) => assert!(record.acl.len() <= data.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

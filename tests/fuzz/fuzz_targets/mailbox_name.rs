#![no_main]

use bm_preflight_fuzz::format::mailbox_name::{MailboxName, Naming};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Naming::Dbname.mailbox(data);
    for name in [MailboxName::internal(data), MailboxName::from_dbname(data)] {
        let parts = name.parts("DELETED");
        let _ = (parts.admin_path(), parts.folder_path(), parts.is_literal_inbox(), name.defect(), name.to_string());
    }
});

#![no_main]

use bm_preflight_fuzz::format::imapd_conf::ImapdConf;
use bm_preflight_fuzz::format::spool_path::Hashing;
use libfuzzer_sys::fuzz_target;

// The text includes itself under whatever name it asks for.
fuzz_target!(|data: &str| {
    match ImapdConf::parse("imapd.conf", data, |_| Ok::<_, String>(data.to_owned())) {
        Ok(conf) => {
            let _ = (Hashing::of(&conf), conf.virt_domains(), conf.default_partition());
            assert!(conf.partitions().count() <= data.len());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

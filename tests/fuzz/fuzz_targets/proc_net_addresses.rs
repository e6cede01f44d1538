#![no_main]

use bm_preflight_fuzz::format::proc_net_addresses::{of_ipv4, of_ipv6};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    assert!(of_ipv4(&text).iter().all(std::net::IpAddr::is_ipv4));
    assert!(of_ipv6(&text).iter().all(std::net::IpAddr::is_ipv6));
});

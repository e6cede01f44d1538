#![no_main]

use std::net::{IpAddr, SocketAddr};

use bm_preflight_fuzz::format::proc_net_tcp::{Connection, is_list, listeners, parse};
use libfuzzer_sys::fuzz_target;

/// As the kernel prints it: words in the byte order of the machine.
fn printed(socket: SocketAddr) -> String {
    let octets = match socket.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let word = |octets: &[u8]| format!("{:08X}", u32::from_ne_bytes(octets.try_into().expect("four octets")));
    format!("{}:{:04X}", octets.chunks(4).map(word).collect::<String>(), socket.port())
}

fuzz_target!(|data: (&str, (IpAddr, u16), (IpAddr, u16))| {
    let (text, local, remote) = data;
    let _ = is_list(text);
    assert!(parse(text).len() + listeners(text).len() <= text.lines().count());
    let seen = |(ip, port): (IpAddr, u16)| SocketAddr::new(ip.to_canonical(), port);
    let line = |state| format!("  0: {} {} {state} 0:0", printed(local.into()), printed(remote.into()));
    assert_eq!(parse(&line("01")), [Connection { local: seen(local), remote: seen(remote) }]);
    assert_eq!(listeners(&line("0A")), [seen(local)]);
    assert!(parse(&line("0A")).is_empty() && listeners(&line("01")).is_empty());
});

#![no_main]

use bm_preflight_fuzz::format::tls_hello::{Said, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&[u8], &[u8])| {
    let (read, more) = data;
    let said = parse(read);
    if let Said::Chose(choice) = &said {
        assert!(!choice.version.is_empty() && !choice.cipher.is_empty());
        assert!(choice.chain.iter().map(Vec::len).sum::<usize>() <= read.len());
    }
    if let Said::Alert(_) = said {
        assert_eq!(parse(&[read, more].concat()), said, "what follows changes nothing");
    }
});

#![no_main]

use bm_preflight_fuzz::format::cyrus_index::{Header, Record, Records, Tally};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(header) = Header::parse(data) else { return };
    let mut tally = Tally::default();
    for record in Records::open(data).expect("the header is one").flatten() {
        tally.add(&record);
    }
    let of_slice =
        data[header.start()..].chunks(header.record_len()).filter_map(|record| Record::parse(&header, record));
    assert_eq!(tally.records, of_slice.take(usize::try_from(header.records).unwrap()).count() as u64);
    assert_eq!(tally.records, tally.existing + tally.expunged + tally.unlinked);
});

#![no_main]

use bm_preflight_fuzz::format::dlist::{self, Data, Value};
use libfuzzer_sys::fuzz_target;

fn size(value: &Value<'_>) -> usize {
    match &value.data {
        Data::Nil => 3,
        Data::Text(text) => text.len(),
        Data::List(values) => values.iter().map(size).sum(),
        Data::Pairs(pairs) => pairs.iter().map(|(key, value)| key.len() + size(value)).sum(),
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok((value, end)) = dlist::parse_prefix(data) {
        assert!(end <= data.len() && size(&value) <= end);
    }
});

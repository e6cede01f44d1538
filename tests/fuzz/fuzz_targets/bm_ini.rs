#![no_main]

use bm_preflight_fuzz::format::bm_ini::BmIni;
use libfuzzer_sys::fuzz_target;

/// As Java writes a text that no encoding can spoil.
fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fuzz_target!(|data: &[u8]| {
    let _ = BmIni::parse(data);
    let text = String::from_utf8_lossy(data);
    let password = text.trim().trim_matches(['"', '\'']).trim();
    let file = format!("[global]\npassword = \"{}\"\n", escaped(password));
    let ini = BmIni::parse(file.as_bytes()).expect("a property");
    assert_eq!(ini.get("password").unwrap_or_default(), password);
    assert_eq!(format!("{ini:?}"), r#"{"[global]", "password"}"#, "no value is shown");
});

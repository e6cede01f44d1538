#![no_main]

use bm_preflight_fuzz::format::dpkg_status::{Package, parse};
use libfuzzer_sys::fuzz_target;

fn stanza(package: &Package) -> String {
    let state = if package.is_installed { "installed" } else { "config-files" };
    format!("Package: {}\nStatus: install ok {state}\nVersion: {}\n\n", package.name, package.version)
}

fuzz_target!(|data: &str| {
    for text in [data, &format!("Package: a\nVersion: 1\nStatus: {data}"), &format!("Package: {data}\nVersion: {data}")]
    {
        let packages = parse(text);
        assert!(packages.len() <= text.lines().count());
        assert_eq!(parse(&packages.iter().map(stanza).collect::<String>()), packages);
    }
});

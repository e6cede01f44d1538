#![no_main]

use bm_preflight_fuzz::format::dpkg_status::{Package, parse};
use libfuzzer_sys::fuzz_target;

fn stanza(package: &Package) -> String {
    let state = if package.is_installed { "installed" } else { "config-files" };
    format!("Package: {}\nStatus: install ok {state}\nVersion: {}\n\n", package.name, package.version)
}

fuzz_target!(|data: &str| {
    let ended =
        [format!("Package: a\nVersion: 1\nStatus: {data}\n\n"), format!("Package: {data}\nVersion: {data}\n\n")];
    for text in [data, &ended[0], &ended[1]] {
        let Ok(packages) = parse(text) else { continue };
        assert!(packages.len() <= text.lines().count());
        assert_eq!(parse(&packages.iter().map(stanza).collect::<String>()), Ok(packages));
    }
});

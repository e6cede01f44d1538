//! What the tests stand on. The tests of the library run first: nothing else is tried where that is missing.

#[test]
#[allow(clippy::disallowed_methods, reason = "the list of tools is a script's")]
fn the_tools_of_the_tests_are_installed() {
    let mut script = std::process::Command::new("bash");
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/install-test-tools")).arg("--missing");
    let output = script.output().expect("bash");
    let missing = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        missing.is_empty(),
        "the tests need Debian's packages {missing}: `.ci/test` installs them and runs all tests"
    );
}

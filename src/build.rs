//! Rebuilds the crate when an embedded folder gains or loses a file: `include_dir!` alone does not see a new one.
fn main() {
    for folder in ["checks", "report-templates", "fixtures/installations"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}

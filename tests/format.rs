//! The readers of Cyrus's files, against files that Cyrus wrote, against writers of our own, and against damage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "format/bluemind.rs"]
mod bluemind;
#[path = "format/conf.rs"]
mod conf;
#[path = "format/data_bases.rs"]
mod data_bases;
#[path = "format/files.rs"]
mod files;
#[path = "support/cyrus/flat.rs"]
mod flat;
#[path = "format/mailboxes.rs"]
mod mailboxes;
#[path = "format/paths.rs"]
mod paths;
#[path = "format/tools.rs"]
mod tools;
#[path = "format/twoskip.rs"]
mod twoskip;
#[path = "format/writers.rs"]
mod writers;

/// A file of `fixtures/formats/cyrus/`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats/cyrus").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The file with some bytes written over and its end cut off or drawn out: near enough to a right one to get far.
pub(crate) fn mutated(mut file: Vec<u8>, changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    for (at, byte) in changes {
        let len = file.len();
        if let Some(place) = file.get_mut(at % len.max(1)) {
            *place = *byte;
        }
    }
    let len = file.len();
    match cut % 3 {
        0 => file.truncate(cut % len.max(1)),
        1 => file.extend(std::iter::repeat_n(0, cut % 50)),
        _ => {}
    }
    file
}

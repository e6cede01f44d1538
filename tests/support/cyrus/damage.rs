//! What goes wrong with the files of a Cyrus: done to one that does not run.

use std::path::{Path, PathBuf};

use super::Lab;
use super::files::{Entry, Tree, directory};

impl Lab {
    /// Makes a directory as one of a mailbox with messages would be; no mailbox of mailboxes.db need have it.
    pub(crate) fn put_directory(&self, tree: Tree, absolute: &str) -> PathBuf {
        let path = self.path(absolute);
        std::fs::create_dir_all(&path).expect("a directory of the spool");
        let files: &[(&str, &[u8])] = match tree {
            Tree::Meta => &[("cyrus.header", b"left over"), ("cyrus.index", b"left over")],
            Tree::Data | Tree::Archive => &[("1.", b"From: a\r\n\r\nx\r\n"), ("2.", b"From: a\r\n\r\ny\r\n")],
        };
        for (name, content) in files {
            std::fs::write(path.join(name), content).expect("a file of the spool");
        }
        path
    }

    /// Leaves directories behind under the name of a mailbox that Cyrus does not know.
    pub(crate) fn leave_behind(&self, trees: &[Tree], partition: &str, name: &str) -> Vec<String> {
        let places: Vec<String> = trees.iter().map(|tree| directory(*tree, partition, name)).collect();
        for (tree, place) in trees.iter().zip(&places) {
            self.put_directory(*tree, place);
        }
        places
    }

    /// Changes the bytes of a file of a mailbox.
    pub(crate) fn change(&self, name: &str, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.mailbox_directory(Tree::Meta, name).join(file);
        let mut bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let before = bytes.clone();
        change(&mut bytes);
        assert_ne!(bytes, before, "{name}: a change that changes nothing");
        std::fs::write(&path, bytes).expect("a file of the spool");
    }

    /// Removes a file or a directory of a mailbox.
    pub(crate) fn lose(&self, tree: Tree, name: &str, file: Option<&str>) {
        let directory = self.mailbox_directory(tree, name);
        let removed = match file {
            Some(file) => std::fs::remove_file(directory.join(file)),
            None => std::fs::remove_dir_all(&directory),
        };
        removed.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Adds entries to mailboxes.db, whatever they say.
    pub(crate) fn inject(&self, more: &[Entry]) {
        let mut entries = self.entries();
        entries.extend(more.iter().cloned());
        self.write_entries(&entries);
    }
}

/// The value of an entry of a mailbox on a partition, as BlueMind's own writer makes it.
pub(crate) fn record(partition: &str, number: u32) -> Vec<u8> {
    format!("%(A %(x@y lrs) I 11111111-1111-4111-8111-{number:012} P {partition} M 1561975200)").into_bytes()
}

/// Permissions that let nobody in.
pub(crate) fn close(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).expect("permissions of a directory");
}

//! Where a snapshot is put.

use std::path::{Path, PathBuf};

use super::StoreError;

/// Where a snapshot will be: opened before anything is collected, put in place by rename.
pub struct SnapshotTarget {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

impl SnapshotTarget {
    /// Opens a file beside `path`, readable by its owner alone.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let io = |source| StoreError::Io { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(io(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
        }
        // Nothing may take the place of a device or a pipe.
        if path.exists() && !path.is_file() {
            return Err(io(std::io::Error::other("not a regular file")));
        }
        let file = tempfile::Builder::new().prefix(".bm-preflight-").tempfile_in(folder).map_err(io)?;
        Ok(Self { path: path.to_owned(), file })
    }

    pub(super) fn fill(mut self, mut from: std::fs::File) -> Result<(), StoreError> {
        let io = |source| StoreError::Io { path: self.path.clone(), source };
        std::io::copy(&mut from, self.file.as_file_mut()).map_err(io)?;
        self.file.as_file().sync_all().map_err(io)?;
        self.file.persist(&self.path).map_err(|error| io(error.error))?;
        Ok(())
    }
}

//! The file of a store that was unlinked as soon as it was open: whatever ends the process, no data of people stays behind.
//!
//! Nothing can open it any more. Its readers were opened before, and are lent out.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::open::READ_ONLY;
use super::read::Reader;

/// Readers of one store at a time.
pub const READERS: usize = 4;

/// The file, and what reads it.
#[derive(Debug)]
pub(super) struct Pool {
    file: File,
    /// For the program's own questions.
    own: Mutex<Connection>,
    /// For readers that are not there yet.
    unused: Mutex<Vec<Connection>>,
}

impl Pool {
    /// A private file (mode 0600) without a name, and the connection that fills it.
    pub(super) fn create() -> Result<(Self, Connection), StoreError> {
        Self::begun(&[], READERS, |path| Connection::open(path))
    }

    /// The same with its content, for so many readers at a time.
    pub(super) fn holding(content: &[u8], readers: usize) -> Result<Self, StoreError> {
        Ok(Self::begun(content, readers, |_| Ok(()))?.0)
    }

    fn begun<T>(
        content: &[u8],
        readers: usize,
        open: impl FnOnce(&Path) -> Result<T, rusqlite::Error>,
    ) -> Result<(Self, T), StoreError> {
        let io = |source| StoreError::Io { path: std::env::temp_dir(), source };
        // In a folder of its own, nobody can put a journal beside it.
        let folder = tempfile::Builder::new().prefix("bm-preflight-").tempdir().map_err(io)?;
        let path = folder.path().join("facts.db");
        let mut file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path).map_err(io)?;
        file.write_all(content).map_err(io)?;
        let opened = open(&path)?;
        // Not yet what `connect` opens: the file still grows.
        let reader = || Connection::open_with_flags(&path, READ_ONLY | OpenFlags::SQLITE_OPEN_URI);
        let (own, connections) = (reader()?, (0..readers).map(|_| reader()).collect::<Result<_, _>>()?);
        folder.close().map_err(io)?;
        let own = Mutex::new(own);
        Ok((Self { file, own, unused: Mutex::new(connections) }, opened))
    }

    /// Asks a question of the program's own.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Connection) -> T) -> T {
        question(&self.own.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The connection of one more reader.
    pub(super) fn connection(&self) -> Result<Connection, StoreError> {
        let taken = || std::io::Error::other("more readers at a time than there are connections");
        let io = || StoreError::Io { path: PathBuf::from("facts store"), source: taken() };
        self.unused.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or_else(io)
    }

    /// The content of the file.
    pub(super) fn content(&self) -> std::io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

/// Readers that nobody has, with the views that they have answered.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Vec<Reader>>>);

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} idle", self.lock().len())
    }
}

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends one of them, or another where there is none.
    pub(super) fn lend(&self, open: impl FnOnce() -> Result<Reader, StoreError>) -> Result<Lent, StoreError> {
        let idle = self.lock().pop();
        Ok(Lent { reader: Some(idle.map_or_else(open, Ok)?), home: self.clone() })
    }
}

/// A reader that goes back where it came from.
pub struct Lent {
    /// There until it goes back.
    reader: Option<Reader>,
    home: Idle,
}

#[expect(clippy::expect_used, reason = "it is taken out by drop alone")]
impl Deref for Lent {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        self.reader.as_ref().expect("a reader that was not given back")
    }
}

#[expect(clippy::expect_used, reason = "it is taken out by drop alone")]
impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Reader {
        self.reader.as_mut().expect("a reader that was not given back")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(mut reader) = self.reader.take() {
            reader.forget();
            self.home.lock().push(reader);
        }
    }
}

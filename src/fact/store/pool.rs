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
use crate::fact::Schema;

/// Readers of one store at a time.
pub const READERS: usize = 8;

/// The file, and who may read it.
#[derive(Debug)]
pub(super) struct Pool {
    file: File,
    /// For the program's own questions.
    own: Mutex<Connection>,
    idle: Mutex<Idle>,
}

/// Readers that nobody has.
#[derive(Default)]
struct Idle {
    /// Not used yet.
    connections: Vec<Connection>,
    readers: Vec<Reader>,
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} idle", self.connections.len() + self.readers.len())
    }
}

impl Pool {
    /// A private file (mode 0600) without a name, and the connection that fills it.
    pub(super) fn create() -> Result<(Self, Connection), StoreError> {
        Self::begun(&[], |path| Connection::open(path))
    }

    /// The same with its content.
    pub(super) fn holding(content: &[u8]) -> Result<Self, StoreError> {
        Ok(Self::begun(content, |_| Ok(()))?.0)
    }

    fn begun<T>(
        content: &[u8],
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
        let (own, connections) = (reader()?, (0..READERS).map(|_| reader()).collect::<Result<_, _>>()?);
        folder.close().map_err(io)?;
        let own = Mutex::new(own);
        let idle = Mutex::new(Idle { connections, readers: Vec::new() });
        Ok((Self { file, own, idle }, opened))
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a question of the program's own.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Connection) -> T) -> T {
        question(&self.own.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lends a reader, of an earlier snapshot as well.
    pub(super) fn reader(self: &Arc<Self>, schema: &Schema, before: Option<&Path>) -> Result<Lent, StoreError> {
        let mut idle = self.idle();
        let reader = match idle.readers.pop() {
            Some(reader) => reader,
            None => {
                let taken = || std::io::Error::other(format!("more than {READERS} readers at a time"));
                let io = || StoreError::Io { path: PathBuf::from("facts store"), source: taken() };
                Reader::sandboxed(idle.connections.pop().ok_or_else(io)?, schema.clone(), before)?
            }
        };
        Ok(Lent { reader: Some(reader), home: Some(Arc::clone(self)) })
    }

    /// The content of the file.
    pub(super) fn content(&self) -> std::io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

/// A reader that goes back where it came from.
pub struct Lent {
    /// There until it goes back.
    reader: Option<Reader>,
    home: Option<Arc<Pool>>,
}

impl From<Reader> for Lent {
    fn from(reader: Reader) -> Self {
        Self { reader: Some(reader), home: None }
    }
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
        if let (Some(mut reader), Some(home)) = (self.reader.take(), &self.home) {
            reader.forget();
            home.idle().readers.push(reader);
        }
    }
}

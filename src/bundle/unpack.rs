//! Unpacking what a stranger may have packed: nothing is written but the snapshot, into a folder of its own, and no more of
//! it than a snapshot of that size can come to.

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::pack::Hashing;
use super::{BundleError, FACTS, FORMAT, HTML, JSON, Listed, MANIFEST, Manifest, hex};

/// How compressed files begin (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The longest list, in bytes.
const LONGEST_LIST: u64 = 64 * 1024;
/// How much larger the content may be than the file: snapshots are some ten times as large.
const LARGEST: u64 = 200;
/// What every archive may have beside that.
const SMALL: u64 = 1024 * 1024;

/// Whether a file begins like a bundle.
pub fn is_bundle(path: &Path) -> bool {
    let mut begin = [0; MAGIC.len()];
    let is_file = std::fs::metadata(path).is_ok_and(|meta| meta.is_file());
    is_file && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == MAGIC
}

/// Writes the snapshot of a bundle into a private folder, in which it is called [`FACTS`].
pub fn unpack(path: &Path) -> Result<tempfile::TempDir, BundleError> {
    let io = |source| BundleError::Io { path: path.to_owned(), source };
    let folder = tempfile::Builder::new().prefix("bm-preflight-").tempdir().map_err(io)?;
    let file = std::fs::File::open(path).map_err(io)?;
    let limit = file.metadata().map_err(io)?.len().saturating_mul(LARGEST).saturating_add(SMALL);
    let unsound = |reason: String| BundleError::Unsound { path: path.to_owned(), reason };
    let stream = zstd::Decoder::new(file).map_err(io)?.take(limit);
    let mut archive = tar::Archive::new(stream);
    let read = members(&mut archive, &folder.path().join(FACTS));
    let is_full = archive.into_inner().limit() == 0;
    match read {
        _ if is_full => Err(unsound(format!("it unpacks to more than {LARGEST} times its size"))),
        Ok(()) => Ok(folder),
        Err(reason) => Err(unsound(reason)),
    }
}

/// Every member, as the list wants it.
fn members(archive: &mut tar::Archive<impl Read>, facts: &Path) -> Result<(), String> {
    let mut listed: Option<BTreeMap<String, Listed>> = None;
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(format!("{name:?} is not a file"));
        }
        match &mut listed {
            None if name == MANIFEST => listed = Some(list(entry)?),
            None => return Err(format!("it begins with {name:?}, not with {MANIFEST}")),
            Some(listed) => {
                let due =
                    listed.remove(&name).ok_or_else(|| format!("{name:?} is not in its list, or is there twice"))?;
                member(&mut entry, &due, (name == FACTS).then_some(facts))?;
            }
        }
    }
    match listed {
        None => Err("it is empty".to_owned()),
        Some(rest) => rest.keys().next().map_or(Ok(()), |name| Err(format!("{name} is missing"))),
    }
}

fn list(entry: impl Read) -> Result<BTreeMap<String, Listed>, String> {
    let mut text = Vec::new();
    entry.take(LONGEST_LIST).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| format!("{MANIFEST}: {error}"))?;
    if manifest.format != FORMAT {
        return Err(format!("it is of format {:?}; {FORMAT} is read", manifest.format));
    }
    let listed: BTreeMap<String, Listed> = manifest.files.into_iter().map(|file| (file.name.clone(), file)).collect();
    if let Some(other) = listed.keys().find(|name| ![FACTS, JSON, HTML].contains(&name.as_str())) {
        return Err(format!("its list has {other:?}"));
    }
    if listed.contains_key(FACTS) { Ok(listed) } else { Err(format!("its list has no {FACTS}")) }
}

/// Reads a member, into a file where it is wanted.
fn member(entry: &mut impl Read, due: &Listed, to: Option<&Path>) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", due.name);
    let mut sum = Sha256::new();
    let mut content = entry.take(due.bytes + 1);
    let bytes = match to {
        Some(path) => {
            let file = std::fs::File::options().write(true).create_new(true).open(path).map_err(fail)?;
            let mut both = Both(std::io::BufWriter::new(file), Hashing(&mut sum));
            let bytes = std::io::copy(&mut content, &mut both).map_err(fail)?;
            both.0.flush().map_err(fail)?;
            bytes
        }
        None => std::io::copy(&mut content, &mut Hashing(&mut sum)).map_err(fail)?,
    };
    if bytes != due.bytes {
        return Err(format!("{} has not the {} bytes of its list", due.name, due.bytes));
    }
    if hex(&sum.finalize()) == due.sha256 { Ok(()) } else { Err(format!("{} has another sum than its list", due.name)) }
}

/// Writes to two.
struct Both<A, B>(A, B);

impl<A: std::io::Write, B: std::io::Write> std::io::Write for Both<A, B> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(bytes)?;
        self.1.write_all(bytes)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

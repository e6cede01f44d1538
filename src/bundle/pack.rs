//! Packing.

use std::io::{Read, Seek as _, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{BundleError, FACTS, FORMAT, HTML, JSON, Listed, MANIFEST, Manifest, hex};

/// Writes a bundle of a snapshot and its reports, for its owner alone; put in place by rename.
pub fn pack(path: &Path, tool_version: &str, facts: &Path, json: &str, html: &str) -> Result<(), BundleError> {
    let io = |source| BundleError::Io { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.exists() && !path.is_file() {
        return Err(io(std::io::Error::other("not a regular file")));
    }
    let file = tempfile::Builder::new().prefix(".bm-preflight-").tempfile_in(folder).map_err(io)?;
    let facts = std::fs::File::open(facts).map_err(io)?;
    fill(file.as_file(), tool_version, facts, json, html).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

fn fill(
    file: &std::fs::File,
    tool_version: &str,
    mut facts: std::fs::File,
    json: &str,
    html: &str,
) -> std::io::Result<()> {
    let mut sum = Sha256::new();
    let bytes = std::io::copy(&mut facts, &mut Hashing(&mut sum))?;
    facts.rewind()?;
    let text = |name: &str, text: &str| Listed {
        name: name.to_owned(),
        bytes: text.len() as u64,
        sha256: hex(&Sha256::digest(text)),
    };
    let listed = Listed { name: FACTS.to_owned(), bytes, sha256: hex(&sum.finalize()) };
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        tool_version: tool_version.to_owned(),
        files: vec![listed, text(JSON, json), text(HTML, html)],
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    let mut archive = tar::Builder::new(zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?);
    append(&mut archive, MANIFEST, manifest.len() as u64, manifest.as_slice())?;
    append(&mut archive, FACTS, bytes, facts)?;
    append(&mut archive, JSON, json.len() as u64, json.as_bytes())?;
    append(&mut archive, HTML, html.len() as u64, html.as_bytes())?;
    archive.into_inner()?.finish()?;
    Ok(())
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: u64, content: impl Read) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(0);
    archive.append_data(&mut header, name, content.take(bytes))
}

/// Adds to a sum what is written to it.
pub(super) struct Hashing<'a>(pub(super) &'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

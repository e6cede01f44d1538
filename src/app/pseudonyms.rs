//! `facts pseudonymise` and `facts reveal`.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Failure, Output, checks, gather, run};
use crate::check::views;
use crate::cli::{PseudonymiseArgs, RevealArgs, SelectArgs};
use crate::fact::Facts;
use crate::fact::store::SnapshotTarget;
use crate::model::text::visible;
use crate::pseudonym::{self, Key, Pseudonyms};

/// More than a key file has, in bytes.
const LONGEST_KEY: u64 = 4096;

/// Carries out `facts pseudonymise`.
pub(super) fn pseudonymise(arguments: &PseudonymiseArgs) -> Result<Output, Failure> {
    let facts = gather::replay(std::slice::from_ref(&arguments.snapshot), run::clock())?;
    let target = SnapshotTarget::open(&arguments.out)?;
    let (hidden, told) = hidden(&facts, arguments.key.as_deref(), &arguments.out)?;
    hidden.save(target)?;
    Ok(Output::text(format!("facts under pseudonyms written to {}\n{told}", arguments.out.display())))
}

/// Facts under pseudonyms by the key of a file, and where that is; without one it lies beside what is written.
pub(super) fn hidden(facts: &Facts, key: Option<&Path>, out: &Path) -> Result<(Facts, String), Failure> {
    let beside = || {
        let mut name = out.as_os_str().to_owned();
        name.push(".key");
        PathBuf::from(name)
    };
    let path = key.map_or_else(beside, Path::to_owned);
    if path == out {
        return Err(Failure::Usage(format!("{}: both the key and what it is for go there", path.display())));
    }
    let (key, is_new) = match read_key(&path)? {
        Some(key) => (key, false),
        None => (write_key(&path)?, true),
    };
    let hidden = pseudonym::hide(facts, &names(key)?).map_err(|error| Failure::Tool(error.to_string()))?;
    let word = if is_new { "a new key" } else { "the key" };
    Ok((hidden, format!("{word} is in {}: keep it, and hand it to nobody\n", path.display())))
}

/// Carries out `facts reveal`.
pub(super) fn reveal(arguments: &RevealArgs) -> Result<Output, Failure> {
    let missing = || Failure::Tool(format!("{}: No such file", arguments.key.display()));
    let names = names(read_key(&arguments.key)?.ok_or_else(missing)?)?;
    let line = |pseudonym: &String| format!("{}\n", visible(&names.reveal(pseudonym), false));
    Ok(Output::text(arguments.pseudonyms.iter().map(line).collect()))
}

/// Pseudonyms that leave what the built-in checks look for.
pub fn names(key: Key) -> Result<Pseudonyms, Failure> {
    let checks = checks::load_checks(&SelectArgs::default())?;
    let queries = checks.iter().flat_map(|check| {
        [Some(check.query.as_str()), check.proof.as_ref().map(|proof| proof.query.as_str())].into_iter().flatten()
    });
    let queries = queries.chain(views::ALL.iter().map(|view| view.sql));
    Ok(Pseudonyms::new(key, queries.flat_map(literals)))
}

/// What stands between quotes in SQL.
fn literals(sql: &str) -> impl Iterator<Item = &str> {
    sql.lines().filter(|line| !line.trim_start().starts_with("--")).flat_map(|line| line.split('\'').skip(1).step_by(2))
}

fn read_key(path: &Path) -> Result<Option<Key>, Failure> {
    let unreadable = |error: std::io::Error| Failure::Tool(format!("{}: {error}", path.display()));
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut text = Vec::new();
    file.take(LONGEST_KEY).read_to_end(&mut text).map_err(unreadable)?;
    let wrong = || Failure::Usage(format!("{}: not a key of bm-preflight", path.display()));
    Key::parse(&String::from_utf8_lossy(&text)).map(Some).ok_or_else(wrong)
}

/// A new key, for its owner alone. What is there already is not written over.
fn write_key(path: &Path) -> Result<Key, Failure> {
    let fail = |error: std::io::Error| Failure::Tool(format!("{}: {error}", path.display()));
    let key = Key::fresh();
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
    file.write_all(key.file().as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    Ok(key)
}

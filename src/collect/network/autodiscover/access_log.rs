//! nginx's access logs, watched for the tokens of this run: a request that is found there reached this installation.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::words::Holds;
use crate::collect::reach::root::Root;
use crate::config::Config;
use crate::model::Reason;
use crate::model::reason::Files;

/// Where BlueMind's nginx writes (bm-access-log.conf).
const DEFAULT: &str = "/var/log/nginx/access.log";

/// How long nginx may take to write a line: BlueMind's log is unbuffered.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a log that is not buffered takes at most for one line.
const PROMPT: Duration = Duration::from_secs(1);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes that are read of what a log grew by; more requests than that come from somebody else.
const MOST: u64 = 64 * 1024 * 1024;

/// The logs, from where they stood when the watch began, and what they grew by since.
pub(super) struct Watch {
    logs: Vec<Log>,
    text: String,
}

struct Log {
    root: Root,
    path: PathBuf,
    state: Result<Open, Reason>,
}

struct Open {
    file: File,
    inode: u64,
    offset: u64,
}

/// What the logs tell.
pub(super) struct Seen {
    tokens: BTreeSet<String>,
    gap: Option<String>,
    /// A line that is not there yet may still come: nginx buffers them.
    is_late: bool,
}

impl Watch {
    /// Notes where the logs of the configuration, or else nginx's usual one below the root of the installation, end.
    pub(super) fn begin(config: &Config, root: &Root) -> Self {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let named = config.probe.access_logs.iter().map(absolute);
        let mut logs: Vec<Log> = named.map(|path| Log::open(Root::new("/"), path)).collect();
        if logs.is_empty() {
            logs.push(Log::open(root.clone(), DEFAULT.into()));
        }
        Self { logs, text: String::new() }
    }

    /// Looks for tokens in what was written since, until those that are awaited are there or nginx had time enough. Of
    /// tokens of which only some are there, `again` repeats the request of one that is, and tells its new token: a log that
    /// does not show that one at once is written in pieces, and denies nothing.
    pub(super) async fn end<F: Future<Output = Option<String>>>(
        mut self,
        tokens: &[(String, bool)],
        again: impl FnOnce(Vec<String>) -> F,
    ) -> Seen {
        let awaited: Vec<&str> =
            tokens.iter().filter(|(_, is_awaited)| *is_awaited).map(|(token, _)| token.as_str()).collect();
        let mut is_late = false;
        let is_all = self.wait_for(&awaited, PATIENCE).await;
        let known: Vec<String> =
            tokens.iter().map(|(token, _)| token).filter(|token| self.text.contains(token.as_str())).cloned().collect();
        if !is_all && !known.is_empty() {
            is_late = match again(known).await {
                Some(fresh) => !self.wait_for(&[&fresh], PROMPT).await,
                None => true,
            };
        }
        let tokens = tokens.iter().map(|(token, _)| token);
        let tokens = tokens.filter(|token| self.text.contains(token.as_str())).cloned().collect();
        let gap = Reason::all(self.logs.into_iter().filter_map(|log| log.state.err()));
        Seen { tokens, gap: gap.map(|reason| reason.to_string()), is_late }
    }

    /// Reads on until all these tokens are there; whether they are when the time is up.
    async fn wait_for(&mut self, tokens: &[&str], limit: Duration) -> bool {
        let ends = tokio::time::Instant::now() + limit;
        loop {
            for log in &mut self.logs {
                log.read_on(&mut self.text);
            }
            let is_all = tokens.iter().all(|token| self.text.contains(token));
            let is_readable = self.logs.iter().any(|log| log.state.is_ok());
            if is_all || !is_readable || tokio::time::Instant::now() >= ends {
                return is_all;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Seen {
    /// Whether a request was logged, and what is to be said of it. A log in which none of this run's requests shows up
    /// denies nothing: logging may be off, or go elsewhere.
    pub(super) fn judge(&self, token: &str) -> (Holds, Option<String>) {
        if self.tokens.contains(token) {
            return (Holds::Yes, None);
        }
        match &self.gap {
            Some(gap) => (Holds::Unknown, Some(gap.clone())),
            None if self.tokens.is_empty() => {
                (Holds::Unknown, Some("no request of this run is in the access log".to_owned()))
            }
            None if self.is_late => (Holds::Late, Some("the access log is written in pieces".to_owned())),
            None => (Holds::No, None),
        }
    }
}

impl Log {
    fn open(root: Root, path: PathBuf) -> Self {
        // A log that is compressed holds no lines to look for.
        let state = match path.extension().is_some_and(|extension| extension == "gz") {
            true => Err(Files::Compression { path: root.shown(&path), kind: ".gz".to_owned() }.into()),
            false => find(&root, &path).map(|(file, of)| Open { file, inode: of.ino(), offset: of.len() }),
        };
        Self { root, path, state }
    }

    /// Reads what was added; when the log was rotated, the rest of the old file and the new one from its beginning.
    fn read_on(&mut self, text: &mut String) {
        let Ok(open) = &mut self.state else { return };
        open.read_on(text);
        let rotated = find(&self.root, &self.path).ok().filter(|(_, metadata)| {
            self.state.as_ref().is_ok_and(|open| metadata.ino() != open.inode || metadata.len() < open.offset)
        });
        if let Some((file, metadata)) = rotated {
            let mut fresh = Open { file, inode: metadata.ino(), offset: 0 };
            fresh.read_on(text);
            self.state = Ok(fresh);
        }
    }
}

fn find(root: &Root, path: &Path) -> Result<(File, Metadata), Reason> {
    root.find_file(path)?.ok_or_else(|| root.missing(path))
}

impl Open {
    fn read_on(&mut self, text: &mut String) {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(self.offset))
            .and_then(|_| (&self.file).take(MOST.saturating_sub(text.len() as u64)).read_to_end(&mut bytes));
        if let Ok(read) = read {
            self.offset += read as u64;
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn named(path: &Path) -> Config {
        let mut config = Config::default();
        config.probe.access_logs = vec![path.to_owned()];
        config
    }

    fn append(path: &Path, line: &str) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    /// Nobody is asked again.
    async fn nobody(_: Vec<String>) -> Option<String> {
        None
    }

    #[tokio::test]
    async fn only_lines_written_during_the_watch_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        append(&path, "GET /?bmpf=old");
        let watch = Watch::begin(&named(&path), &Root::new(folder.path()));
        append(&path, "GET /?bmpf=new");
        let seen = watch.end(&[("new".to_owned(), true), ("old".to_owned(), false)], nobody).await;
        assert_eq!(seen.judge("new").0, Holds::Yes);
        assert_eq!(seen.judge("old").0, Holds::No);
    }

    #[tokio::test]
    async fn a_log_that_is_written_in_pieces_denies_nothing_and_a_prompt_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        append(&path, "before");
        for is_prompt in [true, false] {
            let watch = Watch::begin(&named(&path), &Root::new(folder.path()));
            append(&path, "bmpf=first");
            let tokens = [("first".to_owned(), true), ("second".to_owned(), true)];
            let seen = watch.end(&tokens, async |known| {
                assert_eq!(known, ["first"]);
                if is_prompt {
                    append(&path, "bmpf=fresh");
                }
                Some("fresh".to_owned())
            });
            let seen = seen.await;
            assert_eq!(seen.judge("first").0, Holds::Yes);
            assert_eq!(seen.judge("second").0, if is_prompt { Holds::No } else { Holds::Late });
        }
    }

    #[tokio::test]
    async fn a_log_rotated_meanwhile_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        append(&path, "before");
        let watch = Watch::begin(&named(&path), &Root::new(folder.path()));
        append(&path, "bmpf=first");
        std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
        append(&path, "bmpf=second");
        let seen = watch.end(&[("first".to_owned(), true), ("second".to_owned(), true)], nobody).await;
        assert_eq!((seen.judge("first").0, seen.judge("second").0), (Holds::Yes, Holds::Yes));
    }

    #[tokio::test]
    async fn the_usual_log_is_that_of_the_installation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DEFAULT.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let elsewhere = folder.path().join("elsewhere.log");
        append(&elsewhere, "before");
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let planted = Watch::begin(&Config::default(), &Root::new(folder.path()));
        let (holds, detail) = planted.end(&[("t".to_owned(), true)], nobody).await.judge("t");
        assert_eq!((holds, detail.unwrap().contains("which is not there")), (Holds::Unknown, true));
        std::fs::remove_file(&path).unwrap();
        append(&path, "before");
        let watch = Watch::begin(&Config::default(), &Root::new(folder.path()));
        append(&path, "bmpf=new");
        assert_eq!(watch.end(&[("new".to_owned(), true)], nobody).await.judge("new").0, Holds::Yes);
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_stays_empty_denies_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Watch::begin(&named(&folder.path().join("none")), &Root::new(folder.path()));
        let (holds, detail) = missing.end(&[("t".to_owned(), true)], nobody).await.judge("t");
        assert_eq!(holds, Holds::Unknown);
        assert!(detail.unwrap().contains("none: No such file"));
        for (path, reason) in [
            ("/dev/zero", "/dev/zero: not a regular file"),
            ("relative/access.log", "/relative/access.log: No such file"),
            ("/access.log.1.gz", "/access.log.1.gz: files compressed as .gz are not read"),
        ] {
            let watch = Watch::begin(&named(Path::new(path)), &Root::new(folder.path()));
            let (holds, detail) = watch.end(&[("t".to_owned(), true)], nobody).await.judge("t");
            assert_eq!((holds, detail.unwrap().contains(reason)), (Holds::Unknown, true), "{path}");
        }
        let path = folder.path().join("access.log");
        append(&path, "somebody else");
        let silent = Watch::begin(&named(&path), &Root::new(folder.path()));
        assert_eq!(silent.end(&[("t".to_owned(), true)], nobody).await.judge("t").0, Holds::Unknown);
    }
}

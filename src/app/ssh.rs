//! The installation's other servers, through the system's own ssh: each is collected from by this very program, and judged
//! together with this one.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use indicatif::ProgressBar;

use super::Failure;
use super::cut::{self, Cut};
use super::gather::Progress;
use crate::cli::{RunArgs, SourceArgs};
use crate::collect::{Remote, Stage};
use crate::fact::store::SnapshotTarget;
use crate::fact::{Facts, StoreError};
use crate::merge;
use crate::model::Reason;
use crate::model::reason::{Merge, Run};
use crate::topology::{Server, Topology};

/// What became of the servers that were asked, by uid; nothing yet is `None`.
type Asked = BTreeMap<String, Option<Result<File, Reason>>>;

/// The other servers of a run.
pub(super) struct Ssh {
    remote: Remote,
    asked: Mutex<Asked>,
}

impl Ssh {
    /// What the options say; none when this machine alone is collected from.
    pub(super) fn of(arguments: &RunArgs) -> Result<Option<Self>, Failure> {
        if !arguments.ssh {
            return Ok(None);
        }
        let options = arguments.ssh_option.iter().map(|option| words(option)).collect::<Result<Vec<_>, _>>()?;
        let remote = Remote::new(options.concat()).map_err(|error| Failure::Tool(format!("--ssh: {error}")))?;
        Ok(Some(Self { remote, asked: Mutex::default() }))
    }

    /// Collects from these servers, `jobs` at a time. What is there when this is not waited for any more, is kept.
    pub(super) async fn collect(&self, servers: Vec<&Server>, source: &SourceArgs, cut: &Cut, progress: &Progress) {
        self.asked().extend(servers.iter().map(|server| (server.uid.clone(), None)));
        let options = options(source, cut.left());
        futures_util::stream::iter(servers)
            .for_each_concurrent(usize::from(source.jobs), |server| async {
                let line = progress.line();
                let collected = self.remote.collect(server, &options, &|stage| tell(&line, server, stage)).await;
                line.finish_and_clear();
                if let Err(reason) = &collected {
                    tracing::warn!("{reason}");
                }
                self.asked().insert(server.uid.clone(), Some(collected));
            })
            .await;
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The facts of all, of this machine's own and of what came back, by the clock as it is `now`. What did not come, or does
    /// not fit, is a gap.
    pub(super) fn join(
        &self,
        own: Facts,
        topology: &Topology,
        ended: Option<cut::Reason>,
        now: i64,
    ) -> Result<Facts, Failure> {
        let asked = std::mem::take(&mut *self.asked());
        if asked.is_empty() {
            return Ok(own);
        }
        let schema = super::schema();
        // Only what has a name can be merged: for as long as that takes, in a folder that is nobody else's.
        let folder = tempfile::Builder::new().prefix("bm-preflight-").tempdir();
        let folder = folder.map_err(|error| Failure::Tool(format!("{}: {error}", std::env::temp_dir().display())))?;
        let core = folder.path().join("0");
        own.save(SnapshotTarget::open(&core)?)?;
        let name = own.origin().server_uid.clone().unwrap_or_else(|| "this machine".to_owned());
        let mut snapshots = vec![(PathBuf::from(name), Facts::open(&core, &schema)?)];
        let mut missing = BTreeMap::new();
        let ended = || ended.map_or_else(|| Run::NoCollector.into(), Reason::from);
        for (number, (server, collected)) in asked.into_iter().enumerate() {
            let place = folder.path().join((number + 1).to_string());
            let opened = collected.unwrap_or_else(|| Err(ended())).and_then(|file| {
                named(file, &place).and_then(|()| Facts::open(&place, &schema)).map_err(|error| unfit(&server, &error))
            });
            match opened {
                Err(reason) => drop(missing.insert(server, reason)),
                Ok(facts) => {
                    snapshots.push((PathBuf::from(&server), facts));
                    if let Some(why) = merge::misfit(&snapshots, topology, &schema, now)? {
                        snapshots.pop();
                        missing.insert(server.clone(), Merge::Misfit { server, error: why }.into());
                    }
                }
            }
        }
        merge::merge_without(snapshots, &missing, &schema, now).map_err(|error| Failure::Tool(error.to_string()))
    }
}

fn unfit(server: &str, error: &StoreError) -> Reason {
    Merge::Misfit { server: server.to_owned(), error: error.to_string() }.into()
}

/// Gives a snapshot a name.
fn named(mut file: File, place: &Path) -> Result<(), StoreError> {
    let mut copy = || {
        std::io::Seek::rewind(&mut file)?;
        std::io::copy(&mut file, &mut File::create_new(place)?)
    };
    copy().map(|_| ()).map_err(|source| StoreError::Io { path: place.to_owned(), source })
}

/// How `bm-preflight collect` is called there. It is to end, and its facts to arrive, before this run does.
fn options(source: &SourceArgs, left: Option<Duration>) -> Vec<String> {
    let mut words = vec!["collect".to_owned(), "--no-progress".to_owned(), "--quiet".to_owned()];
    words.extend(left.map(|left| format!("--timeout={}s", (left * 9 / 10).as_secs().max(1))));
    words.extend(source.low_priority.then(|| "--low-priority".to_owned()));
    words.extend(source.offline.then(|| "--offline".to_owned()));
    words
}

/// What one `--ssh-option` is for ssh: words of its command line, or a line of its configuration.
fn words(option: &str) -> Result<Vec<String>, Failure> {
    if !option.starts_with('-') {
        return Ok(vec!["-o".to_owned(), option.to_owned()]);
    }
    shlex::split(option).ok_or_else(|| Failure::Usage(format!("--ssh-option {option}: a quotation mark is missing")))
}

fn tell(line: &ProgressBar, server: &Server, stage: Stage) {
    let what = match stage {
        Stage::Sending => "sending the program",
        Stage::Collecting => "collecting",
        Stage::Fetching => "fetching the facts",
    };
    line.set_message(format!("{}: {what}", server.uid));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_what_ssh_reads_on_its_command_line_or_in_its_configuration() {
        for (option, expected) in [
            ("-p 2222", &["-p", "2222"][..]),
            ("-oUser=root", &["-oUser=root"]),
            ("-i '/root/a key'", &["-i", "/root/a key"]),
            ("ProxyJump=gate", &["-o", "ProxyJump=gate"]),
            ("StrictHostKeyChecking accept-new", &["-o", "StrictHostKeyChecking accept-new"]),
        ] {
            assert_eq!(words(option).unwrap(), expected, "{option}");
        }
        assert!(words("-i 'x").is_err());
    }
}

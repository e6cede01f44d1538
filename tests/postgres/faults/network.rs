//! Everything that is asked over the network, in every way in which it can fail to answer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bm_preflight::app;
use bm_preflight::config::Config;
use bm_preflight::fact::ScopeKind;

use super::collecting::{Checks, Fate, Judges, Place, settle};
use super::{Allowed, Walk};
use crate::support::bluemind::Installation;
use crate::support::peers::socket::{self, Peer};

/// What may change without a word.
const ALLOWED: &[Allowed] =
    &[("192.0.2.80:80", "*", "*", "the plain redirect is one way of several, and the others lead to BlueMind")];

/// Surveys that are made at once: most of the time is spent waiting for those who are silent.
const COPIES: usize = 8;

const KINDS: &[ScopeKind] = &[ScopeKind::Directory, ScopeKind::Network];

/// A way in which somebody who is asked fails.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Nobody is there.
    Refused,
    /// It takes the question, and says nothing.
    Silent,
    /// It hangs up.
    Closing,
    /// It says something that is no answer.
    Garbage,
}

const WAYS: &[Way] = &[Way::Refused, Way::Silent, Way::Closing, Way::Garbage];

/// Those who fail.
struct Failing {
    silent: Peer,
    closing: Peer,
    garbage: Peer,
}

impl Failing {
    fn address(&self, way: Way) -> String {
        match way {
            Way::Refused => socket::nobody(),
            Way::Silent => self.silent.address,
            Way::Closing => self.closing.address,
            Way::Garbage => self.garbage.address,
        }
        .to_string()
    }
}

/// The configuration of an installation, and those who are asked by it: the resolver and the addresses that lead somewhere.
fn asked(installation: &Installation<'_>) -> (toml::Table, Vec<String>) {
    drop(installation.command("collect"));
    let text = std::fs::read_to_string(installation.path("bm-preflight.toml")).unwrap();
    let mut config: toml::Table = text.parse().unwrap();
    config["probe"].as_table_mut().unwrap().insert("timeout_s".to_owned(), 3.into());
    // The other servers are those of other stories.
    let is_ours = |address: &&String| !address.starts_with("192.0.2.2") && !address.starts_with("192.0.2.3");
    let connect = config["probe"]["connect"].as_table().unwrap();
    let asked = connect.keys().filter(is_ours).cloned().chain(["resolver".to_owned()]).collect();
    (config, asked)
}

/// The same with somebody else in the place of one.
fn instead(config: &toml::Table, asked: &str, address: String) -> Config {
    let mut config = config.clone();
    match asked {
        "resolver" => config["dns"]["resolvers"] = vec![address].into(),
        _ => config["probe"]["connect"][asked] = address.into(),
    }
    read(&config)
}

fn read(config: &toml::Table) -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, toml::to_string(config).unwrap()).unwrap();
    Config::read(file.path()).unwrap()
}

#[test]
fn whoever_is_asked() {
    let (checks, now) = (Checks::new(), jiff::Timestamp::now().as_second());
    let installation = Installation::build("healthy_tick");
    let root = installation.path("root");
    settle(&root, now);
    let (config, asked) = asked(&installation);
    let place =
        |config, is_offline| Place { config, root: root.clone(), now, kinds: KINDS, topology: None, is_offline };
    let judges = Judges::healed(&checks, &place(read(&config), false).collect(), &root);
    let failing =
        Failing { silent: socket::silent(), closing: socket::closing(), garbage: socket::saying(b"\xff?\r\n") };
    let pairs: Vec<(&String, Way)> = asked.iter().flat_map(|who| WAYS.iter().map(move |way| (who, *way))).collect();
    let (next, walk) = (AtomicUsize::new(0), Mutex::new(Walk::default()));
    let offline = judges.fates(&place(read(&config), true).collect(), &root);
    walk.lock().unwrap().note("the network".to_owned(), "Offline".to_owned(), offline);
    let work = || {
        while let Some((who, way)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let look = || {
                let facts = place(instead(&config, who, failing.address(*way)), false).collect();
                judges.fates(&facts, &root)
            };
            // The surveys share one access log, and may take a line from each other: what is real is there again.
            let first = look();
            let fates = if first.values().any(|fate| *fate == Fate::Silent) { look() } else { first };
            walk.lock().unwrap().note((*who).clone(), format!("{way:?}"), fates);
        }
    };
    std::thread::scope(|scope| (0..COPIES).for_each(|_| drop(scope.spawn(work))));
    walk.into_inner().unwrap().judge(&app::schema(), &[ScopeKind::Network], ALLOWED);
}

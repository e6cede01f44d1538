//! A real InfluxDB with what telegraf would have written into it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::daemon::{Daemon, free};

const HOUR: u64 = 3_600;
/// Nothing is begun so shortly before a full hour that the hour may be another one when it is asked.
const MARGIN: u64 = 90;

/// What a story's bm-tick knows, hour by hour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telegraf {
    /// Address of the server of the story that has InfluxDB.
    pub(crate) at: String,
    /// How long bm-tick has been there.
    #[serde(default = "four")]
    days: u64,
    /// Connections of replication.
    sessions: Hours,
    /// Messages that were replicated, by address of the mail server.
    #[serde(default)]
    messages: BTreeMap<String, Hours>,
}

const fn four() -> u64 {
    4
}

/// A number for each hour: `usual`, and others by how many hours ago they were, such as `3` or `1..6`.
#[derive(Debug, Clone, Deserialize)]
struct Hours(BTreeMap<String, u64>);

impl Hours {
    fn value(&self, hours_ago: u64) -> u64 {
        let is_of = |key: &str| {
            let (first, last) = key.split_once("..").unwrap_or((key, key));
            let number = |text: &str| text.parse::<u64>().ok();
            number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&hours_ago))
        };
        let other = self.0.iter().find(|(key, _)| is_of(key));
        *other.map_or_else(|| self.0.get("usual").expect("a usual number"), |(_, value)| value)
    }
}

/// The server.
#[derive(Debug)]
pub(crate) struct Influx {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where it is looked for.
    pub(crate) meant: String,
    daemon: Option<Daemon>,
    _folder: tempfile::TempDir,
}

impl Influx {
    /// Starts one without any data, which is looked for at an address.
    pub(crate) fn empty(at: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let [address, internal] = [(); 2].map(|()| free());
        let path = folder.path().display();
        let conf = format!(
            "reporting-disabled = true\nbind-address = \"{internal}\"\n[meta]\ndir = \"{path}/meta\"\n\
             [data]\ndir = \"{path}/data\"\nwal-dir = \"{path}/wal\"\nquery-log-enabled = false\n\
             [http]\nbind-address = \"{address}\"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n\
             [logging]\nlevel = \"error\"\nsuppress-logo = true\n"
        );
        let file = folder.path().join("influxdb.conf");
        std::fs::write(&file, conf).expect("the configuration can be written");
        let daemon = Daemon::start("influxd", &["-config", file.to_str().expect("a plain path")], &[address]);
        Self { address, meant: format!("{at}:8086"), daemon: Some(daemon), _folder: folder }
    }

    /// Ends it: connections to it are refused.
    pub(crate) fn stop(&mut self) {
        self.daemon = None;
    }

    /// Starts one that knows the hours before this one.
    pub(crate) fn telling(telegraf: &Telegraf) -> Self {
        let influx = Self::empty(&telegraf.at);
        influx.create_database();
        influx.post("/write?db=telegraf&precision=s", "text/plain", &lines(telegraf, full_hour()));
        influx
    }

    /// Makes the database that telegraf writes into.
    pub(crate) fn create_database(&self) {
        self.post("/query", "application/x-www-form-urlencoded", "q=CREATE DATABASE telegraf");
    }

    fn post(&self, target: &str, kind: &str, body: &str) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 20"), "{target}: {answer}");
    }
}

/// The last full hour; the next one is not near.
fn full_hour() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let left = HOUR - now() % HOUR;
    if left < MARGIN {
        std::thread::sleep(Duration::from_secs(left + 1));
    }
    now() / HOUR * HOUR
}

/// What telegraf writes (tags and fields of BlueMind's bm-core: upstream, meterType, value, count), if less often.
fn lines(telegraf: &Telegraf, end: u64) -> String {
    let mut text = String::new();
    let hours = || (1..=telegraf.days * 24).rev();
    for (ago, minutes) in hours().flat_map(|ago| [0, 10, 20, 30, 40, 50].map(|minutes| (ago, minutes))) {
        let (value, at) = (telegraf.sessions.value(ago), end - ago * HOUR + minutes * 60);
        let _ = writeln!(text, "bm-core.cyrus-replication.activeSessions,host=core,meterType=Gauge value={value} {at}");
    }
    for (upstream, messages) in &telegraf.messages {
        let mut count = 1_000;
        let series = format!("bm-core.cyrus-replication.applyMessage,host=core,meterType=Counter,upstream={upstream}");
        let _ = writeln!(text, "{series} count={count}i {}", end - (telegraf.days * 24 + 1) * HOUR);
        for ago in hours() {
            count += messages.value(ago);
            let _ = writeln!(text, "{series} count={count}i {}", end - ago * HOUR + HOUR / 2);
        }
    }
    text
}

#[test]
fn hours_have_their_number() {
    let hours: Hours = toml::from_str("usual = 7\n3 = 1\n\"5..6\" = 0\n").expect("it is TOML");
    assert_eq!([1, 3, 5, 6, 7].map(|ago| hours.value(ago)), [7, 1, 0, 0, 7]);
}

//! Login traces in the logs of Cyrus, ysnp and the core, aggregated: never one row per line.

mod traces;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;
use walkdir::{DirEntry, WalkDir};

use self::traces::{Attempts, CoreLog, JavaLog, Sessions, Traces};
use super::packages;
use crate::collect::reach::imapd_conf;
use crate::collect::reach::log_files::{LogFile, LogSet, Stop};
use crate::collect::reach::place::{Look, OfServer, Place};
use crate::collect::reach::root::Root;
use crate::collect::reach::seen::{Rows, Seen};
use crate::fact::{Record, enumeration, table};
use crate::format::login_log;
use crate::model::Reason;
use crate::model::reason::{Files, Server};

table! {
    /// Successful IMAP logins seen in the logs of a server (syslog's mail log, ysnp.log, core.log; rotated and compressed
    /// ones too), aggregated. It reaches as far back as the logs do. A server without one of the three logs is partially
    /// known: BlueMind's core writes core.log, its mail backends the two others.
    struct LoginTrace: "login_trace", "a log, login, client address and client program", Server {
        /// which log: Cyrus' own lines in syslog, ysnp.log, or core.log
        source: Source,
        /// login as the client gave it, with its realm
        login: String as key,
        /// IP address of the client; null where the log does not tell it
        client_address: Option<IpAddr> as key,
        /// name that the client gave with the IMAP command ID, such as `imapsync`
        client_id: Option<String>,
        /// the side that the client said it is on, as imapsync does: `host1` reads from this server, `host2` writes to it
        client_side: Option<String>,
        /// how often
        logins: u64,
        /// first trace, in seconds since the epoch, UTC (core.log and ysnp.log are taken to be in GMT)
        first_at: Option<i64>,
        /// last trace, in seconds since the epoch, UTC
        last_at: Option<i64>,
    }
}

enumeration! {
    /// A log that tells of logins.
    enum Source { Cyrus = "cyrus", Ysnp = "ysnp", Core = "core" }
}

pub(super) const ALL: &[&dyn OfServer] = &[&Look { tables: LoginTrace::ALONE, look: |place| Box::pin(look(place)) }];

/// Where syslog may put Cyrus' lines: the first that has some is read, for others repeat them.
const MAIL_LOGS: [&str; 5] = ["mail.log", "maillog", "mail.info", "syslog", "messages"];
/// Most rows of a server.
const MAX_ROWS: usize = 100_000;
/// Where the name of the time zone may stand, and names of that which is none.
const ZONE_NAME: &str = "/etc/timezone";
const UTC: [&str; 5] = ["", "UTC", "Etc/UTC", "GMT", "Etc/GMT"];
/// More than any time zone file has, in bytes.
const ZONE_FILE: u64 = 1024 * 1024;

/// A log that a server with these roles does not write is no gap when it is not there; of a server whose roles are not
/// known, those are expected whose program is installed.
async fn look(place: &Place) -> Seen {
    let expected = match &place.roles {
        Some(roles) => Expected::of_roles(roles),
        None => Expected::of_packages(packages::installed(&place.root).await.as_ref()),
    };
    let stop = Stop::default();
    let told = stop.flag();
    let gathered = place.aside(move |root| Gathered::read(root, expected, &told, MAX_ROWS).known()).await;
    Seen::at(place.root.shown("/var/log")).tell::<LoginTrace>(gathered.map(|(traces, gap)| Rows::from(traces).but(gap)))
}

/// Which logs a server writes.
#[derive(Clone, Copy)]
struct Expected {
    cyrus: bool,
    ysnp: bool,
    core: bool,
}

impl Expected {
    /// Cyrus' lines come from mail backends, core.log from the core. Where ysnp runs beside Cyrus is not public; its log
    /// repeats what Cyrus says, without the client's address.
    fn of_roles(roles: &BTreeSet<String>) -> Self {
        Self { cyrus: roles.contains("mail/imap"), ysnp: false, core: roles.contains("bm/core") }
    }

    /// Every log, as long as the packages are not known either.
    fn of_packages(installed: Option<&BTreeSet<String>>) -> Self {
        let has = |name: &str| installed.is_none_or(|names| names.iter().any(|package| package.contains(name)));
        Self { cyrus: has("cyrus"), ysnp: installed.is_none(), core: has("bm-core") }
    }
}

/// What the logs of a server tell.
struct Gathered {
    traces: Traces,
    /// Logs of which at least one file was read.
    sources: usize,
    /// What is not known, each with its reason.
    missing: Vec<Reason>,
}

impl Gathered {
    /// The rows and what is missing of them, or why nothing is known.
    fn known(self) -> Result<(Vec<LoginTrace>, Option<Reason>), Reason> {
        match Reason::all(self.missing) {
            Some(reason) if self.sources == 0 => Err(reason),
            gap => Ok((self.traces.into_rows(), gap)),
        }
    }

    fn read(root: &Root, expected: Expected, stop: &AtomicBool, max_rows: usize) -> Self {
        let mut gathered = Self { traces: Traces::new(max_rows), sources: 0, missing: Vec::new() };
        gathered.cyrus(root, expected.cyrus, stop);
        // Only a log that is surely not there is passed over: one that cannot be looked at is told.
        let is_absent = |folder: &str, name: &str| match root.names(folder) {
            Ok(names) => !names.iter().any(|other| other.starts_with(name)),
            Err(_) => matches!(root.find(folder), Ok(None)),
        };
        for (folder, name, is_expected) in
            [("/var/log/bm-ysnp", "ysnp.log", expected.ysnp), ("/var/log/bm", "core.log", expected.core)]
        {
            match name {
                _ if !is_expected && is_absent(folder, name) => {}
                "ysnp.log" => gathered.java(root, stop, folder, name, &mut Attempts::default()),
                _ => gathered.java(root, stop, folder, name, &mut CoreLog),
            }
        }
        gathered.missing.extend(gathered.traces.left_out().map(Reason::from));
        gathered
    }

    fn cyrus(&mut self, root: &Root, is_expected: bool, stop: &AtomicBool) {
        // Times that are some hours off still tell who logs in; that they are is told.
        let zone = zone(root).unwrap_or_else(|reason| {
            self.missing.push(reason);
            TimeZone::UTC
        });
        let (mut sessions, mut found, mut reasons) = (Sessions::default(), false, Vec::new());
        for name in MAIL_LOGS {
            let set = match LogSet::open(root, "/var/log", name) {
                Ok(Some(set)) => set,
                Ok(None) => continue,
                Err(reason) => {
                    reasons.push(reason);
                    continue;
                }
            };
            self.missing.extend(set.troubles);
            for file in set.files {
                let read = file.read_text(stop, |line, modified| {
                    let Some((stamp, told)) = login_log::cyrus(line) else { return };
                    found = true;
                    sessions.take(told, || stamp?.resolve(&zone, modified), &mut self.traces);
                });
                self.missing.extend(read.err());
            }
            if found {
                break;
            }
        }
        sessions.end(&mut self.traces);
        if found {
            self.sources += 1;
            return;
        }
        if !is_expected || holds_no_mail(root) {
            return;
        }
        reasons.dedup();
        let path = root.shown(format!("/var/log/{{{}}}", MAIL_LOGS.join(",")));
        reasons.push(Server::NoImapdLine { path }.into());
        self.missing.extend(reasons);
    }

    fn java(&mut self, root: &Root, stop: &AtomicBool, folder: &str, name: &str, log: &mut impl JavaLog) {
        let set = match LogSet::open(root, folder, name) {
            Ok(Some(set)) => set,
            Ok(None) => {
                let path = root.shown(format!("{folder}/{name}"));
                return self.missing.push(Files::NoLog { path }.into());
            }
            Err(reason) => return self.missing.push(reason),
        };
        self.sources += 1;
        self.missing.extend(set.troubles);
        // A log that nobody understands tells of no login, whoever has logged in.
        let (mut is_any, mut is_understood) = (false, false);
        for file in set.files {
            let read = file.read_text(stop, |line, _| {
                (is_any, is_understood) = (true, is_understood || login_log::is_java(line));
                log.take(line, &mut self.traces);
            });
            self.missing.extend(read.err());
        }
        if is_any && !is_understood {
            self.missing.push(Server::OtherLayout { path: root.shown(format!("{folder}/{name}")) }.into());
        }
    }
}

/// Whether Cyrus holds no message at all, as on an installation that nobody uses yet: nothing was imported then, whatever its
/// logs say.
fn holds_no_mail(root: &Root) -> bool {
    let Ok(conf) = imapd_conf::read(root) else { return false };
    let mut partitions = conf.partitions().map(|(_, roots)| roots).peekable();
    let is_without = |folder: &str| match root.find_folder(folder) {
        Ok(Some(real)) => WalkDir::new(real).into_iter().all(|entry| entry.is_ok_and(|entry| !is_message(&entry))),
        _ => false,
    };
    let is_absent = |folder: &str| matches!(root.find_folder(folder), Ok(None));
    partitions.peek().is_some()
        && partitions.all(|roots| {
            is_without(roots.data) && roots.archive.is_none_or(|archive| is_absent(archive) || is_without(archive))
        })
}

/// Whether it is called as Cyrus calls a message, `12.`, or leads elsewhere.
fn is_message(entry: &DirEntry) -> bool {
    let number = entry.file_name().as_encoded_bytes().strip_suffix(b".");
    entry.path_is_symlink() || number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
}

impl LogFile {
    /// The lines as text, bytes that are no UTF-8 replaced, with the time at which the file was last written.
    fn read_text(self, stop: &AtomicBool, mut each: impl FnMut(&str, i64)) -> Result<(), Reason> {
        let modified = self.modified;
        // The beginning of a line tells all of a login, however long the line is.
        self.read(stop, |line| each(&String::from_utf8_lossy(line), modified))
    }
}

/// The server's time zone, in which syslog writes: that of /etc/localtime. Where there is none it is UTC, for the C library
/// (tzset(3)) and for systemd, which leaves it out on purpose (localtime(5)).
fn zone(root: &Root) -> Result<TimeZone, Reason> {
    let path = "/etc/localtime";
    if root.find(path)?.is_none() {
        // Debian writes the name as well: where only that is left, the file was lost.
        return match root.find(ZONE_NAME)? {
            Some(_) if !UTC.contains(&root.text(ZONE_NAME, ZONE_FILE)?.trim()) => Err(root.missing(path)),
            _ => Ok(TimeZone::UTC),
        };
    }
    TimeZone::tzif("", &root.bytes(path, ZONE_FILE)?).map_err(|error| root.unreadable(path, &error))
}

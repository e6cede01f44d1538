//! Login traces in the logs of Cyrus, ysnp and the core, aggregated: never one row per line.

mod traces;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;

use self::traces::{Attempts, CoreLog, JavaLog, Sessions, Traces};
use super::packages;
use crate::collect::reach::log_files::{LogFile, LogSet, Stop};
use crate::collect::reach::root::Root;
use crate::collect::reach::sink::{Scope, Sink};
use crate::fact::{Column, ScopeKind, Table};
use crate::format::login_log;
use crate::model::Reason;

/// Logins by who, from where and with what.
pub(in crate::collect) const LOGIN_TRACE: Table = Table {
    name: "login_trace",
    doc: "IMAP logins seen in the logs of a server (syslog's mail log, ysnp.log, core.log; rotated and compressed ones too), aggregated. It reaches as far back as the logs do. A server without one of the three logs is partially known: BlueMind's core writes core.log, its mail backends the two others.",
    grain: "a log, login, client address and client program",
    scope: ScopeKind::Server,
    columns: &[
        Column::text("source", "which log: Cyrus' own lines in syslog, ysnp.log, or core.log")
            .one_of(&["cyrus", "ysnp", "core"]),
        Column::text("login", "login as the client gave it, with its realm; null where the log does not tell it")
            .nullable()
            .key(),
        Column::text("client_address", "IP address of the client; null where the log does not tell it")
            .nullable()
            .key(),
        Column::text("client_id", "name that the client gave with the IMAP command ID, such as `imapsync`").nullable(),
        Column::integer("logins", "successful logins"),
        Column::integer("failures", "refused logins; those of core.log may be POP logins"),
        Column::integer(
            "password_attempts",
            "attempts as admin0 with a password instead of the core's token, by IMAP or to the administration console; whether it was right is not told (core.log)",
        ),
        Column::integer(
            "first_at",
            "first trace, in seconds since the epoch, UTC (core.log and ysnp.log are taken to be in GMT)",
        )
        .nullable(),
        Column::integer("last_at", "last trace, in seconds since the epoch, UTC").nullable(),
    ],
};

/// Where syslog may put Cyrus' lines: the first that has some is read, for others repeat them.
const MAIL_LOGS: [&str; 5] = ["mail.log", "maillog", "mail.info", "syslog", "messages"];
/// Most rows of a server.
const MAX_ROWS: usize = 100_000;
/// Rows handed over at once.
const BATCH: usize = 5_000;
/// More than any time zone file has, in bytes.
const ZONE_FILE: u64 = 1024 * 1024;

/// Fills [`LOGIN_TRACE`] of one server from the logs below `root`. A log that a server with these `roles` does not write
/// is no gap when it is not there; of a server whose roles are not known, those are expected whose program is installed.
pub(in crate::collect) async fn collect(server: &str, root: &Root, roles: Option<&BTreeSet<String>>, sink: &Sink) {
    let scope = Scope::begin(sink, &LOGIN_TRACE, server, root.shown("/var/log"));
    let stop = Stop::default();
    // The thread does not know the sink: when the run is cut short, nobody waits for its last line.
    let (place, told) = (root.clone(), stop.flag());
    let expected = match roles {
        Some(roles) => Expected::of_roles(roles),
        None => Expected::of_packages(packages::installed(root).await.as_ref()),
    };
    let gathered = tokio::task::spawn_blocking(move || Gathered::read(&place, expected, &told, MAX_ROWS)).await;
    let gathered = match gathered {
        Ok(gathered) => gathered,
        Err(error) => return scope.end(Err(error.to_string())),
    };
    if gathered.sources == 0 && !gathered.missing.is_empty() {
        return scope.end(Err(gathered.missing.join("; ")));
    }
    if let Err(refusal) = gathered.traces.rows().chunks(BATCH).try_for_each(|rows| scope.add(rows)) {
        return scope.end(Err(refusal));
    }
    let gap = (!gathered.missing.is_empty()).then(|| gathered.missing.join("; "));
    scope.end_with::<_, String>(Ok(gap));
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
    missing: Vec<String>,
}

impl Gathered {
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
        gathered.missing.extend(gathered.traces.left_out());
        gathered
    }

    fn cyrus(&mut self, root: &Root, is_expected: bool, stop: &AtomicBool) {
        // Times that are some hours off still tell who logs in; that they are is told.
        let zone = zone(root).unwrap_or_else(|reason| {
            self.missing.push(reason.to_string());
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
        if !is_expected {
            return;
        }
        reasons.dedup();
        reasons.push(format!(
            "no line of Cyrus' imapd in {}",
            root.shown(format!("/var/log/{{{}}}", MAIL_LOGS.join(",")))
        ));
        self.missing.push(reasons.join("; "));
    }

    fn java(&mut self, root: &Root, stop: &AtomicBool, folder: &str, name: &str, log: &mut impl JavaLog) {
        let set = match LogSet::open(root, folder, name) {
            Ok(Some(set)) => set,
            Ok(None) => return self.missing.push(format!("{}: no such log", root.shown(format!("{folder}/{name}")))),
            Err(reason) => return self.missing.push(reason),
        };
        self.sources += 1;
        self.missing.extend(set.troubles);
        for file in set.files {
            let read = file.read_text(stop, |line, _| log.take(line, &mut self.traces));
            self.missing.extend(read.err());
        }
    }
}

impl LogFile {
    /// The lines as text, bytes that are no UTF-8 replaced, with the time at which the file was last written.
    fn read_text(self, stop: &AtomicBool, mut each: impl FnMut(&str, i64)) -> Result<(), String> {
        let modified = self.modified;
        // The beginning of a line tells all of a login, however long the line is.
        self.read(stop, |line| each(&String::from_utf8_lossy(line), modified)).map(|_cut_lines| ())
    }
}

/// The server's time zone, in which syslog writes: /etc/localtime, else UTC, as the C library has it.
fn zone(root: &Root) -> Result<TimeZone, Reason> {
    let path = "/etc/localtime";
    if root.find(path)?.is_none() {
        return Ok(TimeZone::UTC);
    }
    TimeZone::tzif("", &root.bytes(path, ZONE_FILE)?).map_err(|error| root.unreadable(path, &error))
}

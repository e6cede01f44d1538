//! How long the window takes and how much room it needs, as far as that can be said before: a range for each stop of the
//! way, for each server, with the terms that it is made of. What nobody can say leaves a range open.

use std::collections::BTreeMap;

use super::Beside;
use crate::model::durations::{self, Ends, Kind, Rate, Work};
use crate::model::releases::{self, Confidence, Way, WayStep};
use crate::model::{Completeness, When};

/// What is known of the installation that a forecast is made from.
#[derive(Debug, Clone, Default)]
pub struct Measures {
    /// The installed release; what it is at least where the build does not tell. `None` where nothing is known.
    pub installed: Option<String>,
    /// The way to the target.
    pub way: Way,
    /// The databases, by scope.
    pub databases: BTreeMap<String, Database>,
    /// How to keep what there is before the window; none where that was done.
    pub keep: Option<Keep>,
}

/// The commands that let a later run tell what did not survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Right before the window.
    pub before: String,
    /// After it.
    pub after: String,
}

/// What is known of a database.
#[derive(Debug, Clone, Default)]
pub struct Database {
    /// Bytes of its large tables.
    pub tables: BTreeMap<String, u64>,
    /// Bytes of all of it.
    pub bytes: Option<u64>,
    /// The file system that its tables are on.
    pub data: Option<Place>,
    /// The one that its write-ahead log is on.
    pub log: Option<Place>,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Where it is mounted.
    pub mount_point: String,
    /// Room on it, in bytes.
    pub available: u64,
}

/// What can be said of the window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forecast {
    /// How long all of it takes.
    pub span: Span,
    /// What is installed one after the other; empty where there is no way, or the installed release is not known.
    pub stages: Vec<Stage>,
    /// How to keep what there is before it.
    pub keep: Option<Keep>,
}

/// A range of time, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// It takes that at least.
    pub low_s: u64,
    /// And that at most; `None` where nobody can say.
    pub high_s: Option<u64>,
}

/// The installation of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What is there before.
    pub from: String,
    /// The release.
    pub to: String,
    /// From all servers at a time to one after the other.
    pub span: Span,
    /// What each server takes.
    pub servers: Vec<ServerSpan>,
    /// What has no figure.
    pub unknown: Vec<Unforeseen>,
}

/// What a server takes.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSpan {
    /// Its uid.
    pub server: String,
    /// How long.
    pub span: Span,
    /// What that is made of.
    pub terms: Vec<Term>,
    /// Room needed at the peak, by file system.
    pub rooms: Vec<Room>,
    /// The read that tells how fast the machine is.
    pub read: Option<Read>,
}

/// A part of what a server takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// What is done.
    pub kind: Kind,
    /// The step that asks for it; none of what every stop does.
    pub step: Option<WayStep>,
    /// The tables that it is done to.
    pub tables: Vec<String>,
    /// How large they are; `None` where that is not known, or does not matter.
    pub bytes: Option<u64>,
    /// How long; `None` where the sizes are not known.
    pub span: Option<Span>,
    /// How sure that is.
    pub confidence: Confidence,
    /// Whether the machine's own read made it narrower.
    pub is_calibrated: bool,
}

/// Room needed on a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Which one; `None` where that is not known.
    pub place: Option<Place>,
    /// For copies of tables, in bytes.
    pub copies: u64,
    /// For the write-ahead log.
    pub log: u64,
}

/// A read that was timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// How much was read.
    pub bytes: u64,
    /// How long that took, in milliseconds.
    pub ms: u64,
}

/// Something that has no figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Unforeseen {
    /// The step that brings it; none of what is not known of the installation.
    pub step: Option<WayStep>,
    /// A code for it.
    pub what: String,
    /// When it happens.
    pub when: When,
}

/// Scope of the directory's database.
const DIRECTORY: &str = "directory";

/// The forecast for the way that lies ahead.
pub(super) fn of(beside: &Beside<'_>) -> Forecast {
    let Measures { installed, way, keep, .. } = &beside.measures;
    let mut stages = Vec::new();
    let mut from = installed.as_ref();
    for stop in &way.stops {
        stages.extend(from.map(|from| Stage::of(from, stop, beside)));
        from = Some(stop);
    }
    let span: Span = stages.iter().map(|stage| stage.span).sum();
    // Without an installed release nothing is forecast: that is not nothing to do.
    Forecast { span: if installed.is_some() { span } else { span.open() }, stages, keep: keep.clone() }
}

impl std::iter::Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        let both = |high: Option<u64>, other: Option<u64>| Some(high? + other?);
        let none = Self { low_s: 0, high_s: Some(0) };
        spans.fold(none, |sum, span| Self { low_s: sum.low_s + span.low_s, high_s: both(sum.high_s, span.high_s) })
    }
}

impl Span {
    /// Of things that may be done side by side, or one after the other.
    fn of_all(spans: impl Iterator<Item = Self> + Clone) -> Self {
        Self { low_s: spans.clone().map(|span| span.low_s).max().unwrap_or(0), ..spans.sum() }
    }

    fn open(self) -> Self {
        Self { high_s: None, ..self }
    }
}

impl Stage {
    fn of(from: &str, to: &str, beside: &Beside<'_>) -> Self {
        let steps = beside.measures.way.steps.iter();
        let steps: Vec<&WayStep> =
            steps.filter(|step| releases::is_beyond(&step.to, from) && !releases::is_beyond(&step.to, to)).collect();
        let unknown = unforeseen(&steps, beside);
        let major = releases::postgresql_of;
        let is_renewed = major(from).zip(major(to)).is_some_and(|(one, other)| one != other);
        let servers = beside.servers.iter();
        let servers: Vec<_> =
            servers.map(|(uid, roles)| Host { uid, roles, beside }.span(&steps, is_renewed)).collect();
        let span = Span::of_all(servers.iter().map(|server| server.span));
        let is_open = unknown.iter().any(|unknown| unknown.when == When::During);
        let span = if is_open { span.open() } else { span };
        Self { from: from.to_owned(), to: to.to_owned(), span, servers, unknown }
    }
}

/// What the steps bring that has no figure.
fn unforeseen(steps: &[&WayStep], beside: &Beside<'_>) -> Vec<Unforeseen> {
    let told = |step: &WayStep, what: &str, when| Unforeseen { step: Some(step.clone()), what: what.to_owned(), when };
    let mut all = Vec::new();
    for step in steps {
        let known = durations::known().unknown.iter().filter(|unknown| unknown.step == step.to);
        all.extend(known.map(|unknown| told(step, &unknown.what, unknown.when)));
        // Of what was never published as source nobody knows what it does.
        all.extend((step.confidence == Confidence::Inferred).then(|| told(step, "not_public", When::During)));
    }
    let missing = |what: &str| Unforeseen { step: None, what: what.to_owned(), when: When::During };
    let has_database = |(uid, roles): &(String, Vec<String>)| Host { uid, roles, beside }.scopes().next().is_some();
    match beside.servers.is_empty() {
        true => all.push(missing("servers")),
        false if !beside.servers.iter().any(has_database) => all.push(missing("databases")),
        false => {}
    }
    all
}

/// A server with what is known of it.
struct Host<'a> {
    uid: &'a str,
    roles: &'a [String],
    beside: &'a Beside<'a>,
}

impl Host<'_> {
    fn span(&self, steps: &[&WayStep], is_renewed: bool) -> ServerSpan {
        let mut rooms = Rooms::default();
        let mut terms: Vec<Term> = fixed(Kind::Packages).into_iter().collect();
        let is_renewed = is_renewed && self.scopes().next().is_some();
        terms.extend(is_renewed.then(|| self.renewal(&mut rooms)).flatten());
        for step in steps {
            let work = durations::known().work.iter().filter(|work| work.step == step.to);
            terms.extend(work.filter_map(|work| self.work(step, work, &mut rooms)));
        }
        terms.extend(fixed(Kind::Restart));
        let span = terms.iter().map(|term| term.span.unwrap_or_default()).sum();
        ServerSpan { server: self.uid.to_owned(), span, terms, rooms: rooms.0, read: self.read() }
    }

    /// Scopes of its databases.
    fn scopes(&self) -> impl Iterator<Item = &str> {
        let of = [("bm/pgsql", DIRECTORY), ("bm/pgsql-data", self.uid)].into_iter();
        of.filter(|(role, _)| self.roles.iter().any(|held| held == role)).map(|(_, scope)| scope)
    }

    /// What is known of one of its databases; `None` where its sizes are not.
    fn database(&self, scope: &str) -> Option<&Database> {
        let is_complete = self.beside.coverage.iter().any(|statement| {
            let is_of = statement.table == "relation" && statement.scope == scope;
            is_of && statement.completeness == Completeness::Complete
        });
        self.beside.measures.databases.get(scope).filter(|_| is_complete)
    }

    /// The read of its shard, where that was long enough to tell something.
    fn read(&self) -> Option<Read> {
        let of = &durations::known().calibration;
        let timed = self.beside.coverage.iter().find(|c| c.table == of.facts && c.scope == self.uid)?;
        let is_whole = timed.completeness == Completeness::Complete && timed.elapsed_ms >= of.least_ms;
        let bytes = bytes_of(self.database(self.uid)?, &of.tables);
        (is_whole && bytes > 0).then_some(Read { bytes, ms: timed.elapsed_ms })
    }

    /// Another major version of PostgreSQL.
    fn renewal(&self, rooms: &mut Rooms) -> Option<Term> {
        let rate = durations::known().rate.get(&Kind::Postgresql)?;
        let bytes = |database: &Database| database.bytes;
        Some(Term { kind: Kind::Postgresql, confidence: rate.confidence, ..self.term(rate, bytes, rooms) })
    }

    /// What a step does to the tables of its databases; `None` where it has none.
    fn work(&self, step: &WayStep, work: &Work, rooms: &mut Rooms) -> Option<Term> {
        let rate = durations::known().rate.get(&work.rate)?;
        self.scopes().next()?;
        let bytes = |database: &Database| Some(bytes_of(database, &work.tables));
        let mut tables = work.tables.clone();
        tables.dedup();
        let confidence = work.confidence.max(rate.confidence);
        Some(Term { kind: work.rate, step: Some(step.clone()), tables, confidence, ..self.term(rate, bytes, rooms) })
    }

    /// How long something with so many bytes of each database takes, and the room for it.
    fn term(&self, rate: &Rate, bytes: impl Fn(&Database) -> Option<u64>, rooms: &mut Rooms) -> Term {
        let databases: Option<Vec<(&Database, u64)>> = self
            .scopes()
            .map(|scope| self.database(scope).and_then(|database| Some((database, bytes(database)?))))
            .collect();
        let read = self.read().filter(|_| rate.factor.is_some());
        databases.iter().flatten().for_each(|(database, bytes)| rooms.add(database, *bytes, rate));
        let spans = databases.as_ref().map(|all| all.iter().map(|(_, bytes)| seconds(*bytes, rate, read)));
        Term {
            kind: Kind::Rewrite,
            step: None,
            tables: Vec::new(),
            bytes: databases.as_ref().map(|all| all.iter().map(|(_, bytes)| bytes).sum()),
            span: spans.map(Span::of_all),
            confidence: Confidence::Inferred,
            is_calibrated: read.is_some(),
        }
    }
}

/// What takes its time whatever there is.
fn fixed(kind: Kind) -> Option<Term> {
    let durations::Fixed { seconds, confidence } = durations::known().fixed.get(&kind)?;
    let span = Some(Span { low_s: seconds.low, high_s: Some(seconds.high) });
    let (step, bytes, tables) = (None, None, Vec::new());
    Some(Term { kind, step, tables, bytes, span, confidence: *confidence, is_calibrated: false })
}

/// Bytes of some tables; one that stands there twice counts twice, and one that the database does not have has none.
fn bytes_of(database: &Database, tables: &[String]) -> u64 {
    tables.iter().filter_map(|table| database.tables.get(table)).sum()
}

fn seconds(bytes: u64, rate: &Rate, read: Option<Read>) -> Span {
    let plain = || [rate.mb_s.high, rate.mb_s.low].map(|mb_s| bytes as f64 / (mb_s * 1e6));
    let timed = |read: Read, Ends { low, high }: Ends<f64>| {
        let as_long = bytes as f64 / read.bytes as f64 * read.ms as f64 / 1e3;
        [low, high].map(|factor| as_long * factor)
    };
    let [low, high] = read.zip(rate.factor).map_or_else(plain, |(read, factor)| timed(read, factor));
    Span { low_s: low.floor() as u64, high_s: Some(high.ceil() as u64) }
}

/// Room on the file systems of a server.
#[derive(Default)]
struct Rooms(Vec<Room>);

impl Rooms {
    fn add(&mut self, database: &Database, bytes: u64, rate: &Rate) {
        let of = |percent: u64| (bytes * percent).div_ceil(100);
        self.on(&database.data, of(rate.copy_percent), 0);
        self.on(&database.log, 0, of(rate.wal_percent));
    }

    fn on(&mut self, place: &Option<Place>, copies: u64, log: u64) {
        if copies + log == 0 {
            return;
        }
        match self.0.iter_mut().find(|room| room.place == *place) {
            Some(room) => (room.copies, room.log) = (room.copies + copies, room.log + log),
            None => self.0.push(Room { place: place.clone(), copies, log }),
        }
    }
}

#[cfg(test)]
mod tests;

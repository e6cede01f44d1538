//! How long the window takes.

use super::*;
use crate::model::reason::Run;
use crate::model::{Coverage, Lang};

const GIB: u64 = 1 << 30;

/// What is known of an installation of one server, or of several.
struct World {
    servers: Vec<(String, Vec<String>)>,
    coverage: Vec<Coverage>,
    measures: Measures,
}

impl World {
    /// A core with `bj`, and a shard of four GiB of messages in databases of ten.
    fn new(installed: &str, target: &str) -> Self {
        let role = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
        let tables = [("t_message_body", 3 * GIB), ("t_mailbox_record", GIB), ("t_container_changeset", GIB)];
        let disk = |mount_point: &str| Some(Place { mount_point: mount_point.to_owned(), available: 5 * GIB });
        let shard = Database {
            tables: tables.map(|(table, bytes)| (table.to_owned(), bytes)).into(),
            bytes: Some(10 * GIB),
            data: disk("/srv"),
            log: disk("/srv/log"),
        };
        let directory = Database { bytes: Some(GIB), data: disk("/"), log: disk("/"), ..Database::default() };
        Self {
            servers: vec![("core".into(), role(&["bm/core", "bm/pgsql"])), ("mail".into(), role(&["bm/pgsql-data"]))],
            coverage: ["directory", "mail"].map(|scope| Coverage::complete("relation", scope)).into(),
            measures: Measures {
                installed: Some(installed.to_owned()),
                way: releases::way(installed, target),
                databases: [("directory".to_owned(), directory), ("mail".to_owned(), shard)].into(),
                keep: None,
            },
        }
    }

    fn timed(mut self, elapsed_ms: u64) -> Self {
        self.coverage.push(Coverage { elapsed_ms, ..Coverage::complete("folder", "mail") });
        self
    }

    fn forecast(&self) -> Forecast {
        of(&Beside {
            lang: Lang::En,
            window: None,
            coverage: &self.coverage,
            servers: self.servers.clone(),
            replicated: Vec::new(),
            hours: Vec::new(),
            elsewhere: Vec::new(),
            measures: self.measures.clone(),
        })
    }
}

/// The terms of a server as `kind low high`.
fn terms(stage: &Stage, server: usize) -> Vec<String> {
    let told = |term: &Term| {
        let span = term.span.map_or("?".to_owned(), |span| format!("{} {}", span.low_s, span.high_s.unwrap_or(0)));
        format!("{} {span}", term.kind.as_str())
    };
    stage.servers[server].terms.iter().map(told).collect()
}

fn unknown(stage: &Stage) -> Vec<String> {
    stage.unknown.iter().map(|unknown| unknown.what.clone()).collect()
}

#[test]
fn the_conversion_to_4_1_is_the_size_of_its_tables_by_a_rate() {
    let forecast = World::new("4.0.14", "4.1").forecast();
    let [stage] = forecast.stages.as_slice() else { panic!("{forecast:?}") };
    // 4 GiB at 200 and at 5 MB/s.
    assert_eq!(terms(stage, 1), ["packages 300 1200", "rewrite 21 859", "restart 120 600"]);
    assert_eq!(terms(stage, 0), ["packages 300 1200", "rewrite 0 0", "restart 120 600"]);
    // The servers side by side, or one after the other.
    assert_eq!(stage.span, Span { low_s: 441, high_s: Some(2_659 + 1_800) });
    assert_eq!((forecast.span, unknown(stage).len()), (stage.span, 0));
    let rooms: Vec<_> = stage.servers[1].rooms.iter().map(|room| (room.copies, room.log)).collect();
    assert_eq!(rooms, [(4 * GIB, 0), (0, (4 * GIB * 85).div_ceil(100))]);
}

#[test]
fn a_read_that_was_timed_says_how_fast_the_machine_is() {
    let rewrite = |elapsed_ms| {
        let forecast = World::new("4.0.14", "4.1").timed(elapsed_ms).forecast();
        let term = forecast.stages[0].servers[1].terms[1].clone();
        (term.span.unwrap(), term.is_calibrated)
    };
    assert_eq!(rewrite(20_000), (Span { low_s: 20, high_s: Some(400) }, true));
    assert_eq!(rewrite(200_000), (Span { low_s: 200, high_s: Some(4_000) }, true));
    // What took no time to speak of, as in facts that nobody timed, says nothing.
    assert_eq!(rewrite(0), (Span { low_s: 21, high_s: Some(859) }, false));
}

#[test]
fn what_is_not_known_leaves_the_range_open() {
    let mut unread = World::new("4.0.14", "4.1");
    unread.coverage[1] = Coverage::absent("relation", "mail", Run::NotCollected);
    let stage = &unread.forecast().stages[0];
    assert_eq!(terms(stage, 1)[1], "rewrite ?");
    assert_eq!(stage.span, Span { low_s: 420, high_s: None });

    let mut nowhere = World::new("4.0.14", "4.1");
    nowhere.servers.clear();
    let forecast = nowhere.forecast();
    assert_eq!((forecast.span.high_s, unknown(&forecast.stages[0])), (None, vec!["servers".to_owned()]));

    let mut nothing = World::new("4.0.14", "4.1");
    (nothing.measures.installed, nothing.measures.way) = (None, Way::default());
    assert_eq!((nothing.forecast().stages, nothing.forecast().span.high_s), (vec![], None));

    let mut without = World::new("4.0.14", "4.1");
    without.servers.iter_mut().for_each(|(_, roles)| roles.retain(|role| role == "bm/core"));
    let forecast = without.forecast();
    assert_eq!((forecast.span.high_s, unknown(&forecast.stages[0])), (None, vec!["databases".to_owned()]));
}

#[test]
fn a_step_that_is_not_public_or_has_no_figure_is_named() {
    let forecast = World::new("4.2.4", "4.9").forecast();
    let [stage] = forecast.stages.as_slice() else { panic!("{forecast:?}") };
    let due = ["calendar_series", "conversations", "search_index", "hot_upgrades", "not_public"];
    assert_eq!((unknown(stage), stage.span.high_s), (due.map(str::to_owned).to_vec(), None));
    // One upgrade of PostgreSQL, from 11 to 14, and each step's own tables.
    let kinds: Vec<&str> = stage.servers[1].terms.iter().map(|term| term.kind.as_str()).collect();
    assert_eq!(kinds, ["packages", "postgresql", "rewrite", "update", "restart"]);
    let bytes: Vec<_> = stage.servers[1].terms.iter().filter_map(|term| term.bytes).collect();
    assert_eq!(bytes, [10 * GIB, GIB, GIB]);
}

#[test]
fn each_stop_of_the_way_has_packages_and_its_own_steps() {
    let forecast = World::new("4.8.3", "5.0").forecast();
    let told: Vec<_> = forecast.stages.iter().map(|stage| (stage.from.as_str(), stage.to.as_str())).collect();
    assert_eq!(told, [("4.8.3", "4.9"), ("4.9", "5.0")]);
    let postgresql = |stage: &Stage| stage.servers[1].terms.iter().any(|term| term.kind == Kind::Postgresql);
    assert_eq!(forecast.stages.iter().map(postgresql).collect::<Vec<_>>(), [false, true]);
    // Of the two that 5.0 reads, records are written twice: 1 GiB two times, changesets once.
    let rewrite = forecast.stages[1].servers[1].terms.iter().find(|term| term.kind == Kind::Rewrite).unwrap();
    assert_eq!((rewrite.bytes, rewrite.tables.len()), (Some(3 * GIB), 3));
    assert!(forecast.stages[1].span.high_s.is_some() && forecast.span.high_s.is_none());
    let repaired = World::new("4.1.3", "4.1.5").forecast();
    assert_eq!(terms(&repaired.stages[0], 1), ["packages 300 1200", "restart 120 600"]);
}

#[test]
fn two_databases_of_a_server_are_converted_together_or_one_by_one() {
    let mut world = World::new("4.0.14", "4.1");
    world.servers = vec![("mail".into(), vec!["bm/pgsql".into(), "bm/pgsql-data".into()])];
    let shard = world.measures.databases["mail"].clone();
    world.measures.databases.insert("directory".into(), shard);
    let server = &world.forecast().stages[0].servers[0];
    assert_eq!(server.terms[1].span, Some(Span { low_s: 21, high_s: Some(1_718) }));
    assert_eq!(server.rooms.iter().map(|room| room.copies).sum::<u64>(), 8 * GIB);
}

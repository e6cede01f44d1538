//! Without a configuration everything is found from bm.ini and the directory database, as on a real core.

use std::net::Ipv4Addr;

use crate::run::judged;
use crate::support::bluemind::{DIRECTORY, Installation, Story, bm_preflight, load_schema};
use crate::support::postgres::{Cluster, Settings};

/// Two PostgreSQL servers with the same port, as two machines have: the core with mail-1 on one, mail-2 on the other.
fn two_servers() -> (Cluster, Cluster) {
    let first = Cluster::start();
    let address = Ipv4Addr::new(127, 0, 0, 2);
    let second = Cluster::start_with(&Settings { address, port: Some(first.port()), ..Settings::default() });
    (first, second)
}

fn fill(cluster: &Cluster, database: &str, script: &str) {
    cluster.create_database(database, "");
    load_schema(cluster, database, "schema_40");
    cluster.load(database, &[Story::read("healthy_split").folder().join(script)]);
}

#[test]
fn a_core_and_its_shards_are_found_from_bm_ini_alone() {
    let (core, mail) = two_servers();
    fill(&core, "bj", "bj.sql");
    fill(&core, "bj-data", "bj-data.mail-1.sql");
    fill(&mail, "bj-data", "bj-data.mail-2.sql");
    for (uid, address) in [("mail-1", core.address()), ("mail-2", mail.address())] {
        core.query("bj", &format!("UPDATE t_server SET ip = '{address}' WHERE name = '{uid}'"));
    }
    let files = Installation::build("healthy_split");
    let ini = files.path("root/etc/bm/bm.ini");
    let text = std::fs::read_to_string(&ini).unwrap();
    let text = text.replace("192.0.2.20", "127.0.0.1");
    std::fs::write(&ini, format!("{text}port = {}\n", core.port())).unwrap();
    let (facts, reports) = (files.path("facts.db"), files.path("reports"));
    let mut command = bm_preflight();
    command.args(["run", "-vv", "--format", "html", "--format", "json", "--format", "junit", "--root"]);
    command.arg(files.path("root")).arg("--facts").arg(&facts).arg("--output-dir").arg(&reports);
    let result = judged(&command.output().unwrap(), &facts, &reports);
    for (table, scope) in [("domain", DIRECTORY), ("folder", "mail-1"), ("folder", "mail-2"), ("package", "bm-master")]
    {
        result.assert_complete(table, scope);
    }
    let sources = result.report["coverage"].to_string();
    for source in [format!("127.0.0.1:{}/bj", core.port()), format!("127.0.0.2:{}/bj-data", core.port())] {
        assert!(sources.contains(&format!("postgresql://{source}\"")), "{source}: {sources}");
    }
    // The files of the shards are on the shards.
    result.assert_absent("package", "mail-1", "only the files of server bm-master can be read from here");
}

#[test]
fn a_bm_ini_that_tells_too_little_is_named() {
    for (broken, reason) in [("db = bj\n", "host"), ("host = 127.0.0.1\nuser = bj\n", "password")] {
        let files = Installation::build("healthy_single");
        std::fs::write(files.path("root/etc/bm/bm.ini"), format!("[global]\n{broken}")).unwrap();
        let (facts, reports) = (files.path("facts.db"), files.path("reports"));
        let mut command = bm_preflight();
        command
            .arg("run")
            .arg("--root")
            .arg(files.path("root"))
            .arg("--facts")
            .arg(&facts)
            .arg("--output-dir")
            .arg(&reports);
        let result = judged(&command.output().unwrap(), &facts, &reports);
        assert_eq!(result.code, 30);
        result.assert_absent("server", DIRECTORY, "bm.ini");
        result.assert_absent("server", DIRECTORY, reason);
        assert_eq!(result.with_outcome("pass").len(), 0);
    }
}

/// A machine that is no BlueMind server at all: no answer is better than a wrong one.
#[test]
fn a_machine_without_bluemind_is_inconclusive() {
    let empty = tempfile::tempdir().unwrap();
    let (facts, reports) = (empty.path().join("facts.db"), empty.path().join("reports"));
    let mut command = bm_preflight();
    command.arg("run").arg("--root").arg(empty.path()).arg("--facts").arg(&facts).arg("--output-dir").arg(&reports);
    let result = judged(&command.output().unwrap(), &facts, &reports);
    assert_eq!(result.code, 30);
    assert_eq!(result.with_outcome("pass").len(), 0);
    result.assert_absent("server", DIRECTORY, "etc/bm/bm.ini");
}

//! Servers of other versions and other kinds, and what may stand between them and the program.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use crate::run::run;
use crate::support::bluemind::{DIRECTORY, Installation};
use crate::support::peers::socket::Peer;
use crate::support::postgres::{Cluster, Settings};

const SHARD: &str = "bm-master";

/// Stands before the shared cluster and lets in whom `refusal` has nothing to say to: it is given what a session begins
/// with, and gives an SQLSTATE and a message.
fn gate(refusal: impl Fn(&str) -> Option<(&'static str, String)> + Send + Sync + 'static) -> Peer {
    Peer::start(move |mut client| {
        let Some(hello) = startup(&mut client) else { return };
        if let Some((code, message)) = refusal(&String::from_utf8_lossy(&hello)) {
            let _ = client.write_all(&error(code, &message));
            return;
        }
        let cluster = Cluster::shared();
        let mut server = TcpStream::connect((cluster.address(), cluster.port())).unwrap();
        server.write_all(&hello).unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut client, &mut server);
        let _ = server.shutdown(Shutdown::Both);
        let _ = back.join();
    })
}

/// The first message of a session, its length included.
fn startup(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length).ok()?;
    let mut message = length.to_vec();
    message.resize(u32::from_be_bytes(length).try_into().ok()?, 0);
    client.read_exact(message.get_mut(4..)?).ok()?;
    Some(message)
}

/// How a server refuses a session.
fn error(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    [b"E", &length[..], fields.as_bytes()].concat()
}

fn behind<'c>(gate: &Peer, mut installation: Installation<'c>) -> Installation<'c> {
    for scope in [DIRECTORY, SHARD] {
        let port = format!(":{}/", Cluster::shared().port());
        let url = installation.url(scope).replace(&port, &format!(":{}/", gate.address.port()));
        installation.urls.insert(scope.to_owned(), url);
    }
    installation
}

#[test]
fn a_setting_that_postgresql_10_does_not_know_is_not_asked_of_it() {
    let refuse_newer = |hello: &str| {
        let is_newer = hello.contains("jit");
        is_newer.then(|| ("42704", "unrecognized configuration parameter \"jit\"".to_owned()))
    };
    let old = gate(refuse_newer);
    let result = run(&behind(&old, Installation::build("healthy_single")));
    assert_eq!(result.code, 0, "{}", result.digest());
    result.assert_complete("folder", SHARD);
    assert!(old.accepted() > 2, "{} sessions", old.accepted());
    // Who sets it in the URL is told by the server.
    let mut installation = behind(&old, Installation::build("healthy_single"));
    installation.urls.insert(SHARD.to_owned(), installation.url(SHARD) + "?options=-c%20jit%3Don");
    run(&installation).assert_absent("folder", SHARD, "unrecognized configuration parameter \"jit\" (SQLSTATE 42704)");
}

#[test]
fn a_pool_that_hands_no_options_on_is_named() {
    let refuse_options = |hello: &str| {
        let has_options = hello.contains("options");
        has_options.then(|| ("08P01", "unsupported startup parameter: options".to_owned()))
    };
    let pool = gate(refuse_options);
    let result = run(&behind(&pool, Installation::build("healthy_single")));
    assert_eq!(result.code, 30);
    let reason = "unsupported startup parameter: options (SQLSTATE 08P01): this is pgbouncer, it seems";
    result.assert_absent("domain", DIRECTORY, reason);
}

#[test]
fn a_hot_standby_is_named() {
    let cluster = Cluster::start_with(&Settings {
        conf: "wal_level = replica\nhot_standby = on".to_owned(),
        ..Settings::default()
    });
    let installation = Installation::build_in(&cluster, "healthy_single");
    assert_eq!(run(&installation).code, 0);
    let _standby = cluster.restart_as_standby();
    let result = run(&installation);
    assert_eq!(result.code, 30);
    for table in ["domain", "server"] {
        result.assert_absent(table, DIRECTORY, "it is a hot standby, a copy that may be behind");
    }
}

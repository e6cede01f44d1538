//! A server that insists on TLS.

use std::path::Path;
use std::process::Command;

use crate::run::run;
use crate::support::bluemind::{DIRECTORY, Installation};
use crate::support::network::Network;
use crate::support::postgres::{Cluster, Settings};

const SHARD: &str = "bm-master";

fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(folder);
    let output = command.output().expect("these tests need the program openssl, which comes with Debian's PostgreSQL");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server whose certificate is signed by an authority that only `ca.pem` in `folder` knows, and that refuses BlueMind's
/// role without TLS.
fn strict_server(folder: &Path) -> Cluster {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority"));
    openssl(folder, &format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    let sign =
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile names";
    openssl(folder, sign);
    let file = |name: &str| (name.to_owned(), std::fs::read_to_string(folder.join(name)).unwrap());
    Cluster::start_with(&Settings {
        conf: "ssl = on\nssl_cert_file = '%DIR%/server.pem'\nssl_key_file = '%DIR%/server.key'\n".to_owned(),
        hba: Some(
            "host all postgres 127.0.0.1/32 scram-sha-256\nhostssl all bj 127.0.0.1/32 scram-sha-256\n".to_owned(),
        ),
        files: vec![file("server.pem"), file("server.key")],
        ..Settings::default()
    })
}

#[test]
fn tls_is_used_when_asked_for_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = strict_server(folder.path());
    let mut installation = Installation::build_in(&cluster, "healthy_single");

    let plain = run(&installation);
    assert_eq!(plain.code, 30);
    plain.assert_absent("domain", DIRECTORY, "no pg_hba.conf entry for host \"127.0.0.1\", user \"bj\"");
    plain.assert_absent("domain", DIRECTORY, "no encryption");
    plain.assert_absent("domain", DIRECTORY, "give its URL with sslmode=require in the configuration");

    for scope in [DIRECTORY, SHARD] {
        installation.urls.insert(scope.to_owned(), cluster.url(installation.database(scope)) + "?sslmode=verify-full");
    }
    let untrusted = run(&installation);
    assert_eq!(untrusted.code, 30);
    untrusted.assert_absent("domain", DIRECTORY, "UnknownIssuer");
    assert_eq!(untrusted.with_outcome("pass").len(), 0);

    installation.more_config = Network::shared().config(&[&folder.path().join("ca.pem")]);
    let trusted = run(&installation);
    assert_eq!(trusted.code, 0, "{:#}", trusted.report["coverage"]);
    trusted.assert_complete("domain", DIRECTORY);
    trusted.assert_complete("folder", SHARD);
}

/// A certificate that signed itself, as `openssl req -x509` makes it, is an authority's. Listed it is taken for what it
/// is, and for nothing else: another name or a time that is over is as bad as ever.
#[test]
fn a_certificate_that_signed_itself_is_taken_when_it_is_listed() {
    for (names, days, told) in [
        ("IP:127.0.0.1", "2", None),
        ("DNS:db.example.org", "2", Some("not valid for name")),
        ("IP:127.0.0.1", "-1", Some("Expired")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        let extensions = format!("subjectAltName={names}\nbasicConstraints=critical,CA:TRUE\n");
        std::fs::write(folder.path().join("names"), extensions).unwrap();
        openssl(folder.path(), &format!("req {key} -keyout server.key -out server.csr -subj /CN=db"));
        openssl(
            folder.path(),
            &format!("x509 -req -in server.csr -signkey server.key -days {days} -out server.pem -extfile names"),
        );
        let file = |name: &str| (name.to_owned(), std::fs::read_to_string(folder.path().join(name)).unwrap());
        let cluster = Cluster::start_with(&Settings {
            conf: "ssl = on\nssl_cert_file = '%DIR%/server.pem'\nssl_key_file = '%DIR%/server.key'\n".to_owned(),
            files: vec![file("server.pem"), file("server.key")],
            ..Settings::default()
        });
        let mut installation = Installation::build_in(&cluster, "healthy_single");
        for scope in [DIRECTORY, SHARD] {
            installation.urls.insert(scope.to_owned(), cluster.url(installation.database(scope)) + "?sslmode=require");
        }
        run(&installation).assert_absent("domain", DIRECTORY, "certificate");
        installation.more_config = Network::shared().config(&[&folder.path().join("server.pem")]);
        let listed = run(&installation);
        match told {
            None => assert_eq!(listed.code, 0, "{}", listed.digest()),
            Some(reason) => listed.assert_absent("domain", DIRECTORY, reason),
        }
    }
}

/// The other way round: TLS is asked for, and the server has none. The password must not go out in the clear then.
#[test]
fn a_server_without_tls_is_not_used_when_tls_is_asked_for() {
    let mut installation = Installation::build("healthy_single");
    installation.urls.insert(SHARD.to_owned(), installation.url(SHARD) + "?sslmode=require");
    let result = run(&installation);
    assert_eq!(result.code, 30);
    result.assert_absent("folder", SHARD, "TLS");
}

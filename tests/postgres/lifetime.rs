//! The servers of these tests never outlive them.

use std::path::Path;

use crate::support::lifetime;
use crate::support::postgres::Cluster;

/// Runs only as the child of [`no_server_survives`].
#[test]
#[ignore = "a part of no_server_survives"]
fn child_with_a_cluster() {
    lifetime::end_with(Cluster::shared, |cluster| (cluster.postmaster(), cluster.dir()));
}

#[test]
fn no_server_survives() {
    lifetime::nothing_survives("lifetime::child_with_a_cluster");
}

#[test]
fn a_cluster_ends_with_its_value() {
    let cluster = Cluster::start();
    let (process, dir) = (Path::new("/proc").join(cluster.postmaster().to_string()), cluster.dir().to_owned());
    assert!(process.exists() && dir.exists());
    drop(cluster);
    assert!(!process.exists() && !dir.exists());
}

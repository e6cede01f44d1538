//! What tests share: a real PostgreSQL, the simulated installations of `fixtures/installations/` in it, the network
//! around them, and a real Cyrus.

pub(crate) mod bluemind;
#[allow(dead_code, reason = "only the tests of Cyrus need one")]
pub(crate) mod cyrus;
#[allow(dead_code, reason = "only some tests start them")]
pub(crate) mod daemon;
#[allow(dead_code, reason = "only some tests read or write the facts of stories")]
pub(crate) mod facts_file;
pub(crate) mod influx;
#[allow(dead_code, reason = "only some tests judge without a process")]
pub(crate) mod judge;
pub(crate) mod lifetime;
pub(crate) mod network;
pub(crate) mod peers;
pub(crate) mod postgres;
#[allow(dead_code, reason = "only some tests compare them")]
pub(crate) mod sides;
pub(crate) mod snapshot;
#[allow(dead_code, reason = "only the tests of several servers start them")]
pub(crate) mod sshd;

/// A reason as it is stored, in words.
#[allow(dead_code, reason = "only the tests of Cyrus read it there")]
pub(crate) fn told(reason: &str) -> String {
    match reason {
        "" => String::new(),
        json => {
            serde_json::from_str::<bm_preflight::model::Reason>(json).expect("a reason is stored as JSON").to_string()
        }
    }
}

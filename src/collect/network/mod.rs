//! What the network shows to this machine.

pub(super) mod autodiscover;
pub(super) mod greetings;
pub(super) mod hours;

/// The scope of what is seen from this machine.
const NETWORK: &str = "network";

/// Why nothing is known of the network.
const OFFLINE: &str = "--offline: nothing was asked";

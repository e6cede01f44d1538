//! Why something of a database is not known.

use super::reasons;

reasons! {
    /// Why something of a database is not known.
    Database {
        /// A server that cannot be reached has no address.
        NoAddress { server: String }
            en "server {server} has no address"
            fr "le serveur {server} n’a pas d’adresse";
    }
}

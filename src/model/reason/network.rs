//! Why something of the network is not known.

use super::{Reason, reasons};

reasons! {
    /// Why something of the network is not known.
    Network {
        /// Nobody could be met, as nobody told where to go.
        NoResolver
            en "no resolver gave an answer to any question"
            fr "aucun résolveur n’a répondu à aucune question";
        /// A file that should name some.
        NoResolverIn { path: String }
            en "{path} names no resolver"
            fr "{path} ne nomme aucun résolveur";
        /// Without them, there is nothing to ask for.
        DomainsUnknown { why: Box<Reason> }
            en "the mail domains are not known: {why}"
            fr "les domaines de messagerie ne sont pas connus : {why}";
        /// Servers that nobody can connect to.
        NoAddress { servers: Vec<String> }
            en "no address is known of {servers}"
            fr "aucune adresse n’est connue pour {servers}";
        /// A server that is to be asked.
        AddressUnknown
            en "its address is not known"
            fr "son adresse n’est pas connue";
        /// Its name leads nowhere.
        NameUnresolved
            en "its name has no address"
            fr "son nom n’a pas d’adresse";
        /// What a server of metrics does not tell.
        Influx { server: String, why: Box<Reason> }
            en "InfluxDB of {server}: {why}"
            fr "InfluxDB de {server} : {why}";
        /// What a server of indexes does not tell.
        Search { server: String, why: Box<Reason> }
            en "Elasticsearch of {server}: {why}"
            fr "Elasticsearch de {server} : {why}";
        /// What it, or the way to it, says.
        Failed { error: String }
            en "{error}"
            fr "la réponse est : {error}";
        /// It takes too long.
        Silent { seconds: u64 }
            en "no answer within {seconds} s"
            fr "pas de réponse en {seconds} s";
        /// It says too much.
        Loud { limit: usize }
            en "more than {limit} bytes"
            fr "plus de {limit} octets";
        /// It refuses, with the beginning of what it says of that.
        Status { status: u16, body: String }
            en "status {status}: {body}"
            fr "statut {status} : {body}";
    }
}

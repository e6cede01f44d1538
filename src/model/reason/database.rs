//! Why something of a database is not known.

use super::{Reason, reasons};

reasons! {
    /// Why something of a database is not known.
    Database {
        /// A server that cannot be reached has no address.
        NoAddress { server: String }
            en "server {server} has no address"
            fr "le serveur {server} n’a pas d’adresse";
        /// A file that lacks what a connection needs.
        BmIni { error: String }
            en "bm.ini: {error}"
            fr "bm.ini : {error}";
        /// Another value of that file.
        PortNoNumber
            en "bm.ini: the port is no number"
            fr "bm.ini : le port n’est pas un nombre";
        /// What the configuration has under a key.
        NotUrl { key: String }
            en "{key}: not a PostgreSQL URL"
            fr "{key} : ce n’est pas une URL de PostgreSQL";
        /// The parser takes what follows the first @ for the host.
        BareAt { key: String }
            en "{key}: not a PostgreSQL URL: an @ in a password is written %40"
            fr "{key} : ce n’est pas une URL de PostgreSQL : dans un mot de passe, @ s’écrit %40";
        /// A URL that leads nowhere.
        NoHost { key: String }
            en "{key}: it names no host"
            fr "{key} : l’URL ne nomme aucun hôte";
        /// Of one database; it is shown without its password.
        Of { database: String, why: Box<Reason> }
            en "{database}: {why}"
            fr "{database} : {why}";
        /// What the server, or the way to it, says.
        Failed { error: String }
            en "{error}"
            fr "PostgreSQL répond : {error}";
        /// A server that accepts and then says nothing.
        NoSession { seconds: u64 }
            en "no session within {seconds} s"
            fr "pas de session en {seconds} s";
        /// A schema of another release.
        NoTable { tables: Vec<String> }
            en "no table {tables}"
            fr "pas de table {tables}";
        /// A query that does not fit the table that it fills.
        Width { returned: usize, columns: usize }
            en "the query returns {returned} columns, the facts table has {columns}"
            fr "la requête rend {returned} colonnes, la table de faits en a {columns}";
    }
}

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
        /// A server that may take nobody without TLS.
        WantsTls { error: String }
            en "{error}: if it wants TLS, give its URL with sslmode=require in the configuration"
            fr "PostgreSQL répond : {error} ; s’il exige TLS, donnez son URL avec sslmode=require dans la configuration";
        /// What stands before the server does not let settings through.
        Pooler { error: String }
            en "{error}: this is pgbouncer, it seems, which hands no options on: give the URL of PostgreSQL itself"
            fr "PostgreSQL répond : {error} ; c’est sans doute pgbouncer, qui ne transmet pas d’options : donnez l’URL de PostgreSQL lui-même";
        /// A copy that may be behind.
        Standby
            en "it is a hot standby, a copy that may be behind: give the URL of the primary server"
            fr "c’est un serveur de secours (hot standby), une copie qui peut être en retard : donnez l’URL du serveur principal";
        /// Nobody knows whose its rows are.
        OneForTwo { scope: String, other: String }
            en "{other} and {scope} lead to one database: what it holds cannot be that of both"
            fr "{other} et {scope} mènent à la même base : ce qu’elle contient ne peut pas être à l’un et à l’autre";
        /// A database whose trees are all of mailboxes that live elsewhere.
        OthersAlone { server: String }
            en "it holds folder trees, but none of a mailbox that the directory places on {server}: it is the shard of another server, or of another installation"
            fr "elle contient des arborescences de dossiers, mais aucune des boîtes que l’annuaire place sur {server} : c’est la base d’un autre serveur, ou d’une autre installation";
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

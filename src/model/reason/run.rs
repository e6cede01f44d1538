//! Why this run, or what it knows of the installation, leaves something unknown.

use super::{Reason, reasons};

reasons! {
    /// Why this run, or what it knows of the installation, leaves something unknown.
    Run {
        /// No probe of the network was allowed.
        Offline
            en "--offline: nothing was asked"
            fr "--offline : rien n’a été demandé";
        /// Only one server's files can be read from here.
        OnlyFilesOf { server: String }
            en "only the files of server {server} can be read from here"
            fr "seuls les fichiers du serveur {server} sont lisibles d’ici";
        /// Whose files there are is not known.
        WhichServer { why: Box<Reason> }
            en "which server this is could not be told: {why}"
            fr "impossible de dire quel serveur est celui-ci : {why}";
        /// No file says it, and no address does.
        NoOwnAddress { why: Box<Reason> }
            en "{why}, and no server of the installation has an address of this machine"
            fr "{why}, et aucun serveur de l’installation n’a une adresse de cette machine";
        /// A file says nothing, and no address does.
        EmptyUid { path: String }
            en "{path} is empty, and no server has an address of this machine"
            fr "{path} est vide, et aucun serveur n’a une adresse de cette machine";
        /// More than one server could be this one.
        SeveralAddresses { servers: Vec<String> }
            en "several servers have an address of this machine: {servers}"
            fr "plusieurs serveurs ont une adresse de cette machine : {servers}";
        /// A root of the configuration that is none.
        RootNotFolder { server: String, path: String }
            en "[server.{server}] root: {path}: not a folder"
            fr "[server.{server}] root : {path} n’est pas un dossier";
        /// A backend whose messages cannot be compared.
        NoShard { server: String }
            en "server {server} is not known to have a shard"
            fr "on ne connaît pas de base de données de messagerie (shard) au serveur {server}";
        /// Without them, no scope is known.
        ServersUnknown { why: Box<Reason> }
            en "the servers of the installation are not known: {why}"
            fr "les serveurs de l’installation ne sont pas connus : {why}";
        /// Only the network was looked at.
        SeenFrom { label: String }
            en "it was seen from {label}, where only the network is looked at"
            fr "vu de {label}, d’où seul le réseau est examiné";
        /// A table of servers with a role that none has.
        NoHolder { role: String }
            en "no server holds the role {role}"
            fr "aucun serveur ne porte le rôle {role}";
        /// A directory without servers.
        NoServer
            en "the directory database lists no server"
            fr "l’annuaire ne connaît aucun serveur";
        /// A directory that nobody uses.
        NoDomain
            en "the directory database lists no mail domain"
            fr "l’annuaire ne connaît aucun domaine de messagerie";
        /// There is no statement at all.
        NotCollected
            en "not collected"
            fr "non collecté";
        /// A collector was expected to report, and did not.
        NothingReported
            en "nothing reported on it"
            fr "rien n’en a été dit";
        /// The run ended, and no collector had reported.
        NoCollector
            en "no collector reported on it"
            fr "aucun collecteur n’en a rendu compte";
        /// A row that its table cannot hold.
        Refused { error: String }
            en "a row does not fit the facts table: {error}"
            fr "une ligne ne convient pas à la table de faits : {error}";
        /// The store of facts failed.
        Store { error: String }
            en "{error}"
            fr "le stockage des faits a échoué : {error}";
        /// A piece of work ended by itself.
        Broken { error: String }
            en "{error}"
            fr "le travail s’est interrompu : {error}";
        /// So much time was given.
        BudgetSpent { budget: String }
            en "the time budget of {budget} was used up"
            fr "le temps accordé, {budget}, est épuisé";
        /// SIGINT came.
        Interrupted { seconds: u64 }
            en "interrupted after {seconds} s"
            fr "interrompu au bout de {seconds} s";
        /// SIGTERM came, SIGHUP or SIGQUIT.
        Terminated { seconds: u64 }
            en "terminated after {seconds} s"
            fr "arrêté au bout de {seconds} s";
    }
}

//! What is to be said of a run as a whole.

use super::{Reason, Told, reasons};
use crate::model::Lang;

reasons! {
    /// What is to be said of a run as a whole.
    Notice {
        /// A server of the configuration alone.
        Stranger { server: String }
            en "the configuration names the server {server}, which the directory does not have"
            fr "la configuration nomme le serveur {server}, que l’annuaire ne connaît pas";
        /// A waiver without a finding.
        WaiverUnused { check: String, subject: String }
            en "the waiver of {check} for {subject} accepts nothing"
            fr "la dérogation de {check} pour {subject} ne couvre aucun constat";
        /// A waiver whose last day is over.
        WaiverExpired { check: String, subject: String, day: String }
            en "the waiver of {check} for {subject} expired on {day}"
            fr "la dérogation de {check} pour {subject} a expiré le {day}";
        /// Facts that say little of what is there now.
        FactsOutdated { days: u64 }
            en "the facts are {days} days old: collect anew before you rely on this report"
            fr "les données datent de {days} jours : refaites un relevé avant de vous fier à ce rapport";
        /// The server to collect on next.
        NeedsFiles { server: String, checks: Checks }
            en "{checks} files from {server}: run the command below there"
            fr "{checks} les fichiers de {server} : lancez-y la commande ci-dessous";
        /// A server that the run itself looked for.
        Unreached { server: String, why: Box<Reason> }
            en "the files of {server} are missing: {why}; once that is mended, give the same command again"
            fr "les fichiers de {server} manquent : {why} ; ceci réparé, relancez la même commande";
        /// The servers after that.
        OthersNeedFiles { servers: Vec<Waiting> }
            en "the files of other servers are missing too: {servers}"
            fr "les fichiers d’autres serveurs manquent aussi : {servers}";
        /// Nobody knows the servers, but where the directory is.
        DirectoryElsewhere { host: String }
            en "the directory database could not be read from here: it is on {host}, run the command below there"
            fr "la base de l’annuaire n’est pas lisible d’ici : elle est sur {host}, lancez-y la commande ci-dessous";
        /// What to do there, and with facts that only their owner can put together again.
        AddToMerged { server: String, collect: String, file: String }
            en "on {server}: {collect}; then add --from-facts {file} to the snapshots that these facts were merged from"
            fr "sur {server} : {collect} ; puis ajoutez --from-facts {file} aux relevés dont ces faits sont la fusion";
        /// What to do there, then here.
        CollectThere { server: String, collect: String, run: String }
            en "on {server}: {collect}; then, with that file here: {run}"
            fr "sur {server} : {collect} ; puis, ce fichier apporté ici : {run}";
        /// What to do there, and on both.
        CollectBoth { server: String, collect: String, here: String, run: String }
            en "on {server}: {collect}; here: {here}; then, with that file here: {run}"
            fr "sur {server} : {collect} ; ici : {here} ; puis, ce fichier apporté ici : {run}";
    }
}

/// So many checks wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Checks(pub usize);

impl Told for Checks {
    fn told(&self, lang: Lang) -> String {
        match (lang, self.0) {
            (Lang::En, 1) => "1 check needs".to_owned(),
            (Lang::En, checks) => format!("{checks} checks need"),
            (Lang::Fr, checks @ (0 | 1)) => format!("{checks} contrôle attend"),
            (Lang::Fr, checks) => format!("{checks} contrôles attendent"),
        }
    }
}

/// A server that checks wait for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Waiting {
    /// Its name.
    pub server: String,
    /// How many wait.
    pub checks: usize,
}

impl Told for Vec<Waiting> {
    fn told(&self, lang: Lang) -> String {
        let one = |waiting: &Waiting| format!("{} ({})", waiting.server, waiting.checks);
        let separator = match lang {
            Lang::En => "; ",
            Lang::Fr => "\u{202f}; ",
        };
        self.iter().map(one).collect::<Vec<_>>().join(separator)
    }
}

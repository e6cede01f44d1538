//! The words of a comparison, in two languages.

use super::{Completeness, Outcome, Severity, Status};
use crate::model::Lang;

/// Every phrase. `{n}` is a number; the others are named for what they hold.
#[derive(Debug)]
pub(super) struct Words {
    lang: Lang,
    pub(super) title: &'static str,
    pub(super) verdict: &'static str,
    pub(super) nothing: &'static str,
    pub(super) other_installation: &'static str,
    pub(super) other_target: &'static str,
    pub(super) came: &'static str,
    pub(super) went: &'static str,
    pub(super) unseen: &'static str,
    pub(super) changed: &'static str,
    pub(super) unknown_came: &'static str,
    pub(super) unknown_went: &'static str,
    pub(super) unknown_changed: &'static str,
    pub(super) checks: &'static str,
    pub(super) coverage: &'static str,
    pub(super) rows: &'static str,
    pub(super) row: &'static str,
    pub(super) not_whole: &'static str,
    pub(super) before: &'static str,
    pub(super) now: &'static str,
    pub(super) nobody: &'static str,
    pub(super) more: &'static str,
    pub(super) colon: &'static str,
}

const EN: Words = Words {
    lang: Lang::En,
    title: "Changes from {old} to {new}",
    verdict: "Verdict",
    nothing: "Nothing came, went or changed.",
    other_installation: "The two are of different installations: {old} and {new}.",
    other_target: "The two are judged for different releases: {old} and {new}.",
    came: "Findings that came",
    went: "Findings that went",
    unseen: "Findings that are not seen any more, while their check has no whole answer",
    changed: "Findings that changed",
    unknown_came: "Not known any more",
    unknown_went: "Unknown before, not any more",
    unknown_changed: "Still not known, for another reason",
    checks: "Checks that ended in another way",
    coverage: "Facts that are known in another way",
    rows: "Rows that came and went",
    row: "{came} came, {went} went",
    not_whole: "not known as a whole on both sides",
    before: "before: {outcome}",
    now: "now: {outcome}",
    nobody: "not run",
    more: "{n} more in the JSON form",
    colon: ":",
};

const FR: Words = Words {
    lang: Lang::Fr,
    title: "Évolution du {old} au {new}",
    verdict: "Verdict",
    nothing: "Rien n’est apparu, n’a disparu ni n’a changé.",
    other_installation: "Les deux concernent des installations différentes\u{a0}: {old} et {new}.",
    other_target: "Les deux sont évalués pour des versions différentes\u{a0}: {old} et {new}.",
    came: "Constats apparus",
    went: "Constats disparus",
    unseen: "Constats qui ne se voient plus, alors que leur contrôle n’a pas de réponse complète",
    changed: "Constats modifiés",
    unknown_came: "Désormais inconnu",
    unknown_went: "Inconnu auparavant, plus maintenant",
    unknown_changed: "Toujours inconnu, pour une autre raison",
    checks: "Contrôles dont l’issue a changé",
    coverage: "Faits connus différemment",
    rows: "Lignes apparues et disparues",
    row: "{came} apparues, {went} disparues",
    not_whole: "pas connu en entier des deux côtés",
    before: "avant\u{a0}: {outcome}",
    now: "maintenant\u{a0}: {outcome}",
    nobody: "non exécuté",
    more: "{n} de plus dans la forme JSON",
    colon: "\u{a0}:",
};

impl Words {
    pub(super) fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::En => &EN,
            Lang::Fr => &FR,
        }
    }

    fn choose<'w>(&self, en: &'w str, fr: &'w str) -> &'w str {
        match self.lang {
            Lang::En => en,
            Lang::Fr => fr,
        }
    }

    /// How a check ended; of one that a report does not have, that it was not run.
    pub(super) fn outcome(&self, outcome: Option<Outcome>) -> &'static str {
        match outcome {
            None => self.nobody,
            Some(Outcome::Pass) => self.choose("passed", "réussi"),
            Some(Outcome::Fail) => self.choose("failed", "en échec"),
            Some(Outcome::Unknown) => self.choose("unknown", "indéterminé"),
            Some(Outcome::Error) => self.choose("broken", "en erreur"),
            Some(Outcome::NotApplicable) => self.choose("not applicable", "sans objet"),
        }
    }

    /// How much of a table is known.
    pub(super) fn completeness(&self, completeness: Option<Completeness>) -> &'static str {
        match completeness {
            None => self.choose("not asked for", "non demandé"),
            Some(Completeness::Complete) => self.choose("complete", "complet"),
            Some(Completeness::Partial) => self.choose("in part", "en partie"),
            Some(Completeness::Absent) => self.choose("absent", "absent"),
            Some(Completeness::NotAttempted) => self.choose("not attempted", "non tenté"),
        }
    }

    pub(super) fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Blocker => self.choose("blocking", "bloquant"),
            Severity::Warning => self.choose("warning", "avertissement"),
            Severity::Info => self.choose("note", "information"),
        }
    }

    pub(super) fn status(&self, status: Status) -> &'static str {
        match status {
            Status::Open => self.choose("open", "ouvert"),
            Status::Waived => self.choose("accepted", "accepté"),
            Status::Explained => self.choose("explained by another", "expliqué par un autre"),
        }
    }

    /// A verdict of this program in words; one of another version as it stands.
    pub(super) fn verdict_of<'w>(&self, verdict: &'w str) -> &'w str {
        match verdict {
            "not_ready" => self.choose("not ready", "pas prêt"),
            "inconclusive" => self.choose("inconclusive", "non concluant"),
            "not_judged" => self.choose("not judged", "non évalué"),
            "ready_with_warnings" => self.choose("ready, with warnings", "prêt, avec des avertissements"),
            "ready" => self.choose("ready", "prêt"),
            other => other,
        }
    }
}

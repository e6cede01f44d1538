//! Why a check is not about an installation.

use super::reasons;

reasons! {
    /// Why a check does not apply.
    Applies {
        /// Another release is installed.
        From { range: String, release: String }
            en "for upgrades from {range}; installed is {release}"
            fr "pour les mises à jour depuis {range} ; la version installée est {release}";
        /// A release is installed that is newer, whichever it is.
        FromAtLeast { range: String, release: String }
            en "for upgrades from {range}; installed is {release} or later"
            fr "pour les mises à jour depuis {range} ; la version installée est {release} ou plus récente";
        /// The upgrade goes to another release.
        To { range: String, release: String }
            en "for upgrades to {range}; the target is {release}"
            fr "pour les mises à jour vers {range} ; la cible est {release}";
        /// No server holds one of its roles.
        NoRole { roles: Vec<String> }
            en "no server holds the role {roles}"
            fr "aucun serveur ne porte le rôle {roles}";
        /// No server has one of its packages.
        NoPackage { packages: Vec<String> }
            en "no server has the package {packages}"
            fr "aucun serveur n’a le paquet {packages}";
        /// It compares with an earlier snapshot.
        NoBefore
            en "it compares with a snapshot from before the upgrade, which --before names"
            fr "il compare avec un instantané d’avant la mise à jour, que désigne --before";
    }
}

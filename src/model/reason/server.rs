//! Why a table of a server's own files is not known.

use super::reasons;

reasons! {
    /// Why a table of a server's own files is not known.
    Server {
        /// A copy of files has no connections.
        NoConnections { path: String }
            en "{path}: not there; only a running system tells its connections"
            fr "{path} n’est pas là ; seul un système qui tourne dit ses connexions";
        /// What is there is empty, or something else.
        NoSocketList { path: String }
            en "{path}: no list of sockets, as a copy is that was made without its content"
            fr "{path} n’est pas une liste de sockets, comme une copie faite sans son contenu";
        /// Every server of BlueMind has some.
        NoPackage { source: String }
            en "{source}: no package of BlueMind is listed"
            fr "{source} ne nomme aucun paquet de BlueMind";
        /// Every server has one of the folders.
        NoPackageSource { folders: Vec<String> }
            en "there is none of the folders {folders}"
            fr "aucun des dossiers {folders} n’existe";
        /// A running system has a root file system at least.
        NothingMounted { path: String }
            en "{path}: no file system is mounted"
            fr "{path} ne nomme aucun système de fichiers";
    }
}

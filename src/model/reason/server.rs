//! Why a table of a server's own files is not known.

use super::{Reason, reasons};

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
        /// A core without its package.
        NoCore { source: String }
            en "{source}: bm-core is not installed, and the directory calls this server the core"
            fr "{source} : bm-core n’est pas installé, alors que pour l’annuaire ce serveur est le cœur";
        /// A core without its service.
        NoCoreUnit { source: String }
            en "{source}: there is no unit bm-core, and the directory calls this server the core"
            fr "{source} ne contient pas d’unité bm-core, alors que pour l’annuaire ce serveur est le cœur";
        /// A list of packages that lacks one.
        PackageUntold { path: String, package: String }
            en "{path}: it has no entry for {package}, which dpkg keeps a list of files of: it may have been cut"
            fr "{path} ne dit rien de {package}, dont dpkg garde pourtant la liste des fichiers : il a peut-être été tronqué";
        /// Every server has one of the folders.
        NoPackageSource { folders: Vec<String> }
            en "there is none of the folders {folders}"
            fr "aucun des dossiers {folders} n’existe";
        /// A file in which something must stand.
        NotTold { path: String }
            en "{path}: nothing that could be understood"
            fr "{path} ne contient rien de compréhensible";
        /// A running system has a root file system at least.
        NothingMounted { path: String }
            en "{path}: no file system is mounted"
            fr "{path} ne nomme aucun système de fichiers";
        /// Every server with systemd has one of the two.
        NoUnitFolder { path: String }
            en "{path}: there is no such folder, nor /usr/lib/systemd/system"
            fr "{path} n’existe pas, ni /usr/lib/systemd/system";
        /// Only so many are read.
        OlderGenerations { path: String, number: usize }
            en "{path}: {number} older generations are left out"
            fr "{path} : {number} générations plus anciennes sont laissées de côté";
        /// Every mail backend's syslog has some.
        NoImapdLine { path: String }
            en "no line of Cyrus' imapd in {path}"
            fr "aucune ligne de l’imapd de Cyrus dans {path}";
        /// Only so many rows are kept.
        LoginsLeftOut { logins: u64, rows: usize }
            en "{logins} logins are left out: there are already {rows} combinations of login and client"
            fr "{logins} connexions sont laissées de côté : il y a déjà {rows} combinaisons d’identifiant et de client";
        /// The log itself is missing, and only older parts are there.
        OnlyRotated { path: String }
            en "{path}: only files that it was rotated to can be read"
            fr "{path} : seuls les fichiers issus de sa rotation sont lisibles";
        /// Another layout of lines.
        OtherLayout { path: String }
            en "{path}: its lines are not those of BlueMind's layout `%d [%thread] %c{{1}} %p - %m`: see /etc/bm/local for another one"
            fr "{path} : ses lignes n’ont pas le format de BlueMind, `%d [%thread] %c{{1}} %p - %m` ; /etc/bm/local en définit peut-être un autre";
        /// What stands before a hole in a log is worth nothing.
        LoggedBefore { why: Box<Reason> }
            en "{why}; what was logged before is left out"
            fr "{why} ; ce qui précède dans le journal est laissé de côté";
        /// Only so many failures are kept.
        FailuresLeftOut { failures: u64, rows: usize }
            en "{failures} failures are left out: there are already {rows} causes and mailboxes"
            fr "{failures} échecs sont laissés de côté : il y a déjà {rows} causes et boîtes";
        /// Commands whose mailbox has no name that could be kept.
        MailboxUnnamed { applies: u64 }
            en "the name of the mailbox is not understood in {applies} APPLY MAILBOX"
            fr "le nom de la boîte n’est pas compris dans {applies} commandes APPLY MAILBOX";
        /// Only so many mailboxes are kept.
        AppliesLeftOut { applies: u64, mailboxes: usize }
            en "{applies} APPLY MAILBOX of others than the first {mailboxes} mailboxes are left out"
            fr "{applies} commandes APPLY MAILBOX d’autres boîtes que les {mailboxes} premières sont laissées de côté";
    }
}

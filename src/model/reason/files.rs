//! Why a file, or what a program says, is not known.

use super::reasons;

reasons! {
    /// Why a file, or what a program says, is not known.
    Files {
        /// What the system, or the format, says of it.
        Unreadable { path: String, error: String }
            en "{path}: {error}"
            fr "{path} n’a pas pu être lu : {error}";
        /// More than is ever read.
        TooLarge { path: String, limit: u64 }
            en "{path}: larger than {limit} bytes"
            fr "{path} dépasse {limit} octets";
        /// A folder, a device, a socket.
        NotRegular { path: String }
            en "{path}: not a regular file"
            fr "{path} n’est pas un fichier ordinaire";
        /// Something should be there, as on a volume that is not mounted.
        LeadsNowhere { path: String, target: String }
            en "{path}: it leads to {target}, which is not there"
            fr "{path} mène à {target}, qui n’existe pas";
        /// A file of certificates.
        NoCertificate { path: String }
            en "{path}: no certificate in it"
            fr "{path} ne contient aucun certificat";
        /// A copy of files has no space of its own.
        NotMounted { path: String }
            en "{path}: not mounted here, so that its space is not known"
            fr "{path} n’est pas monté ici, sa place n’est donc pas connue";
        /// A place that does not answer.
        Silent { path: String, seconds: u64 }
            en "{path}: no answer within {seconds} s"
            fr "{path} : pas de réponse en {seconds} s";
        /// A program that could not be run, or failed.
        Program { command: String, error: String }
            en "{command}: {error}"
            fr "la commande {command} a échoué : {error}";
        /// A program that takes too long.
        ProgramSlow { command: String, seconds: u64 }
            en "{command}: did not end within {seconds} s"
            fr "la commande {command} n’a pas fini en {seconds} s";
        /// A program that says too much.
        ProgramLoud { command: String, limit: u64 }
            en "{command}: more than {limit} bytes of output"
            fr "la commande {command} a écrit plus de {limit} octets";
        /// A log that somebody must write.
        NoLog { path: String }
            en "{path}: no such log"
            fr "le journal {path} n’existe pas";
        /// Files were renamed twice while they were looked for.
        Rotated { path: String }
            en "{path}: rotated while it was opened"
            fr "{path} a subi une rotation pendant son ouverture";
        /// Another compression than gzip's.
        Compression { path: String, kind: String }
            en "{path}: files compressed as {kind} are not read"
            fr "{path} : les fichiers compressés en {kind} ne sont pas lus";
        /// The end of a compressed file is missing.
        EndsEarly { path: String, bytes: u64 }
            en "{path}: the compressed file ends early, after {bytes} bytes of text"
            fr "{path} : le fichier compressé s’arrête trop tôt, après {bytes} octets de texte";
        /// What the system, or the decompression, says in the middle of a file.
        Breaks { path: String, error: String, bytes: u64 }
            en "{path}: {error}, after {bytes} bytes"
            fr "{path} n’a pu être lu que sur {bytes} octets : {error}";
        /// Lines were lost, as when a system breaks down while they are written.
        Hollow { path: String }
            en "{path}: it holds zeros where lines should be"
            fr "{path} contient des zéros à la place de lignes";
        /// The way to a file that the system has not.
        NoProc { path: String }
            en "{path}: without /proc it cannot be told whether it is there"
            fr "{path} : sans /proc, impossible de dire s’il existe";
        /// Nobody waits any more.
        ReadingStopped { path: String }
            en "{path}: interrupted"
            fr "la lecture de {path} a été interrompue";
        /// More text than is ever read.
        LongText { path: String, limit: u64 }
            en "{path}: only the first {limit} bytes of its text were read"
            fr "{path} : seuls les {limit} premiers octets de son texte ont été lus";
        /// A file that became shorter.
        Cut { path: String }
            en "{path}: it was cut while it was read"
            fr "{path} a été tronqué pendant sa lecture";
    }
}

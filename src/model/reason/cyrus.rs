//! Why something of a backend's Cyrus is not known.

use super::{Reason, reasons};

reasons! {
    /// Why something of a backend's Cyrus is not known.
    Cyrus {
        /// Cyrus does not start without it.
        NoConfigDirectory { path: String }
            en "{path}: no configdirectory"
            fr "{path} ne définit pas configdirectory";
        /// Cyrus does not start without any.
        NoPartitions { path: String }
            en "{path}: it defines no partition: it may have been cut off"
            fr "{path} ne définit aucune partition : il a peut-être été tronqué";
        /// A configuration that does not fit the list.
        NoUsedPartition { path: String, partition: String }
            en "{path}: it defines none of the partitions that mailboxes lie on, such as {partition}: it may have been cut off"
            fr "{path} ne définit aucune des partitions où sont les boîtes, comme {partition} : il a peut-être été tronqué";
        /// A list that changes at every look.
        WrittenMeanwhile { path: String }
            en "{path}: it was written while it was read"
            fr "{path} a été écrit pendant sa lecture";
        /// What is behind a path that cannot be followed to its end.
        Behind { path: String, why: Box<Reason> }
            en "{path}: {why}"
            fr "{path} : {why}";
        /// Indexes and headers that the system refuses to read.
        IndexesUnread { count: usize, first: Vec<Reason> }
            en "{count} index(es) or header(s) could not be read: {first}"
            fr "{count} index ou en-tête(s) n’ont pas pu être lus : {first}";
        /// Folders of the spool that could not be walked through.
        SpoolUnread { count: usize, first: Vec<Reason> }
            en "{count} place(s) of the spool could not be read: {first}"
            fr "{count} endroit(s) du spool n’ont pas pu être lus : {first}";
        /// A place of the spool that the system refuses to read.
        PlaceUnread { path: String, error: String }
            en "IO error for operation on {path}: {error}"
            fr "{path} n’a pas pu être lu : {error}";
        /// A link below a partition, which may lead anywhere.
        NotFollowed { path: String }
            en "{path}: a symbolic link, which is not followed"
            fr "{path} est un lien symbolique, qui n’est pas suivi";
        /// More than is ever looked at.
        TooMany { path: String, limit: usize }
            en "{path}: more than {limit} files and folders"
            fr "{path} contient plus de {limit} fichiers et dossiers";
        /// Deeper than is ever looked into.
        TooDeep { path: String }
            en "{path}: too deep a folder"
            fr "{path} est un dossier trop profond";
        /// Nobody read the indexes to the end.
        NotGathered
            en "the messages were not gathered"
            fr "les messages n’ont pas été rassemblés";
        /// Mailboxes some of whose messages are not counted.
        MessagesUntold { count: usize, first: Vec<Reason> }
            en "the messages of {count} mailbox(es) could not all be told: {first}"
            fr "les messages de {count} boîte(s) n’ont pas tous pu être comptés : {first}";
        /// A mailbox whose index is not sound.
        IndexNotSound { name: String, state: String }
            en "{name} (index: {state})"
            fr "{name} (index : {state})";
        /// A mailbox that lies nobody knows where.
        NoPartition { name: String }
            en "{name} (its partition is not defined)"
            fr "{name} (sa partition n’est pas définie)";
        /// Messages that cannot be looked for in the shard.
        WithoutGuid { name: String, messages: u64 }
            en "{name} ({messages} message(s) without GUID)"
            fr "{name} ({messages} message(s) sans GUID)";
        /// A mailbox that the shard cannot be asked for.
        WithoutUniqueId { name: String }
            en "{name} (it has no UNIQUEID)"
            fr "{name} (elle n’a pas de UNIQUEID)";
        /// There are more than were named.
        AndOthers
            en "…"
            fr "…";
        /// More messages than are listed one by one.
        MessagesLeftOut { messages: u64 }
            en "{messages} more messages are left out: message_replication counts them all"
            fr "{messages} autres messages sont laissés de côté : message_replication les compte tous";
        /// The same of messages that are not found.
        UnfoundLeftOut { messages: u64 }
            en "{messages} more messages are left out: unfound_folder counts them all"
            fr "{messages} autres messages sont laissés de côté : unfound_folder les compte tous";
        /// A message of which it depends on the order of its records whether it is found.
        OrderUntold { guid: String }
            en "{guid} (the order of its records cannot be told)"
            fr "{guid} (l’ordre de ses enregistrements ne peut pas être établi)";
        /// Folders whose files could not be looked for.
        FilesUntold { count: usize, first: Vec<Reason> }
            en "the files of {count} folder(s) or message(s) could not be looked for: {first}"
            fr "les fichiers de {count} dossier(s) ou message(s) n’ont pas pu être cherchés : {first}";
        /// No place for what memory does not hold.
        Sorting { folder: String, error: String }
            en "sorting messages in {folder}: {error}"
            fr "le tri des messages dans {folder} a échoué : {error}";
    }
}

//! The tables on how far a backend is replicated.

use super::differ::{Difference, Kind};
use super::shard::Replica;
use crate::fact::{enumeration, table};

table! {
    /// The messages in the cyrus.index of every live mailbox beside `t_message_body` of the shard of the same server,
    /// compared message by message: a message is known by its GUID, the SHA-1 of its file. Only messages count that users
    /// have: neither expunged nor unlinked ones, and no mailbox that waits for its purge. The indexes are read first, the
    /// shard after them.
    pub(in crate::collect) struct MessageReplication: "message_replication",
        "a live mailbox or folder in Cyrus that holds messages", Backend
    {
        /// internal name, such as `bm.lan!user.john^doe.Sent`
        name: String as key,
        /// internal name of the mailbox it belongs to: `bm.lan!user.john^doe`
        root_name: String as key,
        /// messages in it
        messages: u64,
        /// the same, one that is in it several times counted once
        distinct_messages: u64,
        /// distinct messages that the shard has no body of
        missing: u64,
        /// of these, those whose record was written less than ten minutes before the collection
        missing_recent: u64,
        /// when a message last came in; null when the index does not say
        last_append_at: Option<u32>,
        /// when the record of a missing message was last written; null without one
        newest_missing_at: Option<u32>,
    }
}

table! {
    /// The same as `message_replication`, of a mail backend as a whole: a message that is in several mailboxes counts once,
    /// as in the shard.
    pub(in crate::collect) struct ReplicationProgress: "replication_progress", "a mail backend", Backend {
        /// messages of its live mailboxes, each counted once
        distinct_messages: u64,
        /// distinct messages that the shard has no body of
        missing: u64,
        /// of these, those all of whose records were written less than ten minutes before the collection
        missing_recent: u64,
        /// rows of `t_message_body`, those too whose GUID is none
        bodies: u64,
        /// message files that the indexes account for, expunged messages and mailboxes that wait for their purge included:
        /// what counting the files of the data and archive trees gives, give or take what belongs to nobody
        spool_files: u64,
    }
}

table! {
    /// The folders of Cyrus beside those of the shard of the same server (`t_mailbox_replica`), and the records of each
    /// (cyrus.index, `t_mailbox_record`), compared by UNIQUEID and UID: what Outlook, phones and search show is what the
    /// shard has. Cyrus is read first, then the shard, then Cyrus once more where the two differ: a difference counts where
    /// both looks show it and Cyrus' side of it is older than ten minutes. Folders deleted on both sides are left out.
    pub(in crate::collect) struct FolderReplication: "folder_replication",
        "a live folder in Cyrus, or a folder of the shard that is none in Cyrus", Backend
    {
        /// Cyrus' UNIQUEID, by which the shard too knows the folder
        unique_id: String as key,
        /// internal name in Cyrus, as in `cyrus_mailbox`; null where it is no live folder there
        name: Option<String> as key,
        /// internal name of the mailbox it belongs to; null where it is no live folder in Cyrus
        root_name: Option<String> as key,
        /// where it is: `recent` when it was made or deleted in Cyrus within ten minutes, and the shard does not show that
        state: FolderState,
        /// uid of the mailbox that owns it in the shard; null where the shard does not have it
        mailbox_uid: Option<String> as key,
        /// uid of that mailbox's domain
        domain_uid: Option<String>,
        /// full path in the shard, as in `folder`
        path: Option<String>,
        /// messages in Cyrus: records neither expunged nor unlinked
        messages: u64,
        /// live records in the shard
        records: u64,
        /// messages of Cyrus that the shard has no record of in this folder
        missing: u64,
        /// of these, those whose body the shard has
        missing_with_body: u64,
        /// messages of Cyrus whose record is expunged in the shard
        expunged_in_shard: u64,
        /// messages under whose UID the shard has another message: its GUID differs
        other_content: u64,
        /// live records of the shard whose UID Cyrus does not have
        surplus: u64,
        /// live records of the shard whose message is expunged in Cyrus
        expunged_in_cyrus: u64,
        /// messages that their owner has read on one side alone; null where the index does not tell what the owner has read
        seen_differs: Option<u64>,
        /// differences of the last ten minutes, which none of the counts has
        recent: u64,
        /// when the last of the missing messages, or of those expunged in the shard, came in; null without one
        newest_missing_at: Option<u32>,
    }
}

enumeration! {
    /// Where a folder is.
    pub(in crate::collect) enum FolderState {
        Replicated = "replicated",
        Recent = "recent",
        /// The shard has never had it.
        Missing = "missing",
        DeletedInShard = "deleted_in_shard",
        DeletedInCyrus = "deleted_in_cyrus",
        /// Live in the shard, and Cyrus does not have it, not even as a deleted one.
        Unknown = "unknown",
    }
}

table! {
    /// The messages that `folder_replication` and `message_replication` count as different, one by one; of more than 100 000
    /// of a server, as many. What was read on one side alone is counted only.
    pub(in crate::collect) struct MessageDifference: "message_difference",
        "a message of a live folder in Cyrus, or a record of the shard in such a folder, that the other side does not have",
        Backend
    {
        /// internal name of the folder
        name: String as key,
        /// UID in the folder
        uid: u32,
        /// the GUID in Cyrus, that of the shard where Cyrus has no record: 40 hexadecimal digits in lower case, which are also
        /// the SHA-1 of its file in the spool
        guid: String as key,
        /// what is wrong with it
        difference: Wrong,
    }
}

enumeration! {
    /// What is wrong with a message.
    pub(in crate::collect) enum Wrong {
        WithoutRecord = "without_record",
        /// Neither record nor body.
        WithoutBoth = "without_record_and_body",
        WithoutBody = "without_body",
        ExpungedInShard = "expunged_in_shard",
        OtherContent = "other_content",
        Surplus = "surplus",
        ExpungedInCyrus = "expunged_in_cyrus",
    }
}

table! {
    /// What looking for the file of every record of the shard gave, where BlueMind 5 looks for it: at a path that it computes
    /// from server, domain, mailbox and folder, in the data tree and then in the archive. Its own store (`by_hash`) is not
    /// looked at: 4 has none. Records of mailboxes that are on another server by now are left out.
    pub(in crate::collect) struct RecordLookup: "record_lookup", "a mail backend", Backend {
        /// folders that hold live records
        folders: u64,
        /// live records in them: neither expunged nor in a folder that is deleted
        records: u64,
        /// of these, those that BlueMind 5 would not show
        unfound: u64,
    }
}

table! {
    /// The folders of the shard some of whose messages BlueMind 5 would not show. The shard is read first, then the files, and
    /// what seems to be missing is looked at once more on both sides.
    pub(in crate::collect) struct UnfoundFolder: "unfound_folder", "a folder with messages that are not found", Backend {
        /// Cyrus' UNIQUEID, as in `folder`
        unique_id: String as key,
        /// uid of the mailbox that owns it
        mailbox_uid: String as key,
        /// uid of that mailbox's domain
        domain_uid: Option<String>,
        /// full path in the shard, as in `folder`; null where there are records without a folder
        path: Option<String>,
        /// how far BlueMind 5 comes with it
        place: FolderPlace,
        /// partition that it computes; null without a mailbox
        partition: Option<String>,
        /// folder in the data tree that it computes; null where it computes none
        directory: Option<String>,
        /// live records
        records: u64,
        /// of these, those of whose message no record has a file that is there and not empty
        without_file: u64,
        /// of these, those whose message has a file by another record than the one that is gone by
        other_first: u64,
    }
}

enumeration! {
    /// How far BlueMind 5 comes with a folder.
    pub(in crate::collect) enum FolderPlace {
        /// To a directory.
        Known = "known",
        /// The folder is not among those of its mailbox: records are all that there is.
        NoFolder = "no_folder",
        /// Its name, or that of its domain, leads to none.
        NoPath = "no_path",
    }
}

table! {
    /// The messages that `unfound_folder` counts, one by one; of more than 100 000 of a server, as many.
    pub(in crate::collect) struct UnfoundMessage: "unfound_message", "a record whose message is not found", Backend {
        /// Cyrus' UNIQUEID of its folder
        unique_id: String as key,
        /// UID in the folder
        uid: u32,
        /// the GUID: 40 hexadecimal digits in lower case, which are also the SHA-1 of its file
        guid: String as key,
        /// why it is not found
        why: Unfound,
    }
}

enumeration! {
    /// Why a message is not found.
    pub(in crate::collect) enum Unfound {
        /// None of its records has a file.
        WithoutFile = "without_file",
        /// The record that is gone by has none, another one has.
        OtherFirst = "other_first",
    }
}

impl FolderReplication {
    /// A folder of which nothing is known but its id and where it is.
    pub(super) fn of(unique_id: &str, state: FolderState) -> Self {
        Self {
            unique_id: unique_id.to_owned(),
            name: None,
            root_name: None,
            state,
            mailbox_uid: None,
            domain_uid: None,
            path: None,
            messages: 0,
            records: 0,
            missing: 0,
            missing_with_body: 0,
            expunged_in_shard: 0,
            other_content: 0,
            surplus: 0,
            expunged_in_cyrus: 0,
            seen_differs: None,
            recent: 0,
            newest_missing_at: None,
        }
    }

    /// The same, as the shard knows it.
    pub(super) fn in_shard(self, replica: &Replica) -> Self {
        let Replica { mailbox_uid, domain_uid, path, .. } = replica.clone();
        Self { mailbox_uid: Some(mailbox_uid), domain_uid, path: Some(path), ..self }
    }

    /// Counts a difference.
    pub(super) fn count(&mut self, difference: &Difference) {
        let count = match difference.kind {
            Kind::Missing => &mut self.missing,
            Kind::ExpungedInShard => &mut self.expunged_in_shard,
            Kind::OtherContent => &mut self.other_content,
            Kind::Surplus => &mut self.surplus,
            Kind::ExpungedInCyrus => &mut self.expunged_in_cyrus,
            Kind::Seen => self.seen_differs.get_or_insert_default(),
        };
        *count += 1;
        if matches!(difference.kind, Kind::Missing | Kind::ExpungedInShard) {
            self.newest_missing_at = self.newest_missing_at.max(difference.written_at);
        }
    }
}

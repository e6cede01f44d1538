//! The records of a `cyrus.index`, counted.

use super::Record;

/// What the records of a file amount to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Neither expunged nor unlinked: what users have.
    pub existing: u64,
    /// Expunged, the file still there: what can be brought back.
    pub expunged: u64,
    /// The file removed or about to be, expunged as a rule.
    pub unlinked: u64,
    /// Not expunged, unlinked or not: what the header counts as `exists`.
    pub not_expunged: u64,
    /// Existing ones in the archive partition.
    pub archived: u64,
    /// Records with a wrong CRC, counted above all the same.
    pub damaged: u64,
    /// Records with a UID that is not higher than the one before.
    pub out_of_order: u64,
    /// Highest UID.
    pub highest_uid: u32,
}

impl Tally {
    /// Counts the next record.
    pub fn add(&mut self, record: &Record) {
        let (flags, one) = (record.flags, |is: bool| u64::from(is));
        let is_existing = !flags.is_expunged() && !flags.is_unlinked();
        self.out_of_order += one(self.records > 0 && record.uid <= self.highest_uid);
        self.records += 1;
        self.existing += one(is_existing);
        self.expunged += one(flags.is_expunged() && !flags.is_unlinked());
        self.unlinked += one(flags.is_unlinked());
        self.not_expunged += one(!flags.is_expunged());
        self.archived += one(is_existing && flags.is_archived());
        self.damaged += one(!record.crc.is_right());
        self.highest_uid = self.highest_uid.max(record.uid);
    }
}

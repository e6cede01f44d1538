//! Why something of a backend's Cyrus is not known.

use super::reasons;

reasons! {
    /// Why something of a backend's Cyrus is not known.
    Cyrus {
        /// Cyrus does not start without it.
        NoConfigDirectory { path: String }
            en "{path}: no configdirectory"
            fr "{path} ne définit pas configdirectory";
    }
}

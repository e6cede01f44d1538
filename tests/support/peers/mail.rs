//! The mail services of BlueMind's servers, as far as they greet.

use super::socket::{Peer, saying};

/// Cyrus' imapd (`imap/imapd.c` of Cyrus 3.0, `cmdloop`).
pub(crate) fn imap() -> Peer {
    saying(b"* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE AUTH=PLAIN SASL-IR] mail Cyrus IMAP 3.0.8 server ready\r\n")
}

/// Cyrus' lmtpd (`imap/lmtpengine.c` of Cyrus 3.0, `lmtpmode`).
pub(crate) fn cyrus_lmtp() -> Peer {
    saying(b"220 mail Cyrus LMTP 3.0.8 server ready\r\n")
}

/// bm-lmtpd, whose greeting is that of any LMTP server (RFC 2033).
pub(crate) fn lmtp() -> Peer {
    saying(b"220 mail LMTP ready\r\n")
}

/// bm-core where it takes replications: `ReplicationSession` of `net.bluemind.backend.cyrus.replication.server`.
pub(crate) fn replication() -> Peer {
    saying(b"* SASL PLAIN\r\n* STARTTLS\r\n* X-REPLICATION\r\n* OK syncsrv BlueMind sync server v4.1.43922\r\n")
}

/// Cyrus' sync_server (`imap/sync_server.c` of Cyrus 3.0, `dobanner`).
pub(crate) fn sync_server() -> Peer {
    saying(b"* SASL PLAIN\r\n* COMPRESS DEFLATE\r\n* OK mail Cyrus sync server 3.0.8\r\n")
}
